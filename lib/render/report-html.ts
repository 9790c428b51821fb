/** A report as HTML: the same markup in the published page and in a notebook. */
import type { Figure } from "../figures/figure.ts";
import { flameGraphModule } from "../figures/flame-graph.client.ts";
import { NNBSP } from "../figures/numbers.ts";
import { notebookThemeCss, tones } from "../figures/palette.ts";
import type {
	Block,
	FigureBlock,
	KeyNumber,
	NoticeBlock,
	Report,
	Section,
	Statement,
	TableBlock,
	Value,
} from "../reports/document.ts";
import { html, type Markup, raw, scriptJson } from "./escape.ts";
import { contentCss } from "./page-style.ts";
import { type FormattedColumn, formatTable } from "./report-table.ts";
import { keyValue } from "./terminal.ts";
import {
	isUnseen,
	lostText,
	observedText,
	recordedMarks,
	remedyLabel,
	statementLines,
	windowText,
} from "./words.ts";

export interface ReportHtmlOptions {
	/** Level of the heading with the answer: 1 in a page of its own, 2 where the page has another title. */
	readonly level: 1 | 2;
	/** Put before the ids of sections, so that two reports can stand in one page. */
	readonly idPrefix: string;
}

/** Colours where no theme of Lab is known. */
const lightCss = `.pki{${Object.entries(tones)
	.map(([name, tone]) => `--pki-${name}:${tone.light}`)
	.join(";")}}`;

/** Starts what answers to clicks, once for each; the output may be put into the page after its script runs. */
const starter = `let tries = 0;
(function start() {
	const found = document.querySelectorAll(".pki-report script[data-pki-model]:not([data-started])");
	if (found.length === 0 && tries++ < 100) setTimeout(start, 50);
	for (const data of found) {
		data.dataset.started = "1";
		render({ model: JSON.parse(data.textContent), el: data.previousElementSibling });
	}
})();`;

/**
 * A report as `text/html` of a notebook: with its style and statement, also readable where Lab strips style, script
 * and pictures from a notebook that it does not trust. Dollars are no formulas there.
 */
export async function notebookReportHtml(report: Report): Promise<string> {
	const body = await reportHtml(report, { level: 2, idPrefix: `${report.name}-` });
	const interactive = report.sections.some((s) =>
		s.blocks.some((b) => b.kind === "figure" && b.figure.interactive !== undefined),
	);
	return html`<div class="pki pki-report mathjax_ignore tex2jax_ignore"><style data-pki>${raw(lightCss + notebookThemeCss(".pki") + contentCss)}</style>
${body}
<details><summary>Statement</summary>${statementHtml(report.statement)}</details>${
		interactive &&
		html`<script type="module">${raw(flameGraphModule())}
${raw(starter)}</script>`
	}</div>`.text;
}

/** All of a report but its statement. */
export async function reportHtml(report: Report, options: ReportHtmlOptions): Promise<Markup> {
	const trace = report.statement.traces[0];
	const sections: Markup[] = [];
	for (const section of report.sections) sections.push(await sectionHtml(section, options));
	return html`<p class="pki-eyebrow">${[report.name, ...(trace ? [trace.machine.split(",")[0], `trace ${trace.trace}`] : [])].join(" · ")}</p>
${heading(options.level, `${options.idPrefix}answer`, report.title, options.level === 2)}
<p class="pki-lead">${report.lead}</p>
${keyNumbers(report.keyNumbers)}
${facts(report)}
${sections}
${
	report.notes.length > 0 &&
	html`${heading(options.level + 1, `${options.idPrefix}notes`, "Notes of the import", true)}
<ul class="pki-notes">${report.notes.map((n) => html`<li>${n}</li>`)}</ul>`
}`;
}

/** A heading; `listed` ones are in the contents list of a page. */
export function heading(level: number, id: string, text: string, listed: boolean): Markup {
	const tag = raw(`h${level}`);
	return html`<${tag} id="${id}"${listed && raw(" data-toc")}>${text}</${tag}>`;
}

function keyNumbers(numbers: readonly KeyNumber[]): Markup | null {
	if (numbers.length === 0) return null;
	return html`<div class="pki-kpis">${numbers.slice(0, 5).map((n) => {
		const [value, unit] = splitUnit(keyValue(n));
		return html`<div><span class="l">${n.label}</span> <span class="v">${value}${unit && html`${NNBSP}<small>${unit}</small>`}</span> <span class="d">${n.base}</span></div>`;
	})}</div>`;
}

function splitUnit(text: string): [string, string | null] {
	const m = /^(.*\d)\u202f([^\d]+)$/.exec(text);
	return m === null ? [text, null] : [m[1], m[2]];
}

