import type { Dataset } from "../dataset/dataset.ts";
import { began, clipped, overlaps, type Spread, spreadColumns, spreadOf } from "../dataset/definitions.ts";
import { fragment } from "../dataset/fragment.ts";
import type { Needs, NotRecorded } from "../dataset/needs.ts";
import { answer, type QueryParameters, topOf } from "../dataset/scope.ts";
import { type ThreadRef, threadOf } from "../dataset/thread-ref.ts";
import { type WhereColumns, whereSql } from "../dataset/where.ts";
import { type StackFrame, stacksOf } from "./frames.ts";

export const waitNeeds: Needs = { what: "Waits", tables: ["thread_state"] };

/** What a condition on waits may speak of. */
export const waitFields: WhereColumns = { thread: "tid", process: "tgid", name: "name" };

export interface WaitStackParameters extends QueryParameters {
	/** States to show; default sleeping and disk: what a thread does on its own account. */
	readonly states?: readonly string[];
}

export const defaultStates: readonly string[] = ["sleeping", "disk"];

export interface WaitStack extends ThreadRef {
	readonly state: string;
	/** System call; null if none or not recorded. */
	readonly syscall: string | null;
	/** First frame that is not plumbing; null without a stack or its symbols. */
	readonly waitFunction: string | null;
	/** Kernel stack; null: none was recorded for these waits. */
	readonly stackId: number | null;
	/** User stack from which they wait; null: none was recorded. */
	readonly userStackId: number | null;
	/** Root first: the user part, then the kernel part; empty without both. */
	readonly frames: readonly StackFrame[];
	/** Waits that began in the window. */
	readonly n: number;
	/** Time in the window, ns. */
	readonly ns: number;
}

/**
 * Off-CPU time by thread, state, system call and stack, the most first; the rows sum to the waiting time of the
 * threads. Conditions: thread, process, name. `top` counts rows.
 */
export function waitStacks(
	ds: Dataset,
	parameters?: WaitStackParameters,
): Promise<WaitStack[] | NotRecorded> {
	return answer(ds, parameters, waitNeeds, async (scope) => {
		const { window: w, trace } = scope;
		const rows = await ds.rows<Omit<WaitStack, "frames">>(
			fragment`
SELECT utid, tid, tgid, name, process_name AS process, state, syscall, wait_function AS "waitFunction",
	stack_id AS "stackId", user_stack_id AS "userStackId",
	CAST(count(*) FILTER (WHERE ts >= ${w.start}) AS DOUBLE) AS n, CAST(sum(${clipped(w)}) AS DOUBLE) AS ns
FROM thread_wait
WHERE trace = ${trace} AND ${overlaps(w)} AND state = ANY(${parameters?.states ?? defaultStates}) AND ${whereSql(scope.where, waitFields)}
GROUP BY ALL ORDER BY ns DESC, utid, "stackId", "userStackId", state, syscall`,
			scope.options,
		);
		const kept = topOf(rows, scope.top);
		const ids = kept.flatMap((r) => [r.stackId, r.userStackId].filter((id) => id !== null));
		const stacks = await stacksOf(ds, trace, ids, parameters?.signal);
		return kept.map((r) => ({ ...r, frames: stacks.frames(r.userStackId, r.stackId) }));
	});
}

export interface WaitSite extends ThreadRef, Spread {
	readonly state: string;
	readonly syscall: string | null;
	/** Wait function; null without a stack or its symbols. */
	readonly waitFunction: string | null;
	/** Time in the window, ns. n and the spread are of waits that began in it. */
	readonly ns: number;
}

/** Waits by thread, state, system call and wait function, the most time first. Conditions: thread, process, name. */
export function waitSites(ds: Dataset, parameters?: WaitStackParameters): Promise<WaitSite[] | NotRecorded> {
	return answer(ds, parameters, waitNeeds, async (scope) => {
		const { window: w, trace } = scope;
		const rows = await ds.rows<
			ThreadRef & { state: string; syscall: string | null; site: string | null; ns: number }
		>(
			fragment`
WITH wait AS (
	SELECT *, CASE WHEN ${began(w)} THEN dur END AS begun FROM thread_wait
	WHERE trace = ${trace} AND ${overlaps(w)} AND state = ANY(${parameters?.states ?? defaultStates}) AND ${whereSql(scope.where, waitFields)}
)
SELECT utid, tid, tgid, name, process_name AS process, state, syscall, wait_function AS site,
	CAST(sum(${clipped(w)}) AS DOUBLE) AS ns, ${spreadColumns("begun", "wait")}
FROM wait GROUP BY ALL ORDER BY ns DESC, utid, state, syscall, site`,
			scope.options,
		);
		return topOf(rows, scope.top).map((r) => ({
			...threadOf(r),
			state: r.state,
			syscall: r.syscall,
			waitFunction: r.site,
			ns: r.ns,
			...spreadOf(r as never, "wait"),
		}));
	});
}

export interface Waking {
	readonly woken: ThreadRef;
	/** Thread that ended the waits; null if an interrupt did, nobody is known, or they have not ended. */
	readonly waker: ThreadRef | null;
	/** Interrupt that ended them, such as "softirq TIMER"; null otherwise. */
	readonly irq: string | null;
	/** Waits that ended in the window. */
	readonly n: number;
	/** Time of all its waits in the window, also of those that ended after it, ns. */
	readonly ns: number;
}

/** Who ends whose waits, the most time first. Conditions: thread, process, name of the woken. */
export function wakings(ds: Dataset, parameters?: WaitStackParameters): Promise<Waking[] | NotRecorded> {
	return answer(ds, parameters, waitNeeds, async (scope) => {
		const { window: w, trace } = scope;
		const rows = await ds.rows<
			ThreadRef & {
				n: number;
				ns: number;
				irq: string | null;
				w_utid: number | null;
				w_tid: number | null;
				w_tgid: number | null;
				w_name: string | null;
				w_process: string | null;
			}
		>(
			fragment`
SELECT s.utid, s.tid, s.tgid, s.name, s.process_name AS process, s.waker_irq AS irq,
	s.waker_utid AS w_utid, i.tid AS w_tid, i.tgid AS w_tgid, i.name AS w_name, i.process_name AS w_process,
	CAST(count(*) FILTER (WHERE s.ts + s.dur >= ${w.start} AND s.ts + s.dur < ${w.end} AND NOT s.open_right) AS DOUBLE) AS n,
	CAST(sum(${clipped(w, "s.ts", "s.dur")}) AS DOUBLE) AS ns
FROM thread_wait s LEFT JOIN thread_info i ON i.trace = s.trace AND i.utid = s.waker_utid
WHERE s.trace = ${trace} AND ${overlaps(w, "s.ts", "s.dur")}
	AND s.state = ANY(${parameters?.states ?? defaultStates})
	AND ${whereSql(scope.where, { thread: "s.tid", process: "s.tgid", name: "s.name" })}
GROUP BY ALL ORDER BY ns DESC, s.utid, w_utid, irq`,
			scope.options,
		);
		return topOf(rows, scope.top).map((r) => ({
			woken: threadOf(r),
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
