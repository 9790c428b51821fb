/** One HTML file that needs nothing else: a report, or a notebook with its outputs. */
import { createHash } from "node:crypto";
import type { Report, Statement } from "../reports/document.ts";
import { html, type Markup, raw } from "./escape.ts";
import { HeadingIds } from "./heading-ids.ts";
import { type Attachments, markdownHtml } from "./markdown.ts";
import { type NotebookOutput, outputHtml } from "./outputs.ts";
import { pageScript, themeScript } from "./page-script.ts";
import { contentCss, pageCss } from "./page-style.ts";
import { heading, reportHtml, statementHtml } from "./report-html.ts";

export type PageCell =
	| { readonly type: "markdown"; readonly source: string; readonly attachments?: Attachments }
	| {
			readonly type: "code";
			readonly source: string;
			readonly outputs: readonly NotebookOutput[];
			/** Leave out the code of this one. */
			readonly hideCode?: boolean;
	  };

interface PageFrame {
	/** Title of the window, and heading of a notebook that has none. */
	readonly title: string;
	/** Default "en". */
	readonly lang?: string;
}

export interface NotebookPage extends PageFrame {
	readonly cells: readonly PageCell[];
	readonly statement: Statement;
	/** Leave the code out; default: it is there, folded. */
	readonly hideCode?: boolean;
}

export interface ReportPage extends PageFrame {
	readonly report: Report;
}

/**
 * The page as text: no request, no script that is not in it by hash, readable with scripts off, light and dark. The
 * same input gives the same bytes.
 */
export async function renderPage(page: NotebookPage | ReportPage): Promise<string> {
	const ids = new HeadingIds();
	const [body, statement] =
		"report" in page
			? [await reportHtml(page.report, { level: 1, idPrefix: "" }), page.report.statement]
			: [cellsHtml(page, ids), page.statement];
	const marks = "report" in page ? [page.report.name, host(statement)] : ["notebook", host(statement)];
	const main = withUniqueIds(
		html`${body}
${heading(2, "statement", "Statement", true)}
<div class="pki-card">${statementHtml(statement)}</div>
`.text,
	);
	return document(page, marks, main);
}

function host(statement: Statement): string {
	return statement.traces[0]?.machine.split(",")[0] ?? "";
}

function cellsHtml({ cells, title, hideCode = false }: NotebookPage, ids: HeadingIds): Markup {
	const parts = cells.map((cell) => {
		if (cell.type === "markdown")
			return html`<div class="cell">${markdownHtml(cell.source, ids, cell.attachments)}</div>\n`;
		const code =
			!hideCode && !cell.hideCode && cell.source.trim() !== ""
				? html`<details class="code"><summary>Code</summary><pre><code>${cell.source}</code></pre></details>`
				: null;
		const outputs = cell.outputs.map((o) => outputHtml(o, ids)).filter((o) => o !== null);
		return code === null && outputs.length === 0 ? null : html`<div class="cell">${code}${outputs}</div>\n`;
	});
	return html`${!ids.titled && heading(1, ids.next(title), title, false)}\n${parts}`;
}

/** Headings of ours, in the page itself and in outputs of cells. */
const listedHeading = /<h([1-6]) id="([^"]*)" data-toc>([\s\S]*?)<\/h\1>/g;

/** Two outputs may hold the same report. */
function withUniqueIds(main: string): string {
	const seen = new Map<string, number>();
	return main.replace(listedHeading, (whole, _level, id: string) => {
		const n = (seen.get(id) ?? 0) + 1;
		seen.set(id, n);
		return n === 1 ? whole : whole.replace(`id="${id}"`, `id="${id}-${n}"`);
	});
}

function contents(main: string): Markup {
	const entries = [...main.matchAll(listedHeading)].map(([, level, id, text]) => ({
		level: Number(level),
		id,
		text: text.replace(/<[^>]*>/g, ""),
	}));
	return html`<nav aria-label="Contents"><ol>${entries.map(
		({ level, id, text }) =>
			html`<li${level > 2 && raw(' class="sub"')}><a href="#${raw(id)}">${raw(text)}</a></li>`,
	)}</ol></nav>`;
}

function document(page: PageFrame, marks: readonly string[], main: string): string {
	const script = pageScript();
	const policy = [
		"default-src 'none'",
		`script-src ${[themeScript, script].map(hashSource).join(" ")}`,
		"style-src 'unsafe-inline'",
		"img-src data:",
		"base-uri 'none'",
		"form-action 'none'",
	].join("; ");
	return html`<!doctype html>
<html lang="${page.lang ?? "en"}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${raw(policy)}">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="generator" content="powerki">
<title>${page.title} · powerki</title>
<style>${raw(contentCss)}${raw(pageCss)}</style>
<script>${raw(themeScript)}</script>
</head>
<body class="pki">
<a class="skip" href="#main">Skip to the answer</a>
<header class="top"><b>powerki</b>${marks.filter((m) => m !== "").map((m) => html`<span>${m}</span>`)}<span class="space"></span><button type="button" id="theme" hidden>Dark</button></header>
<div class="frame">
${contents(main)}
<main id="main">
${raw(main)}</main>
</div>
<script type="module">${raw(script)}</script>
</body>
</html>
`.text;
}

function hashSource(script: string): string {
	return `'sha256-${createHash("sha256").update(script).digest("base64")}'`;
}
