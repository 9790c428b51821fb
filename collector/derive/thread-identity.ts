/**
 * Keeps Threads up to date from the events that tell about threads. Runs before all other derivations: for each event
 * they find every thread that it names under `threads.at(tid, ts)`. One exception: the tid of a thread in its last
 * sched_switch is free already, so the thread that leaves is always the `utid` of the event, never `at(prev_pid)`.
 */
import type { Threads } from "../identity/threads.ts";
import type { Derivation, DeriveContext, FieldSpec, Subscription } from "./derivation.ts";
import { PrevClass, PrevStates } from "./prev-state.ts";

const number = (name: string): FieldSpec => ({ name, form: "number" });
const string = (name: string): FieldSpec => ({ name, form: "string" });

export class ThreadIdentity implements Derivation {
	readonly events: Readonly<Record<string, Subscription>>;
	readonly #threads: Threads;
	readonly #context: DeriveContext;
	readonly #prevStates: PrevStates;

	constructor(context: DeriveContext) {
		this.#context = context;
		this.#threads = context.threads;
		this.#prevStates = new PrevStates(context.prevState, context.strings);
		const woken = [string("comm"), number("pid")];
		this.events = {
			sched_switch: {
				fields: [string("prev_comm"), number("prev_state"), string("next_comm"), number("next_pid")],
				on: (ts, _cpu, prev, _flags, prevComm, prevState, nextComm, nextPid) =>
					this.#switch(ts, prev, prevComm, prevState, nextComm, nextPid),
			},
			sched_waking: { fields: woken, on: (ts, _cpu, _utid, _flags, comm, pid) => this.#woken(ts, comm, pid) },
			sched_wakeup: { fields: woken, on: (ts, _cpu, _utid, _flags, comm, pid) => this.#woken(ts, comm, pid) },
			sched_wakeup_new: {
				fields: woken,
				on: (ts, _cpu, _utid, _flags, comm, pid) => {
					if (pid === 0) return;
					const utid = this.#threads.wakeupNew(pid, ts);
					if (comm !== -1) this.#threads.namedIfUnknown(utid, comm, ts, "sched_switch");
				},
			},
			task_newtask: {
				fields: [number("pid"), string("comm"), { name: "clone_flags", form: "pair" }],
				on: (ts, _cpu, utid, _flags, pid, comm, lo, hi) => {
					this.#threads.fork(utid, pid, comm, lo, hi, ts);
				},
			},
			sched_process_fork: {
				fields: [number("parent_pid"), number("child_pid"), string("child_comm")],
				on: (ts, _cpu, _utid, _flags, parent, child, comm) => {
					this.#threads.fork(this.#threads.at(parent, ts), child, comm, 0, Number.NaN, ts);
				},
			},
			task_rename: {
				// where a format has no pid, the current thread is meant
				fields: [number("pid"), string("oldcomm"), string("newcomm")],
				on: (ts, _cpu, utid, _flags, pid, before, after) => {
					const threads = this.#threads;
					threads.rename(Number.isNaN(pid) ? threads.tidOf(utid) : pid, before, after, ts);
				},
			},
			sched_process_exec: {
				fields: [string("filename"), number("pid"), number("old_pid")],
				on: (ts, _cpu, _utid, _flags, filename, pid, oldPid) => this.#exec(ts, filename, pid, oldPid),
			},
			sched_process_exit: {
				fields: [string("comm"), number("pid")],
				on: (ts, _cpu, _utid, _flags, comm, pid) => {
					const utid = this.#threads.at(pid, ts);
					if (comm !== -1) this.#threads.namedIfUnknown(utid, comm, ts, "sched_switch");
					this.#threads.exit(utid);
				},
			},
			sched_process_free: {
				fields: [number("pid")],
				on: (ts, _cpu, _utid, _flags, pid) => {
					this.#threads.free(pid, ts);
				},
			},
		};
	}

	finish(): void {}

	#switch(
		ts: number,
		prev: number,
		prevComm: number,
		prevState: number,
		nextComm: number,
		nextPid: number,
	): void {
		const threads = this.#threads;
		const next = threads.at(nextPid, ts);
		threads.lived(next);
		if (nextComm !== -1) threads.named(next, nextComm, ts, "sched_switch");
		threads.lived(prev);
		if (prevComm !== -1) threads.named(prev, prevComm, ts, "sched_switch");
		if (this.#prevStates.classOf(prevState) === PrevClass.dead) threads.dead(prev);
	}

	/** The name in a waking is read by the waker and may race with a rename. */
	#woken(ts: number, comm: number, pid: number): void {
		const utid = this.#threads.at(pid, ts);
		this.#threads.lived(utid);
		if (comm !== -1) this.#threads.namedIfUnknown(utid, comm, ts, "sched_switch");
	}

	#exec(ts: number, filename: number, pid: number, oldPid: number): void {
		const utid = this.#threads.exec(pid, Number.isNaN(oldPid) ? pid : oldPid, ts);
		// exec renames the thread before this event; where renames are not recorded the program's name is the best guess
		if (filename === -1 || this.#context.recorded.has("task_rename")) return;
		const { strings } = this.#context;
		const text = strings.text(filename);
		// TASK_COMM_LEN is 16 with the final NUL (include/linux/sched.h)
		const name = text.slice(text.lastIndexOf("/") + 1).slice(0, 15);
		this.#threads.named(utid, strings.code(name), ts, "exec");
	}
}
