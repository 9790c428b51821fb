import type { Dataset } from "../dataset/dataset.ts";
import { began, clipped, overlaps, type Spread, spreadColumns, spreadOf } from "../dataset/definitions.ts";
import { type Fragment, fragment, raw } from "../dataset/fragment.ts";
import type { Needs, NotRecorded } from "../dataset/needs.ts";
import { answer, type QueryParameters, type Scope, topOf } from "../dataset/scope.ts";
import { type ThreadRef, threadOf } from "../dataset/thread-ref.ts";
import { whereSql } from "../dataset/where.ts";

export const syscallNeeds: Needs = { what: "System calls", tables: ["syscall"] };

export interface SyscallMeasures extends Spread {
	/** Name in the machine's table; the number where that has none. */
	readonly syscall: string;
	/** Of n: calls that failed. */
	readonly errors: number;
	/** Time in the window, ns; n and all other measures are of calls that began in it. */
	readonly ns: number;
	/** Parts of those calls, ns: they sum to their length. */
	readonly runningNs: number;
	readonly runnableNs: number;
	readonly blockedNs: number;
	/** Time in which the state of the thread is unknown: all of it where switches were not recorded. */
	readonly unknownNs: number;
}

/** System calls by name, the most time first. Conditions: thread, process, name (of the thread), cpu. */
export function syscallsByName(
	ds: Dataset,
	parameters?: QueryParameters,
): Promise<SyscallMeasures[] | NotRecorded> {
	return answer(ds, parameters, syscallNeeds, async (scope) =>
		topOf(await calls<{ syscall: string }>(ds, scope, raw("syscall"), raw("syscall")), scope.top).map(
			measures,
		),
	);
}

export interface ThreadSyscalls extends SyscallMeasures, ThreadRef {}

/** System calls by thread and name, the most time first. Conditions as syscallsByName. */
export function syscallsByThread(
	ds: Dataset,
	parameters?: QueryParameters,
): Promise<ThreadSyscalls[] | NotRecorded> {
	return answer(ds, parameters, syscallNeeds, async (scope) => {
		const rows = await calls<ThreadRef & { syscall: string }>(
			ds,
			scope,
			raw("utid, tid, tgid, name, process_name AS process, syscall"),
			raw("syscall, utid"),
		);
		return topOf(rows, scope.top).map((r) => ({ ...threadOf(r), ...measures(r) }));
	});
}

export interface SyscallError {
	readonly syscall: string;
	/** Such as ENOENT. */
	readonly error: string;
	readonly n: number;
}

/** Failed calls that began in the window, by call and error, the most first. Conditions as syscallsByName. */
export function syscallErrors(
	ds: Dataset,
	parameters?: QueryParameters,
): Promise<SyscallError[] | NotRecorded> {
	return answer(ds, parameters, syscallNeeds, async (scope) =>
		topOf(
			await ds.rows<SyscallError>(
				fragment`
SELECT syscall, error, CAST(count(*) AS DOUBLE) AS n FROM (${named(scope)}) WHERE error IS NOT NULL AND ${began(scope.window)}
GROUP BY ALL ORDER BY n DESC, syscall, error`,
				scope.options,
			),
			scope.top,
		),
	);
}

type Measured = Readonly<Record<string, unknown>> & { readonly ns: number };

function named(scope: Scope): Fragment {
	return fragment`
SELECT s.* EXCLUDE (name), coalesce(s.name, CAST(s.nr AS VARCHAR)) AS syscall, i.tid, i.tgid, i.name, i.process_name
FROM syscall s LEFT JOIN thread_info i ON i.trace = s.trace AND i.utid = s.utid
WHERE s.trace = ${scope.trace} AND ${overlaps(scope.window, "s.ts", "s.dur")}
	AND ${whereSql(scope.where, { thread: "i.tid", process: "i.tgid", name: "i.name", cpu: "s.cpu" })}`;
}

function calls<K>(ds: Dataset, scope: Scope, columns: Fragment, order: Fragment): Promise<(K & Measured)[]> {
	const w = scope.window;
	const part = (column: string) =>
		raw(`CAST(coalesce(sum(${column}) FILTER (WHERE begun), 0) AS DOUBLE) AS ${column}`);
	return ds.rows<K & Measured>(
		fragment`
SELECT ${columns}, count(error) FILTER (WHERE begun) AS errors, CAST(coalesce(sum(${clipped(w)}), 0) AS DOUBLE) AS ns,
	${part("running_ns")}, ${part("runnable_ns")}, ${part("blocked_ns")}, ${part("unknown_ns")}, ${spreadColumns("CASE WHEN begun THEN dur END", "call")}
FROM (SELECT *, ${began(w)} AS begun FROM (${named(scope)}))
GROUP BY ALL ORDER BY ns DESC, ${order}`,
		scope.options,
	);
}

function measures(r: { syscall: string } & Measured): SyscallMeasures {
	return {
		syscall: r.syscall,
		errors: Number(r.errors),
		ns: r.ns,
		runningNs: Number(r.running_ns),
		runnableNs: Number(r.runnable_ns),
		blockedNs: Number(r.blocked_ns),
		unknownNs: Number(r.unknown_ns),
		...spreadOf(r, "call"),
	};
}
