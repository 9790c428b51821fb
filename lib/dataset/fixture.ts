/** Tiny datasets for tests, written by DuckDB in the real layout. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openDuckdb } from "../duckdb/open.ts";
import { catalog } from "../schema/catalog.ts";
import { manifestPath, openSql, tableDir } from "../schema/layout.ts";
import { formatManifest, type Manifest, type ManifestTable } from "../schema/manifest.ts";

export interface FixtureTrace {
	readonly trace: string;
	readonly host?: string | null;
	readonly date?: string | null;
	readonly recorded?: readonly string[] | null;
	readonly start?: bigint;
	readonly end?: bigint;
	/** SELECT or VALUES text by table, one Parquet file each. */
	readonly tables: Readonly<Record<string, string | readonly string[]>>;
	/** For undeclared tables. */
	readonly columns?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Rows of a declared table from a list of `{column: SQL literal}`; types as declared. */
export function rowsSql(
	table: string,
	rows: readonly Readonly<Record<string, string | number | boolean | null>>[],
): string {
	const declared = catalog.get(table);
	if (declared === undefined) throw new Error(`no table ${table}`);
	const literal = (v: string | number | boolean | null) =>
		v === null ? "NULL" : typeof v === "string" ? `'${v.replaceAll("'", "''")}'` : String(v);
	return rows
		.map((row) => {
			for (const name of Object.keys(row))
				if (!(name in declared.columns)) throw new Error(`${table} has no ${name}`);
			return `SELECT ${Object.entries(declared.columns)
				.map(([name, column]) => `CAST(${literal(row[name] ?? null)} AS ${column.type}) AS "${name}"`)
				.join(", ")}`;
		})
		.join(" UNION ALL ");
}

/** Writes the dataset into a new temporary folder; returns the folder. */
export async function makeDataset(traces: readonly FixtureTrace[]): Promise<string> {
	const root = mkdtempSync(join(tmpdir(), "powerki-test-"));
	const duckdb = await openDuckdb({ threads: 1 });
	const manifests: Manifest[] = [];
	for (const t of traces) {
		const [date, host] = [t.date ?? null, t.host ?? null];
		const tables: Record<string, ManifestTable> = {};
		for (const [table, texts] of Object.entries(t.tables)) {
			const dir = tableDir(table, date, host, t.trace);
			mkdirSync(join(root, dir), { recursive: true });
			const files: string[] = [];
			let rows = 0;
			for (const text of typeof texts === "string" ? [texts] : texts) {
				const file = `part-${files.length}.parquet`;
				const reader = await duckdb.connection.runAndReadAll(
					`COPY (${text}) TO '${join(root, dir, file)}' (FORMAT parquet)`,
				);
				rows += Number(reader.getRows()[0][0]);
				files.push(file);
			}
			tables[table] = {
				rows,
				bytes: 0,
				minTs: null,
				maxTs: null,
				files,
				...(t.columns?.[table] ? { columns: t.columns[table] } : {}),
			};
		}
		const manifest: Manifest = {
			trace: t.trace,
			date,
			host,
			format: { name: "trace.dat", version: "7" },
			buffer: "",
			sources: [{ name: `${t.trace}.dat`, bytes: 1, sha256: t.trace.padEnd(64, "0") }],
			sideFiles: [],
			machine: {
				arch: "ppc64le",
				kernel: "6.12.0",
				cpus: 2,
				littleEndian: true,
				longBytes: 8,
				pageBytes: 65536,
				model: null,
			},
			clock: { name: "mono", unit: "ns", wallOffset: null },
			window: { start: t.start ?? 0n, end: t.end ?? 1000n },
			cpus: [0, 1].map((cpu) => ({ cpu, firstTs: t.start ?? 0n, lastTs: t.end ?? 1000n, events: 1 })),
			options: {},
			versions: { powerki: "0.0.0" },
			tables,
			recorded: t.recorded === undefined ? ["sched_switch"] : t.recorded,
			events: 2,
			eventCounts: {},
			lost: { events: 0, gaps: 0 },
			damage: [],
			unknownEvents: {},
		};
		const path = join(root, manifestPath(t.trace));
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(path, formatManifest(manifest));
		manifests.push(manifest);
	}
	mkdirSync(join(root, "_traces"), { recursive: true });
	writeFileSync(join(root, "open.sql"), openSql(manifests, catalog));
	duckdb.close();
	return root;
}
