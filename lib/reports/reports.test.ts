import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeDataset, rowsSql } from "../dataset/fixture.ts";
import { smallTrace } from "../dataset/small-trace.ts";
import { type Dataset, openDataset } from "../index.ts";
import { reportText } from "../render/terminal.ts";
import { PowerkiError } from "../schema/errors.ts";
import { sampledTrace } from "../stacks/sampled-trace.ts";
import type { Block, Report, TableBlock, Value } from "./document.ts";
import { report, reportNamed, reports, runReport } from "./registry.ts";

let root: string;
let ds: Dataset;
let many: string;
let two: Dataset;
beforeAll(async () => {
	root = await makeDataset([smallTrace]);
	ds = await openDataset(root);
	many = await makeDataset([
		smallTrace,
		{ ...smallTrace, trace: "5a11000000000002", host: "p10", tables: {}, recorded: ["sched_switch"] },
		{ ...smallTrace, trace: "5a11000000000003", host: "p8", tables: {}, recorded: null },
		// Recorded, and nothing happened.
		{
			...smallTrace,
			trace: "5a11000000000004",
			host: "idle",
			tables: { sched: rowsSql("sched", [{ ts: 0, dur: 1_000_000_000, cpu: 0, utid: 0 }]) },
			recorded: ["sched_switch", "sys_enter", "sys_exit", "block_rq_issue", "block_rq_complete"],
		},
	]);
	two = await openDataset(many);
});
afterAll(() => {
	ds.close();
	two.close();
	rmSync(root, { recursive: true });
	rmSync(many, { recursive: true });
});

function blocks(r: Report, section: string): readonly Block[] {
	const found = r.sections.find((s) => s.id === section);
	if (found === undefined) throw new Error(`${r.name} has no section ${section}`);
	return found.blocks;
}
function tables(r: Report, section: string): TableBlock[] {
	return blocks(r, section).filter((b) => b.kind === "table");
}
async function refusal(work: Promise<unknown>): Promise<PowerkiError> {
	const error = await work.then(
		() => new Error("not refused"),
		(e: unknown) => e,
	);
	if (!(error instanceof PowerkiError)) throw error;
	return error;
}
const sum = (rows: readonly Readonly<Record<string, Value>>[], key: string): number =>
	rows.reduce((s, r) => s + (r[key] === "-" ? 0 : Number(r[key] ?? 0)), 0);

describe("by name", () => {
	it("a mistyped one is answered with the nearest and the list", async () => {
		const error = await refusal(runReport("run-qeue", ds));
		expect(error.code).toBe(2);
		expect(error.message).toBe("there is no report “run-qeue”");
		expect(error.details).toEqual([
			"did you mean: run-queue",
			"reports: cpu-usage, run-queue, waits, cpu-profile, futex, disk, all",
		]);
	});
	it("all makes each, in order", async () => {
		expect((await runReport("all", ds)).map((r) => r.name)).toEqual(reports.map((r) => r.name));
	});
});

describe("parameters", () => {
	it("several traces and none named: they are listed, and it is refused", async () => {
		for (const { name } of reports) {
			const error = await refusal(report(name, two));
			expect(error.code).toBe(2);
			expect(error.details.join("\n")).toMatch(/5a11000000000002 {2}p10[\s\S]*5a11000000000001 {2}p9/);
		}
	});
	it("a trace is named by its host", async () => {
		expect((await report("futex", two, { trace: "p9" })).statement.traces.map((t) => t.trace)).toEqual([
			smallTrace.trace,
		]);
	});
	it("a condition that a report cannot answer is refused before any work", async () => {
		const error = await refusal(report("futex", ds, { where: "device = sda" }));
		expect(error.message).toBe("the report futex cannot be filtered by device");
	});
	it("top is a number of rows", async () => {
		expect((await refusal(report("futex", ds, { top: 0 }))).message).toMatch(/^top is 0/);
		expect((await refusal(report("futex", ds, { top: 1.5 }))).code).toBe(2);
	});
	it("stand in the statement and in its command, quoted for the shell", async () => {
		const { statement } = await report("waits", ds, { where: "name = 'A'", window: "0.1..0.9" });
		expect(statement.parameters).toEqual({ where: "name = 'A'", window: "0.1..0.9" });
		expect(statement.command).toMatch(
			/^powerki report waits --dataset \S+ --window 0\.1\.\.0\.9 --where 'name = '\\''A'\\'''$/,
		);
	});
});

