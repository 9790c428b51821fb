import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "../dataset/dataset.ts";
import { makeDataset, rowsSql } from "../dataset/fixture.ts";
import { isNotRecorded, type NotRecorded } from "../dataset/needs.ts";
import { smallTrace } from "../dataset/small-trace.ts";
import { openDataset } from "../index.ts";
import { PowerkiError } from "../schema/errors.ts";
import { NO_STACK } from "./frames.ts";
import {
	profileByCpu,
	profileByFunction,
	profileByModule,
	profileByProcess,
	profileByThread,
	profileStacks,
} from "./profile.ts";
import { eventStem, sampledEvents } from "./sampled.ts";
import { sampledTrace } from "./sampled-trace.ts";

const MS = 1_000_000;

let root: string;
let ds: Dataset;
beforeAll(async () => {
	root = await makeDataset([sampledTrace, { ...smallTrace, trace: "5a11000000000006", host: "unsampled" }]);
	ds = await openDataset(root);
});
afterAll(() => {
	ds.close();
	rmSync(root, { recursive: true });
});

const trace = sampledTrace.trace;
function there<T>(answer: T | NotRecorded): T {
	if (isNotRecorded(answer)) throw new Error("not recorded");
	return answer;
}
const ms = (ns: number) => ns / MS;

describe("the event", () => {
	it("is the one that tells CPU time best, and the others are named", async () => {
		const { event, others } = there(await sampledEvents(ds, { trace }));
		expect(event).toEqual({
			event: "cpu-clock",
			unit: "ns",
			busy: { samples: 9, weight: 90 * MS },
			idle: { samples: 2, weight: 20 * MS },
			period: { min: 10 * MS, max: 10 * MS },
		});
		expect(others.map((o) => [o.event, o.unit, o.busy, o.idle, o.period])).toEqual([
			[
				"cycles:u",
				"cycles",
				{ samples: 2, weight: 4000 },
				{ samples: 1, weight: 500 },
				{ min: 500, max: 3000 },
			],
			["page-faults", "samples", { samples: 1, weight: 1 }, { samples: 0, weight: 0 }, null],
		]);
	});
	it("may be named with or without modifiers", async () => {
		for (const event of ["cycles:u", "cycles"]) {
			const rows = there(await profileStacks(ds, { trace, event })).rows;
			expect(rows.map((r) => [r.samples, r.weight])).toEqual([
				[1, 3000],
				[1, 1000],
			]);
		}
	});
	it("that was not sampled is refused with the list", async () => {
		const error = await profileStacks(ds, { trace, event: "instructions" }).then(
			() => null,
			(e: unknown) => e,
		);
		expect(error).toBeInstanceOf(PowerkiError);
		expect((error as PowerkiError).details).toEqual(["sampled: cpu-clock, cycles:u, page-faults"]);
	});
	it("is the same in every window, also in one without samples of it", async () => {
		const { event, rows } = there(await profileStacks(ds, { trace, window: "0.22..0.25" }));
		expect([event.event, event.busy.samples, rows.length]).toEqual(["cpu-clock", 0, 0]);
	});
	it.each([
		["cycles:u", "cycles"],
		["cpu/cycles/", "cycles"],
		["cpu/cpu-cycles,name=x/", "cpu-cycles"],
		["page-faults", "page-faults"],
		["r1001e", "r1001e"],
	])("%s is %s", (event, stem) => expect(eventStem(event)).toBe(stem));
	it("was not recorded: perf gets it", async () => {
		const answer = await profileByThread(ds, { trace: "unsampled" });
		expect(answer).toMatchObject({ kind: "not-recorded", events: ["cpu_sample"], certain: true });
		expect((answer as NotRecorded).remedy).toMatch(/^perf record -a -g -e cpu-clock -F 99/);
	});
});

