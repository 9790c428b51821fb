/** Law 7: the same trace gives the same dataset, however it is kept. */
import { cpSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { quoteText, tableDir } from "../../lib/schema/layout.ts";
import { powerki } from "../support/cli.ts";
import { collected, openDataset, show } from "../support/dataset.ts";
import { digests, scratch } from "../support/scratch.ts";
import { writeVersion6 } from "../support/trace-dat-v6.ts";
import { bundledTrace, perfTrace, perfTraces } from "../support/traces.ts";

const folder = scratch();

/** What differs between two recordings of one run that are kept in different ways. */
const ofTheFile: Readonly<Record<string, readonly string[]>> = {
	trace: ["format_version", "source", "sha256"],
};

for (const name of ["6.12-4k-mixed", "variants/lost", "variants/instance", "cases/lock-convoy/sick"])
	it(`${name}: collected twice, every Parquet file is the same byte for byte`, async () => {
		const trace = bundledTrace(name);
		const out = join(folder, `again-${name.replaceAll("/", "-")}`);
		const run = await powerki(["collect", trace.path, "--out", out]);
		expect([0, 4]).toContain(run.code);
		expect(digests(out)).toEqual(digests(await collected(trace)));
	});

/** A folder of the recorder's threads, one of them compressed, a series, a pipe, losses, switches told by records. */
const handful = await Promise.all(
	[
		"6.12-threads",
		"7.2-zstd-threads",
		"6.12-switch-output",
		"6.12-pipe",
		"6.12-lost",
		"6.12-sched-switch-g",
		"6.12-switch-events",
		"7.2-latency",
	].map(perfTrace),
);

/** Sums over the traces of a dataset. */
async function countsOf(dataset: string): Promise<Record<string, number>> {
	const d = await openDataset(dataset);
	const out: Record<string, number> = {};
	for (const m of d.manifests)
		for (const [event, n] of Object.entries(m.eventCounts)) out[event] = (out[event] ?? 0) + n;
	d.close();
	return out;
}

describe("captures of perf", () => {
	it("collected together with others, and again in another order, every Parquet file is the same byte for byte", async () => {
		const out = join(folder, "again-perf");
		const paths = [...handful].reverse().flatMap((t) => t.paths);
		const run = await powerki(["collect", ...paths, "--out", out, ...handful[0]!.options]);
		expect([run.code, run.stderr.match(/error.*/g)]).toEqual([0, null]);
		const again = digests(out);
		const together = digests(await collected(await perfTraces()));
		const ids = Object.keys(again).flatMap((f) => /^_traces\/(\w+)\.json$/.exec(f)?.[1] ?? []);
		expect(ids).toHaveLength(handful.length);
		const own = (files: Record<string, string>) =>
			Object.fromEntries(Object.entries(files).filter(([f]) => ids.some((id) => f.includes(id))));
		expect(own(again)).toEqual(own(together));
	});

	it("law 6: the samples before and after a cut are those of the whole", async () => {
		const few = handful.slice(1, 5);
		const whole = await countsOf(await collected(few));
		const before = await countsOf(await collected(few, ["--window", "..0.05"]));
		const after = await countsOf(await collected(few, ["--window", "0.05.."]));
		for (const [event, n] of Object.entries(whole))
			expect([event, (before[event] ?? 0) + (after[event] ?? 0)]).toEqual([event, n]);
		for (const part of [before, after])
			expect(Object.values(part).reduce((a, b) => a + b, 0)).toBeGreaterThan(0);
	});
});

describe("a compressed trace and its uncompressed twin of version 6", () => {
	for (const name of ["6.12-4k-mixed", "7.x-mixed", "variants/v7-zlib", "cases/lock-convoy/sick"])
		it(`${name}: all tables are equal but for the trace's id`, async () => {
			const trace = bundledTrace(name);
			const place = join(folder, `twin-${name.replaceAll("/", "-")}`);
			mkdirSync(place);
			await writeVersion6(trace.path, join(place, "trace.dat"));
			cpSync(dirname(trace.path), place, { recursive: true, filter: (from) => !from.endsWith("trace.dat") });
			const out = join(place, "dataset");
			const run = await powerki(["collect", join(place, "trace.dat"), "--out", out]);
			expect([run.code, run.code === 0 ? "" : run.stderr]).toEqual([0, ""]);
			const twin = await openDataset(out);
			const d = await openDataset(await collected(trace));
			try {
				const tables = (x: typeof d) => x.manifests.flatMap((m) => Object.keys(m.tables)).sort();
				expect(tables(twin)).toEqual(tables(d));
				for (const table of tables(d)) {
					const files = (x: typeof d) =>
						x.manifests.flatMap((m) =>
							m.tables[table]!.files.map((f) =>
								quoteText(join(x.folder, tableDir(table, m.date, m.host, m.trace), f)),
							),
						);
					const own = ofTheFile[table] ?? [];
					const rows = (x: typeof d) =>
						`SELECT ${own.length > 0 ? `* EXCLUDE (${own.join(", ")})` : "*"}
						FROM read_parquet([${files(x).join(", ")}], hive_partitioning = false, union_by_name = true)`;
					const different = await d.rows(
						`(${rows(d)} EXCEPT ALL ${rows(twin)}) UNION ALL (${rows(twin)} EXCEPT ALL ${rows(d)})`,
					);
					expect([table, show(different)]).toEqual([table, ""]);
				}
			} finally {
				d.close();
				twin.close();
			}
		});
});

describe("law 6: a window cut in two", () => {
	it("the records before and after the cut are those of the whole", async () => {
		const trace = bundledTrace("cases/lock-convoy/sick");
		const whole = await countsOf(await collected(trace));
		const before = await countsOf(await collected(trace, ["--window", "..1.2"]));
		const after = await countsOf(await collected(trace, ["--window", "1.2.."]));
		for (const [event, n] of Object.entries(whole))
			expect([event, (before[event] ?? 0) + (after[event] ?? 0)]).toEqual([event, n]);
		expect(Object.values(before).reduce((a, b) => a + b, 0)).toBeGreaterThan(0);
		expect(Object.values(after).reduce((a, b) => a + b, 0)).toBeGreaterThan(0);
	});
});
