/** Records by event, window, losses and machine of every archive, as an independent reader and the guests have them. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collected, openDataset, type TestDataset } from "../support/dataset.ts";
import { besideJson, linuxkiTrace, linuxkiTraces } from "../support/traces.ts";

interface Counts {
	readonly by_event: Readonly<Record<string, number>>;
	/** In ftrace mode (empty without markers). */
	readonly between_markers?: Readonly<Record<string, number>>;
	readonly first_ns: number;
	readonly last_ns: number;
	readonly begin_ns?: number | null;
	readonly end_ns?: number | null;
	readonly files: readonly { readonly seq_gaps?: number; readonly lost?: number }[];
	readonly startup?: { readonly t: number; readonly wall_sec: number; readonly wall_nsec: number };
}

/** Records whose event has another name in the kernel. */
const kernelNames: Readonly<Record<string, string>> = {
	power_start: "cpu_idle",
	power_end: "cpu_idle",
	workqueue_enqueue: "workqueue_queue_work",
	workqueue_execute: "workqueue_execute_start",
};

describe.each(linuxkiTraces)("$name", (trace) => {
	const counts = besideJson<Counts>(trace, "events.json");
	const marked = Object.keys(counts.between_markers ?? {}).length > 0;
	let d: TestDataset;
	beforeAll(async () => {
		d = await openDataset(await collected(trace));
	});
	afterAll(() => d?.close());

	it("records by event", () => {
		const expected: Record<string, number> = {};
		const told = marked ? counts.between_markers! : counts.by_event;
		for (const [name, n] of Object.entries(told)) {
			const event = kernelNames[name] ?? name;
			expected[event] = (expected[event] ?? 0) + n;
		}
		expect(d.manifests[0]!.eventCounts).toEqual(expected);
	});

	it("window", async () => {
		expect(await d.row("SELECT start_ts, end_ts FROM trace")).toEqual({
			start_ts: BigInt((marked ? counts.begin_ns : counts.first_ns)!),
			end_ts: BigInt((marked ? counts.end_ns : counts.last_ns)!),
		});
	});

	it.skipIf(counts.startup === undefined)("losses", () => {
		const sum = (key: "seq_gaps" | "lost") => counts.files.reduce((n, f) => n + f[key]!, 0);
		expect(d.manifests[0]!.lost).toEqual({ gaps: sum("seq_gaps"), events: sum("lost") });
	});

	it.skipIf(counts.startup === undefined)("wall clock", () => {
		const { t, wall_sec, wall_nsec } = counts.startup!;
		expect(BigInt(d.manifests[0]!.clock.wallOffset!)).toBe(
			BigInt(wall_sec) * 1_000_000_000n + BigInt(wall_nsec) - BigInt(t),
		);
	});

	it("nothing tells where the archive was unpacked", async () => {
		const files = await d.rows("SELECT file FROM dso WHERE file IS NOT NULL");
		for (const { file } of files) expect(file).toMatch(/^objdump\.\d{4}_\d{4}\/\?/);
		for (const s of d.manifests[0]!.sideFiles) expect(s.name).not.toContain("/");
		expect(d.manifests[0]!.sideFiles.length).toBeGreaterThan(10);
	});
});

describe("the machine", () => {
	it("cores of two threads each, of POWER", async () => {
		const d = await openDataset(await collected(linuxkiTrace("ppc64le-liki-4k-smt2-all")));
		try {
			const rows = await d.rows("SELECT cpu, core, smt_thread FROM cpu ORDER BY cpu");
			expect(rows.map((r) => [r.cpu, r.core, r.smt_thread])).toEqual([
				[0, 0, 0],
				[1, 0, 1],
				[2, 2, 0],
				[3, 2, 1],
			]);
			expect(await d.row("SELECT name FROM device WHERE dev = 8 << 20")).toEqual({ name: "sda" });
		} finally {
			d.close();
		}
	});
});