/** Machine and window of what was looked at, and what was recorded of it. */
function facts(report: Report): Markup {
	const { traces } = report.statement;
	const fact = (label: string, value: string) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`;
	const { recorded } = report;
	const marks = recordedMarks.flatMap(({ key, mark, label }) =>
		recorded[key].map(
			(what) =>
				html`<li class="${key}"><span title="${label}">${mark}</span> ${what}<span class="pki-vh"> (${label})</span></li>`,
		),
	);
	return html`<div class="pki-card">${traces.map(
		(t) => html`<dl class="pki-facts">
${fact("Machine", t.machine)}${fact("Kernel", t.kernel)}${fact("Trace", t.source)}
${fact("Window", windowText(t))}${fact("Clock", t.clock)}${fact("Trace id", t.trace)}
${fact("Observed", observedText(t))}${fact("Lost", lostText(t))}</dl>`,
	)}
${marks.length > 0 && html`<ul class="pki-recorded">${marks}</ul>`}</div>`;
}

async function sectionHtml(section: Section, options: ReportHtmlOptions): Promise<Markup> {
	const blocks: Markup[] = [];
	for (const block of section.blocks) blocks.push(await blockHtml(block));
	return html`<section>${heading(options.level + 1, options.idPrefix + section.id, section.title, true)}
${blocks}</section>
`;
}

export async function blockHtml(block: Block): Promise<Markup> {
	switch (block.kind) {
		case "table":
			return html`<div class="pki-card pki-tablecard">${tableHtml(block)}</div>\n`;
		case "text":
			return html`${block.text.split(/\n{2,}/).map((p) => html`<p>${p}</p>\n`)}`;
		case "figure":
			return figureBlockHtml(block);
		case "notice":
			return noticeHtml(block);
	}
}

function noticeHtml(notice: NoticeBlock): Markup {
	return html`<div class="pki-notice${isUnseen(notice) && " pki-unseen"}" role="note"><b>${notice.title}</b>
<p>${notice.text}</p>${notice.remedy !== undefined && html`<p>${remedyLabel(notice)} <code>${notice.remedy}</code></p>`}</div>
`;
}

async function figureBlockHtml({ figure, data }: FigureBlock): Promise<Markup> {
	return html`<figure class="pki-card"><figcaption><b>${figure.title}</b> <span>${figure.subtitle}</span></figcaption>
${await pictureHtml(figure)}
${data !== undefined && html`<details><summary>The same as a table</summary>${tableHtml(data)}</details>`}</figure>
`;
}

/** The picture; behind one that answers to clicks stands the model that the page's script gives to its module. */
export async function pictureHtml(figure: Figure): Promise<Markup> {
	// The text is for readers that take the picture away: Lab strips SVG from notebooks that it does not trust.
	return html`<div class="pki-picture">${raw(await figure.svg())}</div>${figure.interactive !== undefined && html`<script type="application/json" data-pki-model="${figure.interactive.module}">${scriptJson(figure.interactive.model)}</script>`}<p class="pki-fallback" aria-hidden="true">${figure.alt}</p>`;
}

/** More rows than this are cut to the first of them. */
const MAX_ROWS = 200;
const FIRST_ROWS = 50;

/** The table, and the query that made it, folded. */
export function tableHtml(block: TableBlock): Markup {
	const cut =
		block.rows.length > MAX_ROWS
			? {
					...block,
					rows: block.rows.slice(0, FIRST_ROWS),
					available: Math.max(block.available, block.rows.length),
				}
			: block;
	const table = formatTable(cut);
	const rows = table.rows.map(
		(texts, r) =>
			html`<tr${table.expected[r] && raw(' class="expected"')}>${texts.map((text, k) => cellHtml(text, table.columns[k], k, table.values[r][k], table.bars[r][k]))}</tr>\n`,
	);
	const total = table.total?.map((text, k) => cellHtml(text, table.columns[k], k, undefined, null));
	return html`<div class="pki-scroll" tabindex="0" role="group" aria-label="${block.caption}"><table class="pki-table"><caption>${block.caption}${table.more !== null && ` (${table.more})`}</caption>
<thead><tr>${table.columns.map(headHtml)}</tr></thead>
<tbody>
${rows}</tbody>${total && html`<tfoot><tr>${total}</tr></tfoot>`}</table></div>${
		block.query !== undefined &&
		html`<details><summary>Query</summary><pre><code>${block.query}</code></pre></details>`
	}`;
}

function headHtml({ label, unit, right, sorted, doc }: FormattedColumn): Markup {
	return html`<th scope="col"${right && raw(' class="n"')}${sorted && raw(' aria-sort="descending"')}${doc !== undefined && html` title="${doc}"`}>${sorted && raw('<i aria-hidden="true">▼ </i>')}${label}${unit !== "" && html` <small>${unit}</small>`}</th>`;
}

/** Longer texts break into lines. */
const NAME_LENGTH = 28;

/** @param value undefined: the cell is none that sorts */
function cellHtml(
	text: string,
	{ right, code }: FormattedColumn,
	index: number,
	value: Value | undefined,
	bar: number | null,
): Markup {
	const classes = [
		right && "n",
		(value === null || value === "-") && "none",
		// Names stay in one line; a command line has several, but is no column of letters.
		!right && text.length > NAME_LENGTH && (text.length > 60 ? "long" : "wrap"),
	].filter((c) => c !== false);
	const sortable = typeof value === "number" || typeof value === "bigint";
	const attributes = html`${classes.length > 0 && html` class="${classes.join(" ")}"`}${right && value !== undefined && html` data-v="${sortable && String(value)}"`}${value === null && raw(' title="unknown"')}${bar !== null && html` style="background-image:linear-gradient(90deg,var(--pki-bar) ${(bar * 100).toFixed(1)}%,transparent 0)"`}`;
	const inner = code && value !== null ? html`<code>${text}</code>` : html`${text}`;
	return index === 0
		? html`<th scope="row"${attributes}>${inner}</th>`
		: html`<td${attributes}>${inner}</td>`;
}

export function statementHtml(statement: Statement): Markup {
	return html`<dl class="pki-statement">${statementLines(statement).map(
		({ label, text, code }) => html`<dt>${label}</dt><dd>${code ? html`<code>${text}</code>` : text}</dd>\n`,
	)}</dl>`;
}
