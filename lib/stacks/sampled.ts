/** What perf sampled, which of it a profile takes, and what a sample weighs. */
import type { Dataset } from "../dataset/dataset.ts";
import { began } from "../dataset/definitions.ts";
import { type Fragment, fragment, raw } from "../dataset/fragment.ts";
import { missing, type Needs, type NotRecorded } from "../dataset/needs.ts";
import { type QueryParameters, type Scope, scopeOf } from "../dataset/scope.ts";
import { type WhereColumns, whereSql } from "../dataset/where.ts";
import { exitCode, PowerkiError } from "../schema/errors.ts";

export const profileNeeds: Needs = { what: "CPU samples", events: ["cpu_sample"] };

const fields: WhereColumns = { thread: "tid", process: "tgid", name: "name", cpu: "cpu" };

export interface ProfileParameters extends QueryParameters {
	/**
	 * What was sampled, such as "cycles" or "cycles:u"; default: what tells CPU time best (cpu-clock, task-clock,
	 * cycles), else what has most samples.
	 */
	readonly event?: string;
}

/** Samples, and what they stand for. */
export interface Weighted {
	readonly samples: number;
	/** In the unit of the event. */
	readonly weight: number;
}

export interface SampleEvent {
	/** As perf names it. */
	readonly event: string;
	/** Of all weights: "ns" of CPU time, else what the event counts ("cycles", "page-faults"), else "samples". */
	readonly unit: string;
	/** Of threads, in the window and under the condition. */
	readonly busy: Weighted;
	/** Of the idle threads there: no CPU time. */
	readonly idle: Weighted;
	/** Least and greatest period of these samples; null where it is unknown. Equal: a fixed period. */
	readonly period: { readonly min: number; readonly max: number } | null;
}

/** The events of an answer. */
export interface Sampled {
	/** The event that was taken. */
	readonly event: SampleEvent;
	/** What else the trace has. */
	readonly others: readonly SampleEvent[];
}

/** perf's name without modifiers and the name of the PMU: "cycles:u" and "cpu/cycles/" are cycles. */
export function eventStem(event: string): string {
	return event.replace(/:[A-Za-z]+$/, "").replace(/^\w+\/([^/,]+)[^/]*\/$/, "$1");
}

/** Smaller is better at telling CPU time. */
function rank(event: string): number {
	const stem = eventStem(event);
	const at = ["cpu-clock", "task-clock", "cycles", "cpu-cycles"].indexOf(stem);
	return at < 0 ? (stem.startsWith("cycles") ? 3 : 4) : at;
}

interface EventRow {
	readonly event: string;
	readonly all: number;
	readonly timed: number;
	readonly counted: number;
	readonly busy: number;
	readonly busy_ns: number;
	readonly busy_period: number;
	readonly idle: number;
	readonly idle_ns: number;
	readonly idle_period: number;
	readonly period_min: number | null;
	readonly period_max: number | null;
}

/** SQL: samples with their threads: what the view thread_sample has, without what concerns stacks. */
export const samples: Fragment = raw("cpu_sample LEFT JOIN thread_info USING (trace, utid)");