describe("stacks", () => {
	it("are root first, user before kernel, and sum to the samples of threads", async () => {
		const { rows, event } = there(await profileStacks(ds, { trace }));
		expect(rows.reduce((sum, r) => sum + r.weight, 0)).toBe(event.busy.weight);
		expect(rows.reduce((sum, r) => sum + r.samples, 0)).toBe(event.busy.samples);
		expect(rows.map((r) => [r.name, ms(r.weight), r.frames.map((f) => f.name).join(" ")])).toEqual([
			["A", 20, "main fib fib fib fib"],
			["A", 20, "main work"],
			["A", 10, "main fib fib fib fib system_call_exception ksys_read xfs_read"],
			["A", 10, "main work"],
			["A", 10, ""],
			[
				"B",
				10,
				"main 0x1003ab44 libc.so.6 system_call_exception copy_process _raw_spin_unlock_irqrestore interrupts off until _raw_spin_unlock_irqrestore",
			],
			// What an interrupt does after it was let in is work.
			[null, 10, "copy_process arch_local_irq_restore __replay_soft_interrupts virtblk_done"],
		]);
		expect(rows.filter((r) => r.doubtful).map((r) => r.frames.at(-1)?.module)).toEqual(["/usr/lib/liby.so"]);
		expect(rows.filter((r) => r.interruptsOff).map((r) => r.name)).toEqual(["B"]);
	});
	it("below a condition, in a window, the first rows", async () => {
		const rows = async (more: object) => there(await profileStacks(ds, { trace, ...more })).rows;
		expect((await rows({ where: "name = B" })).map((r) => r.samples)).toEqual([1]);
		expect((await rows({ where: "cpu = 1" })).map((r) => r.name)).toEqual(["B", null]);
		expect((await rows({ window: "0.1..0.115" })).map((r) => r.samples)).toEqual([2]);
		expect((await rows({ top: 1 })).length).toBe(1);
	});
	it("of other machines than ppc64 have no replay", async () => {
		const other = await makeDataset([
			{
				...sampledTrace,
				tables: { ...sampledTrace.tables, trace: rowsSql("trace", [{ machine: "x86_64" }]) },
			},
		]);
		using x86 = await openDataset(other);
		expect(there(await profileStacks(x86)).rows.some((r) => r.interruptsOff)).toBe(false);
		rmSync(other, { recursive: true });
	});
});

describe("sums", () => {
	it("by thread, with the modes", async () => {
		const { rows } = there(await profileByThread(ds, { trace }));
		expect(rows.map((r) => [r.utid, r.samples, ms(r.weight), r.modes])).toEqual([
			[1, 7, 70, { user: 60 * MS, kernel: 10 * MS }],
			[2, 1, 10, { kernel: 10 * MS }],
			[null, 1, 10, { hypervisor: 10 * MS }],
		]);
	});
	it("by process", async () => {
		const { rows } = there(await profileByProcess(ds, { trace }));
		expect(rows.map((r) => [r.process, r.threads, ms(r.weight)])).toEqual([
			["app", 2, 80],
			[null, 1, 10],
		]);
	});
	it("by CPU, idle apart", async () => {
		const { rows } = there(await profileByCpu(ds, { trace }));
		expect(rows.map((r) => [r.cpu, ms(r.weight), r.idle.samples, ms(r.idle.weight)])).toEqual([
			[0, 70, 1, 10],
			[1, 20, 1, 10],
		]);
	});
	it("by function: recursion counts once, a name in two files is two", async () => {
		const { rows } = there(await profileByFunction(ds, { trace }));
		expect(rows.slice(0, 6).map((r) => [r.name, r.module, ms(r.self.weight), ms(r.total.weight)])).toEqual([
			["fib", "/opt/app/app", 20, 30],
			["work", "/usr/lib/libx.so", 20, 20],
			[NO_STACK, null, 10, 10],
			["interrupts off until _raw_spin_unlock_irqrestore", null, 10, 10],
			["virtblk_done", null, 10, 10],
			["work", "/usr/lib/liby.so", 10, 10],
		]);
		expect(rows.find((r) => r.name === "main")?.total).toEqual({ samples: 7, weight: 70 * MS });
		expect(rows.reduce((sum, r) => sum + r.self.weight, 0)).toBe(90 * MS);
	});
	it("by module", async () => {
		const { rows } = there(await profileByModule(ds, { trace }));
		expect(rows.map((r) => [r.kind, r.module, ms(r.self.weight), ms(r.total.weight)])).toEqual([
			["user", "/opt/app/app", 20, 70],
			["kernel", null, 20, 30],
			["user", "/usr/lib/libx.so", 20, 20],
			["user", "/usr/lib/liby.so", 10, 10],
			[null, null, 10, 10],
			["module", "[xfs]", 10, 10],
			["user", "/usr/lib/libc.so.6", 0, 10],
		]);
	});
});
