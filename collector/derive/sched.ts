/**
 * The table `sched`: who had which CPU. The slices of a CPU, those of the idle thread and of unknown threads included,
 * tile what was observed of it. The first slice is that of the thread that was current in the CPU's first record.
 */
import type { Row } from "../../lib/schema/column.ts";
import { sched } from "../../lib/schema/derived.ts";
import type { Threads } from "../identity/threads.ts";
import type { Derivation, DeriveContext, Subscription, TableWriter } from "./derivation.ts";
import { PrevStates } from "./prev-state.ts";

/** Current thread of a CPU that is not known. */
const UNKNOWN = -1;

interface Slice {
	/** current thread, or UNKNOWN */
	utid: number;
	since: number;
	/** NaN if unknown */
	prio: number;
	openLeft: boolean;
	/** a sched_switch was seen on this CPU */
	switched: boolean;
	open: boolean;
}

export class Sched implements Derivation {
	readonly events: Readonly<Record<string, Subscription>>;
	readonly #threads: Threads;
	readonly #timed: boolean;
	readonly #prevStates: PrevStates;
	readonly #out: TableWriter<typeof sched>;
	readonly #note: () => void;
	readonly #cpus: Slice[] = [];
	/** last CPU to which each thread came */
	readonly #cpuOf: number[] = [0];
	#switches = false;
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
		this.#note = () =>
			context.note(
				"info",
				"sched_switch_missing",
				"A sched_switch says that another thread leaves than the one that came: switches between were not recorded; who ran is unknown there",
			);
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
		if (utid !== 0) this.#isOn(utid, cpu);
		this.#cpus[cpu] = { utid, since: ts, prio: Number.NaN, openLeft: true, switched: false, open: true };
	}

	lost(cpu: number, from: number, to: number): void {
		const slice = this.#cpus[cpu];
		if (!slice?.open) return;
		this.#close(cpu, slice, from, -1, true);
		slice.utid = UNKNOWN;
		slice.since = to;
		slice.prio = Number.NaN;
		slice.openLeft = true;
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
		this.#switches = true;
		slice.switched = true;
		if (slice.utid === prev) {
			if (slice.openLeft) slice.prio = prevPrio;
		} else {
			if (slice.utid !== UNKNOWN) this.#contradicted(slice);
			if (prev !== 0) this.#isOn(prev, cpu);
		}
		this.#close(cpu, slice, ts, this.#prevStates.codeOf(prevState), false);
		const next = this.#threads.at(nextPid, ts);
		if (next !== 0) this.#isOn(next, cpu);
		slice.utid = next;
		slice.since = ts;
		slice.prio = nextPrio;
		slice.openLeft = false;
	}

	/** A thread that is on a CPU and did not leave another: the switch there was not recorded, nor who runs there. */
	#isOn(utid: number, cpu: number): void {
		const before = this.#cpuOf[utid];
		this.#cpuOf[utid] = cpu;
		if (before === undefined || before === cpu) return;
		const slice = this.#cpus[before];
		if (slice.utid === utid && slice.open) this.#contradicted(slice);
	}

	#contradicted(slice: Slice): void {
		slice.utid = UNKNOWN;
		slice.prio = Number.NaN;
		this.#note();
	}

	#close(cpu: number, slice: Slice, end: number, endState: number, openRight: boolean): void {
		const row = this.#row;
		row.ts = slice.since;
		// a clock that steps back may put the CPU's last record before a time that was told already
		row.dur = this.#timed ? Math.max(end - slice.since, 0) : Number.NaN;
		row.cpu = cpu;
		row.utid = slice.utid === UNKNOWN ? Number.NaN : slice.utid;
		row.end_state = endState;
		row.prio = slice.prio;
		row.open_left = slice.openLeft ? 1 : 0;
		row.open_right = openRight ? 1 : 0;
		this.#out.append(row);
	}
}
