/** Hardclock records: samples of what each CPU did, taken by a timer. */
import type { Row } from "../../../lib/schema/column.ts";
import type { cpuSample } from "../../../lib/schema/events.ts";
import { grown } from "../../grown.ts";
import type { Pipeline } from "../../pipeline.ts";
import type { RecordMemory } from "../tracepoint/memory.ts";
import type { StackPlace } from "./shape.ts";
import type { LikiStacks } from "./stacks.ts";

const event = "hardclock";
/** preempt_count of a sample that the module found in user code. */
const USER = -1;
/** More than any kernel has; times of higher ones would be kept for nothing. */
const maxCpus = 65_536;

export interface HardclockOptions {
	readonly pipeline: Pipeline;
	readonly stacks: LikiStacks;
	readonly memory: RecordMemory;
	/** Where a record has what is read here. */
	readonly place: { readonly preemptCountAt: number; readonly stack: StackPlace };
}

export class Hardclocks {
	readonly #o: HardclockOptions;
	readonly #kernel: number;
	readonly #user: number;
	/** Up to when hardclocks stand for the time of each CPU; NaN: nothing was seen of it. */
	#last = new Float64Array(64).fill(Number.NaN);
	readonly #row: Row<typeof cpuSample>;

	constructor(options: HardclockOptions) {
		this.#o = options;
		const { strings } = options.pipeline;
		this.#kernel = strings.code("kernel");
		this.#user = strings.code("user");
		this.#row = {
			ts: 0,
			cpu: 0,
			utid: 0,
			event: strings.code(event),
			period: 0,
			ns: 0,
			mode: -1,
			ip_lo: 0,
			ip_hi: Number.NaN,
			data_address_lo: 0,
			data_address_hi: Number.NaN,
			stack_id: 0,
			user_stack_id: 0,
		};
	}

	/** The record at `p`, of thread `utid` in process `tgid`. */
	on(p: number, end: number, ts: number, cpu: number, utid: number, tgid: number): void {
		const { pipeline, stacks, memory, place } = this.#o;
		const at = p + place.preemptCountAt;
		const preemptCount = at + 4 <= end ? memory.view.getInt32(at, memory.littleEndian) : 0;
		stacks.readSample(p, place.stack, end, tgid, preemptCount === USER);
		const mode = this.#mode(utid, preemptCount);
		const row = this.#row;
		row.ts = ts;
		row.cpu = cpu;
		row.utid = utid;
		row.period = row.ns = this.#interval(cpu, ts);
		row.mode = mode;
		const atIp = mode === this.#user && stacks.fromIp && stacks.userWords > 0;
		row.ip_lo = atIp ? stacks.userLo : 0;
		row.ip_hi = atIp ? stacks.userHi : Number.NaN;
		row.stack_id = stacks.kernelId < 0 ? Number.NaN : stacks.kernelId;
		row.user_stack_id = stacks.userId < 0 ? Number.NaN : stacks.userId;
		pipeline.sample(row, event);
	}

	/** What the CPU does is seen from `ts` on: at its first record, and where records go on after a loss. */
	seenFrom(cpu: number, ts: number): void {
		if (!this.#holds(cpu)) return;
		this.#last[cpu] = ts;
	}

	#mode(utid: number, preemptCount: number): number {
		const { inKernel, userWords } = this.#o.stacks;
		// idle: on POWER without any stack
		if (utid === 0 || inKernel === true) return this.#kernel;
		// without symbols, frames of the timer alone look like kernel code; user code below tells nothing then
		if (inKernel === null) return userWords > 0 ? -1 : this.#kernel;
		return userWords > 0 || preemptCount === USER ? this.#user : -1;
	}

	/** Makes room for the CPU; false for numbers that no machine has. */
	#holds(cpu: number): boolean {
		if (!(cpu >= 0 && cpu < maxCpus)) return false;
		if (cpu >= this.#last.length) this.#last = grown(this.#last, Math.min(maxCpus, 2 * cpu), Number.NaN);
		return true;
	}

	/** Time since the hardclock before on this CPU, or since it is seen: the sample stands for it. They come at no fixed rate. */
	#interval(cpu: number, ts: number): number {
		if (!this.#holds(cpu)) return Number.NaN;
		const ns = ts - this.#last[cpu]!;
		this.#last[cpu] = ts;
		return ns >= 0 ? ns : Number.NaN;
	}
}
