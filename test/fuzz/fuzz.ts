/**
 * Longer fuzzing by hand:
 *     npx tsx test/fuzz/fuzz.ts [--format trace.dat|perf|linuxki|archive] [--runs N] [--seed FIRST] [--keep FOLDER]
 * Prints what went wrong; the offending files stay in the folder. perf.data and ki.bin are read in a process of its own,
 * which is watched: a run that takes too long or too much memory is a finding. One of 101 is collected end to end.
 */
import { type ChildProcess, fork } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { tryArchive } from "./archive.ts";
import { tryLinuxkiMutation } from "./linuxki.ts";
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
const MIB = 1024 * 1024;
/** No multiple of the number of captures: each has its turn. */
const END_TO_END = 101;

/** What one mutation came to. */
interface Outcome {
	readonly finding: Finding | null;
	/** Of reading alone, where measured. */
	readonly refused?: boolean;
	readonly seconds?: number;
	readonly bytes?: number;
	/** MiB that a process of its own held. */
	readonly memory?: number;
}

interface Fuzzed {
	readonly try: (folder: string, seed: number, endToEnd: boolean) => Promise<Outcome>;
	/** In a child process, which is watched. */
	readonly watched: boolean;
}

const formats: Readonly<Record<string, Fuzzed>> = {
	"trace.dat": { try: async (at, seed) => ({ finding: await tryMutation(at, seed) }), watched: false },
	perf: {
		try: async (at, seed, whole) => ({ finding: await tryPerfMutation(at, seed, whole) }),
		watched: true,
	},
	linuxki: { try: tryLinuxkiMutation, watched: true },
	archive: { try: tryArchive, watched: true },
};
const format = formats[values.format];
if (format === undefined) throw new Error(`--format is one of ${Object.keys(formats).join(", ")}`);

if (process.send) {
	for (let seed = first; seed < end; seed++) {
		process.send({ seed });
		const endToEnd = seed % END_TO_END === 0;
		process.send({ outcome: { ...(await format.try(folder, seed, endToEnd)), endToEnd } });
	}
	process.disconnect();
} else {
	let found = 0;
	let refused = 0;
	/** Seconds for each MiB, of files that have one at least. */
	let slowest = { seed: 0, pace: 0 };
	let peak = 0;
	const report = ({ seed, trace, what }: Finding): void => {
		found++;
		console.log(`seed ${seed} (${trace}): ${what}`);
	};
	const count = (seed: number, o: Outcome & { readonly endToEnd?: boolean }): void => {
		if (o.finding) report(o.finding);
		if (o.refused) refused++;
		peak = Math.max(peak, o.memory ?? 0);
		const pace = (o.seconds ?? 0) / Math.max(1, (o.bytes ?? 0) / MIB);
		if (!o.endToEnd && pace > slowest.pace) slowest = { seed, pace };
	};
	if (format.watched)
		for (let from = first; from < end; )
			from = await watch(from, report, count, (memory) => {
				peak = Math.max(peak, memory);
			});
	else for (let seed = first; seed < end; seed++) count(seed, await format.try(folder, seed, false));
	console.log(
		[
			`${values.runs} mutations, ${found} findings${found > 0 ? `; files in ${folder}` : ""}`,
			...(refused > 0 ? [`${refused} refused`] : []),
			...(slowest.pace > 0 ? [`slowest ${slowest.pace.toFixed(2)} s/MiB (seed ${slowest.seed})`] : []),
			...(peak > 0 ? [`${peak.toFixed(0)} MiB at most`] : []),
		].join("; "),
	);
	process.exitCode = found > 0 ? 1 : 0;
}

/** Runs mutations from seed `from` on in a child until it ends or must be ended; returns the seed to go on with. */
function watch(
	from: number,
	report: (f: Finding) => void,
	count: (seed: number, outcome: Outcome) => void,
	held: (memory: number) => void,
): Promise<number> {
	return new Promise((resolve) => {
		const options = ["--format", values.format, "--runs", String(end - from), "--seed", String(from)];
		const child = fork(fileURLToPath(import.meta.url), [...options, "--keep", folder]);
		let seed = from;
		let since = performance.now();
		let ended: string | null = null;
		child.on("message", (m: { seed?: number; outcome?: Outcome }) => {
			if (m.outcome) count(seed, m.outcome);
			if (m.seed === undefined) return;
			seed = m.seed;
			since = performance.now();
		});
		const check = setInterval(() => {
			if (performance.now() - since > HANG) ended ??= `had not ended after ${HANG / 1000} s`;
			const memory = resident(child);
			held(memory);
			if (memory > MEMORY) ended ??= `holds ${memory.toFixed(0)} MiB`;
			if (ended !== null) child.kill("SIGKILL");
		}, 200);
		child.on("close", (code, signal) => {
			clearInterval(check);
			if (code === 0) return resolve(end);
			report({ seed, trace: values.format, what: ended ?? `the process ended with ${code ?? signal}` });
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
