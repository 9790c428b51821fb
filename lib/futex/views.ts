import { parseView, type View } from "../dataset/view.ts";
import futexCall from "./futex_call.sql";
import futexWakeCall from "./futex_wake_call.sql";

/** Views of this topic; they use thread_info of scheduling. */
export const futexViews: readonly View[] = [futexCall, futexWakeCall].map(parseView);
