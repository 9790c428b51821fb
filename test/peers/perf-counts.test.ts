/**
 * Every capture of perf against what was counted from its bytes and what perf prints of it: expected.json and, where the
 * guest's perf made one, header.txt.
 */
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prepareCompression } from "../../collector/decode/compression.ts";
import { recordNames } from "../../collector/decode/perf/record-types.ts";
import { openRecording } from "../../collector/decode/perf/recording.ts";
import { scanRecording } from "../../collector/decode/perf/scan.ts";
import { inspect } from "../../collector/info.ts";
import { catalog } from "../../lib/schema/catalog.ts";
import type { TraceInfo } from "../../lib/schema/info.ts";
import { quoteIdentifier } from "../../lib/schema/layout.ts";
import type { Manifest } from "../../lib/schema/manifest.ts";
import { datasetOf, type TestDataset } from "../support/dataset.ts";
import { hasBeside, perfTraces, type TestTrace } from "../support/traces.ts";

interface Expected {
	/** By path relative to the capture; records are null where a file has no header of its own. */
	readonly files: Readonly<
		Record<
			string,
			{
				readonly bytes: number;
				readonly sha256: string;
				readonly records: Readonly<Record<string, number>> | null;
			}
		>
	>;
	/** As perf prints the events: "sched:sched_switch", "cycles:u". Not counted for a series of files. */
	readonly samples_by_event?: Readonly<Record<string, number>>;
	/** Seconds as perf prints them, six digits, cut off; null without samples. */
	readonly first?: string | null;
	readonly last?: string | null;
}

const traces = await perfTraces();
const expectations = Object.assign(
	{},
	...["expected.json", "expected-x86.json"].map((f) =>
		JSON.parse(readFileSync(join(dirname(traces[0]!.folder), f), "utf8")),
	),
) as Readonly<Record<string, Expected>>;

/** The kernel's name of an event: without its system. Modifiers that perf adds ("cycles:u") tell events apart. */
function kernelName(event: string): string {
	const second = event.split(":")[1];
	return second === undefined || /^[ukhHGSDpPIeW]*$/.test(second) ? event : second;
}

/** Stamp as perf prints it. */
function seconds(ns: bigint): string {
	return `${ns / 1_000_000_000n}.${String((ns / 1000n) % 1_000_000n).padStart(6, "0")}`;
}

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);

let d: TestDataset;
beforeAll(async () => {
	await prepareCompression();
	d = await datasetOf(traces);
});
afterAll(() => d?.close());

/** The manifest of a capture, found by the digests of its files. */
function manifestOf(expected: Expected): Manifest {
	const digests = (list: readonly { readonly sha256: string }[]) =>
		list
			.map((f) => f.sha256)
			.sort()
			.join();
	const found = d.manifests.filter((m) => digests(m.sources) === digests(Object.values(expected.files)));
	expect(found).toHaveLength(1);
	return found[0]!;
}

/** Least and greatest stamp of the rows that samples become. */
async function sampleSpan(m: Manifest): Promise<{ a: bigint | null; b: bigint | null }> {
	const tables = Object.keys(m.tables).filter((t) => (catalog.get(t)?.kind ?? "event") === "event");
	if (m.tables.cpu_sample !== undefined && !tables.includes("cpu_sample")) tables.push("cpu_sample");
	if (tables.length === 0) return { a: null, b: null };
	const row = await d.row(
		`SELECT min(ts) AS a, max(ts) AS b FROM (${tables
			.map((t) => `SELECT ts FROM ${quoteIdentifier(t)} WHERE trace = '${m.trace}'`)
			.join(" UNION ALL ")})`,
	);
	return row as unknown as { a: bigint | null; b: bigint | null };
}

