import { parseView, type View } from "../dataset/view.ts";
import syscallTotal from "./syscall_total.sql";

/** Views of this topic. */
export const syscallViews: readonly View[] = [syscallTotal].map(parseView);
