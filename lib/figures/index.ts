/** Figures: data in, picture, text and MIME bundle out. */
export type { Figure } from "./figure.ts";
export {
	type FlameFrame,
	type FlameGraphInput,
	type FlameGraphModel,
	flameGraph,
	type StackFrame,
	type WeightedStack,
} from "./flame-graph.ts";
export {
	type HistogramBin,
	type HistogramInput,
	type HistogramText,
	histogram,
	histogramOf,
	logBins,
} from "./histogram.ts";
export { figureBundle, figureHtml } from "./mime.ts";
export type { ColumnFormat, NoValue, Numeric, NumericQuantity } from "./numbers.ts";
export { change, columnFormat, group, hex, percent, percentile, sentence, stamp } from "./numbers.ts";
export type { CpuTimeName, FrameKind, SeverityName, StateName } from "./palette.ts";
export {
	type SegmentName,
	type StackedBarRow,
	type StackedBarSegment,
	type StackedBarsInput,
	stackedBars,
} from "./stacked-bars.ts";
export {
	type StateRun,
	stateRuns,
	type TimelineInput,
	type TimelineInterval,
	type TimelineLane,
	type TimelineMark,
	timeline,
} from "./timeline.ts";
