/**
 * Numbers that were counted from the traces by other programs (trace-cmd's text and scripts over it) or by the
 * workloads themselves, as the files beside each trace have them; see test/traces/README.md.
 */

import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { TestTrace } from "../support/traces.ts";

/** Records by event name, all buffers together; null where nothing tells. */
export function expectedCounts(trace: TestTrace): Readonly<Record<string, number>> | null {
	const own = join(trace.folder, "expected.json");
	if (existsSync(own)) {
		const e = JSON.parse(readFileSync(own, "utf8"));
		return e.events_by_type ?? e.events ?? null;
	}
	const shared = join(dirname(trace.folder), "expected.json");
	if (!existsSync(shared)) return null;
	const e = JSON.parse(readFileSync(shared, "utf8"))[basename(trace.folder)];
	return e?.by_type ?? null;
}

/** expected.json of a mixed capture. */
export interface MixedExpected {
	readonly events_total: number;
	readonly events_by_type: Readonly<Record<string, number>>;
	readonly events_by_cpu: Readonly<Record<string, number>>;
	readonly first_ts: number;
	readonly last_ts: number;
	readonly window_by_cpu: Readonly<Record<string, readonly [number, number]>>;
	readonly switch_prev_state_raw: Readonly<Record<string, number>>;
	readonly clock_minus_mono_ns_from_marks: readonly [number, number];
	/** "dev rwbs event": requests, bytes. */
	readonly block: Readonly<Record<string, readonly [number, number]>>;
	/** Device: pairs, sum and maximum of issue to complete in ns. */
	readonly block_latency_ns_sum_by_dev: Readonly<Record<string, readonly [number, number, number]>>;
	readonly futex_enter_by_uaddr_op: Readonly<Record<string, number>>;
	readonly futex_exit_by_uaddr_op_ret: Readonly<Record<string, number>>;
	readonly syscall_enter_by_nr: Readonly<Record<string, number>>;
	readonly syscall_errors_by_nr_ret: Readonly<Record<string, number>>;
	readonly on_cpu_ns_by_tid: Readonly<Record<string, number>>;
	readonly switches_out_by_tid: Readonly<Record<string, number>>;
	readonly signals_generated_by_number: Readonly<Record<string, number>>;
	readonly task_renames: number;
	readonly thread_truth_vs_trace: readonly {
		readonly prog: string;
		readonly phase: string;
		readonly tid: number;
		readonly comm: string;
		readonly cpu_ns_truth: number;
		readonly on_cpu_ns_trace: number;
	}[];
}

/** expected.json of a planted case. Milliseconds are rounded to a microsecond there. */
export interface CaseExpected {
	readonly events: Readonly<Record<string, number>>;
	/** Seconds. */
	readonly window_s: readonly [number, number];
	readonly threads: readonly {
		readonly tid: number;
		readonly comm: string;
		readonly cpu_ms: number;
		readonly runq_ms: number;
		readonly runq_n: number;
		readonly runq_max_ms: number;
		readonly sleep_ms: number;
		readonly dsleep_ms: number;
		readonly switches: number;
		readonly vol: number;
		readonly migr: number;
	}[];
	readonly futex: Readonly<
		Record<
			string,
			{
				readonly wait: number;
				readonly ret0: number;
				readonly eagain: number;
				readonly etimedout: number;
				readonly wait_ms: number;
				readonly wake: number;
				readonly woken: number;
				readonly tids: number;
			}
		>
	>;
	readonly syscalls: readonly {
		readonly comm: string;
		readonly nr: number;
		readonly n: number;
		readonly ms: number;
		readonly errors: Readonly<Record<string, number>>;
	}[];
	readonly block: Readonly<
		Record<
			string,
			{
				readonly insert: number;
				readonly issue: number;
				readonly complete: number;
				readonly reads: number;
				readonly writes: number;
				readonly bytes: number;
				readonly d2c_mean_ms: number | null;
				readonly q2d_mean_ms: number | null;
			}
		>
	>;
	readonly irq: Readonly<Record<string, readonly [number, number]>>;
	readonly softirq: Readonly<Record<string, readonly [number, number]>>;
	readonly contention?: { readonly begin_by_flags: Readonly<Record<string, number>>; readonly ms: number };
}

/** One line of truth.jsonl: what a workload counted itself. Which keys there are depends on the program. */
export interface TruthLine {
	readonly prog: string;
	readonly pid: number;
	readonly start_ns: number;
	readonly end_ns: number;
	readonly threads?: readonly {
		readonly tid: number;
		readonly comm: string;
		readonly start_ns: number;
		readonly end_ns: number;
		readonly cpu_ns: number;
	}[];
	// biome-ignore lint/suspicious/noExplicitAny: the keys differ by program
	readonly [key: string]: any;
}

export function truthLines(trace: TestTrace): readonly TruthLine[] {
	return readFileSync(join(trace.folder, "truth.jsonl"), "utf8")
		.split("\n")
		.filter((l) => l.trim() !== "")
		.map((l) => JSON.parse(l) as TruthLine);
}
