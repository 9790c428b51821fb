/**
 * What a derivation is: a streaming state machine that sees the events of one trace in the order
 * (ts, cpu, position) and appends intervals to derived tables. Memory may grow with threads, CPUs and open
 * intervals, never with the number of events. Decoders of every format, and live mode, drive the same machines.
 *
 * Time inside the collector is a double: ns since the base stamp of the trace (exact, since a recording is
 * shorter than 2^53 ns = 104 days). The table builders add the base when they write.
 */
import type { Row, Table } from "../../lib/schema/column.ts";
import type { Threads } from "../identity/threads.ts";

/** How a field of an event is handed to a handler. A field that the trace's format lacks comes as NaN, (0, NaN) or -1. */
export type FieldForm =
	/** one double; 64-bit values beyond 2^53 lose their low bits */
	| "number"
	/** two signed 32-bit halves, low first: two arguments */
	| "pair"
	/** a code of the string pool */
	| "string";

export interface FieldSpec {
	/** Field name in the event's format; an element of an array as `args[0]`. */
	readonly name: string;
	readonly form: FieldForm;
	/**
	 * For events of single system calls, whose argument fields are named differently in each: take the argument of
	 * this number (0 = first) instead, that is the field so far behind `__syscall_nr`; fields that begin with `__`
	 * are no arguments (Linux 7 adds strings after them).
	 */
	readonly argument?: number;
}

/** Arguments after the first four are the declared fields in order (`pair` takes two). */
export type EventHandler = (
	/** ns since the base stamp */
	ts: number,
	cpu: number,
	/** thread that was current when the event was recorded (0 = idle) */
	utid: number,
	/** common_flags of ftrace: 0x08 hard interrupt, 0x10 softirq, 0x04 need-resched; 0 where the source has none */
	flags: number,
	...fields: number[]
) => void;

export interface Subscription {
	readonly fields: readonly FieldSpec[];
	readonly on: EventHandler;
}

export interface Derivation {
	/** Events by name (the kernel's name; the collector resolves the system). */
	readonly events: Readonly<Record<string, Subscription>>;
	/**
	 * The first record of a CPU (called just before it is handed to the handlers). `utid` is current there; for a record
	 * that `switched` tells it is the thread that leaves, -1 where that is not told.
	 */
	cpuStart?(cpu: number, ts: number, utid: number): void;
	/**
	 * A CPU loses events from now on, until `lost` or `cpuStart` comes for it. Readers tell where they know what comes next on
	 * the CPU before the records of other CPUs do.
	 */
	lossBegins?(cpu: number): void;
	/** A CPU lost events between two of its records, `from` < `to`; `count` is NaN when the number is unknown. */
	lost?(cpu: number, from: number, to: number, count: number): void;
	/** The CPU's last record was at `ts`: nothing is observed on it after that. Called for every CPU, in order of `ts`. */
	cpuEnd?(cpu: number, ts: number): void;
	/**
	 * Stacks that belong to the last event of this CPU that was handed over (`event` names it; `utid` was current);
	 * -1 = none.
	 */
	stack?(cpu: number, event: string, utid: number, stackId: number, userStackId: number): void;
	/**
	 * A switch by a record that is no sched_switch (PERF_RECORD_SWITCH): `prev` left the CPU and `next` came; -1 = not
	 * told. `preempted`: prev could have run on; otherwise it is not told in what state it left.
	 */
	switched?(cpu: number, ts: number, prev: number, next: number, preempted: boolean): void;
	/**
	 * Where events are recorded for single threads (perTask): `utid` was current in a record of this CPU. Called before
	 * the handlers of every record, but for those that `switched` tells. -1: the thread that was current has ended
	 * (after PERF_RECORD_EXIT: its events go with it, so that its last switch is not recorded).
	 */
	current?(cpu: number, ts: number, utid: number): void;
	/** Addresses were recorded with the system call exit that comes next on this CPU: its socket's number. */
	socket?(cpu: number, socketId: number): void;
	/** A record says in which control group the thread is, by the kernel's id (PERF_SAMPLE_CGROUP). */
	inCgroup?(ts: number, utid: number, inode: number): void;
	/** After the last record and all cpuEnd calls: close what is open. `end` is the end of the trace's window. */
	finish(end: number): void;
}

export interface TableWriter<T extends Table> {
	/** The row object may be reused by the caller for the next row: values are copied. */
	append(row: Row<T>): void;
}

/** Strings of the whole trace by code. Codes count up from 0. */
export interface StringPool {
	code(text: string): number;
	text(code: number): string;
}

/** What every derivation of a trace is given. */
export interface DeriveContext {
	readonly threads: Threads;
	readonly strings: StringPool;
	/** Architecture of the traced machine as uname -m says it, such as ppc64le; "" if unknown. */
	readonly arch: string;
	/** The clock counts time (ns). Otherwise durations are NULL (NaN). */
	readonly timed: boolean;
	/** Letters of prev_state by bit, from the print table of the trace's own sched_switch format; see prev-state.ts. */
	readonly prevState: PrevStateTable;
	/**
	 * Names of the events that the trace carries formats for and that were switched on, as far as known; used to tell "not
	 * recorded". "PERF_RECORD_SWITCH" is among them where the records come that `switched` tells (attr.context_switch).
	 */
	readonly recorded: ReadonlySet<string>;
	/**
	 * Events were recorded for single threads, not for CPUs: a switch away from one of them tells nothing of how long the
	 * thread that comes runs there.
	 */
	readonly perTask: boolean;
	/** Names of idle states by number, from the side file; empty if unknown. */
	readonly idleStates: ReadonlyMap<number, string>;
	table<T extends Table>(table: T): TableWriter<T>;
	/** Counts a note for import_note (one row per kind and cpu, counted). */
	note(severity: "info" | "warning" | "error", kind: string, text: string, cpu?: number): void;
}

/** The print table of prev_state: `__print_flags(… { 0x1, "S" }, { 0x2, "D" } …)` and the bit that means preempted. */
export interface PrevStateTable {
	readonly letters: ReadonlyMap<number, string>;
	/** Bit for "R+" (TASK_REPORT_MAX; 0x100 in recent kernels); 0 if the format has none. */
	readonly preempted: number;
}
