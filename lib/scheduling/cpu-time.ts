import type { Dataset } from "../dataset/dataset.ts";
import { clipped, clippedEnds, hasTimeIn, overlaps, type Window } from "../dataset/definitions.ts";
import { fragment, raw } from "../dataset/fragment.ts";
import type { Needs, NotRecorded } from "../dataset/needs.ts";
import { answer, type QueryParameters, topOf } from "../dataset/scope.ts";
import { type ThreadRef, threadColumns } from "../dataset/thread-ref.ts";
import { whereSql } from "../dataset/where.ts";

/**
 * What a CPU does at a moment; each ns of it is exactly one of these.
 * - `user`: a thread, outside of system calls; known only where system calls are recorded. Page faults count here
 * - `system`: a thread in a system call, or a kernel thread
 * - `busy`: a thread, where nothing tells user from system
 * - `unknown`: observed, but the thread is not known (after lost events)
 */
export type CpuClass = "idle" | "user" | "system" | "busy" | "hardirq" | "softirq" | "unknown";

export const cpuClasses: readonly CpuClass[] = [
	"user",
	"system",
	"busy",
	"hardirq",
	"softirq",
	"unknown",
	"idle",
];

/** ns by class. */
export type CpuClassTimes = Readonly<Record<CpuClass, number>>;

/** Time that one thread had on one CPU as one class. */
export interface CpuTimeCell extends ThreadRef {
	readonly cpu: number;
	/** null without topology. */
	readonly socket: number | null;
	/** null without topology. */
	readonly core: number | null;
	/** For hardirq and softirq the thread is the one that was interrupted. */
	readonly class: CpuClass;
	readonly ns: number;
}

export interface CpuTime {
	readonly window: Window;
	/** Which splits the trace allows: where false, that time is inside busy (or idle). */
	readonly splits: { readonly system: boolean; readonly hardirq: boolean; readonly softirq: boolean };
	readonly cells: readonly CpuTimeCell[];
}

export const cpuTimeNeeds: Needs = { what: "CPU time", tables: ["sched"] };

/**
 * Time of the window by CPU, thread and class. The cells sum to what was observed of the CPUs, and the cells of two
 * windows side by side sum to those of both. Conditions: thread, process, name, cpu.
 */
export function cpuTime(ds: Dataset, parameters?: QueryParameters): Promise<CpuTime | NotRecorded> {
	return answer(ds, parameters, cpuTimeNeeds, async (scope) => {
		const { window: w, trace, manifest } = scope;
		// Intervals of that kind are known, or it is known that there were none.
		const known = (table: string, event: string): boolean =>
			(manifest.tables[table]?.rows ?? 0) > 0 ||
			(manifest.recorded?.includes(event) === true && (manifest.tables[event]?.rows ?? 0) === 0);
		const splits = {
			system: known("syscall", "sys_enter"),
			hardirq: known("irq", "irq_handler_entry"),
			softirq: known("softirq", "softirq_entry"),
		};
		// A sweep over each CPU: every start and end of a slice, system call (on the CPU where its thread runs then)
		// or interrupt is a point; between two points the CPU does one thing. `k` orders points of equal time, so
		// that intervals end before the next ones begin. utid -1: nobody; -2: not known who.
		const interval = (table: string) =>
			fragment`SELECT cpu, ${clippedEnds(w)} FROM ${raw(table)} WHERE trace = ${trace} AND ${hasTimeIn(w)}`;
		const cells = await ds.rows<CpuTimeCell>(
			fragment`
WITH slice AS (
	SELECT cpu, utid, ${clippedEnds(w)}
	FROM sched WHERE trace = ${trace} AND ${hasTimeIn(w)}
), call AS (
	SELECT utid, ts AS a, ts + dur AS b FROM syscall WHERE trace = ${trace} AND ${hasTimeIn(w)}
), edge AS (
	SELECT utid, a AS t, TRUE AS inside FROM call UNION ALL SELECT utid, b, FALSE FROM call
), point AS (
	SELECT s.cpu, s.a AS t, 1 AS k, coalesce(s.utid, -2) AS utid, coalesce(c.b > s.a, FALSE) AS inside, 0 AS irq, 0 AS soft
	FROM slice s ASOF LEFT JOIN call c ON s.utid = c.utid AND s.a >= c.a
	UNION ALL SELECT cpu, b, 0, -1, FALSE, 0, 0 FROM slice
	UNION ALL
	SELECT s.cpu, e.t, CASE WHEN e.inside THEN 3 ELSE 2 END, s.utid, e.inside, 0, 0
	FROM edge e ASOF JOIN slice s ON e.utid = s.utid AND e.t >= s.a WHERE e.t < s.b
	UNION ALL SELECT cpu, a, 5, NULL, NULL, 1, 0 FROM (${interval("irq")})
	UNION ALL SELECT cpu, b, 4, NULL, NULL, -1, 0 FROM (${interval("irq")})
	UNION ALL SELECT cpu, a, 5, NULL, NULL, 0, 1 FROM (${interval("softirq")})
	UNION ALL SELECT cpu, b, 4, NULL, NULL, 0, -1 FROM (${interval("softirq")})
), piece AS (
	SELECT cpu, t, lead(t) OVER o - t AS ns, last_value(utid IGNORE NULLS) OVER f AS utid,
		last_value(inside IGNORE NULLS) OVER f AS inside, sum(irq) OVER f AS irq, sum(soft) OVER f AS soft
	FROM point
	WINDOW o AS (PARTITION BY cpu ORDER BY t, k), f AS (PARTITION BY cpu ORDER BY t, k ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), total AS (
	SELECT p.cpu, p.utid, CAST(sum(p.ns) AS DOUBLE) AS ns,
		CASE WHEN p.irq > 0 THEN 'hardirq' WHEN p.soft > 0 THEN 'softirq' WHEN p.utid = -2 THEN 'unknown' WHEN p.utid = 0 THEN 'idle'
			WHEN t.kernel_thread OR p.inside THEN 'system' WHEN ${splits.system} THEN 'user' ELSE 'busy' END AS class
	FROM piece p LEFT JOIN thread t ON t.trace = ${trace} AND t.utid = p.utid
	WHERE p.ns > 0 AND p.utid <> -1
	GROUP BY ALL
)
SELECT x.cpu, c.socket, c.core, nullif(x.utid, -2) AS utid, i.tid, i.tgid, i.name, i.process_name AS process, x.class, x.ns
FROM total x
LEFT JOIN thread_info i ON i.trace = ${trace} AND i.utid = x.utid
LEFT JOIN cpu c ON c.trace = ${trace} AND c.cpu = x.cpu
WHERE ${whereSql(scope.where, { thread: "i.tid", process: "i.tgid", name: "i.name", cpu: "x.cpu" })}
ORDER BY x.cpu, x.utid, x.class`,
			scope.options,
		);
		return { window: w, splits, cells };
	});
}

