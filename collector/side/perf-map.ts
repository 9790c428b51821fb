import { perfMapLine } from "../identity/symbols/perf-map.ts";
import type { Head, SideFormat } from "./formats.ts";

/** nm(1) and kallsyms: addresses of full width, and one letter where a size would be, of which some are hex digits. */
const symbolLine = /^(?:[0-9a-f]{8}|[0-9a-f]{16}) [A-Za-z] /;

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
		!lines.every((line) => symbolLine.test(line)),
};
