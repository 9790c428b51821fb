import { availableParallelism, tmpdir } from "node:os";
import { resolve, sep } from "node:path";
import {
	type DuckDBConnection,
	type DuckDBPreparedStatement,
	type DuckDBResult,
	StatementType,
} from "duckdb";
import { type Duckdb, interruptible, openDuckdb } from "../duckdb/open.ts";
import { catalog } from "../schema/catalog.ts";
import { exitCode, PowerkiError } from "../schema/errors.ts";
import { type DatasetTable, datasetTables, quoteText } from "../schema/layout.ts";
import { macroSql } from "../schema/macros.ts";
import type { Manifest } from "../schema/manifest.ts";
import { bind } from "./bind.ts";
import { type Fragment, fragment, type SqlInsert, type SqlValue } from "./fragment.ts";
import { Installer } from "./installer.ts";
import { findDataset, readManifests } from "./manifests.ts";
import { nearest } from "./nearest.ts";
import { ColumnBuilder, type Row, type SqlColumn, SqlResult } from "./result.ts";
import { sqlError } from "./sql-error.ts";
import type { View } from "./view.ts";

export interface DatasetOptions {
	/** Views to install beside the tables; each may use the ones before it. */
	readonly views?: readonly View[];
	/** Directories outside the dataset that SQL may read and write (COPY); default: none. */
	readonly outDirs?: readonly string[];
	/** Bytes; default a quarter of the machine's memory, at most 4 GiB. */
	readonly memoryLimit?: number;
	/** Worker threads; default: all CPUs. */
	readonly threads?: number;
}

export interface QueryOptions {
	/** Fetch at most so many rows; the result says `truncated` if there are more. Default: all. */
	readonly limit?: number;
	/** Stops the query. */
	readonly signal?: AbortSignal;
}

/**
 * Opens a dataset for queries.
 * @param path its folder; default: the nearest folder with `_traces` from the working directory upwards, then
 * $POWERKI_DATASET
 * @throws PowerkiError with the reason and what to do
 */
export async function openDataset(path?: string, options: DatasetOptions = {}): Promise<Dataset> {
	const root = findDataset(path);
	const manifests = readManifests(root);
	const tables = datasetTables(manifests, catalog);
	const outDirs = (options.outDirs ?? []).map((d) => resolve(d));
	const spill = resolve(tmpdir(), `powerki-spill-${process.pid}`);
	const duckdb = await openDuckdb({
		threads: options.threads ?? availableParallelism(),
		...(options.memoryLimit === undefined ? {} : { memoryLimit: options.memoryLimit }),
		onlyDirectories: [root, ...outDirs],
		spillDirectory: spill,
	});
	const views = options.views ?? [];
	await duckdb.connection.run(macroSql());
	const installer = new Installer(tables, views, root);
	return new Dataset(root, manifests, tables, views, outDirs, duckdb, installer);
}

/** A dataset that is open for queries. Queries run one after another. */
export class Dataset {
	private queue: Promise<unknown> = Promise.resolve();
	private ended = false;

	/** Made by openDataset. */
	constructor(
		/** Absolute folder. */
		readonly root: string,
		private readonly manifests: readonly Manifest[],
		/** Tables, declared and undeclared, in the order of the catalog. */
		readonly tables: readonly DatasetTable[],
		/** Installed views. */
		readonly views: readonly View[],
		private readonly outDirs: readonly string[],
		private readonly duckdb: Duckdb,
		private readonly installer: Installer,
	) {}

	/** The manifests of all traces, in order of date, host and start. */
	traces(): readonly Manifest[] {
		return this.manifests;
	}

	/**
	 * The one trace that is meant: by id, by the beginning of an id, or by host; without a name the only one.
	 * @throws PowerkiError (usage) that lists the traces where it is not exactly one
	 */
	manifest(name?: string): Manifest {
		const all = this.manifests;
		const found =
			name === undefined
				? all
				: (firstNonEmpty(
						all.filter((m) => m.trace === name),
						all.filter((m) => m.host === name),
						all.filter((m) => m.trace.startsWith(name)),
					) ?? []);
		if (found.length === 1) return found[0];
		const listed = (found.length === 0 ? all : found).map(
			(m) =>
				`${m.trace}  ${m.host ?? "unknown host"}  ${m.date ?? "unknown date"}  ${m.sources[0]?.name ?? ""}${m.buffer === "" ? "" : ` (buffer ${m.buffer})`}  ${m.events} events`,
		);
		if (all.length === 0)
			throw new PowerkiError(exitCode.usage, `the dataset ${this.root} has no trace`, [
				"collect one: powerki collect TRACE --out DIR",
			]);
		if (found.length > 1)
			throw new PowerkiError(
				exitCode.usage,
				`${name === undefined ? "the dataset" : `"${name}"`} has ${found.length} traces: choose one`,
				[...listed, "name it with --trace ID or HOST, or trace: in a query's parameters"],
			);
		const near = nearest(
			name ?? "",
			all.flatMap((m) => [m.trace, ...(m.host === null ? [] : [m.host])]),
		);
		throw new PowerkiError(exitCode.usage, `the dataset has no trace "${name}"`, [
			...(near === null ? [] : [`did you mean "${near}"?`]),
			...listed,
		]);
	}

