/**
 * The table `thread_state`: what each thread did at every moment of its observed life, and the clock that other
 * derivations read (time per class of state, the last wait).
 *
 * A thread's rows tile its life from its first sign to the end of the window, or to the last sign of a thread that is gone.
 * Threads that no event shows have no rows, nor have the idle threads (utid 0; `sched` has them per CPU), nor has a
 * trace without switches. A row is appended when its interval has ended, a wait together with the runnable
 * interval after it (the stack of the wait may be recorded after the waking): rows of equal `ts` come in their order.
 *
 * The machine, for a thread:
 * - new → runnable (from its creation; wake_ts = sched_wakeup_new, if recorded) → running → runnable (preempted) or a wait →
 *   runnable (sched_waking, else sched_wakeup) → running … → dead.
 * - A waking that arrives while the thread runs is remembered: the waker's CPU waits until the thread has left its CPU
 *   (try_to_wake_up in kernel/sched/core.c), so it may end a wait that begins later. If the thread leaves in a blocked
 *   state and is queued or runs again without another waking, the wait was over at once.
 * - The state is unknown before the first event that tells it, from the loss of events on the thread's CPU, from the
 *   last record of its CPU, and where two events contradict each other because what was between was not recorded.
 * - A switch told by PERF_RECORD_SWITCH does not say in what state the thread left, unless it was preempted: unknown,
 *   until a waking or its coming.
 * - Where events were recorded for single threads, all of them tell when they leave a CPU, but wakings by others are
 *   not recorded, nor, without PERF_RECORD_SWITCH, when they come back: a record of the thread proves that it runs. Such
 *   a wait, or time on a run queue, is a row that ends where it could last be seen (dur 0, open_right), with its stack and
 *   system call; from there the thread is unknown until it shows itself.
 */
import type { Row } from "../../lib/schema/column.ts";
import { threadState } from "../../lib/schema/derived.ts";
import type { Threads } from "../identity/threads.ts";
import type { Derivation, DeriveContext, Subscription, TableWriter } from "./derivation.ts";
import { PrevClass, PrevStates } from "./prev-state.ts";
import type { InterruptContext, OpenSyscalls, ThreadClock } from "./shared.ts";
import {
	endedThread,
	isParting,
	isRetold,
	type LastSwitch,
	SWITCH_RECORDS,
	UNKNOWN,
} from "./switch-record.ts";

/** trace_flag_type in include/linux/trace_events.h. */
const FLAG_HARDIRQ = 0x08;
const FLAG_SOFTIRQ = 0x10;

enum State {
	/** no event has told about the thread yet */
	none = 0,
	running,
	runnable,
	sleeping,
	disk,
	stopped,
	traced,
	parked,
	idle,
	dead,
	unknown,
}

const stateNames = [
	"",
	"running",
	"runnable",
	"sleeping",
	"disk",
	"stopped",
	"traced",
	"parked",
	"idle",
	"dead",
	"unknown",
];

/** Class of each state for the clock: 0 running, 1 runnable, 2 blocked, 3 unknown; -1 counts nowhere. */
const clockClass = [-1, 0, 1, 2, 2, 2, 2, 2, 2, -1, 3];

const afterSwitch: Record<PrevClass, State> = {
	[PrevClass.runnable]: State.runnable,
	[PrevClass.sleeping]: State.sleeping,
	[PrevClass.disk]: State.disk,
	[PrevClass.stopped]: State.stopped,
	[PrevClass.traced]: State.traced,
	[PrevClass.parked]: State.parked,
	[PrevClass.idle]: State.idle,
	[PrevClass.dead]: State.dead,
	[PrevClass.unknown]: State.unknown,
};

