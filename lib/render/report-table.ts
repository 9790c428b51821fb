/** A report's table as text, the same for terminal and page: one unit and one number of decimals for each column. */
import { columnFormat, group, hex, type Numeric, type NumericQuantity } from "../figures/numbers.ts";
import { printable } from "../figures/text.ts";
import type { Quantity, TableBlock, TableColumn, Value } from "../reports/document.ts";

export interface FormattedColumn {
	readonly key: string;
	readonly label: string;
	/** For the head; "" where there is none. */
	readonly unit: string;
	/** Numbers stand right. */
	readonly right: boolean;
	/** Monospaced: addresses, symbols, commands. */
	readonly code: boolean;
	/** It orders the rows, descending. */
	readonly sorted: boolean;
	/** Its numbers have a bar behind them. */
	readonly bar: boolean;
	readonly doc: string | undefined;
}

export interface FormattedTable {
	readonly columns: readonly FormattedColumn[];
	/** By row, then column. */
	readonly rows: readonly (readonly string[])[];
	/** What the texts were made of, for sorting and exact tooltips. */
	readonly values: readonly (readonly Value[])[];
	/** Length of the bars, 0 to 1; null where a cell has none. */
	readonly bars: readonly (readonly (number | null)[])[];
	/** By row: it is as it should be, and is shown grey. */
	readonly expected: readonly boolean[];
	readonly total: readonly string[] | null;
	/** "9 of 24 rows", where the table is cut. */
	readonly more: string | null;
}

const words: ReadonlySet<Quantity> = new Set(["name", "code", "text"]);
/** Its values are words: they stand left. */
export const isWord = (q: Quantity): q is "name" | "code" | "text" => words.has(q);

/** Formats a table of a report. */
export function formatTable(block: TableBlock): FormattedTable {
	const pick = (row: Readonly<Record<string, Value>>, key: string): Value => row[key] ?? null;
	const values = block.rows.map((row) => block.columns.map((c) => pick(row, c.key)));
	const writers = block.columns.map((column, k) =>
		writer(column, [...values.map((v) => v[k]!), ...(block.total ? [pick(block.total, column.key)] : [])]),
	);
	// A row that sums the others would dwarf the bars of all.
	const single = block.others ? values.slice(0, -1) : values;
	const scales = block.columns.map((column, k) =>
		barScale(
			column,
			single.map((v) => v[k]!),
		),
	);
	return {
		columns: block.columns.map((c, k) => ({
			key: c.key,
			label: c.label,
			unit: writers[k]!.unit,
			right: !isWord(c.quantity),
			code: c.quantity === "code",
			sorted: block.sortedBy === c.key,
			bar: c.bar !== undefined,
			doc: c.doc,
		})),
		rows: values.map((row) => row.map((v, k) => writers[k]!.write(v))),
		values,
		expected: values.map((_, r) => block.expected?.includes(r) === true),
		bars: values.map((row, r) => row.map((v, k) => (r < single.length ? share(v, scales[k]!) : null))),
		// A column that has no sum stays empty: not unknown, and not "no such value".
		total: block.total
			? block.columns.map((c, k) =>
					c.key in block.total! ? writers[k]!.write(block.total![c.key]!) : k === 0 ? "all" : "",
				)
			: null,
		more:
			block.available > single.length ? `${group(single.length)} of ${group(block.available)} rows` : null,
	};
}

interface Writer {
	readonly unit: string;
	write(value: Value): string;
}

function writer(column: TableColumn, values: readonly Value[]): Writer {
	const { quantity } = column;
	if (isWord(quantity)) return { unit: "", write: wordText };
	// "≥ 2.00 s" and the like are words that a report has made: they stay as they are.
	const numbers = values.filter((v): v is number | bigint => typeof v === "number" || typeof v === "bigint");
	const format = columnFormat(numbers, quantity satisfies NumericQuantity);
	return {
		unit: format.unit,
		write: (v) =>
			typeof v === "boolean" || (typeof v === "string" && v !== "-")
				? wordText(v)
				: format.format(v as Numeric),
	};
}

/** Words of a table; what is not known is said so. Addresses are hexadecimal. */
function wordText(value: Value): string {
	if (value === null) return "unknown";
	if (value === "-") return "–";
	if (typeof value === "boolean") return value ? "yes" : "no";
	return typeof value === "bigint" ? hex(value) : printable(String(value));
}

function barScale(column: TableColumn, values: readonly Value[]): number | null {
	if (column.bar === undefined) return null;
	if (column.bar === "100") return 100;
	const max = values.reduce<number>((m, v) => Math.max(m, magnitude(v) ?? 0), 0);
	return max > 0 ? max : null;
}

const magnitude = (v: Value): number | null =>
	typeof v === "number" || typeof v === "bigint" ? Math.abs(Number(v)) : null;

function share(value: Value, scale: number | null): number | null {
	const size = magnitude(value);
	return size === null || scale === null ? null : Math.min(1, size / scale);
}