	/**
	 * Runs a query with values in it: `` ds.sql`SELECT * FROM sched WHERE cpu = ${cpu}` ``. Values are bound, never
	 * spliced into the text. Lists: `= ANY(${[1, 2]})`. Names of tables and columns: `${identifier(name)}`.
	 * @throws PowerkiError with line, caret and the nearest name
	 */
	sql<T = Row>(strings: TemplateStringsArray, ...inserts: SqlInsert[]): Promise<SqlResult<T>> {
		const f = fragment(strings, ...inserts);
		return this.query<T>(f.text, f.values);
	}

	/** The rows of a query made of fragments. */
	async rows<T = Row>(f: Fragment, options: QueryOptions = {}): Promise<T[]> {
		return (await this.query<T>(f.text, f.values, options)).rows();
	}

	/**
	 * Runs SQL text: one statement, or several of which the last gives the result.
	 * @param values for the `?` marks of the last statement
	 * @throws PowerkiError (usage: the text is wrong; engine: memory, files; Interrupted by the signal)
	 */
	query<T = Row>(
		text: string,
		values: readonly SqlValue[] = [],
		options: QueryOptions = {},
	): Promise<SqlResult<T>> {
		const run = () => this.guard(text, options.signal, () => this.fetch<T>(text, values, options.limit));
		const result = this.queue.then(run, run);
		this.queue = result.catch(() => undefined);
		return result;
	}

	/**
	 * The result of one SELECT in pieces of at most 2048 rows, for results that do not fit in memory. At least one
	 * piece comes, so that the columns are known. Other queries may run meanwhile.
	 */
	async *batches(
		text: string,
		values: readonly SqlValue[] = [],
		signal?: AbortSignal,
	): AsyncGenerator<SqlResult, void, void> {
		if (this.ended) throw new PowerkiError(exitCode.usage, `the dataset ${this.root} was closed`);
		const connection = await this.duckdb.instance.connect();
		try {
			const guard = <R>(work: () => Promise<R>) => this.guard(text, signal, work, connection);
			const result = await guard(() => this.start(connection, text, values));
			const columns = columnsOf(result);
			for (let pieces = 0; ; pieces++) {
				const chunk = await guard(() => result.fetchChunk());
				const rows = chunk?.rowCount ?? 0;
				if (rows === 0 && pieces > 0) return;
				const data = result.columnTypes().map((type, k) => {
					const builder = new ColumnBuilder(type);
					if (chunk !== null && rows > 0) builder.add(chunk, k, rows);
					return builder.finish();
				});
				yield new SqlResult(columns, rows, false, data);
				if (rows === 0) return;
			}
		} finally {
			connection.closeSync();
		}
	}

	/**
	 * Writes the result of one SELECT as a Parquet file (zstd). The file's directory must be one of `outDirs`.
	 * @returns number of rows
	 */
	async writeParquet(
		text: string,
		file: string,
		values: readonly SqlValue[] = [],
		signal?: AbortSignal,
	): Promise<number> {
		const select = text.trim().replace(/;\s*$/, "");
		const to = quoteText(resolve(file));
		const result = await this.query<{ Count: bigint }>(
			`COPY (${select}\n) TO ${to} (FORMAT parquet, COMPRESSION zstd)`,
			values,
			signal === undefined ? {} : { signal },
		);
		return Number(result.rows()[0].Count);
	}

	/** Column names by table and view, for completion and error texts. */
	names(): ReadonlyMap<string, readonly string[]> {
		const names = new Map<string, readonly string[]>();
		for (const t of this.tables) names.set(t.name, ["trace", ...t.columns.keys(), "host", "date"]);
		for (const v of this.views)
			names.set(
				v.name,
				v.columns.map((c) => c.name),
			);
		return names;
	}

