import type { CompleteReply, InspectReply } from "../session/messages.ts";
import type { NamedColumn, NamedTable, NamedTables } from "./names.ts";

/** Keywords of the SQL that DuckDB and Trino share, in the order in which queries use them. */
const keywords = (
	"SELECT DISTINCT FROM WHERE GROUP BY HAVING ORDER LIMIT OFFSET JOIN LEFT RIGHT FULL INNER CROSS ON USING AS AND OR NOT " +
	"IN IS NULL LIKE BETWEEN EXISTS CASE WHEN THEN ELSE END CAST WITH RECURSIVE UNION ALL INTERSECT EXCEPT VALUES DESC ASC " +
	"OVER PARTITION ROWS RANGE PRECEDING FOLLOWING UNBOUNDED CURRENT ROW FILTER TRUE FALSE DESCRIBE SHOW TABLES EXPLAIN ANALYZE"
).split(" ");

/** Functions worth offering: what questions about traces use, and powerki's macros. */
const functions: readonly (readonly [string, string])[] = [
	["count(*)", "number of rows"],
	["sum", "sum of the values"],
	["avg", "mean of the values"],
	["min", "smallest value"],
	["max", "largest value"],
	["approx_percentile", "percentile, estimated: approx_percentile(dur, 0.99)"],
	["quantile_disc", "a value that occurs: quantile_disc(dur, 0.99)"],
	["count_if", "rows for which a condition holds"],
	["coalesce", "first value that is not NULL"],
	["round", "round(value, decimals)"],
	["substr", "part of a text"],
	["lag", "value of the row before (with OVER)"],
	["lead", "value of the row after (with OVER)"],
	["row_number", "number of the row (with OVER)"],
	["hex", "an address or mask as 0x… (powerki)"],
	["cardinality", "length of a list"],
	["element_at", "element of a list, from 1"],
	["array_join", "elements of a list as one text: array_join(list, ';')"],
];

const identifier = /[A-Za-z_][A-Za-z0-9_]*/g;

