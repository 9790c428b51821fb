import type { Dataset } from "../dataset/dataset.ts";
import {
	began,
	clipped,
	clippedEnds,
	hasTimeIn,
	overlaps,
	type Spread,
	spreadColumns,
	spreadOf,
} from "../dataset/definitions.ts";
import { fragment, raw } from "../dataset/fragment.ts";
import type { Needs, NotRecorded } from "../dataset/needs.ts";
import { answer, type QueryParameters, type Scope, topOf } from "../dataset/scope.ts";
import { type ThreadRef, threadColumns, threadOf } from "../dataset/thread-ref.ts";
import { type WhereColumns, whereSql } from "../dataset/where.ts";

export const runQueueNeeds: Needs = { what: "Run queue", tables: ["thread_state", "sched"] };

const fields: WhereColumns = { thread: "tid", process: "tgid", name: "name", cpu: "cpu" };

export interface RunQueueThread extends ThreadRef, Spread {
	/** Time in the window, ns; includes waits that began before it. n and the spread are of waits that began in it. */
	readonly ns: number;
	/** Of n: waits after a waking; the others lost the CPU, or are new. */
	readonly woken: number;
	readonly preempted: number;
}

/** Waits for a CPU by thread, the most time first. Conditions: thread, process, name, cpu (on whose queue). */
export function runQueueByThread(
	ds: Dataset,
	parameters?: QueryParameters,
): Promise<RunQueueThread[] | NotRecorded> {
	return answer(ds, parameters, runQueueNeeds, async (scope) => {
		const rows = await waits<ThreadRef>(ds, scope, threadColumns("r"), "r.utid");
		return topOf(rows, scope.top).map((r) => ({ ...threadOf(r), ...measures(r) }));
	});
}

export interface RunQueueCpu extends Spread {
	/** null: the queue is not known. */
	readonly cpu: number | null;
	readonly ns: number;
	readonly woken: number;
	readonly preempted: number;
}

/** Waits for a CPU by the CPU on whose queue they were, ascending. Conditions as runQueueByThread. */
export function runQueueByCpu(
	ds: Dataset,
	parameters?: QueryParameters,
): Promise<RunQueueCpu[] | NotRecorded> {
	return answer(ds, parameters, runQueueNeeds, async (scope) => {
		const rows = await waits<{ cpu: number | null }>(ds, scope, "r.cpu", "r.cpu");
		return rows.map((r) => ({ cpu: r.cpu, ...measures(r) })).sort((a, b) => (a.cpu ?? 1e9) - (b.cpu ?? 1e9));
	});
}

/** Spread of all waits together; null where there is none. Conditions as runQueueByThread. */
export function runQueueTotal(
	ds: Dataset,
	parameters?: QueryParameters,
): Promise<Omit<RunQueueCpu, "cpu"> | NotRecorded> {
	return answer(ds, parameters, runQueueNeeds, async (scope) => {
		const rows = await waits<object>(ds, scope, "1 AS one", "one");
		return rows.length === 0
			? { ns: 0, woken: 0, preempted: 0, ...spreadOf({ wait_n: 0 }, "wait") }
			: measures(rows[0]);
	});
}

type Measured = Readonly<Record<string, unknown>> & { readonly ns: number };

function measures(r: Measured): Omit<RunQueueCpu, "cpu"> {
	return { ...spreadOf(r, "wait"), ns: r.ns, woken: Number(r.woken), preempted: Number(r.preempted) };
}

function waits<K>(ds: Dataset, scope: Scope, columns: string, order: string): Promise<(K & Measured)[]> {
	const { window: w, trace } = scope;
	return ds.rows<K & Measured>(
		fragment`
WITH wait AS (
	SELECT *, CASE WHEN ${began(w)} THEN dur END AS begun FROM run_queue_wait
	WHERE trace = ${trace} AND ${overlaps(w)} AND ${whereSql(scope.where, fields)}
)
SELECT ${raw(columns)}, CAST(coalesce(sum(${clipped(w)}), 0) AS DOUBLE) AS ns, ${spreadColumns("begun", "wait")},
	count(*) FILTER (WHERE begun IS NOT NULL AND NOT preempted) AS woken, count(*) FILTER (WHERE begun IS NOT NULL AND preempted) AS preempted
FROM wait r GROUP BY ALL ORDER BY ns DESC, ${raw(order)}`,
		scope.options,
	);
}