	/** Ends all use; a second call does nothing. */
	close(): void {
		this.ended = true;
		this.duckdb.close();
	}

	/** It was closed. */
	get closed(): boolean {
		return this.ended;
	}

	[Symbol.dispose](): void {
		this.close();
	}

	private async guard<R>(
		text: string,
		signal: AbortSignal | undefined,
		work: () => Promise<R>,
		connection: DuckDBConnection = this.duckdb.connection,
	): Promise<R> {
		if (this.ended) throw new PowerkiError(exitCode.usage, `the dataset ${this.root} was closed`);
		try {
			return await interruptible(connection, signal, work);
		} catch (error) {
			throw sqlError(error, text, this.names());
		}
	}

	/** Runs all statements but the last, and starts the last as a stream. */
	private async start(
		connection: DuckDBConnection,
		text: string,
		values: readonly SqlValue[],
	): Promise<DuckDBResult> {
		// DuckDB makes the directory of an EXPORT while it prepares the statement: look before.
		if (/(^|;)\s*export\s+database\b/i.test(text)) this.allowTargets(text);
		await this.installer.install(text, (sql) => connection.run(sql));
		const statements = await connection.extractStatements(text);
		if (statements.count === 0) throw new PowerkiError(exitCode.usage, "the query has no statement");
		for (let i = 0; ; i++) {
			const statement = await statements.prepare(i);
			this.allow(statement, text);
			if (i < statements.count - 1) {
				await statement.run();
				continue;
			}
			if (statement.parameterCount !== values.length)
				throw new PowerkiError(
					exitCode.usage,
					`the query has ${statement.parameterCount} marks (?) and ${values.length} values`,
				);
			const bound = values.map(bind);
			statement.bind(
				bound.map((b) => b.value),
				bound.map((b) => b.type),
			);
			return statement.stream();
		}
	}

	/** Files of the dataset belong to the collector: SQL only reads them. */
	private allow(statement: DuckDBPreparedStatement, text: string): void {
		const type = statement.statementType;
		// EXPLAIN ANALYZE runs what it explains, and PREPARE hides it.
		const writes = writing.has(type) || (explaining.has(type) && /\b(copy|export|attach)\b/i.test(text));
		if (writes) this.allowTargets(text);
	}

	private allowTargets(text: string): void {
		const targets = [...text.matchAll(/\b(?:TO|DATABASE)\s+'((?:[^']|'')*)'/gi)].map((m) =>
			resolve(m[1].replaceAll("''", "'")),
		);
		const allowed = (target: string) =>
			!isInside(this.root, target) && this.outDirs.some((d) => isInside(d, target));
		if (targets.length > 0 && targets.every(allowed)) return;
		throw new PowerkiError(exitCode.usage, "a query may write only into the directories given as outDirs", [
			"the files of a dataset are written by powerki collect alone",
			"to save a result: powerki sql QUERY --format parquet --out FILE",
		]);
	}

	private async fetch<T>(
		text: string,
		values: readonly SqlValue[],
		limit: number = Number.POSITIVE_INFINITY,
	): Promise<SqlResult<T>> {
		const result = await this.start(this.duckdb.connection, text, values);
		const builders = result.columnTypes().map((type) => new ColumnBuilder(type));
		let rows = 0;
		let truncated = false;
		for (;;) {
			const chunk = await result.fetchChunk();
			if (chunk === null || chunk.rowCount === 0) break;
			const take = Math.min(chunk.rowCount, limit - rows);
			if (take > 0) for (let k = 0; k < builders.length; k++) builders[k].add(chunk, k, take);
			rows += take;
			if (take < chunk.rowCount) {
				truncated = true;
				break;
			}
		}
		return new SqlResult<T>(
			columnsOf(result),
			rows,
			truncated,
			builders.map((b) => b.finish()),
		);
	}
}

const writing: ReadonlySet<StatementType> = new Set([
	StatementType.COPY,
	StatementType.EXPORT,
	StatementType.ATTACH,
]);
const explaining: ReadonlySet<StatementType> = new Set([StatementType.EXPLAIN, StatementType.PREPARE]);

function isInside(dir: string, path: string): boolean {
	return path === dir || path.startsWith(dir.endsWith(sep) ? dir : dir + sep);
}

function columnsOf(result: DuckDBResult): SqlColumn[] {
	const types = result.columnTypes();
	return result.deduplicatedColumnNames().map((name, k) => ({ name, type: types[k].toString() }));
}

function firstNonEmpty<T>(...lists: readonly T[][]): T[] | undefined {
	return lists.find((l) => l.length > 0);
}
