/**
 * What crosses from decoding and deriving to whoever consumes tables (the Parquet writer, the live window):
 * columns in DuckDB's own physical layout, self-contained and transferable between threads.
 */

export interface BatchColumn {
	readonly name: string;
	/**
	 * Layout of `data`: BIGINT, INTEGER, DOUBLE little-endian values of 8, 4, 8 bytes; BOOLEAN one byte each;
	 * ENUM codes into `dictionary` of 1, 2 or 4 bytes (fewer than 256, fewer than 65 536, or more entries);
	 * BIGINT[n] n consecutive BIGINT per row.
	 */
	readonly type: "BIGINT" | "INTEGER" | "DOUBLE" | "BOOLEAN" | "ENUM" | `BIGINT[${number}]`;
	readonly data: ArrayBuffer;
	/** One bit per row, least significant first, 1 = valid; absent where no value is NULL. Length a multiple of 8 bytes. */
	readonly validity?: ArrayBuffer;
	readonly dictionary?: readonly string[];
}

export interface Batch {
	readonly table: string;
	readonly rows: number;
	/** A column that is NULL in every row may be left out: readers unite files by name. */
	readonly columns: readonly BatchColumn[];
}

/** A batch whose rows are in the order of `ts`, where the table has one. */
export interface SortedBatch extends Batch {
	/** Least and greatest `ts` of the rows, ns on the trace's clock; null where the table has no `ts`. */
	readonly minTs: bigint | null;
	readonly maxTs: bigint | null;
}

/** Rows in a batch, a Parquet file and a row group, at most. */
export const BATCH_ROWS = 122_880;
