/**
 * What the descriptors of processes mean, as far as it is known: one table for each files_struct of the kernel
 * (fs/file.c). A slot stands for one number in one table; `since` is when it came to mean what it means, and a call that
 * began before that is not about it.
 */

/** What is known of a slot, as bits. */
export enum Slot {
	/** It means one open file description since `since`; without it nothing is known since then. */
	known = 1,
	/** Closes on exec; with neither bit nothing tells. */
	cloexec = 2,
	keeps = 4,
	socket = 8,
	/** A call that takes it away is under way. */
	closing = 16,
	/** What ended at `since` was known until then: whatever a call under way opens here is newer. */
	freed = 32,
	/** The snapshot of the end may tell what it is. */
	inSnapshot = 64,
	/** `socket` is a number that waits for the snapshot. */
	socketWaits = 128,
}

const ON_EXEC = Slot.cloexec | Slot.keeps;
/** What a copy of a descriptor has of the first. The flag close-on-exec is each descriptor's own. */
const COPIED = Slot.known | Slot.socket | Slot.socketWaits;

/** Slots of all tables; a trace that would need more is not to be believed. */
const MAX_SLOTS = 1 << 20;
const START = 1024;

export interface DescriptorTable {
	/** Slot by descriptor. A number without slot has not been touched as far as seen. */
	readonly slots: Map<number, number>;
	/** What was known before is not any more. */
	floor: number;
	/** Several processes have it (CLONE_FILES without CLONE_THREAD). */
	shared: boolean;
	/** How it began is known: as a copy. Otherwise the call that made it may still be told. */
	began: boolean;
	/** Its threads have all been seen to begin since then; NaN: it may have threads of which nothing tells the process. */
	completeSince: number;
	/** An exec closed what closes on exec. */
	execed: boolean;
	/** Descriptors from here on may have been closed without having a slot (close_range). */
	closedFrom: number;
	/** Its descriptors change unseen: io_uring opens and closes without system calls. */
	untracked: boolean;
}

export class DescriptorTables {
	since = new Float64Array(START);
	/** File, or -1. */
	file = new Int32Array(START);
	/** Pair of addresses that were recorded with a call, and when, or -1. */
	pair = new Int32Array(START);
	#pairSince = new Float64Array(START);
	/** Socket as the call that made it or a snapshot tells it, or -1. */
	socket = new Int32Array(START);
	flags = new Uint8Array(START);
	#used = 0;
	readonly #free: number[] = [];

	#lossEnd = Number.NEGATIVE_INFINITY;
	#strangers = Number.NEGATIVE_INFINITY;
	readonly #strangerOf = new Map<number, number>();
	#reconnected = Number.NEGATIVE_INFINITY;

	make(): DescriptorTable {
		return {
			slots: new Map(),
			floor: Number.NEGATIVE_INFINITY,
			shared: false,
			began: false,
			completeSince: Number.NaN,
			execed: false,
			closedFrom: Number.POSITIVE_INFINITY,
			untracked: false,
		};
	}

	release(table: DescriptorTable): void {
		for (const slot of table.slots.values()) this.#free.push(slot);
		table.slots.clear();
	}

