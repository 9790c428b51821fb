/**
 * Who ran: one number (utid) for each thread's life in a trace. A tid that the kernel gives again is another utid;
 * utid 0 is the idle threads of all CPUs. utids count up in order of first sight, so they are the same in every run.
 *
 * The hot path is two array accesses per record, inlined by the decoder:
 *
 *     const utid = pid === 0 ? 0 : threads.byTid[pid] || threads.appear(pid, ts);
 *     threads.lastTs[utid] = ts;
 *
 * `byTid` never moves. `lastTs` is replaced when it grows: read the field each time (one load), keep no copy.
 */
import type { StringPool } from "../derive/derivation.ts";
import { grown } from "../grown.ts";

/** PID_MAX_LIMIT of 64-bit kernels (include/linux/threads.h): tids are below it. */
export const TID_LIMIT = 4_194_304;

/** include/uapi/linux/sched.h: the new task joins the thread group of its creator. */
const CLONE_THREAD = 0x1_0000;

/** kthreadd, which creates all kernel threads (kernel/kthread.c). Everything else that forks makes user tasks. */
const KTHREADD_TID = 2;

/** Names that the kernel gives to its own per-CPU and worker threads (kernel/smpboot.c users, kernel/workqueue.c). */
const kernelNames =
	/^(kthreadd$|kworker\/|(ksoftirqd|migration|cpuhp|idle_inject|watchdog|rcuc|rcuop|rcuos|irq)\/\d)/;

/** Stamps of CPUs can differ by this much (ns) on clocks that are not global: a thread that shows itself this little before its own fork is the forked one. */
const SKEW = 100_000;

/**
 * When something was true of a tid that is told from outside the events:
 *
 * - start: a side file from before the recording, or of no known time; of the first life at the tid, unless that began later
 * - end: saved with the trace at its end; of the last life
 * - after: a side file from after the recording; of the last life, if it has not ended: else the tid is another's by then
 */
export type Told = "start" | "end" | "after";

/** The best first, where several are of one life. */
const tellers: readonly Told[] = ["start", "after", "end"];

/** Where a tgid is known from; a better source replaces a worse one. */
enum From {
	nothing = 0,
	end = 1,
	after = 2,
	start = 3,
	events = 4,
}

/** What is told of a tid from outside the events; absent = not told. */
interface Outside {
	name?: { code: number; source: NameSource };
	tgid?: number;
	kernel?: boolean;
	parentTgid?: number;
	command?: string;
}

/** What is known of a life, as bits. */
enum Flag {
	/** its start was recorded */
	started = 1,
	/** its creation was told by task_newtask */
	newtask = 2,
	/** was seen running or being woken, so a sched_wakeup_new at its tid is another life */
	lived = 4,
	/** sched_process_exit or the last switch was recorded */
	exited = 8,
	/** it has made its last switch, or another life has begun at its tid */
	over = 16,
	/** it called exec as another thread than the main one and lives on under the leader's tid */
	tookOver = 32,
	/** its creation was told by sched_process_fork */
	forkEvent = 64,
	/** its creation was told by PERF_RECORD_FORK */
	forkRecord = 128,
}

/** What told a name, as `thread_name.source` has it. */
export type NameSource = "task_rename" | "exec" | "fork" | "sched_switch" | "comm" | "cmdline" | "ps";

/** One name of one thread. `ts` NaN: the name that it had when first seen. */
export interface NameFact {
	readonly ts: number;
	readonly utid: number;
	readonly code: number;
	readonly source: NameSource;
}

export class Threads {
	/** Current utid of a tid; 0 = none (yet, or any more). Index 0 stays 0: the idle threads. */
	readonly byTid = new Int32Array(TID_LIMIT);
	/** Last sign of each utid, ns since the base stamp; NaN if none. Replaced when it grows. */
	lastTs: Float64Array = filled(new Float64Array(START), Number.NaN);

