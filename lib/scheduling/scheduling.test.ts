import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "../dataset/dataset.ts";
import { makeDataset, rowsSql } from "../dataset/fixture.ts";
import { isNotRecorded, type NotRecorded } from "../dataset/needs.ts";
import { smallTrace } from "../dataset/small-trace.ts";
import { openDataset } from "../index.ts";
import { coreUsage, cpuTime, stateTotals, usageByCpu, usageByProcess, usageByThread } from "./cpu-time.ts";
import { runQueueByThread, runQueueHolders, runQueueTotal } from "./run-queue.ts";

let root: string;
let ds: Dataset;
beforeAll(async () => {
	root = await makeDataset([smallTrace]);
	ds = await openDataset(root);
});
afterAll(() => {
	ds.close();
	rmSync(root, { recursive: true });
});

function there<T>(answer: T | NotRecorded): T {
	if (isNotRecorded(answer)) throw new Error("not recorded");
	return answer;
}
const ms = (ns: number) => ns / 1e6;

describe("CPU time", () => {
	it("is one class at every moment", async () => {
		const rows = usageByCpu(there(await cpuTime(ds)));
		const times = rows.map((r) => Object.fromEntries(Object.entries(r.times).map(([k, v]) => [k, ms(v)])));
		expect(times).toEqual([
			{ idle: 560, user: 300, system: 90, busy: 0, hardirq: 40, softirq: 10, unknown: 0 },
			{ idle: 0, user: 400, system: 600, busy: 0, hardirq: 0, softirq: 0, unknown: 0 },
		]);
		expect(rows.map((r) => [ms(r.busyNs), ms(r.totalNs)])).toEqual([
			[440, 1000],
			[1000, 1000],
		]);
	});
	it("goes to threads, without idle", async () => {
		const rows = usageByThread(there(await cpuTime(ds)));
		expect(rows.map((r) => [r.name, ms(r.busyNs), r.cpus])).toEqual([
			["B", 720, [0, 1]],
			["K", 500, [1]],
			["A", 200, [0]],
		]);
		expect(rows[0].times).toMatchObject({ user: 600e6, system: 120e6 });
	});
	it("goes to processes", async () => {
		expect(usageByProcess(there(await cpuTime(ds))).map((r) => [r.process, r.threads, ms(r.busyNs)])).toEqual(
			[
				["app", 2, 920],
				["K", 1, 500],
			],
		);
	});
	it("can be narrowed", async () => {
		const time = there(await cpuTime(ds, { where: "name = B AND cpu = 1", window: "0.4.." }));
		expect(time.cells.map((c) => [c.class, ms(c.ns)])).toEqual([["system", 100]]);
	});
	it("of a core is that of its busiest moments", async () => {
		expect(there(await coreUsage(ds, { window: "0..0.5" }))).toEqual([
			{ socket: null, core: 0, cpus: [0, 1], busyNs: 500e6, observedNs: 500e6 },
		]);
	});
	it("knows no CPU that has no records, and keeps cores of the same number in two sockets apart", async () => {
		const folder = await makeDataset([
			{
				...smallTrace,
				tables: {
					...smallTrace.tables,
					cpu: rowsSql("cpu", [
						{ cpu: 0, core: 0, socket: 0, events: 10 },
						{ cpu: 1, core: 0, socket: 1, events: 10 },
						{ cpu: 2, core: 1, socket: 0, events: 0 },
					]),
				},
			},
		]);
		const sparse = await openDataset(folder);
		const time = there(await cpuTime(sparse));
		expect(usageByCpu(time).map((c) => [c.cpu, c.socket, ms(c.totalNs)])).toEqual([
			[0, 0, 1000],
			[1, 1, 1000],
		]);
		expect(there(await coreUsage(sparse))).toMatchObject([
			{ socket: 0, core: 0, cpus: [0], busyNs: 420e6, observedNs: 1000e6 },
			{ socket: 1, core: 0, cpus: [1], busyNs: 1000e6, observedNs: 1000e6 },
		]);
		sparse.close();
		rmSync(folder, { recursive: true });
	});
	it("of the parts of a window sums to that of the whole", async () => {
		const total = async (window?: string) => {
			const sums: Record<string, number> = {};
			for (const c of there(await cpuTime(ds, window === undefined ? {} : { window })).cells) {
				const key = `${c.cpu} ${c.utid} ${c.class}`;
				sums[key] = (sums[key] ?? 0) + c.ns;
			}
			return sums;
		};
		const whole = await total();
		for (const cut of ["0.1", "0.205", "0.45", "0.65", "0.69"]) {
			const [a, b] = [await total(`..${cut}`), await total(`${cut}..`)];
			for (const key of Object.keys(whole))
				expect((a[key] ?? 0) + (b[key] ?? 0), `${cut} ${key}`).toBe(whole[key]);
		}
	});
});

describe("thread states", () => {
	it("sum to the window", async () => {
		const rows = there(await stateTotals(ds, { where: "name = A" }));
		expect(rows.map((r) => [r.state, r.n, ms(r.ns)])).toEqual([
			["runnable", 2, 220],
			["running", 1, 200],
			["sleeping", 2, 580],
		]);
	});
});

describe("run queue", () => {
	it("counts waits that began in the window and time inside it", async () => {
		const rows = there(await runQueueByThread(ds, { window: "0.05..0.6" }));
		expect(rows.map((r) => [r.name, r.n, ms(r.ns), r.woken, r.preempted, r.p50, r.max])).toEqual([
			["A", 1, 150, 1, 0, "-", 120e6],
		]);
	});
	it("names who had the CPU", async () => {
		const rows = there(await runQueueHolders(ds));
		expect(rows.map((r) => [r.waiter.name, r.kind, r.holder?.name ?? null, ms(r.ns), r.waits])).toEqual([
			["A", "thread", "K", 120, 1],
			["A", "thread", "B", 100, 1],
			["B", "idle", null, 30, 1],
		]);
	});
	it("has a total", async () => {
		expect(there(await runQueueTotal(ds))).toMatchObject({
			n: 3,
			ns: 250e6,
			p50: 100e6,
			p95: "-",
			max: 120e6,
		});
		expect(there(await runQueueTotal(ds, { where: "cpu = 7" }))).toMatchObject({
			n: 0,
			ns: 0,
			mean: "-",
			max: "-",
		});
	});
	it("is not an empty answer where it was not recorded", async () => {
		const other = await makeDataset([{ trace: "0000000000000001", recorded: ["sys_enter"], tables: {} }]);
		const bare = await openDataset(other);
		expect(await runQueueTotal(bare)).toEqual({
			kind: "not-recorded",
			what: "Run queue",
			cause: "recording",
			events: ["sched_switch"],
			certain: true,
			remedy: "trace-cmd record -e sched:sched_switch",
		});
		bare.close();
		rmSync(other, { recursive: true });
	});
});
