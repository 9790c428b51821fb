/** Recordings of LinuxKI's module, made for the test: what their records become. */
import { describe, expect, it } from "vitest";
import { exitCode, PowerkiError } from "../../../lib/schema/errors.ts";
import { chunk, ints, type ReadBack, readBack, record, switchBody, UNAME, words } from "./chunk-testing.ts";
import {
	IRQ_HANDLER_ENTRY,
	IRQ_HANDLER_EXIT,
	SCHED_SWITCH,
	SCHED_WAKEUP,
	SOFTIRQ_ENTRY,
	SOFTIRQ_EXIT,
	STARTUP,
	SYS_ENTER,
} from "./record-layouts.ts";

const uname = { "uname-a.T": UNAME };

/** Records of one CPU with numbers that count up. */
function cpu(number: number, first = 0) {
	let seq = first;
	const add = (ts: number, id: number, pid: number, body: Uint8Array, more = {}): Buffer =>
		record({ ts, id, pid, cpu: number, seq: seq++, body, ...more });
	return {
		skip(n: number): void {
			seq += n;
		},
		add,
		switch: (ts: number, pid: number, next: number, state = 1) =>
			add(ts, SCHED_SWITCH, pid, switchBody(next, { state })),
		wakeup: (ts: number, pid: number, woken: number) =>
			add(ts, SCHED_WAKEUP, pid, ints(woken, 120, number, 1)),
		softirq: (ts: number, pid: number) => add(ts, SOFTIRQ_ENTRY, pid, ints(1)),
		softirqEnd: (ts: number, pid: number) => add(ts, SOFTIRQ_EXIT, pid, ints(1)),
		irq: (ts: number, pid: number) =>
			add(ts, IRQ_HANDLER_ENTRY, pid, Buffer.concat([ints(20), Buffer.from("virtio1\0".padEnd(16, "\0"))])),
		irqEnd: (ts: number, pid: number) => add(ts, IRQ_HANDLER_EXIT, pid, ints(20, 1)),
	};
}

const startup = (c: ReturnType<typeof cpu>, ts: number, { mask = 0x60796n, features = 0 } = {}): Buffer =>
	c.add(ts, STARTUP, 50, words(1_800_000_000, 5000, mask, features));

const one = (...records: Buffer[]) => readBack({ ...uname, "ki.bin.000.T": chunk(records, { last: true }) });

/** Thread that was current in each row, by its tid. */
function tids(result: ReadBack, table: string): unknown[] {
	const byUtid = new Map((result.tables.get("thread") ?? []).map((t) => [t.utid, Number(t.tid)]));
	return (result.tables.get(table) ?? []).map((r) => (r.utid === 0 ? 0 : byUtid.get(r.utid)));
}

const notes = ({ summaries }: ReadBack) => summaries.flatMap((s) => s.notes.map((n) => [n.kind, n.count]));
const rows = (result: ReadBack, table: string) => result.tables.get(table) ?? [];

