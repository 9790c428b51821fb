/**
 * Columns of one table while its rows are collected, in the layout of lib/schema/batch.ts. Code that appends is
 * generated (decode/tracepoint, appender.ts): it holds the arrays in local variables and calls `full()` when the
 * capacity is reached.
 */
import { BATCH_ROWS, type Batch, type BatchColumn } from "../../lib/schema/batch.ts";
import type { Strings } from "./string-pool.ts";

/** How a column is stored: 64-bit as two 32-bit halves, `str` as codes of the string pool, `i64xN` N values a row. */
export type Store = "i64" | "i32" | "f64" | "bool" | "str" | `i64x${number}`;

export interface ColumnLayout {
	readonly name: string;
	readonly store: Store;
}

export type ColumnArray = Int32Array | Uint32Array | Float64Array | Uint8Array;

/** Code of NULL in a `str` column. */
export const NULL_STRING = 0xffff_ffff;

/** First capacity; it grows fourfold up to BATCH_ROWS, since most event types stay tiny. */
const FIRST_ROWS = 2048;

export function listLength(store: Store): number {
	return store.startsWith("i64x") ? Number(store.slice(4)) : 0;
}

export function allocate(store: Store, rows: number): ColumnArray {
	const list = listLength(store);
	if (list > 0) return new Int32Array(rows * 2 * list);
	switch (store) {
		case "i64":
			return new Int32Array(rows * 2);
		case "f64":
			return new Float64Array(rows);
		case "bool":
			return new Uint8Array(rows);
		case "str":
			return new Uint32Array(rows);
		default:
			return new Int32Array(rows);
	}
}

export class ColumnSet {
	capacity = FIRST_ROWS;
	arrays: ColumnArray[];
	/** Columns in which every row so far is valid have no mask. */
	#masks: (Uint8Array | null)[];
	#nulls: Int32Array;
	readonly #ts: number;
	/** Number in the table of the first row of the arrays. */
	first = 0;

	constructor(
		readonly table: string,
		readonly layout: readonly ColumnLayout[],
		readonly strings: Strings,
		readonly emit: (batch: Batch) => void,
	) {
		this.arrays = layout.map((l) => allocate(l.store, this.capacity));
		this.#masks = layout.map(() => null);
		this.#nulls = new Int32Array(layout.length);
		this.#ts = layout.findIndex((l) => l.name === "ts");
	}

	/** Marks a value as NULL. */
	setNull(column: number, row: number): void {
		let mask = this.#masks[column];
		if (!mask) {
			mask = new Uint8Array(Math.ceil(BATCH_ROWS / 64) * 8).fill(0xff);
			this.#masks[column] = mask;
		}
		mask[row >> 3]! &= ~(1 << (row & 7));
		this.#nulls[column]!++;
	}

	/** Makes room: grows the arrays, or emits a full batch and begins the next. Returns the row to write next. */
	full(rows: number): number {
		if (this.capacity < BATCH_ROWS) {
			this.capacity = Math.min(BATCH_ROWS, this.capacity * 4);
			this.arrays = this.layout.map((l, i) => {
				const bigger = allocate(l.store, this.capacity);
				bigger.set(this.arrays[i]!);
				return bigger;
			});
			return rows;
		}
		this.flush(rows);
		return 0;
	}

