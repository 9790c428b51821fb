/** The table of a report in the columns of a terminal. */
import { displayWidth, ellipsis, padEnd, padStart, printable } from "../figures/text.ts";
import { type Ink, plain } from "./ink.ts";
import type { FormattedTable } from "./report-table.ts";

const INDENT = 1;
const BETWEEN = 2;
/** Lengths that bars can have; the first that fits. */
const BARS = [12, 8, 5];
/** Words are cut to this before a column is left out. */
const NARROW_WORDS = 24;

export interface TableLines {
	readonly lines: readonly string[];
	/** Labels of the columns for which there is no room. */
	readonly hidden: readonly string[];
}

/** Head, rows, total. Words give way first, then bars, then columns from the right. */
export function tableLines(table: FormattedTable, width: number, ink: Ink = plain): TableLines {
	const { columns, rows, expected, total, bars } = table;
	const heads = columns.map((c) =>
		printable([...(c.sorted ? ["▼"] : []), c.label, ...(c.unit === "" ? [] : [c.unit])].join(" ")),
	);
	const all = total === null ? rows : [...rows, total];
	const natural = columns.map((_, k) =>
		Math.max(displayWidth(heads[k]!), ...all.map((row) => displayWidth(row[k]!))),
	);
	const { widths, bar } = layout(natural, table, width);

	const put = (text: string, k: number): string => {
		const short = ellipsis(text, widths[k]!);
		return columns[k]!.right ? padStart(short, widths[k]!) : padEnd(short, widths[k]!);
	};
	const line = (texts: readonly string[], barOf: (k: number) => string): string =>
		(
			" ".repeat(INDENT) +
			widths
				.map((_, k) => put(texts[k]!, k) + (bar > 0 && columns[k]!.bar ? ` ${barOf(k)}` : ""))
				.join(" ".repeat(BETWEEN))
		).trimEnd();
	const noBar = (): string => " ".repeat(bar);
	return {
		lines: [
			ink.dim(line(heads, noBar)),
			...rows.map((row, r) =>
				expected[r]
					? ink.dim(line(row, (k) => barText(bars[r]![k]!, bar, plain)))
					: line(row, (k) => barText(bars[r]![k]!, bar, ink)),
			),
			...(total === null ? [] : [ink.bold(line(total, noBar))]),
		],
		hidden: columns
			.slice(widths.length)
			.map((c) => printable(c.label))
			.filter((label) => label !== ""),
	};
}

function barText(share: number | null, length: number, ink: Ink): string {
	if (share === null) return " ".repeat(length);
	// What is there is seen, be it only as a line.
	const full = share > 0 && share * length < 0.5 ? "▏" : "▇".repeat(Math.round(share * length));
	return full + ink.dim("·".repeat(length - full.length));
}

/** @returns widths of the columns that are shown, and the length of the bars; 0: none */
function layout(
	natural: readonly number[],
	{ columns }: FormattedTable,
	width: number,
): { readonly widths: readonly number[]; readonly bar: number } {
	const total = (widths: readonly number[], bar: number): number =>
		INDENT +
		BETWEEN * (widths.length - 1) +
		widths.reduce((sum, w, k) => sum + w + (bar > 0 && columns[k]!.bar ? bar + 1 : 0), 0);
	const widths = [...natural];
	for (;;) {
		const over = total(widths, BARS.at(-1)!) - width;
		const wide = widths.map((w, k) => (columns[k]!.right || w <= NARROW_WORDS ? 0 : w));
		const widest = wide.indexOf(Math.max(...wide));
		if (over <= 0 || wide[widest] === 0) break;
		widths[widest] = Math.max(NARROW_WORDS, widths[widest]! - over);
	}
	const bar = BARS.find((length) => total(widths, length) <= width) ?? 0;
	while (widths.length > 1 && total(widths, bar) > width) widths.pop();
	if (total(widths, bar) > width) widths[0] = Math.max(1, width - INDENT);
	return { widths, bar };
}
