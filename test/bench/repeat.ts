/** A large trace.dat or perf.data out of a small one: npx tsx test/bench/repeat.ts IN OUT TIMES */
import { readFileSync } from "node:fs";
import { isPerfData } from "../../collector/decode/perf/header.ts";
import { writeVersion6 } from "../support/trace-dat-v6.ts";
import { repeatPerf } from "./perf-repeat.ts";

const [from, to, times] = process.argv.slice(2);
if (from === undefined || to === undefined || !(Number(times) >= 1)) {
	console.error("usage: repeat.ts IN OUT TIMES");
	process.exit(2);
}
if (isPerfData(readFileSync(from))) repeatPerf(from, to, Number(times));
else await writeVersion6(from, to, Number(times));
