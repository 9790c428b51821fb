import { describe, expect, test } from "vitest";
import { Sched } from "./sched.ts";
import { DeriveTest, type TestOptions, type TestRow } from "./testing.ts";
import { ThreadIdentity } from "./thread-identity.ts";
import { ThreadStates } from "./thread-state.ts";

const S = 1;
const PREEMPTED = 0x100;
const swap = (prev: number, state: number, next: number) => ({
	prev_pid: prev,
	prev_prio: 120,
	prev_state: state,
	next_pid: next,
	next_prio: 110,
});
const wake = (pid: number, target_cpu: number) => ({ pid, target_cpu });

let states: ThreadStates;

function run(t: DeriveTest): DeriveTest {
	return t.run((context) => {
		states = new ThreadStates(context);
		return [new ThreadIdentity(context), new Sched(context), states];
	});
}

const edges = (r: { open_left?: unknown; open_right?: unknown }) =>
	`${r.open_left ? "<" : ""}${r.open_right ? ">" : ""}`;

/** Slices of a CPU: [tid or null, from, to, end_state, edges]. */
function slices(t: DeriveTest, cpu: number): unknown[][] {
	return t
		.rows("sched")
		.filter((r) => r.cpu === cpu)
		.map((r) => {
			const from = r.ts as number;
			const tid = r.utid === null ? null : t.threads.tidOf(r.utid as number);
			return [tid, from, from + (r.dur as number), r.end_state, edges(r)];
		});
}

/** States of a tid: [state, from, to, edges]. */
function life(t: DeriveTest, tid: number): unknown[][] {
	return rowsOf(t, tid).map((r) => {
		const from = r.ts as number;
		return [r.state, from, from + (r.dur as number), edges(r)];
	});
}

const rowsOf = (t: DeriveTest, tid: number) =>
	t.rows("thread_state").filter((r) => t.threads.tidOf(r.utid as number) === tid);

const kinds = (t: DeriveTest) => t.notes.map((n) => n.kind);

/** Times in µs: records of one switch are closer than the tests' other events. */
const us = 1000;

