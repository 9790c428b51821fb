/**
 * The rows of one event type on their way to columns. A record's fixed part is copied word by word to a row of a
 * small staging buffer, which stays in the processor's cache; when it is full, one tight loop a column appends its
 * rows to the columns. All event types share this code, so that it is compiled once and stays fast: a function
 * generated for every type costs more time in the JIT compiler than it saves.
 */
import type { Batch, BatchColumn } from "../../../lib/schema/batch.ts";
import { BATCH_ROWS } from "../../../lib/schema/batch.ts";
import type { Threads } from "../../identity/threads.ts";
import type { BaseStamp } from "../../write/appender.ts";
import { giveBuffer } from "../../write/buffers.ts";
import {
	allocate,
	type ColumnArray,
	type ColumnLayout,
	enumColumn,
	listLength,
	plainColumn,
	type Store,
} from "../../write/column-set.ts";
import type { Strings } from "../../write/string-pool.ts";
import { type FieldColumn, fieldColumns } from "./columns.ts";
import type { EventFormat, Field } from "./format.ts";
import { type CommCache, hexText, type Interner } from "./interner.ts";
import type { RecordMemory } from "./memory.ts";
import type { RecentEvents } from "./recent.ts";

/** Words of a row before the record's own: time (two words, a double), CPU, thread, stacks, then codes of texts. */
const CPU = 2;
const UTID = 3;
const STACK = 4;
const USER_STACK = 5;
const HEAD = 6;

/** Places in TableContext.clock. */
export const STAMP = 0;
export const NOW = 1;

/** Rows of the staging buffer. */
const STAGED_ROWS = 512;
/** Rows that stay staged when the buffer is emptied: a stack follows its event within microseconds. */
const HOLD_ROWS = 128;
/** First capacity of the columns in rows; it grows fourfold. */
const FIRST_ROWS = 512;
/** Columns of all event types together; beyond it a batch is emitted early instead of enlarged. */
const BUDGET = 192 * 1024 * 1024;

/** Calls the handlers of the derivations that want this event. */
export type Thunk = (p: number, end: number, now: number, cpu: number, utid: number) => void;

export interface TableContext {
	readonly memory: RecordMemory;
	readonly strings: Strings;
	readonly interner: Interner;
	readonly comms: CommCache;
	readonly threads: Threads;
	readonly base: BaseStamp;
	readonly recent: RecentEvents;
	/**
	 * Times of the current record, ns since the base: its stamp, and the time for derivations, which never decreases.
	 * In memory, since a double that is passed as an argument costs an allocation.
	 */
	readonly clock: Float64Array;
	/** Bytes of columns in use. */
	readonly columns: { bytes: number };
	/** Events may come with a user stack. */
	readonly userStacks: boolean;
	readonly emit: (batch: Batch) => void;
	/** A record whose locator points outside it, or that is shorter than its format says. */
	readonly damaged: (event: string, cpu: number) => void;
}

/** Text that is read when the record is: its length varies. */
interface TailText {
	readonly field: Field;
	readonly hex: boolean;
	/** Word of the row that takes the code. */
	readonly word: number;
}

const common = (format: EventFormat, name: string): Field | undefined =>
	format.common.find((f) => f.name === name);

/** A column and how its values come out of staged rows. */
interface Target {
	readonly layout: ColumnLayout;
	array: ColumnArray;
	/** Appends the rows of `source` from row `to` on. */
	readonly append: (source: RowSource, array: ColumnArray, to: number) => void;
}

export class EventTable {
	readonly fields: readonly FieldColumn[];
	/** Number in RecentEvents. */
	readonly number: number;
	/** Number in the table of the first staged row. */
	#first = 0;
	#staged = 0;
	readonly #stride: number;
	readonly #words: Int32Array;
	readonly #times: Float64Array;
	readonly #from: number;
	readonly #count: number;
	readonly #minimum: number;
	readonly #pid: number;
	readonly #texts: readonly TailText[];
	readonly #memory: RecordMemory;
	readonly #threads: Threads;
	readonly #recent: RecentEvents;
	readonly #ownStacks: boolean;
	readonly #clock: Float64Array;
	readonly #source: RowSource;
	readonly #targets: Target[];
	readonly #stacks: Target;
	readonly #userStacks: Target;
	/** Whether any of the rows may have a stack: those that are staged, those in the columns. */
	#stagedStacks = false;
	#columnStacks = false;
	#rows = 0;
	#capacity = FIRST_ROWS;

