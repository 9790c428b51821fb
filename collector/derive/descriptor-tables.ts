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
	/** What ended at `since` was known until then: whatever a call under way opens here is newer. */
	freed = 16,
	/** The snapshot of the end may tell what it is. */
	inSnapshot = 32,
	/** `socket` is a number that waits for the snapshot. */
	socketWaits = 64,
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
	/** close_range has closed descriptors from here on, until then; also those without a slot. */
	closedFrom: number;
	closedAt: number;
	/** Descriptors from here on are not those of the copy that it began as. */
	copiedBelow: number;
	/** Calls of close_range under way, and the least descriptor that they are about. */
	ranges: number;
	rangesFrom: number;
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
	readonly #free: number[] = [];
	/** Calls under way that take it away. */
	#closings = new Uint16Array(START);
	#used = 0;

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
			closedAt: Number.NEGATIVE_INFINITY,
			copiedBelow: Number.POSITIVE_INFINITY,
			ranges: 0,
			rangesFrom: Number.POSITIVE_INFINITY,
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
		const closed = fd >= table.closedFrom ? table.closedAt : table.floor;
		const floor = Math.max(this.#lossEnd, table.floor, closed);
		if (table.completeSince >= this.#lossEnd) return floor;
		return Math.max(floor, this.#strangers, this.#strangerOf.get(fd) ?? Number.NEGATIVE_INFINITY);
	}

	/** Slot of what the descriptor means now; -1 if that is not known. */
	find(table: DescriptorTable, fd: number): number {
		const slot = table.slots.get(fd);
		if (slot === undefined || (this.flags[slot]! & Slot.known) === 0) return -1;
		if (this.since[slot]! >= this.floor(table, fd)) return slot;
		// what the snapshot of the end might have told of it is of something else now
		this.flags[slot] = 0;
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
		if (this.floor(table, fd) > ts || this.closings(table, fd) > 0) return false;
		const slot = table.slots.get(fd);
		return slot === undefined || this.since[slot]! <= ts;
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
		if (slot >= 0) this.#closings[slot]!++;
	}

	/** Such a call has ended. */
	closed(table: DescriptorTable, fd: number): void {
		const slot = table.slots.get(fd);
		if (slot !== undefined && this.#closings[slot]! > 0) this.#closings[slot]!--;
	}

	/** Calls under way that may take the descriptor away. */
	closings(table: DescriptorTable, fd: number): number {
		const slot = table.slots.get(fd);
		const ranges = fd >= table.rangesFrom ? table.ranges : 0;
		return slot === undefined ? ranges : ranges + this.#closings[slot]!;
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
		if ((flags & Slot.known) === 0 || this.since[slot]! <= from)
			this.set(table, fd, to, (flags & Slot.known) !== 0 ? Slot.freed : 0);
	}

	/**
	 * A call between `from` and `to` has opened this descriptor. Where another call changed it meanwhile and nothing tells
	 * which came last, it stays unknown. -1: unknown.
	 */
	open(table: DescriptorTable, fd: number, from: number, to: number, flags: number): number {
		const slot = table.slots.get(fd);
		const had = slot === undefined ? 0 : this.flags[slot]!;
		const floor = this.floor(table, fd);
		const changed = floor > from || (slot !== undefined && this.since[slot]! > from);
		// a close under way may have been of the new one, unless one is known to have stood there before both
		const freed = (had & Slot.freed) !== 0 && this.since[slot!]! >= floor;
		const sure = (had & Slot.known) !== 0 ? !changed : this.closings(table, fd) === 0 && (!changed || freed);
		if (!sure) {
			this.set(table, fd, to, 0);
			return -1;
		}
		return this.set(table, fd, to, flags | Slot.known);
	}

	/** close_range has begun. */
	rangeClosing(table: DescriptorTable, first: number): void {
		table.ranges++;
		table.rangesFrom = Math.min(table.rangesFrom, first);
	}

	/** close_range has ended. */
	rangeClosed(
		table: DescriptorTable,
		first: number,
		last: number,
		ts: number,
		does: "close" | "cloexec" | "nothing",
	): void {
		if (table.ranges > 0 && --table.ranges === 0) table.rangesFrom = Number.POSITIVE_INFINITY;
		if (does === "nothing") return;
		table.copiedBelow = Math.min(table.copiedBelow, first);
		for (const [fd, slot] of table.slots) {
			if (fd < first || fd > last) continue;
			if (does === "close") this.set(table, fd, ts, (this.flags[slot]! & Slot.known) !== 0 ? Slot.freed : 0);
			else this.setOnExec(slot, 0);
		}
		if (does !== "close") return;
		table.closedFrom = Math.min(table.closedFrom, first);
		table.closedAt = ts;
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
			if ((flags & Slot.known) === 0 || this.closings(parent, fd) > 0 || this.since[slot]! > from) continue;
			if (this.since[slot]! < this.floor(parent, fd) || child.slots.has(fd)) continue;
			const onExec = flags & ON_EXEC;
			if (fd >= child.copiedBelow || (child.execed && onExec !== Slot.keeps)) continue;
			const own = this.set(child, fd, from, onExec);
			if (own < 0) return;
			this.copy(own, slot);
		}
	}

	#newSlot(): number {
		const slot = this.#free.pop();
		if (slot !== undefined) {
			this.#closings[slot] = 0;
			return slot;
		}
		if (this.#used === MAX_SLOTS) return -1;
		if (this.#used === this.since.length) {
			const size = this.#used * 2;
			this.since = grown(this.since, new Float64Array(size));
			this.#pairSince = grown(this.#pairSince, new Float64Array(size));
			this.file = grown(this.file, new Int32Array(size));
			this.pair = grown(this.pair, new Int32Array(size));
			this.socket = grown(this.socket, new Int32Array(size));
			this.#closings = grown(this.#closings, new Uint16Array(size));
			this.flags = grown(this.flags, new Uint8Array(size));
		}
		return this.#used++;
	}
}

function grown<A extends Float64Array | Int32Array | Uint16Array | Uint8Array>(old: A, bigger: A): A {
	bigger.set(old as never);
	return bigger;
}