describe("PERF_RECORD_SWITCH of whole CPUs", () => {
	test("tells who runs, and of a preempted thread that it is runnable", () => {
		const t = run(
			new DeriveTest()
				.event(100, 0, 7, "x")
				.out(110, 0, 7, 8, true)
				.in(111, 0, 8, 7)
				.out(150, 0, 8, 0)
				.in(151, 0, 0, 8)
				.out(160, 0, 0, 7, true)
				.in(161, 0, 7, 0)
				.event(180, 0, 7, "x"),
		);
		expect(slices(t, 0)).toEqual([
			[7, 100, 110, "R+", "<"],
			[8, 110, 150, null, ""],
			[0, 150, 160, "R", ""],
			[7, 160, 180, null, ">"],
		]);
		expect(life(t, 7)).toEqual([
			["running", 100, 110, "<"],
			["runnable", 110, 160, ""],
			["running", 160, 180, ">"],
		]);
		expect(life(t, 8)).toEqual([
			["running", 110, 150, ""],
			["unknown", 150, 180, ">"],
		]);
		expect(kinds(t)).toEqual(["switch-records"]);
	});

	test("may begin a CPU with the thread that comes: its start is known", () => {
		const t = run(new DeriveTest().in(100, 0, 7, 5).out(120, 0, 7, 0).in(121, 0, 0, 7).event(130, 0, 0, "x"));
		expect(slices(t, 0)).toEqual([
			[5, 100, 100, null, "<"],
			[7, 100, 120, null, ""],
			[0, 120, 130, null, ">"],
		]);
		expect(life(t, 7)[0]).toEqual(["running", 100, 120, ""]);
	});

	test("leaves what the thread waited for unknown; a waking ends that", () => {
		const t = run(
			new DeriveTest()
				.out(100, 0, 7, 8)
				.in(101, 0, 8, 7)
				.event(130, 0, 8, "sched_waking", wake(7, 0))
				.event(132, 0, 8, "sched_wakeup", wake(7, 0))
				.out(140, 0, 8, 7)
				.in(141, 0, 7, 8),
		);
		expect(life(t, 7)).toEqual([
			["running", 100, 100, "<"],
			["unknown", 100, 130, ""],
			["runnable", 130, 140, ""],
			["running", 140, 141, ">"],
		]);
		expect(rowsOf(t, 7)[2]).toMatchObject({ waking_ts: 130, wake_ts: 132, waker_utid: t.threads.find(8) });
	});

	test("adds nothing to sched_switch, which tells more", () => {
		const plain = () => new DeriveTest({ recorded: ["sched_switch", "PERF_RECORD_SWITCH"] });
		const both = run(
			plain()
				.event(100, 0, 7, "sched_switch", swap(7, S, 8))
				.out(101, 0, 7, 8)
				.in(102, 0, 8, 7)
				.event(150, 0, 8, "sched_switch", swap(8, PREEMPTED, 7))
				.out(151, 0, 8, 7, true)
				.in(152, 0, 7, 8)
				.event(170, 0, 7, "x"),
		);
		const alone = run(
			plain()
				.event(100, 0, 7, "sched_switch", swap(7, S, 8))
				.event(150, 0, 8, "sched_switch", swap(8, PREEMPTED, 7))
				.event(170, 0, 7, "x"),
		);
		expect(both.rows("sched")).toEqual(alone.rows("sched"));
		expect(both.rows("thread_state")).toEqual(alone.rows("thread_state"));
		expect(both.notes).toEqual([]);
	});

	test("of a thread that has ended names no thread: it is dead", () => {
		const t = run(
			new DeriveTest()
				.in(100 * us, 0, 7, 0)
				.exit(300 * us, 0, 7)
				.out(400 * us, 0, -1, 8)
				.in(500 * us, 0, 8, -1)
				.event(600 * us, 0, 8, "x"),
		);
		expect(slices(t, 0)).toEqual([
			[0, 100_000, 100_000, null, "<"],
			[7, 100_000, 400_000, null, ""],
			[8, 400_000, 600_000, null, ">"],
		]);
		expect(life(t, 7)).toEqual([
			["running", 100_000, 400_000, ""],
			["dead", 400_000, 400_000, ""],
		]);
		expect(kinds(t)).toEqual(["switch-records"]);
	});

	test("after a loss nobody is known until the next switch", () => {
		const t = run(
			new DeriveTest()
				.out(100, 0, 7, 8)
				.lost(0, 120, 130)
				.in(140, 0, 8, 7)
				.out(150, 0, 8, 0)
				.event(160, 0, 0, "x"),
		);
		expect(slices(t, 0)).toEqual([
			[7, 100, 100, null, "<"],
			[8, 100, 120, null, ">"],
			[null, 130, 140, null, "<"],
			[8, 140, 150, null, ""],
			[0, 150, 160, null, ">"],
		]);
		expect(life(t, 8)).toContainEqual(["unknown", 120, 140, ""]);
	});

	test("is not told where no switch came", () => {
		const t = run(
			new DeriveTest({ recorded: ["PERF_RECORD_SWITCH"] }).event(1, 0, 5, "x").event(9, 0, 5, "x"),
		);
		expect(t.rows("sched")).toEqual([]);
		expect(t.rows("thread_state")).toEqual([]);
		expect(t.notes).toEqual([]);
	});
});

