/**
 * The table `sched`: who had which CPU. The slices of a CPU, those of the idle thread and of unknown threads included,
 * tile what was observed of it. The first slice is that of the thread that was current in the CPU's first record.
 *
 * Where events were recorded for single threads, a switch tells that one of them leaves; the thread that comes is known
 * to stay only if it is one of them too (its own leaving would be told). Otherwise the CPU is unknown until a recorded
 * thread shows itself there.
 */
import type { Row } from "../../lib/schema/column.ts";
import { sched } from "../../lib/schema/derived.ts";
import type { Threads } from "../identity/threads.ts";
import type { Derivation, DeriveContext, Subscription, TableWriter } from "./derivation.ts";
import { PrevStates } from "./prev-state.ts";
import {
	endedThread,
	isParting,
	isRetold,
	type LastSwitch,
	SWITCH_RECORDS,
	UNKNOWN,
} from "./switch-record.ts";

/** The open slice of a CPU. */
interface Slice extends LastSwitch {
	/** NaN if unknown */
	prio: number;
	openLeft: boolean;
	/** a switch was seen on this CPU */
	switched: boolean;
	open: boolean;
}

export class Sched implements Derivation {
	readonly events: Readonly<Record<string, Subscription>>;
	readonly #threads: Threads;
	readonly #timed: boolean;
	readonly #prevStates: PrevStates;
	readonly #out: TableWriter<typeof sched>;
	readonly #context: DeriveContext;
	readonly #recorded: boolean;
	readonly #ready: number;
	readonly #preempted: number;
	readonly #cpus: Slice[] = [];
	/** last CPU to which each thread came */
	readonly #cpuOf: number[] = [0];
	#switches = false;
	/** threads that were current in a record or told by one of their own: of those all switches are recorded, also where not all threads are */
	readonly #shown = new Set<number>();
	/** rows from before the first switch, one for each loss: a trace may never have one */
	readonly #held: Row<typeof sched>[] = [];
	/** CPUs that ended without a switch: their threads are told only if switches were recorded at all */
	readonly #quiet: { cpu: number; end: number }[] = [];
	readonly #row: Row<typeof sched> = {
		ts: 0,
		dur: 0,
		cpu: 0,
		utid: 0,
		end_state: -1,
		prio: 0,
		open_left: 0,
		open_right: 0,
	};

	constructor(context: DeriveContext) {
		this.#threads = context.threads;
		this.#timed = context.timed;
		this.#prevStates = new PrevStates(context.prevState, context.strings);
		this.#out = context.table(sched);
		this.#context = context;
		this.#recorded = context.recorded.has("sched_switch") || context.recorded.has(SWITCH_RECORDS);
		this.#ready = context.strings.code("R");
		this.#preempted = context.strings.code("R+");
		this.events = {
			sched_switch: {
				fields: [
					{ name: "prev_prio", form: "number" },
					{ name: "prev_state", form: "number" },
					{ name: "next_pid", form: "number" },
					{ name: "next_prio", form: "number" },
				],
				on: (ts, cpu, prev, _flags, prevPrio, prevState, nextPid, nextPrio) =>
					this.#switch(ts, cpu, prev, prevPrio, prevState, nextPid, nextPrio),
			},
		};
	}

	cpuStart(cpu: number, ts: number, utid: number): void {
		if (utid > 0) {
			this.#isOn(utid, cpu);
			this.#shown.add(utid);
		}
		this.#cpus[cpu] = {
			current: utid,
			since: ts,
			left: UNKNOWN,
			prio: Number.NaN,
			openLeft: true,
			switched: false,
			open: true,
		};
	}

	lost(cpu: number, from: number, to: number): void {
		const slice = this.#cpus[cpu];
		// a trace that does not record switches has no slices
		if (!slice?.open || !this.#recorded) return;
		this.#close(cpu, slice, from, -1, true);
		this.#begin(slice, UNKNOWN, to, Number.NaN, true);
		slice.left = UNKNOWN;
	}

	current(cpu: number, ts: number, utid: number): void {
		const slice = this.#cpus[cpu];
		if (!this.#context.perTask || !slice?.open || isParting(slice, ts, utid)) return;
		this.#shows(slice, cpu, ts, utid);
	}

	switched(cpu: number, ts: number, told: number, next: number, preempted: boolean): void {
		const slice = this.#cpus[cpu];
		if (!slice?.open || (told === UNKNOWN && next === UNKNOWN)) return;
		const ended = told === UNKNOWN && !this.#context.perTask;
		const prev = ended ? endedThread(slice, next, this.#threads) : told;
		this.#sawSwitch(slice);
		if (isRetold(slice, ts, prev, next)) {
			if (next !== UNKNOWN && slice.since === ts) slice.openLeft = false;
			return;
		}
		if (this.#context.perTask && prev !== UNKNOWN) this.#shows(slice, cpu, ts, prev);
		if (slice.current !== prev) this.#replaced(slice, prev, cpu);
		if (slice.current !== UNKNOWN || ts > slice.since)
			this.#close(cpu, slice, ts, this.#endState(told, preempted), false);
		if (next > 0) {
			this.#isOn(next, cpu);
			this.#shown.add(next);
		}
		this.#begin(slice, next, ts, Number.NaN, false);
		slice.left = prev;
	}

	cpuEnd(cpu: number, ts: number): void {
		const slice = this.#cpus[cpu];
		if (!slice?.open) return;
		slice.open = false;
		if (slice.switched) this.#close(cpu, slice, ts, -1, true);
		else this.#quiet.push({ cpu, end: ts });
	}

	finish(): void {
		if (!this.#switches) return;
		for (const { cpu, end } of this.#quiet) this.#close(cpu, this.#cpus[cpu], end, -1, true);
	}

	#switch(
		ts: number,
		cpu: number,
		prev: number,
		prevPrio: number,
		prevState: number,
		nextPid: number,
		nextPrio: number,
	): void {
		const slice = this.#cpus[cpu];
		const { perTask } = this.#context;
		this.#sawSwitch(slice);
		if (perTask) this.#shows(slice, cpu, ts, prev);
		if (slice.current !== prev) this.#replaced(slice, prev, cpu);
		else if (slice.openLeft) slice.prio = prevPrio;
		this.#close(cpu, slice, ts, this.#prevStates.codeOf(prevState), false);
		const next = this.#threads.at(nextPid, ts);
		const stays = !perTask || this.#shown.has(next);
		if (next !== 0) this.#isOn(next, cpu);
		this.#begin(slice, stays ? next : UNKNOWN, ts, stays ? nextPrio : Number.NaN, false);
		slice.left = prev;
	}

	/** As a record of a switch tells it: the idle thread can always run on, and is never preempted by the letter. */
	#endState(prev: number, preempted: boolean): number {
		if (prev === UNKNOWN || !preempted) return -1;
		return prev === 0 ? this.#ready : this.#preempted;
	}

	/** A record of the thread shows that it runs on the CPU, since when is unknown; UNKNOWN: the one that ran has ended. */
	#shows(slice: Slice, cpu: number, ts: number, utid: number): void {
		if (slice.current === utid) return;
		if (utid > 0) this.#shown.add(utid);
		// a trace that never switches has no slices
		if (!this.#switches) {
			slice.current = UNKNOWN;
			return;
		}
		if (utid !== UNKNOWN && slice.current !== UNKNOWN) this.#contradicted(slice);
		if (utid > 0) this.#isOn(utid, cpu);
		if (ts > slice.since || slice.current !== UNKNOWN) this.#close(cpu, slice, ts, -1, true);
		this.#begin(slice, utid, ts, Number.NaN, true);
		slice.left = UNKNOWN;
	}

	/** Says once what the switches of this trace do not tell. */
	#sawSwitch(slice: Slice): void {
		slice.switched = true;
		if (this.#switches) return;
		this.#switches = true;
		for (const row of this.#held) this.#out.append(row);
		this.#held.length = 0;
		const context = this.#context;
		if (context.perTask)
			context.note(
				"info",
				"switches-of-threads",
				"Switches were recorded for single threads, not for CPUs: who had a CPU between them is unknown, and, where the coming of a thread is not recorded, since when it runs",
			);
		if (context.recorded.has(SWITCH_RECORDS) && !context.recorded.has("sched_switch"))
			context.note(
				"info",
				"switch-records",
				"Switches are told by PERF_RECORD_SWITCH, not by sched_switch: of a thread that was not preempted it is unknown in what state it left its CPU",
			);
	}

	#begin(slice: Slice, utid: number, ts: number, prio: number, openLeft: boolean): void {
		slice.current = utid;
		slice.since = ts;
		slice.prio = prio;
		slice.openLeft = openLeft;
	}

	/** `prev` leaves the CPU (UNKNOWN: not told), though another was thought to be there. */
	#replaced(slice: Slice, prev: number, cpu: number): void {
		if (slice.current !== UNKNOWN) this.#contradicted(slice);
		if (prev > 0) this.#isOn(prev, cpu);
	}

	/** A thread that is on a CPU and did not leave another: the switch there was not recorded, nor who runs there. */
	#isOn(utid: number, cpu: number): void {
		const before = this.#cpuOf[utid];
		this.#cpuOf[utid] = cpu;
		if (before === undefined || before === cpu) return;
		const slice = this.#cpus[before];
		if (slice.current === utid && slice.open) this.#contradicted(slice);
	}

	#contradicted(slice: Slice): void {
		slice.current = UNKNOWN;
		slice.prio = Number.NaN;
		if (!this.#recorded) return;
		this.#context.note(
			"info",
			"sched_switch_missing",
			"A switch says that another thread leaves than the one that came: switches between were not recorded; who ran is unknown there",
		);
	}

	#close(cpu: number, slice: Slice, end: number, endState: number, openRight: boolean): void {
		// events were lost behind the last record: nothing was observed there
		if (openRight && slice.openLeft && slice.current === UNKNOWN && end <= slice.since) return;
		const row = this.#row;
		row.ts = slice.since;
		// a clock that steps back may put the CPU's last record before a time that was told already
		row.dur = this.#timed ? Math.max(end - slice.since, 0) : Number.NaN;
		row.cpu = cpu;
		row.utid = slice.current === UNKNOWN ? Number.NaN : slice.current;
		row.end_state = endState;
		row.prio = slice.prio;
		row.open_left = slice.openLeft ? 1 : 0;
		row.open_right = openRight ? 1 : 0;
		if (this.#switches) this.#out.append(row);
		else this.#held.push({ ...row });
	}
}
