/**
 * How a record of LinuxKI's module becomes an event of the kernel: a format whose offsets are those of the record, so
 * that the record is decoded where it lies.
 *
 * The header of a record (32 or 40 bytes) is free once its time, id, length, CPU and sequence number have been read. What
 * an event needs and the record has in another form is written there before the record is handed on:
 */
import type { EventFormat } from "../tracepoint/format.ts";
import type { RecordMemory } from "../tracepoint/memory.ts";

/** One byte: common_flags of ftrace (0x08 hard interrupt, 0x10 softirq). */
export const FLAGS_AT = 8;
/** 32-bit locator (offset | length << 16) of the record's text of varying place; 0 = none. */
export const TEXT_AT = 12;
/** 32 bits: tid of the thread that was current. In records from interrupts (-1) the reader puts it there. */
export const PID_AT = 16;
/** 32 bits: CPU. */
export const CPU_AT = 20;
/** Eight bytes for what a shape makes: the letters of rwbs, the state of cpu_idle. */
export const SCRATCH_AT = 24;

/** Where the words of a stack lie: `counted` = a 64-bit count, then the words with their context markers; `slots` = 16 words. */
export interface StackPlace {
	readonly at: number;
	readonly form: "counted" | "slots";
}

export interface Shape {
	/** Records of one event share one format object (power_start and power_end are cpu_idle). */
	readonly format: EventFormat;
	/** Least bytes of a record, without payload and stack words. */
	readonly bytes: number;
	readonly stack: StackPlace | null;
	/** Writes what the format expects into the record at `p`, whose bytes end at `end`. */
	readonly fix: ((memory: RecordMemory, p: number, end: number) => void) | null;
}