describe("PERF_RECORD_SWITCH of single threads", () => {
	const perTask = (more: TestOptions = {}) => new DeriveTest({ perTask: true, ...more });

	test("tells only of their own comings and goings: between them the CPU is unknown", () => {
		const t = run(
			perTask()
				.in(100 * us, 0, 7)
				.out(200 * us, 0, 7)
				.in(500 * us, 0, 8)
				.out(600 * us, 0, 8, -1, true)
				.in(600 * us, 0, 7)
				.event(700 * us, 0, 7, "x"),
		);
		expect(slices(t, 0)).toEqual([
			[7, 100_000, 200_000, null, ""],
			[null, 200_000, 500_000, null, ""],
			[8, 500_000, 600_000, "R+", ""],
			[7, 600_000, 700_000, null, ">"],
		]);
		expect(life(t, 7)).toEqual([
			["running", 100_000, 200_000, ""],
			["unknown", 200_000, 600_000, ""],
			["running", 600_000, 700_000, ">"],
		]);
		expect(life(t, 8).slice(0, 2)).toEqual([
			["running", 500_000, 600_000, ""],
			["runnable", 600_000, 700_000, ">"],
		]);
		expect(kinds(t)).toEqual(["switches-of-threads", "switch-records"]);
	});

	test("together with sched_switch gives waits and when they end", () => {
		const t = run(
			perTask()
				.event(100 * us, 0, 7, "x")
				.event(200 * us, 0, 7, "sched_switch", swap(7, S, 99))
				.stack(0, 33, 44)
				.out(201 * us, 0, 7)
				.in(500 * us, 1, 7)
				.event(600 * us, 1, 7, "x"),
		);
		expect(life(t, 7)).toEqual([
			["running", 100_000, 200_000, "<"],
			["sleeping", 200_000, 500_000, ""],
			["running", 500_000, 600_000, ">"],
		]);
		expect(rowsOf(t, 7)[1]).toMatchObject({ blocked_stack_id: 33, blocked_user_stack_id: 44 });
		expect(life(t, 99)).toEqual([["unknown", 200_000, 600_000, "<>"]]);
	});

	test("a sample just before the record of the coming does not contradict it", () => {
		const t = run(
			perTask()
				.out(100 * us, 0, 7)
				.event(300 * us, 0, 7, "x")
				.in(302 * us, 0, 7)
				.out(400 * us, 0, 7),
		);
		expect(life(t, 7).slice(1, 3)).toEqual([
			["unknown", 100_000, 300_000, ""],
			["running", 300_000, 400_000, "<"],
		]);
		expect(kinds(t)).not.toContain("sched_switch_missing");
	});

	test("a coming without the leaving before it makes the time between unknown", () => {
		const t = run(
			perTask()
				.in(100 * us, 0, 7)
				.in(400 * us, 0, 7)
				.out(500 * us, 0, 7),
		);
		expect(life(t, 7).slice(0, 2)).toEqual([
			["unknown", 100_000, 400_000, ""],
			["running", 400_000, 500_000, ""],
		]);
		expect(kinds(t)).toContain("sched_switch_missing");
	});
});

