/**
 * The last events of each CPU, and which of them a kernel stack belongs to. ftrace writes a stack as an event of its
 * own after the event that asked for it (option stacktrace, trigger stacktrace); an interrupt may record events in
 * between. Stacks of one tracepoint begin at the same address (the tracepoint's caller), so the first frame tells
 * which type of event is meant once it has been seen.
 * Source: kernel/trace/trace.c __ftrace_trace_stack, Linux 6.12; checked on captures of 6.1, 6.12 and 7.2.
 */
const DEPTH = 8;

export class RecentEvents {
	/** Per CPU a ring of DEPTH events: number of the decoder, row in its table, current thread. */
	readonly kinds: Int32Array;
	readonly rows: Int32Array;
	readonly utids: Int32Array;
	/** Events so far, per CPU. */
	readonly next: Int32Array;
	/** Decoder number of the event that claim() found last. */
	lastKind = -1;
	#decoders = 0;
	/** First frame -> how often each type of event came directly before. */
	readonly #byLeaf = new Map<number, Map<number, number>>();

	constructor(cpus: number) {
		this.kinds = new Int32Array(cpus * DEPTH).fill(-1);
		this.rows = new Int32Array(cpus * DEPTH);
		this.utids = new Int32Array(cpus * DEPTH);
		this.next = new Int32Array(cpus);
	}

	push(cpu: number, kind: number, row: number, utid: number): void {
		const r = (cpu << 3) + (this.next[cpu]!++ & (DEPTH - 1));
		this.kinds[r] = kind;
		this.rows[r] = row;
		this.utids[r] = utid;
	}

	register(): number {
		return this.#decoders++;
	}

	/**
	 * Finds the event that a stack belongs to and takes it out of the ring. `leaf` identifies the first frame.
	 * Returns the ring position, or -1 if none of the recent events can be meant.
	 */
	claim(cpu: number, utid: number, leaf: number): number {
		const count = Math.min(DEPTH, this.next[cpu]!);
		let seen = this.#byLeaf.get(leaf);
		if (!seen) {
			seen = new Map();
			this.#byLeaf.set(leaf, seen);
		}
		const total = [...seen.values()].reduce((a, b) => a + b, 0);
		let fallback = -1;
		for (let back = 1; back <= count; back++) {
			const r = (cpu << 3) + ((this.next[cpu]! - back) & (DEPTH - 1));
			const kind = this.kinds[r]!;
			if (kind < 0 || this.utids[r] !== utid) continue;
			if (back === 1) fallback = r;
			// A type that this first frame has rarely followed directly was only in between.
			const times = seen.get(kind) ?? 0;
			if (total < 4 ? back === 1 : times * 8 >= total) {
				if (back === 1) seen.set(kind, times + 1);
				return this.#take(r);
			}
		}
		if (fallback >= 0) {
			const kind = this.kinds[fallback]!;
			seen.set(kind, (seen.get(kind) ?? 0) + 1);
			return this.#take(fallback);
		}
		return -1;
	}

	#take(r: number): number {
		this.lastKind = this.kinds[r]!;
		this.kinds[r] = -1;
		return r;
	}
}
