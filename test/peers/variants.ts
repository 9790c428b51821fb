/** The variants: buffers, clocks and losses as trace-cmd 3.4 printed them, its known misprints put right. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { datasetOf, type TestDataset } from "../support/dataset.ts";
import type { TestTrace } from "../support/traces.ts";

interface VariantExpected {
	readonly events: number;
	readonly by_cpu: Readonly<Record<string, number>>;
	readonly by_buffer: Readonly<Record<string, number>>;
	readonly first_stamp_text: string;
	readonly last_stamp_text: string;
	/** "CPU:1 [68 EVENTS DROPPED]"; without a number where the page had no room for it. */
	readonly dropped_lines: readonly string[];
}

export function variantExpected(trace: TestTrace): VariantExpected | null {
	const file = join(dirname(trace.folder), "expected.json");
	if (basename(dirname(trace.folder)) !== "variants" || !existsSync(file)) return null;
	return JSON.parse(readFileSync(file, "utf8"))[basename(trace.folder)] ?? null;
}

/** A stamp as trace-cmd prints it, in ns by the clock's unit; raw for a clock that counts no time. */
function stampOf(text: string, clock: string): bigint {
	const digits = BigInt(text.replace(".", ""));
	switch (clock) {
		// jiffies as 1/100 s, printed as if they were ns (kernel/trace/trace_clock.c trace_clock_jiffies)
		case "uptime":
			return digits * 10_000_000n;
		// ticks of the timebase, 512 MHz on these machines
		case "ppc-tb":
			return (digits * 1_000_000_000n) / 512_000_000n;
		default:
			return digits;
	}
}

export function variantOf(trace: TestTrace): void {
	const expected = variantExpected(trace)!;
	let d: TestDataset;
	beforeAll(async () => {
		d = await datasetOf(trace);
	});
	afterAll(() => d?.close());

	it("records by buffer and CPU", async () => {
		const own = Object.fromEntries(d.manifests.filter((m) => m.events > 0).map((m) => [m.buffer, m.events]));
		// leaf functions of the graph tracer are one line for trace-cmd and two records
		if (d.manifests.every((m) => m.eventCounts.funcgraph_entry === undefined))
			expect(own).toEqual(expected.by_buffer);
		const cpus: Record<string, number> = {};
		for (const m of d.manifests)
			for (const c of m.cpus)
				if (c.events > 0)
					cpus[String(c.cpu).padStart(3, "0")] = (cpus[String(c.cpu).padStart(3, "0")] ?? 0) + c.events;
		if (d.manifests.every((m) => m.eventCounts.funcgraph_entry === undefined))
			expect(cpus).toEqual(expected.by_cpu);
	});

	it("first and last stamp, in the unit of the clock", () => {
		const windows = d.manifests.flatMap((m) => (m.window ? [m] : []));
		const clock = d.manifests[0]!.clock;
		// without cpuinfo the rate of the timebase is unknown and the stamps stay as they are
		const unit = clock.name === "ppc-tb" && clock.unit !== "ns" ? "raw" : clock.name;
		const start = windows.map((m) => m.window!.start).reduce((a, b) => (a < b ? a : b));
		const end = windows.map((m) => m.window!.end).reduce((a, b) => (a > b ? a : b));
		expect([start, end]).toEqual([
			stampOf(expected.first_stamp_text, unit),
			stampOf(expected.last_stamp_text, unit),
		]);
	});

	it("lost events: CPU and number of each gap", async () => {
		const theirs = expected.dropped_lines.map((l) => {
			const m = /^CPU:(\d+) \[(?:(\d+) )?EVENTS DROPPED\]$/.exec(l)!;
			return `${m[1]} ${m[2] ?? "?"}`;
		});
		const own = (await d.rows("SELECT cpu, events FROM lost")).map((r) => `${r.cpu} ${r.events ?? "?"}`);
		expect(own.sort()).toEqual(theirs.sort());
	});
}