describe("sched_switch of single threads", () => {
	const perTask = (more: TestOptions = {}) => new DeriveTest({ perTask: true, ...more });

	test("tells when a thread leaves; that it is back, a record of it proves", () => {
		const t = run(
			perTask()
				.event(100 * us, 0, 7, "x")
				.event(200 * us, 0, 7, "sched_switch", swap(7, S, 0))
				.stack(0, 33, 44)
				.event(500 * us, 0, 7, "x")
				.event(600 * us, 0, 7, "sched_switch", swap(7, PREEMPTED, 99))
				.event(900 * us, 1, 7, "x")
				.event(950 * us, 1, 7, "sched_switch", swap(7, S, 0)),
		);
		expect(slices(t, 0)).toEqual([
			[7, 100_000, 200_000, "S", "<"],
			[null, 200_000, 500_000, null, ">"],
			[7, 500_000, 600_000, "R+", "<"],
			[null, 600_000, 600_000, null, ">"],
		]);
		expect(life(t, 7)).toEqual([
			["running", 100_000, 200_000, "<"],
			["sleeping", 200_000, 200_000, ">"],
			["unknown", 200_000, 500_000, ""],
			["running", 500_000, 600_000, "<"],
			["runnable", 600_000, 600_000, ">"],
			["unknown", 600_000, 900_000, ""],
			["running", 900_000, 950_000, "<"],
			["sleeping", 950_000, 950_000, ">"],
		]);
		expect(rowsOf(t, 7)[1]).toMatchObject({
			blocked_stack_id: 33,
			blocked_user_stack_id: 44,
			waker_utid: null,
			waking_ts: null,
		});
		expect(states.lastWait(t.threads.find(7))).toMatchObject({ since: 950_000, wakerUtid: -1 });
	});

	test("a recorded waking ends the wait; when the thread came to run is still unknown", () => {
		const t = run(
			perTask()
				.event(100 * us, 1, 8, "x")
				.event(200 * us, 0, 7, "sched_switch", swap(7, S, 0))
				.event(300 * us, 1, 8, "sched_waking", wake(7, 0))
				.event(301 * us, 1, 8, "sched_wakeup", wake(7, 0))
				.event(500 * us, 0, 7, "x")
				.event(501 * us, 1, 8, "x"),
		);
		expect(life(t, 7)).toEqual([
			["running", 200_000, 200_000, "<"],
			["sleeping", 200_000, 300_000, ""],
			["runnable", 300_000, 301_000, ">"],
			["unknown", 301_000, 500_000, ""],
			["running", 500_000, 500_000, "<>"],
			["unknown", 500_000, 501_000, ">"],
		]);
		const [, sleeping, runnable] = rowsOf(t, 7);
		expect(sleeping).toMatchObject({ waker_utid: t.threads.find(8), waking_ts: 300_000 });
		expect(runnable).toMatchObject({ waker_utid: t.threads.find(8), wake_ts: 301_000 });
	});

	test("what is open at the end was last seen when it began", () => {
		const t = run(
			perTask()
				.event(100 * us, 0, 7, "sched_switch", swap(7, S, 0))
				.event(200 * us, 1, 8, "sched_switch", swap(8, PREEMPTED, 99))
				.event(300 * us, 1, 8, "x"),
		);
		expect(life(t, 7)).toEqual([
			["running", 100_000, 100_000, "<"],
			["sleeping", 100_000, 100_000, ">"],
			["unknown", 100_000, 300_000, ">"],
		]);
		expect(life(t, 8)[1]).toEqual(["runnable", 200_000, 200_000, ">"]);
	});

	test("the thread that comes stays if it is recorded itself, since its leaving would be told", () => {
		const t = run(
			perTask()
				.event(100 * us, 1, 8, "sched_switch", swap(8, S, 0))
				.event(200 * us, 0, 7, "sched_switch", swap(7, PREEMPTED, 8))
				.event(400 * us, 0, 8, "sched_switch", swap(8, S, 7))
				.event(500 * us, 0, 7, "sched_switch", swap(7, S, 99))
				.event(600 * us, 0, 7, "x"),
		);
		expect(slices(t, 0)).toEqual([
			[7, 200_000, 200_000, "R+", "<"],
			[8, 200_000, 400_000, "S", ""],
			[7, 400_000, 500_000, "S", ""],
			[null, 500_000, 600_000, null, ">"],
			[7, 600_000, 600_000, null, "<>"],
		]);
		expect(life(t, 7).slice(0, 3)).toEqual([
			["running", 200_000, 200_000, "<"],
			["runnable", 200_000, 400_000, ""],
			["running", 400_000, 500_000, ""],
		]);
	});

	test("of a thread that is not recorded only the wakings are known: it may have run and slept between", () => {
		const t = run(
			perTask()
				.event(100 * us, 0, 7, "sched_waking", wake(99, 0))
				.event(101 * us, 0, 7, "sched_wakeup", wake(99, 0))
				.event(200 * us, 0, 7, "sched_switch", swap(7, S, 99))
				.event(400 * us, 0, 7, "sched_waking", wake(99, 0))
				.event(600 * us, 0, 7, "sched_waking", wake(99, 1))
				.event(700 * us, 0, 7, "x"),
		);
		expect(life(t, 99)).toEqual([
			["runnable", 100_000, 100_000, ">"],
			["unknown", 100_000, 400_000, ""],
			["runnable", 400_000, 400_000, ">"],
			["unknown", 400_000, 600_000, ""],
			["runnable", 600_000, 600_000, ">"],
			["unknown", 600_000, 700_000, ">"],
		]);
	});

	test("a record that the thread leaves behind while it switches is no sign that it is back", () => {
		const t = run(
			perTask()
				.event(100 * us, 0, 7, "sched_switch", swap(7, S, 0))
				.event(102 * us, 0, 7, "x")
				.event(500 * us, 0, 7, "x")
				.event(600 * us, 0, 7, "x"),
		);
		expect(life(t, 7)).toEqual([
			["running", 100_000, 100_000, "<"],
			["sleeping", 100_000, 100_000, ">"],
			["unknown", 100_000, 500_000, ""],
			["running", 500_000, 600_000, "<>"],
		]);
	});

	test("two threads on a CPU without a switch between: nothing is known of the first", () => {
		const t = run(
			perTask()
				.event(100 * us, 1, 9, "sched_switch", swap(9, S, 0))
				.event(200 * us, 0, 7, "x")
				.event(300 * us, 0, 8, "x")
				.event(400 * us, 0, 8, "sched_switch", swap(8, S, 0)),
		);
		expect(slices(t, 0)).toEqual([
			[null, 200_000, 300_000, null, "<>"],
			[8, 300_000, 400_000, "S", "<"],
			[null, 400_000, 400_000, null, ">"],
		]);
		expect(life(t, 7)).toEqual([["unknown", 200_000, 400_000, "<>"]]);
		expect(kinds(t)).toContain("sched_switch_missing");
	});

	test("a thread that ends takes its events with it: its last switch is not told, its time until then is", () => {
		const t = run(
			perTask()
				.event(100 * us, 1, 8, "sched_switch", swap(8, S, 0))
				.event(200 * us, 0, 7, "x")
				.exit(300 * us, 0, 7)
				.event(500 * us, 0, 8, "x")
				.event(600 * us, 0, 8, "x"),
		);
		expect(slices(t, 0)).toEqual([
			[7, 200_000, 300_000, null, "<>"],
			[null, 300_000, 500_000, null, "<>"],
			[8, 500_000, 600_000, null, "<>"],
		]);
		expect(life(t, 7)).toEqual([["running", 200_000, 300_000, "<>"]]);
		expect(kinds(t)).toEqual(["switches-of-threads"]);
	});

	test("a trace of single threads without switches has neither slices nor states, and no notes of them", () => {
		const t = perTask();
		for (let i = 0; i < 100; i++) t.event(i * us * 100, i % 3, 7 + (i % 2), "x");
		run(t);
		expect(t.rows("sched")).toEqual([]);
		expect(t.rows("thread_state")).toEqual([]);
		expect(t.notes).toEqual([]);
	});

	test("the clock counts as unknown what is not told", () => {
		const seen: number[][] = [];
		const t = perTask()
			.event(100 * us, 0, 7, "x")
			.event(200 * us, 0, 7, "sched_switch", swap(7, S, 0))
			.event(500 * us, 0, 7, "probe");
		t.run((context) => {
			const clock = new ThreadStates(context);
			const read = (ts: number) => {
				const totals = new Float64Array(4);
				clock.totals(context.threads.find(7), ts, totals);
				seen.push([...totals]);
			};
			const probe = {
				events: { probe: { fields: [], on: (ts: number) => read(ts) } },
				current: (_cpu: number, ts: number) => read(ts),
				finish() {},
			};
			// before the clock: as a call that is open at the end reads it before the states close
			return [new ThreadIdentity(context), probe, clock];
		});
		expect(seen.at(-2)).toEqual([100_000, 0, 0, 300_000]);
		expect(seen.at(-1)).toEqual([100_000, 0, 0, 300_000]);
	});
});

