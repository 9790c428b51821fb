/**
 * What the descriptors of processes mean, as far as it is known: one table for each files_struct of the kernel
 * (fs/file.c). A slot stands for one number in one table; `since` is when it came to mean what it means, and a call that
 * began before that is not about it.
 */
import { grown } from "../grown.ts";

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
	/** Calls under way that change whether it closes on exec, by descriptor. */
	readonly flagging: Map<number, number>;
	/** Whether descriptors from here on close on exec has changed until then. */
	flaggedFrom: number;
	flaggedAt: number;
	/** utids of its threads, but for some that have ended. */
	threads: number[];
	/** End of the loss since which the threads of `silent` have not been heard of. */
	silentSince: number;
	silent: number[];
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
	/** Since when what stands there, or did until it was freed, surely stood there. */
	#stood = new Float64Array(START);
	/** When it last changed whether it closes on exec. */
	#onExecSince = new Float64Array(START);
	readonly #free: number[] = [];
	/** Calls under way that take it away, and those among them that put something else there. */
	#closings = new Uint16Array(START);
	#replacings = new Uint16Array(START);
	#used = 0;
	readonly #mayBeInACall: (table: DescriptorTable) => boolean;

	#lossEnd = Number.NEGATIVE_INFINITY;
	/** CPUs that lose events now. */
	readonly #losing = new Set<number>();
	#strangers = Number.NEGATIVE_INFINITY;
	readonly #strangerOf = new Map<number, number>();
	#reconnected = Number.NEGATIVE_INFINITY;

	/** `mayBeInACall`: a thread of the table may be in a call of which a loss hides what it is. */
	constructor(mayBeInACall: (table: DescriptorTable) => boolean) {
		this.#mayBeInACall = mayBeInACall;
	}

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
			flagging: new Map(),
			flaggedFrom: Number.POSITIVE_INFINITY,
			flaggedAt: Number.NEGATIVE_INFINITY,
			threads: [],
			silentSince: Number.NEGATIVE_INFINITY,
			silent: [],
			untracked: false,
		};
	}

	release(table: DescriptorTable): void {
		for (const slot of table.slots.values()) this.#free.push(slot);
		table.slots.clear();
	}

	/** A CPU loses events from now on: descriptors may change at any time until `lost` tells of the loss. */
	lossBegins(cpu: number): void {
		this.#losing.add(cpu);
	}

	/** First record of a CPU, before which no loss is told; true if it had one. */
	started(cpu: number, ts: number): boolean {
		const lost = this.#losing.has(cpu);
		if (lost) this.lost(cpu, ts);
		return lost;
	}

	/** A CPU has lost events: descriptors may have changed until `to`. */
	lost(cpu: number, to: number): void {
		this.#losing.delete(cpu);
		if (to > this.#lossEnd) this.#lossEnd = to;
	}

	/** Descriptors may be changing unseen now, so that nothing can be said of any call that ends now. */
	isInDoubt(table: DescriptorTable): boolean {
		if (this.#losing.size > 0) return true;
		const told = table.silentSince === this.#lossEnd && table.silent.length === 0;
		return !told && this.#mayBeInACall(table);
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
		if (slot === undefined || (this.flags[slot]! & Slot.known) === 0 || this.isInDoubt(table)) return -1;
		if (this.since[slot]! >= this.floor(table, fd)) return slot;
		// what the snapshot of the end might have told of it is of something else now
		this.flags[slot] = 0;
		this.file[slot] = -1;
		this.pair[slot] = -1;
		this.socket[slot] = -1;
		return -1;
	}

	/** What was known of the slot holds. */
	#isKnown(table: DescriptorTable, fd: number, slot: number): boolean {
		return (this.flags[slot]! & Slot.known) !== 0 && this.since[slot]! >= this.floor(table, fd);
	}

	/** Slot of what the descriptor has meant all along since `ts`; -1 if that is not known. */
	findSince(table: DescriptorTable, fd: number, ts: number): number {
		const slot = this.find(table, fd);
		return slot >= 0 && this.since[slot]! <= ts ? slot : -1;
	}

	/** The descriptor has not changed since `ts`, as far as seen, whatever it means. */
	isQuiet(table: DescriptorTable, fd: number, ts: number): boolean {
		if (this.floor(table, fd) > ts || this.closings(table, fd) > 0 || this.isInDoubt(table)) return false;
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
		if ((flags & Slot.freed) === 0) this.#stood[slot] = ts;
		this.since[slot] = ts;
		this.#onExecSince[slot] = ts;
		this.flags[slot] = flags;
		this.file[slot] = -1;
		this.pair[slot] = -1;
		this.socket[slot] = -1;
		return slot;
	}

	/**
	 * A call between `from` and `to` has found something at the descriptor, and nothing has changed it meanwhile but, perhaps,
	 * a call under way that opened it.
	 */
	see(table: DescriptorTable, fd: number, from: number, to: number, flags: number): number {
		const slot = this.set(table, fd, from, flags);
		if (slot >= 0) this.#stood[slot] = to;
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

	/** A call that takes the descriptor away has begun; `replaces`: it puts something else there. */
	closing(table: DescriptorTable, fd: number, ts: number, replaces: boolean): void {
		const slot = table.slots.get(fd) ?? this.set(table, fd, ts, 0);
		if (slot < 0) return;
		this.#closings[slot]!++;
		if (replaces) this.#replacings[slot]!++;
	}

	/** Such a call has ended; false if its begin was not told. */
	closed(table: DescriptorTable, fd: number, replaces: boolean): boolean {
		const slot = table.slots.get(fd);
		const counts = replaces ? this.#replacings : this.#closings;
		if (slot === undefined || counts[slot] === 0) return false;
		this.#closings[slot]!--;
		if (replaces) this.#replacings[slot]!--;
		return true;
	}

	/** Calls under way that may take the descriptor away. */
	closings(table: DescriptorTable, fd: number): number {
		const slot = table.slots.get(fd);
		const ranges = fd >= table.rangesFrom ? table.ranges : 0;
		return slot === undefined ? ranges : ranges + this.#closings[slot]!;
	}

	/**
	 * close(2) between `from` and `to`, whose begin was told. It was about what stood there when it began; what came while
	 * it ran stays: that could come only because the call had freed the number before.
	 */
	close(table: DescriptorTable, fd: number, from: number, to: number): void {
		const slot = table.slots.get(fd);
		const known = slot !== undefined && this.#isKnown(table, fd, slot);
		if (!known || this.since[slot]! <= from) this.set(table, fd, to, known ? Slot.freed : 0);
	}

	/**
	 * A call between `from` and `to` has opened this descriptor. Where another call changed it meanwhile and nothing tells
	 * which came last, it stays unknown. -1: unknown.
	 */
	open(table: DescriptorTable, fd: number, from: number, to: number, flags: number): number {
		if (!this.#isNew(table, fd, from)) {
			this.set(table, fd, to, 0);
			return -1;
		}
		return this.setDuring(table, fd, from, to, flags | Slot.known);
	}

	/** What a call that began at `from` found free is what stands there now. */
	#isNew(table: DescriptorTable, fd: number, from: number): boolean {
		if (this.#losing.size > 0) return false;
		const slot = table.slots.get(fd);
		const floor = this.floor(table, fd);
		const closings = this.closings(table, fd);
		if (slot === undefined) return closings === 0 && floor <= from;
		const flags = this.flags[slot]!;
		const since = this.since[slot]!;
		// what stands there was taken away by the one call under way that may do that: a second may be of the new one
		if (this.#isKnown(table, fd, slot))
			return this.#stood[slot]! <= from && floor <= from && closings <= 1 && this.#replacings[slot] === 0;
		if (closings > 0) return false;
		if (since <= from && floor <= from) return true;
		// what stood there when the call began was taken away, once, before the call could find the number free
		return (flags & Slot.freed) !== 0 && since >= floor && this.#stood[slot]! <= from;
	}

	/** The descriptor means something new by a call between `from` and `to`, perhaps with bits of when it closes. */
	setDuring(table: DescriptorTable, fd: number, from: number, to: number, flags: number): number {
		const slot = table.slots.get(fd);
		const sure =
			slot === undefined || this.#onExecSince[slot]! <= from || this.since[slot] === this.#onExecSince[slot];
		const told =
			sure && this.#flaggings(table, fd) === 0 && (fd < table.flaggedFrom || table.flaggedAt <= from);
		return this.set(table, fd, to, told ? flags : flags & ~ON_EXEC);
	}

	/** close_range has begun. */
	rangeClosing(table: DescriptorTable, first: number): void {
		table.ranges++;
		table.rangesFrom = Math.min(table.rangesFrom, first);
	}

	/** Such a call is under way no more; false if its begin was not told. */
	rangeLeft(table: DescriptorTable): boolean {
		if (table.ranges === 0) return false;
		if (--table.ranges === 0) table.rangesFrom = Number.POSITIVE_INFINITY;
		return true;
	}

	/** close_range has ended. */
	rangeClosed(
		table: DescriptorTable,
		first: number,
		last: number,
		ts: number,
		does: "close" | "cloexec" | "nothing",
	): void {
		if (does === "nothing") return;
		table.copiedBelow = Math.min(table.copiedBelow, first);
		for (const [fd, slot] of table.slots) {
			if (fd < first || fd > last) continue;
			if (does === "close") this.set(table, fd, ts, this.#isKnown(table, fd, slot) ? Slot.freed : 0);
			else this.#setOnExec(slot, 0, ts);
		}
		if (does === "cloexec") {
			table.flaggedFrom = Math.min(table.flaggedFrom, first);
			table.flaggedAt = ts;
			return;
		}
		table.closedFrom = Math.min(table.closedFrom, first);
		table.closedAt = ts;
	}

	/** A call that may change whether the descriptor closes on exec has begun. */
	flagging(table: DescriptorTable, fd: number, ts: number): void {
		table.flagging.set(fd, (table.flagging.get(fd) ?? 0) + 1);
		const slot = table.slots.get(fd);
		if (slot !== undefined) this.#setOnExec(slot, 0, ts);
		// of what the process has of its creator, this is not the creator's
		else if (!table.began) table.copiedBelow = Math.min(table.copiedBelow, fd);
	}

	/** Such a call has ended; false if its begin was not told. */
	flagged(table: DescriptorTable, fd: number): boolean {
		const calls = table.flagging.get(fd) ?? 0;
		if (calls > 1) table.flagging.set(fd, calls - 1);
		else table.flagging.delete(fd);
		return calls > 0;
	}

	/** It has changed it between `from` and `to`; `onExec` 0: nothing tells to what. */
	changeOnExec(table: DescriptorTable, fd: number, from: number, to: number, onExec: number): void {
		const slot = table.slots.get(fd) ?? this.set(table, fd, to, 0);
		if (slot < 0) return;
		// its own begin was told as a change
		const sure =
			this.since[slot]! <= from && this.#onExecSince[slot]! <= from && this.#flaggings(table, fd) === 0;
		this.#setOnExec(slot, sure ? onExec : 0, to);
	}

	/** A call between `from` and now has shown whether it closes on exec. */
	seenOnExec(table: DescriptorTable, fd: number, slot: number, from: number, onExec: number): void {
		if (this.#onExecSince[slot]! > from || this.#flaggings(table, fd) > 0) return;
		this.#setOnExec(slot, onExec, this.#onExecSince[slot]!);
	}

	#flaggings(table: DescriptorTable, fd: number): number {
		return (fd >= table.rangesFrom ? table.ranges : 0) + (table.flagging.get(fd) ?? 0);
	}

	#setOnExec(slot: number, onExec: number, ts: number): void {
		this.flags[slot] = (this.flags[slot]! & ~ON_EXEC) | onExec;
		this.#onExecSince[slot] = ts;
	}

	/** The program was replaced: what closes on exec is closed, what does not stays. */
	exec(table: DescriptorTable, ts: number): void {
		for (const [fd, slot] of table.slots) {
			const flags = this.flags[slot]!;
			// a thread that the exec has ended may have changed it
			const onExec = this.#flaggings(table, fd) > 0 ? 0 : flags & ON_EXEC;
			if ((flags & Slot.known) === 0 || onExec === Slot.keeps) continue;
			const frees = onExec === Slot.cloexec && this.#isKnown(table, fd, slot);
			this.set(table, fd, ts, frees ? Slot.freed : 0);
		}
		table.execed = true;
	}

	/**
	 * `child` began as a copy of `parent` by a call that lasted from `from` to now: it has what did not change meanwhile.
	 * What the child has done since stays as it is.
	 */
	fork(parent: DescriptorTable, child: DescriptorTable, from: number): void {
		child.began = true;
		if (this.isInDoubt(parent)) return;
		for (const [fd, slot] of parent.slots) {
			const flags = this.flags[slot]!;
			if ((flags & Slot.known) === 0 || this.closings(parent, fd) > 0 || this.#stood[slot]! > from) continue;
			if (this.since[slot]! < this.floor(parent, fd) || child.slots.has(fd)) continue;
			const sure = this.#onExecSince[slot]! <= from && this.#flaggings(parent, fd) === 0;
			const onExec = sure ? flags & ON_EXEC : 0;
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
			this.#replacings[slot] = 0;
			return slot;
		}
		if (this.#used === MAX_SLOTS) return -1;
		if (this.#used === this.since.length) {
			const size = this.#used * 2;
			this.since = grown(this.since, size);
			this.#pairSince = grown(this.#pairSince, size);
			this.file = grown(this.file, size);
			this.pair = grown(this.pair, size);
			this.socket = grown(this.socket, size);
			this.#stood = grown(this.#stood, size);
			this.#onExecSince = grown(this.#onExecSince, size);
			this.#closings = grown(this.#closings, size);
			this.#replacings = grown(this.#replacings, size);
			this.flags = grown(this.flags, size);
		}
		return this.#used++;
	}
}
