/**
 * Columns of one table while its rows are collected, in the layout of lib/schema/batch.ts. Code that appends is
 * generated (decode/tracepoint, appender.ts): it holds the arrays in local variables and calls `full()` when the
 * capacity is reached.
 */
import { BATCH_ROWS, type Batch, type BatchColumn, type SortedBatch } from "../../lib/schema/batch.ts";
import { giveBuffer, takeBuffer } from "./buffers.ts";
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

/** An array for `rows` values; what is in it is undefined. */
export function allocate(store: Store, rows: number): ColumnArray {
	const list = listLength(store);
	if (list > 0) return new Int32Array(takeBuffer(rows * 8 * list));
	switch (store) {
		case "i64":
			return new Int32Array(takeBuffer(rows * 8));
		case "f64":
			return new Float64Array(takeBuffer(rows * 8));
		case "bool":
			return new Uint8Array(takeBuffer(rows));
		case "str":
			return new Uint32Array(takeBuffer(rows * 4));
		default:
			return new Int32Array(takeBuffer(rows * 4));
	}
}

export class ColumnSet {
	capacity = FIRST_ROWS;
	arrays: ColumnArray[];
	/** Columns in which every row so far is valid have no mask. */
	#masks: (Uint8Array | null)[];
	#nulls: Int32Array;
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
				giveBuffer(this.arrays[i]!.buffer as ArrayBuffer);
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
			if (this.#nulls[i] === rows) {
				giveBuffer(this.arrays[i]!.buffer as ArrayBuffer);
				continue;
			}
			const mask = this.#nulls[i]! > 0 ? this.#masks[i]! : null;
			const array = this.arrays[i]!;
			const column =
				l.store === "str"
					? enumColumn(l.name, array as Uint32Array, rows, mask, this.strings)
					: plainColumn(l, array, mask);
			if (column) columns.push(column);
		}
		this.first += rows;
		this.emit({ table: this.table, rows, columns });
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
	// many a text column has nothing
	let first = 0;
	while (first < rows && codes[first] === NULL_STRING) first++;
	if (first === rows) {
		giveBuffer(codes.buffer as ArrayBuffer);
		return null;
	}
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
	// DuckDB's widths of ENUM: one byte up to 255 members, two up to 65 535.
	const Codes = dictionary.length <= 255 ? Uint8Array : dictionary.length <= 65_535 ? Uint16Array : null;
	let data: ArrayBuffer = codes.buffer as ArrayBuffer;
	if (Codes) {
		const narrow = new Codes(takeBuffer(codes.length * Codes.BYTES_PER_ELEMENT));
		for (let row = 0; row < rows; row++) narrow[row] = codes[row]!;
		giveBuffer(data);
		data = narrow.buffer as ArrayBuffer;
	}
	return {
		name,
		type: "ENUM",
		data,
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

/**
 * Sorts the rows of a batch by `ts`; rows of equal `ts` stay in their order, rows whose `ts` is NULL come first. Its
 * buffers are used up where something had to be moved. Runs where the writer does, which has more time than the decoder.
 */
export function sortBatch(batch: Batch): SortedBatch {
	const { table, rows, columns } = batch;
	const stamps = columns.find((c) => c.name === "ts");
	if (!stamps) return { table, rows, columns, minTs: null, maxTs: null };
	const ts = new Int32Array(stamps.data);
	const mask = stamps.validity ? new Uint8Array(stamps.validity) : null;
	let nulls = 0;
	if (mask)
		for (let row = 0; row < rows; row++)
			if ((mask[row >> 3]! & (1 << (row & 7))) === 0) {
				ts[2 * row] = 0;
				ts[2 * row + 1] = -0x8000_0000;
				nulls++;
			}
	const order = sortOrder(ts, rows);
	const at = (place: number): bigint => tsAt(ts, order ? order[place]! : place);
	const [minTs, maxTs] = nulls === rows ? [null, null] : [at(nulls), at(rows - 1)];
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

function tsAt(ts: Int32Array, row: number): bigint {
	return (BigInt(ts[2 * row + 1]!) << 32n) | BigInt(ts[2 * row]! >>> 0);
}

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

/**
 * The order of rows by ts, ties in the order of arrival; null where they are in order already. Intervals are
 * appended when they end, so derived tables are nearly, but not quite, in the order of their starts.
 * A radix sort of ts − min, least significant digit first: linear and stable.
 */
function sortOrder(ts: Int32Array, rows: number): Uint32Array | null {
	let row = 1;
	while (row < rows && !before(ts, row, row - 1)) row++;
	if (row >= rows) return null;
	let min = 0;
	let max = 0;
	for (row = 1; row < rows; row++) {
		if (before(ts, row, min)) min = row;
		if (before(ts, max, row)) max = row;
	}
	const lo = new Uint32Array(rows);
	const hi = new Uint32Array(rows);
	const minLo = ts[2 * min]! >>> 0;
	const minHi = ts[2 * min + 1]!;
	for (row = 0; row < rows; row++) {
		const l = ts[2 * row]! >>> 0;
		lo[row] = l - minLo;
		hi[row] = ts[2 * row + 1]! - minHi - (l < minLo ? 1 : 0);
	}
	let order: Uint32Array = new Uint32Array(rows);
	let other: Uint32Array = new Uint32Array(rows);
	for (row = 0; row < rows; row++) order[row] = row;
	const pass = (keys: Uint32Array, shift: number): void => {
		radixPass(keys, shift, order, other);
		[order, other] = [other, order];
	};
	const top = hi[max]!;
	for (let shift = 0; shift < 32 && (top > 0 || lo[max]! >>> shift > 0); shift += DIGIT_BITS) pass(lo, shift);
	for (let shift = 0; shift < 32 && top >>> shift > 0; shift += DIGIT_BITS) pass(hi, shift);
	return order;
}

function before(ts: Int32Array, a: number, b: number): boolean {
	const ah = ts[2 * a + 1]!;
	const bh = ts[2 * b + 1]!;
	return ah < bh || (ah === bh && ts[2 * a]! >>> 0 < ts[2 * b]! >>> 0);
}

function radixPass(keys: Uint32Array, shift: number, from: Uint32Array, to: Uint32Array): void {
	const start = new Uint32Array(DIGITS + 1);
	for (let i = 0; i < keys.length; i++) start[((keys[i]! >>> shift) & (DIGITS - 1)) + 1]!++;
	for (let d = 1; d < DIGITS; d++) start[d]! += start[d - 1]!;
	for (let i = 0; i < from.length; i++) {
		const row = from[i]!;
		const digit = (keys[row]! >>> shift) & (DIGITS - 1);
		to[start[digit]!++] = row;
	}
}

function gather(data: ArrayBuffer, order: Uint32Array, bytes: number): ArrayBuffer {
	const Unit = bytes === 1 ? Uint8Array : bytes === 2 ? Uint16Array : Uint32Array;
	const each = Math.max(1, bytes >> 2);
	const from = new Unit(data);
	const to = new Unit(takeBuffer(data.byteLength));
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
	giveBuffer(data);
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