/** A row with ns by class. */
export interface ClassRow {
	readonly times: CpuClassTimes;
	/** All classes but idle, ns. */
	readonly busyNs: number;
	/** With idle, ns. */
	readonly totalNs: number;
}

export interface CpuUsage extends ClassRow {
	readonly cpu: number;
	readonly socket: number | null;
	readonly core: number | null;
}

export interface ThreadUsage extends ClassRow, ThreadRef {
	/** CPUs on which it ran, ascending. */
	readonly cpus: readonly number[];
}

export interface ProcessUsage extends ClassRow {
	readonly tgid: number | null;
	readonly process: string | null;
	/** Threads that ran. */
	readonly threads: number;
}

function sumClasses(cells: readonly CpuTimeCell[]): ClassRow {
	const times = Object.fromEntries(cpuClasses.map((c) => [c, 0])) as Record<CpuClass, number>;
	for (const cell of cells) times[cell.class] += cell.ns;
	const totalNs = cpuClasses.reduce((sum, c) => sum + times[c], 0);
	return { times, busyNs: totalNs - times.idle, totalNs };
}

function groups(cells: readonly CpuTimeCell[], key: (c: CpuTimeCell) => unknown): CpuTimeCell[][] {
	const map = new Map<unknown, CpuTimeCell[]>();
	for (const cell of cells) {
		const k = key(cell);
		const group = map.get(k);
		if (group === undefined) map.set(k, [cell]);
		else group.push(cell);
	}
	return [...map.values()];
}

/** One row per CPU, ascending. */
export function usageByCpu(time: CpuTime): CpuUsage[] {
	return groups(time.cells, (c) => c.cpu)
		.map((g) => ({ cpu: g[0].cpu, socket: g[0].socket, core: g[0].core, ...sumClasses(g) }))
		.sort((a, b) => a.cpu - b.cpu);
}

/**
 * One row per thread that ran, the busiest first, without the idle threads. hardirq and softirq are the interrupts
 * that came while it ran.
 */
export function usageByThread(time: CpuTime, top?: number): ThreadUsage[] {
	const rows = groups(
		time.cells.filter((c) => c.utid !== 0),
		(c) => c.utid,
	).map((g) => {
		const { utid, tid, tgid, name, process } = g[0];
		const cpus = [...new Set(g.map((c) => c.cpu))].sort((a, b) => a - b);
		return { utid, tid, tgid, name, process, cpus, ...sumClasses(g) };
	});
	return topOf(
		rows.sort((a, b) => b.busyNs - a.busyNs || (a.utid ?? -1) - (b.utid ?? -1)),
		top,
	);
}

