/** Recordings of LinuxKI's ftrace mode: which records are of it, their times, and what is said of what is missing. */
import { writeFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { Writer } from "../perf/testing.ts";
import { inspectFtrace } from "./ftrace-info.ts";
import {
	type Archive,
	archive,
	event,
	extend,
	marker,
	payload,
	piece,
	print,
	readBack,
	stamp,
	sysEnter,
	sysExit,
	TAG,
	types,
} from "./ftrace-testing.ts";
import type { Recording } from "./recording.ts";

const T = 5_000_000_000_123n;

let remove: (() => void)[] = [];
afterEach(() => {
	for (const r of remove) r();
	remove = [];
});

function recorded(a: Archive): Recording {
	const made = archive(a);
	remove.push(made.remove);
	return made.recording;
}

const ts = (rows: readonly Readonly<Record<string, unknown>>[]): unknown[] => rows.map((r) => r.ts);
const kinds = (notes: readonly { kind: string; cpu?: number | null; count?: number }[]): unknown[] =>
	notes.filter((n) => n.kind !== "lost-unknown").map((n) => [n.kind, n.cpu ?? null, n.count]);

/** All between two markers. */
const between = (...records: readonly Buffer[]): Buffer =>
	piece(T, marker(0, "BEGIN"), ...records, marker(1, "END"));

describe("times", () => {
	it("adds the delta of every kind of record", async () => {
		const long = event(30, payload(types.sys_exit, 9, new Writer().u64(4, 1, 2, 3).done()), true);
		const { rows, summary } = await readBack(
			recorded({
				cpus: [
					[
						between(
							sysExit(70, 9, 4, 0),
							long,
							extend(2 ** 28 + 5),
							sysExit(1, 9, 4, 0),
							stamp(T + 10n ** 12n),
							sysExit(2, 9, 4, 0),
							sysExit(3, 9, 4, 0),
						),
					],
				],
			}),
		);
		const far = T + 10n ** 12n;
		expect(ts(rows("sys_exit"))).toEqual([T + 70n, T + 100n, T + 100n + 2n ** 28n + 6n, far + 2n, far + 5n]);
		expect(summary.window).toEqual({ start: T, end: far + 6n });
		expect(summary.clock).toEqual({ name: "local", unit: "ns", wallOffset: null });
	});
});

describe("the markers", () => {
	const cpus = [
		[
			piece(T, sysEnter(0, 3, 4), marker(10, "BEGIN"), sysExit(5, 3, 4, 0)),
			piece(T + 15n, marker(85, "END")),
		],
		[piece(T + 9n, sysEnter(0, 8, 4), sysExit(1, 8, 4, 0), sysEnter(90, 8, 4), sysExit(1, 8, 4, 0))],
	];

	it("bound the recording on all CPUs, themselves included", async () => {
		const recording = recorded({ cpus });
		const { rows, summary } = await readBack(recording);
		expect(rows("print").map((r) => [r.ts, r.cpu, r.ip, r.buf])).toEqual([
			[T + 10n, 0, 0x1234n, `kitrace_marker_BEGIN_${TAG}\n`],
			[T + 100n, 0, 0x1234n, `kitrace_marker_END_${TAG}\n`],
		]);
		expect(rows("sys_enter").map((r) => [r.ts, r.cpu])).toEqual([[T + 100n, 1]]);
		expect(rows("sys_exit").map((r) => [r.ts, r.cpu])).toEqual([
			[T + 10n, 1],
			[T + 15n, 0],
		]);
		expect(summary.events).toEqual({ print: 2, sys_enter: 1, sys_exit: 2 });
		expect(summary.window).toEqual({ start: T + 10n, end: T + 100n });
		expect(kinds(summary.notes)).toEqual([["outside-markers", null, 3]]);
		expect(summary.damaged).toBe(false);
		expect(await inspectFtrace(recording)).toMatchObject({
			events: summary.events,
			start: T + 10n,
			end: T + 100n,
			cpusWithRecords: [0, 1],
			pageBytes: 4096,
			arch: "ppc64le",
			kernel: "6.12.95",
			host: "kipow",
			lost: { events: null, gaps: 0 },
			damage: [],
		});
	});

	it("are where --window counts from", async () => {
		const { summary } = await readBack(recorded({ cpus }), { window: { from: 0, to: 20e-9 } });
		expect(summary.window).toEqual({ start: T + 10n, end: T + 15n });
	});

	it("of another recording are none, and without them all is imported", async () => {
		const { summary } = await readBack(
			recorded({
				cpus: [[piece(T, sysEnter(0, 3, 4), marker(1, "BEGIN", "1127_0000"), sysExit(1, 3, 4, 0))]],
			}),
		);
		expect(summary.events).toEqual({ sys_enter: 1, print: 1, sys_exit: 1 });
		expect(kinds(summary.notes)).toEqual([["markers-missing", null, 1]]);
	});

	it("may be one: the records go to the end", async () => {
		const { summary } = await readBack(
			recorded({ cpus: [[piece(T, sysEnter(0, 3, 4), marker(1, "BEGIN"), sysExit(1, 3, 4, 0))]] }),
		);
		expect(summary.events).toEqual({ print: 1, sys_exit: 1 });
		expect(summary.notes.find((n) => n.kind === "markers-missing")?.text).toContain("no kitrace_marker_END");
	});
});

describe("formats", () => {
	it("that runki never copies are known", async () => {
		const vector = event(1, payload(types.call, 9, new Writer().u32(251).done()));
		const { rows, summary } = await readBack(recorded({ cpus: [[between(vector, print(1, "hello"))]] }));
		expect(rows("call_function_entry").map((r) => [r.ts, r.vector])).toEqual([[T + 1n, 251n]]);
		expect(rows("print").map((r) => r.buf)[1]).toBe("hello\n");
		expect(kinds(summary.notes)).toEqual([]);
	});

	it("complete names that ids cuts", async () => {
		const record = event(1, payload(types.cut, 9, new Writer().u64(77).done()));
		const { rows } = await readBack(recorded({ cpus: [[between(record)]] }));
		expect(rows("mm_filemap_delete_from_page_cache").map((r) => r.index)).toEqual([77n]);
	});

	it("that are missing leave time, CPU and thread, and nothing is derived from them", async () => {
		const record = event(1, payload(types.sched_switch, 9, Buffer.alloc(56)));
		const { rows, summary } = await readBack(recorded({ cpus: [[between(record)]] }));
		expect(rows("sched_switch")).toEqual([{ ts: T + 1n, cpu: 0, utid: expect.any(Number) }]);
		expect(rows("sched")).toEqual([]);
		expect(kinds(summary.notes)).toEqual([["format-missing", null, 1]]);
	});

	it("of types that nobody knows are counted as unknown", async () => {
		const { summary } = await readBack(recorded({ cpus: [[between(event(1, payload(999, 9)))]] }));
		expect(summary.unknownEvents).toEqual({ "type 999": 1 });
		expect(kinds(summary.notes)).toEqual([["event-unknown", null, 1]]);
	});

	it("name the events where there are no ids", async () => {
		const { summary } = await readBack(
			recorded({ cpus: [[between(sysEnter(1, 9, 4))]], members: { ids: null } }),
		);
		expect(summary.events).toEqual({ sys_enter: 1 });
		expect(summary.unknownEvents).toEqual({ "type 5": 2 });
		expect(kinds(summary.notes)).toEqual([
			["ids-missing", null, 1],
			["event-unknown", null, 2],
		]);
	});

	it("system calls have the numbers of the machine", async () => {
		const { rows } = await readBack(recorded({ cpus: [[between(sysEnter(1, 9, 4), sysExit(1, 9, 4, 12))]] }));
		expect(rows("syscall").map((r) => [r.name, r.ret])).toEqual([["write", 12n]]);
	});
});

/** Records of `bytes` bytes together, 20 ns apart. */
function filled(bytes: number): Buffer[] {
	const one = sysExit(20, 9, 4, 0);
	return Array.from({ length: Math.floor(bytes / one.length) }, () => one);
}
const RECORD = 28;

describe("what is missing", () => {
	it("is not told in this mode: lost is unknown, not none", async () => {
		const { summary } = await readBack(recorded({ cpus: [[between()]] }));
		expect(summary.lost).toEqual({ gaps: 0, events: 0, unknownGaps: 1 });
		expect(summary.cpus.map((c) => c.lostEvents)).toEqual([null]);
		expect(summary.notes.map((n) => n.kind)).toEqual(["lost-unknown"]);
	});

	const first = [piece(T, marker(0, "BEGIN")), piece(T, ...filled(1200))];
	const ended = T + 20n * BigInt(Math.floor(1200 / RECORD));
	/** A full sub-buffer, in the end the marker of the end. */
	const last = (time: bigint): Buffer[] => [
		piece(time, sysExit(0, 9, 4, 0), ...filled(4000)),
		piece(time + 100_000n, marker(0, "END")),
	];

	it("nothing where a piece goes on where the one before ended", async () => {
		const rest = piece(ended, ...filled(2750));
		const { summary } = await readBack(recorded({ cpus: [[...first, rest, ...last(ended + 10_000n)]] }));
		expect(summary.lost.gaps).toBe(0);
		expect(kinds(summary.notes)).toEqual([]);
	});

	it("a piece, where a sub-buffer goes on later than what is there of it", async () => {
		const rest = piece(ended + 500n, ...filled(1000));
		const { rows, summary } = await readBack(
			recorded({ cpus: [[...first, rest, ...last(ended + 10_000n)]] }),
		);
		expect(rows("lost").map((r) => [r.ts, r.dur, r.events ?? null])).toEqual([[ended, 520n, null]]);
		expect(summary.lost).toEqual({ gaps: 1, events: 0, unknownGaps: 1 });
		expect(kinds(summary.notes)).toEqual([["pieces-missing", 0, 1]]);
		expect(summary.damaged).toBe(false);
	});

	it("the end of a sub-buffer that has room for the next record", async () => {
		const cpu = [...last(T - 200_000n).slice(0, 1), piece(T, marker(0, "BEGIN"), ...filled(1200))];
		const { rows, summary } = await readBack(recorded({ cpus: [[...cpu, ...last(ended + 10_000n)]] }));
		expect(rows("lost").map((r) => [r.ts, r.dur, r.events ?? null])).toEqual([[ended, 10_000n, null]]);
		expect(kinds(summary.notes)).toEqual([
			["pieces-missing", 0, 1],
			["outside-markers", null, 143],
		]);
	});

	/** A sub-buffer of 64 KiB in pieces of what fits 4096 bytes, from `time` on. */
	function large(time: bigint, pieces: number, tail: number): Buffer[] {
		const records = filled(4080);
		const step = 20n * BigInt(records.length);
		return Array.from({ length: pieces }, (_, i) =>
			piece(time + step * BigInt(i), ...(i === pieces - 1 ? filled(tail) : records)),
		);
	}

	it("the end, where large sub-buffers were read in pieces until the time was over", async () => {
		const members = { "getconf-a": "PAGESIZE 65536\n" };
		const recording = recorded({
			cpus: [[...large(T, 17, 600), ...large(T + 10n ** 6n, 6, 4080)], large(T + 5n, 5, 560)],
			members,
		});
		const { rows, summary } = await readBack(recording);
		expect(rows("lost").map((r) => [r.cpu, r.ts, r.dur, r.events ?? null])).toEqual([
			[0, summary.window!.end, 0n, null],
		]);
		expect(summary.damaged).toBe(true);
		expect(summary.machine.pageBytes).toBe(65_536);
		expect(kinds(summary.notes)).toEqual([
			["markers-missing", null, 1],
			["pages-cut", 0, 23],
		]);
		const info = await inspectFtrace(recording);
		expect(info.damage).toHaveLength(1);
		expect(info.lost).toEqual({ events: null, gaps: 1 });
	});

	it("is seen in the pieces where nothing tells the size of pages", async () => {
		const { summary } = await readBack(
			recorded({ cpus: [large(T, 6, 4080)], members: { "getconf-a": "not found\n" } }),
		);
		expect(kinds(summary.notes)).toContainEqual(["pages-cut", 0, 6]);
	});

	it("is nothing on a machine of small pages that ends with a full one", async () => {
		const { summary } = await readBack(recorded({ cpus: [large(T, 1, 4080)] }));
		expect(kinds(summary.notes)).toEqual([["markers-missing", null, 1]]);
	});
});

describe("damage", () => {
	const good = [between(sysEnter(1, 9, 4)), piece(T + 100n, sysExit(0, 9, 4, 0))];
	const bytes = Buffer.concat(good);

	it("of any length leaves the pieces before it", async () => {
		const { recording, remove: done } = archive({ cpus: [[bytes]] });
		remove.push(done);
		const whole = good[0]!.length;
		for (const n of [1, 15, 16, 100, whole - 1, whole, whole + 15, whole + 16, bytes.length - 1]) {
			writeFileSync(recording.files[0]!.path, bytes.subarray(0, n));
			const { summary } = await readBack(recording);
			expect(summary.events).toEqual(n >= whole ? { print: 2, sys_enter: 1 } : {});
			expect(summary.damaged).toBe(n !== whole);
		}
	});

	it("costs the rest of the file where a header makes no sense", async () => {
		for (const wrong of [new Writer().u64(T).u32(200_000, 0), new Writer().u64(T).u32(8, 9)]) {
			const { summary } = await readBack(recorded({ cpus: [[good[0]!, wrong.done(), good[0]!]] }));
			expect(summary.events).toEqual({ print: 2, sys_enter: 1 });
			expect(summary.damaged).toBe(true);
			expect(summary.notes.find((n) => n.kind === "truncated")?.offset).toBe(good[0]!.length);
		}
	});

	it("costs the rest of a piece where the length of a record makes no sense", async () => {
		const broken = piece(T + 1n, sysEnter(0, 9, 4), Buffer.from([28, 0, 0, 0, 1, 2, 3, 4]));
		const { summary } = await readBack(
			recorded({ cpus: [[piece(T, marker(0, "BEGIN")), broken, piece(T + 9n, marker(0, "END"))]] }),
		);
		expect(summary.events).toEqual({ print: 2, sys_enter: 1 });
		expect(kinds(summary.notes)).toContainEqual(["page-damaged", 0, 1]);
		expect(summary.lost.gaps).toBe(1);
	});

	it("costs a piece without a time, and none that begins earlier than the one before", async () => {
		const cpus = [
			[
				piece(T, marker(0, "BEGIN"), sysEnter(50, 9, 4)),
				piece(0n, sysExit(0, 9, 4, 0)),
				piece(T + 60n, sysExit(0, 9, 4, 1)),
				piece(T + 20n, sysExit(0, 9, 4, 2)),
				piece(T + 90n, marker(0, "END")),
			],
		];
		const { rows, summary } = await readBack(recorded({ cpus }));
		expect(rows("sys_exit").map((r) => [r.ts, r.ret])).toEqual([
			[T + 60n, 1n],
			[T + 20n, 2n],
		]);
		expect(kinds(summary.notes)).toEqual(
			expect.arrayContaining([
				["pages-backwards", 0, 1],
				["pages-without-time", 0, 1],
			]),
		);
		expect(summary.lost.gaps).toBeGreaterThan(0);
	});

	it("that steps back puts the window's start at the earliest record, and no interval ends before it begins", async () => {
		const recording = recorded({
			cpus: [
				[
					piece(T + 60n, sysEnter(0, 9, 4), sysExit(5, 9, 4, 0), event(7, payload(9999, 9))),
					piece(T + 20n, sysEnter(0, 9, 4), Buffer.alloc(12, 0xff), sysExit(1, 9, 4, 0)),
					piece(T + 40n, sysExit(0, 9, 4, 0)),
				],
			],
		});
		const { rows, summary } = await readBack(recording);
		expect(summary.window).toEqual({ start: T + 20n, end: T + 72n });
		expect(summary.cpus.map((c) => [c.first <= c.last, c.last])).toEqual([[true, T + 72n]]);
		expect(await inspectFtrace(recording)).toMatchObject({ start: T + 20n, end: T + 72n });
		for (const table of ["lost", "syscall"])
			for (const row of rows(table)) expect(row.dur as bigint).toBeGreaterThanOrEqual(0n);
	});

	it("costs a piece that is years away from the others", async () => {
		const far = 2n ** 57n;
		const { rows, summary } = await readBack(
			recorded({
				cpus: [
					[
						piece(T, marker(0, "BEGIN"), sysEnter(1, 9, 4)),
						piece(T + far, sysExit(0, 9, 4, 1)),
						piece(T + 60n, stamp(T + far), sysExit(0, 9, 4, 2)),
						piece(T + 90n, sysExit(0, 9, 4, 3), marker(0, "END")),
					],
				],
			}),
		);
		expect(rows("sys_exit").map((r) => r.ret)).toEqual([3n]);
		expect(kinds(summary.notes)).toContainEqual(["page-damaged", 0, 2]);
	});

	it("is not a recording without a record", async () => {
		const recording = recorded({ cpus: [[], [piece(T)]] });
		const { summary } = await readBack(recording);
		expect(summary.window).toBeNull();
		expect(summary.events).toEqual({});
		expect((await inspectFtrace(recording)).start).toBeNull();
	});
});