describe("every report", () => {
	it("has the same sections with and without data, and never an empty one", async () => {
		for (const { name, sections } of reports) {
			const wanted = [...Object.keys(sections), "limits"];
			for (const r of [
				await report(name, ds),
				await report(name, two, { trace: "p10" }),
				await report(name, two, { trace: "p8" }),
				await report(name, two, { trace: "idle" }),
				await report(name, ds, { where: "name = nobody" }),
				await report(name, ds, { window: "0.9999.." }),
			]) {
				expect(r.sections.map((s) => s.id)).toEqual(wanted);
				expect(r.sections.filter((s) => s.blocks.length === 0).map((s) => `${name} ${s.id}`)).toEqual([]);
				expect(r.title).not.toMatch(/undefined|NaN|null/);
				expect(r.lead).not.toMatch(/undefined|NaN|null/);
				expect(r.keyNumbers.length).toBeLessThanOrEqual(5);
			}
		}
	});
	it("tells what was not recorded from what did not happen", async () => {
		const absent = await report("disk", two, { trace: "p10" });
		expect(blocks(absent, "devices")[0]).toMatchObject({ kind: "notice", reason: "not-recorded" });
		expect(absent.recorded.missing).toContain("block_rq_issue");
		const unsure = await report("disk", two, { trace: "p8" });
		expect(blocks(unsure, "devices")[0]).toMatchObject({
			text: expect.stringMatching(/may also be “no activity”/),
		});
		const none = await report("disk", two, { trace: "idle" });
		expect(blocks(none, "devices")[0]).toMatchObject({ kind: "notice", reason: "none" });
		expect(none.recorded.none).toContain("block_rq_issue");
		const filtered = await report("disk", ds, { where: "name = nobody" });
		expect(blocks(filtered, "devices")[0]).toMatchObject({ kind: "notice", reason: "filtered" });
	});
	it("gives no durations where the clock counts something else", async () => {
		const counter = await makeDataset([smallTrace]);
		const file = join(counter, "_traces", `${smallTrace.trace}.json`);
		writeFileSync(file, readFileSync(file, "utf8").replace('"unit": "ns"', '"unit": "event number"'));
		using untimed = await openDataset(counter);
		for (const r of await runReport("all", untimed)) {
			// It has no samples: perf's clocks all count time.
			if (r.name === "cpu-profile") continue;
			expect(r.title).toMatch(/does not count time$/);
			expect(blocks(r, r.sections[0].id)[0]).toMatchObject({ kind: "notice", reason: "not-computable" });
		}
		rmSync(counter, { recursive: true });
	});
	it("has tables whose totals are the sums of the rows, however few are shown", async () => {
		for (const { name } of reports)
			for (const top of [1, 2, 100]) {
				const r = await report(name, ds, { top });
				for (const section of r.sections)
					for (const t of section.blocks.filter((b) => b.kind === "table")) {
						if (t.total === undefined) continue;
						for (const { key, quantity } of t.columns) {
							if (!["count", "ns", "bytes"].includes(quantity) || typeof t.total[key] !== "number") continue;
							// Extremes and means do not add up.
							if (/max|mean|p\d\d|most/.test(key)) continue;
							expect(`${name} ${section.id} ${key} ${sum(t.rows, key)}`).toBe(
								`${name} ${section.id} ${key} ${t.total[key]}`,
							);
						}
					}
			}
	});
	it("is the same twice", async () => {
		const plain = (rs: readonly Report[]) =>
			JSON.stringify(rs, (_k, v) => (typeof v === "bigint" ? String(v) : v));
		expect(plain(await runReport("all", ds))).toBe(plain(await runReport("all", ds)));
	});
});

