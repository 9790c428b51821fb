import { inspect } from "node:util";
import { isNotRecorded, type NotRecorded } from "../../lib/dataset/needs.ts";
import type { SqlResult } from "../../lib/dataset/result.ts";
import type { Figure } from "../../lib/figures/figure.ts";
import type { Report } from "../../lib/reports/document.ts";
import { displaySymbol, isDisplayable, type MimeBundle } from "../../lib/schema/mime.ts";
import { maxFormBytes, maxTextLength } from "./limits.ts";
import { previewBundle } from "./preview.ts";

/** How one kind of value becomes a bundle. */
export interface Recogniser {
	readonly name: string;
	matches(value: object): boolean;
	bundle(value: object): MimeBundle | Promise<MimeBundle>;
}

/** Rows of a frame that are shown. */
const shownRows = 50;

/** An arquero table, as far as needed here (arquero 8, src/table/table.js). */
interface ArqueroTable {
	numRows(): number;
	columnNames(): string[];
	get(name: string, row: number): unknown;
	toArrowIPC(): unknown;
}

/** A Danfo DataFrame or Series (danfojs 1.2, danfojs-base/core/generic). */
interface DanfoFrame {
	readonly $isSeries: boolean;
	readonly shape: readonly number[];
	readonly columns: readonly string[];
	readonly index: readonly (string | number)[];
	readonly values: readonly unknown[];
}

function methods(value: object, ...names: string[]): boolean {
	return names.every((name) => typeof (value as Record<string, unknown>)[name] === "function");
}

/** A plain object of plain values, as the typed queries return them. */
function isFlat(row: unknown): boolean {
	if (typeof row !== "object" || row === null || Object.getPrototypeOf(row) !== Object.prototype)
		return false;
	const values = Object.values(row);
	return (
		values.length > 0 &&
		values.every((value) => value === null || !/object|function|symbol/.test(typeof value))
	);
}

function notRecordedText({ what, cause, events, certain, remedy }: NotRecorded): string {
	const why =
		cause === "collection"
			? "the trace was collected without derived tables"
			: `${events.join(", ")} ${certain ? "was not switched on" : "did not occur, or was not switched on"}`;
	return `${what}: not recorded (${why}).\nTo get it: ${remedy}`;
}

/** The first that matches shows the value; what none matches is shown as text by `inspect`. */
export const recognisers: Recogniser[] = [
	{
		name: "what shows itself",
		matches: isDisplayable,
		bundle: (value) => (value as { [displaySymbol](): MimeBundle })[displaySymbol](),
	},
	{
		// By its shape: the class would bring DuckDB.
		name: "query result",
		matches: (value) => methods(value, "column", "toArquero", "toDanfo") && "rowCount" in value,
		bundle: async (value) => (await import("../../lib/render/notebook.ts")).renderSql(value as SqlResult),
	},
	{
		name: "figure",
		matches: (value) =>
			methods(value, "svg", "text") && "title" in value && "subtitle" in value && "alt" in value,
		bundle: async (value) => (await import("../../lib/figures/mime.ts")).figureBundle(value as Figure),
	},
	{
		name: "report",
		matches: (value) => "keyNumbers" in value && "sections" in value && "statement" in value,
		bundle: async (value) => (await import("../../lib/render/notebook.ts")).renderReport(value as Report),
	},
	{
		name: "answer that was not recorded",
		matches: isNotRecorded,
		bundle: (value) => ({ "text/plain": notRecordedText(value as NotRecorded) }),
	},
	{
		name: "rows",
		matches: (value) => Array.isArray(value) && value.length > 0 && value.slice(0, shownRows).every(isFlat),
		bundle(value) {
			const rows = value as Record<string, unknown>[];
			const shown = rows.slice(0, shownRows);
			const columns = [...new Set(shown.flatMap((row) => Object.keys(row)))];
			return previewBundle({
				columns,
				rows: shown.map((row) => columns.map((name) => row[name])),
				total: rows.length,
			});
		},
	},
	{
		name: "arquero table",
		matches: (value) => methods(value, "numRows", "columnNames", "get", "toArrowIPC"),
		bundle(value) {
			const table = value as ArqueroTable;
			const columns = table.columnNames();
			const shown = Math.min(table.numRows(), shownRows);
			return previewBundle({
				columns,
				// get() follows filter and order of the table.
				rows: Array.from({ length: shown }, (_, r) => columns.map((name) => table.get(name, r))),
				total: table.numRows(),
			});
		},
	},
	{
		name: "Danfo frame",
		matches: (value) => "$isSeries" in value && "$dataIncolumnFormat" in value,
		bundle(value) {
			const frame = value as DanfoFrame;
			const columns = frame.$isSeries ? [frame.columns[0] ?? "value"] : frame.columns;
			const rows = frame.values.slice(0, shownRows);
			return previewBundle({
				columns: ["", ...columns.map(String)],
				rows: rows.map((row, r) => [frame.index[r], ...(frame.$isSeries ? [row] : (row as unknown[]))]),
				total: frame.shape[0],
			});
		},
	},
];