describe("records", () => {
	it("of all CPUs are in the order of time, then CPU; the first gives the window its start", async () => {
		const [a, b] = [cpu(0), cpu(3)];
		const result = await readBack({
			...uname,
			"ki.bin.000.T": chunk([a.switch(1000, 100, 0), a.switch(1500, 0, 100), a.switch(2000, 100, 0)]),
			"ki.bin.003.T": chunk([b.switch(1000, 200, 0), b.switch(1400, 0, 200), b.switch(2000, 200, 0)]),
		});
		expect(rows(result, "sched_switch").map((r) => [r.ts, r.cpu])).toEqual([
			[1000n, 0],
			[1000n, 3],
			[1400n, 3],
			[1500n, 0],
			[2000n, 0],
			[2000n, 3],
		]);
		const [summary] = result.summaries;
		expect(summary!.window).toEqual({ start: 1000n, end: 2000n });
		expect(summary!.events).toEqual({ sched_switch: 6 });
		expect(summary!.machine).toMatchObject({
			host: "host",
			arch: "x86_64",
			kernel: "6.1.0-1-amd64",
			cpus: 4,
		});
		expect(summary!.damaged).toBe(false);
	});

	it("are the same from files of CPUs and from a merged file", async () => {
		const times = (k: number, n: number) => Array.from({ length: 20 }, (_, i) => 1000 + i * 10 + k * n);
		const of = (number: number) => {
			const c = cpu(number);
			return times(number, 3).map((ts, i) => ({
				ts,
				number,
				bytes: c.switch(ts, i % 2 === 0 ? 0 : 100 + number, i % 2 === 0 ? 100 + number : 0),
			}));
		};
		const all = [of(0), of(1).slice(0, 5), of(2)];
		const perCpu = await readBack({
			...uname,
			...Object.fromEntries(all.map((list, k) => [`ki.bin.00${k}.T`, chunk(list.map((r) => r.bytes))])),
		});
		const sorted = all.flat().sort((a, b) => a.ts - b.ts || a.number - b.number);
		const merged = await readBack({ ...uname, "ki.bin.T": chunk(sorted.map((r) => r.bytes)) });
		expect(Object.fromEntries(merged.tables)).toEqual(Object.fromEntries(perCpu.tables));
		expect(merged.summaries[0]!.cpus).toEqual(perCpu.summaries[0]!.cpus);
		expect(rows(merged, "thread_state").length).toBeGreaterThan(10);
	});

	it("of unknown ids are counted, and those that are too short are no rows", async () => {
		const c = cpu(0);
		const result = await one(
			c.add(1000, 60, 100, words(1)),
			c.add(1001, 0x7fff_ffff, 100, words(1)),
			c.add(1002, SCHED_SWITCH, 100, words(1)),
			c.switch(1003, 100, 0),
		);
		expect(notes(result)).toEqual(
			expect.arrayContaining([
				["event-unknown", 1],
				["record-damaged", 1],
			]),
		);
		expect(result.summaries[0]!.unknownEvents).toEqual({ "id 60": 1, "id 2147483647": 1 });
		expect(rows(result, "sched_switch").length).toBe(1);
		expect(result.summaries[0]!.events).toEqual({ sched_switch: 1 });
	});

	it("of a damaged chunk end at the damage, and it is said", async () => {
		const c = cpu(0);
		const result = await one(
			c.switch(1000, 100, 0),
			record({ ts: 1001, id: 1, length: 0 }),
			c.switch(1002, 0, 100),
		);
		expect(rows(result, "sched_switch").length).toBe(1);
		expect(result.summaries[0]!.damaged).toBe(true);
		expect(notes(result)).toContainEqual(["chunk-damaged", 1]);
	});

	it("of a CPU that cannot be are damage, the first ones too", async () => {
		for (const number of [-1, -2, 4096, 2 ** 31 - 1]) {
			const c = cpu(number);
			const result = await one(c.switch(1000, 100, 0), c.switch(2000, 0, 100));
			expect(result.summaries[0]).toMatchObject({ cpus: [], events: {}, damaged: true });
		}
	});

	it("outside a window are left out; it counts from the first", async () => {
		const c = cpu(0);
		const file = chunk([
			c.switch(1_000_000_000, 100, 0),
			c.switch(2_000_000_000, 0, 100),
			c.switch(3_000_000_000, 100, 0),
		]);
		const result = await readBack({ ...uname, "ki.bin.000.T": file }, { window: { from: 0.5, to: 1.5 } });
		expect(rows(result, "sched_switch").map((r) => r.ts)).toEqual([2_000_000_000n]);
		expect(result.summaries[0]!.window).toEqual({ start: 2_000_000_000n, end: 2_000_000_000n });
	});

	it("of events that are not asked for make no rows; thread states are derived all the same", async () => {
		const c = cpu(0);
		const file = chunk([
			c.switch(1000, 100, 0),
			c.wakeup(1100, -1, 100),
			c.switch(1200, 0, 100),
			c.switch(1300, 100, 0),
		]);
		const files = { ...uname, "ki.bin.000.T": file };
		const some = await readBack(files, { events: ["sched_wakeup"] });
		expect([rows(some, "sched_switch").length, rows(some, "sched_wakeup").length]).toEqual([0, 1]);
		expect(rows(some, "thread_state").length).toBeGreaterThan(0);
		const plain = await readBack(files, { noDerived: true });
		expect([rows(plain, "sched_switch").length, rows(plain, "thread_state").length]).toEqual([3, 0]);
	});
});

