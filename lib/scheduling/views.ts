import { parseView, type View } from "../dataset/view.ts";
import cpuSlice from "./cpu_slice.sql";
import runQueueWait from "./run_queue_wait.sql";
import threadInfo from "./thread_info.sql";
import threadTime from "./thread_time.sql";

/** Views of this topic; each uses only tables, the ones before it, and those of topics named first in lib/index.ts. */
export const schedulingViews: readonly View[] = [threadInfo, cpuSlice, runQueueWait, threadTime].map(
	parseView,
);
