import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "./dataset/dataset.ts";
import { makeDataset, rowsSql } from "./dataset/fixture.ts";
import { isNotRecorded, type NotRecorded } from "./dataset/needs.ts";
import { smallTrace } from "./dataset/small-trace.ts";
import {
	deviceBusy,
	deviceLatency,
	foldWaits,
	futexContention,
	futexWaitsByThread,
	futexWakers,
	futexWakes,
	openDataset,
	sql,
	submitterLatency,
	syscallErrors,
	syscallsByName,
	syscallsByThread,
	waitSites,
	waitStacks,
	wakings,
} from "./index.ts";

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
const ms = (ns: number | "-") => (ns === "-" ? ns : ns / 1e6);

describe("waits", () => {
	it("have stacks, root first, and a wait function behind the plumbing", async () => {
		const rows = there(await waitStacks(ds, { where: "name = A" }));
		expect(
			rows.map((r) => [r.waitFunction, ms(r.ns), r.frames.map((f) => `${f.name}${f.plumbing ? "*" : ""}`)]),
		).toEqual([
			["xfs_wait", 380, ["xfs_wait", "__schedule*"]],
			["pipe_read", 200, ["0xffef9db22d0e5605", "pipe_read", "schedule_timeout*", "__schedule*"]],
		]);
		expect(rows[0].frames[0].kind).toBe("module");
	});
	it("fold to lines that sum to their time, also without a stack", async () => {
		const text = foldWaits(there(await waitStacks(ds)));
		expect(text).toContain("app;B (12);[no stack: not recorded] 250000000\n");
		const total = text.split("\n").reduce((s, l) => s + Number(l.split(" ").at(-1)), 0);
		expect(ms(total)).toBe(830);
	});
	it("by place", async () => {
		const rows = there(await waitSites(ds, { window: "0.4..0.7" }));
		expect(rows.map((r) => [r.name, r.syscall, r.waitFunction, r.n, ms(r.ns)])).toEqual([
			["B", "futex", null, 1, 150],
			["A", "read", "pipe_read", 0, 100],
			["A", null, "xfs_wait", 1, 80],
		]);
	});
	it("name who ended them; one that has not ended has nobody", async () => {
		const rows = there(await wakings(ds));
		expect(rows.map((r) => [r.woken.name, r.waker?.name ?? null, r.irq, r.n, ms(r.ns)])).toEqual([
			["A", null, null, 0, 380],
			["A", "B", null, 1, 200],
			["B", null, "irq 20 virtio1", 1, 150],
			["B", null, null, 0, 100],
		]);
	});
});

describe("disk I/O", () => {
	it("by device and operation; merged bios are counted apart", async () => {
		const rows = there(await deviceLatency(ds));
		expect(
			rows.map((r) => [r.device, r.op, r.n, r.merged, r.bytes, r.open, ms(r.service.mean), ms(r.total.max)]),
		).toEqual([
			["vda", "R", 2, 1, 12288, 0, 45, 60],
			["8:16", "W", 1, 0, 512, 1, "-", "-"],
		]);
	});
	it("by submitter", async () => {
		const rows = there(await submitterLatency(ds, { where: "device = vda" }));
		expect(rows.map((r) => [r.name, r.n, r.merged])).toEqual([
			["A", 2, 0],
			["B", 0, 1],
		]);
	});
	it("keeps devices busy", async () => {
		expect(there(await deviceBusy(ds))).toEqual([
			{ device: "vda", busyNs: 70e6, inFlightNs: 90e6, maxDepth: 2 },
		]);
	});
});

