import type { Dataset } from "../dataset/dataset.ts";
import { began, clipped, overlaps, type Spread, spreadColumns, spreadOf } from "../dataset/definitions.ts";
import { fragment } from "../dataset/fragment.ts";
import type { Needs, NotRecorded } from "../dataset/needs.ts";
import { answer, type QueryParameters, topOf } from "../dataset/scope.ts";
import { type ThreadRef, threadOf } from "../dataset/thread-ref.ts";
import { type WhereColumns, whereSql } from "../dataset/where.ts";

export const futexNeeds: Needs = { what: "Futexes", tables: ["futex_wait"] };

const fields: WhereColumns = { thread: "tid", process: "tgid", name: "name" };

/** What identifies a futex: the address, in one process or shared. */
export interface FutexKey {
	/**
	 * Process id of the address space; null where processes use it together. Which mapping a shared futex lies in is
	 * not recorded: it counts as its process's own unless a thread was woken on it by another process.
	 */
	readonly space: number | null;
	/** Not FUTEX_PRIVATE. The kernel keeps a private and a shared futex at one address apart. */
	readonly shared: boolean;
	/** Name of a process that uses it. */
	readonly process: string | null;
	/** Address in hex, such as 0x7fff9a201040. */
	readonly uaddr: string;
}

/** How waits ended; counts of calls. */
export interface FutexOutcomes {
	readonly woken: number;
	/** The value had changed already: no wait. */
	readonly eagain: number;
	readonly timedOut: number;
	readonly interrupted: number;
	readonly otherError: number;
	/** Not ended in what was seen. */
	readonly open: number;
}

export interface FutexContention extends FutexKey, Spread {
	/** Operations seen, such as WAIT, LOCK_PI. */
	readonly ops: readonly string[];
	/** Time of the calls in the window, ns; n, the spread and the outcomes are of calls that began in it. */
	readonly ns: number;
	/** Part of the calls that began in the window spent asleep, ns; null where switches were not recorded. */
	readonly sleptNs: number | null;
	readonly outcomes: FutexOutcomes;
	/** Threads that waited. */
	readonly waiters: number;
	/** Threads that called wake. */
	readonly wakers: number;
	/** Wake calls that began in the window. */
	readonly wakeCalls: number;
	/** Of those: nobody was woken. */
	readonly emptyWakes: number;
	/** Threads that were woken. */
	readonly woken: number;
}

/**
 * Futexes by address, the most waiting time first; also those that are only woken. Conditions: thread, process,
 * name, on the caller.
 */
