/** Rows for programs: plain digits, no units, one row at a time. */
import type { Cell, SqlColumn } from "../dataset/result.ts";
import { printable } from "../figures/text.ts";
import { isNumeric, plainText } from "./cell-text.ts";

export interface RowFormat {
	/** Before the first row. */
	head(columns: readonly SqlColumn[]): string;
	/** @param index 0 for the first row of all */
	row(columns: readonly SqlColumn[], cells: readonly Cell[], index: number): string;
	/** @param rows number of all rows */
	tail(rows: number): string;
}

/**
 * Comma-separated values with the quoting of RFC 4180. Lines end with LF, as the tools of Unix expect. NULL is
 * empty, an empty text is "".
 * @param screen the reader is a terminal: control characters of the trace are escaped instead of sent
 */
export function csv(screen = false): RowFormat {
	const text = (t: string): string => (screen ? printable(t) : t);
	return {
		head: (columns) => `${columns.map((c) => csvField(text(c.name))).join(",")}\n`,
		row: (_, cells) => `${cells.map((v) => (isUnknown(v) ? "" : csvField(text(plainText(v))))).join(",")}\n`,
		tail: () => "",
	};
}

/** NULL; and the infinite and undefined numbers that a query can make (a dataset has none). */
const isUnknown = (v: Cell): boolean => v === null || (typeof v === "number" && !Number.isFinite(v));

/** One field, quoted where it must be, and where a reader could trim it. */
export function csvField(text: string): string {
	return text === "" || /[",\s]/.test(text) ? quoted(text) : text;
}

const quoted = (text: string): string =>
	text === "" || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

/** An array of objects, one a line. 64-bit integers are written in full digits; what is not finite is null. */
export function json(): RowFormat {
	let keys: readonly string[] = [];
	return {
		head: (columns) => {
			keys = columns.map((c) => `${jsonText(c.name)}:`);
			return "[";
		},
		row: (columns, cells, index) => {
			let text = index === 0 ? "\n{" : ",\n{";
			for (let k = 0; k < cells.length; k++)
				text += (k === 0 ? "" : ",") + keys[k] + jsonValue(cells[k]!, columns[k]!.type);
			return `${text}}`;
		},
		tail: (rows) => (rows === 0 ? "]\n" : "\n]\n"),
	};
}

/** JSON.stringify, and what a terminal would obey or hide as \u escapes too. */
export function jsonText(text: string): string {
	// Nearly all names: nothing to escape.
	if (/^[ !#-[\]-~]*$/.test(text)) return `"${text}"`;
	return JSON.stringify(text).replace(
		/[\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
		(ch) => `\\u${ch.charCodeAt(0).toString(16).padStart(4, "0")}`,
	);
}

/** A value as JSON; BIGINT as a number of all its digits. */
export function jsonValue(value: Cell, type = ""): string {
	if (value === null) return "null";
	switch (typeof value) {
		case "bigint":
			return value.toString();
		case "number":
			return Number.isFinite(value) ? String(value) : "null";
		case "boolean":
			return String(value);
		case "string":
			// DECIMAL arrives as text of its digits.
			return isNumeric(type) ? value : jsonText(value);
	}
	if (Array.isArray(value)) return `[${value.map((v) => jsonValue(v)).join(",")}]`;
	return `{${Object.entries(value)
		.map(([k, v]) => `${jsonText(k)}:${jsonValue(v)}`)
		.join(",")}}`;
}
