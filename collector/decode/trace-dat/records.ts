/**
 * The records of one CPU: walks pages and yields positions and times of data records.
 * Source: kernel/trace/ring_buffer.c and include/linux/ring_buffer.h, Linux 6.12 (record header, page flags).
 */
import type { RecordMemory } from "../tracepoint/memory.ts";
import type { PageLayout } from "./page-layout.ts";
import type { PageStream } from "./pages.ts";

/** Commit word: low bits are the bytes of data; these two flags tell of lost events. */
const COMMIT_BYTES = (1 << 27) - 1;
const MISSED_EVENTS = 1 << 31;
const MISSED_STORED = 1 << 30;

const TYPE_PADDING = 29;
const TYPE_TIME_EXTEND = 30;
const TYPE_TIME_STAMP = 31;

const TWO_27 = 134_217_728;
const TWO_32 = 4_294_967_296;
/** Absolute stamps have 59 bits; the bits above come from the page's stamp. */
const TWO_59 = 2 ** 59;
/**
 * Times further from the base, some two years, are damage: sums and differences of them would leave 64 bits. (An idle CPU
 * may hold a page that is as old as the machine's last start.)
 */
const FARTHEST = 2 ** 56;

export class CpuRecords {
	/** Position and end of the current record. */
	p = 0;
	end = 0;
	/** Time of the current record: clock units since the base. */
	ts = 0;
	/** Events were lost before the current record: their number, NaN if unknown; -1 = none lost. Reset by the reader. */
	lost = -1;
	/** Told when events are found to be lost behind the records so far. */
	onLost: (() => void) | null = null;
	/** Time of the record before. */
	previous = Number.NaN;
	/** Pages of which the rest, or all, was left out: a length or a time makes no sense. */
	badPages = 0;
	/** Position in the CPU's data of the first bad page. */
	firstBad = -1;
	baseHi = 0;
	baseLo = 0;
	#page = 0;
	#next = 0;
	#stop = 0;
	#filled = 0;
	#pagesRead = 0;

	constructor(
		readonly cpu: number,
		readonly memory: RecordMemory,
		/** This CPU's part of the memory: whole pages. */
		readonly from: number,
		readonly bytes: number,
		readonly stream: PageStream,
		readonly pageBytes: number,
		readonly layout: PageLayout,
	) {
		this.#page = from;
		this.#filled = from;
	}

	/** Loads the first pages; the stamp of the first one (clock units), null where the CPU has no page. */
	prime(): bigint | null {
		this.#filled = this.from + this.stream.fill(this.memory.u8.subarray(this.from, this.from + this.bytes));
		return this.#filled === this.from
			? null
			: this.memory.view.getBigUint64(this.from, this.memory.littleEndian);
	}

	/** Base of `ts`, clock units. To be called before the first advance(). */
	setBase(base: bigint): void {
		this.baseHi = Number(base >> 32n);
		this.baseLo = Number(base & 0xffff_ffffn);
	}

