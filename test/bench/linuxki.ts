/**
 * Import of LinuxKI's recordings, as a folder and as the archive of it, runs interleaved, medians:
 *     npx tsx test/bench/linuxki.ts [--records 3000000] [--rounds 3] [--capture NAME]…
 * kiinfo does not run here; its figures are those of another machine. Nothing here is asserted: machines and their load
 * differ. Goals: DESIGN §9.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parseManifest } from "../../lib/schema/manifest.ts";
import { program } from "../support/cli.ts";
import { linuxkiTrace } from "../support/traces.ts";
import { repeatLinuxki } from "./linuxki-repeat.ts";
import { type Measured, measure, median, table } from "./measure.ts";

const { values } = parseArgs({
	options: {
		records: { type: "string", default: "3000000" },
		rounds: { type: "string", default: "3" },
		capture: {
			type: "string",
			multiple: true,
			// nearly all system calls; stacks of POWER; the ftrace mode
			default: ["x86-liki-lost", "ppc64le-liki-4k-smt2-all", "x86-ftrace-mixed"],
		},
	},
});

/** CPU seconds of kiinfo 7.11 on x86-liki-lost × 20: 3 029 160 records, 231 MB, one core of a loaded x86_64 machine. */
const kiinfo = {
	capture: "x86-liki-lost",
	records: 3_029_160,
	mb: 231,
	runs: [
		{ name: "kiinfo -kitrace", cpu: 2.1 },
		{ name: "kiinfo -kiall csv", cpu: 0.35 },
		{ name: "kiinfo -likimerge (11.3 MB)", cpu: 0.01, records: 151_458, mb: 11.3 },
	],
} as const;

const folder = mkdtempSync(join(tmpdir(), "powerki-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const collect = (input: string, out: string, ...options: string[]): Measured => {
	rmSync(out, { recursive: true, force: true });
	return measure([process.execPath, program, "collect", input, "--out", out, ...options]);
};

function recordsOf(dataset: string): number {
	const traces = join(dataset, "_traces");
	const name = readdirSync(traces)[0]!;
	return parseManifest(readFileSync(join(traces, name), "utf8"), name).events;
}

const of = (list: readonly Measured[], what: "wall" | "cpu"): number => median(list.map((m) => m[what]));
const range = (list: readonly Measured[], what: "wall" | "cpu"): string =>
	`${of(list, what).toFixed(2)} (${Math.min(...list.map((m) => m[what])).toFixed(2)}–${Math.max(...list.map((m) => m[what])).toFixed(2)})`;

for (const name of values.capture) {
	const archive = linuxkiTrace(name).path;
	const probe = join(folder, "probe");
	collect(archive, probe, "--no-derived");
	const times = Math.ceil(Number(values.records) / recordsOf(probe));
	const recording = join(folder, "recording");
	mkdirSync(recording);
	execFileSync("tar", ["-xzf", archive, "-C", recording]);
	const bytes = repeatLinuxki(recording, times);
	const packed = join(folder, "repeated.tgz");
	execFileSync("tar", ["-czf", packed, "-C", recording, "."]);

	const out = join(folder, "out");
	const contestants: Record<string, () => Measured> = {
		"powerki, events only": () => collect(recording, out, "--no-derived"),
		"powerki, derived": () => collect(recording, out),
		"powerki, .tgz, events only": () => collect(packed, out, "--no-derived"),
		"powerki, .tgz, derived": () => collect(packed, out),
	};
	const runs = new Map<string, Measured[]>(Object.keys(contestants).map((c) => [c, []]));
	for (let round = 0; round < Number(values.rounds); round++)
		for (const [c, run] of Object.entries(contestants)) runs.get(c)!.push(run());
	const records = recordsOf(out);

	console.log(
		`${name} × ${times}: ${records} events, ${(bytes / 1e6).toFixed(1)} MB (${(bytes / records).toFixed(1)} B/event), as .tgz ${(statSync(packed).size / 1e6).toFixed(1)} MB; load ${loadavg()[0]!.toFixed(1)}`,
	);
	const rates = (count: number, mb: number, cpu: number): string[] => [
		(count / cpu / 1e6).toFixed(2),
		(mb / cpu).toFixed(0),
	];
	console.log(
		table([
			["", "wall s", "CPU s", "M events/CPU s", "MB/CPU s", "M events/s", "RSS MiB"],
			...[...runs].map(([c, list]) => [
				c,
				range(list, "wall"),
				range(list, "cpu"),
				...rates(records, bytes / 1e6, of(list, "cpu")),
				(records / of(list, "wall") / 1e6).toFixed(2),
				list[0]!.rss === null ? "-" : Math.max(...list.map((m) => m.rss!)).toFixed(0),
			]),
			...(name === kiinfo.capture
				? kiinfo.runs.map((run) => {
						const { records: count, mb } = { ...kiinfo, ...run };
						return [run.name, "-", run.cpu.toFixed(2), ...rates(count, mb, run.cpu), "-", "-"];
					})
				: []),
		]),
	);
	if (name === kiinfo.capture)
		console.log(
			"kiinfo's figures were measured on another machine under another load: no ratio to them is exact",
		);
	console.log();
	for (const made of [probe, recording, out]) rmSync(made, { recursive: true, force: true });
	rmSync(packed);
}