export function futexContention(
	ds: Dataset,
	parameters?: QueryParameters,
): Promise<FutexContention[] | NotRecorded> {
	return answer(ds, parameters, futexNeeds, async (scope) => {
		const { window: w, trace } = scope;
		const rows = await ds.rows<ContentionRow>(
			fragment`
WITH call AS (
	SELECT *, ${began(w)} AS begun, CASE WHEN ${began(w)} THEN dur END AS length FROM futex_call
	WHERE trace = ${trace} AND ${overlaps(w)} AND ${whereSql(scope.where, fields)}
), wait AS (
	SELECT space, shared, uaddr, min(process_name) AS process, list_sort(list_distinct(list(op))) AS ops,
		CAST(coalesce(sum(${clipped(w)}), 0) AS DOUBLE) AS ns, CAST(sum(slept_ns) FILTER (WHERE begun) AS DOUBLE) AS slept,
		count(*) FILTER (WHERE begun AND outcome = 'woken') AS o_woken, count(*) FILTER (WHERE begun AND outcome = 'EAGAIN') AS o_eagain,
		count(*) FILTER (WHERE begun AND outcome = 'ETIMEDOUT') AS o_timeout, count(*) FILTER (WHERE begun AND outcome = 'EINTR') AS o_eintr,
		count(*) FILTER (WHERE begun AND outcome NOT IN ('woken', 'EAGAIN', 'ETIMEDOUT', 'EINTR')) AS o_other,
		count(*) FILTER (WHERE begun AND outcome IS NULL) AS o_open,
		count(DISTINCT utid) AS waiters, ${spreadColumns("length", "wait")}
	FROM call GROUP BY space, shared, uaddr
), wake AS (
	SELECT space, shared, uaddr, min(process_name) AS process, list_sort(list_distinct(list(op))) AS ops, count(*) AS calls,
		count(*) FILTER (WHERE woken = 0) AS empty, CAST(coalesce(sum(woken), 0) AS BIGINT) AS woken, count(DISTINCT utid) AS wakers
	FROM futex_wake_call WHERE trace = ${trace} AND ${began(w)} AND ${whereSql(scope.where, fields)}
	GROUP BY space, shared, uaddr
)
SELECT coalesce(a.space, k.space) AS space, coalesce(a.shared, k.shared) AS shared, coalesce(a.process, k.process) AS process, hex(coalesce(a.uaddr, k.uaddr)) AS uaddr,
	list_sort(list_distinct(list_concat(a.ops, k.ops))) AS ops, coalesce(a.ns, 0) AS ns, a.* EXCLUDE (space, shared, uaddr, process, ops, ns),
	k.calls, k.empty, k.woken, k.wakers
FROM wait a FULL JOIN wake k ON k.space IS NOT DISTINCT FROM a.space AND k.shared = a.shared AND k.uaddr = a.uaddr
ORDER BY 6 DESC, k.calls DESC, space, uaddr, shared`,
			scope.options,
		);
		return topOf(rows, scope.top).map((r) => ({
			space: r.space,
			shared: r.shared,
			process: r.process,
			uaddr: r.uaddr,
			ops: r.ops,
			ns: r.ns,
			sleptNs: r.slept,
			...spreadOf({ ...r, wait_n: r.wait_n ?? 0n }, "wait"),
			outcomes: {
				woken: Number(r.o_woken ?? 0),
				eagain: Number(r.o_eagain ?? 0),
				timedOut: Number(r.o_timeout ?? 0),
				interrupted: Number(r.o_eintr ?? 0),
				otherError: Number(r.o_other ?? 0),
				open: Number(r.o_open ?? 0),
			},
			waiters: Number(r.waiters ?? 0),
			wakers: Number(r.wakers ?? 0),
			wakeCalls: Number(r.calls ?? 0),
			emptyWakes: Number(r.empty ?? 0),
			woken: Number(r.woken ?? 0),
		}));
	});
}

interface ContentionRow {
	readonly [column: string]: unknown;
	readonly space: number | null;
	readonly shared: boolean;
	readonly process: string | null;
	readonly uaddr: string;
	readonly ops: readonly string[];
	readonly ns: number;
	readonly slept: number | null;
}

export interface FutexThread extends FutexKey, ThreadRef, Spread {
	/** Name of the waiter's process. */
	readonly process: string | null;
	/** Time in the window, ns. */
	readonly ns: number;
}

/** Waits by thread and futex, the most time first. Conditions: thread, process, name of the waiter. */
export function futexWaitsByThread(
	ds: Dataset,
	parameters?: QueryParameters,
): Promise<FutexThread[] | NotRecorded> {
	return answer(ds, parameters, futexNeeds, async (scope) => {
		const { window: w, trace } = scope;
		const rows = await ds.rows<
			ThreadRef & { space: number | null; shared: boolean; uaddr: string; ns: number }
		>(
			fragment`
WITH call AS (
	SELECT *, CASE WHEN ${began(w)} THEN dur END AS length FROM futex_call
	WHERE trace = ${trace} AND ${overlaps(w)} AND ${whereSql(scope.where, fields)}
)
SELECT utid, tid, tgid, name, process_name AS process, space, shared, hex(uaddr) AS uaddr,
	CAST(coalesce(sum(${clipped(w)}), 0) AS DOUBLE) AS ns, ${spreadColumns("length", "wait")}
FROM call GROUP BY ALL ORDER BY ns DESC, utid, uaddr`,
			scope.options,
		);
		return topOf(rows, scope.top).map((r) => ({
			...threadOf(r),
			space: r.space,
			shared: r.shared,
			uaddr: r.uaddr,
			ns: r.ns,
			...spreadOf(r as never, "wait"),
		}));
	});
}

