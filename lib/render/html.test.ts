import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { figureBundle } from "../figures/mime.ts";
import type { FigureBlock } from "../reports/document.ts";
import { hostileNames } from "./example-report.ts";
import { type PageCell, renderPage } from "./html.ts";
import { notebookReportHtml, tableHtml } from "./report-html.ts";
import { sampleReport, sampleStatement } from "./sample-report.ts";

const text = (html: string) =>
	html
		.replace(/<(style|script|svg)\b[\s\S]*?<\/\1>/g, "")
		.replace(/<[^>]*>/g, " ")
		.replaceAll("&lt;", "<")
		.replaceAll("&gt;", ">")
		.replaceAll("&quot;", '"')
		.replaceAll("&#39;", "'")
		.replaceAll("&amp;", "&")
		.replace(/\s+/g, " ");

let page: string;
beforeAll(async () => {
	page = await renderPage({ title: "run queue on powerlab", report: sampleReport() });
});

describe("the page of a report", () => {
	it("has the same bytes for the same report", async () => {
		expect(await renderPage({ title: "run queue on powerlab", report: sampleReport() })).toBe(page);
	});

	it("begins with the answer and ends with the statement", () => {
		const words = text(page);
		const order = [
			"order-w3 is slow because six threads wait for one lock",
			"They spend 30.2 %",
			"Lock wait 3.64 s",
			"sched_switch 3252",
			"Who waits: order-w3",
			"Notes of the import",
			"Statement",
			"sha-256 28736db526debc5715ef9b52b5dc10a1fbbb1ee4ca36c5ed0aa2c8bb5f2c5a13",
			"lost unknown number of events",
			"cpu 2 43.2 %",
			"again powerki report run-queue --dataset demo --window 0.128607..2.140076",
		].map((part) => words.lastIndexOf(part));
		expect(order).not.toContain(-1);
		expect(order).toEqual([...order].sort((a, b) => a - b));
		expect(page.match(/<h1/g)).toHaveLength(1);
	});

	it("lists its sections", () => {
		const nav = /<nav[\s\S]*<\/nav>/.exec(page)![0];
		const links = [...nav.matchAll(/href="#([^"]*)"/g)].map((m) => m[1]);
		expect(links).toEqual(["threads", "figures", "nothing", "limits", "notes", "statement"]);
		for (const id of links) expect(page.split(`id="${id}"`)).toHaveLength(2);
	});

	it("tells not recorded, none and unknown apart", () => {
		expect(page.match(/class="pki-notice pki-unseen"/g)).toHaveLength(2);
		expect(page.match(/class="pki-notice"/g)).toHaveLength(2);
		expect(text(page)).toContain("Record them: powerki record --events block");
		const rows = text(tableHtml(sampleReport().sections[0].blocks[1] as never).text);
		expect(rows).toContain("migration/0 17 19 771 <0.1 <0.1 – 0.340 unknown");
		expect(rows).toContain("unknown thread unknown 0 0 0 ? ? –");
	});

	it("fetches nothing, and runs only the scripts that its policy names by hash", () => {
		expect(page).not.toMatch(/(?:src|href)="(?!#|data:)/);
		expect(page).not.toMatch(/@import|url\(/);
		const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)![1];
		expect(policy).toContain("default-src 'none'");
		expect(policy).not.toMatch(/script-src[^;]*unsafe-inline/);
		const scripts = [...page.matchAll(/<script(?: type="module")?>([\s\S]*?)<\/script>/g)].map((m) => m[1]);
		expect(scripts).toHaveLength(2);
		for (const script of scripts)
			expect(policy).toContain(`'sha256-${createHash("sha256").update(script).digest("base64")}'`);
		expect(page.match(/<script/g)).toHaveLength(3);
	});

	it("sorts a table by value: plain digits behind each number, none behind unknown", () => {
		expect(page).toContain('data-v="713458918"');
		expect(page).toContain('<td class="n none" data-v="" title="unknown">?</td>');
	});
});

describe("names that attack", () => {
	it("are text in every place of a report", async () => {
		const attacked = await renderPage({ title: hostileNames[0], report: sampleReport(hostileNames) });
		expect(attacked.match(/<script/g)).toHaveLength(3);
		expect(attacked).not.toMatch(/<img|<svg onload|<!--/);
		expect(attacked).not.toMatch(/[\u0000-\u0008\u001b\u202e]/);
		const words = text(attacked);
		for (const name of [0, 1, 2, 3, 4, 5, 8].map((i) => hostileNames[i])) expect(words).toContain(name);
	});

	it("are text in a notebook's output, where dollars are no formulas", async () => {
		const output = await notebookReportHtml(sampleReport(hostileNames));
		expect(output.match(/<script/g)).toHaveLength(2);
		expect(output).not.toMatch(/<img|<svg onload|<!--/);
		expect(output).toMatch(/^<div class="[^"]*mathjax_ignore[^"]*"/);
	});

	it("cannot run from outputs that a cell has made of them", async () => {
		const cells: PageCell[] = hostileNames.map((name) => ({
			type: "code",
			source: name,
			outputs: [
				{ output_type: "stream", name: "stdout", text: name },
				{ output_type: "display_data", data: { "text/html": `<p title="${name}">${name}</p>` } },
				{ output_type: "display_data", data: { "text/plain": name, "text/markdown": name } },
				{ output_type: "error", ename: name, evalue: name, traceback: [name] },
			],
		}));
		const attacked = await renderPage({ title: hostileNames[1], cells, statement: sampleStatement });
		expect(attacked.match(/<script/g)).toHaveLength(2);
		const tags = attacked
			.replace(/<title>.*|<(script|style)[\s\S]*?<\/\1>/g, "")
			.match(/<[a-z](?:[^<>"]|"[^"]*")*>/gi)!;
		expect(tags.map((t) => t.replace(/"[^"]*"/g, '""')).join("\n")).not.toMatch(/\son\w+|pwned/);
	});
});

describe("the page of a notebook", () => {
	const cell = (data: Record<string, unknown>): PageCell => ({
		type: "code",
		source: "await waits()",
		outputs: [{ output_type: "display_data", data }],
	});

	it("shows the richest form that a file can hold", async () => {
		const made = await renderPage({
			title: "Waits",
			statement: sampleStatement,
			cells: [
				cell({ "text/plain": "as text 1", "text/html": "<b>as HTML</b>", "image/svg+xml": "<svg></svg>" }),
				cell({
					"text/plain": "as text 2",
					"image/svg+xml": '<svg role="img" aria-label="the picture"></svg>',
				}),
				cell({ "text/plain": "as text 3", "application/vnd.vegalite.v5+json": {} }),
				cell({ "text/plain": "as text 4", "image/png": "AAAA\n" }),
			],
		});
		const shown = text(made);
		expect(shown).toContain("as HTML");
		expect(shown).not.toMatch(/as text [12]/);
		expect(shown).toContain("as text 3");
		expect(made).toContain('aria-label="the picture"');
		expect(made).toContain('<img src="data:image/png;base64,AAAA" alt="as text 4">');
		expect(made).toContain('<h1 id="waits">Waits</h1>');
	});

	it("folds code, and leaves it out if asked", async () => {
		const page = { title: "Waits", statement: sampleStatement, cells: [cell({ "text/plain": "x" })] };
		expect(await renderPage(page)).toContain(
			'<details class="code"><summary>Code</summary><pre><code>await waits()',
		);
		expect(await renderPage({ ...page, hideCode: true })).not.toContain("await waits()");
	});

	it("holds reports and figures of cells; what is shown twice has two ids, and the script finds the models", async () => {
		const report = sampleReport();
		const flame = (report.sections[1].blocks as FigureBlock[]).find((b) => b.figure.interactive)!.figure;
		const cells = [
			cell({ "text/html": await notebookReportHtml(report) }),
			cell({ "text/html": await notebookReportHtml(report) }),
			cell(await figureBundle(flame)),
		];
		const made = await renderPage({ title: "Waits", statement: sampleStatement, cells });
		const ids = [...made.matchAll(/\sid="([^"]*)"/g)].map((m) => m[1]);
		expect(new Set(ids).size).toBe(ids.length);
		expect(made.match(/data-pki-model="flamegraph"/g)).toHaveLength(3);
		expect(made).not.toContain("<style data-pki>");
	});
});
