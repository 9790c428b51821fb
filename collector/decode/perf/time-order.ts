/**
 * Records in the order of time: (time, CPU, position). Chunks of records lie in slots of one memory; a slot is free again
 * when all its records have had their turn.
 */

import { grown } from "../../grown.ts";
import type { RecordTimes } from "./record-times.ts";

export class TimeOrder {
	/** Records that wait, sorted: time and position in memory. */
	#times = new Float64Array(1024);
	#positions = new Int32Array(1024);
	#at = 0;
	#count = 0;
	/** Records of a chunk that is being added. */
	#freshTimes = new Float64Array(8192);
	#freshPositions = new Int32Array(8192);
	#order = new Uint32Array(8192);
	#spare = new Uint32Array(8192);
	readonly #left: Int32Array;
	readonly #free: number[];

	constructor(
		readonly view: DataView,
		readonly records: RecordTimes,
		readonly slots: number,
		readonly slotBytes: number,
	) {
		this.#left = new Int32Array(slots);
		this.#free = Array.from({ length: slots }, (_, k) => slots - 1 - k);
	}

	/** A free slot, to be filled and then added; -1 if there is none. */
	slot(): number {
		return this.#free.length > 0 ? this.#free[this.#free.length - 1]! : -1;
	}

	/** Adds the records of the slot that slot() gave, `bytes` long. Records without a time are left out. */
	add(bytes: number): void {
		const slot = this.#free.pop()!;
		const start = slot * this.slotBytes;
		const n = this.#collect(start, start + bytes);
		this.#left[slot] = n;
		if (n === 0) {
			this.#free.push(slot);
			return;
		}
		this.#sort(n);
		this.#merge(n);
	}

	/** Hands over every record with a time before `limit`. */
	drain(limit: number, visit: (p: number, ts: number) => void): void {
		const { slotBytes } = this;
		let at = this.#at;
		const end = at + this.#count;
		for (; at < end && this.#times[at]! < limit; at++) {
			const p = this.#positions[at]!;
			visit(p, this.#times[at]!);
			const slot = Math.floor(p / slotBytes);
			if (--this.#left[slot]! === 0) this.#free.push(slot);
		}
		this.#count = end - at;
		this.#at = at;
	}

	#collect(start: number, end: number): number {
		const { view, records } = this;
		const le = records.littleEndian;
		let n = 0;
		for (let p = start; p < end; ) {
			const size = view.getUint16(p + 6, le);
			const ts = records.time(view, p, p + size);
			if (!Number.isNaN(ts)) {
				if (n === this.#freshTimes.length) this.#growFresh();
				this.#freshTimes[n] = ts;
				this.#freshPositions[n] = p;
				n++;
			}
			p += size;
		}
		return n;
	}

	#growFresh(): void {
		const size = this.#freshTimes.length * 2;
		this.#freshTimes = grown(this.#freshTimes, size);
		this.#freshPositions = grown(this.#freshPositions, size);
		this.#order = new Uint32Array(size);
		this.#spare = new Uint32Array(size);
	}

	/** Of two fresh records: the first has the smaller time, or at the same time the smaller CPU. */
	#isBefore(a: number, b: number): boolean {
		const d = this.#freshTimes[a]! - this.#freshTimes[b]!;
		if (d !== 0) return d < 0;
		return this.#cpu(this.#freshPositions[a]!) < this.#cpu(this.#freshPositions[b]!);
	}

	#cpu(p: number): number {
		return this.records.cpu(this.view, p, p + this.view.getUint16(p + 6, this.records.littleEndian));
	}

	/** Merge sort that takes the runs that are there: the buffer of each CPU is one, backwards with --overwrite. */
	#sort(n: number): void {
		let from = this.#order;
		let to = this.#spare;
		for (let k = 0; k < n; k++) from[k] = k;
		let runs: number[] = [0];
		for (let k = 1; k < n; ) {
			const start = runs[runs.length - 1]!;
			if (this.#freshTimes[k]! < this.#freshTimes[k - 1]! && k === start + 1) {
				while (k < n && this.#freshTimes[k]! < this.#freshTimes[k - 1]!) k++;
				from.subarray(start, k).reverse();
			} else while (k < n && !this.#isBefore(k, k - 1)) k++;
			if (k < n) runs.push(k);
			k++;
		}
		runs.push(n);
		while (runs.length > 2) {
			const merged: number[] = [0];
			for (let r = 0; r + 1 < runs.length; r += 2) {
				const [a, b] = [runs[r]!, runs[r + 1]!];
				const c = runs[r + 2] ?? b;
				this.#mergeRuns(from, to, a, b, c);
				merged.push(c);
			}
			runs = merged;
			[from, to] = [to, from];
		}
		this.#order = from;
		this.#spare = to;
	}

	#mergeRuns(from: Uint32Array, to: Uint32Array, a: number, b: number, c: number): void {
		let i = a;
		let j = b;
		let k = a;
		while (i < b && j < c) to[k++] = this.#isBefore(from[j]!, from[i]!) ? from[j++]! : from[i++]!;
		while (i < b) to[k++] = from[i++]!;
		while (j < c) to[k++] = from[j++]!;
	}

	/** The sorted fresh records join those that wait. */
	#merge(n: number): void {
		const total = this.#count + n;
		const order = this.#order;
		const last = this.#at + this.#count - 1;
		// nothing waits, or all of it comes before
		const behind = this.#count === 0 || this.#times[last]! < this.#freshTimes[order[0]!]!;
		if (this.#at + total > this.#times.length || !behind) this.#rebase(total);
		const times = this.#times;
		const positions = this.#positions;
		let i = this.#at + this.#count - 1;
		let j = n - 1;
		// from the end, in place: what waits lies at the front
		for (let k = this.#at + total - 1; j >= 0; k--) {
			const fresh = order[j]!;
			if (i >= this.#at && this.#waitsAfter(i, fresh)) {
				times[k] = times[i]!;
				positions[k] = positions[i]!;
				i--;
			} else {
				times[k] = this.#freshTimes[fresh]!;
				positions[k] = this.#freshPositions[fresh]!;
				j--;
			}
		}
		this.#count = total;
	}

	/** A waiting record comes after a fresh one: by time, then by CPU; it has the smaller position. */
	#waitsAfter(waiting: number, fresh: number): boolean {
		const d = this.#times[waiting]! - this.#freshTimes[fresh]!;
		if (d !== 0) return d > 0;
		return this.#cpu(this.#positions[waiting]!) > this.#cpu(this.#freshPositions[fresh]!);
	}

	/** Moves what waits to the front of arrays that have room for `total`. */
	#rebase(total: number): void {
		const end = this.#at + this.#count;
		if (total > this.#times.length) {
			const size = Math.max(total, this.#times.length * 2);
			this.#times = grown(this.#times.subarray(this.#at, end), size);
			this.#positions = grown(this.#positions.subarray(this.#at, end), size);
		} else {
			this.#times.copyWithin(0, this.#at, end);
			this.#positions.copyWithin(0, this.#at, end);
		}
		this.#at = 0;
	}
}
