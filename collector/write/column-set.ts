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

/** Rows that come before a held batch is emitted: a stack follows its event within microseconds. */
const HOLD_ROWS = 2048;

/** First capacity; it grows fourfold up to BATCH_ROWS, since most event types stay tiny. */
const FIRST_ROWS = 2048;

export function listLength(store: Store): number {
	return store.startsWith("i64x") ? Number(store.slice(4)) : 0;
}

function allocate(store: Store, rows: number): ColumnArray {
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

/** Elements of the array that one row takes. */
function width(store: Store): number {
	return store === "i64" ? 2 : Math.max(1, 2 * listLength(store));
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
	/** A full batch that is held back, so that its rows can still be patched. */
	#held: { arrays: ColumnArray[]; masks: (Uint8Array | null)[]; nulls: Int32Array; rows: number } | null =
		null;

	constructor(
		readonly table: string,
		readonly layout: readonly ColumnLayout[],
		readonly strings: Strings,
		readonly emit: (batch: Batch) => void,
		/** Rows get values after they were written (patch): a full batch is held until HOLD_ROWS more have come. */
		readonly patchable = false,
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

	/**
	 * Sets an INTEGER value of an earlier row, by the row's number in the table. In a patchable set the last column
	 * holds -1 for NULL. False where the row has been emitted.
	 */
	patch(column: number, row: number, value: number): boolean {
		if (row >= this.first) this.arrays[column]![row - this.first] = value;
		else if (this.#held && row >= this.first - this.#held.rows)
			this.#held.arrays[column]![row - this.first + this.#held.rows] = value;
		else return false;
		return true;
	}

	/** Makes room: grows the arrays, or seals a full batch and begins the next. Returns the row to write next. */
	full(rows: number): number {
		if (this.#held) this.#release();
		if (rows === this.arrays[0]!.length / width(this.layout[0]!.store)) {
			if (rows < BATCH_ROWS) this.#grow();
			else return this.#turn(rows);
		}
		this.capacity = this.arrays[0]!.length / width(this.layout[0]!.store);
		return rows;
	}

	/** Emits everything that is there. */
	flush(rows: number): void {
		if (this.#held) this.#release();
		if (rows > 0) {
			this.#turn(rows);
			if (this.#held) this.#release();
		}
	}

	#grow(): void {
		const capacity = Math.min(BATCH_ROWS, this.capacity * 4);
		this.arrays = this.layout.map((l, i) => {
			const bigger = allocate(l.store, capacity);
			bigger.set(this.arrays[i]!);
			return bigger;
		});
	}

	#turn(rows: number): number {
		this.#held = { arrays: this.arrays, masks: this.#masks, nulls: this.#nulls, rows };
		this.first += rows;
		const capacity = this.arrays[0]!.length / width(this.layout[0]!.store);
		this.arrays = this.layout.map((l) => allocate(l.store, capacity));
		this.#masks = this.layout.map(() => null);
		this.#nulls = new Int32Array(this.layout.length);
		if (this.patchable) this.capacity = Math.min(HOLD_ROWS, capacity);
		else this.#release();
		return 0;
	}

	/** Emits the held batch: its arrays are gone to the receiver. */
	#release(): void {
		const { arrays, masks, nulls, rows } = this.#held!;
		this.#held = null;
		if (this.patchable) sentinelNulls(arrays, masks, nulls, rows);
		const ts = this.#ts >= 0 ? (arrays[this.#ts] as Int32Array) : null;
		const order = ts ? sortOrder(ts, rows) : null;
		const columns: BatchColumn[] = [];
		for (const [i, l] of this.layout.entries()) {
			if (nulls[i] === rows) continue;
			let array = arrays[i]!;
			let mask = nulls[i]! > 0 ? masks[i]! : null;
			if (order) {
				array = gather(array, order, width(l.store));
				if (mask) mask = gatherBits(mask, order);
			}
			const column =
				l.store === "str"
					? this.#enumColumn(l.name, array as Uint32Array, rows, mask)
					: plainColumn(l, array, mask);
			if (column) columns.push(column);
		}
		const [minTs, maxTs] = ts ? tsRange(ts, rows, order) : [null, null];
		this.emit({ table: this.table, rows, columns, minTs, maxTs });
	}

	/** Codes of the pool become codes of a dictionary of the batch's own strings. */
	#enumColumn(name: string, codes: Uint32Array, rows: number, mask: Uint8Array | null): BatchColumn | null {
		const local = new Map<number, number>();
		const dictionary: string[] = [];
		let validity = mask;
		let last = -1;
		let lastLocal = 0;
		for (let row = 0; row < rows; row++) {
			const code = codes[row]!;
			if (code === NULL_STRING) {
				validity ??= new Uint8Array(Math.ceil(rows / 64) * 8).fill(0xff);
				validity[row >> 3]! &= ~(1 << (row & 7));
				codes[row] = 0;
				continue;
			}
			if (code !== last) {
				last = code;
				const known = local.get(code);
				if (known === undefined) {
					lastLocal = dictionary.length;
					local.set(code, lastLocal);
					dictionary.push(this.strings.text(code));
				} else lastLocal = known;
			}
			codes[row] = lastLocal;
		}
		if (dictionary.length === 0) return null;
		// DuckDB's widths of ENUM: one byte up to 255 members, two up to 65 535.
		const data =
			dictionary.length <= 255
				? Uint8Array.from(codes.subarray(0, rows))
				: dictionary.length <= 65_535
					? Uint16Array.from(codes.subarray(0, rows))
					: codes;
		return {
			name,
			type: "ENUM",
			data: data.buffer as ArrayBuffer,
			dictionary,
			...(validity ? { validity: validity.buffer as ArrayBuffer } : {}),
		};
	}
}

/** In a patchable set the last column holds -1 for NULL until now. */
function sentinelNulls(
	arrays: ColumnArray[],
	masks: (Uint8Array | null)[],
	nulls: Int32Array,
	rows: number,
): void {
	const k = arrays.length - 1;
	const values = arrays[k]!;
	let count = 0;
	for (let row = 0; row < rows; row++) if (values[row] === -1) count++;
	nulls[k] = count;
	if (count === 0 || count === rows) return;
	const mask = new Uint8Array(Math.ceil(rows / 64) * 8).fill(0xff);
	for (let row = 0; row < rows; row++) if (values[row] === -1) mask[row >> 3]! &= ~(1 << (row & 7));
	masks[k] = mask;
}

function plainColumn(l: ColumnLayout, array: ColumnArray, mask: Uint8Array | null): BatchColumn {
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

function gather(array: ColumnArray, order: Uint32Array, each: number): ColumnArray {
	const out = new (array.constructor as new (n: number) => ColumnArray)(order.length * each);
	if (each === 1) for (let i = 0; i < order.length; i++) out[i] = array[order[i]!]!;
	else
		for (let i = 0; i < order.length; i++) {
			const from = order[i]! * each;
			for (let k = 0; k < each; k++) out[i * each + k] = array[from + k]!;
		}
	return out;
}

function gatherBits(mask: Uint8Array, order: Uint32Array): Uint8Array {
	const out = new Uint8Array(Math.ceil(order.length / 64) * 8).fill(0xff);
	for (let i = 0; i < order.length; i++) {
		const row = order[i]!;
		if ((mask[row >> 3]! & (1 << (row & 7))) === 0) out[i >> 3]! &= ~(1 << (i & 7));
	}
	return out;
}
