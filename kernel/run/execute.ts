import { dirname, resolve } from "node:path";
import { exitCode, Interrupted, PowerkiError } from "../../lib/schema/errors.ts";
import { type CellError, SessionClient } from "../session/client.ts";
import { hasTag, type Notebook } from "./notebook.ts";
import { OutputRecord } from "./outputs.ts";

export interface ExecuteOptions {
	/** Path of the notebook: relative names in cells start from its folder. */
	readonly file: string;
	/** Folder of the dataset that cells see; none: they look for one as lib does. */
	readonly dataset?: string;
	readonly signal?: AbortSignal;
	/** Called before each code cell, with its number and how many there are. */
	readonly onCell?: (number: number, of: number) => void;
}

/**
 * Runs the code cells from a clean start, in order, in one session. The same notebook on the same dataset gives the
 * same result: counts from 1, no times.
 * @throws PowerkiError (cellFailed) at the first cell that fails, with its line; Interrupted by the signal
 */
export async function executeNotebook(notebook: Notebook, options: ExecuteOptions): Promise<Notebook> {
	if (options.signal?.aborted) throw new Interrupted();
	const background: string[] = [];
	const session = SessionClient.start({
		cwd: dirname(resolve(options.file)),
		env: {
			...process.env,
			...(options.dataset === undefined ? {} : { POWERKI_DATASET: resolve(options.dataset) }),
		},
		onBackground: (output) => {
			if (output.output_type === "stream") background.push(output.text);
		},
	});
	// The session would be killed by the next signal anyway: a run that is stopped keeps nothing.
	const stop = () => void session.stop();
	options.signal?.addEventListener("abort", stop, { once: true });
	const outputs = new OutputRecord();
	const counts = new Map<number, number | null>();
	const code = notebook.cells.filter((cell) => cell.cell_type === "code" && cell.source.trim() !== "");
	let number = 0;
	try {
		for (const [index, cell] of notebook.cells.entries()) {
			if (cell.cell_type !== "code" || cell.source.trim() === "") continue;
			number++;
			options.onCell?.(number, code.length);
			// Cells keep the number that they have in the file.
			const counted = !hasTag(cell, "injected-parameters");
			const count = counted ? session.executionCount + 1 : null;
			counts.set(index, count);
			const result = await session.execute(cell.source, (output) => outputs.add(index, output, count), {
				count: counted,
			});
			if (options.signal?.aborted) throw new Interrupted(["no file was written"]);
			if (result.error !== undefined)
				throw cellFailed(options.file, count, cell.source, result.error, background);
		}
	} finally {
		options.signal?.removeEventListener("abort", stop);
		await session.stop();
	}
	return {
		...notebook,
		cells: notebook.cells.map((cell, index) =>
			cell.cell_type === "code"
				? { ...cell, execution_count: counts.get(index) ?? null, outputs: outputs.of(index) }
				: cell,
		),
	};
}

function cellFailed(
	file: string,
	count: number | null,
	source: string,
	error: CellError,
	background: readonly string[],
): PowerkiError {
	const which = count === null ? "the cell of the parameters" : `cell ${count}`;
	const place = placeOf(error, count);
	const details = [
		`${error.ename}: ${place === undefined ? error.evalue : error.evalue.replace(/^\d+:\d+ - /, "")}`,
	];
	if (place !== undefined) {
		const before = `${file}, ${which}, line ${place.line}:  `;
		const line = source.split("\n")[place.line - 1] ?? "";
		details.push(`${before}${line}`);
		details.push(`${" ".repeat(before.length)}${line.slice(0, place.column - 1).replace(/[^\t]/g, " ")}^`);
	} else details.push(`${file}, ${which}: ${source.trim().split("\n")[0]}`);
	details.push(...remarks(error));
	const said = background.join("").trim();
	if (said !== "") details.push(...said.split("\n").slice(-5));
	return new PowerkiError(exitCode.cellFailed, `${which} failed, no file was written`, details);
}

/** Line and column (from 1) in the cell, as the session's errors state them. */
function placeOf(error: CellError, count: number | null): { line: number; column: number } | undefined {
	const direct = /^(\d+):(\d+) - /.exec(error.evalue);
	if (direct !== null) return { line: Number(direct[1]), column: Number(direct[2]) };
	for (const text of error.traceback) {
		const at = /^ {2}at (?:.*, )?cell \[(\d+)\] line (\d+):(\d+)$/.exec(text);
		if (at !== null && Number(at[1]) === count) return { line: Number(at[2]), column: Number(at[3]) };
	}
	return undefined;
}

/** What the error says below its first line, less the place, which is shown already. */
function remarks(error: CellError): string[] {
	return error.traceback
		.slice(1)
		.filter((line) => /^ {2}\S/.test(line) && !/^ {2}at /.test(line))
		.map((line) => line.trim());
}