	#count = 1;
	#firstTs: Float64Array = filled(new Float64Array(START), Number.NaN);
	#tid: Int32Array = new Int32Array(START);
	#tgid: Int32Array = filled(new Int32Array(START), -1);
	#tgidFrom: Uint8Array = new Uint8Array(START);
	#name: Int32Array = filled(new Int32Array(START), -1);
	#parent: Int32Array = filled(new Int32Array(START), -1);
	#cloneLo: Int32Array = new Int32Array(START);
	#cloneHi: Float64Array = filled(new Float64Array(START), Number.NaN);
	/** -1 unknown, 0 user, 1 kernel */
	#kernel: Int8Array = filled(new Int8Array(START), -1);
	#flags: Uint8Array = new Uint8Array(START);

	/** The last life at a tid that is over: late events (sched_process_free) and an exec that takes the tid over refer to it. */
	readonly #ended = new Map<number, number>();
	/** tids that no kernel gives: damaged records, or the -1 of perf for a thread that has gone. */
	readonly #odd = new Map<number, number>();

	readonly #strings: StringPool;
	readonly #names: NameFact[] = [];
	readonly #outside: Readonly<Record<Told, Map<number, Outside>>> = {
		start: new Map(),
		end: new Map(),
		after: new Map(),
	};

	constructor(strings: StringPool) {
		this.#strings = strings;
		this.#tgid[0] = 0;
		this.#tgidFrom[0] = From.events;
		this.#name[0] = strings.code("swapper");
		this.#kernel[0] = 1;
	}

	/** utids given so far, the idle threads included: 0 .. count-1. */
	get count(): number {
		return this.#count;
	}

	/** The decoder's slow path: a record whose current thread has no utid. */
	appear(tid: number, ts: number): number {
		const utid = this.#life(tid, ts);
		this.#flags[utid] |= Flag.lived;
		return utid;
	}

	/** utid of a thread that an event mentions (not the one that was current). */
	at(tid: number, ts: number): number {
		if (tid === 0) return 0;
		const utid = this.byTid[tid] || this.#life(tid, ts);
		this.lastTs[utid] = ts;
		return utid;
	}

	/** utid of a tid, or of the last life that ended there; 0 if the tid was never seen. Makes nothing. */
	find(tid: number): number {
		return this.byTid[tid] || this.#odd.get(tid) || this.#ended.get(tid) || 0;
	}

	/** tid, for a thread that took its leader's tid over by exec: the leader's. */
	tidOf(utid: number): number {
		return this.#tid[utid];
	}

	/** Process id as known so far; -1 if unknown. */
	tgidOf(utid: number): number {
		return this.#tgid[utid];
	}

	/** String code of the name as known so far; -1 if unknown. */
	nameOf(utid: number): number {
		return this.#name[utid];
	}

	/** utid of the creator; -1 if its creation was not recorded. */
	parentOf(utid: number): number {
		return this.#parent[utid];
	}

	/** First sign of the thread, ns since the base stamp; NaN if it does not appear in the events. */
	firstTsOf(utid: number): number {
		return this.#firstTs[utid];
	}

	/** Low half of the clone flags; meaningless unless cloneHiOf is a number. */
	cloneLoOf(utid: number): number {
		return this.#cloneLo[utid];
	}

	/** High half of the clone flags; NaN if task_newtask was not recorded for it. */
	cloneHiOf(utid: number): number {
		return this.#cloneHi[utid];
	}

	/** 1 kernel thread, 0 user, -1 unknown. */
	kernelOf(utid: number): number {
		return this.#kernel[utid];
	}

	/** The thread's start was recorded. */
	startKnown(utid: number): boolean {
		return (this.#flags[utid] & Flag.started) !== 0;
	}

	/** The thread's end was recorded: sched_process_exit, or the switch that it does not return from. */
	endKnown(utid: number): boolean {
		return (this.#flags[utid] & Flag.exited) !== 0;
	}

	/** The thread has made its last switch, or another has come at its tid. */
	isOver(utid: number): boolean {
		return (this.#flags[utid] & Flag.over) !== 0;
	}

	/** The thread joined the process of its creator, or by exec that of its leader: it founds none. */
	joinedProcess(utid: number): boolean {
		const cloned = !Number.isNaN(this.#cloneHi[utid]) && (this.#cloneLo[utid] & CLONE_THREAD) !== 0;
		return cloned || (this.#flags[utid] & Flag.tookOver) !== 0;
	}

	/** Parent of the process whose main thread this is, by a ps side file; undefined if not told. */
	sideParentOf(utid: number): number | undefined {
		return this.#ofProcess(utid, "parentTgid");
	}

	/** Command line of the process whose main thread this is, by a ps side file; undefined if not told. */
	commandOf(utid: number): string | undefined {
		return this.#ofProcess(utid, "command");
	}

	/** All names, in order of arrival. */
	get names(): readonly NameFact[] {
		return this.#names;
	}

	/**
	 * task_newtask (with clone flags), sched_process_fork (cloneFlagsHi = NaN) or PERF_RECORD_FORK (`byRecord`). One new
	 * thread gives all of them before it can run (kernel/fork.c): together they are one utid. nameCode -1: not told.
	 */
	fork(
		parentUtid: number,
		tid: number,
		nameCode: number,
		cloneFlagsLo: number,
		cloneFlagsHi: number,
		ts: number,
		byRecord = false,
	): number {
		const newtask = !Number.isNaN(cloneFlagsHi);
		const told = byRecord ? Flag.forkRecord : newtask ? Flag.newtask : Flag.forkEvent;
		let utid = this.byTid[tid] || this.#odd.get(tid) || 0;
		if (utid === 0 || !this.#isThisChild(utid, parentUtid, told, ts)) {
			this.#end(utid);
			utid = this.#begin(tid, ts);
		}
		this.lastTs[utid] = ts;
		this.#parent[utid] = parentUtid;
		this.#kernel[utid] = this.#tid[parentUtid] === KTHREADD_TID ? 1 : 0;
		if (newtask) {
			this.#flags[utid] |= Flag.started | told;
			this.#cloneLo[utid] = cloneFlagsLo;
			this.#cloneHi[utid] = cloneFlagsHi;
			if (cloneFlagsLo & CLONE_THREAD)
				this.#setTgid(utid, this.#tgid[parentUtid], this.#tgidFrom[parentUtid]);
			else this.#setTgid(utid, tid, From.events);
		} else {
			this.#flags[utid] |= Flag.started | told;
		}
		if (nameCode !== -1) this.namedIfUnknown(utid, nameCode, ts, "fork");
		return utid;
	}

	/** sched_wakeup_new: a thread is queued for the first time. A life that was active at this tid before is over. */
	wakeupNew(tid: number, ts: number): number {
		let utid = this.at(tid, ts);
		if (this.#flags[utid] & Flag.lived) {
			this.#end(utid);
			utid = this.#begin(tid, ts);
			this.lastTs[utid] = ts;
		}
		this.#flags[utid] |= Flag.started | Flag.lived;
		return utid;
	}

	/** The thread was seen running or being woken. */
	lived(utid: number): void {
		this.#flags[utid] |= Flag.lived;
	}

	/** A name that an event tells. Cheap when nothing changes. The idle threads keep theirs. */
	named(utid: number, nameCode: number, ts: number, source: NameSource): void {
		if (this.#name[utid] === nameCode || utid === 0) return;
		const first = this.#name[utid] === -1;
		this.#name[utid] = nameCode;
		this.#names.push({ ts: first ? Number.NaN : ts, utid, code: nameCode, source });
	}

	/** A name that may be out of date: taken only if none is known. */
	namedIfUnknown(utid: number, nameCode: number, ts: number, source: NameSource): void {
		if (this.#name[utid] === -1) this.named(utid, nameCode, ts, source);
	}

	/** task_rename. A code of -1: not told. */
	rename(tid: number, oldCode: number, newCode: number, ts: number): number {
		const utid = this.at(tid, ts);
		if (oldCode !== -1) this.namedIfUnknown(utid, oldCode, ts, "task_rename");
		if (newCode !== -1) this.named(utid, newCode, ts, "task_rename");
		return utid;
	}

	/**
	 * sched_process_exec. The thread that calls exec becomes the main thread of its process: where it was another one
	 * (oldTid != tid) it lives on under the leader's tid, and the leader is gone (de_thread in fs/exec.c).
	 */
	exec(tid: number, oldTid: number, ts: number): number {
		const caller = tid === oldTid ? 0 : this.byTid[oldTid] || 0;
		if (caller !== 0) this.#moveTo(caller, tid);
		const utid = this.at(tid, ts);
		this.#setTgid(utid, tid, From.events);
		this.#kernel[utid] = 0;
		return utid;
	}

	/** The process of a thread, as a record of it tells. */
	inProcess(utid: number, tgid: number): void {
		if (utid !== 0) this.#setTgid(utid, tgid, From.events);
	}

	/** sched_process_exit: the end is known, though the thread runs on until its last switch. */
	exit(utid: number): void {
		if (utid !== 0) this.#flags[utid] |= Flag.exited;
	}

	/** The thread's last switch: its tid is free for another. */
	dead(utid: number): void {
		if (utid === 0) return;
		this.#flags[utid] |= Flag.exited;
		this.#end(utid);
	}

	/** sched_process_free: comes late, through RCU; the tid may have been given again. Ends only a life that has exited. */
	free(tid: number, ts: number): void {
		const utid = this.find(tid);
		if (utid === 0 || (this.#flags[utid] & Flag.exited) === 0) return;
		this.lastTs[utid] = ts;
		this.#end(utid);
	}

	/**
	 * A name from outside the events, used where the events tell none. "cmdline" = saved with the trace, the last name
	 * at the tid; "ps" = listed by a side file. Any time before `settle`.
	 */
	known(
		tid: number,
		nameCode: number,
		source: "cmdline" | "comm" | "ps",
		told: Told = source === "cmdline" ? "end" : "start",
	): void {
		this.#tell(tid, told).name = { code: nameCode, source };
	}

	/**
	 * The process of a tid from outside the events (saved_tgids: "end"). Told before the events, tgidOf knows it from the
	 * thread's first sight on.
	 */
	knownProcess(tid: number, tgid: number, told: Told): void {
		this.#tell(tid, told).tgid = tgid;
	}

	/** From a ps side file: kernel thread or not, process id of the parent, command line; undefined = not told. */
	knownDetails(
		tid: number,
		details: { kernel?: boolean; parentTgid?: number; command?: string },
		told: Told = "start",
	): void {
		const outside = this.#tell(tid, told);
		outside.kernel = details.kernel ?? outside.kernel;
		outside.parentTgid = details.parentTgid ?? outside.parentTgid;
		outside.command = details.command ?? outside.command;
	}

	/**
	 * After the last event: gives what side files know to the lives that they speak of, and a utid to each thread of a ps
	 * or maps side file that no event shows (in order of tid): most slept all the time; the few that began after the
	 * recording cannot be told from them. Call once.
	 */
	settle(): void {
		for (const tid of this.#onlyInSideFiles()) this.#begin(tid, Number.NaN);

		const first = new Map<number, number>();
		const last = new Map<number, number>();
		for (let utid = 1; utid < this.#count; utid++) {
			const tid = this.#tid[utid];
			if (!first.has(tid)) first.set(tid, utid);
			// one that took the tid over is of the same process as the life before
			if (!last.has(tid) || !(this.#flags[utid] & Flag.tookOver)) last.set(tid, utid);
		}
		const lifeOf: Readonly<Record<Told, (tid: number) => number | undefined>> = {
			start: (tid) => {
				const utid = first.get(tid);
				return utid !== undefined && !this.startKnown(utid) ? utid : undefined;
			},
			end: (tid) => last.get(tid),
			after: (tid) => this.#livingAt(tid),
		};
		for (let utid = 1; utid < this.#count; utid++) {
			// guessed for the first life when it began; true for the last
			const from = this.#tgidFrom[utid];
			const tid = this.#tid[utid];
			if (
				(from === From.end && last.get(tid)! > utid) ||
				(from === From.after && this.#livingAt(tid) !== utid)
			) {
				this.#tgid[utid] = -1;
				this.#tgidFrom[utid] = From.nothing;
			}
		}
		for (const told of tellers)
			for (const [tid, { name, tgid, kernel }] of this.#outside[told]) {
				const utid = lifeOf[told](tid);
				if (utid === undefined) continue;
				if (tgid !== undefined) this.#setTgid(utid, tgid, From[told]);
				if (name !== undefined) this.namedIfUnknown(utid, name.code, Number.NaN, name.source);
				if (kernel !== undefined && this.#kernel[utid] === -1) this.#kernel[utid] = kernel ? 1 : 0;
			}
		// creators have smaller utids than what they create: one pass hands tgids down
		for (let utid = 1; utid < this.#count; utid++) {
			const parent = this.#parent[utid];
			if (parent > 0 && this.joinedProcess(utid))
				this.#setTgid(utid, this.#tgid[parent], this.#tgidFrom[parent]);
			if (this.#kernel[utid] !== -1) continue;
			const name = this.#name[utid];
			if (this.#tid[utid] === KTHREADD_TID || (name !== -1 && kernelNames.test(this.#strings.text(name))))
				this.#kernel[utid] = 1;
			else if (this.#tgid[utid] !== -1 && this.#tgid[utid] !== this.#tid[utid]) this.#kernel[utid] = 0;
			if (this.#kernel[utid] === 1) this.#setTgid(utid, this.#tid[utid], From.end);
		}
	}

	/** One creation is told once by each source, with the same creator. */
	#isThisChild(utid: number, parentUtid: number, told: Flag, ts: number): boolean {
		const flags = this.#flags[utid];
		if (flags & Flag.started && !(flags & (told | Flag.exited)) && this.#parent[utid] === parentUtid)
			return true;
		return (flags & (Flag.started | Flag.exited)) === 0 && ts - this.#firstTs[utid] < SKEW;
	}

	/** The life that a tid without a current utid means now. */
	#life(tid: number, ts: number): number {
		const known = this.#odd.get(tid) || this.#takeOver(tid);
		if (known) return known;
		const utid = this.#begin(tid, ts);
		const name = this.#outside.start.get(tid)?.name;
		// what perf says of the start holds until its next record (but for the work queue in a kworker's name, which no
		// event has); a ps may be out of date when the events begin
		if (
			name?.source === "comm" &&
			!this.#ended.has(tid) &&
			!this.#strings.text(name.code).startsWith("kworker/")
		)
			this.namedIfUnknown(utid, name.code, ts, name.source);
		return utid;
	}

	/**
	 * A leader that has made its last switch runs again: the number of a process is not given to another while it has
	 * threads, so this is one of them that has called exec and got the leader's tid, ahead of sched_process_exec.
	 * exec kills all others: with one left, it is known which. utid of that thread; 0 if it is not this case.
	 */
	#takeOver(tid: number): number {
		const leader = this.#ended.get(tid);
		if (leader === undefined || this.#tgid[leader] !== tid) return 0;
		let survivor = 0;
		for (let utid = leader + 1; utid < this.#count; utid++) {
			if (this.#tgid[utid] !== tid || this.#flags[utid] & Flag.over) continue;
			if (survivor !== 0) return 0;
			survivor = utid;
		}
		if (survivor !== 0) this.#moveTo(survivor, tid);
		return survivor;
	}

	#moveTo(utid: number, tid: number): void {
		const from = this.#tid[utid];
		if (this.byTid[from] === utid) this.byTid[from] = 0;
		this.#end(this.byTid[tid]);
		this.byTid[tid] = utid;
		this.#tid[utid] = tid;
		this.#flags[utid] |= Flag.tookOver;
	}

	#begin(tid: number, ts: number): number {
		if (this.#count === this.#tid.length) this.#grow();
		const utid = this.#count++;
		this.#tid[utid] = tid;
		this.#firstTs[utid] = ts;
		this.lastTs[utid] = ts;
		if (tid >= 0 && tid < TID_LIMIT) this.byTid[tid] = utid;
		else this.#odd.set(tid, utid);
		if (!this.#ended.has(tid))
			for (const told of tellers) this.#setTgid(utid, this.#outside[told].get(tid)?.tgid ?? -1, From[told]);
		return utid;
	}

	#end(utid: number): void {
		if (utid === 0) return;
		const tid = this.#tid[utid];
		this.#flags[utid] |= Flag.over;
		if (this.byTid[tid] === utid) this.byTid[tid] = 0;
		this.#odd.delete(tid);
		this.#ended.set(tid, utid);
	}

	#setTgid(utid: number, tgid: number, from: From): void {
		if (tgid === -1 || from < this.#tgidFrom[utid]) return;
		this.#tgid[utid] = tgid;
		this.#tgidFrom[utid] = from;
	}

	#tell(tid: number, told: Told): Outside {
		const facts = this.#outside[told];
		let outside = facts.get(tid);
		if (!outside) {
			outside = {};
			facts.set(tid, outside);
		}
		return outside;
	}

	/** The life at a tid that was not seen to end. */
	#livingAt(tid: number): number | undefined {
		const utid = this.byTid[tid] || this.#odd.get(tid) || 0;
		return utid === 0 || this.endKnown(utid) ? undefined : utid;
	}

	/** What ps says of the process with this main thread (of one whose main thread is unknown: another of its threads). */
	#ofProcess<K extends "parentTgid" | "command">(utid: number, what: K): Outside[K] {
		const tgid = this.#tgid[utid];
		const atStart = this.startKnown(utid) ? undefined : this.#outside.start.get(tgid)?.[what];
		return atStart ?? (this.#livingAt(tgid) === utid ? this.#outside.after.get(tgid)?.[what] : undefined);
	}

	/** Threads of ps and maps side files; names saved with the trace alone are of no thread that it shows. */
	#onlyInSideFiles(): number[] {
		const tids = new Set<number>();
		for (const told of ["start", "after"] as const)
			for (const [tid, { name, tgid }] of this.#outside[told])
				if (tid > 0 && (name !== undefined || tgid !== undefined) && this.find(tid) === 0) tids.add(tid);
		return [...tids].sort((a, b) => a - b);
	}

	#grow(): void {
		const size = this.#tid.length * 2;
		this.lastTs = grown(this.lastTs, size, Number.NaN);
		this.#firstTs = grown(this.#firstTs, size, Number.NaN);
		this.#tid = grown(this.#tid, size);
		this.#tgid = grown(this.#tgid, size, -1);
		this.#tgidFrom = grown(this.#tgidFrom, size, From.nothing);
		this.#name = grown(this.#name, size, -1);
		this.#parent = grown(this.#parent, size, -1);
		this.#cloneLo = grown(this.#cloneLo, size);
		this.#cloneHi = grown(this.#cloneHi, size, Number.NaN);
		this.#kernel = grown(this.#kernel, size, -1);
		this.#flags = grown(this.#flags, size);
	}
}

const START = 1024;

type Numbers = Float64Array | Int32Array | Uint8Array | Int8Array;

function filled<A extends Numbers>(array: A, value: number): A {
	array.fill(value);
	return array;
}