/** What is kept of a thread: doubles, SIZE for each utid. */
enum F {
	state,
	/** start of the current state */
	since,
	openLeft,
	/** CPU of running and runnable; NaN otherwise */
	cpu,
	/** wakings in the current state that changed nothing */
	ignored,
	/** unknown because its CPU has no more records */
	dark,
	/** the runnable state came from a waking: the four below are its */
	woken,
	waker,
	wakerIrq,
	wakingTs,
	wakeTs,
	/** a wait that has ended and whose row is not written yet (its end is `since`) */
	waitPending,
	/** the last wait, open or ended; NaN since = none */
	waitState,
	waitSince,
	waitIgnored,
	waitStack,
	waitUserStack,
	waitSyscall,
	/** the last wait has ended */
	waitEnded,
	/** a waking that arrived while the thread ran; NaN = none */
	rememberedTs,
	rememberedWaker,
	rememberedIrq,
	/** time in each class so far, less the current state */
	total0,
	total1,
	total2,
	total3,
}
const SIZE = F.total3 + 1;

const fresh = new Float64Array(SIZE);
fresh[F.cpu] = Number.NaN;
fresh[F.waitSince] = Number.NaN;
fresh[F.rememberedTs] = Number.NaN;

interface Cpu extends LastSwitch {
	/** start of the last loss, while the current thread is unknown because of it; NaN otherwise */
	lostFrom: number;
	ended: boolean;
}

