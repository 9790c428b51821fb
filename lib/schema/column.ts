/**
 * How tables and columns are declared. Every table and column of a dataset is declared once, in this folder;
 * collector, library, completion, documentation and tests read the same declaration.
 */

/** SQL types that DuckDB, Trino, Arrow and Arquero agree on. No unsigned types, HUGEINT or TIMESTAMP. */
export type ColumnType =
	| "BIGINT"
	| "INTEGER"
	| "DOUBLE"
	| "BOOLEAN"
	| "VARCHAR"
	| "BIGINT[]"
	| "INTEGER[]"
	| "VARCHAR[]";

/**
 * Unit of a column.
 * - `stamp`: ns on the trace's own clock (a point in time)
 * - `ns`: a duration
 * - `address`, `mask`: 64 bits kept as they are in a BIGINT (print with the macro `hex()`)
 * - `sectors`: always 512 bytes
 * - `id`: a key into an identity table, or of this table
 */
export type Unit = "stamp" | "ns" | "address" | "mask" | "bytes" | "sectors" | "khz" | "id" | "count";

export interface Column<T extends ColumnType = ColumnType, U extends Unit | undefined = Unit | undefined> {
	readonly type: T;
	readonly unit: U;
	/** One sentence. Says what NULL means where the column can be NULL. */
	readonly doc: string;
	/** `table.column` of the identity table in which every non-null value has its row. */
	readonly ref?: string;
}

export type Kind = "identity" | "event" | "derived" | "import";

export interface Table<C extends Record<string, Column> = Record<string, Column>> {
	readonly name: string;
	readonly kind: Kind;
	/** What a row is, in one sentence. */
	readonly doc: string;
	/** In the order of the columns of the Parquet file. `trace`, `host` and `date` come from the path. */
	readonly columns: C;
}

interface Options<U extends Unit | undefined> {
	unit?: U;
	ref?: string;
}

function column<T extends ColumnType, U extends Unit | undefined>(
	type: T,
	doc: string,
	o?: Options<U>,
): Column<T, U> {
	return { type, unit: o?.unit as U, doc, ...(o?.ref ? { ref: o.ref } : {}) };
}

/** Shorthands for declarations. */
export const c = {
	/** A point in time: ns on the trace's own clock. */
	stamp: (doc: string) => column("BIGINT", doc, { unit: "stamp" }),
	/** A duration in ns. */
	ns: (doc: string) => column("BIGINT", doc, { unit: "ns" }),
	address: (doc: string) => column("BIGINT", doc, { unit: "address" }),
	mask: (doc: string) => column("BIGINT", doc, { unit: "mask" }),
	bytes: (doc: string) => column("BIGINT", doc, { unit: "bytes" }),
	sectors: (doc: string) => column("BIGINT", doc, { unit: "sectors" }),
	khz: (doc: string) => column("BIGINT", doc, { unit: "khz" }),
	utid: (doc: string) => column("INTEGER", doc, { unit: "id", ref: "thread.utid" }),
	stack: (doc: string) => column("INTEGER", doc, { unit: "id", ref: "stack.stack_id" }),
	id: (doc: string, ref?: string) => column("INTEGER", doc, { unit: "id", ...(ref ? { ref } : {}) }),
	bigint: (doc: string) => column("BIGINT", doc),
	integer: (doc: string) => column("INTEGER", doc),
	double: (doc: string) => column("DOUBLE", doc),
	boolean: (doc: string) => column("BOOLEAN", doc),
	varchar: (doc: string) => column("VARCHAR", doc),
	bigints: (doc: string) => column("BIGINT[]", doc),
	addresses: (doc: string) => column("BIGINT[]", doc, { unit: "address" }),
	integers: (doc: string) => column("INTEGER[]", doc),
	varchars: (doc: string) => column("VARCHAR[]", doc),
};

export function table<C extends Record<string, Column>>(
	kind: Kind,
	name: string,
	doc: string,
	columns: C,
): Table<C> {
	return { kind, name, doc, columns };
}

/**
 * A row as the collector's state machines hand it to a table builder: numbers only, no allocation per row.
 * - a 64-bit pattern (`address`, `mask`) is two halves, `<name>_lo` and `<name>_hi`, as signed 32-bit integers;
 *   NULL is `<name>_hi` = NaN
 * - other numbers are doubles; NULL is NaN. Stamps are relative to the trace's base stamp
 * - VARCHAR is a code of the string pool; NULL is -1
 * - BOOLEAN is 0 or 1; NULL is NaN
 * - a BIGINT[] column takes an Int32Array of halves (low, high, low, high, ...), which may be reused, or null
 */
export type Row<T extends Table> =
	T extends Table<infer C>
		? {
				[K in keyof C & string as C[K]["unit"] extends "address" | "mask"
					? C[K]["type"] extends "BIGINT"
						? `${K}_lo` | `${K}_hi`
						: K
					: K]: C[K]["type"] extends "BIGINT[]" ? Int32Array | null : number;
			}
		: never;
