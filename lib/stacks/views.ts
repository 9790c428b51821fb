import { parseView, type View } from "../dataset/view.ts";
import frameInfo from "./frame_info.sql";
import interruptReplay from "./interrupt_replay.sql";
import interruptsOff from "./interrupts_off.sql";
import stackFrame from "./stack_frame.sql";
import threadSample from "./thread_sample.sql";
import threadWait from "./thread_wait.sql";
import waitFunction from "./wait_function.sql";
import waitPlumbing from "./wait_plumbing.sql";

/** Views of this topic; they use thread_info of scheduling. */
export const stackViews: readonly View[] = [
	waitPlumbing,
	frameInfo,
	stackFrame,
	waitFunction,
	threadWait,
	interruptReplay,
	interruptsOff,
	threadSample,
].map(parseView);
