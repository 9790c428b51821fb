/**
 * Switches that are told by PERF_RECORD_SWITCH and PERF_RECORD_SWITCH_CPU_WIDE (include/uapi/linux/perf_event.h): one
 * record of the thread that leaves, one of the thread that comes. Recorded for whole CPUs, each names both threads;
 * recorded for single threads, each knows its own only. A sched_switch of the same switch may stand before both.
 */

import type { Threads } from "../identity/threads.ts";

/** No thread: of a CPU, who runs there is unknown; of a record, it does not tell. */
export const UNKNOWN = -1;

/** Name by which DeriveContext.recorded says that these records come. */
export const SWITCH_RECORDS = "PERF_RECORD_SWITCH";

/**
 * Longest time (ns) between the records of one switch. Events are switched off and on a little after sched_switch and
 * the records of the switch, so that a sample of the thread that leaves may come behind them, and one of the thread that
 * comes before them (prepare_task_switch and finish_task_switch in kernel/sched/core.c; context-switches of perf).
 */
const SWITCH_NS = 50_000;

/** What the switches of a CPU have told last. */
export interface LastSwitch {
	/** thread that runs there, or UNKNOWN */
	current: number;
	/** when it came there, or was first seen there */
	since: number;
	/** thread that left then, or UNKNOWN */
	left: number;
}

/** The record of a switch tells what is known: another of the same switch, or the one by which its CPU was first seen. */
export function isRetold(known: LastSwitch, ts: number, prev: number, next: number): boolean {
	if (next === UNKNOWN) return known.left === prev && known.current !== prev;
	if (known.current !== next) return false;
	return prev === UNKNOWN || known.left === UNKNOWN ? ts - known.since <= SWITCH_NS : known.left === prev;
}

/**
 * The thread that leaves, where the record tells none though it was made for the whole CPU: one that has ended has no
 * number any more when it switches for the last time (tid -1), but its CPU knows it. UNKNOWN if it is not that.
 */
export function endedThread(known: LastSwitch, next: number, threads: Threads): number {
	const utid = known.current === next ? known.left : known.current;
	return utid > 0 && threads.endKnown(utid) ? utid : UNKNOWN;
}

/** A record that the thread leaves behind while it switches, and no sign that it came back. */
export function isParting(known: LastSwitch, ts: number, utid: number): boolean {
	if (utid === UNKNOWN || known.left !== utid || known.current === utid) return false;
	return ts - known.since <= SWITCH_NS;
}
