import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeDataset, rowsSql } from "../dataset/fixture.ts";
import { smallTrace } from "../dataset/small-trace.ts";
import { openDataset } from "../index.ts";
import { PowerkiError } from "../schema/errors.ts";
import { sampledTrace } from "../stacks/sampled-trace.ts";
import { profileStream } from "../stacks/stream.ts";
import { type ExportCommand, runExport } from "./command.ts";

let dataset: string;
let nasty: string;
let folder: string;
beforeAll(async () => {
	dataset = await makeDataset([sampledTrace, { ...smallTrace, host: "asleep" }]);
	nasty = await makeDataset([
		{
			...sampledTrace,
			tables: {
				...sampledTrace.tables,
				thread: rowsSql("thread", [{ utid: 1, tid: 11, tgid: 11, name: 'a;b\n\u001b[31m"\\' }]),
			},
		},
	]);
	folder = mkdtempSync(join(tmpdir(), "powerki-export-"));
});
afterAll(() => {
	for (const path of [dataset, nasty, folder]) rmSync(path, { recursive: true });
});

async function exported(command: Omit<ExportCommand, "dataset"> & { dataset?: string }) {
	const texts = { stdout: "", stderr: "" };
	const stream = (name: keyof typeof texts) =>
		new Writable({
			write(chunk, _encoding, done) {
				texts[name] += String(chunk);
				done();
			},
		});
	await runExport({ dataset, ...command }, { stdout: stream("stdout"), stderr: stream("stderr") });
	return texts;
}
async function refusal(command: ExportCommand): Promise<PowerkiError> {
	const error = await exported(command).then(
		() => new Error("not refused"),
		(e: unknown) => e,
	);
	if (!(error instanceof PowerkiError)) throw error;
	return error;
}
const trace = sampledTrace.trace;
const sumOf = (text: string) =>
	text
		.trimEnd()
		.split("\n")
		.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);

describe("folded", () => {
	it("has a line for each path, sorted, and sums to the samples of threads", async () => {
		const { stdout, stderr } = await exported({ to: "folded", trace });
		expect(stdout).toBe(
			[
				"app;A (11);[no stack: not recorded] 10000000",
				"app;A (11);main;fib;fib;fib;fib 20000000",
				"app;A (11);main;fib;fib;fib;fib;system_call_exception;ksys_read;xfs_read 10000000",
				// Two libraries have it.
				"app;A (11);main;work 30000000",
				"app;B (12);main;0x1003ab44 libc.so.6;system_call_exception;copy_process;_raw_spin_unlock_irqrestore;interrupts off until _raw_spin_unlock_irqrestore 10000000",
				"unknown;unknown (?);copy_process;arch_local_irq_restore;__replay_soft_interrupts;virtblk_done 10000000",
				"",
			].join("\n"),
		);
		expect(stderr).toBe("6 lines of cpu-clock, weights in ns\n");
	});
	it("of another event, of a window, under a condition", async () => {
		expect((await exported({ to: "folded", trace, event: "cycles" })).stdout).toBe(
			"app;B (12);main;0x1003ab44 libc.so.6 3000\napp;B (12);main;work 1000\n",
		);
		expect(sumOf((await exported({ to: "folded", trace, window: "0.1..0.115" })).stdout)).toBe(20e6);
		expect(sumOf((await exported({ to: "folded", trace, where: "name = B" })).stdout)).toBe(10e6);
	});
	it("of time asleep", async () => {
		const { stdout } = await exported({ to: "folded", trace: "asleep", offCpu: true });
		expect(sumOf(stdout)).toBe(830e6);
		expect(stdout).toContain("app;A (11);xfs_wait;__schedule 380000000\n");
	});
	it("escapes what would break a line or act on a terminal", async () => {
		const { stdout } = await exported({ to: "folded", dataset: nasty, where: "thread = 11", out: "-" });
		expect(stdout.split("\n")[0]).toBe('app;a:b\\x0a\\x1b[31m"\\ (11);[no stack: not recorded] 10000000');
	});
});