	/** Emits the rows that are there: their arrays are gone to the receiver, new ones take their place. */
	flush(rows: number): void {
		if (rows === 0) return;
		const columns: BatchColumn[] = [];
		for (const [i, l] of this.layout.entries()) {
			if (this.#nulls[i] === rows) continue;
			const mask = this.#nulls[i]! > 0 ? this.#masks[i]! : null;
			const array = this.arrays[i]!;
			const column =
				l.store === "str"
					? enumColumn(l.name, array as Uint32Array, rows, mask, this.strings)
					: plainColumn(l, array, mask);
			if (column) columns.push(column);
		}
		const ts = this.#ts >= 0 ? (this.arrays[this.#ts] as Int32Array) : null;
		this.first += rows;
		this.emit(sortedBatch(this.table, rows, columns, ts));
		this.arrays = this.layout.map((l) => allocate(l.store, this.capacity));
		this.#masks = this.layout.map(() => null);
		this.#nulls.fill(0);
	}
}

/** Codes of the pool become codes of a dictionary of the batch's own strings; null where every value is NULL. */
export function enumColumn(
	name: string,
	codes: Uint32Array,
	rows: number,
	mask: Uint8Array | null,
	strings: Strings,
): BatchColumn | null {
	const dictionary: string[] = [];
	const local = new Int32Array(strings.size).fill(-1);
	let validity = mask;
	for (let row = 0; row < rows; row++) {
		const code = codes[row]! >>> 0;
		if (code === NULL_STRING) {
			validity ??= new Uint8Array(Math.ceil(rows / 64) * 8).fill(0xff);
			validity[row >> 3]! &= ~(1 << (row & 7));
			codes[row] = 0;
			continue;
		}
		let own = local[code]!;
		if (own < 0) {
			own = dictionary.length;
			local[code] = own;
			dictionary.push(strings.text(code));
		}
		codes[row] = own;
	}
	if (dictionary.length === 0) return null;
	// DuckDB's widths of ENUM: one byte up to 255 members, two up to 65 535.
	const used = codes.subarray(0, rows);
	const data =
		dictionary.length <= 255
			? Uint8Array.from(used)
			: dictionary.length <= 65_535
				? Uint16Array.from(used)
				: used.slice();
	return {
		name,
		type: "ENUM",
		data: data.buffer as ArrayBuffer,
		dictionary,
		...(validity ? { validity: validity.buffer as ArrayBuffer } : {}),
	};
}

/** Bytes of one value of a batch column. */
function valueBytes(column: BatchColumn): number {
	if (column.type === "ENUM")
		return column.dictionary!.length <= 255 ? 1 : column.dictionary!.length <= 65_535 ? 2 : 4;
	if (column.type.startsWith("BIGINT[")) return 8 * Number(column.type.slice("BIGINT[".length, -1));
	return { BIGINT: 8, DOUBLE: 8, INTEGER: 4, BOOLEAN: 1 }[
		column.type as "BIGINT" | "DOUBLE" | "INTEGER" | "BOOLEAN"
	];
}

/** A batch with its rows in the order of `ts` (halves), which is one of the columns; null for a table without. */
export function sortedBatch(
	table: string,
	rows: number,
	columns: readonly BatchColumn[],
	ts: Int32Array | null,
): Batch {
	if (!ts) return { table, rows, columns, minTs: null, maxTs: null };
	const order = sortOrder(ts, rows);
	const [minTs, maxTs] = tsRange(ts, rows, order);
	if (!order) return { table, rows, columns, minTs, maxTs };
	const sorted = columns.map((c) => ({
		...c,
		data: gather(c.data, order, valueBytes(c)),
		...(c.validity ? { validity: gatherBits(new Uint8Array(c.validity), order).buffer as ArrayBuffer } : {}),
	}));
	return { table, rows, columns: sorted, minTs, maxTs };
}

export function plainColumn(l: ColumnLayout, array: ColumnArray, mask: Uint8Array | null): BatchColumn {
	const list = listLength(l.store);
	const type =
		list > 0
			? (`BIGINT[${list}]` as const)
			: l.store === "i64"
				? "BIGINT"
				: l.store === "f64"
					? "DOUBLE"
					: l.store === "bool"
						? "BOOLEAN"
						: "INTEGER";
	return {
		name: l.name,
		type,
		data: array.buffer as ArrayBuffer,
		...(mask ? { validity: mask.buffer as ArrayBuffer } : {}),
	};
}

const TWO_32 = 4_294_967_296;

function tsAt(ts: Int32Array, row: number): bigint {
	return (BigInt(ts[2 * row + 1]!) << 32n) | BigInt(ts[2 * row]! >>> 0);
}

function tsRange(ts: Int32Array, rows: number, order: Uint32Array | null): [bigint, bigint] {
	return order ? [tsAt(ts, order[0]!), tsAt(ts, order[rows - 1]!)] : [tsAt(ts, 0), tsAt(ts, rows - 1)];
}

/**
 * The order of rows by ts, ties in the order of arrival; null where they are in order already. Intervals are
 * appended when they end, so derived tables are nearly, but not quite, in the order of their starts.
 * A radix sort of 16-bit digits of ts − min, least significant first: linear and stable.
 */
function sortOrder(ts: Int32Array, rows: number): Uint32Array | null {
	const h0 = ts[1]!;
	let sorted = true;
	let min = Number.POSITIVE_INFINITY;
	let max = Number.NEGATIVE_INFINITY;
	let previous = Number.NEGATIVE_INFINITY;
	const keys = new Float64Array(rows);
	for (let row = 0; row < rows; row++) {
		const key = (ts[2 * row + 1]! - h0) * TWO_32 + (ts[2 * row]! >>> 0);
		if (key < previous) sorted = false;
		previous = key;
		if (key < min) min = key;
		if (key > max) max = key;
		keys[row] = key;
	}
	if (sorted) return null;
	let from = new Uint32Array(rows);
	let to = new Uint32Array(rows);
	for (let row = 0; row < rows; row++) from[row] = row;
	const count = new Uint32Array(65_537);
	for (let shift = 1, range = max - min; range >= 1; shift *= 65_536, range /= 65_536) {
		count.fill(0);
		for (let i = 0; i < rows; i++) count[(Math.floor((keys[i]! - min) / shift) % 65_536) + 1]!++;
		for (let i = 1; i < 65_537; i++) count[i]! += count[i - 1]!;
		for (let i = 0; i < rows; i++) {
			const row = from[i]!;
			to[count[Math.floor((keys[row]! - min) / shift) % 65_536]!++] = row;
		}
		[from, to] = [to, from];
	}
	return from;
}

function gather(data: ArrayBuffer, order: Uint32Array, bytes: number): ArrayBuffer {
	const Unit = bytes === 1 ? Uint8Array : bytes === 2 ? Uint16Array : Uint32Array;
	const each = Math.max(1, bytes >> 2);
	const from = new Unit(data);
	const to = new Unit(order.length * each);
	if (each === 1) for (let i = 0; i < order.length; i++) to[i] = from[order[i]!]!;
	else if (each === 2)
		for (let i = 0; i < order.length; i++) {
			const k = 2 * order[i]!;
			to[2 * i] = from[k]!;
			to[2 * i + 1] = from[k + 1]!;
		}
	else
		for (let i = 0; i < order.length; i++) {
			const k = order[i]! * each;
			for (let j = 0; j < each; j++) to[i * each + j] = from[k + j]!;
		}
	return to.buffer as ArrayBuffer;
}

function gatherBits(mask: Uint8Array, order: Uint32Array): Uint8Array {
	const out = new Uint8Array(Math.ceil(order.length / 64) * 8).fill(0xff);
	for (let i = 0; i < order.length; i++) {
		const row = order[i]!;
		if ((mask[row >> 3]! & (1 << (row & 7))) === 0) out[i >> 3]! &= ~(1 << (i & 7));
	}
	return out;
}
