import { expect, test } from "vitest";
import { Lost } from "./lost.ts";
import { Sched } from "./sched.ts";
import { DeriveTest } from "./testing.ts";
import { ThreadIdentity } from "./thread-identity.ts";

const swap = (prev: number, state: number, next: number, prevPrio = 120, nextPrio = 120) => ({
	prev_pid: prev,
	prev_prio: prevPrio,
	prev_state: state,
	next_pid: next,
	next_prio: nextPrio,
});

function slices(t: DeriveTest) {
	t.run((context) => [new ThreadIdentity(context), new Sched(context), new Lost(context)]);
	return t
		.rows("sched")
		.sort((a, b) => Number(a.cpu) - Number(b.cpu))
		.map((r) => {
			const tid = r.utid === null ? null : t.threads.tidOf(r.utid as number);
			const edges = `${r.open_left ? "<" : ""}${r.open_right ? ">" : ""}`;
			return [r.cpu, r.ts, r.dur, tid, r.end_state, r.prio, edges];
		});
}

test("slices tile the CPU's window: the first goes to prev of the first switch, the last to the last record", () => {
	const t = new DeriveTest()
		.event(100, 0, 7, "x")
		.event(130, 0, 7, "sched_switch", swap(7, 0x100, 8, 110, 120))
		.event(150, 0, 8, "sched_switch", swap(8, 1, 0))
		.event(170, 0, 0, "x");
	expect(slices(t)).toEqual([
		[0, 100, 30, 7, "R+", 110, "<"],
		[0, 130, 20, 8, "S", 120, ""],
		[0, 150, 20, 0, null, 120, ">"],
	]);
});

test("a CPU without switches ran the thread of its records", () => {
	const t = new DeriveTest()
		.event(10, 1, 0, "x")
		.event(100, 0, 7, "sched_switch", swap(7, 1, 0))
		.event(200, 1, 0, "x");
	expect(slices(t)).toContainEqual([1, 10, 190, 0, null, null, "<>"]);
});

test("without any sched_switch nothing is said", () => {
	expect(slices(new DeriveTest().event(10, 0, 5, "x").event(20, 0, 5, "x"))).toEqual([]);
});

test("nor where events were lost, whether switches would have been recorded or not", () => {
	for (const recorded of [["x"], ["x", "sched_switch"]])
		expect(
			slices(new DeriveTest({ recorded }).event(10, 0, 5, "x").lost(0, 10, 20).event(20, 0, 5, "x")),
		).toEqual([]);
});

test("a loss before the first switch is told with it", () => {
	const t = new DeriveTest()
		.event(10, 0, 5, "x")
		.event(15, 0, 5, "x")
		.lost(0, 15, 20)
		.event(30, 0, 6, "sched_switch", swap(6, 1, 0))
		.event(40, 0, 0, "x");
	expect(slices(t)).toEqual([
		[0, 10, 5, 5, null, null, "<>"],
		[0, 20, 10, null, "S", null, "<"],
		[0, 30, 10, 0, null, 120, ">"],
	]);
});

test("after lost events the thread is unknown until the next switch; the loss is no slice", () => {
	const t = new DeriveTest()
		.event(100, 0, 7, "sched_switch", swap(7, 1, 8))
		.event(120, 0, 8, "x")
		.lost(0, 120, 150, 42)
		.event(150, 0, 9, "x")
		.event(160, 0, 9, "sched_switch", swap(9, 2, 8))
		.event(170, 0, 8, "x");
	expect(slices(t)).toEqual([
		[0, 100, 0, 7, "S", 120, "<"],
		[0, 100, 20, 8, null, 120, ">"],
		[0, 150, 10, null, "D", null, "<"],
		[0, 160, 10, 8, null, 120, ">"],
	]);
	expect(t.rows("lost")).toEqual([{ ts: 120, dur: 30, cpu: 0, events: 42 }]);
});

test("an unknown number of lost events is NULL", () => {
	const t = new DeriveTest().event(1, 0, 7, "x").lost(0, 1, 5).event(5, 0, 7, "x");
	t.run((context) => [new Lost(context)]);
	expect(t.rows("lost")).toEqual([{ ts: 1, dur: 4, cpu: 0, events: null }]);
});

test("where another thread leaves than the one that came, who ran is unknown", () => {
	const t = new DeriveTest()
		.event(100, 0, 7, "sched_switch", swap(7, 1, 8))
		.event(140, 0, 9, "sched_switch", swap(9, 1, 7))
		.event(150, 0, 7, "x");
	expect(slices(t)).toEqual([
		[0, 100, 0, 7, "S", 120, "<"],
		[0, 100, 40, null, "S", null, ""],
		[0, 140, 10, 7, null, 120, ">"],
	]);
	expect(t.notes).toMatchObject([{ severity: "info", kind: "sched_switch_missing" }]);
});

test("a thread does not run on two CPUs", () => {
	const t = new DeriveTest()
		.event(100, 0, 0, "sched_switch", swap(0, 0, 8))
		.event(110, 1, 0, "sched_switch", swap(0, 0, 8))
		.event(120, 0, 0, "x")
		.event(130, 1, 8, "x");
	expect(slices(t)).toEqual([
		[0, 100, 0, 0, "R", 120, "<"],
		[0, 100, 20, null, null, null, ">"],
		[1, 110, 0, 0, "R", 120, "<"],
		[1, 110, 20, 8, null, 120, ">"],
	]);
});

test("a clock that does not count time gives no durations", () => {
	const t = new DeriveTest({ timed: false })
		.event(1, 0, 7, "sched_switch", swap(7, 1, 8))
		.event(2, 0, 8, "x");
	expect(slices(t).map((r) => r[2])).toEqual([null, null]);
});
