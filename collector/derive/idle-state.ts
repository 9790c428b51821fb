/**
 * Idle states of CPUs, from cpu_idle (include/trace/events/power.h): a state, or 4294967295 on leaving it.
 * A CPU that was idle when it was first seen, or when its recording went on, was in an unknown state (open_left).
 */
import type { Row } from "../../lib/schema/column.ts";
import { idleState } from "../../lib/schema/derived.ts";
import { grown } from "../grown.ts";
import type { Derivation, DeriveContext, Subscription, TableWriter } from "./derivation.ts";
import { MAX_CPUS } from "./shared.ts";

/** PWR_EVENT_EXIT: (u32)-1 */
const LEAVE = 0xffff_ffff;

export class IdleStates implements Derivation {
	readonly events: Readonly<Record<string, Subscription>>;
	readonly #out: TableWriter<typeof idleState>;
	readonly #timed: boolean;
	readonly #names: ReadonlyMap<number, number>;

	// by CPU
	/** Start of the open stay; NaN if none */
	#since = new Float64Array(64).fill(Number.NaN);
	#state = new Float64Array(64);
	/** Since when the CPU is seen without any cpu_idle event; NaN once there was one */
	#base = new Float64Array(64).fill(Number.NaN);
	readonly #row: Row<typeof idleState>;

	constructor(context: DeriveContext) {
		this.#out = context.table(idleState);
		this.#timed = context.timed;
		const names = new Map<number, number>();
		for (const [state, name] of context.idleStates) names.set(state, context.strings.code(name));
		this.#names = names;
		this.events = {
			cpu_idle: {
				fields: [
					{ name: "state", form: "number" },
					{ name: "cpu_id", form: "number" },
				],
				on: (ts, cpu, _utid, _flags, state, cpuId) => {
					const of = cpuId! >= 0 ? cpuId! : cpu;
					if (of < MAX_CPUS) this.#event(ts, of, state! >>> 0);
				},
			},
		};
		this.#row = { ts: 0, dur: 0, cpu: 0, state: 0, name: -1, open_left: 0, open_right: 0 };
	}

	cpuStart(cpu: number, ts: number): void {
		this.#growTo(cpu);
		this.#base[cpu] = ts;
	}

	lost(cpu: number, from: number, to: number): void {
		this.#growTo(cpu);
		this.#end(cpu, from, 1);
		this.#base[cpu] = to;
	}

	cpuEnd(cpu: number, ts: number): void {
		this.#growTo(cpu);
		this.#end(cpu, ts, 1);
	}

	finish(end: number): void {
		for (let cpu = 0; cpu < this.#since.length; cpu++) this.#end(cpu, end, 1);
	}

	#event(ts: number, cpu: number, state: number): void {
		this.#growTo(cpu);
		if (!Number.isNaN(this.#since[cpu]!)) this.#end(cpu, ts, 0);
		else if (state === LEAVE && this.#base[cpu]! < ts)
			this.#emit(cpu, this.#base[cpu]!, ts, Number.NaN, 1, 0);
		this.#base[cpu] = Number.NaN;
		if (state === LEAVE) return;
		this.#since[cpu] = ts;
		this.#state[cpu] = state;
	}

	#end(cpu: number, ts: number, openRight: number): void {
		const since = this.#since[cpu]!;
		if (Number.isNaN(since)) return;
		this.#since[cpu] = Number.NaN;
		this.#emit(cpu, since, ts, this.#state[cpu]!, 0, openRight);
	}

	#emit(cpu: number, ts: number, end: number, state: number, openLeft: number, openRight: number): void {
		const row = this.#row;
		row.ts = ts;
		row.dur = this.#timed ? end - ts : Number.NaN;
		row.cpu = cpu;
		row.state = state;
		row.name = this.#names.get(state) ?? -1;
		row.open_left = openLeft;
		row.open_right = openRight;
		this.#out.append(row);
	}

	#growTo(cpu: number): void {
		const had = this.#since.length;
		if (cpu < had) return;
		const cpus = Math.max(had * 2, cpu + 1);
		this.#since = grown(this.#since, cpus, Number.NaN);
		this.#state = grown(this.#state, cpus);
		this.#base = grown(this.#base, cpus, Number.NaN);
	}
}
