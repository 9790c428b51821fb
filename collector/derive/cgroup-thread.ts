/**
 * The table `cgroup_thread`: which control group each thread was in.
 *
 * - A thread is created in the group of its creator (kernel/cgroup/cgroup.c, cgroup_fork); with CLONE_INTO_CGROUP in one
 *   that no event tells.
 * - cgroup_attach_task comes once for each write to cgroup.procs and names the leader: all threads of its process move.
 *   One that names another thread moves that thread alone (cgroup.threads, tasks of cgroup v1). That of a leader is taken
 *   for one of its process, since the event does not tell them apart.
 * - Threads older than the recording are where a side file has them, or their process; else where the first sample tells.
 *   A group that is told later than the thread's first sign is taken for its group from there on.
 *
 * An interval ends with the thread's last switch, since until then its CPU time is charged to the group. A move that was
 * not recorded, or lost, does not show.
 */
import type { Row } from "../../lib/schema/column.ts";
import { cgroupThread } from "../../lib/schema/derived.ts";
import { type Cgroups, DEFAULT_HIERARCHY, UNKNOWN_SET } from "../identity/cgroups.ts";
import type { Threads } from "../identity/threads.ts";
import type { Derivation, DeriveContext, Subscription, TableWriter } from "./derivation.ts";

/** CLONE_INTO_CGROUP of include/uapi/linux/sched.h, 0x2_0000_0000: its bit in the high half. */
const CLONE_INTO_CGROUP_HI = 0x2;

const START = 1024;

