import { inspect } from "node:util";
import type { MimeBundle } from "../../lib/schema/mime.ts";

/** The first rows of something tabular. */
export interface Preview {
	readonly columns: readonly string[];
	/** One array of values per row, in the order of the columns. */
	readonly rows: readonly (readonly unknown[])[];
	/** Rows that exist; undefined if only known to be more than shown. */
	readonly total: number | undefined;
}

/** Characters of one value. */
const valueLength = 200;

/** HTML table (class names of Jupyter's own style apply) and aligned text. */
export function previewBundle(preview: Preview): MimeBundle {
	return { "text/plain": previewText(preview), "text/html": previewHtml(preview) };
}

function counted({ rows, total }: Preview): string {
	const n = (count: number) => count.toLocaleString("en");
	if (total === undefined) return `${n(rows.length)} rows, more exist`;
	return rows.length < total
		? `${n(rows.length)} of ${n(total)} rows`
		: `${n(total)} ${total === 1 ? "row" : "rows"}`;
}

function isNumber(value: unknown): boolean {
	return typeof value === "number" || typeof value === "bigint";
}

/** Numbers stand at the right, in columns that have nothing else. */
function numeric(preview: Preview): boolean[] {
	return preview.columns.map(
		(_, k) =>
			preview.rows.some((row) => isNumber(row[k])) &&
			preview.rows.every((row) => row[k] == null || isNumber(row[k])),
	);
}

function valueText(value: unknown): string {
	if (value === null || value === undefined) return "";
	const text =
		typeof value === "object"
			? inspect(value, { depth: 2, breakLength: Number.POSITIVE_INFINITY })
			: String(value);
	return text.length > valueLength ? `${text.slice(0, valueLength - 1)}…` : text;
}

function previewText(preview: Preview): string {
	// A control character of a name from the trace never reaches a terminal.
	const clean = (text: string) =>
		text.replace(
			/[\u0000-\u001f\u007f-\u009f]/g,
			(c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`,
		);
	const lines = [preview.columns, ...preview.rows.map((row) => row.map(valueText))].map((line) =>
		line.map(clean),
	);
	const right = numeric(preview);
	const width = preview.columns.map((_, k) => Math.max(...lines.map((line) => line[k].length)));
	const text = lines.map((line) =>
		line
			.map((value, k) => (right[k] ? value.padStart(width[k]) : value.padEnd(width[k])))
			.join("  ")
			.trimEnd(),
	);
	return [...text, counted(preview)].join("\n");
}

/** Names in a trace are chosen by whoever ran there: nothing of them may become markup, or a formula (`$`). */
export function escapeHtml(text: string): string {
	const entities: Record<string, string> = {
		"&": "&amp;",
		"<": "&lt;",
		">": "&gt;",
		'"': "&quot;",
		"'": "&#39;",
		$: "&#36;",
	};
	return text.replace(/[&<>"'$]/g, (c) => entities[c]);
}

function previewHtml(preview: Preview): string {
	const right = numeric(preview);
	const align = (k: number) => (right[k] ? ' style="text-align:right"' : ' style="text-align:left"');
	const head = preview.columns
		.map((name, k) => `<th scope="col"${align(k)}>${escapeHtml(name)}</th>`)
		.join("");
	const body = preview.rows
		.map(
			(row) =>
				`<tr>${row.map((value, k) => `<td${align(k)}>${escapeHtml(valueText(value))}</td>`).join("")}</tr>`,
		)
		.join("");
	return `<table><caption style="text-align:left">${counted(preview)}</caption><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`;
}
