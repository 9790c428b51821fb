/** Time, CPU and thread of any record of the kernel. */
import { MAX_CPUS } from "./cpu-limit.ts";
import type { EventIndex, PerfEvent } from "./events.ts";
import { HEADER, recordType } from "./record-types.ts";
import type { SampleLayout } from "./sample-layout.ts";

/** Where samples keep one thing, by event; `common` where all keep it in one place, as they mostly do. */
interface Offsets {
	readonly common: number;
	readonly each: Int32Array;
}

const DIFFER = -2;

/** High halves of stamps from here on are damage: no clock of the kernel is at 2^62 ns before 2116. */
const BEYOND = 0x4000_0000;

function offsets(each: readonly number[]): Offsets {
	return {
		common: each.every((offset) => offset === each[0]) ? (each[0] ?? -1) : DIFFER,
		each: Int32Array.from(each),
	};
}

export class RecordTimes {
	readonly littleEndian: boolean;
	readonly #times: Offsets;
	readonly #cpus: Offsets;
	readonly #pids: Offsets;
	readonly #trailer: SampleLayout["trailer"];
	#baseLo = 0;
	#baseHi = 0;

	constructor(
		readonly index: EventIndex,
		layouts: readonly PerfEvent["layout"][],
	) {
		this.littleEndian = index.littleEndian;
		this.#times = offsets(layouts.map((l) => l.time));
		this.#cpus = offsets(layouts.map((l) => l.cpu));
		this.#pids = offsets(layouts.map((l) => l.pid));
		this.#trailer = index.trailer;
	}

	/** Times are counted from here. */
	setBase(base: bigint): void {
		this.#baseLo = Number(base & 0xffff_ffffn);
		this.#baseHi = Number(base >> 32n);
	}

	/** Byte of a part of the record at `p`; -1 if it has none. */
	#find(view: DataView, p: number, end: number, inSample: Offsets, inTrailer: number): number {
		if (view.getUint32(p, this.littleEndian) !== recordType.sample)
			return inTrailer < 0 || end - p < HEADER + this.#trailer.bytes ? -1 : end - inTrailer;
		let offset = inSample.common;
		if (offset === DIFFER) {
			const event = this.index.ofSample(view, p, end);
			if (event < 0) return -1;
			offset = inSample.each[event]!;
		}
		return offset < 0 || p + offset + 8 > end ? -1 : p + offset;
	}

	/** Stamp as halves: true where there is one that is not 0, and makes sense. */
	stamp(view: DataView, p: number, end: number, out: Float64Array): boolean {
		const at = this.#find(view, p, end, this.#times, this.#trailer.time);
		if (at < 0) return false;
		const le = this.littleEndian;
		out[0] = view.getUint32(le ? at : at + 4, le);
		out[1] = view.getUint32(le ? at + 4 : at, le);
		return (out[0] !== 0 || out[1] !== 0) && out[1] < BEYOND;
	}

	/** ns since the base; NaN if the record has no time. */
	time(view: DataView, p: number, end: number): number {
		const at = this.#find(view, p, end, this.#times, this.#trailer.time);
		if (at < 0) return Number.NaN;
		const le = this.littleEndian;
		const lo = view.getUint32(le ? at : at + 4, le);
		const hi = view.getUint32(le ? at + 4 : at, le);
		return (lo === 0 && hi === 0) || hi >= BEYOND
			? Number.NaN
			: (hi - this.#baseHi) * 4_294_967_296 + (lo - this.#baseLo);
	}

	/** -1 if the record does not tell, or tells a number that no machine has. */
	cpu(view: DataView, p: number, end: number): number {
		const at = this.#find(view, p, end, this.#cpus, this.#trailer.cpu);
		if (at < 0) return -1;
		const cpu = view.getUint32(at, this.littleEndian);
		return cpu < MAX_CPUS ? cpu : -1;
	}

	/** Byte of process id (4 bytes) and thread id; -1 if the record does not tell. */
	pidAt(view: DataView, p: number, end: number): number {
		return this.#find(view, p, end, this.#pids, this.#trailer.pid);
	}
}
