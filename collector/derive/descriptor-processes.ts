/**
 * Which table of descriptors a thread has. Threads of a process share one; a process begins with a copy of its creator's,
 * or, with CLONE_FILES, with the same one (copy_files, kernel/fork.c, Linux 6.12).
 *
 * Where task_newtask is recorded it tells at once. Otherwise the creator's clone or fork does, at its exit, when the new
 * process may have run for long (with vfork: until its exec); its table is unknown until then.
 */

import { grown } from "../grown.ts";
import type { Threads } from "../identity/threads.ts";
import type { DeriveContext } from "./derivation.ts";
import { type DescriptorTable, DescriptorTables } from "./descriptor-tables.ts";

/** include/uapi/linux/sched.h */
const CLONE_FS = 0x200;
const CLONE_FILES = 0x400;
const CLONE_THREAD = 0x1_0000;

/**
 * The result of clone is a number in the pid namespace of the caller. A process that shows itself under this number only
 * later than this (ns) is not taken for the new one.
 */
const PENDING = 1e9;
/** Forks whose child has not shown itself. */
const MAX_PENDING = 1024;

const START = 256;

/** Tables of ended processes are looked for when there are this many more. */
const SWEEP = 256;

/** Working directory: processes with the same number have the same one. */
export interface Directory {
	number: number;
	since: number;
	/** Calls under way that may change it. */
	moving: number;
}

export interface Process {
	readonly tgid: number;
	/** utid of the main thread; -1 = not seen */
	leader: number;
	readonly table: DescriptorTable;
	readonly directory: Directory;
	/** It is the first that was seen with this number, and nothing tells that it began in the trace. */
	readonly old: boolean;
}

interface Fork {
	readonly creator: number;
	readonly at: number;
	readonly table: DescriptorTable;
	readonly directory: Directory;
}