describe("the startup record", () => {
	it("tells the wall clock and what was recorded, wherever it stands", async () => {
		const c = cpu(0);
		const result = await one(c.switch(900, 50, 0), startup(c, 1000), c.switch(1100, 50, 0));
		const [summary] = result.summaries;
		expect(summary!.clock).toEqual({
			name: "mono",
			unit: "ns",
			wallOffset: 1_800_000_000_000_005_000n - 1000n,
		});
		expect(summary!.window!.start).toBe(900n);
		expect(summary!.events).toEqual({ sched_switch: 2, startup: 1 });
		expect(summary!.recorded).toContain("sched_wakeup");
		expect(summary!.recorded).not.toContain("sched_migrate_task");
	});

	it("may be missing", async () => {
		const result = await one(cpu(0).switch(900, 50, 0));
		expect(result.summaries[0]!.clock.wallOffset).toBe(null);
		expect(result.summaries[0]!.recorded).toBe(null);
	});

	it("tells that events were left out on purpose", async () => {
		const c = cpu(0);
		const result = await one(startup(c, 1000, { features: 0x44 }), c.switch(1100, 50, 0));
		const note = result.summaries[0]!.notes.find((n) => n.kind === "recording-filtered");
		expect(note).toMatchObject({
			severity: "warning",
			text: expect.stringContaining("devices, system calls of 64-bit"),
		});
	});

	it("of a CPU alone gives it a window", async () => {
		const result = await one(startup(cpu(0), 1000));
		expect(result.summaries[0]!.cpus).toMatchObject([{ cpu: 0, first: 1000n, last: 1000n, events: 1 }]);
	});
});

describe("records that are missing", () => {
	it("are counted by the numbers of each CPU", async () => {
		const [a, b] = [cpu(0, 7), cpu(1)];
		const files = { "ki.bin.000.T": [a.switch(10_000, 100, 0)], "ki.bin.001.T": [b.switch(10_000, 200, 0)] };
		a.skip(25);
		files["ki.bin.000.T"].push(a.switch(20_000, 100, 0), a.switch(30_000, 0, 100));
		files["ki.bin.001.T"].push(b.switch(30_000, 0, 200));
		const result = await readBack({
			...uname,
			...Object.fromEntries(Object.entries(files).map(([name, records]) => [name, chunk(records)])),
		});
		expect(rows(result, "lost")).toEqual([{ ts: 10_000n, dur: 10_000n, cpu: 0, events: 25n }]);
		expect(result.summaries[0]!.lost).toEqual({ gaps: 1, events: 25, unknownGaps: 0 });
	});

	it("are not those before the first, nor before a number 0", async () => {
		const result = await one(cpu(0, 500).switch(1000, 100, 0), cpu(0, 0).switch(2000, 0, 100));
		expect(result.summaries[0]!.lost).toEqual({ gaps: 0, events: 0, unknownGaps: 0 });
	});

	it("are of unknown number where the numbers make no sense", async () => {
		const result = await one(
			cpu(0, 500).switch(1000, 100, 0),
			cpu(0, 100).switch(2000, 0, 100),
			cpu(0, 2 ** 50).switch(3000, 100, 0),
		);
		expect(result.summaries[0]!.lost).toEqual({ gaps: 2, events: 0, unknownGaps: 2 });
		expect(rows(result, "lost").map((r) => r.events ?? null)).toEqual([null, null]);
	});

	it("are told within each file: a CPU's records in the file of another are damage of that one alone", async () => {
		const [a, stray] = [cpu(0, 5), cpu(0, 900)];
		const result = await readBack({
			...uname,
			"ki.bin.000.T": chunk([a.switch(1000, 100, 0), a.switch(3000, 0, 100), a.switch(5000, 100, 0)]),
			"ki.bin.001.T": chunk([stray.switch(2000, 200, 0), stray.switch(4000, 0, 200)]),
		});
		expect(result.summaries[0]!.lost).toEqual({ gaps: 0, events: 0, unknownGaps: 0 });
	});
});

