/** Stacks one by one, for exports: memory does not grow with the number of samples or waits. */
import type { Dataset } from "../dataset/dataset.ts";
import { clipped, overlaps } from "../dataset/definitions.ts";
import { type Fragment, fragment, raw } from "../dataset/fragment.ts";
import { missing, type NotRecorded } from "../dataset/needs.ts";
import { type QueryParameters, scopeOf } from "../dataset/scope.ts";
import { type ThreadRef, threadOf } from "../dataset/thread-ref.ts";
import { whereSql } from "../dataset/where.ts";
import { type StackFrame, type Stacks, stacksOf } from "./frames.ts";
import { type ProfileParameters, sampledEvents, samples, samplesIn, weightOf } from "./sampled.ts";
import { defaultStates, waitFields, waitNeeds } from "./waits.ts";

export interface WeightedFrames {
	readonly thread: ThreadRef;
	/** Root first: the user part, then the kernel part; empty without both. */
	readonly frames: readonly StackFrame[];
	/** ≥ 0, in the unit of the stream. */
	readonly weight: number;
}

export interface StackStream {
	/** Of the weights: "ns", what the event counts, or "samples". */
	readonly unit: string;
	/** What was weighed: the event, or "off-CPU". */
	readonly what: string;
	/**
	 * "sums": one for each thread and stack, in no order. "time": one for each sample or wait, by thread (utid), then
	 * time.
	 */
	readonly rows: AsyncGenerator<WeightedFrames, void, void>;
}

export type StreamOrder = "sums" | "time";

/** CPU time by the samples of an event; without idle. Conditions: thread, process, name, cpu. */
export async function profileStream(
	ds: Dataset,
	order: StreamOrder,
	parameters?: ProfileParameters,
): Promise<StackStream | NotRecorded> {
	const events = await sampledEvents(ds, parameters);
	if ("kind" in events) return events;
	const scope = scopeOf(ds, parameters);
	const { event } = events;
	const from = fragment`FROM ${samples} WHERE ${samplesIn(scope, event.event)} AND utid IS DISTINCT FROM 0`;
	const stacks = await stacksOf(ds, scope.trace, undefined, parameters?.signal);
	return {
		unit: event.unit,
		what: event.event,
		rows: weighted(ds, stacks, weightOf(event), from, order, parameters?.signal),
	};
}

/** Time asleep (states sleeping and disk). Conditions: thread, process, name. */
export async function waitStream(
	ds: Dataset,
	order: StreamOrder,
	parameters?: QueryParameters,
): Promise<StackStream | NotRecorded> {
	const scope = scopeOf(ds, parameters);
	const lacking = missing(scope.manifest, waitNeeds);
	if (lacking !== null) return lacking;
	const { window: w, trace } = scope;
	const from = fragment`FROM thread_wait WHERE trace = ${trace} AND ${overlaps(w)} AND state = ANY(${defaultStates}) AND ${whereSql(scope.where, waitFields)}`;
	const stacks = await stacksOf(ds, trace, undefined, parameters?.signal);
	return {
		unit: "ns",
		what: "off-CPU",
		rows: weighted(ds, stacks, clipped(w), from, order, parameters?.signal),
	};
}

async function* weighted(
	ds: Dataset,
	stacks: Stacks,
	weight: Fragment,
	from: Fragment,
	order: StreamOrder,
	signal: AbortSignal | undefined,
): AsyncGenerator<WeightedFrames, void, void> {
	const columns = raw("utid, tid, tgid, name, process_name AS process, user_stack_id, stack_id");
	const query =
		order === "sums"
			? fragment`SELECT ${columns}, CAST(sum(${weight}) AS DOUBLE) AS weight ${from} GROUP BY ALL`
			: fragment`SELECT ${columns}, CAST(${weight} AS DOUBLE) AS weight ${from} ORDER BY utid NULLS LAST, ts, stack_id, user_stack_id, weight`;
	// A wait of unknown length has no weight.
	for await (const piece of ds.batches(query.text, query.values, signal))
		for (const row of piece.rows() as unknown as StreamRow[])
			if (row.weight !== null && row.weight > 0)
				yield {
					thread: threadOf(row),
					frames: stacks.frames(row.user_stack_id, row.stack_id),
					weight: row.weight,
				};
}

interface StreamRow extends ThreadRef {
	readonly user_stack_id: number | null;
	readonly stack_id: number | null;
	readonly weight: number | null;
}