interface Truth {
	state: "running" | "runnable" | "sleeping";
	from: number;
	to: number;
	cpu: number;
}

type Recorded = "sched_switch" | "switch" | "both";

/** A scheduler whose truth is known, and what a recording of it has: of all threads, or of threads 1 to 3 only. */
function simulated(seed: number, recorded: Recorded, perTask: boolean): { t: DeriveTest; truth: Truth[][] } {
	let x = seed;
	const random = (n: number) => {
		x = (Math.imul(x, 1103515245) + 12345) >>> 0;
		return (x >>> 8) % n;
	};
	const has = (tid: number) => !perTask || (tid > 0 && tid <= 3);
	const events = recorded === "switch" ? [] : ["sched_switch"];
	const records = recorded === "sched_switch" ? [] : ["PERF_RECORD_SWITCH"];
	const t = new DeriveTest({ perTask, recorded: ["sched_waking", ...events, ...records] });
	const truth: Truth[][] = Array.from({ length: 7 }, (_, tid) => {
		const onCpu = tid === 1 || tid === 2;
		return [{ state: onCpu ? "running" : "runnable", from: 0, to: 0, cpu: onCpu ? tid - 1 : -1 }];
	});
	const current = [1, 2];
	const now = (tid: number) => truth[tid].at(-1)!;
	const turn = (tid: number, state: Truth["state"], ts: number, cpu: number) => {
		now(tid).to = ts;
		truth[tid].push({ state, from: ts, to: ts, cpu });
	};
	let ts = 1000;
	for (let i = 0; i < 700; i++) {
		ts += 10 + random(random(3) === 0 ? 400_000 : 2000);
		const cpu = random(2);
		const prev = current[cpu];
		const others = [1, 2, 3, 4, 5, 6].filter((tid) => tid !== prev);
		const what = random(10);
		if (what < 4) {
			const ready = others.filter((tid) => now(tid).state === "runnable");
			const next = ready[random(ready.length + 1)] ?? 0;
			if (prev === next) continue;
			const sleeps = random(3) > 0;
			if (prev !== 0) turn(prev, sleeps ? "sleeping" : "runnable", ts, -1);
			if (next !== 0) turn(next, "running", ts, cpu);
			current[cpu] = next;
			if (recorded !== "switch" && has(prev))
				t.event(ts, cpu, prev, "sched_switch", swap(prev, prev === 0 ? 0 : sleeps ? S : PREEMPTED, next));
			if (recorded !== "sched_switch" && has(prev))
				t.out(ts + 1, cpu, prev, perTask ? -1 : next, prev !== 0 && !sleeps);
			if (has(prev) && random(4) === 0) t.event(ts + 2, cpu, prev, "x");
			if (recorded !== "sched_switch" && has(next)) t.in(ts + 3, cpu, next, perTask ? -1 : prev);
			ts += 3;
		} else if (what < 7) {
			const asleep = others.filter((tid) => now(tid).state === "sleeping");
			if (asleep.length === 0) continue;
			const woken = asleep[random(asleep.length)];
			turn(woken, "runnable", ts, -1);
			if (has(prev)) t.event(ts, cpu, prev, "sched_waking", wake(woken, cpu));
		} else if (has(prev)) t.event(ts, cpu, prev, "x");
	}
	for (const life of truth) life.at(-1)!.to = ts;
	return { t, truth };
}