describe("futexes", () => {
	it("by address; the same address private and shared is two", async () => {
		const rows = there(await futexContention(ds));
		expect(
			rows.map((r) => [
				r.space,
				r.uaddr,
				r.ops,
				r.n,
				ms(r.ns),
				r.outcomes.woken,
				r.outcomes.eagain,
				r.outcomes.timedOut,
				r.wakeCalls,
				r.emptyWakes,
				r.woken,
			]),
		).toEqual([
			[11, "0x1000", ["WAIT", "WAKE"], 2, 301, 1, 1, 0, 2, 1, 1],
			[11, "0x1000", ["LOCK_PI"], 1, 10, 0, 0, 1, 0, 0, 0],
			[11, "0x2000", ["WAKE"], 0, 0, 0, 0, 0, 1, 1, 0],
		]);
	});
	it("by thread", async () => {
		const rows = there(await futexWaitsByThread(ds));
		expect(rows.map((r) => [r.name, r.uaddr, r.n, ms(r.ns), ms(r.max)])).toEqual([
			["B", "0x1000", 2, 301, 300],
			["A", "0x1000", 1, 10, 10],
		]);
	});
	it("say who ended waits that slept", async () => {
		const rows = there(await futexWakers(ds));
		expect(rows.map((r) => [r.waiter.name, r.waker?.name ?? null, r.irq, r.n])).toEqual([
			["B", null, "irq 20 virtio1", 1],
			["A", "B", null, 1],
		]);
	});
	it("that two processes use together are one futex; without a sign of that, two", async () => {
		const wait = (utid: number, uaddr: number, waker_utid: number) => ({
			ts: utid,
			dur: 1,
			utid,
			uaddr,
			op: "WAIT",
			shared: true,
			outcome: "woken",
			waker_utid,
		});
		const other = await makeDataset([
			{
				trace: "0000000000000001",
				recorded: ["sys_enter", "sys_exit", "sched_switch"],
				tables: {
					thread: rowsSql("thread", [
						{ utid: 1, tid: 1, tgid: 1, name: "a" },
						{ utid: 2, tid: 2, tgid: 2, name: "b" },
					]),
					futex_wait: rowsSql("futex_wait", [
						wait(1, 4096, 2),
						wait(2, 4096, 1),
						wait(1, 8192, 1),
						wait(2, 8192, 2),
					]),
				},
			},
		]);
		const pair = await openDataset(other);
		const rows = there(await futexContention(pair));
		expect(rows.map((r) => [r.uaddr, r.space, r.n]).sort()).toEqual([
			["0x1000", null, 2],
			["0x2000", 1, 1],
			["0x2000", 2, 1],
		]);
		pair.close();
		rmSync(other, { recursive: true });
	});
	it("count wake calls", async () => {
		expect(there(await futexWakes(ds, { top: 1 }))).toMatchObject([
			{ name: "A", uaddr: "0x1000", calls: 2, empty: 1, woken: 1 },
		]);
	});
});

describe("system calls", () => {
	it("by name, with the parts of their time", async () => {
		const rows = there(await syscallsByName(ds));
		expect(
			rows.map((r) => [
				r.syscall,
				r.n,
				r.errors,
				ms(r.ns),
				ms(r.runningNs),
				ms(r.runnableNs),
				ms(r.blockedNs),
			]),
		).toEqual([
			["futex", 1, 0, 300, 120, 30, 150],
			["read", 1, 1, 100, 100, 0, 0],
			["999", 1, 0, 50, 50, 0, 0],
		]);
	});
	it("are cut at the window, and counted where they began", async () => {
		const rows = there(await syscallsByThread(ds, { window: "0.5..0.6" }));
		expect(rows.map((r) => [r.name, r.syscall, r.n, ms(r.ns), r.runningNs])).toEqual([
			["B", "futex", 0, 100, 0],
		]);
	});
	it("fail by name", async () => {
		expect(there(await syscallErrors(ds))).toEqual([{ syscall: "read", error: "EAGAIN", n: 1 }]);
	});
});

it("sql asks the dataset that was opened last and is open still", async () => {
	expect((await sql<{ n: bigint }>`SELECT count(*) AS n FROM cpu_slice WHERE idle`).rows()).toEqual([
		{ n: 3n },
	]);
	const other = await makeDataset([]);
	const later = await openDataset(other);
	expect((await sql`SELECT count(*) AS n FROM sched`).rows()).toEqual([{ n: 0n }]);
	later.close();
	expect((await sql`SELECT count(*) AS n FROM sched`).rows()).toEqual([{ n: 7n }]);
	await expect(later.query("SELECT 1")).rejects.toThrow(`the dataset ${other} was closed`);
	rmSync(other, { recursive: true });
});
