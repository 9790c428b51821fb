/** Records that are missing, by the numbers that each CPU gives its records (cpu_seqno). */
import { MAX_CPUS } from "./chunks.ts";

/** Nothing is missing. */
export const NONE = -1;

/** A clock may show one time for as many records. */
const COARSE = 1_000_000;

export class Sequences {
	readonly #last = new Float64Array(MAX_CPUS).fill(-1);
	readonly #ts = new Float64Array(MAX_CPUS);

	/** How many records of the CPU are missing before this one: NaN = not known, NONE = none. */
	missing(cpu: number, seq: number, ts: number): number {
		const before = this.#last[cpu]!;
		const since = ts - this.#ts[cpu]!;
		this.#last[cpu] = seq;
		this.#ts[cpu] = ts;
		// as in kiinfo: what was before a CPU's first record is not missed, and 0 begins anew
		if (before < 0 || seq === before + 1 || seq === 0) return NONE;
		const missing = seq - before - 1;
		// numbers that go back, or more records than nanoseconds, are damage
		return missing > 0 && missing <= since + COARSE ? missing : Number.NaN;
	}
}