/** Lines of perf report --header-only: "# hostname : powerlab". */
function headerOf(trace: TestTrace): ReadonlyMap<string, string> {
	const text = readFileSync(join(trace.folder, "header.txt"), "utf8");
	return new Map([...text.matchAll(/^# ([^:\n]+?) : (.*?) *$/gm)].map((m) => [m[1]!, m[2]!]));
}

it("every capture that expected.json names is here", () => {
	expect(traces.map((t) => basename(t.name))).toEqual(Object.keys(expectations).sort());
	expect(d.manifests).toHaveLength(traces.length);
});

for (const trace of traces) {
	const expected = expectations[basename(trace.name)]!;
	describe(trace.name, () => {
		it("is read without damage", async () => {
			const m = manifestOf(expected);
			expect(m.damage).toEqual([]);
			expect(m.unknownEvents).toEqual({});
		});

		it("has the records of each type that were counted from its bytes", () => {
			for (const [file, { records }] of Object.entries(expected.files)) {
				if (records === null) continue;
				const base = trace.paths.find((p) => basename(p) === file.split("/")[0])!;
				const recording = openRecording([join(dirname(base), file)]);
				const { counts } = scanRecording(
					recording,
					() => {},
					() => {},
				);
				recording.close();
				const ours = Object.fromEntries(
					[...counts.entries()].filter(([, n]) => n > 0).map(([type, n]) => [recordNames.get(type), n]),
				);
				// what lies compressed was not counted there
				if (records.COMPRESSED === undefined) expect([file, ours]).toEqual([file, records]);
				else for (const [type, n] of Object.entries(records)) expect(ours[type]).toBeGreaterThanOrEqual(n);
			}
		});

		it("has the samples of each event that perf prints", () => {
			const { eventCounts } = manifestOf(expected);
			if (expected.samples_by_event !== undefined) {
				const theirs: Record<string, number> = {};
				for (const [event, n] of Object.entries(expected.samples_by_event))
					theirs[kernelName(event)] = (theirs[kernelName(event)] ?? 0) + n;
				expect(eventCounts).toEqual(theirs);
			} else
				expect(sum(Object.values(eventCounts))).toBe(
					sum(Object.values(expected.files).map((f) => f.records?.SAMPLE ?? 0)),
				);
		});

		it("has its first and last sample when perf prints them", async (context) => {
			if (!expected.first || !expected.last) return context.skip();
			const { a, b } = await sampleSpan(manifestOf(expected));
			expect([seconds(a!), seconds(b!)]).toEqual([expected.first, expected.last]);
		});

		it("is told by powerki info as it is collected", async () => {
			const m = manifestOf(expected);
			const infos: TraceInfo[] = [];
			for (const path of trace.paths) infos.push(...(await inspect(path)));
			const counts: Record<string, number> = {};
			for (const info of infos)
				for (const [event, n] of Object.entries(info.events)) counts[event] = (counts[event] ?? 0) + n;
			// a sample that reads a group of counters counts as one there, by the event that was sampled
			if (basename(trace.name) === "6.12-group-read") expect(counts).toEqual({ cycles: 10 });
			else expect(counts).toEqual(m.eventCounts);
			const silent = infos[0]!.silent.filter((event) => infos.every((i) => i.silent.includes(event)));
			expect(silent.filter((event) => m.eventCounts[event] !== undefined)).toEqual([]);
			for (const info of infos) {
				expect([info.host, info.arch, info.kernel, info.cpus]).toEqual([
					m.host,
					m.machine.arch,
					m.machine.kernel,
					m.machine.cpus,
				]);
				expect(info.damage).toEqual([]);
			}
			expect(sum(infos.map((i) => i.lost.events ?? 0))).toBe(m.lost.events ?? 0);
			expect(infos.map((i) => i.start).filter((s) => s !== null)[0] ?? null).toBe(m.window?.start ?? null);
		});

		it.runIf(hasBeside(trace, "header.txt"))("is of the machine that its header names", () => {
			const m = manifestOf(expected);
			const header = headerOf(trace);
			expect([m.host, m.machine.arch, m.machine.kernel, String(m.machine.cpus)]).toEqual([
				header.get("hostname"),
				header.get("arch"),
				header.get("os release"),
				header.get("nrcpus online"),
			]);
		});
	});
}
