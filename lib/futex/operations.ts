import type { Dataset } from "../dataset/dataset.ts";
import { began, clipped, overlaps, type Spread, spreadColumns, spreadOf } from "../dataset/definitions.ts";
import { type Fragment, fragment } from "../dataset/fragment.ts";
import { type HistogramBin, type HistogramRow, histogramOf, histogramQuery } from "../dataset/histogram.ts";
import type { NotRecorded } from "../dataset/needs.ts";
import { answer, type QueryParameters, type Scope } from "../dataset/scope.ts";
import { type WhereColumns, whereSql } from "../dataset/where.ts";
import { type FutexKey, futexNeeds } from "./contention.ts";

const fields: WhereColumns = { thread: "tid", process: "tgid", name: "name" };
const callFields: WhereColumns = { thread: "c.tid", process: "c.tgid", name: "c.name" };

/** Calls of one operation on one futex. */
export interface FutexOperation extends FutexKey, Spread {
	/** Such as WAIT, WAKE, CMP_REQUEUE. */
	readonly op: string;
	/** It can wait; the others wake or requeue. */
	readonly waits: boolean;
	/** Threads that called. */
	readonly threads: number;
	/** Time of the calls in the window, ns; n, the spread and the counts below are of calls that began in it. */
	readonly ns: number;
	/** Calls in which the thread slept; null for operations that wake, and where switches were not recorded. */
	readonly slept: number | null;
	/** The value had changed already: no wait. Null for operations that wake. */
	readonly eagain: number | null;
	/** Threads that were woken; null for operations that wait. */
	readonly woken: number | null;
	/**
	 * All its calls wait for the end of a thread: the futex is shared, and the expected value is the id of a thread of
	 * the same process, as glibc's pthread_join does (nptl/pthread_join_common.c, 2.41: the futex is the tid that the
	 * kernel clears when the thread ends).
	 */
	readonly join: boolean;
}

/**
 * Futex calls by address and operation: the address with the most waiting time first, its waits before its wakes.
 * Conditions: thread, process, name, on the caller. `top` counts addresses.
 */
export function futexOperations(
	ds: Dataset,
	parameters?: QueryParameters,
): Promise<FutexOperation[] | NotRecorded> {
	return answer(ds, parameters, futexNeeds, async (scope) => {
		const { window: w, trace } = scope;
		const rows = await ds.rows<OperationRow>(
			fragment`
WITH joined AS (${joins(trace)}
), call AS (
	SELECT c.space, c.shared, c.uaddr, c.process_name, c.op, TRUE AS waits, c.utid, c.ts, c.dur, c.slept_ns, c.outcome,
		CAST(NULL AS BIGINT) AS woken, j.utid IS NOT NULL AS joined
	FROM futex_call c LEFT JOIN joined j ON j.ts = c.ts AND j.utid = c.utid
	WHERE c.trace = ${trace} AND ${overlaps(w, "c.ts", "c.dur")} AND ${whereSql(scope.where, callFields)}
	UNION ALL
	SELECT space, shared, uaddr, process_name, op, FALSE, utid, ts, dur, NULL, NULL, woken, FALSE
	FROM futex_wake_call WHERE trace = ${trace} AND ${overlaps(w)} AND ${whereSql(scope.where, fields)}
), cut AS (
	SELECT *, ${clipped(w)} AS part, ${began(w)} AS begun, CASE WHEN ${began(w)} THEN dur END AS length FROM call
), total AS (
	SELECT space, shared, uaddr, min(process_name) AS process, op, waits, count(DISTINCT utid) AS threads, bool_and(joined) AS joined,
		CAST(coalesce(sum(part), 0) AS DOUBLE) AS ns,
		CASE WHEN count(slept_ns) > 0 THEN count(*) FILTER (WHERE begun AND slept_ns > 0) END AS slept,
		CASE WHEN waits THEN count(*) FILTER (WHERE begun AND outcome = 'EAGAIN') END AS eagain,
		CASE WHEN NOT waits THEN CAST(coalesce(sum(woken) FILTER (WHERE begun), 0) AS BIGINT) END AS woken,
		${spreadColumns("length", "call")}
	FROM cut GROUP BY space, shared, uaddr, op, waits
), ranked AS (
	SELECT *, max(CASE WHEN waits THEN ns ELSE -1 END) OVER (PARTITION BY space, shared, uaddr) AS longest FROM total
)
SELECT * EXCLUDE (uaddr, longest), hex(uaddr) AS uaddr, dense_rank() OVER (ORDER BY longest DESC, space, shared, uaddr) AS place
FROM ranked ORDER BY place, waits DESC, ns DESC, op`,
			scope.options,
		);
		const most = scope.top === undefined ? Number.POSITIVE_INFINITY : scope.top;
		return rows
			.filter((r) => Number(r.place) <= most)
			.map((r) => ({
				space: r.space,
				shared: r.shared,
				process: r.process,
				uaddr: r.uaddr,
				op: r.op,
				waits: r.waits,
				threads: Number(r.threads),
				ns: r.ns,
				slept: countOf(r.slept),
				eagain: countOf(r.eagain),
				woken: countOf(r.woken),
				join: r.joined,
				...spreadOf(r, "call"),
			}));
	});
}

