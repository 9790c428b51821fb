/**
 * Clock rates of CPUs, from cpu_frequency (include/trace/events/power.h). The event may be recorded on another CPU
 * than the one that it means (`cpu_id`), so a loss on any CPU may hide a change: an interval in which events were
 * lost ends where the loss began, with open_right. Before the first event of a CPU its rate is unknown.
 */
import type { Row } from "../../lib/schema/column.ts";
import { frequency } from "../../lib/schema/derived.ts";
import { grown } from "../grown.ts";
import type { Derivation, DeriveContext, Subscription, TableWriter } from "./derivation.ts";
import { MAX_CPUS } from "./shared.ts";

export class Frequencies implements Derivation {
	readonly events: Readonly<Record<string, Subscription>>;
	readonly #out: TableWriter<typeof frequency>;
	readonly #timed: boolean;

	// by CPU
	/** Start of the open interval; NaN if none */
	#since = new Float64Array(64).fill(Number.NaN);
	#khz = new Float64Array(64);
	readonly #row: Row<typeof frequency>;

	constructor(context: DeriveContext) {
		this.#out = context.table(frequency);
		this.#timed = context.timed;
		this.events = {
			cpu_frequency: {
				fields: [
					{ name: "state", form: "number" },
					{ name: "cpu_id", form: "number" },
				],
				on: (ts, cpu, _utid, _flags, khz, cpuId) => {
					const of = cpuId! >= 0 ? cpuId! : cpu;
					if (of < MAX_CPUS) this.#event(ts, of, khz!);
				},
			},
		};
		this.#row = { ts: 0, dur: 0, cpu: 0, khz: 0, open_left: 0, open_right: 0 };
	}

	lost(_cpu: number, from: number): void {
		this.#endAll(from);
	}

	finish(end: number): void {
		this.#endAll(end);
	}

	#event(ts: number, cpu: number, khz: number): void {
		if (cpu >= this.#since.length) {
			const cpus = Math.max(this.#since.length * 2, cpu + 1);
			this.#since = grown(this.#since, cpus, Number.NaN);
			this.#khz = grown(this.#khz, cpus);
		}
		if (!Number.isNaN(this.#since[cpu]!)) this.#end(cpu, ts, 0);
		this.#since[cpu] = ts;
		this.#khz[cpu] = khz;
	}

	#endAll(ts: number): void {
		for (let cpu = 0; cpu < this.#since.length; cpu++) {
			if (!Number.isNaN(this.#since[cpu]!)) this.#end(cpu, Math.max(ts, this.#since[cpu]!), 1);
		}
	}

	#end(cpu: number, ts: number, openRight: number): void {
		const row = this.#row;
		row.ts = this.#since[cpu]!;
		row.dur = this.#timed ? ts - row.ts : Number.NaN;
		row.cpu = cpu;
		row.khz = this.#khz[cpu]!;
		row.open_right = openRight;
		this.#since[cpu] = Number.NaN;
		this.#out.append(row);
	}
}