describe("speedscope", () => {
	it("has a profile for each thread, in order of time, whose weights sum to its end", async () => {
		const { stdout } = await exported({ to: "speedscope", trace });
		const file = JSON.parse(stdout);
		expect(Object.keys(file).sort()).toEqual([
			"$schema",
			"activeProfileIndex",
			"exporter",
			"name",
			"profiles",
			"shared",
		]);
		expect(file.name).toBe("p9, cpu-clock");
		expect(file.activeProfileIndex).toBe(0);
		expect(file.profiles.map((p: { name: string }) => p.name)).toEqual([
			"app (11): A (11)",
			"app (11): B (12)",
			"unknown thread",
		]);
		for (const p of file.profiles) {
			expect([p.type, p.unit, p.startValue]).toEqual(["sampled", "nanoseconds", 0]);
			expect(p.samples.length).toBe(p.weights.length);
			expect(p.weights.reduce((sum: number, w: number) => sum + w, 0)).toBe(p.endValue);
		}
		const names = file.profiles[0].samples.map((s: number[]) =>
			s.map((i) => file.shared.frames[i].name).join(" "),
		);
		expect(names).toEqual([
			"main fib fib fib fib",
			"main fib fib fib fib",
			"main work",
			"main work",
			"main work",
			"main fib fib fib fib system_call_exception ksys_read xfs_read",
			"[no stack: not recorded]",
		]);
		expect(file.shared.frames.slice(0, 4)).toEqual([
			{ name: "main", file: "app.c", line: 40 },
			{ name: "fib", file: "fib.c", line: 5 },
			{ name: "work", file: "/usr/lib/libx.so" },
			{ name: "work", file: "/usr/lib/liby.so" },
		]);
	});
	it("of an event that counts no time has no unit; of strange names it is valid JSON", async () => {
		const cycles = JSON.parse((await exported({ to: "speedscope", trace, event: "cycles" })).stdout);
		expect(cycles.profiles.map((p: { unit: string; weights: number[] }) => [p.unit, p.weights])).toEqual([
			["none", [1000, 3000]],
		]);
		const file = JSON.parse((await exported({ to: "speedscope", dataset: nasty })).stdout);
		expect(file.profiles[0].name).toBe('app (11): a;b\\x0a\\x1b[31m"\\ (11)');
	});
	it("goes to a file, the same each time", async () => {
		const out = join(folder, "p.json");
		const { stdout, stderr } = await exported({ to: "speedscope", trace, out });
		const first = readFileSync(out, "utf8");
		expect([stdout, stderr]).toEqual(["", `9 stacks of cpu-clock, weights in ns: ${out}\n`]);
		await exported({ to: "speedscope", trace, out });
		expect(readFileSync(out, "utf8")).toBe(first);
	});
});

describe("refused with what to do", () => {
	it("an unknown target: the list", async () => {
		const error = await refusal({ to: "perfetto" });
		expect([error.code, error.message, error.details[0]]).toEqual([
			2,
			"there is no export to “perfetto”",
			"targets: folded, speedscope",
		]);
	});
	it("a trace without samples: how to record them", async () => {
		const error = await refusal({ to: "folded", trace: "asleep" });
		expect(error.message).toBe("CPU samples: not recorded");
		expect(error.details.join("\n")).toMatch(/perf record -a -g -e cpu-clock -F 99[\s\S]*--off-cpu/);
	});
	it("nothing in the window: no file, and no beginning of one", async () => {
		for (const to of ["folded", "speedscope"]) {
			const out = join(folder, "none");
			const error = await refusal({ to, trace, window: "0.9..", out });
			expect(error.message).toBe("there is nothing to export");
			expect(() => readFileSync(out)).toThrow(/ENOENT/);
		}
	});
	it("an event of waits", async () => {
		expect((await refusal({ to: "folded", offCpu: true, event: "cycles" })).code).toBe(2);
	});
});

it("a stream by time has one row for each sample of a thread", async () => {
	using ds = await openDataset(dataset);
	const stream = await profileStream(ds, "time", { trace });
	if ("kind" in stream) throw new Error("not recorded");
	const weights: number[] = [];
	for await (const row of stream.rows) weights.push(row.weight);
	expect([stream.unit, stream.what, weights]).toEqual(["ns", "cpu-clock", Array(9).fill(10e6)]);
});
