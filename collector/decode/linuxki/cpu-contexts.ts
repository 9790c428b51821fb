/**
 * Who was current on each CPU, and in which context. A record from an interrupt has pid -1 (but those of hardclock and of
 * interrupts themselves): the thread that was current is that of the records around it.
 */
import type { RecordMemory } from "../tracepoint/memory.ts";
import { type ChunkRecords, MAX_CPUS } from "./chunks.ts";
import { IDS } from "./id-counts.ts";
import {
	CALL_FUNCTION_ENTRY,
	CALL_FUNCTION_EXIT,
	CALL_FUNCTION_SINGLE_ENTRY,
	CALL_FUNCTION_SINGLE_EXIT,
	IRQ_HANDLER_ENTRY,
	IRQ_HANDLER_EXIT,
	SCHED_SWITCH,
	SOFTIRQ_ENTRY,
	SOFTIRQ_EXIT,
} from "./record-layouts.ts";
import { FLAGS_AT, PID_AT } from "./shape.ts";

/** common_flags of ftrace: TRACE_FLAG_HARDIRQ, TRACE_FLAG_SOFTIRQ (include/linux/trace_events.h, Linux 6.12). */
const HARD = 0x08;
const SOFT = 0x10;

const UNKNOWN = -1;

/** Which records open (1) and close (-1) a handler, by id: irq_handler and call_function are hard interrupts. */
const hard = new Int8Array(IDS);
for (const id of [IRQ_HANDLER_ENTRY, CALL_FUNCTION_ENTRY, CALL_FUNCTION_SINGLE_ENTRY]) hard[id] = 1;
for (const id of [IRQ_HANDLER_EXIT, CALL_FUNCTION_EXIT, CALL_FUNCTION_SINGLE_EXIT]) hard[id] = -1;
const soft = new Int8Array(IDS);
soft[SOFTIRQ_ENTRY] = 1;
soft[SOFTIRQ_EXIT] = -1;

export class CpuContexts {
	/** Records for which nothing tells who was current. */
	untold = 0;
	readonly #memory: RecordMemory;
	readonly #nextPid: number;
	readonly #current = new Int32Array(MAX_CPUS).fill(UNKNOWN);
	/** Window of the file in which no later record tells it either. */
	readonly #vain = new Int32Array(MAX_CPUS).fill(-1);
	readonly #hard = new Int8Array(MAX_CPUS);
	readonly #soft = new Int8Array(MAX_CPUS);

	/** `nextPid`: offset of next_pid in a sched_switch. */
	constructor(memory: RecordMemory, nextPid: number) {
		this.#memory = memory;
		this.#nextPid = nextPid;
	}

	/** Records of the CPU are missing. */
	forget(cpu: number): void {
		this.#current[cpu] = UNKNOWN;
		this.#hard[cpu] = 0;
		this.#soft[cpu] = 0;
	}

	/** Writes who was current, and the context, into the record; the tid, -1 where nothing tells it (the record says 0). */
	settle(r: ChunkRecords, id: number): number {
		const { i32, u8 } = this.#memory;
		const { p, cpu } = r;
		let pid = i32[(p + PID_AT) >> 2]!;
		let flags = 0;
		if (pid < 0) {
			flags = this.#soft[cpu]! > 0 && this.#hard[cpu]! === 0 ? SOFT : HARD;
			pid = this.#current[cpu]!;
			if (pid < 0) pid = this.#ahead(r);
			if (pid < 0) this.untold++;
			i32[(p + PID_AT) >> 2] = Math.max(0, pid);
		}
		u8[p + FLAGS_AT] = flags;
		if (id === SCHED_SWITCH && r.end - p >= this.#nextPid + 4) {
			const next = i32[(p + this.#nextPid) >> 2]!;
			this.#current[cpu] = next < 0 ? UNKNOWN : next;
			// no switch comes from within a handler
			this.#hard[cpu] = 0;
			this.#soft[cpu] = 0;
			return pid;
		}
		this.#current[cpu] = pid;
		if (id >= 0 && id < IDS) {
			if (hard[id] !== 0) this.#hard[cpu] = nested(this.#hard[cpu]!, hard[id]!);
			else if (soft[id] !== 0) this.#soft[cpu] = nested(this.#soft[cpu]!, soft[id]!);
		}
		return pid;
	}

	#ahead(r: ChunkRecords): number {
		if (this.#vain[r.cpu] === r.window) return UNKNOWN;
		const pid = r.currentAhead();
		if (pid < 0) this.#vain[r.cpu] = r.window;
		return pid;
	}
}

function nested(depth: number, step: number): number {
	return Math.max(0, Math.min(100, depth + step));
}
