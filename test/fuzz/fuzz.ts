/**
 * Longer fuzzing by hand:
 *     npx tsx test/fuzz/fuzz.ts [--format trace.dat|perf] [--runs N] [--seed FIRST] [--keep FOLDER]
 * Prints what went wrong; the offending files stay in the folder. perf.data is read in a process of its own, which is
 * watched: a run that takes too long or too much memory is a finding. One of 101 is collected end to end.
 */
import { type ChildProcess, fork } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Finding, tryMutation } from "./mutate.ts";
import { tryPerfMutation } from "./perf.ts";

const { values } = parseArgs({
	options: {
		format: { type: "string", default: "trace.dat" },
		runs: { type: "string", default: "200" },
		seed: { type: "string", default: "1000" },
		keep: { type: "string" },
	},
});
const folder = values.keep ?? mkdtempSync(join(tmpdir(), "powerki-fuzz-"));
mkdirSync(folder, { recursive: true });
const first = Number(values.seed);
const end = first + Number(values.runs);

/** ms that one mutation may take, and MiB that the process may hold. */
const HANG = 60_000;
const MEMORY = 1024;
/** No multiple of the number of captures: each has its turn. */
const END_TO_END = 101;

if (process.send) {
	for (let seed = first; seed < end; seed++) {
		process.send({ seed });
		const finding = await tryPerfMutation(folder, seed, seed % END_TO_END === 0);
		if (finding) process.send({ finding });
	}
	process.disconnect();
} else {
	let found = 0;
	const report = ({ seed, trace, what }: Finding): void => {
		found++;
		console.log(`seed ${seed} (${trace}): ${what}`);
	};
	if (values.format === "perf") for (let from = first; from < end; ) from = await watch(from, report);
	else
		for (let seed = first; seed < end; seed++) {
			const finding = await tryMutation(folder, seed);
			if (finding) report(finding);
		}
	console.log(`${values.runs} mutations, ${found} findings${found > 0 ? `; files in ${folder}` : ""}`);
	process.exitCode = found > 0 ? 1 : 0;
}

/** Runs mutations from seed `from` on in a child until it ends or must be ended; returns the seed to go on with. */
function watch(from: number, report: (f: Finding) => void): Promise<number> {
	return new Promise((resolve) => {
		const options = ["--runs", String(end - from), "--seed", String(from), "--keep", folder];
		const child = fork(fileURLToPath(import.meta.url), options);
		let seed = from;
		let since = performance.now();
		let ended: string | null = null;
		child.on("message", (m: { seed?: number; finding?: Finding }) => {
			if (m.finding) report(m.finding);
			if (m.seed === undefined) return;
			seed = m.seed;
			since = performance.now();
		});
		const check = setInterval(() => {
			if (performance.now() - since > HANG) ended ??= `had not ended after ${HANG / 1000} s`;
			const memory = resident(child);
			if (memory > MEMORY) ended ??= `holds ${memory.toFixed(0)} MiB`;
			if (ended !== null) child.kill("SIGKILL");
		}, 200);
		child.on("close", (code, signal) => {
			clearInterval(check);
			if (code === 0) return resolve(end);
			report({ seed, trace: "perf", what: ended ?? `the process ended with ${code ?? signal}` });
			resolve(seed + 1);
		});
	});
}

/** MiB that a process holds in memory; 0 where /proc does not tell. */
function resident(child: ChildProcess): number {
	try {
		const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
		return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
	} catch {
		return 0;
	}
}
