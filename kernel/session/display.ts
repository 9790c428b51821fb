import { inspect } from "node:util";
import type { SqlResult } from "../../lib/dataset/result.ts";
import type { Figure } from "../../lib/figures/figure.ts";
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
