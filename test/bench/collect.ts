/**
 * Import speed against trace-cmd report, runs interleaved, medians:
 *     npx tsx test/bench/collect.ts [--events 4000000] [--rounds 3] [--input FILE] [--v7]
 * Goals: DESIGN §9. Nothing here is asserted: machines and their load differ; compare the ratios of one run.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { catalog } from "../../lib/schema/catalog.ts";
import { type Manifest, parseManifest } from "../../lib/schema/manifest.ts";
import { program } from "../support/cli.ts";
import { writeVersion6 } from "../support/trace-dat-v6.ts";
import { bundledTrace } from "../support/traces.ts";
import { type Measured, measure, median, table } from "./measure.ts";

const { values } = parseArgs({
	options: {
		events: { type: "string", default: "4000000" },
		rounds: { type: "string", default: "3" },
		input: { type: "string" },
		trace: { type: "string", default: "6.12-4k-mixed" },
		v7: { type: "boolean", default: false },
	},
});

const folder = mkdtempSync(join(tmpdir(), "powerki-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

function manifestOf(dataset: string): Manifest {
	const traces = join(dataset, "_traces");
	const name = readdirSync(traces)[0]!;
	return parseManifest(readFileSync(join(traces, name), "utf8"), name);
}

let input = values.input;
if (input === undefined) {
	const bundled = bundledTrace(values.trace).path;
	const probe = join(folder, "probe");
	measure([process.execPath, program, "collect", bundled, "--out", probe, "--no-derived"]);
	const times = Math.ceil(Number(values.events) / manifestOf(probe).events);
	input = join(folder, "repeated.dat");
	await writeVersion6(bundled, input, times);
	if (values.v7) {
		const packed = join(folder, "packed.dat");
		const done = spawnSync("trace-cmd", [
			"convert",
			"--file-version",
			"7",
			"--compression",
			"zstd",
			"-i",
			input,
			"-o",
			packed,
		]);
		if (done.status !== 0) throw new Error(`trace-cmd convert: ${done.stderr}`);
		rmSync(input);
		input = packed;
	}
	console.log(`${values.trace} × ${times}, trace.dat version ${values.v7 ? "7 (zstd)" : "6"}`);
}

const hasTraceCmd = spawnSync("trace-cmd", ["--version"]).error === undefined;
const out = (name: string): string => join(folder, name);
const contestants: Record<string, () => Measured> = {
	"powerki, events only": () => {
		rmSync(out("plain"), { recursive: true, force: true });
		return measure([process.execPath, program, "collect", input, "--out", out("plain"), "--no-derived"]);
	},
	"powerki, derived": () => {
		rmSync(out("derived"), { recursive: true, force: true });
		return measure([process.execPath, program, "collect", input, "--out", out("derived")]);
	},
	...(hasTraceCmd ? { "trace-cmd report": () => measure(["trace-cmd", "report", input]) } : {}),
};
const runs = new Map<string, Measured[]>(Object.keys(contestants).map((name) => [name, []]));
for (let round = 0; round < Number(values.rounds); round++)
	for (const [name, run] of Object.entries(contestants)) runs.get(name)!.push(run());

const bytes = statSync(input).size;
const derived = manifestOf(out("derived"));
const parquet = (m: Manifest): number => Object.values(m.tables).reduce((sum, t) => sum + t.bytes, 0);
const derivedRows = Object.entries(derived.tables)
	.filter(([name]) => catalog.get(name)?.kind === "derived")
	.reduce((sum, [, t]) => sum + t.rows, 0);
console.log(
	`${derived.events} events, ${(bytes / 1e6).toFixed(1)} MB (${(bytes / derived.events).toFixed(1)} B/event), ${derivedRows} derived rows`,
);
const peer = runs.get("trace-cmd report");
const of = (list: readonly Measured[], what: "wall" | "cpu"): number => median(list.map((m) => m[what]));
const range = (list: readonly Measured[], what: "wall" | "cpu"): string =>
	`${of(list, what).toFixed(2)} (${Math.min(...list.map((m) => m[what])).toFixed(2)}–${Math.max(...list.map((m) => m[what])).toFixed(2)})`;
const size: Record<string, number> = {
	"powerki, events only": parquet(manifestOf(out("plain"))),
	"powerki, derived": parquet(derived),
};
console.log(
	table([
		["", "wall s", "CPU s", "× wall", "× CPU", "M events/s", "MB/s", "RSS MiB", "Parquet B/event"],
		...[...runs].map(([name, list]) => [
			name,
			range(list, "wall"),
			range(list, "cpu"),
			peer ? (of(peer, "wall") / of(list, "wall")).toFixed(2) : "-",
			peer ? (of(peer, "cpu") / of(list, "cpu")).toFixed(2) : "-",
			(derived.events / of(list, "wall") / 1e6).toFixed(2),
			(bytes / of(list, "wall") / 1e6).toFixed(0),
			list[0]!.rss === null ? "-" : Math.max(...list.map((m) => m.rss!)).toFixed(0),
			size[name] === undefined ? "-" : (size[name] / derived.events).toFixed(2),
		]),
	]),
);
