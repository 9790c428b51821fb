/**
 * Records that are missing in one file, by the numbers that each CPU gives its records (cpu_seqno). Numbers are compared
 * within the file only: what a CPU left in another one, which only damage brings about, says nothing of it.
 */
import { MAX_CPUS } from "./chunks.ts";

/** Nothing is missing. */
export const NONE = -1;

/** A clock may show one time for as many records. */
const COARSE = 1_000_000;

export class Sequences {
	#cpu = -1;
	/** Number and time of the last record of `#cpu`. */
	#last = -1;
	#ts = 0;
	/** Those of all CPUs, two values each, in a file that has several. */
	#others: Float64Array | null = null;

	/** How many records of the CPU are missing before this one: NaN = not known, NONE = none. */
	missing(cpu: number, seq: number, ts: number): number {
		if (cpu !== this.#cpu) this.#change(cpu);
		const before = this.#last;
		const since = ts - this.#ts;
		this.#last = seq;
		this.#ts = ts;
		// as in kiinfo: what was before a CPU's first record is not missed, and 0 begins anew
		if (before < 0 || seq === before + 1 || seq === 0) return NONE;
		const missing = seq - before - 1;
		// numbers that go back, or more records than nanoseconds, are damage
		return missing > 0 && missing <= since + COARSE ? missing : Number.NaN;
	}

	#change(cpu: number): void {
		if (this.#cpu >= 0) {
			this.#others ??= new Float64Array(2 * MAX_CPUS).fill(-1);
			this.#others[2 * this.#cpu] = this.#last;
			this.#others[2 * this.#cpu + 1] = this.#ts;
		}
		this.#cpu = cpu;
		this.#last = this.#others?.[2 * cpu] ?? -1;
		this.#ts = this.#others?.[2 * cpu + 1] ?? 0;
	}
}
