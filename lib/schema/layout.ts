/**
 * Where the files of a dataset lie and how SQL sees them:
 *
 *     DATASET/_traces/<trace>.json
 *     DATASET/open.sql
 *     DATASET/<table>/date=2026-05-01/host=NAME/trace=ID/part-N.parquet
 */
import { join } from "node:path";
import type { ColumnType, Table } from "./column.ts";
import { macroSql } from "./macros.ts";
import type { Manifest } from "./manifest.ts";

export const TRACES_DIRECTORY = "_traces";
export const OPEN_SQL = "open.sql";
/** Hive's name for NULL in a path. */
export const NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__";

/** Columns that come from the path, with their types. */
export const pathColumns = { trace: "VARCHAR", host: "VARCHAR", date: "DATE" } as const;

/**
 * A name as a path may have it: [A-Za-z0-9._-], not hidden. Other characters become "-"; null, and what has
 * nothing left, becomes null (Trino mangles other characters without a word and refuses empty names).
 */
export function pathName(name: string | null): string | null {
	const clean = (name ?? "")
		.normalize("NFKD")
		.replace(/\p{M}/gu, "")
		.replace(/[^A-Za-z0-9._-]+/g, "-")
		.replace(/^[.-]+|-+$/g, "");
	return clean === "" ? null : clean;
}

/** `<table>/date=…/host=…/trace=…`, relative to the dataset. Host and date as the manifest has them. */
export function tableDir(table: string, date: string | null, host: string | null, trace: string): string {
	return join(table, `date=${date ?? NULL_PARTITION}`, `host=${host ?? NULL_PARTITION}`, `trace=${trace}`);
}

/** `part-<n>.parquet` */
export function partName(n: number): string {
	return `part-${n}.parquet`;
}

/** `_traces/<trace>.json`, relative to the dataset. */
export function manifestPath(trace: string): string {
	return join(TRACES_DIRECTORY, `${trace}.json`);
}

/** An SQL identifier, quoted so that any name is safe. */
export function quoteIdentifier(name: string): string {
	return `"${name.replaceAll('"', '""')}"`;
}

/** An SQL text literal. */
export function quoteText(text: string): string {
	return `'${text.replaceAll("'", "''")}'`;
}

/** A table as a dataset has it: declared, or of a tracepoint that the schema does not know. */
export interface DatasetTable {
	readonly name: string;
	/** Columns of the files in order, with SQL types; without the path's columns. */
	readonly columns: ReadonlyMap<string, string>;
	/** Paths relative to the dataset. */
	readonly files: readonly string[];
	/** The declaration; undefined for an undeclared tracepoint. */
	readonly declared?: Table;
}

/** Columns that an undeclared event table has at least. */
const undeclaredColumns: ReadonlyMap<string, ColumnType> = new Map([
	["ts", "BIGINT"],
	["cpu", "INTEGER"],
	["utid", "INTEGER"],
]);

/** Every table that a query can name: those of the catalog, then the undeclared ones by name. */
export function datasetTables(
	manifests: readonly Manifest[],
	catalog: ReadonlyMap<string, Table>,
): DatasetTable[] {
	const names = new Set<string>();
	for (const m of manifests)
		for (const name of Object.keys(m.tables)) if (!catalog.has(name)) names.add(name);
	return [...catalog.keys(), ...[...names].sort()].map((name) => {
		const declared = catalog.get(name);
		const columns = new Map<string, string>(
			declared === undefined
				? undeclaredColumns
				: Object.entries(declared.columns).map(([n, column]) => [n, column.type]),
		);
		const files: string[] = [];
		for (const m of manifests) {
			const t = m.tables[name];
			if (t === undefined) continue;
			for (const [column, type] of Object.entries(t.columns ?? {})) {
				if (declared?.columns[column] !== undefined) continue;
				columns.set(column, widest(columns.get(column), type));
			}
			const dir = tableDir(name, m.date, m.host, m.trace);
			for (const file of t.files) files.push(join(dir, file));
		}
		return { name, columns, files, ...(declared === undefined ? {} : { declared }) };
	});
}

/** The type that holds values of both: formats of one tracepoint differ between kernels. */
function widest(a: string | undefined, b: string): string {
	if (a === undefined || a === b) return b;
	const order = ["BOOLEAN", "INTEGER", "BIGINT"];
	const rank = Math.max(order.indexOf(a), order.indexOf(b));
	return order.includes(a) && order.includes(b) ? order[rank] : "VARCHAR";
}

/**
 * CREATE VIEW for one table over exactly the files of the manifests. Columns: trace, the declared ones in order,
 * host, date. A column that no file has is NULL of its declared type; a table without files is an empty view.
 * @param root prefix of the file paths, with its slash; empty for paths relative to the working directory
 */
export function viewSql(table: DatasetTable, root: string): string {
	const own = [...table.columns.keys()].map(quoteIdentifier);
	const types: [string, string][] = [...table.columns, ...Object.entries(pathColumns)];
	const typed = types.map(([name, type]) => `CAST(NULL AS ${type}) AS ${quoteIdentifier(name)}`);
	const list = ["trace", ...own, "host", '"date"'].join(", ");
	const empty = `SELECT ${typed.join(", ")} WHERE false`;
	const name = quoteIdentifier(table.name);
	if (table.files.length === 0) return `CREATE OR REPLACE VIEW ${name} AS SELECT ${list} FROM (${empty});\n`;
	const files = table.files.map((f) => `  ${quoteText(root + f)}`).join(",\n");
	return `CREATE OR REPLACE VIEW ${name} AS SELECT ${list} FROM (${empty} UNION ALL BY NAME SELECT * FROM read_parquet([
${files}
], hive_partitioning = true, hive_types = {'date': DATE, 'host': VARCHAR, 'trace': VARCHAR}, union_by_name = true));
`;
}

/**
 * Text of `open.sql`: what DuckDB alone needs to query the dataset, started in its folder. Only traces whose
 * manifest is given exist in it.
 */
export function openSql(manifests: readonly Manifest[], catalog: ReadonlyMap<string, Table>): string {
	const ordered = [...manifests].sort((a, b) => (a.trace < b.trace ? -1 : a.trace > b.trace ? 1 : 0));
	return [
		"-- Views over this dataset for DuckDB. Start in this folder: duckdb -init open.sql\n",
		`-- Written by powerki from the manifests of ${ordered.length} trace${ordered.length === 1 ? "" : "s"}; do not edit.\n`,
		macroSql(),
		...datasetTables(ordered, catalog).map((t) => viewSql(t, "")),
	].join("");
}
