/** Reports for programs. Durations and stamps are ns, sizes bytes, shares 0..100; integers of 64 bits in full digits. */
import type { Block, Report, TableBlock, Value } from "../reports/document.ts";
import { csvField, jsonText } from "./row-formats.ts";

type Plain = Value | readonly Plain[] | { readonly [key: string]: Plain | undefined };

/** The value as JSON in lines; a bigint is a number, what is not finite null. Keys keep their order. */
function write(value: Plain, indent: string): string {
	if (value === null) return "null";
	switch (typeof value) {
		case "string":
			return jsonText(value);
		case "number":
			return Number.isFinite(value) ? String(value) : "null";
		case "bigint":
		case "boolean":
			return String(value);
	}
	const inner = `${indent}  `;
	if (Array.isArray(value)) {
		if (value.length === 0) return "[]";
		return `[\n${value.map((v) => inner + write(v, inner)).join(",\n")}\n${indent}]`;
	}
	const entries = Object.entries(value).filter(([, v]) => v !== undefined);
	if (entries.length === 0) return "{}";
	return `{\n${entries.map(([k, v]) => `${inner}${jsonText(k)}: ${write(v as Plain, inner)}`).join(",\n")}\n${indent}}`;
}

/** Rows by column key; "-" (no such value) becomes null too, since JSON has no other word for it in a number's place. */
function tableJson(block: TableBlock): Plain {
	const row = (r: Readonly<Record<string, Value>>): Plain =>
		Object.fromEntries(block.columns.map((c) => [c.key, r[c.key] === "-" ? null : (r[c.key] ?? null)]));
	return {
		kind: "table",
		caption: block.caption,
		columns: block.columns.map((c) => ({ key: c.key, label: c.label, quantity: c.quantity, doc: c.doc })),
		rows: block.rows.map(row),
		expected_rows: block.expected?.length ? block.expected : undefined,
		total:
			block.total &&
			Object.fromEntries(
				block.columns.filter((c) => c.key in block.total!).map((c) => [c.key, block.total![c.key]!]),
			),
		available: block.available,
		query: block.query,
	};
}

function blockJson(block: Block): Plain {
	switch (block.kind) {
		case "table":
			return tableJson(block);
		case "text":
			return { kind: "text", text: block.text };
		case "figure":
			return {
				kind: "figure",
				title: block.figure.title,
				subtitle: block.figure.subtitle,
				alt: block.figure.alt,
				data: block.data && tableJson(block.data),
			};
		case "notice":
			return {
				kind: "notice",
				reason: block.reason,
				title: block.title,
				text: block.text,
				remedy: block.remedy,
			};
	}
}

/** The whole report, without pictures: the data of a figure is its table. Ends with a newline. */
export function reportJson(report: Report): string {
	return `${write(reportPlain(report), "")}\n`;
}

/** Several reports as an array. */
export function reportsJson(reports: readonly Report[]): string {
	return `${write(reports.map(reportPlain), "")}\n`;
}

function reportPlain(report: Report): Plain {
	const { statement } = report;
	return {
		report: report.name,
		title: report.title,
		lead: report.lead,
		key_numbers: report.keyNumbers.map((k) => ({
			label: k.label,
			value: k.value === "-" ? null : k.value,
			quantity: k.quantity,
			base: k.base,
		})),
		recorded: { seen: report.recorded.seen, none: report.recorded.none, missing: report.recorded.missing },
		sections: report.sections.map((s) => ({ id: s.id, title: s.title, blocks: s.blocks.map(blockJson) })),
		notes: report.notes,
		statement: {
			traces: statement.traces.map((t) => ({
				trace: t.trace,
				source: t.source,
				sha256: t.sha256,
				machine: t.machine,
				kernel: t.kernel,
				clock: t.clock,
				start_ts: t.startTs,
				end_ts: t.endTs,
				events: t.events,
				lost_events: t.lostEvents,
				unobserved: t.unobserved.map((u) => ({ cpu: u.cpu, observed_percent: u.observedPercent })),
			})),
			versions: statement.versions,
			parameters: statement.parameters,
			definitions: statement.definitions,
			command: statement.command,
		},
	};
}

/**
 * All tables of the report, one after another: a line `section,table,caption` names each, its column keys and rows
 * follow, an empty line ends it. Plain digits in ns, bytes, percent; unknown and "no such value" are empty.
 */
export function reportCsv(report: Report): string {
	const tables = report.sections.flatMap((s) =>
		s.blocks.flatMap((b) => {
			const table = b.kind === "table" ? b : b.kind === "figure" ? b.data : undefined;
			return table === undefined ? [] : [{ section: s.id, table }];
		}),
	);
	return tables
		.map(({ section, table }) => {
			const head = csvLine(["#", report.name, section, table.caption]);
			const keys = csvLine(table.columns.map((c) => c.key));
			return [
				head,
				keys,
				...table.rows.map((r) => csvLine(table.columns.map((c) => csvCell(r[c.key])))),
			].join("");
		})
		.join("\n");
}

const csvCell = (value: Value | undefined): string =>
	value === null ||
	value === undefined ||
	value === "-" ||
	(typeof value === "number" && !Number.isFinite(value))
		? ""
		: String(value);

const csvLine = (fields: readonly string[]): string =>
	`${fields.map((f) => (f === "" ? "" : csvField(f))).join(",")}\n`;