export interface FutexWaker extends FutexKey {
	readonly waiter: ThreadRef;
	/** Thread that ended the waits, as thread_state saw it; null if an interrupt did, or nobody is known. */
	readonly waker: ThreadRef | null;
	/** Interrupt that ended them (timeouts); null otherwise. */
	readonly irq: string | null;
	/** Calls that began in the window and slept. */
	readonly n: number;
	/** Their length, ns. */
	readonly ns: number;
}

/**
 * Who ended whose futex waits, the most time first. A waker is a fact; that it held a lock is an inference.
 * Conditions: thread, process, name of the waiter.
 */
export function futexWakers(ds: Dataset, parameters?: QueryParameters): Promise<FutexWaker[] | NotRecorded> {
	return answer(ds, parameters, { ...futexNeeds, events: ["sched_switch"] }, async (scope) => {
		const { window: w, trace } = scope;
		const rows = await ds.rows<
			ThreadRef & {
				space: number | null;
				shared: boolean;
				uaddr: string;
				irq: string | null;
				n: number;
				ns: number;
				w_utid: number | null;
				w_tid: number | null;
				w_tgid: number | null;
				w_name: string | null;
				w_process: string | null;
			}
		>(
			fragment`
SELECT c.utid, c.tid, c.tgid, c.name, c.process_name AS process, c.space, c.shared, hex(c.uaddr) AS uaddr, c.waker_irq AS irq,
	c.waker_utid AS w_utid, i.tid AS w_tid, i.tgid AS w_tgid, i.name AS w_name, i.process_name AS w_process,
	CAST(count(*) AS DOUBLE) AS n, CAST(coalesce(sum(c.dur), 0) AS DOUBLE) AS ns
FROM futex_call c LEFT JOIN thread_info i ON i.trace = c.trace AND i.utid = c.waker_utid
WHERE c.trace = ${trace} AND ${began(w, "c.ts")} AND c.slept_ns > 0
	AND ${whereSql(scope.where, { thread: "c.tid", process: "c.tgid", name: "c.name" })}
GROUP BY ALL ORDER BY ns DESC, c.utid, w_utid, irq, uaddr`,
			scope.options,
		);
		return topOf(rows, scope.top).map((r) => ({
			space: r.space,
			shared: r.shared,
			process: r.process,
			uaddr: r.uaddr,
			waiter: threadOf(r),
			waker:
				r.w_utid === null
					? null
					: { utid: r.w_utid, tid: r.w_tid, tgid: r.w_tgid, name: r.w_name, process: r.w_process },
			irq: r.irq,
			n: r.n,
			ns: r.ns,
		}));
	});
}

export interface FutexWakes extends FutexKey, ThreadRef {
	readonly process: string | null;
	readonly calls: number;
	/** Calls that woke nobody. */
	readonly empty: number;
	/** Threads that were woken. */
	readonly woken: number;
	readonly errors: number;
}

/** Wake calls that began in the window, by thread and futex, the most calls first. Conditions on the caller. */
export function futexWakes(ds: Dataset, parameters?: QueryParameters): Promise<FutexWakes[] | NotRecorded> {
	return answer(ds, parameters, { what: futexNeeds.what, tables: ["futex_wake"] }, async (scope) => {
		const { window: w, trace } = scope;
		const rows = await ds.rows<FutexWakes>(
			fragment`
SELECT utid, tid, tgid, name, process_name AS process, space, shared, hex(uaddr) AS uaddr, CAST(count(*) AS DOUBLE) AS calls,
	CAST(count(*) FILTER (WHERE woken = 0) AS DOUBLE) AS empty, CAST(coalesce(sum(woken), 0) AS DOUBLE) AS woken,
	CAST(count(error) AS DOUBLE) AS errors
FROM futex_wake_call WHERE trace = ${trace} AND ${began(w)} AND ${whereSql(scope.where, fields)}
GROUP BY ALL ORDER BY calls DESC, utid, uaddr`,
			scope.options,
		);
		return topOf(rows, scope.top);
	});
}
