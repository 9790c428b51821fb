import { parseView, type View } from "../dataset/view.ts";
import futexBetween from "./futex_between.sql";
import futexCall from "./futex_call.sql";
import futexWakeCall from "./futex_wake_call.sql";

/** Views of this topic; they use thread_info of scheduling. */
export const futexViews: readonly View[] = [futexBetween, futexCall, futexWakeCall].map(parseView);
