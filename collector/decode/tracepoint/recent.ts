/**
 * The last events of each CPU, and which of them a kernel stack belongs to. ftrace writes a stack as an event of its
 * own after the event that asked for it (option stacktrace, trigger stacktrace); an interrupt may record events in
 * between. Stacks of one tracepoint begin at the same address (the tracepoint's caller), so the first frame tells
 * which type of event is meant once it has been seen.
 * Source: kernel/trace/trace.c __ftrace_trace_stack, Linux 6.12; checked on captures of 6.1, 6.12 and 7.2.
 */
const DEPTH_BITS = 6;
const DEPTH = 1 << DEPTH_BITS;

/** Stacks with one first frame after which their events are known. */
const KNOWN = 4;

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
		const r = (cpu << DEPTH_BITS) + (this.next[cpu]!++ & (DEPTH - 1));
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
		let total = 0;
		for (const n of seen.values()) total += n;
		let direct = -1;
		for (let back = 1; back <= count; back++) {
			const r = (cpu << DEPTH_BITS) + ((this.next[cpu]! - back) & (DEPTH - 1));
			const kind = this.kinds[r]!;
			if (kind < 0 || this.utids[r] !== utid) continue;
			if (back === 1) direct = r;
			// A type that this first frame has rarely followed directly was only in between.
			if (total >= KNOWN && (seen.get(kind) ?? 0) * 8 >= total)
				return this.#take(r, back === 1 ? seen : null);
		}
		// Not known yet, or a new kind of event at this place: the event directly before, if any.
		return total >= KNOWN ? -1 : direct < 0 ? -1 : this.#take(direct, seen);
	}

	#take(r: number, seen: Map<number, number> | null): number {
		this.lastKind = this.kinds[r]!;
		seen?.set(this.lastKind, (seen.get(this.lastKind) ?? 0) + 1);
		this.kinds[r] = -1;
		return r;
	}
}