describe("the current thread of records from interrupts", () => {
	it("is the one that the last switch brought, or that the record before names", async () => {
		const c = cpu(0);
		const result = await one(
			c.switch(1000, 100, 7),
			c.wakeup(1001, -1, 100),
			c.add(1002, SYS_ENTER, 9, words(1, 0, 0, 0, 0, 0, 0)),
			c.wakeup(1003, -1, 100),
			c.switch(1004, 9, 0),
			c.wakeup(1005, -1, 100),
		);
		expect(tids(result, "sched_wakeup")).toEqual([7, 9, 0]);
		expect(notes(result).map(([kind]) => kind)).not.toContain("current-unknown");
	});

	it("is told by the next record at the begin of a CPU and behind a gap", async () => {
		const c = cpu(0);
		const records = [c.wakeup(1000, -1, 55), c.wakeup(1001, -1, 55), c.switch(1002, 7, 8)];
		c.skip(3);
		records.push(c.wakeup(2000, -1, 55), c.switch(2001, 9, 8));
		expect(tids(await one(...records), "sched_wakeup")).toEqual([7, 7, 9]);
	});

	it("is 0 where nothing tells it, and that is said", async () => {
		const c = cpu(0);
		const result = await one(c.wakeup(1000, -1, 55), c.wakeup(1001, -1, 55));
		expect(tids(result, "sched_wakeup")).toEqual([0, 0]);
		expect(notes(result)).toContainEqual(["current-unknown", 2]);
	});

	it("has not woken anybody: the interrupt has, by what is open on the CPU", async () => {
		const c = cpu(0);
		const sleep = (ts: number, tid: number) => [c.switch(ts, tid, 0), c.switch(ts + 9, 0, 7)];
		const result = await one(
			...[20, 21, 22, 23, 24].flatMap((tid, k) => [
				c.switch(100 + 20 * k, 7, tid),
				...sleep(105 + 20 * k, tid),
			]),
			c.wakeup(1000, -1, 20), // an interrupt without events
			c.softirq(1010, 7),
			c.wakeup(1011, -1, 21),
			c.irq(1012, 7),
			c.wakeup(1013, -1, 22),
			c.irqEnd(1014, 7),
			c.softirqEnd(1015, 7),
			c.wakeup(1016, 7, 23), // the thread itself
			c.softirq(1017, 7),
			c.softirqEnd(1018, 7),
			c.wakeup(1019, -1, 24),
			c.switch(1020, 7, 20),
		);
		const byUtid = new Map(rows(result, "thread").map((t) => [t.utid, Number(t.tid)]));
		const wakers = rows(result, "thread_state")
			.filter((r) => r.state === "sleeping" && r.waking_ts !== null && Number(r.waking_ts) >= 1000)
			.map((r) => [byUtid.get(r.utid), r.waker_irq, byUtid.get(r.waker_utid) ?? null]);
		expect(wakers.sort()).toEqual([
			[20, "hard interrupt", null],
			[21, "softirq TIMER", null],
			[22, "irq 20 virtio1", null],
			[23, null, 7],
			[24, "hard interrupt", null],
		]);
	});
});