export class CgroupThreads implements Derivation {
	readonly events: Readonly<Record<string, Subscription>>;
	readonly #threads: Threads;
	readonly #cgroups: Cgroups;
	readonly #strings: DeriveContext["strings"];
	readonly #timed: boolean;
	readonly #out: TableWriter<typeof cgroupThread>;
	readonly #row: Row<typeof cgroupThread> = {
		ts: 0,
		dur: 0,
		utid: 0,
		cgroup_id: 0,
		open_left: 0,
		open_right: 0,
	};

	// by utid
	/** css set (Cgroups) of the open interval; UNKNOWN_SET = none is open */
	#set = new Int32Array(START);
	#since = new Float64Array(START);
	#openLeft = new Uint8Array(START);
	/** 1 = its last interval has been written */
	#ended = new Uint8Array(START);

	/** Living threads by process, as far as filed; those before #filed whose process is not known yet are in #unfiled. */
	readonly #ofProcess = new Map<number, number[]>();
	#unfiled: number[] = [];
	#filed = 1;
	/** tids whose entry in a side file has been given to a thread: later lives have none. */
	readonly #told = new Set<number>();

	constructor(context: DeriveContext, cgroups: Cgroups) {
		this.#threads = context.threads;
		this.#cgroups = cgroups;
		this.#strings = context.strings;
		this.#timed = context.timed;
		this.#out = context.table(cgroupThread);
		const number = (name: string) => ({ name, form: "number" }) as const;
		const string = (name: string) => ({ name, form: "string" }) as const;
		const attach = [number("dst_root"), number("dst_id"), string("dst_path"), number("pid")];
		this.events = {
			task_newtask: {
				fields: [number("pid")],
				on: (ts, _cpu, creator, _flags, pid) => this.#born(creator, this.#threads.at(pid, ts)),
			},
			sched_process_fork: {
				fields: [number("parent_pid"), number("child_pid")],
				on: (ts, _cpu, _utid, _flags, parent, child) =>
					this.#born(this.#threads.at(parent, ts), this.#threads.at(child, ts)),
			},
			sched_switch: {
				fields: [],
				on: (ts, _cpu, prev) => {
					if (this.#threads.isOver(prev)) this.#end(prev, ts, 0);
				},
			},
			cgroup_mkdir: {
				fields: [number("root"), number("id"), string("path")],
				on: (_ts, _cpu, _utid, _flags, root, id, path) => {
					if (path === -1) return;
					if (root === DEFAULT_HIERARCHY) this.#cgroups.created(id, this.#strings.text(path));
					else this.#cgroups.group(this.#strings.text(path));
				},
			},
			cgroup_attach_task: {
				fields: attach,
				on: (ts, _cpu, _utid, _flags, root, id, path, pid) => this.#attach(ts, root, id, path, pid, true),
			},
			// moves of cgroup v1 when a cpuset loses its CPUs: one event a task
			cgroup_transfer_tasks: {
				fields: attach,
				on: (ts, _cpu, _utid, _flags, root, id, path, pid) => this.#attach(ts, root, id, path, pid, false),
			},
		};
	}

	/** A record says in which group the thread is, by the kernel's id (PERF_SAMPLE_CGROUP). */
	inCgroup(ts: number, utid: number, inode: number): void {
		if (utid === 0) return;
		this.#resolve(utid);
		const old = this.#set[utid]!;
		const set = this.#cgroups.moved(old, DEFAULT_HIERARCHY, this.#cgroups.groupOfInode(inode));
		if (old === UNKNOWN_SET) this.#openAtFirstSign(utid, set);
		else if (set !== old) this.#move(utid, set, ts, 1);
	}

	finish(end: number): void {
		const threads = this.#threads;
		for (let utid = 1; utid < threads.count; utid++) {
			this.#resolve(utid);
			if (this.#set[utid] === UNKNOWN_SET) this.#openAtFirstSign(utid, this.#setAtEnd(utid));
			if (threads.endKnown(utid)) this.#end(utid, Math.min(end, threads.lastTs[utid]!), 0);
			else this.#end(utid, threads.isOver(utid) ? threads.lastTs[utid]! : end, 1);
		}
	}

	#born(creator: number, child: number): void {
		this.#growTo(child);
		// the two events of one creation; or it has moved between them
		if (this.#set[child] !== UNKNOWN_SET) return;
		if (this.#threads.cloneHiOf(child) & CLONE_INTO_CGROUP_HI) return;
		this.#resolve(creator);
		this.#openAtFirstSign(child, this.#set[creator]!);
	}

	#attach(ts: number, root: number, id: number, path: number, pid: number, process: boolean): void {
		if (path === -1 || !(pid > 0)) return;
		const text = this.#strings.text(path);
		const group = root === DEFAULT_HIERARCHY ? this.#cgroups.known(id, text) : this.#cgroups.group(text);
		const utid = this.#threads.at(pid, ts);
		const tgid = this.#threads.tgidOf(utid);
		this.#attachThread(utid, root, group, ts);
		if (!process || (tgid !== pid && tgid !== -1)) return;
		for (const member of this.#members(pid)) this.#attachThread(member, root, group, ts);
	}

	#attachThread(utid: number, root: number, group: number, ts: number): void {
		this.#resolve(utid);
		this.#move(utid, this.#cgroups.moved(this.#set[utid]!, root, group), ts, 0);
	}

	/** `unseen` 1: the thread was found in another group, its move was not recorded. */
	#move(utid: number, set: number, ts: number, unseen: number): void {
		if (this.#ended[utid] === 1) return;
		const old = this.#set[utid]!;
		this.#set[utid] = set;
		if (this.#cgroups.shown(old) === this.#cgroups.shown(set)) return;
		if (old !== UNKNOWN_SET) this.#write(utid, this.#cgroups.shown(old), ts, unseen);
		this.#since[utid] = ts;
		this.#openLeft[utid] = unseen;
	}

	/** What is known of a thread whose group no event has told yet. */
	#resolve(utid: number): void {
		this.#growTo(utid);
		if (utid === 0 || this.#set[utid] !== UNKNOWN_SET) return;
		const tid = this.#threads.tidOf(utid);
		if (!this.#threads.startKnown(utid) && !this.#told.has(tid)) {
			const set = this.#cgroups.setAtStart(tid);
			if (set !== UNKNOWN_SET) {
				this.#told.add(tid);
				this.#openAtFirstSign(utid, set);
				return;
			}
		}
		this.#openAtFirstSign(utid, this.#setOfProcess(utid));
	}

	/** Where the leader of the thread's process is. */
	#setOfProcess(utid: number): number {
		const tgid = this.#threads.tgidOf(utid);
		if (tgid <= 0 || tgid === this.#threads.tidOf(utid)) return UNKNOWN_SET;
		const leader = this.#threads.byTid[tgid] ?? 0;
		if (leader === 0) return this.#cgroups.setAtStart(tgid);
		this.#growTo(leader);
		if (this.#set[leader] !== UNKNOWN_SET) return this.#set[leader]!;
		return this.#threads.startKnown(leader) ? UNKNOWN_SET : this.#cgroups.setAtStart(tgid);
	}

	/** By side files of the end, for a thread that lived then. */
	#setAtEnd(utid: number): number {
		const threads = this.#threads;
		if (threads.endKnown(utid) || threads.isOver(utid)) return UNKNOWN_SET;
		const own = this.#cgroups.setAtEnd(threads.tidOf(utid));
		return own === UNKNOWN_SET ? this.#cgroups.setAtEnd(threads.tgidOf(utid)) : own;
	}

	/** Living threads of a process that have been seen, except those of unknown process. */
	#members(tgid: number): readonly number[] {
		const threads = this.#threads;
		const unfiled = this.#unfiled;
		this.#unfiled = [];
		while (this.#filed < threads.count) unfiled.push(this.#filed++);
		for (const utid of unfiled) {
			if (threads.isOver(utid)) continue;
			const process = threads.tgidOf(utid);
			const members = this.#ofProcess.get(process);
			if (process === -1) this.#unfiled.push(utid);
			else if (members) members.push(utid);
			else this.#ofProcess.set(process, [utid]);
		}
		const living = (this.#ofProcess.get(tgid) ?? []).filter((utid) => !threads.isOver(utid));
		this.#ofProcess.set(tgid, living);
		return living;
	}

	#openAtFirstSign(utid: number, set: number): void {
		const first = this.#threads.firstTsOf(utid);
		if (set === UNKNOWN_SET || Number.isNaN(first) || this.#ended[utid] === 1) return;
		this.#set[utid] = set;
		this.#since[utid] = first;
		this.#openLeft[utid] = this.#threads.startKnown(utid) ? 0 : 1;
	}

	#end(utid: number, ts: number, openRight: number): void {
		this.#resolve(utid);
		const set = this.#set[utid]!;
		this.#ended[utid] = 1;
		this.#set[utid] = UNKNOWN_SET;
		if (set !== UNKNOWN_SET) this.#write(utid, this.#cgroups.shown(set), ts, openRight);
	}

	#write(utid: number, group: number, end: number, openRight: number): void {
		const row = this.#row;
		row.ts = this.#since[utid]!;
		if (end <= row.ts) return;
		row.dur = this.#timed ? end - row.ts : Number.NaN;
		row.utid = utid;
		row.cgroup_id = group;
		row.open_left = this.#openLeft[utid]!;
		row.open_right = openRight;
		this.#out.append(row);
	}

	#growTo(utid: number): void {
		const had = this.#set.length;
		if (utid < had) return;
		const size = Math.max(had * 2, utid + 1);
		const sets = new Int32Array(size);
		sets.set(this.#set);
		this.#set = sets;
		const since = new Float64Array(size);
		since.set(this.#since);
		this.#since = since;
		const openLeft = new Uint8Array(size);
		openLeft.set(this.#openLeft);
		this.#openLeft = openLeft;
		const ended = new Uint8Array(size);
		ended.set(this.#ended);
		this.#ended = ended;
	}
}
