/** A report on a terminal: the order and the words of the page. */
import { group, type Numeric, sentence } from "../figures/numbers.ts";
import { displayWidth, padEnd, printable, wrap } from "../figures/text.ts";
import type { Block, KeyNumber, Report, Section, Value } from "../reports/document.ts";
import { toAscii } from "./ascii.ts";
import { coloured, type Ink, plain } from "./ink.ts";
import { formatTable, isWord } from "./report-table.ts";
import { tableLines } from "./terminal-table.ts";
import { lostText, observedText, recordedMarks, remedyLabel, windowText } from "./words.ts";

export interface TextOptions {
	/** Columns of the terminal. Default 100. */
	readonly width?: number;
	/** Colour and weight. Default: none. */
	readonly color?: boolean;
	/** Only ASCII, for a terminal without UTF-8. */
	readonly ascii?: boolean;
}

interface Page {
	readonly width: number;
	readonly ink: Ink;
}

/** The whole report as text that ends with a newline. */
export function reportText(report: Report, options: TextOptions = {}): string {
	const page: Page = { width: options.width ?? 100, ink: options.color ? coloured : plain };
	const parts = [
		head(report, page),
		keyNumbers(report.keyNumbers, page),
		facts(report, page),
		...report.sections.map((s) => section(s, page)),
		notes(report, page),
		statement(report, page),
	];
	const text = `${parts
		.filter((lines) => lines.length > 0)
		.map((lines) => lines.map((l) => l.trimEnd()).join("\n"))
		.join("\n\n")}\n`;
	return options.ascii ? toAscii(text) : text;
}

/** Lines of at most the page's width, all indented. */
function indented(text: string, { width }: Page, by = 2): string[] {
	return text
		.split("\n")
		.flatMap((paragraph) => wrap(printable(paragraph), width - by))
		.map((l) => " ".repeat(by) + l);
}

function head(report: Report, page: Page): string[] {
	return [
		...wrap(printable(report.title), page.width).map(page.ink.bold),
		...(report.lead === "" ? [] : indented(report.lead, page)),
	];
}

function keyNumbers(numbers: readonly KeyNumber[], { ink, width }: Page): string[] {
	const rows = numbers.map((n) => [printable(n.label), keyValue(n), printable(n.base)] as const);
	const widest = (k: 0 | 1): number => Math.max(...rows.map((r) => displayWidth(r[k])));
	const [labels, values] = [widest(0), widest(1)];
	const room = Math.max(12, width - labels - values - 4);
	return rows.flatMap(([label, value, base]) =>
		wrap(base, room).map((line, k) =>
			k === 0
				? `${ink.dim(padEnd(label, labels))}  ${ink.bold(padEnd(value, values))}  ${line}`
				: " ".repeat(labels + values + 4) + line,
		),
	);
}

/** A key number as it stands in a sentence. */
export function keyValue({ value, quantity }: { value: Value; quantity: KeyNumber["quantity"] }): string {
	if (value === null) return "unknown";
	if (typeof value === "boolean") return value ? "yes" : "no";
	if (isWord(quantity) || (typeof value === "string" && value !== "-")) return printable(String(value));
	return sentence(value as Numeric, quantity);
}

/** One labelled line, continued below its text. */
function labelled(label: string, text: string, { width, ink }: Page): string[] {
	const room = 9;
	return wrap(printable(text), width - room).map(
		(line, k) => (k === 0 ? ink.dim(padEnd(label, room)) : " ".repeat(room)) + line,
	);
}

const recordedLabels = { seen: "recorded", none: "none", missing: "not" } as const;

function facts(report: Report, page: Page): string[] {
	return [
		...report.statement.traces.flatMap((t) => [
			...labelled("machine", `${t.machine}, ${t.kernel}`, page),
			...labelled("window", `${windowText(t)}, clock ${t.clock}`, page),
			...labelled("observed", `${observedText(t)}; lost ${lostText(t)}`, page),
		]),
		...recordedMarks.flatMap(({ key, mark }) => {
			const names = report.recorded[key];
			return names.length === 0 ? [] : labelled(recordedLabels[key], `${mark} ${names.join(", ")}`, page);
		}),
	];
}

function section({ title, blocks }: Section, page: Page): string[] {
	return [
		page.ink.bold(printable(title)),
		...blocks.flatMap((b, k) => [...(k === 0 ? [] : [""]), ...block(b, page)]),
	];
}

function block(content: Block, page: Page): string[] {
	const { ink } = page;
	switch (content.kind) {
		case "text":
			return indented(content.text, page);
		case "notice":
			return [
				...indented(content.title, page).map(ink.bold),
				...indented(content.text, page),
				...(content.remedy === undefined ? [] : indented(`${remedyLabel(content)} ${content.remedy}`, page)),
			];
		case "figure": {
			const { figure } = content;
			return [
				...indented(figure.title, page).map(ink.bold),
				...indented(figure.subtitle, page).map(ink.dim),
				...figure
					.text(page.width - 2)
					.trimEnd()
					.split("\n")
					.map((l) => `  ${l}`),
			];
		}
		case "table": {
			const table = formatTable(content);
			const { lines, hidden } = tableLines(table, page.width, ink);
			return [
				...indented(content.caption, page).map(ink.dim),
				...(table.rows.length === 0 ? ["  none"] : lines),
				...(hidden.length === 0
					? []
					: indented(`not shown for lack of room: ${hidden.join(", ")}`, page).map(ink.dim)),
				...(table.more === null
					? []
					: indented(`${table.more}; --top ${String(content.available)} shows all`, page).map(ink.dim)),
			];
		}
	}
}

function notes({ notes }: Report, page: Page): string[] {
	if (notes.length === 0) return [];
	return [page.ink.bold("Notes of the import"), ...notes.flatMap((n) => indented(n, page))];
}

/** The page has the statement in full; here what is needed to name it. */
function statement({ statement: s }: Report, page: Page): string[] {
	const events = s.traces.reduce((sum, t) => sum + t.events, 0n);
	const lost = s.traces.some((t) => t.lostEvents === null)
		? "unknown"
		: group(s.traces.reduce((sum, t) => sum + t.lostEvents!, 0n));
	const line = [
		`${group(events)} events`,
		`lost ${lost}`,
		...s.traces.map((t) => `trace ${t.trace}`),
		...Object.entries(s.parameters).map(([name, value]) => `${name} ${value}`),
		...Object.entries(s.versions).map(([name, version]) => `${name} ${version}`),
	].join(" · ");
	return [...wrap(printable(line), page.width).map(page.ink.dim), ...labelled("again", s.command, page)];
}
