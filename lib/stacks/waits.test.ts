import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Dataset } from "../dataset/dataset.ts";
import { makeDataset, rowsSql } from "../dataset/fixture.ts";
import { isNotRecorded } from "../dataset/needs.ts";
import { smallTrace } from "../dataset/small-trace.ts";
import type { ThreadRef } from "../dataset/thread-ref.ts";
import { figuresOf, openDataset, report } from "../index.ts";
import { offCpuByFunction, offCpuByModule, offCpuByProcess, offCpuByThread } from "./off-cpu.ts";
import type { FunctionProfile, ModuleProfile } from "./profile.ts";
import type { Weighted } from "./sampled.ts";
import { stacksSql } from "./sampled-trace.ts";
import { waitStacks } from "./waits.ts";

const MS = 1_000_000;
const wait = (ts: number, end: number, more: object) => ({
	utid: 1,
	state: "sleeping",
	ts: ts * MS,
	dur: (end - ts) * MS,
	...more,
});

let root: string;
let ds: Dataset;
beforeAll(async () => {
	root = await makeDataset([
		{
			...smallTrace,
			tables: {
				thread: smallTrace.tables.thread!,
				process: smallTrace.tables.process!,
				thread_state: rowsSql("thread_state", [
					wait(0, 100, { blocked_stack_id: 0, blocked_user_stack_id: 1 }),
					wait(200, 250, { blocked_stack_id: 0, blocked_user_stack_id: 2 }),
					wait(300, 320, { blocked_stack_id: 0 }),
					wait(400, 410, { blocked_user_stack_id: 1, syscall: "read" }),
				]),
				stack: stacksSql([
					[0, "kernel", [2, 1, 0]],
					[1, "user", [4, 3]],
					[2, "user", [5, 3]],
				]),
				frame: rowsSql("frame", [
					{ frame_id: 0, address: -3, symbol: "system_call_exception" },
					{ frame_id: 1, address: -2, symbol: "pipe_read" },
					{ frame_id: 2, address: -1, symbol: "__schedule" },
					{ frame_id: 3, address: 0x1000, symbol: "main", module: "/opt/app" },
					{ frame_id: 4, address: 0x2000, symbol: "reader", module: "/opt/app" },
					// A program may have a function of the kernel's name.
					{ frame_id: 5, address: 0x3000, symbol: "schedule", module: "/opt/app" },
				]),
			},
		},
	]);
	ds = await openDataset(root);
});
afterAll(() => {
	ds.close();
	rmSync(root, { recursive: true });
});

it("user frames come under the kernel's, root first, and only the kernel's are plumbing", async () => {
	const rows = await waitStacks(ds);
	if (isNotRecorded(rows)) throw new Error("not recorded");
	expect(
		rows.map((r) => [r.ns / MS, r.frames.map((f) => `${f.name}${f.plumbing ? "*" : ""}`).join(" ")]),
	).toEqual([
		[100, "main reader system_call_exception pipe_read __schedule*"],
		[50, "main schedule system_call_exception pipe_read __schedule*"],
		[20, "system_call_exception pipe_read __schedule*"],
		[10, "main reader"],
	]);
});

it("the report's graph has them, and says where the kernel stack is missing", async () => {
	const [graph] = figuresOf(await report("waits", ds), "flame");
	const model = graph.interactive?.model as {
		total: number;
		frames: readonly { name: string; depth: number; weight: number }[];
	};
	expect(model.total).toBe(180 * MS);
	const at = (name: string) =>
		model.frames.filter((f) => f.name === name).map((f) => [f.depth, f.weight / MS]);
	expect(at("main [app]")).toEqual([[2, 160]]);
	expect(at("schedule [app]")).toEqual([[3, 50]]);
	expect(at("pipe_read").sort()).toEqual([
		[2, 20],
		[4, 100],
		[4, 50],
	]);
	expect(at("[no stack: not recorded]")).toEqual([[5, 10]]);
});

it("waiting adds up by function and module: self is what is waited in, a caller has the sum of its waits", async () => {
	const functions = (await offCpuByFunction(ds)) as FunctionProfile[];
	expect(functions.map((f) => [f.name, f.self.weight / MS, f.total.weight / MS, f.total.samples])).toEqual([
		["pipe_read", 170, 170, 3],
		["reader", 10, 110, 2],
		["system_call_exception", 0, 170, 3],
		["main", 0, 160, 3],
		["schedule", 0, 50, 1],
	]);
	const modules = (await offCpuByModule(ds)) as ModuleProfile[];
	expect(modules.map((m) => [m.module, m.kind, m.self.weight / MS, m.total.weight / MS])).toEqual([
		[null, "kernel", 170, 170],
		["/opt/app", "user", 10, 160],
	]);
});

it("and by thread and process to the time of all waits", async () => {
	const threads = (await offCpuByThread(ds)) as (ThreadRef & Weighted)[];
	expect(threads.map((t) => [t.utid, t.samples, t.weight / MS])).toEqual([[1, 4, 180]]);
	const processes = (await offCpuByProcess(ds, { top: 1 })) as Weighted[];
	expect(processes.map((p) => p.weight / MS)).toEqual([180]);
});