const slicesOfThreads = (t: DeriveTest) => t.rows("sched").filter((r) => r.utid !== null && r.utid !== 0);

/** Time of the rows by thread. */
function running(rows: readonly TestRow[]): [number, number][] {
	const by = new Map<number, number>();
	for (const r of rows) by.set(r.utid as number, (by.get(r.utid as number) ?? 0) + (r.dur as number));
	return [...by].filter(([, ns]) => ns > 0).sort((a, b) => a[0] - b[0]);
}

function expectTiled(t: DeriveTest): void {
	const at = new Map<number, number>();
	const bad = t.rows("thread_state").filter((r) => {
		const [utid, ts, dur] = [r.utid as number, r.ts as number, r.dur as number];
		const begins = at.get(utid) ?? t.threads.firstTsOf(utid);
		at.set(utid, ts + dur);
		return dur < 0 || ts !== begins;
	});
	expect(bad).toEqual([]);
	expect(at.size).toBeGreaterThan(2);
}

describe("a recording of a scheduler whose truth is known", () => {
	const modes: readonly (readonly [Recorded, boolean, number])[] = [
		["sched_switch", false, 0.95],
		["switch", false, 0.95],
		["both", false, 0.95],
		["sched_switch", true, 0.3],
		["switch", true, 0.95],
		["both", true, 0.95],
	];
	const cases = modes.flatMap((mode) => [1, 2, 3, 4].map((seed) => [...mode, seed] as const));

	test.each(cases)(
		"%s, single threads %s: nothing is invented (at least %f known; %i)",
		(recorded, perTask, known, seed) => {
			const { t, truth } = simulated(seed, recorded, perTask);
			run(t);
			// records of one switch are up to 3 ns apart
			const inTruth = (row: TestRow, states: readonly string[], cpu?: number) => {
				const tid = t.threads.tidOf(row.utid as number);
				const [from, to] = [(row.ts as number) + 3, (row.ts as number) + (row.dur as number) - 3];
				return truth[tid].every(
					(p) =>
						p.to <= from ||
						p.from >= to ||
						(states.includes(p.state) && (cpu === undefined || p.cpu === cpu)),
				);
			};
			const rows = t.rows("thread_state");
			const slice = slicesOfThreads(t);
			const wrong = [
				...slice.filter((r) => !inTruth(r, ["running"], r.cpu as number)),
				...rows.filter((r) => r.state === "running" && !inTruth(r, ["running"], r.cpu as number)),
				...rows.filter((r) => r.state === "runnable" && !inTruth(r, ["runnable"])),
				// a wait lasts until the thread runs again if its waking is not recorded
				...rows.filter(
					(r) => r.state === "sleeping" && !inTruth(r, perTask ? ["sleeping", "runnable"] : ["sleeping"]),
				),
			];
			expect(wrong).toEqual([]);
			expect(t.notes.filter((n) => n.kind === "sched_switch_missing")).toEqual([]);
			const ran = rows.filter((r) => r.state === "running");
			expect(running(ran)).toEqual(running(slice));

			expectTiled(t);
			const mine = perTask ? [1, 2, 3] : [1, 2, 3, 4, 5, 6];
			const truly = mine.flatMap((tid) => truth[tid]).filter((p) => p.state === "running");
			const told = ran.reduce((n, r) => n + (r.dur as number), 0);
			expect(told / truly.reduce((n, p) => n + p.to - p.from, 0)).toBeGreaterThan(known);
		},
	);
});

