import { perfMapLine } from "../identity/symbols/perf-map.ts";
import type { Head, SideFormat } from "./formats.ts";

/** A kallsyms-like line has one letter where a size would be. */
const symbolType = /^\S+ [A-Za-z] /;

/**
 * perf-PID.map of a JIT. The name tells the process, so that the finder of symbols opens the file by it
 * (collector/identity/symbols/find.ts); here it is only known for what it is.
 */
export const perfMapFormat: SideFormat = {
	kind: "perf-map",
	binary: true,
	recognises: ({ lines }: Head) =>
		lines.length > 0 &&
		lines.every((line) => perfMapLine.test(line)) &&
		!lines.every((line) => symbolType.test(line)),
};
