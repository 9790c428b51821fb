import { parseView, type View } from "../dataset/view.ts";
import stackFrame from "./stack_frame.sql";
import threadWait from "./thread_wait.sql";
import waitFunction from "./wait_function.sql";
import waitPlumbing from "./wait_plumbing.sql";

/** Views of this topic; they use thread_info of scheduling. */
export const stackViews: readonly View[] = [waitPlumbing, stackFrame, waitFunction, threadWait].map(
	parseView,
);
