import { parseView, type View } from "../dataset/view.ts";
import ioRequest from "./io_request.sql";

/** Views of this topic; they use thread_info of scheduling. */
export const ioViews: readonly View[] = [ioRequest].map(parseView);
