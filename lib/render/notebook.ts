/**
 * Results and reports as outputs of a notebook. They read without any style too: JupyterLab strips it from notebooks
 * that it does not trust.
 */
import type { Cell, SqlResult } from "../dataset/result.ts";
import { group } from "../figures/numbers.ts";
import type { Report } from "../reports/document.ts";
import type { MimeBundle } from "../schema/mime.ts";
import { cellText, isNumeric } from "./cell-text.ts";
import { html, type Markup, raw } from "./escape.ts";
import { notebookReportHtml } from "./report-html.ts";
import { resultTable } from "./table.ts";
import { reportText } from "./terminal.ts";

/** Rows of a result that a notebook shows. */
const SHOWN = 50;

/**
 * A query's result: an HTML table and a box table of the first 50 rows.
 */
export function renderSql(result: SqlResult): MimeBundle {
	const shown = Math.min(result.rowCount, SHOWN);
	return {
		"text/html": noMath(resultHtml(result, shown)),
		"text/plain": resultTable(result, { available: result.truncated ? null : result.rowCount }).trimEnd(),
	};
}

/** A report: the page's markup with its own style, and the terminal's text. */
export async function renderReport(report: Report): Promise<MimeBundle> {
	return {
		"text/html": await notebookReportHtml(report),
		"text/plain": reportText(report).trimEnd(),
	};
}

/** "50 of 19 771 rows", "6 rows" */
export function rowsShown(shown: number, result: SqlResult): string {
	const all = `${group(result.rowCount)}${result.truncated ? " or more" : ""} row${result.rowCount === 1 && !result.truncated ? "" : "s"}`;
	return shown < result.rowCount || result.truncated ? `${group(shown)} of ${all}` : all;
}

function resultHtml(result: SqlResult, shown: number): Markup {
	const right = result.columns.map((c) => isNumeric(c.type));
	const align = (k: number): Markup => raw(right[k] ? "text-align:right" : "text-align:left");
	const data = result.columns.map((c) => result.column(c.name));
	const cell = (value: Cell, k: number): Markup =>
		value === null
			? html`<td style="${align(k)};opacity:.6">NULL</td>`
			: html`<td style="${align(k)}">${cellText(value, result.columns[k]!.type)}</td>`;
	const rows = Array.from(
		{ length: shown },
		(_, r) => html`<tr>${data.map((values, k) => cell(values[r] as Cell, k))}</tr>\n`,
	);
	return html`<div class="powerki-result mathjax_ignore tex2jax_ignore" style="overflow-x:auto"><table><caption style="text-align:left">${rowsShown(shown, result)}</caption>
<thead><tr>${result.columns.map((c, k) => html`<th scope="col" style="${align(k)}">${c.name}<br><small style="font-weight:normal">${c.type}</small></th>`)}</tr></thead>
<tbody>
${rows}</tbody></table></div>`;
}

/** Lab's MathJax would set what stands between two dollars; a span between them stops it, and needs no style. */
export function noMath(markup: Markup): string {
	return markup.text.replace(/\$/g, "<span>$</span>");
}