export interface RunQueueHolder {
	/** Thread that waited. */
	readonly waiter: ThreadRef;
	/**
	 * Who had the CPU: "thread" (in `holder`), "idle" (woken but not yet switched in: wake-up latency of the CPU), or
	 * "unknown" (the queue or the thread on the CPU is not known).
	 */
	readonly kind: "thread" | "idle" | "unknown";
	readonly holder: ThreadRef | null;
	/** Time of waiting in the window while it had the CPU, ns. */
	readonly ns: number;
	/** Waits that it took part in. */
	readonly waits: number;
}

/**
 * Who had the CPU while threads waited for it. For each waiter the rows sum to its waiting time in the window.
 * `top` counts pairs, the most time first. Conditions as runQueueByThread, on the waiter.
 */
export function runQueueHolders(
	ds: Dataset,
	parameters?: QueryParameters,
): Promise<RunQueueHolder[] | NotRecorded> {
	return answer(ds, parameters, runQueueNeeds, async (scope) => {
		const { window: w, trace } = scope;
		// Waits and slices are cut into buckets of time, so that the pairing is an equality join and not every wait
		// with every slice of the CPU; the parts of one pair sum to its overlap.
		const bucket = BigInt(Math.max(100_000, Math.ceil(w.ns / 4096)));
		const cut = (from: string, columns: string) => fragment`
	SELECT ${raw(columns)}, k.bucket, greatest(a, ${w.start} + k.bucket * ${bucket}) AS a, least(b, ${w.start} + (k.bucket + 1) * ${bucket}) AS b
	FROM ${raw(from)} x CROSS JOIN LATERAL (SELECT unnest(range((x.a - ${w.start}) // ${bucket}, (x.b - 1 - ${w.start}) // ${bucket} + 1)) AS bucket) k`;
		const rows = await ds.rows<HolderRow>(
			fragment`
WITH wait AS (
	SELECT row_number() OVER () AS id, utid, cpu, ${clippedEnds(w)}
	FROM run_queue_wait WHERE trace = ${trace} AND ${hasTimeIn(w)} AND ${whereSql(scope.where, fields)}
), slice AS (
	SELECT utid, cpu, ${clippedEnds(w)}
	FROM sched WHERE trace = ${trace} AND ${hasTimeIn(w)}
), wait_part AS (${cut("wait", "x.id, x.utid, x.cpu")}
), slice_part AS (${cut("slice", "x.utid, x.cpu")}
), pair AS (
	SELECT w.id, w.utid, s.utid AS holder, s.utid IS NULL AS lost, sum(least(w.b, s.b) - greatest(w.a, s.a)) AS ns
	FROM wait_part w JOIN slice_part s ON s.cpu = w.cpu AND s.bucket = w.bucket AND s.a < w.b AND w.a < s.b
	GROUP BY ALL
), rest AS (
	SELECT w.id, w.utid, NULL AS holder, TRUE AS lost, w.b - w.a - coalesce(p.ns, 0) AS ns
	FROM wait w LEFT JOIN (SELECT id, sum(ns) AS ns FROM pair GROUP BY id) p ON p.id = w.id
), total AS (
	SELECT utid, holder, CAST(sum(ns) AS DOUBLE) AS ns, count(DISTINCT id) AS waits
	FROM (SELECT * FROM pair UNION ALL SELECT * FROM rest WHERE ns > 0) GROUP BY utid, holder
)
SELECT ${raw(threadColumns("i"))}, t.ns, t.waits, t.holder AS h_utid, h.tid AS h_tid, h.tgid AS h_tgid, h.name AS h_name, h.process_name AS h_process
FROM total t
LEFT JOIN thread_info i ON i.trace = ${trace} AND i.utid = t.utid
LEFT JOIN thread_info h ON h.trace = ${trace} AND h.utid = t.holder
ORDER BY t.ns DESC, t.utid, t.holder`,
			scope.options,
		);
		return topOf(rows, scope.top).map((r) => ({
			waiter: threadOf(r),
			kind: r.h_utid === null ? "unknown" : r.h_utid === 0 ? "idle" : "thread",
			holder:
				r.h_utid === null || r.h_utid === 0
					? null
					: { utid: r.h_utid, tid: r.h_tid, tgid: r.h_tgid, name: r.h_name, process: r.h_process },
			ns: r.ns,
			waits: Number(r.waits),
		}));
	});
}

interface HolderRow extends ThreadRef {
	ns: number;
	waits: bigint;
	h_utid: number | null;
	h_tid: number | null;
	h_tgid: number | null;
	h_name: string | null;
	h_process: string | null;
}