/** One row per process, the busiest first; threads of unknown process count one by one by name. */
export function usageByProcess(time: CpuTime, top?: number): ProcessUsage[] {
	const rows = groups(
		time.cells.filter((c) => c.utid !== 0),
		(c) => (c.tgid === null ? `name ${c.name}` : c.tgid),
	).map((g) => ({
		tgid: g[0].tgid,
		process: g[0].process,
		threads: new Set(g.map((c) => c.utid)).size,
		...sumClasses(g),
	}));
	return topOf(
		rows.sort((a, b) => b.busyNs - a.busyNs || (a.tgid ?? -1) - (b.tgid ?? -1)),
		top,
	);
}

export interface CoreUsage {
	/** null without topology. x86 counts the cores in each socket anew. */
	readonly socket: number | null;
	/** Core; the CPU's own number where the trace has no topology. */
	readonly core: number;
	readonly cpus: readonly number[];
	/** Time in which at least one of its CPUs ran a thread, ns. */
	readonly busyNs: number;
	/** Time in which at least one of its CPUs was observed, ns. */
	readonly observedNs: number;
}

/**
 * A core is busy while any of its SMT threads is. Rows by socket and core, ascending. Interrupts during idle do not count.
 * Conditions: cpu.
 */
export function coreUsage(ds: Dataset, parameters?: QueryParameters): Promise<CoreUsage[] | NotRecorded> {
	return answer(ds, parameters, cpuTimeNeeds, (scope) => {
		const { window: w, trace } = scope;
		// Length of a union of intervals: what each adds beyond the greatest end before it.
		const added = (reached: string) => raw(`greatest(b - greatest(a, coalesce(${reached}, a)), 0)`);
		return ds.rows<CoreUsage>(
			fragment`
WITH slice AS (
	SELECT c.socket, coalesce(c.core, s.cpu) AS core, s.cpu, s.utid <> 0 OR s.utid IS NULL AS busy,
		${clippedEnds(w, "s.ts", "s.dur")}
	FROM sched s LEFT JOIN cpu c ON c.trace = s.trace AND c.cpu = s.cpu
	WHERE s.trace = ${trace} AND ${hasTimeIn(w, "s.ts", "s.dur")} AND ${whereSql(scope.where, { cpu: "s.cpu" })}
), before AS (
	SELECT *, max(b) OVER (PARTITION BY socket, core, busy ORDER BY a, b, cpu ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached,
		max(b) OVER (PARTITION BY socket, core ORDER BY a, b, cpu ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS seen
	FROM slice
)
SELECT socket, core, list_sort(list_distinct(list(cpu))) AS cpus,
	CAST(sum(CASE WHEN busy THEN ${added("reached")} ELSE 0 END) AS DOUBLE) AS "busyNs", CAST(sum(${added("seen")}) AS DOUBLE) AS "observedNs"
FROM before GROUP BY socket, core ORDER BY socket, core`,
			scope.options,
		);
	});
}

export interface StateTotal extends ThreadRef {
	/** running, runnable, sleeping, disk, stopped, traced, parked, idle, dead or unknown */
	readonly state: string;
	/** Intervals that began in the window. */
	readonly n: number;
	/** Time in the window, ns. */
	readonly ns: number;
}

/** Time of each thread in each state. Conditions: thread, process, name. `top` counts threads, by time not asleep. */
export function stateTotals(ds: Dataset, parameters?: QueryParameters): Promise<StateTotal[] | NotRecorded> {
	return answer(ds, parameters, { what: "Thread states", tables: ["thread_state"] }, async (scope) => {
		const { window: w, trace } = scope;
		const rows = await ds.rows<StateTotal>(
			fragment`
SELECT ${raw(threadColumns("i"))}, s.state, CAST(count(*) FILTER (WHERE s.ts >= ${w.start}) AS DOUBLE) AS n, CAST(sum(${clipped(w, "s.ts", "s.dur")}) AS DOUBLE) AS ns
FROM thread_state s JOIN thread_info i ON i.trace = s.trace AND i.utid = s.utid
WHERE s.trace = ${trace} AND ${overlaps(w, "s.ts", "s.dur")} AND ${whereSql(scope.where, { thread: "i.tid", process: "i.tgid", name: "i.name" })}
GROUP BY ALL ORDER BY i.utid, s.state`,
			scope.options,
		);
		if (scope.top === undefined) return rows;
		const awake = new Map<number | null, number>();
		for (const r of rows)
			awake.set(
				r.utid,
				(awake.get(r.utid) ?? 0) + (r.state === "running" || r.state === "runnable" ? r.ns : 0),
			);
		const kept = new Set(
			topOf(
				[...awake].sort((a, b) => b[1] - a[1]).map(([utid]) => utid),
				scope.top,
			),
		);
		return rows.filter((r) => kept.has(r.utid));
	});
}
