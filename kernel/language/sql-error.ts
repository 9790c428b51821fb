import { caret } from "../session/errors.ts";
import type { CellError } from "../session/messages.ts";

/**
 * An error of a query as an error of its cell. lib/dataset gives the place as DuckDB does: "LINE 2: …" with a part
 * of the line (cut with "..." where it is long) and, below, a caret.
 * @param firstLine line of the cell (from 0) on which the query starts
 */
export function sqlCellError(error: unknown, cell: string, firstLine: number): CellError {
	const { message, details } = error as { message?: string; details?: readonly string[] };
	const what = message ?? String(error);
	const lines = cell.split("\n");
	const traceback: string[] = [];
	let evalue = what;
	const rest: string[] = [];
	const all = details ?? [];
	for (let i = 0; i < all.length; i++) {
		const place = /^LINE (\d+): (.*)$/.exec(all[i]);
		if (place === null) {
			rest.push(all[i]);
			continue;
		}
		const under = /^(\s*)\^/.exec(all[i + 1] ?? "");
		const number = Number(place[1]) + firstLine;
		const line = lines[number - 1] ?? place[2];
		const shown = place[2].replace(/^\.\.\./, "").replace(/\.\.\.$/, "");
		const begin = Math.max(0, line.indexOf(shown));
		const inShown =
			(under?.[1].length ?? 0) - all[i].length + place[2].length - (place[2].startsWith("...") ? 3 : 0);
		const column = under === null ? 1 : begin + Math.max(0, inShown) + 1;
		evalue = `${number}:${column} - ${what}`;
		traceback.push(...(under === null ? [`    ${line}`] : caret(line, column)));
		if (under !== null) i++;
	}
	return {
		ename: "SqlError",
		evalue,
		traceback: [`SqlError: ${evalue}`, ...traceback, ...rest.map((line) => `  ${line}`)],
	};
}
