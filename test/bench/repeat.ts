/** A large trace.dat out of a small one: npx tsx test/bench/repeat.ts IN.dat OUT.dat TIMES */
import { writeVersion6 } from "../support/trace-dat-v6.ts";

const [from, to, times] = process.argv.slice(2);
if (from === undefined || to === undefined || !(Number(times) >= 1)) {
	console.error("usage: repeat.ts IN.dat OUT.dat TIMES");
	process.exit(2);
}
await writeVersion6(from, to, Number(times));
