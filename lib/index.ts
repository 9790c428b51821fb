/**
 * What a notebook cell has at hand: `import { openDataset, sql, runQueueByThread } from "powerki"`.
 */
import { type Dataset, type DatasetOptions, openDataset as open } from "./dataset/dataset.ts";
import type { SqlInsert } from "./dataset/fragment.ts";
import type { Row, SqlResult } from "./dataset/result.ts";
import { topicViews } from "./render/topic-views.ts";

export type { Dataset, DatasetOptions, QueryOptions } from "./dataset/dataset.ts";
export {
	type Percentile,
	type Percentiles,
	parseWindow,
	percentileMinimum,
	type Spread,
	spread,
	type Window,
} from "./dataset/definitions.ts";
export { Fragment, fragment, identifier, type SqlInsert, type SqlValue } from "./dataset/fragment.ts";
export { isNotRecorded, missing, type Needs, type NotRecorded } from "./dataset/needs.ts";
export { type Cell, type ColumnData, type Row, type SqlColumn, SqlResult } from "./dataset/result.ts";
export { type QueryParameters, type Scope, scopeOf } from "./dataset/scope.ts";
export { type ThreadRef, threadLabel } from "./dataset/thread-ref.ts";
export type { View } from "./dataset/view.ts";
export { type Condition, parseWhere } from "./dataset/where.ts";
export { foldProfile, foldWaits } from "./export/folded.ts";
export {
	type Figure,
	flameGraph,
	histogram,
	histogramOf,
	logBins,
	stackedBars,
	timeline,
} from "./figures/index.ts";
export * from "./futex/contention.ts";
export * from "./futex/operations.ts";
export * from "./io/device-latency.ts";
export * from "./io/io-histogram.ts";
export { topicViews } from "./render/topic-views.ts";
export type { Report } from "./reports/document.ts";
export { figuresOf } from "./reports/figures-of.ts";
export { type ReportParameters, report, reports } from "./reports/registry.ts";
export * from "./scheduling/cpu-time.ts";
export * from "./scheduling/run-queue.ts";
export * from "./scheduling/run-queue-histogram.ts";
export * from "./scheduling/thread-list.ts";
export { type ExitCode, exitCode, Interrupted, PowerkiError } from "./schema/errors.ts";
export type { Manifest } from "./schema/manifest.ts";
export { type Displayable, displaySymbol, type MimeBundle } from "./schema/mime.ts";
export { NO_STACK, type StackFrame } from "./stacks/frames.ts";
export * from "./stacks/off-cpu.ts";
export * from "./stacks/profile.ts";
export { type ProfileParameters, type SampleEvent, sampledEvents, type Weighted } from "./stacks/sampled.ts";
export {
	type WaitSite,
	type WaitStack,
	type WaitStackParameters,
	type Waking,
	waitNeeds,
	waitSites,
	waitStacks,
	wakings,
} from "./stacks/waits.ts";
export * from "./syscalls/syscall-time.ts";

/** Datasets in the order of their opening. */
const opened: Dataset[] = [];
/** The default one, while it is being opened. */
let opening: Promise<Dataset> | undefined;

/**
 * Opens a dataset with the views of all topics and makes it the one that `sql` asks.
 * @param path its folder; default: the nearest folder with `_traces` from the working directory upwards, then
 * $POWERKI_DATASET
 * @throws PowerkiError with the reason and what to do
 */
export async function openDataset(path?: string, options: DatasetOptions = {}): Promise<Dataset> {
	const ds = await open(path, { ...options, views: [...topicViews, ...(options.views ?? [])] });
	opened.push(ds);
	return ds;
}

/** The dataset that was opened last and is not closed; where there is none, the default one is opened. */
export async function currentDataset(): Promise<Dataset> {
	const last = opened.findLast((ds) => !ds.closed);
	if (last !== undefined) return last;
	opening ??= openDataset().finally(() => {
		opening = undefined;
	});
	return opening;
}

/**
 * A query on the current dataset: `` await sql`SELECT * FROM sched WHERE cpu = ${cpu} LIMIT 10` ``. Values are bound,
 * never spliced into the text; names of tables and columns by `identifier(name)`.
 * @throws PowerkiError with line, caret and the nearest name
 */
export async function sql<T = Row>(
	strings: TemplateStringsArray,
	...inserts: SqlInsert[]
): Promise<SqlResult<T>> {
	return (await currentDataset()).sql<T>(strings, ...inserts);
}