/** What was sampled, the best for CPU time first. Conditions as of the profiles. */
async function eventsOf(ds: Dataset, scope: Scope): Promise<SampleEvent[]> {
	const inScope = fragment`${began(scope.window)} AND ${whereSql(scope.where, fields)}`;
	const rows = await ds.rows<EventRow>(
		fragment`
SELECT event, CAST(count(*) AS DOUBLE) AS all, CAST(count(ns) AS DOUBLE) AS timed, CAST(count(period) AS DOUBLE) AS counted,
	CAST(count(*) FILTER (WHERE kept AND NOT is_idle) AS DOUBLE) AS busy,
	CAST(coalesce(sum(greatest(ns, 0)) FILTER (WHERE kept AND NOT is_idle), 0) AS DOUBLE) AS busy_ns,
	CAST(coalesce(sum(greatest(period, 0)) FILTER (WHERE kept AND NOT is_idle), 0) AS DOUBLE) AS busy_period,
	CAST(count(*) FILTER (WHERE kept AND is_idle) AS DOUBLE) AS idle,
	CAST(coalesce(sum(greatest(ns, 0)) FILTER (WHERE kept AND is_idle), 0) AS DOUBLE) AS idle_ns,
	CAST(coalesce(sum(greatest(period, 0)) FILTER (WHERE kept AND is_idle), 0) AS DOUBLE) AS idle_period,
	CAST(min(period) FILTER (WHERE kept) AS DOUBLE) AS period_min, CAST(max(period) FILTER (WHERE kept) AS DOUBLE) AS period_max
FROM (
	SELECT coalesce(event, 'unknown') AS event, ns, period, coalesce(utid = 0, FALSE) AS is_idle, coalesce(${inScope}, FALSE) AS kept
	FROM ${samples} WHERE trace = ${scope.trace}
)
GROUP BY event`,
		scope.options,
	);
	const events = rows.map((r): SampleEvent => {
		const counts = r.timed === r.all ? "ns" : r.counted === r.all ? "period" : "none";
		const weight = (samples: number, ns: number, period: number) =>
			counts === "ns" ? ns : counts === "period" ? period : samples;
		return {
			event: r.event,
			unit: counts === "ns" ? "ns" : counts === "period" ? eventStem(r.event) : "samples",
			busy: { samples: r.busy, weight: weight(r.busy, r.busy_ns, r.busy_period) },
			idle: { samples: r.idle, weight: weight(r.idle, r.idle_ns, r.idle_period) },
			period:
				r.period_min === null || r.period_max === null ? null : { min: r.period_min, max: r.period_max },
		};
	});
	const all = new Map(rows.map((r) => [r.event, r.all]));
	// By the samples of the whole trace: two windows of one trace are profiles of one event.
	return events.sort(
		(a, b) =>
			rank(a.event) - rank(b.event) || all.get(b.event)! - all.get(a.event)! || (a.event < b.event ? -1 : 1),
	);
}

function chosen(events: readonly SampleEvent[], wanted: string | undefined): SampleEvent {
	if (wanted === undefined || wanted === "") return events[0]!;
	const alike = events.filter((e) => eventStem(e.event) === wanted);
	const found = events.find((e) => e.event === wanted) ?? (alike.length === 1 ? alike[0] : undefined);
	if (found !== undefined) return found;
	throw new PowerkiError(
		exitCode.usage,
		alike.length > 1
			? `several sampled events are ${wanted}: name one`
			: `the trace has no samples of ${wanted}`,
		[`sampled: ${events.map((e) => e.event).join(", ")}`],
	);
}

/** The event to profile and what else was sampled; or that nothing was. */
export async function sampledEvents(
	ds: Dataset,
	parameters?: ProfileParameters,
): Promise<Sampled | NotRecorded> {
	const scope = scopeOf(ds, parameters);
	const lacking = missing(scope.manifest, profileNeeds);
	if (lacking !== null) return lacking;
	const events = await eventsOf(ds, scope);
	const event = chosen(events, parameters?.event);
	return { event, others: events.filter((e) => e !== event) };
}

/** SQL condition: the samples of an event in the scope. */
export function samplesIn(scope: Scope, event: string): Fragment {
	return fragment`trace = ${scope.trace} AND coalesce(event, 'unknown') = ${event} AND ${began(scope.window)} AND ${whereSql(scope.where, fields)}`;
}

/** SQL: the weight of one sample. Periods of a damaged file may be negative as BIGINT. */
export function weightOf({ unit }: SampleEvent): Fragment {
	return raw(unit === "ns" ? "greatest(ns, 0)" : unit === "samples" ? "1" : "greatest(period, 0)");
}