describe("threads", () => {
	it("have the process that their records tell, and that of the switch that brings them", async () => {
		const c = cpu(0);
		const result = await one(
			c.add(1000, SCHED_SWITCH, 101, switchBody(205, { tgid: 200 }), { tgid: 100 }),
			c.add(1001, SCHED_SWITCH, 205, switchBody(0), { tgid: 200 }),
		);
		const processes = rows(result, "thread")
			.filter((t) => t.utid !== 0)
			.map((t) => [t.tid, t.tgid].map(Number));
		expect(processes).toEqual([
			[101, 100],
			[205, 200],
		]);
	});

	it("are others where the number is of another process", async () => {
		const c = cpu(0);
		const result = await one(
			c.add(1000, SCHED_SWITCH, 101, switchBody(0), { tgid: 100 }),
			c.add(1001, SCHED_SWITCH, 0, switchBody(101, { tgid: 101 })),
			c.add(1002, SCHED_SWITCH, 101, switchBody(0), { tgid: 101 }),
		);
		const lives = rows(result, "thread")
			.filter((t) => Number(t.tid) === 101)
			.map((t) => Number(t.tgid));
		expect(lives).toEqual([100, 101]);
	});
});

describe("recordings", () => {
	it("with different tags in one folder are traces of their own", async () => {
		const result = await readBack({
			...uname,
			"ki.bin.000.0102_0304": chunk([cpu(0).switch(1000, 100, 0)]),
			"ki.bin.000.0102_0305": chunk([cpu(0).switch(9000, 100, 0)]),
		});
		expect(result.buffers).toEqual(["0102_0304", "0102_0305"]);
		expect(result.summaries.map((s) => [s.buffer, s.window!.start])).toEqual([
			["0102_0304", 1000n],
			["0102_0305", 9000n],
		]);
		expect((await one(cpu(0).switch(1000, 100, 0))).buffers).toEqual([""]);
	});

	it("of an unknown machine have system calls without names, and it is said", async () => {
		const result = await readBack({
			"ki.bin.000.T": chunk([cpu(0).add(1000, SYS_ENTER, 9, words(1, 0, 0, 0, 0, 0, 0))]),
		});
		expect(notes(result)).toContainEqual(["arch-unknown", 1]);
		expect(rows(result, "sys_enter").length).toBe(1);
	});

	it("are refused where they are not LiKI's, or of another byte order", async () => {
		const refused: [number | null, RegExp][] = [
			[0x0100_0005, /Windows/],
			[0x0001_0000, /Windows/],
			[0xffff_ffff, /invalid/],
			[0x0900_0000, /big-endian/],
			[11, /unknown version/],
			[2, /unknown version/],
			[null, /empty/],
		];
		for (const [version, words] of refused) {
			const bytes = version === null ? Buffer.alloc(0) : chunk([cpu(0).switch(1000, 100, 0)], { version });
			const error = await readBack({ "ki.bin.000.T": bytes }).catch((e) => e);
			expect(error).toBeInstanceOf(PowerkiError);
			expect(error.code).toBe(exitCode.unreadable);
			expect(error.message).toMatch(words);
		}
	});

	it("without a record have no window", async () => {
		const result = await readBack({
			...uname,
			"ki.bin.000.T": chunk([], { began: 1000, synced: 1001, last: true }),
		});
		expect([result.summaries[0]!.window, result.summaries[0]!.events]).toEqual([null, {}]);
	});

	it("on as many CPUs as there may be need little memory for each", async () => {
		const files = Object.fromEntries(
			Array.from({ length: 600 }, (_, k) => [
				`ki.bin.${String(k * 3).padStart(3, "0")}.T`,
				chunk([cpu(k * 3).switch(1000 + k, 100 + k, 0)], { last: true }),
			]),
		);
		const result = await readBack({ ...uname, ...files });
		expect(rows(result, "sched_switch").length).toBe(600);
		expect(result.summaries[0]!.machine.cpus).toBe(1798);
	});
});
