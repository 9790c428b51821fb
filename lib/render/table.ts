/** The result of a query as a table of the terminal. */
import type { Cell, SqlColumn, SqlResult } from "../dataset/result.ts";
import { group } from "../figures/numbers.ts";
import { displayWidth, ellipsis, padEnd, padStart, printable, wrap } from "../figures/text.ts";
import { cellText, isNumeric } from "./cell-text.ts";
import { type Ink, plain } from "./ink.ts";

/** More rows than this are cut: the first and the last are shown. */
const MAX_ROWS = 40;
const FIRST = 20;
const LAST = 5;
/** A column is not wider than this unless there is room. */
const WIDE_TEXT = 60;
const BETWEEN = 3;
const EDGES = 4;

/** Rows to show out of any number that passes by; holds no more than MAX_ROWS of them. */
export class RowSample {
	private readonly first: Cell[][] = [];
	private last: Cell[][] = [];
	/** Rows that passed. */
	count = 0;

	add(result: SqlResult): void {
		const data = result.columns.map((c) => result.column(c.name));
		const row = (r: number): Cell[] => data.map((values) => values[r] as Cell);
		const { rowCount } = result;
		let r = 0;
		for (; r < rowCount && this.first.length < MAX_ROWS; r++) this.first.push(row(r));
		for (r = Math.max(r, rowCount - LAST); r < rowCount; r++) this.last.push(row(r));
		this.last = this.last.slice(-LAST);
		this.count += rowCount;
	}

	/** `cut`: after how many of the rows some are missing; null: they are all there. */
	rows(): { readonly rows: readonly (readonly Cell[])[]; readonly cut: number | null } {
		if (this.count <= MAX_ROWS) return { rows: this.first, cut: null };
		// The last rows of all may still be among the first forty.
		const tail = [...this.first.slice(FIRST), ...this.last].slice(-LAST);
		return { rows: [...this.first.slice(0, FIRST), ...tail], cut: FIRST };
	}
}

export interface BoxOptions {
	/** Columns of the terminal. Default 100. */
	readonly width?: number;
	readonly ink?: Ink;
	/** Draw with + - | only. */
	readonly ascii?: boolean;
	/** Rows that exist, where the result holds only the first of them. null: more, number unknown. */
	readonly available?: number | null;
}

/**
 * Names, types beneath, numbers right. A table that is too wide loses columns from the right, and a line below says
 * which; a table of more than 40 rows shows the first 20 and the last 5, and says so.
 * @returns lines that end with a newline
 */
export function resultTable(result: SqlResult, options: BoxOptions = {}): string {
	const sample = new RowSample();
	sample.add(result);
	return boxTable(result.columns, sample, options);
}

/** As resultTable, for rows that passed by in pieces. */
export function boxTable(columns: readonly SqlColumn[], sample: RowSample, options: BoxOptions = {}): string {
	const { width = 100, ink = plain, ascii = false } = options;
	const { rows, cut } = sample.rows();
	if (isPlan(columns)) return plan(rows);
	const glyphs = ascii ? asciiGlyphs : boxGlyphs;
	const cells = rows.map((row) => row.map((value, k) => cellText(value, columns[k]!.type)));
	const heads = columns.map((c) => [printable(c.name), c.type]);
	const natural = columns.map((_, k) =>
		Math.max(
			...heads[k]!.map(displayWidth),
			...cells.map((row) => displayWidth(row[k]!)),
			cut === null ? 0 : 1,
		),
	);
	const widths = layout(natural, width);
	const right = columns.map((c) => isNumeric(c.type));
	const shown = widths.length;

	const put = (text: string, k: number): string => {
		const short = ellipsis(text, widths[k]!);
		return right[k] ? padStart(short, widths[k]!) : padEnd(short, widths[k]!);
	};
	const rule = (left: string, middle: string, end: string): string =>
		ink.dim(left + widths.map((w) => glyphs.line.repeat(w + 2)).join(middle) + end);
	const bar = ink.dim(glyphs.bar);
	const line = (texts: readonly string[]): string => `${bar} ${texts.join(` ${bar} `)} ${bar}`;
	const indexes = Array.from({ length: shown }, (_, k) => k);

	const lines = [
		rule(...glyphs.top),
		line(indexes.map((k) => ink.bold(put(heads[k]![0]!, k)))),
		line(indexes.map((k) => ink.dim(put(heads[k]![1]!, k)))),
		rule(...glyphs.middle),
	];
	cells.forEach((row, r) => {
		if (r === cut) lines.push(line(indexes.map((k) => ink.dim(put(glyphs.cut, k)))));
		lines.push(line(indexes.map((k) => (rows[r]![k] === null ? ink.dim(put(row[k]!, k)) : put(row[k]!, k)))));
	});
	lines.push(rule(...glyphs.bottom));
	const available = options.available === undefined ? sample.count : options.available;
	if (cut !== null || available !== sample.count)
		lines.push(
			`${rows.length} of ${available === null ? `${group(sample.count)} or more` : group(available)} rows`,
		);
	if (shown < columns.length) {
		const hidden = columns.slice(shown).map((c) => printable(c.name));
		lines.push(...wrap(`not shown for lack of room: ${hidden.join(", ")}`, width));
	}
	return `${lines.join("\n")}\n`;
}

/** Widths of the columns that are shown: long texts give way first, then columns from the right. */
function layout(natural: readonly number[], width: number): number[] {
	const total = (widths: readonly number[]): number =>
		widths.reduce((sum, w) => sum + w, 0) + BETWEEN * (widths.length - 1) + EDGES;
	if (total(natural) <= width) return [...natural];
	const widths = natural.map((w) => Math.min(w, WIDE_TEXT));
	while (widths.length > 1 && total(widths) > width) widths.pop();
	if (total(widths) > width) return [Math.max(1, width - EDGES)];
	// What room is left goes to the columns that were cut, from the left.
	let left = width - total(widths);
	return widths.map((w, k) => {
		const more = Math.min(left, natural[k]! - w);
		left -= more;
		return w + more;
	});
}

/** EXPLAIN answers with drawings of several lines. */
function isPlan(columns: readonly SqlColumn[]): boolean {
	return columns.length === 2 && columns[0]!.name === "explain_key" && columns[1]!.name === "explain_value";
}

function plan(rows: readonly (readonly Cell[])[]): string {
	return rows
		.map((row) =>
			String(row[1])
				.trimEnd()
				.split("\n")
				.map((l) => `${printable(l)}\n`)
				.join(""),
		)
		.join("");
}

interface Glyphs {
	readonly line: string;
	readonly bar: string;
	readonly cut: string;
	readonly top: readonly [string, string, string];
	readonly middle: readonly [string, string, string];
	readonly bottom: readonly [string, string, string];
}
const boxGlyphs: Glyphs = {
	line: "─",
	bar: "│",
	cut: "·",
	top: ["┌", "┬", "┐"],
	middle: ["├", "┼", "┤"],
	bottom: ["└", "┴", "┘"],
};
const plus = ["+", "+", "+"] as const;
const asciiGlyphs: Glyphs = { line: "-", bar: "|", cut: ":", top: plus, middle: plus, bottom: plus };
