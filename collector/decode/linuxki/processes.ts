/** Processes of threads, as the headers of records and sched_switch tell them. */

import { grown } from "../../grown.ts";
import type { Threads } from "../../identity/threads.ts";

export class Processes {
	/** tgid that a record told, by utid; 0 = none. */
	#told = new Int32Array(1024);
	readonly #threads: Threads;

	constructor(threads: Threads) {
		this.#threads = threads;
	}

	/** utid of the current thread of a record, which is in process `tgid`. Nearly always that is known. */
	of(tid: number, tgid: number, ts: number): number {
		const known = this.#threads.byTid[tid]!;
		if (known > 0 && known < this.#told.length && this.#told[known] === tgid) return known;
		this.before(tid, tgid);
		const utid = this.#threads.byTid[tid] || this.#threads.appear(tid, ts);
		this.after(utid, tgid);
		return utid;
	}

	/**
	 * To be called before the record is handed on. A tid in another process than before is another thread: the end of the
	 * first was not recorded. (A thread that calls exec takes tid and tgid of its leader: fs/exec.c, de_thread.)
	 */
	before(tid: number, tgid: number): void {
		const utid = this.#threads.byTid[tid]!;
		if (utid === 0 || utid >= this.#told.length) return;
		const told = this.#told[utid]!;
		if (told !== tgid && told !== 0) this.#threads.dead(utid);
	}

	/** To be called when the thread has a utid. */
	after(utid: number, tgid: number): void {
		if (utid < this.#told.length && this.#told[utid] === tgid) return;
		if (utid >= this.#told.length) this.#told = grown(this.#told, 2 * Math.max(utid, this.#told.length));
		this.#told[utid] = tgid;
		this.#threads.inProcess(utid, tgid);
	}
}