export class DescriptorProcesses {
	readonly tables = new DescriptorTables((table) => this.#mayBeInACall(table));
	readonly #threads: Threads;
	readonly #timed: boolean;
	/** Switches tell when a thread runs. */
	readonly #switches: boolean;
	/** Where the last loss began. */
	#lossFrom = Number.POSITIVE_INFINITY;
	/** Begin or end of the last call of each thread since the first loss, by utid. */
	#heard = new Float64Array(START).fill(Number.NEGATIVE_INFINITY);
	/** Threads below it have been given to their tables. */
	#joined = 1;
	/** When a thread of which nothing tells the process last moved to another directory. */
	#strangerMoved = Number.NEGATIVE_INFINITY;
	readonly #began: (process: Process) => void;
	/** By utid: its process, and the tgid by which it was found. */
	readonly #of: (Process | undefined)[] = [];
	readonly #ofTgid = new Map<number, Process>();
	readonly #seen = new Set<number>();
	/** Forks by the result, whose child has not been seen. */
	readonly #pending = new Map<number, Fork>();
	#directories = 0;
	#count = 0;
	#sweepAt = SWEEP;

	/** `began` is told of each process that is new here. */
	constructor(context: DeriveContext, began: (process: Process) => void) {
		this.#threads = context.threads;
		this.#timed = context.timed;
		const { recorded } = context;
		this.#switches = recorded.size === 0 || recorded.has("sched_switch");
		this.#began = began;
	}

	/** Process of a thread; null if nothing tells it. */
	of(utid: number, ts: number): Process | null {
		const tgid = this.#threads.tgidOf(utid);
		if (tgid <= 0) return null;
		const known = this.#of[utid];
		if (known !== undefined && known.tgid === tgid) return known;
		return this.#find(utid, tgid, ts);
	}

	/** The life of a process that has this number now. */
	ofTgid(tgid: number): Process | undefined {
		return this.#ofTgid.get(tgid);
	}

	/** Number of the working directory now. */
	directoryOf(process: Process): number {
		const { lossEnd } = this.tables;
		const complete = process.table.completeSince >= lossEnd;
		const floor = complete ? lossEnd : Math.max(lossEnd, this.#strangerMoved);
		if (process.directory.since < floor) this.moved(process, floor);
		return process.directory.number;
	}

	/** Nothing has moved the working directory since `ts`. */
	staysSince(process: Process, ts: number): boolean {
		const { directory, table } = process;
		return directory.since <= ts && directory.moving === 0 && !this.tables.isInDoubt(table);
	}

	/** The process has another working directory since `ts`. */
	moved(process: Process, ts: number): void {
		process.directory.number = ++this.#directories;
		process.directory.since = ts;
	}

	/** A thread of which nothing tells the process has another working directory. */
	strangerMoved(ts: number): void {
		this.#strangerMoved = ts;
	}

	/** A CPU has lost events between `from` and `to`. */
	lost(cpu: number, from: number, to: number): void {
		const { tables } = this;
		this.#lossFrom = from > tables.lossEnd ? from : Math.min(from, this.#lossFrom);
		tables.lost(cpu, to);
	}

	/** A call of the thread begins or ends. */
	heard(utid: number, ts: number): void {
		if (utid >= this.#heard.length)
			this.#heard = grown(this.#heard, Math.max(utid + 1, 2 * this.#heard.length), Number.NEGATIVE_INFINITY);
		this.#heard[utid] = ts;
	}

	/**
	 * Whether a thread of the table has run since the last loss of which no call has been seen to begin or end since: it may
	 * be in one whose begin was lost. (One that ran only on CPUs that lost nothing has lost no call either.)
	 */
	#mayBeInACall(table: DescriptorTable): boolean {
		const { lossEnd } = this.tables;
		const threads = this.#threads;
		for (; this.#joined < threads.count; this.#joined++) {
			const utid = this.#joined;
			const process = this.#of[utid] ?? this.#ofTgid.get(threads.tgidOf(utid));
			if (process !== undefined) this.#join(utid, process);
		}
		const { silent } = table;
		if (table.silentSince !== lossEnd) {
			table.silentSince = lossEnd;
			table.threads = table.threads.filter((utid) => this.#of[utid]?.table === table);
			silent.length = 0;
			silent.push(...table.threads);
			table.threads = table.threads.filter((utid) => !threads.isOver(utid));
		}
		let running = false;
		for (let i = silent.length - 1; i >= 0; i--) {
			const utid = silent[i]!;
			const last = threads.lastTs[utid]!;
			const ran = !this.#switches || last >= this.#lossFrom;
			const over = threads.isOver(utid);
			// what it did last is not told
			if (over && ran) table.floor = Math.max(table.floor, last);
			if (over || this.#heardAt(utid) >= lossEnd) {
				silent[i] = silent.at(-1)!;
				silent.pop();
			} else if (ran) running = true;
		}
		return running;
	}

	#heardAt(utid: number): number {
		return utid < this.#heard.length ? this.#heard[utid]! : Number.NEGATIVE_INFINITY;
	}

	/** The thread is of this process from now on. */
	#join(utid: number, process: Process): void {
		this.#of[utid] = process;
		const { table } = process;
		if (table.threads.at(-1) !== utid) table.threads.push(utid);
		if (table.silentSince === this.tables.lossEnd && this.#heardAt(utid) < table.silentSince)
			table.silent.push(utid);
	}

	/** task_newtask: `from` is when the creator's call began. */
	created(creator: number, child: number, flags: number, from: number, ts: number): void {
		const parent = this.of(creator, ts);
		const own = this.#threads.tgidOf(child);
		if (own <= 0) return;
		if (this.tables.lossEnd > Number.NEGATIVE_INFINITY) this.heard(child, ts);
		const thread = (flags & CLONE_THREAD) !== 0;
		const directory =
			parent !== null && (flags & CLONE_FS) !== 0 ? parent.directory : this.#inherited(parent, from);
		if ((flags & CLONE_FILES) !== 0) {
			if (parent === null) return;
			if (thread) this.#join(child, directory === parent.directory ? parent : { ...parent, directory });
			else {
				parent.table.shared = true;
				this.#add(child, own, parent.table, directory, false);
			}
			return;
		}
		const table = this.tables.make();
		table.began = true;
		table.completeSince = thread ? Number.NaN : ts;
		if (parent !== null) this.tables.fork(parent.table, table, from);
		if (!thread) this.#add(child, own, table, directory, false);
		else if (parent !== null) this.#join(child, { ...parent, table, directory, old: false });
	}

	/**
	 * A call that makes a process has ended between `from` and `ts` with this result; `flags` -1: not told. Does nothing
	 * where task_newtask told it before.
	 */
	forked(creator: number, tid: number, flags: number, from: number, ts: number): void {
		if (flags >= 0 && (flags & CLONE_THREAD) !== 0) return;
		const threads = this.#threads;
		const parent = this.of(creator, ts);
		if (parent === null) return;
		const child = threads.byTid[tid] ?? 0;
		const shares = flags >= 0 && (flags & CLONE_FILES) !== 0;
		if (child !== 0 && !this.#isNew(child, creator, from)) return;
		const process = child === 0 ? null : this.of(child, ts);
		if (child !== 0 && (process === null || process.tgid !== tid)) return;
		if (process !== null && (process.table.began || process.table === parent.table)) return;
		if (flags >= 0 && (flags & CLONE_FS) !== 0) {
			// as for the table
			parent.directory.moving = Number.POSITIVE_INFINITY;
			if (process !== null) process.directory.moving = Number.POSITIVE_INFINITY;
		}
		if (shares) {
			// they share a table, but are followed apart
			parent.table.untracked = true;
			if (process !== null) process.table.untracked = true;
		} else if (process === null) this.#await(parent, creator, tid, from);
		else {
			this.tables.fork(parent.table, process.table, from);
			if (process.directory.since <= from) process.directory.number = this.#inherited(parent, from).number;
		}
	}

	/** The thread gets a table of its own, by a call that began at `from`. */
	unshare(utid: number, process: Process, from: number): void {
		const table = this.tables.make();
		this.tables.fork(process.table, table, from);
		table.began = true;
		table.completeSince = process.table.completeSince;
		this.#join(utid, { ...process, table });
	}

	/** exec, which began at `from`: the process has no other thread, and a table of its own. */
	execed(utid: number, process: Process, from: number): Process {
		process.leader = utid;
		if (!process.table.shared && this.#ofTgid.get(process.tgid)?.table === process.table) return process;
		const table = this.tables.make();
		this.tables.fork(process.table, table, from);
		table.began = true;
		const alone = { ...process, table };
		this.#join(utid, alone);
		this.#ofTgid.set(process.tgid, alone);
		return alone;
	}

	/** The process is alive, as far as seen. */
	lives(process: Process): boolean {
		const { leader } = process;
		return leader < 0 || !(this.#threads.endKnown(leader) || this.#threads.isOver(leader));
	}

	#find(utid: number, tgid: number, ts: number): Process {
		const threads = this.#threads;
		const leads = threads.tidOf(utid) === tgid;
		const process = this.#ofTgid.get(tgid);
		if (process !== undefined && !(leads && this.#isAnother(utid, process))) {
			if (leads) process.leader = utid;
			this.#join(utid, process);
			return process;
		}
		const pending = leads ? this.#pending.get(tgid) : undefined;
		if (pending !== undefined) {
			this.#pending.delete(tgid);
			const late = threads.firstTsOf(utid) - pending.at;
			if (this.#isNew(utid, pending.creator, pending.at) && (!this.#timed || late <= PENDING))
				return this.#add(utid, tgid, pending.table, pending.directory, false);
		}
		const old = !this.#seen.has(tgid) && !(leads && threads.startKnown(utid));
		return this.#add(leads ? utid : -1, tgid, this.tables.make(), this.#inherited(null, ts), old, utid);
	}

	/** The main thread of a process is not that of the process seen before under its number. */
	#isAnother(utid: number, process: Process): boolean {
		if (process.leader === utid || this.#threads.joinedProcess(utid)) return false;
		return process.leader >= 0 || this.#threads.startKnown(utid);
	}

	#add(
		leader: number,
		tgid: number,
		table: DescriptorTable,
		directory: Directory,
		old: boolean,
		utid = leader,
	): Process {
		const process: Process = { tgid, leader, table, directory, old };
		const before = this.#ofTgid.get(tgid);
		if (before !== undefined && !before.table.shared) this.tables.release(before.table);
		this.#join(utid, process);
		this.#ofTgid.set(tgid, process);
		this.#seen.add(tgid);
		if (++this.#count >= this.#sweepAt) this.#sweep();
		this.#began(process);
		return process;
	}

	/** The child's working directory is its creator's, but where that is not known or may have changed during the call. */
	#inherited(parent: Process | null, from: number): Directory {
		if (parent !== null) {
			const number = this.directoryOf(parent);
			if (this.staysSince(parent, from)) return { number, since: parent.directory.since, moving: 0 };
		}
		return { number: ++this.#directories, since: this.tables.lossEnd, moving: 0 };
	}

	/** The thread has shown itself only since the call began, and nothing says that another made it. */
	#isNew(child: number, creator: number, from: number): boolean {
		const maker = this.#threads.parentOf(child);
		return maker === creator || (maker === -1 && this.#threads.firstTsOf(child) >= from);
	}

	#await(parent: Process, creator: number, tid: number, from: number): void {
		const had = this.#pending.get(tid);
		if (had !== undefined) this.tables.release(had.table);
		else if (this.#pending.size >= MAX_PENDING) {
			const [first] = this.#pending.keys();
			this.tables.release(this.#pending.get(first!)!.table);
			this.#pending.delete(first!);
		}
		const table = this.tables.make();
		this.tables.fork(parent.table, table, from);
		this.#pending.set(tid, { creator, at: from, table, directory: this.#inherited(parent, from) });
	}

	/** Gives back the tables of which no living thread is known. */
	#sweep(): void {
		const used = new Set<DescriptorTable>();
		const ended = new Set<DescriptorTable>();
		for (const [utid, process] of this.#of.entries()) {
			if (process === undefined) continue;
			if (!this.#threads.isOver(utid)) used.add(process.table);
			else {
				ended.add(process.table);
				this.#of[utid] = undefined;
			}
		}
		for (const [tgid, process] of this.#ofTgid)
			if (!used.has(process.table)) {
				ended.add(process.table);
				this.#ofTgid.delete(tgid);
			}
		for (const table of ended) if (!used.has(table)) this.tables.release(table);
		this.#count = this.#ofTgid.size;
		this.#sweepAt = 2 * this.#count + SWEEP;
	}
}
