/**
 * Batches -> Parquet files, through one DuckDB with one thread: a table function hands the batch's typed arrays over
 * in DuckDB's own layout and COPY writes them. More threads make it slower, since the callback runs on this thread.
 */
import { statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import duckdb from "@duckdb/node-bindings";
import { ARRAY, BIGINT, BOOLEAN, DOUBLE, DuckDBTableFunction, type DuckDBType, ENUM, INTEGER } from "duckdb";
import { type Duckdb, openDuckdb } from "../../lib/duckdb/open.ts";
import { BATCH_ROWS, type Batch, type BatchColumn } from "../../lib/schema/batch.ts";
import type { Table } from "../../lib/schema/column.ts";
import { quoteIdentifier, quoteText } from "../../lib/schema/layout.ts";
import type { IdentityRow } from "../decode/source.ts";
import { sortBatch } from "./column-set.ts";
import { appendRows } from "./rows.ts";

/** Rows of a DuckDB vector. */
const VECTOR = 2048;

const COPY_OPTIONS = `(FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, ROW_GROUP_SIZE ${BATCH_ROWS})`;

export interface WrittenTable {
	rows: number;
	bytes: number;
	minTs: bigint | null;
	maxTs: bigint | null;
	/** Paths of the files, in order of writing. */
	readonly files: string[];
	/** SQL type by column, in order of first sight. */
	readonly columns: Map<string, string>;
}

interface Layout {
	readonly type: DuckDBType;
	readonly bytes: number;
	/** Values of a list; 0 for none. */
	readonly list: number;
	/** Type as readers see it. */
	readonly sql: string;
}

function layoutOf(column: BatchColumn): Layout {
	switch (column.type) {
		case "BIGINT":
			return { type: BIGINT, bytes: 8, list: 0, sql: "BIGINT" };
		case "INTEGER":
			return { type: INTEGER, bytes: 4, list: 0, sql: "INTEGER" };
		case "DOUBLE":
			return { type: DOUBLE, bytes: 8, list: 0, sql: "DOUBLE" };
		case "BOOLEAN":
			return { type: BOOLEAN, bytes: 1, list: 0, sql: "BOOLEAN" };
		case "ENUM": {
			const n = column.dictionary!.length;
			return {
				type: ENUM(column.dictionary as string[]),
				bytes: n <= 255 ? 1 : n <= 65_535 ? 2 : 4,
				list: 0,
				sql: "VARCHAR",
			};
		}
		default: {
			const list = Number(column.type.slice("BIGINT[".length, -1));
			return { type: ARRAY(BIGINT, list), bytes: 8 * list, list, sql: "BIGINT[]" };
		}
	}
}

export class ParquetWriter {
	#batch: Batch | null = null;
	#layouts: Layout[] = [];
	#at = 0;
	readonly tables = new Map<string, WrittenTable>();

	private constructor(
		readonly db: Duckdb,
		readonly directory: string,
	) {}

	/** Writes to `directory/<table>/part-N.parquet`. */
	static async open(directory: string): Promise<ParquetWriter> {
		const writer = new ParquetWriter(await openDuckdb({ threads: 1 }), directory);
		writer.#register();
		return writer;
	}

	#register(): void {
		this.db.connection.registerTableFunction(
			DuckDBTableFunction.create({
				name: "batch",
				bindFunction: (info) => {
					const batch = this.#batch!;
					this.#layouts = batch.columns.map(layoutOf);
					for (const [i, c] of batch.columns.entries()) info.addResultColumn(c.name, this.#layouts[i]!.type);
					info.setCardinality(batch.rows, true);
				},
				initFunction: (info) => info.setMaxThreads(1),
				mainFunction: (info, chunk) => {
					try {
						chunk.rowCount = this.#fill(chunk.chunk);
					} catch (error) {
						info.setError(String(error));
					}
				},
			}),
		);
	}

	/** Copies the next rows to a chunk. copy_data_to_vector checks no bounds: this is the place that keeps them. */
	#fill(chunk: duckdb.DataChunk): number {
		const batch = this.#batch!;
		const rows = Math.min(VECTOR, batch.rows - this.#at);
		if (rows <= 0) return 0;
		duckdb.data_chunk_set_size(chunk, rows);
		for (const [i, column] of batch.columns.entries()) {
			const { bytes, list } = this.#layouts[i]!;
			if (column.data.byteLength < (this.#at + rows) * bytes)
				throw new RangeError(`${batch.table}.${column.name}: fewer values than rows`);
			const vector = duckdb.data_chunk_get_vector(chunk, i);
			duckdb.copy_data_to_vector(
				list > 0 ? duckdb.array_vector_get_child(vector) : vector,
				0,
				column.data,
				this.#at * bytes,
				rows * bytes,
			);
			if (column.validity) {
				duckdb.vector_ensure_validity_writable(vector);
				duckdb.copy_data_to_vector_validity(
					vector,
					0,
					column.validity,
					this.#at / 8,
					Math.ceil(rows / 64) * 8,
				);
			}
		}
		this.#at += rows;
		return rows;
	}

	#table(name: string): WrittenTable {
		let table = this.tables.get(name);
		if (!table) {
			table = { rows: 0, bytes: 0, minTs: null, maxTs: null, files: [], columns: new Map() };
			this.tables.set(name, table);
		}
		return table;
	}

	async #copy(name: string, select: string): Promise<void> {
		const table = this.#table(name);
		const directory = join(this.directory, name);
		if (table.files.length === 0) await mkdir(directory, { recursive: true });
		const file = join(directory, `part-${table.files.length}.parquet`);
		await this.db.connection.run(`COPY (${select}) TO ${quoteText(file)} ${COPY_OPTIONS}`);
		table.files.push(file);
		table.bytes += statSync(file).size;
	}

	/** Returns the batch as it was written: its buffers are free. */
	async write(unsorted: Batch): Promise<Batch> {
		const batch = sortBatch(unsorted);
		this.#batch = batch;
		this.#at = 0;
		await this.#copy(batch.table, "SELECT * FROM batch()");
		const table = this.#table(batch.table);
		table.rows += batch.rows;
		if (batch.minTs !== null && (table.minTs === null || batch.minTs < table.minTs))
			table.minTs = batch.minTs;
		if (batch.maxTs !== null && (table.maxTs === null || batch.maxTs > table.maxTs))
			table.maxTs = batch.maxTs;
		for (const [i, c] of batch.columns.entries()) table.columns.set(c.name, this.#layouts[i]!.sql);
		this.#batch = null;
		return batch;
	}

	/** Rows of an identity table, few enough to be objects. */
	async writeRows(declaration: Table, rows: readonly IdentityRow[]): Promise<void> {
		if (rows.length === 0) return;
		const { connection } = this.db;
		const columns = Object.entries(declaration.columns);
		await connection.run(
			`CREATE OR REPLACE TEMP TABLE identity (${columns.map(([name, c]) => `${quoteIdentifier(name)} ${c.type}`).join(", ")})`,
		);
		await appendRows(connection, "identity", columns, rows);
		await this.#copy(declaration.name, "SELECT * FROM identity ORDER BY rowid");
		const table = this.#table(declaration.name);
		table.rows += rows.length;
		for (const [name, c] of columns) table.columns.set(name, c.type);
		await connection.run("DROP TABLE identity");
	}

	close(): void {
		this.db.close();
	}
}