interface OperationRow {
	readonly [column: string]: unknown;
	readonly space: number | null;
	readonly shared: boolean;
	readonly process: string | null;
	readonly uaddr: string;
	readonly op: string;
	readonly waits: boolean;
	readonly joined: boolean;
	readonly ns: number;
}

const countOf = (value: unknown): number | null => (value === null ? null : Number(value));

/** SQL: calls that wait for the end of a thread (see FutexOperation.join), as `ts` and `utid`. */
function joins(trace: string): Fragment {
	return fragment`
	SELECT DISTINCT f.ts, f.utid FROM futex_wait f
	JOIN thread t ON t.trace = f.trace AND t.utid = f.utid
	JOIN thread o ON o.trace = f.trace AND o.tid = f.val AND o.tgid = t.tgid
	WHERE f.trace = ${trace} AND f.shared AND f.op = 'WAIT_BITSET'`;
}

/** Time of the waits for the end of a thread in the window by waiter, ns. */
export async function joinTimes(ds: Dataset, scope: Scope): Promise<ReadonlyMap<number, number>> {
	const w = scope.window;
	const rows = await ds.rows<{ utid: number; ns: number }>(
		fragment`
SELECT f.utid, CAST(sum(${clipped(w, "f.ts", "f.dur")}) AS DOUBLE) AS ns
FROM futex_wait f JOIN (${joins(scope.trace)}) j ON j.ts = f.ts AND j.utid = f.utid
WHERE f.trace = ${scope.trace} AND ${overlaps(w, "f.ts", "f.dur")} GROUP BY f.utid`,
		scope.options,
	);
	return new Map(rows.map((r) => [r.utid, r.ns]));
}

/**
 * Lengths of the futex calls that began in the window and slept, without those that wait for the end of a thread.
 * Conditions as futexOperations.
 */
export function futexHistogram(
	ds: Dataset,
	parameters?: QueryParameters,
): Promise<HistogramBin[] | NotRecorded> {
	return answer(ds, parameters, futexNeeds, async (scope) =>
		histogramOf(
			await ds.rows<HistogramRow>(
				histogramQuery(
					fragment`SELECT c.dur AS ns FROM futex_call c LEFT JOIN (${joins(scope.trace)}) j ON j.ts = c.ts AND j.utid = c.utid
	WHERE c.trace = ${scope.trace} AND ${began(scope.window, "c.ts")} AND c.slept_ns > 0 AND j.utid IS NULL
	AND ${whereSql(scope.where, callFields)}`,
				),
				scope.options,
			),
		),
	);
}