/** Records that no kernel would write in this order, with losses. */
function chaos(seed: number, perTask: boolean): DeriveTest {
	let x = seed;
	const random = (n: number) => {
		x = (Math.imul(x, 1103515245) + 12345) >>> 0;
		return (x >>> 8) % n;
	};
	const t = new DeriveTest({
		perTask,
		recorded: ["sched_switch", "sched_waking", ...(seed % 2 === 0 ? ["PERF_RECORD_SWITCH"] : [])],
	});
	let ts = 1000;
	for (let i = 0; i < 800; i++) {
		ts += random(4) === 0 ? random(100_000) : random(20);
		const cpu = random(3);
		const [a, b] = [random(8), random(8)];
		const pick = random(seed % 2 === 0 ? 12 : 8);
		if (pick < 3) t.event(ts, cpu, a, "sched_switch", swap(a, [0, 1, 2, 0x100, 0x20][random(5)], b));
		else if (pick < 4) t.event(ts, cpu, a, "sched_waking", wake(1 + random(7), cpu));
		else if (pick < 5) t.event(ts, cpu, a, "sched_wakeup", wake(1 + random(7), cpu));
		else if (pick < 6) t.event(ts, cpu, a, "x");
		else if (pick < 7) t.exit(ts, cpu, a);
		else if (pick < 8) {
			t.event(ts, cpu, a, "x").lost(cpu, ts, ts + 5);
			ts += 5;
		} else if (pick < 10) t.out(ts, cpu, a, random(3) - 1 < 0 ? -1 : b, random(2) === 0);
		else t.in(ts, cpu, a, random(2) === 0 ? -1 : b);
	}
	return t;
}

test.each(
	[true, false].flatMap((perTask) => [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => [perTask, seed] as const)),
)(
	"whatever comes, rows tile each life and running time is that of the slices (single threads %s; %i)",
	(perTask, seed) => {
		const t = run(chaos(seed, perTask));
		expectTiled(t);
		expect(running(t.rows("thread_state").filter((r) => r.state === "running"))).toEqual(
			running(slicesOfThreads(t)),
		);
		const cpus = new Map<unknown, number>();
		const bad = t.rows("sched").filter((r) => {
			const [ts, dur] = [r.ts as number, r.dur as number];
			const after = cpus.get(r.cpu) ?? 0;
			cpus.set(r.cpu, ts + dur);
			return dur < 0 || ts < after;
		});
		expect(bad).toEqual([]);
	},
);