	/** Goes to the next data record; false at the end. */
	advance(): boolean {
		this.previous = this.ts;
		const { memory } = this;
		const { i32 } = memory;
		for (;;) {
			if (this.#next >= this.#stop) {
				if (!this.#nextPage()) return false;
				continue;
			}
			const at = this.#next;
			const head = memory.littleEndian ? i32[at >> 2]! : memory.view.getInt32(at, false);
			const type = memory.littleEndian ? head & 31 : head >>> 27;
			const delta = memory.littleEndian ? head >>> 5 : head & (TWO_27 - 1);
			if (type < TYPE_PADDING) {
				let start = at + 4;
				let length: number;
				if (type === 0) {
					const word = this.#word(start);
					start += 4;
					length = (word - 4 + 3) & ~3;
					// a length that leaves the page is damage: the rest of the page is lost
					if (word < 4 || start + length > this.#stop) {
						this.#bad();
						continue;
					}
					this.end = start + word - 4;
				} else {
					length = type * 4;
					if (start + length > this.#stop) {
						this.#bad();
						continue;
					}
					this.end = start + length;
				}
				this.ts += delta;
				this.p = start;
				this.#next = start + length;
				return true;
			}
			if (type === TYPE_PADDING) {
				const word = this.#word(at + 4);
				// a null record: nothing more in this page
				if (delta === 0 || word < 4 || at + 4 + word > this.#stop) {
					this.#next = this.#stop;
					continue;
				}
				this.ts += delta;
				this.#next = at + 4 + word;
				continue;
			}
			const extended = (this.#word(at + 4) >>> 0) * TWO_27 + delta;
			if (type === TYPE_TIME_EXTEND) this.ts += extended;
			else if (type === TYPE_TIME_STAMP) this.#absolute(this.#word(at + 4), delta);
			this.#next = at + 8;
			if (!(Math.abs(this.ts) <= FARTHEST)) this.#bad();
		}
	}

	#word(at: number): number {
		return this.memory.littleEndian ? this.memory.i32[at >> 2]! : this.memory.view.getInt32(at, false);
	}

	#bad(): void {
		this.badPages++;
		if (this.firstBad < 0) this.firstBad = (this.#pagesRead - 1) * this.pageBytes;
		this.#lose(Number.NaN);
		this.#next = this.#stop;
	}

	#lose(events: number): void {
		this.lost = addLost(this.lost, events);
		this.onLost?.();
	}

	/** ring_buffer.c rb_fix_abs_ts: the upper five bits are those of the time before; they count up on overflow. */
	#absolute(high: number, low: number): void {
		const base = this.baseHi * TWO_32 + this.baseLo;
		const before = this.ts + base;
		let stamp = (high >>> 0) * TWO_27 + low + Math.floor(before / TWO_59) * TWO_59;
		if (stamp < before - TWO_59 / 2) stamp += TWO_59;
		this.ts = stamp - base;
	}

	#nextPage(): boolean {
		for (;;) {
			if (this.#pagesRead > 0) this.#page += this.pageBytes;
			if (this.#page >= this.#filled) {
				const got = this.stream.fill(this.memory.u8.subarray(this.from, this.from + this.bytes));
				if (got === 0) return false;
				this.#page = this.from;
				this.#filled = this.from + got;
			}
			this.#pagesRead++;
			const { view, littleEndian } = this.memory;
			const first = view.getUint32(this.#page, littleEndian);
			const second = view.getUint32(this.#page + 4, littleEndian);
			const [lo, hi] = littleEndian ? [first, second] : [second, first];
			const at =
				this.#page + this.layout.commitOffset + (littleEndian || this.layout.commitBytes === 4 ? 0 : 4);
			const commit = view.getUint32(at, littleEndian);
			const bytes = commit & COMMIT_BYTES;
			const start = this.#page + this.layout.dataOffset;
			if (start + bytes > this.#page + this.pageBytes) {
				this.#bad();
				continue;
			}
			if ((commit & MISSED_EVENTS) !== 0) this.#lose(this.#missed(commit, start + bytes));
			if (bytes === 0) continue;
			this.ts = (hi - this.baseHi) * TWO_32 + (lo - this.baseLo);
			if (!(Math.abs(this.ts) <= FARTHEST)) {
				this.#bad();
				continue;
			}
			this.#next = start;
			this.#stop = start + bytes;
			return true;
		}
	}

	/** Number of lost events, stored behind the data where there was room for it. */
	#missed(commit: number, at: number): number {
		const size = this.layout.commitBytes;
		if ((commit & MISSED_STORED) === 0 || at + size > this.#page + this.pageBytes) return Number.NaN;
		const { view, littleEndian } = this.memory;
		return size === 8 ? Number(view.getBigUint64(at, littleEndian)) : view.getUint32(at, littleEndian);
	}
}

function addLost(before: number, more: number): number {
	return before === -1 ? more : before + more;
}