export class ThreadStates implements Derivation, ThreadClock {
	readonly events: Readonly<Record<string, Subscription>>;
	readonly #threads: Threads;
	readonly #timed: boolean;
	readonly #prevStates: PrevStates;
	readonly #out: TableWriter<typeof threadState>;
	readonly #stateCodes: readonly number[];
	readonly #hardInterrupt: number;
	readonly #softirq: number;
	readonly #isSoftirq: (code: number) => boolean;
	#syscalls: OpenSyscalls | null = null;
	#interrupts: InterruptContext | null = null;
	readonly #cpus: Cpu[] = [];
	#f = new Float64Array(0);
	#capacity = 0;
	#sawWaking = false;
	/** Switches are recorded: the current thread of a CPU's first record can be said to run until the next switch */
	readonly #switches: boolean;
	readonly #perTask: boolean;
	/** A thread that is recorded tells when it comes to a CPU, whoever was there. */
	readonly #comingsTold: boolean;
	/** The last switch of a thread is recorded, and said to be it. */
	readonly #deathsTold: boolean;
	/** threads that were current in a record or told by one of their own: of those all switches are recorded, also where not all threads are */
	readonly #shown = new Set<number>();
	#sawSwitch = false;
	/** rows from before the first switch, a few for each thread and CPU: a trace may never have one */
	readonly #held: Row<typeof threadState>[] = [];
	readonly #lastWait = { since: 0, wakerUtid: -1, wakerIrq: -1, stackId: -1 };
	readonly #row: Row<typeof threadState> = {
		ts: 0,
		dur: 0,
		utid: 0,
		state: 0,
		cpu: 0,
		waker_utid: 0,
		waker_irq: -1,
		waking_ts: 0,
		wake_ts: 0,
		ignored_wakings: 0,
		blocked_stack_id: 0,
		blocked_user_stack_id: 0,
		syscall: -1,
		open_left: 0,
		open_right: 0,
	};

	constructor(context: DeriveContext) {
		const { strings } = context;
		this.#threads = context.threads;
		this.#timed = context.timed;
		this.#prevStates = new PrevStates(context.prevState, strings);
		this.#out = context.table(threadState);
		this.#stateCodes = stateNames.map((name) => strings.code(name));
		this.#hardInterrupt = strings.code("hard interrupt");
		this.#softirq = strings.code("softirq");
		this.#isSoftirq = (code) => strings.text(code).startsWith("softirq");
		this.#switches = context.recorded.has("sched_switch") || context.recorded.has(SWITCH_RECORDS);
		this.#perTask = context.perTask;
		this.#comingsTold = !context.perTask || context.recorded.has(SWITCH_RECORDS);
		this.#deathsTold = !context.perTask && context.recorded.has("sched_switch");
		const wake: Subscription["fields"] = [
			{ name: "pid", form: "number" },
			{ name: "target_cpu", form: "number" },
		];
		this.events = {
			sched_switch: {
				fields: [
					{ name: "prev_state", form: "number" },
					{ name: "next_pid", form: "number" },
				],
				on: (ts, cpu, prev, _flags, prevState, nextPid) => this.#switch(ts, cpu, prev, prevState, nextPid),
			},
			sched_waking: {
				fields: wake,
				on: (ts, cpu, utid, flags, pid, target) => this.#waking(ts, cpu, utid, flags, pid, target),
			},
			sched_wakeup: {
				fields: wake,
				on: (ts, cpu, utid, flags, pid, target) => this.#wakeup(ts, cpu, utid, flags, pid, target),
			},
			sched_wakeup_new: {
				fields: wake,
				on: (ts, _cpu, _utid, _flags, pid, target) => this.#wakeupNew(ts, pid, target),
			},
		};
	}

	/** Tells where system calls and interrupts are known; either may be null. To be called before the first event. */
	connect(syscalls: OpenSyscalls | null, interrupts: InterruptContext | null): void {
		this.#syscalls = syscalls;
		this.#interrupts = interrupts;
	}

	totals(utid: number, ts: number, out: Float64Array): void {
		const b = this.#at(utid);
		const f = this.#f;
		for (let k = 0; k < 4; k++) out[k] = f[b + F.total0 + k];
		const state = f[b + F.state];
		const k = clockClass[state];
		const until = this.#isUntold(utid, state) ? this.#lastSeen(b) : ts;
		if (k >= 0) {
			out[k] += until - f[b + F.since];
			out[3] += ts - until;
		} else if (state === State.none && this.#threads.firstTsOf(utid) < ts)
			out[3] += ts - this.#threads.firstTsOf(utid);
	}

	lastWait(utid: number): { since: number; wakerUtid: number; wakerIrq: number; stackId: number } | null {
		const b = this.#at(utid);
		const f = this.#f;
		if (f[b + F.waitEnded] === 0) return null;
		const wait = this.#lastWait;
		wait.since = f[b + F.waitSince];
		wait.wakerUtid = f[b + F.waker];
		wait.wakerIrq = f[b + F.wakerIrq];
		wait.stackId = f[b + F.waitStack];
		return wait;
	}

	cpuStart(cpu: number, ts: number, utid: number): void {
		const c: Cpu = {
			current: UNKNOWN,
			since: ts,
			left: UNKNOWN,
			lostFrom: Number.NaN,
			ended: false,
		};
		this.#cpus[cpu] = c;
		if (utid > 0) this.#shown.add(utid);
		if (this.#switches) this.#isSeen(c, utid, cpu, ts);
	}

	lost(cpu: number, from: number): void {
		const c = this.#cpus[cpu];
		if (!c || c.ended) return;
		this.#leavesSight(c, cpu, from, 0);
		c.left = UNKNOWN;
		if (Number.isNaN(c.lostFrom)) c.lostFrom = from;
	}

	cpuEnd(cpu: number, ts: number): void {
		const c = this.#cpus[cpu];
		if (!c || c.ended) return;
		c.ended = true;
		this.#leavesSight(c, cpu, ts, 1);
	}

	stack(cpu: number, event: string, utid: number, stackId: number, userStackId: number): void {
		if (event !== "sched_switch" || this.#cpus[cpu]?.left !== utid || utid === 0) return;
		const b = this.#at(utid);
		const f = this.#f;
		if (!isWait(f[b + F.state]) && f[b + F.waitPending] !== 1) return;
		if (stackId >= 0) f[b + F.waitStack] = stackId;
		if (userStackId >= 0) f[b + F.waitUserStack] = userStackId;
	}

	current(cpu: number, ts: number, utid: number): void {
		const c = this.#cpus[cpu];
		if (this.#perTask && c && !c.ended && !isParting(c, ts, utid)) this.#shows(c, utid, cpu, ts);
	}

	switched(cpu: number, ts: number, told: number, next: number, preempted: boolean): void {
		const c = this.#cpus[cpu];
		if (!c || c.ended || (told === UNKNOWN && next === UNKNOWN)) return;
		const ended = told === UNKNOWN && !this.#perTask;
		const prev = ended ? endedThread(c, next, this.#threads) : told;
		if (!this.#sawSwitch) this.#release();
		if (isRetold(c, ts, prev, next)) {
			if (next > 0 && c.since === ts) this.#f[this.#at(next) + F.openLeft] = 0;
			return;
		}
		if (this.#perTask && prev !== UNKNOWN) this.#shows(c, prev, cpu, ts);
		if (c.current !== prev && c.current > 0) this.#contradicted(c.current, cpu);
		const as = preempted ? PrevClass.runnable : PrevClass.unknown;
		if (prev > 0) {
			this.#leaves(c, prev, cpu, ts, ended ? PrevClass.dead : as);
			if (ended) this.#threads.dead(prev);
		}
		if (next > 0) {
			this.#shown.add(next);
			this.#comesTo(next, cpu, ts, 0);
		}
		this.#has(c, next, ts, prev);
	}

	finish(end: number): void {
		if (!this.#sawSwitch) return;
		const threads = this.#threads;
		for (let utid = 1; utid < threads.count; utid++) {
			const b = this.#at(utid);
			if (this.#f[b + F.state] === State.none) {
				const first = threads.firstTsOf(utid);
				if (!(first < end)) continue;
				this.#set(b, State.unknown, first);
				this.#f[b + F.openLeft] = threads.startKnown(utid) ? 0 : 1;
			}
			if (this.#isUntold(utid, this.#f[b + F.state])) this.#loseSight(utid, b);
			const state = this.#f[b + F.state];
			const left = !this.#deathsTold && state === State.unknown && threads.endKnown(utid);
			const gone = left || state === State.dead || threads.isOver(utid);
			const last = gone ? Math.max(threads.lastTs[utid], this.#f[b + F.since]) : end;
			this.#close(utid, b, last, state, state === State.dead ? 0 : 1);
		}
	}

	#switch(ts: number, cpu: number, prev: number, prevState: number, nextPid: number): void {
		if (!this.#sawSwitch) this.#release();
		const next = this.#threads.at(nextPid, ts);
		const c = this.#cpus[cpu];
		if (this.#perTask) this.#shows(c, prev, cpu, ts);
		if (c.current !== prev && c.current > 0) this.#contradicted(c.current, cpu);
		if (prev !== 0) this.#leaves(c, prev, cpu, ts, this.#prevStates.classOf(prevState));
		const stays = !this.#perTask || this.#shown.has(next);
		if (!stays) this.#loseSight(next, this.#at(next));
		else if (next !== 0) this.#comesTo(next, cpu, ts, 0);
		this.#has(c, stays ? next : UNKNOWN, ts, prev);
	}

	#has(c: Cpu, current: number, since: number, left: number): void {
		c.current = current;
		c.since = since;
		c.left = left;
		c.lostFrom = Number.NaN;
	}

	/** A record of the thread shows that it runs on the CPU; UNKNOWN: the one that ran there has ended. */
	#shows(c: Cpu, utid: number, cpu: number, ts: number): void {
		if (c.current === utid) return;
		if (utid > 0) this.#shown.add(utid);
		if (utid === UNKNOWN && this.#sawSwitch) this.#leavesSight(c, cpu, ts, 0);
		else if (c.current > 0) this.#contradicted(c.current, cpu);
		c.current = UNKNOWN;
		// a trace that never switches has no states: nothing is kept for it
		if (this.#sawSwitch) this.#isSeen(c, utid, cpu, ts);
	}

	/** The thread runs on the CPU; since when is unknown. */
	#isSeen(c: Cpu, utid: number, cpu: number, ts: number): void {
		if (utid > 0) {
			if (this.#perTask) this.#loseSight(utid, this.#at(utid));
			this.#comesTo(utid, cpu, ts, 1);
		}
		this.#has(c, utid, ts, UNKNOWN);
	}

	/** Nothing would tell that the thread, which is in this state, has come to a CPU since. */
	#isUntold(utid: number, state: State): boolean {
		if (!isWait(state) && state !== State.runnable) return false;
		return this.#perTask && !(this.#comingsTold && this.#shown.has(utid));
	}

	/** When a thread that waits, or is on a run queue, was last told to be so. */
	#lastSeen(b: number): number {
		const f = this.#f;
		const queued = f[b + F.state] === State.runnable ? f[b + F.wakeTs] : Number.NaN;
		return queued > f[b + F.since] ? queued : f[b + F.since];
	}

	/** Ends a wait, or time on a run queue, where it was last told: from there on the state is unknown. */
	#loseSight(utid: number, b: number): void {
		const f = this.#f;
		const state = f[b + F.state];
		if (!isWait(state) && state !== State.runnable) return;
		const until = this.#lastSeen(b);
		if (isWait(state)) {
			if (!Number.isNaN(f[b + F.rememberedTs])) f[b + F.ignored]++;
			f[b + F.rememberedTs] = Number.NaN;
			f[b + F.waitEnded] = 1;
			f[b + F.waker] = -1;
			f[b + F.wakerIrq] = -1;
		}
		this.#close(utid, b, until, state, 1);
		this.#set(b, State.unknown, until);
	}

	#release(): void {
		this.#sawSwitch = true;
		for (const row of this.#held) this.#out.append(row);
		this.#held.length = 0;
	}

	/** A thread leaves the CPU by a switch. */
	#leaves(c: Cpu, utid: number, cpu: number, ts: number, is: PrevClass): void {
		const b = this.#begun(utid, ts);
		const f = this.#f;
		if (f[b + F.state] !== State.running || f[b + F.cpu] !== cpu) this.#cameUnseen(c, utid, b, ts);
		else {
			// a waking that was remembered ended nothing if the thread goes on
			if (is === PrevClass.runnable && !Number.isNaN(f[b + F.rememberedTs])) {
				f[b + F.rememberedTs] = Number.NaN;
				f[b + F.ignored]++;
			}
			this.#close(utid, b, ts, State.running, 0);
		}
		const state = afterSwitch[is];
		this.#set(b, state, ts);
		if (state === State.runnable) f[b + F.cpu] = cpu;
		else if (isWait(state)) {
			f[b + F.waitState] = state;
			f[b + F.waitSince] = ts;
			f[b + F.waitStack] = -1;
			f[b + F.waitUserStack] = -1;
			f[b + F.waitSyscall] = this.#syscalls === null ? -1 : this.#syscalls.nameOf(utid);
			f[b + F.waitEnded] = 0;
		}
	}

	/** The thread runs on the CPU though nothing told that it came there: since when is unknown. */
	#cameUnseen(c: Cpu, utid: number, b: number, ts: number): void {
		const f = this.#f;
		const from = c.lostFrom;
		const state = f[b + F.state];
		f[b + F.rememberedTs] = Number.NaN;
		this.#isElsewhere(b);
		if (state === State.none) return;
		// It came while the CPU lost events: its state until then stands.
		if (from > f[b + F.since] && state !== State.running && state !== State.unknown) {
			this.#close(utid, b, from, state, 1);
			this.#set(b, State.unknown, from);
		}
		this.#close(utid, b, ts, State.unknown, 0);
	}

	/** Of the CPU on which the thread was thought to run, it is not known any more who does. */
	#isElsewhere(b: number): void {
		if (this.#f[b + F.state] !== State.running) return;
		const c = this.#cpus[this.#f[b + F.cpu]];
		if (c) c.current = UNKNOWN;
	}

	/** A thread that comes to a CPU for the first time was runnable from its creation, also where sched_wakeup_new is not recorded. */
	#isNew(utid: number, ts: number): void {
		const b = this.#at(utid);
		const created = this.#threads.firstTsOf(utid);
		if (this.#f[b + F.state] !== State.none || !this.#threads.startKnown(utid) || !(created < ts)) return;
		this.#set(b, State.runnable, created);
	}

	/** The thread begins to run on a CPU. */
	#comesTo(utid: number, cpu: number, ts: number, openLeft: number): void {
		if (utid === 0) return;
		if (openLeft === 0) this.#isNew(utid, ts);
		const b = this.#begun(utid, ts);
		const f = this.#f;
		this.#isElsewhere(b);
		let state = f[b + F.state];
		// at the CPU's first record the thread may have been there for long: what it did since its last event is unknown
		if (openLeft === 1 && state !== State.none) state = State.unknown;
		if (isWait(state)) {
			if (Number.isNaN(f[b + F.rememberedTs])) {
				this.#endWait(b, ts, -1, -1, Number.NaN);
				this.#close(utid, b, ts, State.runnable, 0);
				state = State.none;
			} else {
				this.#endWaitAtOnce(b);
				state = State.runnable;
			}
		}
		if (state === State.runnable) this.#close(utid, b, ts, state, 0);
		// running elsewhere, and nothing told that it left: the switch between was not recorded
		else if (state !== State.none) this.#close(utid, b, ts, State.unknown, 0);
		this.#set(b, State.running, ts);
		f[b + F.cpu] = cpu;
		f[b + F.openLeft] = openLeft;
		f[b + F.rememberedTs] = Number.NaN;
	}

	#waking(ts: number, cpu: number, utid: number, flags: number, pid: number, target: number): void {
		this.#sawWaking = true;
		if (pid === 0) return;
		const woken = this.#threads.at(pid, ts);
		this.#wake(ts, cpu, utid, flags, woken, target, Number.NaN);
	}

	#wakeup(ts: number, cpu: number, utid: number, flags: number, pid: number, target: number): void {
		if (pid === 0) return;
		const woken = this.#threads.at(pid, ts);
		if (!this.#sawWaking) {
			this.#wake(ts, cpu, utid, flags, woken, target, ts);
			return;
		}
		const b = this.#begun(woken, ts);
		const f = this.#f;
		const state = f[b + F.state];
		if (state === State.running) return;
		if (isWait(state)) {
			if (Number.isNaN(f[b + F.rememberedTs])) this.#endWait(b, ts, -1, -1, ts);
			else this.#endWaitAtOnce(b);
		} else if (state !== State.runnable) {
			if (this.#staysDark(b, target)) return;
			this.#becomesRunnable(woken, b, ts, -1, -1, ts);
		}
		if (f[b + F.woken] === 0 || !Number.isNaN(f[b + F.wakeTs])) return;
		// of a thread that is not recorded, which may have run and slept since its waking
		if (this.#perTask && !this.#shown.has(woken)) return;
		f[b + F.wakeTs] = ts;
		f[b + F.cpu] = target;
	}

	#wakeupNew(ts: number, pid: number, target: number): void {
		if (pid === 0) return;
		const utid = this.#threads.at(pid, ts);
		const b = this.#at(utid);
		const f = this.#f;
		if (f[b + F.state] === State.none) this.#set(b, State.runnable, this.#threads.firstTsOf(utid));
		f[b + F.cpu] = target;
		f[b + F.wakeTs] = ts;
	}

	/** The event that ends a wait. `wakeTs` NaN: the thread is not queued yet. */
	#wake(
		ts: number,
		cpu: number,
		current: number,
		flags: number,
		utid: number,
		target: number,
		wakeTs: number,
	): void {
		const b = this.#begun(utid, ts);
		const f = this.#f;
		// of a thread that is not recorded: it has run and slept since, or it would not be woken
		if (this.#perTask && f[b + F.state] === State.runnable && !this.#shown.has(utid))
			this.#loseSight(utid, b);
		const state = f[b + F.state];
		const irq = flags & (FLAG_HARDIRQ | FLAG_SOFTIRQ) ? this.#interrupt(cpu, flags) : -1;
		const waker = irq === -1 ? current : -1;
		if (state === State.running) {
			if (!Number.isNaN(f[b + F.rememberedTs])) f[b + F.ignored]++;
			f[b + F.rememberedTs] = ts;
			f[b + F.rememberedWaker] = waker;
			f[b + F.rememberedIrq] = irq;
			return;
		}
		if (state === State.runnable || this.#staysDark(b, target)) {
			f[b + F.ignored]++;
			return;
		}
		if (isWait(state)) {
			if (!Number.isNaN(f[b + F.rememberedTs])) {
				f[b + F.rememberedTs] = Number.NaN;
				f[b + F.ignored]++;
			}
			this.#endWait(b, ts, waker, irq, ts);
		} else this.#becomesRunnable(utid, b, ts, waker, irq, ts);
		f[b + F.cpu] = target;
		f[b + F.wakeTs] = wakeTs;
	}

	/** It ran when its CPU's records ended, and is woken to that CPU or another such: what it does remains unknown. */
	#staysDark(b: number, target: number): boolean {
		return this.#f[b + F.dark] === 1 && this.#cpus[target]?.ended !== false;
	}

	/** The interrupt in which a CPU is. */
	#interrupt(cpu: number, flags: number): number {
		const open = this.#interrupts === null ? -1 : this.#interrupts.current(cpu);
		if ((flags & FLAG_HARDIRQ) === 0) return open === -1 ? this.#softirq : open;
		// a hard interrupt without events of its own, on top of a softirq that has them
		return open === -1 || this.#isSoftirq(open) ? this.#hardInterrupt : open;
	}

	/** From a wait to runnable at `ts`; the row of the wait is written with that of the runnable interval. */
	#endWait(b: number, ts: number, waker: number, irq: number, wakingTs: number): void {
		const f = this.#f;
		f[b + F.waitIgnored] = f[b + F.ignored];
		f[b + F.waitPending] = 1;
		f[b + F.waitEnded] = 1;
		f[b + F.total0 + 2] += ts - f[b + F.waitSince];
		this.#set(b, State.runnable, ts);
		this.#wokenBy(b, waker, irq, wakingTs);
	}

	#endWaitAtOnce(b: number): void {
		const f = this.#f;
		const ts = f[b + F.rememberedTs];
		f[b + F.rememberedTs] = Number.NaN;
		this.#endWait(b, f[b + F.waitSince], f[b + F.rememberedWaker], f[b + F.rememberedIrq], ts);
	}

	/** From no or an unknown state to runnable. */
	#becomesRunnable(utid: number, b: number, ts: number, waker: number, irq: number, wakingTs: number): void {
		if (this.#f[b + F.state] === State.unknown) this.#close(utid, b, ts, State.unknown, 0);
		this.#set(b, State.runnable, ts);
		this.#wokenBy(b, waker, irq, wakingTs);
	}

	#wokenBy(b: number, waker: number, irq: number, wakingTs: number): void {
		const f = this.#f;
		f[b + F.woken] = 1;
		f[b + F.waker] = waker;
		f[b + F.wakerIrq] = irq;
		f[b + F.wakingTs] = wakingTs;
	}

	/** Another thread leaves the CPU than the one that came last: what that one did since is unknown. */
	#contradicted(utid: number, cpu: number): void {
		const b = this.#at(utid);
		if (this.#f[b + F.state] !== State.running || this.#f[b + F.cpu] !== cpu) return;
		this.#f[b + F.state] = State.unknown;
		this.#f[b + F.cpu] = Number.NaN;
	}

	/** From `ts` on, nothing tells what the CPU's current thread does. */
	#leavesSight(c: Cpu, cpu: number, ts: number, dark: number): void {
		const utid = c.current;
		c.current = UNKNOWN;
		if (utid <= 0) return;
		const b = this.#at(utid);
		const f = this.#f;
		if (f[b + F.state] !== State.running || f[b + F.cpu] !== cpu) return;
		// a clock that steps back may put the CPU's last record before a time that was told already
		const until = Math.max(ts, f[b + F.since]);
		this.#close(utid, b, until, State.running, 1);
		this.#set(b, State.unknown, until);
		f[b + F.dark] = dark;
		f[b + F.rememberedTs] = Number.NaN;
	}

	/** Index of the thread; a thread that was seen before this moment, but in no state, was in an unknown one. */
	#begun(utid: number, ts: number): number {
		const b = this.#at(utid);
		if (this.#f[b + F.state] === State.none) {
			const first = this.#threads.firstTsOf(utid);
			if (first < ts) {
				this.#set(b, State.unknown, first);
				this.#f[b + F.openLeft] = this.#threads.startKnown(utid) ? 0 : 1;
			}
		}
		return b;
	}

	#at(utid: number): number {
		if (utid >= this.#capacity) this.#grow(utid);
		return utid * SIZE;
	}

	#grow(utid: number): void {
		const old = this.#f;
		let capacity = Math.max(this.#capacity, 256);
		while (capacity <= utid) capacity *= 2;
		this.#f = new Float64Array(capacity * SIZE);
		this.#f.set(old);
		for (let u = this.#capacity; u < capacity; u++) this.#f.set(fresh, u * SIZE);
		this.#capacity = capacity;
	}

	#set(b: number, state: State, since: number): void {
		const f = this.#f;
		f[b + F.state] = state;
		f[b + F.since] = since;
		f[b + F.openLeft] = 0;
		f[b + F.cpu] = Number.NaN;
		f[b + F.ignored] = 0;
		f[b + F.dark] = 0;
		f[b + F.woken] = 0;
		f[b + F.wakeTs] = Number.NaN;
	}

	/** Writes the current interval, ended at `end`, as `state`, after the wait that it followed. */
	#close(utid: number, b: number, end: number, state: State, openRight: number): void {
		const f = this.#f;
		const row = this.#row;
		const since = f[b + F.since];
		const wait = isWait(state);
		if (f[b + F.waitPending] === 1) {
			f[b + F.waitPending] = 0;
			this.#writeWait(utid, b, since, 0, f[b + F.waitIgnored]);
			this.#waker(b);
			this.#append();
		}
		const k = clockClass[state];
		if (k >= 0) f[b + F.total0 + k] += end - since;
		if (end === since && (state === State.unknown || (state === State.runnable && openRight === 0))) return;
		if (wait) {
			this.#writeWait(utid, b, end, openRight, f[b + F.ignored]);
			row.waker_utid = Number.NaN;
			row.waker_irq = -1;
			row.waking_ts = Number.NaN;
		} else {
			row.ts = since;
			row.dur = this.#timed ? end - since : Number.NaN;
			row.utid = utid;
			row.state = this.#stateCodes[state];
			row.cpu = state === State.running || state === State.runnable ? f[b + F.cpu] : Number.NaN;
			row.ignored_wakings = f[b + F.ignored];
			row.blocked_stack_id = Number.NaN;
			row.blocked_user_stack_id = Number.NaN;
			row.syscall = -1;
			row.open_left = f[b + F.openLeft];
			row.open_right = openRight;
			if (f[b + F.woken] === 1 && state === State.runnable) this.#waker(b);
			else {
				row.waker_utid = Number.NaN;
				row.waker_irq = -1;
				row.waking_ts = Number.NaN;
			}
			row.wake_ts = state === State.runnable ? f[b + F.wakeTs] : Number.NaN;
		}
		this.#append();
	}

	#append(): void {
		if (this.#sawSwitch) this.#out.append(this.#row);
		else this.#held.push({ ...this.#row });
	}

	#writeWait(utid: number, b: number, end: number, openRight: number, ignored: number): void {
		const f = this.#f;
		const row = this.#row;
		row.ts = f[b + F.waitSince];
		row.dur = this.#timed ? end - f[b + F.waitSince] : Number.NaN;
		row.utid = utid;
		row.state = this.#stateCodes[f[b + F.waitState]];
		row.cpu = Number.NaN;
		row.wake_ts = Number.NaN;
		row.ignored_wakings = ignored;
		row.blocked_stack_id = f[b + F.waitStack] === -1 ? Number.NaN : f[b + F.waitStack];
		row.blocked_user_stack_id = f[b + F.waitUserStack] === -1 ? Number.NaN : f[b + F.waitUserStack];
		row.syscall = f[b + F.waitSyscall];
		row.open_left = 0;
		row.open_right = openRight;
	}

	#waker(b: number): void {
		const f = this.#f;
		const row = this.#row;
		row.waker_utid = f[b + F.waker] === -1 ? Number.NaN : f[b + F.waker];
		row.waker_irq = f[b + F.wakerIrq];
		row.waking_ts = f[b + F.wakingTs];
	}
}

function isWait(state: State): boolean {
	return state >= State.sleeping && state <= State.idle;
}
