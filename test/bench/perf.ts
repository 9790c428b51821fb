/**
 * Import of perf.data against perf script, runs interleaved, medians:
 *     npx tsx test/bench/perf.ts [--samples 1000000] [--rounds 3] [--capture NAME]…
 * perf is $POWERKI_PERF, or the one in PATH. Both resolve names from the same kallsyms and the same programs (perf by
 * --kallsyms and --symfs, powerki by --side and --symbols), and both run without them too.
 * Goals: DESIGN §9. Nothing here is asserted: machines and their load differ; compare the ratios of one run.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { decompress } from "fzstd";
import { capture } from "../../collector/decode/perf/testing.ts";
import { program } from "../support/cli.ts";
import { bundledRoot, bundledTrace } from "../support/traces.ts";
import { type Measured, measure, median, table } from "./measure.ts";
import { repeatPerf } from "./perf-repeat.ts";

const { values } = parseArgs({
	options: {
		samples: { type: "string", default: "1000000" },
		rounds: { type: "string", default: "3" },
		capture: {
			type: "string",
			multiple: true,
			default: ["6.12-sched-switch-g", "6.12-cpu-clock-fp", "6.12-sched-record"],
		},
	},
});

const perf = process.env.POWERKI_PERF ?? "perf";
const version = spawnSync(perf, ["--version"], { encoding: "utf8" });
const hasPerf = version.error === undefined && version.status === 0;

const folder = mkdtempSync(join(tmpdir(), "powerki-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** Programs where the recordings have them, and the kernel's symbols, which are those of another boot of this kernel. */
const symbols = join(folder, "symbols");
mkdirSync(join(symbols, "tmp", "w"), { recursive: true });
for (const name of ["pk_chains", "pk_chains_dyn"])
	writeFileSync(
		join(symbols, "tmp", "w", name),
		decompress(readFileSync(join(bundledRoot, "perf", "bin", `${name}.ppc64le.zst`))),
	);
const side = join(bundledTrace("6.12-4k-mixed").folder, "side");
const kallsyms = join(folder, "kallsyms");
writeFileSync(kallsyms, decompress(readFileSync(join(side, "kallsyms.zst"))));

console.log(
	hasPerf
		? `beside ${version.stdout.trim()} (perf script > /dev/null)`
		: "perf is not there: set POWERKI_PERF; powerki alone",
);
console.log("names: the same kallsyms and programs for both; “no names”: neither has any\n");

for (const name of values.capture) {
	const small = join(folder, "small.data");
	writeFileSync(small, capture(name));
	const input = join(folder, "repeated.data");
	const one = repeatPerf(small, input, 1);
	const samples = repeatPerf(small, input, Math.ceil(Number(values.samples) / one));
	const out = join(folder, "out");
	const collect = (...options: string[]): Measured => {
		rmSync(out, { recursive: true, force: true });
		return measure([process.execPath, program, "collect", input, "--out", out, ...options]);
	};
	const named = ["--symbols", symbols, "--side", kallsyms];
	const contestants: Record<string, () => Measured> = {
		powerki: () => collect(...named),
		"powerki, events only": () => collect(...named, "--no-derived"),
		"powerki, no names": () => collect(),
		...(hasPerf
			? {
					"perf script": () =>
						measure([perf, "script", "-i", input, "--kallsyms", kallsyms, "--symfs", symbols]),
					"perf script, no names": () =>
						measure([perf, "script", "-i", input, "--symfs", join(folder, "none")]),
				}
			: {}),
	};
	const runs = new Map<string, Measured[]>(Object.keys(contestants).map((c) => [c, []]));
	for (let round = 0; round < Number(values.rounds); round++)
		for (const [c, run] of Object.entries(contestants)) runs.get(c)!.push(run());

	const bytes = statSync(input).size;
	console.log(
		`${name}: ${samples} samples, ${(bytes / 1e6).toFixed(1)} MB (${(bytes / samples).toFixed(0)} B/sample)`,
	);
	const of = (list: readonly Measured[], what: "wall" | "cpu"): number => median(list.map((m) => m[what]));
	const range = (list: readonly Measured[], what: "wall" | "cpu"): string =>
		`${of(list, what).toFixed(2)} (${Math.min(...list.map((m) => m[what])).toFixed(2)}–${Math.max(...list.map((m) => m[what])).toFixed(2)})`;
	const peerOf = (c: string): Measured[] | undefined =>
		runs.get(c.endsWith("no names") ? "perf script, no names" : "perf script");
	const ratio = (c: string, list: readonly Measured[], what: "wall" | "cpu"): string => {
		const peer = peerOf(c);
		return peer ? (of(peer, what) / of(list, what)).toFixed(2) : "-";
	};
	console.log(
		`${table([
			["", "wall s", "CPU s", "× wall", "× CPU", "M samples/s", "MB/s", "RSS MiB"],
			...[...runs].map(([c, list]) => [
				c,
				range(list, "wall"),
				range(list, "cpu"),
				ratio(c, list, "wall"),
				ratio(c, list, "cpu"),
				(samples / of(list, "wall") / 1e6).toFixed(3),
				(bytes / of(list, "wall") / 1e6).toFixed(0),
				list[0]!.rss === null ? "-" : Math.max(...list.map((m) => m.rss!)).toFixed(0),
			]),
		])}\n`,
	);
}
