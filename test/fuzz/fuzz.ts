/**
 * Longer fuzzing by hand: npx tsx test/fuzz/fuzz.ts [--runs N] [--seed FIRST] [--keep FOLDER]
 * Prints what went wrong; the offending files stay in the folder.
 */
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { tryMutation } from "./mutate.ts";

const { values } = parseArgs({
	options: {
		runs: { type: "string", default: "200" },
		seed: { type: "string", default: "1000" },
		keep: { type: "string" },
	},
});
const folder = values.keep ?? mkdtempSync(join(tmpdir(), "powerki-fuzz-"));
mkdirSync(folder, { recursive: true });
let found = 0;
for (let i = 0; i < Number(values.runs); i++) {
	const finding = await tryMutation(folder, Number(values.seed) + i);
	if (finding === null) continue;
	found++;
	console.log(`seed ${finding.seed} (${finding.trace}): ${finding.what}`);
}
console.log(`${values.runs} mutations, ${found} findings${found > 0 ? `; files in ${folder}` : ""}`);
process.exitCode = found > 0 ? 1 : 0;
