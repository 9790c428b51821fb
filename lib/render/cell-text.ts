/** A value of a query's result as text for people. */
import type { Cell } from "../dataset/result.ts";
import { group } from "../figures/numbers.ts";
import { printable } from "../figures/text.ts";

/** Types whose columns stand right. */
export function isNumeric(type: string): boolean {
	return /^(?:U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|DOUBLE|FLOAT|DECIMAL\(.*\))$/.test(type);
}

/** Twelve digits are more than anyone reads, and hide what binary fractions add: 0.1 + 0.2. */
function double(value: number): string {
	return Number.isFinite(value) ? group(String(Number(value.toPrecision(12)))) : String(value);
}

/**
 * Numbers grouped, lists as [a, b], structs as {name: value}, NULL as NULL; characters that would act on a terminal
 * or hide are written as \xNN.
 * @param type SQL type of the column
 */
export function cellText(value: Cell, type = ""): string {
	if (value === null) return "NULL";
	switch (typeof value) {
		case "bigint":
			return group(value);
		case "number":
			return double(value);
		case "boolean":
			return String(value);
		case "string":
			// DECIMAL arrives as text, since no JavaScript number holds it.
			return isNumeric(type) ? group(value) : printable(value);
	}
	if (Array.isArray(value)) return `[${value.map((v) => cellText(v)).join(", ")}]`;
	return `{${Object.entries(value)
		.map(([k, v]) => `${printable(k)}: ${cellText(v)}`)
		.join(", ")}}`;
}

/** The same without grouping: what programs read. NULL is empty, also inside a list `NULL`. */
export function plainText(value: Cell): string {
	if (value === null) return "";
	if (typeof value !== "object") return String(value);
	const inner = (v: Cell) => (v === null ? "NULL" : plainText(v));
	if (Array.isArray(value)) return `[${value.map(inner).join(", ")}]`;
	return `{${Object.entries(value)
		.map(([k, v]) => `${k}: ${inner(v)}`)
		.join(", ")}}`;
}