	/** Events were lost: descriptors may have changed until `to`. */
	lost(to: number): void {
		if (to > this.#lossEnd) this.#lossEnd = to;
	}

	get lossEnd(): number {
		return this.#lossEnd;
	}

	/** A thread of which nothing tells the process has changed this descriptor; NaN: any number of them. */
	stranger(fd: number, ts: number): void {
		if (Number.isNaN(fd) || this.#strangerOf.size >= MAX_SLOTS) this.#strangers = ts;
		else this.#strangerOf.set(fd, ts);
	}

	/** A stream socket got another peer: descriptors that share it with another cannot be told. */
	reconnected(ts: number): void {
		this.#reconnected = ts;
	}

	/** Nothing that was known of the descriptor before this time holds. */
	floor(table: DescriptorTable, fd: number): number {
		if (table.untracked) return Number.POSITIVE_INFINITY;
		const floor = Math.max(this.#lossEnd, table.floor);
		if (table.completeSince >= this.#lossEnd) return floor;
		return Math.max(floor, this.#strangers, this.#strangerOf.get(fd) ?? Number.NEGATIVE_INFINITY);
	}

	/** Slot of what the descriptor means now; -1 if that is not known. */
	find(table: DescriptorTable, fd: number): number {
		const slot = table.slots.get(fd);
		if (slot === undefined || (this.flags[slot]! & Slot.known) === 0) return -1;
		if (this.since[slot]! >= this.floor(table, fd)) return slot;
		// what the snapshot of the end might have told of it is of something else now
		this.flags[slot]! &= Slot.closing;
		this.file[slot] = -1;
		this.pair[slot] = -1;
		this.socket[slot] = -1;
		return -1;
	}

	/** Slot of what the descriptor has meant all along since `ts`; -1 if that is not known. */
	findSince(table: DescriptorTable, fd: number, ts: number): number {
		const slot = this.find(table, fd);
		return slot >= 0 && this.since[slot]! <= ts ? slot : -1;
	}

	/** The descriptor has not changed since `ts`, as far as seen, whatever it means. */
	isQuiet(table: DescriptorTable, fd: number, ts: number): boolean {
		if (this.floor(table, fd) > ts) return false;
		const slot = table.slots.get(fd);
		return slot === undefined || (this.since[slot]! <= ts && (this.flags[slot]! & Slot.closing) === 0);
	}

	/** From `ts` on the descriptor means something new, of which nothing more is known than `flags`. -1: no room. */
	set(table: DescriptorTable, fd: number, ts: number, flags: number): number {
		let slot = table.slots.get(fd);
		if (slot === undefined) {
			slot = this.#newSlot();
			if (slot < 0) {
				// a change that cannot be kept: nothing is known of the table any more
				table.floor = ts;
				table.began = true;
				return -1;
			}
			table.slots.set(fd, slot);
		}
		this.since[slot] = ts;
		this.flags[slot] = flags;
		this.file[slot] = -1;
		this.pair[slot] = -1;
		this.socket[slot] = -1;
		return slot;
	}

	/** A slot, newly set, means what another does. */
	copy(to: number, from: number): void {
		this.flags[to]! |= this.flags[from]! & COPIED;
		this.file[to] = this.file[from]!;
		this.socket[to] = this.socket[from]!;
		this.setPair(to, this.pairOf(from), this.#pairSince[from]!);
	}

	/** Recorded pair that still holds; -1 if none. */
	pairOf(slot: number): number {
		return this.#pairSince[slot]! >= this.#reconnected ? this.pair[slot]! : -1;
	}

	setPair(slot: number, pair: number, ts: number): void {
		this.pair[slot] = pair;
		this.#pairSince[slot] = ts;
	}

	/** A call that takes the descriptor away has begun. */
	closing(table: DescriptorTable, fd: number, ts: number): void {
		const slot = table.slots.get(fd) ?? this.set(table, fd, ts, 0);
		if (slot >= 0) this.flags[slot]! |= Slot.closing;
	}

	/**
	 * close(2) between `from` and `to`. It was about what stood there when it began; what came while it ran stays.
	 */
	close(table: DescriptorTable, fd: number, from: number, to: number): void {
		const slot = table.slots.get(fd);
		if (slot === undefined) {
			this.set(table, fd, to, 0);
			return;
		}
		const flags = this.flags[slot]!;
		if ((flags & Slot.known) !== 0 && this.since[slot]! > from) this.flags[slot] = flags & ~Slot.closing;
		else this.set(table, fd, to, (flags & Slot.known) !== 0 ? Slot.freed : 0);
	}

	/**
	 * A call between `from` and `to` has opened this descriptor. Where another call changed it meanwhile and nothing tells
	 * which came last, it stays unknown. -1: unknown.
	 */
	open(table: DescriptorTable, fd: number, from: number, to: number, flags: number): number {
		const slot = table.slots.get(fd);
		if (slot !== undefined && this.since[slot]! > from) {
			const had = this.flags[slot]!;
			const sure = (had & Slot.known) !== 0 ? (had & Slot.closing) !== 0 : (had & Slot.freed) !== 0;
			if (!sure) {
				this.set(table, fd, to, 0);
				return -1;
			}
		}
		return this.set(table, fd, to, flags | Slot.known);
	}

	/** close_range(2); `onExec`: CLOSE_RANGE_CLOEXEC, they close on exec only. `sure`: it has not failed, as far as seen. */
	closeRange(
		table: DescriptorTable,
		first: number,
		last: number,
		from: number,
		to: number,
		onExec: boolean,
		sure: boolean,
	): void {
		for (const [fd, slot] of table.slots) {
			if (fd < first || fd > last) continue;
			if (!onExec) this.close(table, fd, from, to);
			else if (this.since[slot]! <= from && sure) this.setOnExec(slot, Slot.cloexec);
			else this.setOnExec(slot, 0);
		}
		table.closedFrom = Math.min(table.closedFrom, first);
	}

	setOnExec(slot: number, onExec: number): void {
		this.flags[slot] = (this.flags[slot]! & ~ON_EXEC) | onExec;
	}

	/** The program was replaced: what closes on exec is closed, what does not stays. */
	exec(table: DescriptorTable, ts: number): void {
		for (const [fd, slot] of table.slots) {
			const flags = this.flags[slot]!;
			if ((flags & Slot.known) === 0 || (flags & ON_EXEC) === Slot.keeps) continue;
			this.set(table, fd, ts, flags & Slot.cloexec ? Slot.freed : 0);
		}
		table.execed = true;
	}

	/**
	 * `child` began as a copy of `parent` by a call that lasted from `from` to now: it has what did not change meanwhile.
	 * What the child has done since stays as it is.
	 */
	fork(parent: DescriptorTable, child: DescriptorTable, from: number): void {
		child.began = true;
		for (const [fd, slot] of parent.slots) {
			const flags = this.flags[slot]!;
			if ((flags & Slot.known) === 0 || (flags & Slot.closing) !== 0 || this.since[slot]! > from) continue;
			if (this.since[slot]! < this.floor(parent, fd) || child.slots.has(fd)) continue;
			const onExec = flags & ON_EXEC;
			if (fd >= child.closedFrom || (child.execed && onExec !== Slot.keeps)) continue;
			const own = this.set(child, fd, from, onExec);
			if (own < 0) return;
			this.copy(own, slot);
		}
	}

	#newSlot(): number {
		const slot = this.#free.pop();
		if (slot !== undefined) return slot;
		if (this.#used === MAX_SLOTS) return -1;
		if (this.#used === this.since.length) {
			const size = this.#used * 2;
			this.since = grown(this.since, new Float64Array(size));
			this.#pairSince = grown(this.#pairSince, new Float64Array(size));
			this.file = grown(this.file, new Int32Array(size));
			this.pair = grown(this.pair, new Int32Array(size));
			this.socket = grown(this.socket, new Int32Array(size));
			this.flags = grown(this.flags, new Uint8Array(size));
		}
		return this.#used++;
	}
}

function grown<A extends Float64Array | Int32Array | Uint8Array>(old: A, bigger: A): A {
	bigger.set(old as never);
	return bigger;
}