	constructor(
		readonly format: EventFormat,
		readonly table: string,
		readonly ctx: TableContext,
		readonly thunk: Thunk | null,
	) {
		this.fields = fieldColumns(format);
		this.#memory = ctx.memory;
		this.#threads = ctx.threads;
		this.#recent = ctx.recent;
		this.#ownStacks = ctx.userStacks;
		this.#clock = ctx.clock;
		this.number = ctx.recent.register();
		const texts: TailText[] = [];
		for (const { field } of this.fields)
			if (
				field.kind === "tail-chars" ||
				field.kind === "tail-array" ||
				field.kind === "loc-chars" ||
				field.kind === "loc-data"
			)
				texts.push({
					field,
					hex: field.kind === "tail-array" || field.kind === "loc-data",
					word: HEAD + texts.length,
				});
		this.#texts = texts;
		const fixed = format.fields.filter((f) => f.size > 0);
		const copied = fixed.filter((f) => !texts.some((t) => t.field === f));
		this.#from = copied.length === 0 ? 0 : Math.min(...copied.map((f) => f.offset)) >> 2;
		const endOf = (fields: readonly Field[]): number => Math.max(0, ...fields.map((f) => f.offset + f.size));
		this.#count = copied.length === 0 ? 0 : Math.ceil(endOf(copied) / 4) - this.#from;
		this.#minimum = Math.max(endOf(fixed), endOf(format.common));
		this.#pid = common(format, "common_pid")?.offset ?? -1;
		// an even number of words keeps every row's time aligned
		this.#stride = (HEAD + texts.length + this.#count + 1) & ~1;
		const buffer = new ArrayBuffer(STAGED_ROWS * this.#stride * 4);
		this.#words = new Int32Array(buffer);
		this.#times = new Float64Array(buffer);
		this.#source = {
			words: this.#words,
			times: this.#times,
			bytes: new Uint8Array(buffer),
			view: new DataView(buffer),
			stride: this.#stride,
			rows: 0,
			littleEndian: ctx.memory.littleEndian,
			ctx,
		};
		const record = 4 * (HEAD + texts.length - this.#from);
		const target = (name: string, store: Store, append: Target["append"]): Target => ({
			layout: { name, store },
			array: allocate(store, FIRST_ROWS),
			append,
		});
		this.#stacks = target("stack_id", "i32", this.#stackWords(STACK));
		this.#userStacks = target("user_stack_id", "i32", this.#stackWords(USER_STACK));
		this.#targets = [
			target("ts", "i64", stamps),
			target("cpu", "i32", words(CPU)),
			target("utid", "i32", words(UTID)),
			...this.fields.map((fc) => {
				const text = texts.find((t) => t.field === fc.field);
				return target(
					fc.name,
					fc.store,
					text ? words(text.word) : appendField(fc, record + fc.field.offset, ctx.memory.littleEndian),
				);
			}),
			this.#stacks,
			...(ctx.userStacks ? [this.#userStacks] : []),
		];
		ctx.columns.bytes += this.#bytes();
	}

	/** Most tables have no stacks at all. */
	#stackWords(word: number): Append {
		const append = words(word);
		return (source, out, to) => {
			if (this.#stagedStacks) append(source, out, to);
			else out.fill(-1, to, to + source.rows);
		};
	}

	#bytes(): number {
		return this.#targets.reduce((sum, t) => sum + t.array.byteLength, 0);
	}

	/** Rows so far. */
	get rows(): number {
		return this.#first + this.#staged;
	}

	/** One record at `p`, its bytes up to `end`, at the time of the context's clock. */
	on(p: number, end: number, cpu: number): void {
		if (end - p < this.#minimum) {
			this.ctx.damaged(this.format.name, cpu);
			return;
		}
		if (this.#staged === STAGED_ROWS) this.#unstage(STAGED_ROWS - HOLD_ROWS);
		const memory = this.#memory;
		const threads = this.#threads;
		const now = this.#clock[NOW]!;
		const i32 = memory.i32;
		const pid =
			this.#pid < 0
				? 0
				: memory.littleEndian
					? i32[(p + this.#pid) >> 2]!
					: memory.view.getInt32(p + this.#pid, false);
		let utid = 0;
		if (pid !== 0) {
			utid = pid > 0 && pid < 4_194_304 ? threads.byTid[pid]! : 0;
			if (utid === 0) utid = threads.appear(pid, now);
		}
		threads.lastTs[utid] = now;
		const row = this.#staged++;
		const at = row * this.#stride;
		const words = this.#words;
		this.#times[at >> 1] = this.#clock[STAMP]!;
		words[at + CPU] = cpu;
		words[at + UTID] = utid;
		words[at + STACK] = -1;
		words[at + USER_STACK] = -1;
		let to = at + HEAD;
		const texts = this.#texts;
		for (let k = 0; k < texts.length; k++) words[to++] = this.#text(texts[k]!, p, end, cpu);
		let from = (p >> 2) + this.#from;
		for (const stop = from + this.#count; from < stop; ) words[to++] = i32[from++]!;
		// where stacks come with their events, none comes after it
		if (!this.#ownStacks) this.#recent.push(cpu, this.number, this.#first + row, utid);
		if (this.thunk !== null) this.thunk(p, end, now, cpu, utid);
	}

	#text(t: TailText, p: number, end: number, cpu: number): number {
		const { interner, strings } = this.ctx;
		const { u8, view, littleEndian } = this.#memory;
		const { field } = t;
		let from = p + field.offset;
		let length = end - from;
		if (field.size === 4) {
			const word = view.getUint32(from, littleEndian);
			// no kernel writes this: a recorder had no such text
			if (word === 0) return -1;
			from = p + (field.relative ? field.offset + 4 : 0) + (word & 0xffff);
			length = word >>> 16;
			if (from + length > end) {
				this.ctx.damaged(this.format.name, cpu);
				return -1;
			}
		}
		return t.hex ? strings.code(hexText(u8, from, from + length)) : interner.code(u8, from, length);
	}

	/** Sets the kernel stack of a row by its number in the table; false where it has been emitted. */
	setStack(row: number, stackId: number): boolean {
		if (row >= this.#first) {
			this.#words[(row - this.#first) * this.#stride + STACK] = stackId;
			this.#stagedStacks = true;
		} else if (row >= this.#first - this.#rows) {
			this.#stacks.array[row - this.#first + this.#rows] = stackId;
			this.#columnStacks = true;
		} else return false;
		return true;
	}

	/** Sets the stacks of the row that was added last; -1 = none. */
	setLastStacks(kernel: number, user: number): void {
		const at = (this.#staged - 1) * this.#stride;
		this.#words[at + STACK] = kernel;
		this.#words[at + USER_STACK] = user;
		this.#stagedStacks = true;
	}

	/** Appends the first `count` staged rows to the columns; the others move to the front. */
	#unstage(count: number): void {
		if (this.#rows + count > this.#capacity) this.#makeRoom(count);
		this.#source.rows = count;
		for (const t of this.#targets) t.append(this.#source, t.array, this.#rows);
		if (this.#stagedStacks) this.#columnStacks = true;
		this.#rows += count;
		this.#words.copyWithin(0, count * this.#stride, this.#staged * this.#stride);
		this.#staged -= count;
		this.#first += count;
	}

	#makeRoom(count: number): void {
		const { columns } = this.ctx;
		const capacity = Math.min(BATCH_ROWS, this.#capacity * 4);
		const bytes = this.#bytes();
		if (
			this.#rows + count <= capacity &&
			columns.bytes + (bytes / this.#capacity) * (capacity - this.#capacity) <= BUDGET
		) {
			for (const t of this.#targets) {
				const bigger = allocate(t.layout.store, capacity);
				bigger.set(t.array);
				giveBuffer(t.array.buffer as ArrayBuffer);
				t.array = bigger;
			}
			this.#capacity = capacity;
			columns.bytes += this.#bytes() - bytes;
		} else this.#emit();
	}

	/** Emits the columns: their arrays are gone to the receiver, new ones take their place. */
	#emit(): void {
		if (this.#rows === 0) return;
		const columns: BatchColumn[] = [];
		for (const t of this.#targets) {
			const column =
				t.layout.store === "str"
					? enumColumn(t.layout.name, t.array as Uint32Array, this.#rows, null, this.ctx.strings)
					: t === this.#stacks || t === this.#userStacks
						? this.#columnStacks
							? stackColumn(t.layout.name, t.array as Int32Array, this.#rows)
							: null
						: plainColumn(t.layout, t.array, null);
			if (column) columns.push(column);
			else if (t.layout.store !== "str") giveBuffer(t.array.buffer as ArrayBuffer);
		}
		this.ctx.emit({ table: this.table, rows: this.#rows, columns });
		this.#rows = 0;
		this.#columnStacks = false;
		for (const t of this.#targets) t.array = allocate(t.layout.store, this.#capacity);
	}

	/** Emits everything that is there. */
	flush(): void {
		if (this.#staged > 0) this.#unstage(this.#staged);
		this.#emit();
	}
}

/** Staged rows to be turned into columns. */
interface RowSource {
	readonly words: Int32Array;
	readonly times: Float64Array;
	readonly bytes: Uint8Array;
	readonly view: DataView;
	/** Words of a row. */
	readonly stride: number;
	rows: number;
	readonly littleEndian: boolean;
	readonly ctx: TableContext;
}

type Append = Target["append"];

function stamps({ times, stride, rows, ctx }: RowSource, out: ColumnArray, to: number): void {
	const { hi, lo } = ctx.base;
	for (let row = 0, at = 0, k = 2 * to; row < rows; row++, at += stride >> 1, k += 2) {
		const v = times[at]! + lo;
		const h = Math.floor(v * 2 ** -32);
		out[k] = v - h * 4_294_967_296;
		out[k + 1] = h + hi;
	}
}

/** One word of the row as it is. */
function words(word: number): Append {
	return ({ words, stride, rows }, out, to) => {
		for (let row = 0, at = word; row < rows; row++, at += stride) out[to + row] = words[at]!;
	};
}

/** `count` 64-bit values of the row as they are. */
function longs(word: number, count: number): Append {
	const halves = 2 * count;
	return ({ words, stride, rows }, out, to) => {
		for (let row = 0, at = word, k = to * halves; row < rows; row++, at += stride - halves)
			for (const stop = k + halves; k < stop; ) out[k++] = words[at++]!;
	};
}

/** NULL (-1) becomes validity; null where no row has a stack. */
function stackColumn(name: string, ids: Int32Array, rows: number): BatchColumn | null {
	let known = 0;
	for (let row = 0; row < rows; row++) if (ids[row] !== -1) known++;
	if (known === 0) return null;
	const column: BatchColumn = { name, type: "INTEGER", data: ids.buffer as ArrayBuffer };
	if (known === rows) return column;
	const validity = new Uint8Array(Math.ceil(rows / 64) * 8).fill(0xff);
	for (let row = 0; row < rows; row++) if (ids[row] === -1) validity[row >> 3]! &= ~(1 << (row & 7));
	return { ...column, validity: validity.buffer as ArrayBuffer };
}

/** `offset`: byte of the field in a row. */
function appendField(fc: FieldColumn, offset: number, littleEndian: boolean): Append {
	const { field, store } = fc;
	if (store === "str") return text(field, offset);
	if (store === "bool")
		return (source, out, to) => {
			narrow(source, out, to, offset, field.size, false);
			for (let row = to; row < to + source.rows; row++) out[row] = out[row] === 0 ? 0 : 1;
		};
	if (store === "i32")
		return littleEndian && field.size >= 4 && offset % 4 === 0
			? words(offset / 4)
			: (source, out, to) => narrow(source, out, to, offset, field.size, field.signed);
	const list = Math.max(1, listLength(store));
	if (littleEndian && field.element === 8 && offset % 4 === 0) return longs(offset / 4, list);
	return (source, out, to) => {
		for (let j = 0; j < list; j++)
			wide(
				source,
				out,
				2 * (to * list + j),
				2 * list,
				offset + j * field.element,
				field.element,
				field.signed,
			);
	};
}

/** Integers of up to 4 bytes (the low half of larger ones). */
function narrow(
	{ bytes, view, stride, rows, littleEndian }: RowSource,
	out: ColumnArray,
	to: number,
	offset: number,
	size: number,
	signed: boolean,
): void {
	const step = stride * 4;
	const stop = to + rows;
	if (size === 1)
		for (let at = offset; to < stop; to++, at += step)
			out[to] = signed ? (bytes[at]! << 24) >> 24 : bytes[at]!;
	else if (size === 2)
		for (let at = offset; to < stop; to++, at += step)
			out[to] = signed ? view.getInt16(at, littleEndian) : view.getUint16(at, littleEndian);
	else {
		const low = size === 8 && !littleEndian ? 4 : 0;
		for (let at = offset + low; to < stop; to++, at += step) out[to] = view.getInt32(at, littleEndian);
	}
}

/** Integers of any size, extended to 64 bits: halves at `to`, `to + step`, … of `out`. */
function wide(
	source: RowSource,
	out: ColumnArray,
	to: number,
	step: number,
	offset: number,
	size: number,
	signed: boolean,
): void {
	const { words, bytes, view, stride, rows, littleEndian } = source;
	if (littleEndian && size === 4 && offset % 4 === 0) {
		if (signed)
			for (let row = 0, at = offset / 4, k = to; row < rows; row++, at += stride, k += step) {
				const v = words[at]!;
				out[k] = v;
				out[k + 1] = v >> 31;
			}
		else
			for (let row = 0, at = offset / 4, k = to; row < rows; row++, at += stride, k += step) {
				out[k] = words[at]!;
				out[k + 1] = 0;
			}
		return;
	}
	for (let row = 0, at = offset, k = to; row < rows; row++, at += stride * 4, k += step) {
		if (size === 8) {
			out[k] = view.getInt32(littleEndian ? at : at + 4, littleEndian);
			out[k + 1] = view.getInt32(littleEndian ? at + 4 : at, littleEndian);
			continue;
		}
		const v =
			size === 1
				? signed
					? (bytes[at]! << 24) >> 24
					: bytes[at]!
				: size === 2
					? signed
						? view.getInt16(at, littleEndian)
						: view.getUint16(at, littleEndian)
					: view.getInt32(at, littleEndian);
		out[k] = v;
		out[k + 1] = signed ? v >> 31 : 0;
	}
}

/** A thread name's size: by far the most frequent text. */
const COMM_BYTES = 16;

function text(field: Field, offset: number): Append {
	if (field.kind === "chars" && field.size === COMM_BYTES && offset % 4 === 0)
		return ({ words, bytes, stride, rows, ctx }, out, to) => {
			for (let row = 0, at = offset / 4; row < rows; row++, at += stride)
				out[to + row] = ctx.comms.code(words, bytes, at);
		};
	if (field.kind === "chars")
		return ({ bytes, stride, rows, ctx }, out, to) => {
			for (let row = 0, at = offset; row < rows; row++, at += stride * 4)
				out[to + row] = ctx.interner.code(bytes, at, field.size);
		};
	return ({ bytes, stride, rows, ctx }, out, to) => {
		for (let row = 0, at = offset; row < rows; row++, at += stride * 4)
			out[to + row] = ctx.strings.code(hexText(bytes, at, at + field.size));
	};
}