/** Any value as MIME types to content; text/plain is always there. */
export async function toBundle(value: unknown): Promise<MimeBundle> {
	if (typeof value === "object" && value !== null) {
		const recogniser = recognisers.find((r) => r.matches(value));
		if (recogniser !== undefined) return limited(jsonSafe(await recogniser.bundle(value)));
	}
	return limited({
		"text/plain": inspect(value, { depth: 4, maxArrayLength: 100, maxStringLength: maxTextLength }),
	});
}

/** A bundle as a cell gives it (`display.bundle`), made safe to send. */
export function givenBundle(data: Record<string, unknown>): MimeBundle {
	const bundle = jsonSafe({ "text/plain": "", ...data });
	if (data["text/plain"] === undefined) bundle["text/plain"] = `<${Object.keys(data).join(", ")}>`;
	return limited(bundle);
}

/** JSON has no BigInt: one that a double holds exactly becomes a number, another its digits. Binary becomes base64. */
function jsonSafe(bundle: Record<string, unknown>): MimeBundle {
	const safe: Record<string, unknown> = {};
	for (const [mime, content] of Object.entries(bundle)) {
		if (typeof content === "string") safe[mime] = content;
		else if (content instanceof Uint8Array) safe[mime] = Buffer.from(content).toString("base64");
		else if (content !== undefined)
			safe[mime] = JSON.parse(JSON.stringify(content, (_key, v) => (typeof v === "bigint" ? digits(v) : v)));
	}
	return safe as MimeBundle;
}

function digits(value: bigint): number | string {
	const number = Number(value);
	return Number.isSafeInteger(number) ? number : value.toString();
}

/** A frontend that gets too much in one output drops it or hangs. */
function limited(bundle: MimeBundle): MimeBundle {
	const notes: string[] = [];
	const result: MimeBundle = { "text/plain": bundle["text/plain"] };
	for (const [mime, content] of Object.entries(bundle)) {
		if (mime === "text/plain") continue;
		const size = Buffer.byteLength(typeof content === "string" ? content : JSON.stringify(content));
		if (size <= maxFormBytes) result[mime] = content;
		else
			notes.push(
				`[${mime} left out: ${(size / 1e6).toFixed(1)} MB, an output shows at most ${maxFormBytes / 1e6} MB]`,
			);
	}
	const text = result["text/plain"];
	if (text.length > maxTextLength) {
		result["text/plain"] = text.slice(0, maxTextLength);
		notes.push(
			`[output cut: ${text.length.toLocaleString("en")} characters, shown are ${maxTextLength.toLocaleString("en")}]`,
		);
	}
	if (notes.length > 0) result["text/plain"] = [result["text/plain"], ...notes].join("\n");
	return result;
}
