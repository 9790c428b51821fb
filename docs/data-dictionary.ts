/** The data dictionary: every declared table and column as Markdown. */
import { catalog } from "../lib/schema/catalog.ts";
import type { Column, Kind, Table } from "../lib/schema/column.ts";

const kinds: readonly (readonly [Kind, string, string])[] = [
	["identity", "Identity tables", "Who and what the numbers in other tables mean."],
	[
		"derived",
		"Derived tables",
		"Intervals that the collector makes out of events, by the definitions of the glossary.",
	],
	[
		"event",
		"Event tables",
		"One table for each tracepoint, named as the kernel names it. Tracepoints that are not listed here get a table by the same rules: their fields under the kernel's names, every integer a BIGINT.",
	],
	["import", "What the import says", "Whatever was lost, repaired, guessed or not known."],
];

const units: Readonly<Record<string, string>> = {
	stamp: "ns, trace clock",
	ns: "ns",
	address: "64-bit address, bits kept",
	mask: "64-bit mask, bits kept",
	bytes: "bytes",
	sectors: "sectors of 512 bytes",
	khz: "kHz",
	id: "id",
	count: "count",
};

const cell = (text: string): string => text.replaceAll("|", "\\|");

function row(name: string, c: Column): string {
	const unit = [c.unit ? units[c.unit] : "", c.ref ? `→ ${c.ref}` : ""].filter(Boolean).join(" ");
	return `| \`${name}\` | ${c.type} | ${unit} | ${cell(c.doc)} |`;
}

function section(table: Table): string[] {
	return [
		"",
		`### ${table.name}`,
		"",
		`${table.doc}.`,
		"",
		"| column | type | unit | meaning |",
		"|---|---|---|---|",
		...Object.entries(table.columns).map(([n, c]) => row(n, c)),
	];
}

export function dataDictionary(): string {
	return [
		"# Data dictionary",
		"",
		"Generated from `lib/schema` by `npm run docs`; do not edit.",
		"",
		"Every row of every table also has `trace` (VARCHAR, the trace's id), `host` (VARCHAR) and `date` (DATE), which come from the path of its file. NULL means unknown, never zero. `ts` is ns on the trace's own clock.",
		...kinds.flatMap(([kind, title, text]) => [
			"",
			`## ${title}`,
			"",
			text,
			...[...catalog.values()].filter((t) => t.kind === kind).flatMap(section),
		]),
		"",
	].join("\n");
}