describe("run-queue", () => {
	it("the holders sum to the waiting time", async () => {
		const r = await report("run-queue", ds, { top: 100 });
		const waited = tables(r, "threads")[0];
		const [holders, pairs] = tables(r, "holders");
		expect(sum(holders.rows, "ns")).toBe(sum(waited.rows, "total"));
		expect(sum(pairs.rows, "ns")).toBe(sum(waited.rows, "total"));
	});
});

describe("cpu-usage", () => {
	it("the classes of each CPU sum to what was observed of it", async () => {
		const [cpus] = tables(await report("cpu-usage", ds), "cpus");
		for (const row of cpus.rows) {
			const classes = cpus.columns
				.filter((c) => c.quantity === "ns" && c.key !== "observed")
				.map((c) => c.key);
			expect(classes.reduce((s, c) => s + Number(row[c]), 0)).toBe(row.observed);
		}
	});
	it("under a condition on threads it gives no figure of the CPUs and no cores", async () => {
		const r = await report("cpu-usage", ds, { where: "name = A" });
		expect(blocks(r, "cpus").map((b) => b.kind)).toEqual(["table"]);
		expect(blocks(r, "cores")[0]).toMatchObject({ kind: "notice", reason: "filtered" });
		expect(r.title).toMatch(/of CPU time/);
	});
});

describe("waits", () => {
	it("states sum to the life of each thread", async () => {
		const [states] = tables(await report("waits", ds, { top: 100 }), "states");
		for (const row of states.rows)
			expect(
				["running", "runnable", "sleeping", "disk", "still", "unknown"].reduce(
					(s, k) => s + Number(row[k]),
					0,
				),
			).toBe(row.life);
	});
	it("the flame graph holds all waiting that is not expected", async () => {
		const r = await report("waits", ds);
		const figure = blocks(r, "flame").find((b) => b.kind === "figure");
		const model = figure?.figure.interactive?.model as { total: number };
		const sites = tables(r, "sites")[0];
		expect(model.total).toBe(
			sum(
				sites.rows.filter((row) => !String(row.cause).endsWith("expected")),
				"total",
			),
		);
	});
});