/** Text and comments of a query blanked, so that words in them are no names; offsets stay. */
function blank(query: string): string {
	return query.replace(/--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*(?:'|$)/g, (text) =>
		text.replace(/[^\n]/g, " "),
	);
}

/** A table after FROM, JOIN or a comma, and what stands for it: `sched`, `sched s`, `sched AS s`. */
const tableReference = new RegExp(
	`(?:\\b(?:FROM|JOIN)\\s+|,\\s*)"?([A-Za-z_]\\w*)"?(?:\\s+(?:AS\\s+)?(?!(?:${keywords.join("|")})\\b)"?([A-Za-z_]\\w*)"?)?`,
	"gi",
);

/** Tables that the query names, by the name or alias that stands for them. */
function tablesOf(query: string, names: NamedTables): Map<string, NamedTable> {
	const found = new Map<string, NamedTable>();
	for (const [, name, alias] of blank(query).matchAll(tableReference)) {
		const table = names.get(name.toLowerCase());
		if (table === undefined) continue;
		found.set(table.name, table);
		if (alias !== undefined) found.set(alias.toLowerCase(), table);
	}
	return found;
}

function columnLine(table: string, column: NamedColumn): string {
	const type = [column.type, column.unit].filter((part) => part !== undefined).join(", ");
	return [table, type === "" ? "" : ` (${type})`, column.doc === undefined ? "" : `: ${column.doc}`].join("");
}

type Offer = CompleteReply["types"][number];

/**
 * What can stand at the cursor: columns of the tables that the query names, tables, functions, keywords.
 * @param position UTF-16 offset in the query
 */
export function completeSql(query: string, position: number, names: NamedTables): CompleteReply {
	const before = blank(query).slice(0, position);
	const prefix = /[A-Za-z0-9_]*$/.exec(before)?.[0] ?? "";
	const start = position - prefix.length;
	const none = { matches: [], start, end: position, types: [] };
	// Inside a text or a comment.
	if (query[position - 1] !== undefined && /\S/.test(query[position - 1]) && /\s/.test(before[position - 1]))
		return none;
	const used = tablesOf(query, names);
	const head = before.slice(0, start);
	const qualifier = /([A-Za-z_]\w*)\s*\.\s*$/.exec(head)?.[1];
	const offers: Offer[] = [];
	const columns = (table: NamedTable) => {
		for (const [name, column] of table.columns)
			offers.push({ text: name, type: "column", signature: columnLine(table.name, column) });
	};
	if (qualifier !== undefined) {
		const table = used.get(qualifier.toLowerCase()) ?? names.get(qualifier.toLowerCase());
		if (table === undefined) return none;
		columns(table);
	} else {
		const tables = () => {
			for (const table of names.values())
				offers.push({
					text: table.name,
					type: table.kind === "view" ? "view" : "table",
					signature: table.doc ?? "tracepoint",
				});
		};
		const wantsTable = /\b(?:FROM|JOIN|DESCRIBE|INTO)\s+(?:[A-Za-z_]\w*\s*,\s*)*$/i.test(head);
		if (!wantsTable) for (const table of new Set(used.values())) columns(table);
		if (wantsTable) tables();
		for (const [name, doc] of functions)
			if (!wantsTable) offers.push({ text: name, type: "function", signature: doc });
		// Keywords in the case in which they are begun.
		const lower = /^[a-z]/.test(prefix);
		for (const word of keywords) offers.push({ text: lower ? word.toLowerCase() : word, type: "keyword" });
		if (!wantsTable) tables();
	}
	const wanted = prefix.toLowerCase();
	const seen = new Set<string>();
	const fitting = offers.filter((offer) => {
		if (!offer.text.toLowerCase().startsWith(wanted) || seen.has(offer.text)) return false;
		seen.add(offer.text);
		return true;
	});
	return { matches: fitting.map((offer) => offer.text), start, end: position, types: fitting };
}

/**
 * What the schema says about the name at the cursor.
 * @param position UTF-16 offset in the query
 */
export function inspectSql(query: string, position: number, names: NamedTables): InspectReply {
	const text = blank(query);
	const word = [...text.matchAll(identifier)].find(
		(m) => m.index <= position && position <= m.index + m[0].length,
	);
	if (word === undefined) return { found: false, data: {} };
	const name = word[0].toLowerCase();
	const used = tablesOf(query, names);
	const qualifier = /([A-Za-z_]\w*)\s*\.\s*$/.exec(text.slice(0, word.index))?.[1]?.toLowerCase();
	const owner = qualifier === undefined ? undefined : (used.get(qualifier) ?? names.get(qualifier));
	const table = used.get(name) ?? names.get(name);
	const lines: string[] = [];
	const candidates = owner !== undefined ? [owner] : [...new Set(used.values())];
	const having = candidates.filter((t) => t.columns.has(name));
	for (const t of having) lines.push(columnLine(`${t.name}.${name}`, t.columns.get(name) as NamedColumn));
	if (lines.length === 0 && table !== undefined) {
		lines.push(
			`${table.name} (${table.kind}): ${table.doc ?? "a tracepoint that the schema does not declare"}`,
			"",
		);
		for (const [column, c] of table.columns) lines.push(`  ${columnLine(column, c)}`);
	}
	if (lines.length === 0) {
		const elsewhere = [...names.values()].filter((t) => t.columns.has(name));
		for (const t of elsewhere.slice(0, 12))
			lines.push(columnLine(`${t.name}.${name}`, t.columns.get(name) as NamedColumn));
		if (elsewhere.length > 12) lines.push(`and in ${elsewhere.length - 12} more tables`);
	}
	if (lines.length === 0) {
		const known = functions.find(([f]) => f.replace(/\(.*/, "") === name);
		if (known !== undefined) lines.push(`${known[0]}: ${known[1]}`);
	}
	return lines.length === 0
		? { found: false, data: {} }
		: { found: true, data: { "text/plain": lines.join("\n") } };
}

/** The query around the cursor inside a `` sql`…` `` of a TypeScript cell; undefined outside of one. */
export function sqlTemplate(code: string, position: number): { query: string; offset: number } | undefined {
	const open = /\bsql\s*(?:<[^`<>]*>)?`((?:[^`\\$]|\\[\s\S]|\$(?!\{)|\$\{[^`{}]*\})*)$/.exec(
		code.slice(0, position),
	);
	if (open === null) return undefined;
	const offset = position - open[1].length;
	// The cursor in an inserted value is in TypeScript.
	const end = /`/.exec(code.slice(position));
	const query = code.slice(offset, end === null ? code.length : position + end.index);
	return { query: query.replace(/\$\{[^`{}]*\}/g, (text) => "?".padEnd(text.length)), offset };
}