describe("cpu-profile", () => {
	let sampled: Dataset;
	let folder: string;
	beforeAll(async () => {
		folder = await makeDataset([sampledTrace]);
		sampled = await openDataset(folder);
	});
	afterAll(() => {
		sampled.close();
		rmSync(folder, { recursive: true });
	});
	const flame = (r: Report) => {
		const figure = blocks(r, "flame").find((b) => b.kind === "figure");
		return figure?.figure.interactive?.model as { total: number };
	};

	it("names the process and its function, and how sure it is", async () => {
		const r = await report("cpu-profile", sampled);
		expect(r.title.replaceAll("\u202f", " ")).toBe(
			"app (11) uses 88.9 % of the CPU time, 25.0 % of that in fib",
		);
		expect(r.keyNumbers.map((k) => [k.label, Math.round(Number(k.value) * 10) / 10])).toEqual([
			["CPU time", 90e6],
			["in fib", 25],
			["kernel functions", 33.3],
			["without a name", 11.1],
			["doubtful stacks", 11.1],
		]);
	});
	it("the flame graph, processes, threads, functions, CPUs and modes sum to the samples of threads", async () => {
		for (const top of [1, 3, 100])
			for (const where of [undefined, "name = A", "cpu = 1"]) {
				const r = await report("cpu-profile", sampled, { top, ...(where === undefined ? {} : { where }) });
				const total = { "": 90e6, "name = A": 70e6, "cpu = 1": 20e6 }[where ?? ""];
				expect(flame(r).total).toBe(total);
				const [processes, threads] = tables(r, "consumers");
				const [self, , modules] = tables(r, "functions");
				const [cpus] = tables(r, "cpus");
				expect(
					[
						sum(processes.rows, "weight"),
						sum(threads.rows, "weight"),
						sum(self.rows, "self"),
						sum(modules.rows, "self"),
						sum(cpus.rows, "weight"),
						sum(
							tables(r, "modes")[0].rows.filter((row) => row.mode !== "idle"),
							"weight",
						),
					].filter((x) => x !== total),
				).toEqual([]);
			}
	});
	it("says which names are missing and why", async () => {
		const r = await report("cpu-profile", sampled);
		expect(blocks(r, "names")[0]).toMatchObject({
			kind: "notice",
			remedy: "perf record -a -g -e cpu-clock -F 99",
		});
		expect(tables(r, "names")[0].rows.map((row) => [row.module, row.why, row.self])).toEqual([
			["/usr/lib/libc.so.6", "not found", 0],
		]);
		expect(JSON.stringify(blocks(r, "names"))).toContain("--symbols DIR");
	});
	it("says that time with interrupts off is seen late, and what else was sampled", async () => {
		const r = await report("cpu-profile", sampled);
		expect(blocks(r, "sampling")[0]).toMatchObject({
			text: expect.stringMatching(/1 sample .* was taken when interrupts were switched on again/),
		});
		expect(tables(r, "sampling")[0].rows.map((row) => row.event)).toEqual([
			"cpu-clock",
			"cycles:u",
			"page-faults",
		]);
	});
	it("without samples names the command that gets them", async () => {
		const r = await report("cpu-profile", ds);
		expect(r.title).toBe("No answer to “where does CPU time go?”: it was not recorded");
		for (const section of r.sections.slice(0, -1))
			expect(section.blocks[0]).toMatchObject({
				kind: "notice",
				reason: "not-recorded",
				remedy: expect.stringMatching(/^perf record -a -g -e cpu-clock -F 99/),
			});
	});
	it("takes the event, which no other report does", async () => {
		const r = await report("cpu-profile", sampled, { event: "cycles" });
		expect(r.title.replaceAll("\u202f", " ")).toBe(
			"app (11) uses 100 % of the cycles, 75.0 % of that in functions without a name",
		);
		expect(r.keyNumbers[0]).toMatchObject({ label: "cycles", value: 4000, quantity: "count" });
		expect(r.statement.command).toMatch(/ --event cycles$/);
		expect(flame(r).total).toBe(4000);
		expect(reportNamed("cpu-profile").parameters).toEqual(["trace", "window", "where", "top", "event"]);
		const error = await refusal(report("waits", ds, { event: "cycles" }));
		expect([error.code, error.message]).toEqual([2, "the report waits has no parameter “event”"]);
		// Of all reports the one that has it takes it.
		const every = await runReport("all", sampled, { event: "cycles" });
		expect(every.find((x) => x.name === "cpu-profile")?.title).toBe(r.title);
	});
	it("of idle CPUs alone says so", async () => {
		const r = await report("cpu-profile", sampled, { window: "0.2..0.215" });
		expect(r.title).toBe("The sampled CPUs were idle");
		expect(blocks(r, "flame")[0]).toMatchObject({ kind: "notice", reason: "none" });
	});
	it("of one sample, and of long names, is whole", async () => {
		const one = await report("cpu-profile", sampled, { window: "0.13..0.131" });
		expect([flame(one).total, one.title.includes("100")]).toEqual([10e6, true]);
		const long = "x".repeat(5000);
		const other = await makeDataset([
			{
				...sampledTrace,
				tables: {
					...sampledTrace.tables,
					frame: rowsSql("frame", [{ frame_id: 4, address: 1, symbol: long, module: `/${long}` }]),
				},
			},
		]);
		using ds2 = await openDataset(other);
		const text = reportText(await report("cpu-profile", ds2), { width: 80 });
		expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
		rmSync(other, { recursive: true });
	});
});

it("reports say what they answer and LinuxKI's name for it", () => {
	expect(reports.map((r) => [r.name, r.linuxki])).toEqual([
		["cpu-usage", "kiall, kipid"],
		["run-queue", "kirunq"],
		["waits", "kiwait"],
		["cpu-profile", "kiprof"],
		["futex", "kifutex"],
		["disk", "kidsk"],
	]);
	for (const r of reports) expect(r.question.endsWith("?")).toBe(true);
	expect(reportNamed("disk").parameters).toEqual(["trace", "window", "where", "top"]);
});
