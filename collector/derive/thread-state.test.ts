import { describe, expect, test } from "vitest";
import { Sched } from "./sched.ts";
import { DeriveTest, type TestRow } from "./testing.ts";
import { ThreadIdentity } from "./thread-identity.ts";
import { ThreadStates } from "./thread-state.ts";

const HARDIRQ = 0x08;
const SOFTIRQ = 0x10;

const swap = (prev: number, state: number, next: number) => ({
	prev_pid: prev,
	prev_state: state,
	next_pid: next,
});
const wake = (pid: number, target_cpu: number) => ({ pid, target_cpu });

let states: ThreadStates;

function run(t: DeriveTest, end?: number, interrupt = -1, syscall = -1): DeriveTest {
	return t.run((context) => {
		states = new ThreadStates(context);
		states.connect({ nameOf: () => syscall }, { current: () => interrupt });
		return [new ThreadIdentity(context), states];
	}, end);
}

/** Rows of a tid: [state, from, to, edges]. */
function life(t: DeriveTest, tid: number): [unknown, number, number, string][] {
	return rowsOf(t, tid).map((r) => [
		r.state,
		r.ts as number,
		(r.ts as number) + (r.dur as number),
		`${r.open_left ? "<" : ""}${r.open_right ? ">" : ""}`,
	]);
}

function rowsOf(t: DeriveTest, tid: number): TestRow[] {
	return t.rows("thread_state").filter((r) => t.threads.tidOf(r.utid as number) === tid);
}

const waker = (t: DeriveTest, r: TestRow) =>
	r.waker_utid === null ? r.waker_irq : t.threads.tidOf(r.waker_utid as number);

describe("a wait", () => {
	const usual = () =>
		new DeriveTest()
			.event(100, 0, 7, "x")
			.event(110, 0, 7, "sched_switch", swap(7, 1, 0))
			.event(150, 1, 9, "sched_waking", wake(7, 0))
			.event(155, 0, 0, "sched_wakeup", wake(7, 0))
			.event(160, 0, 0, "sched_switch", swap(0, 0, 7))
			.event(180, 0, 7, "x");

	test("ends at the waking; the run queue wait at the switch", () => {
		const t = run(usual());
		expect(life(t, 7)).toEqual([
			["running", 100, 110, "<"],
			["sleeping", 110, 150, ""],
			["runnable", 150, 160, ""],
			["running", 160, 180, ">"],
		]);
	});

	test("keeps the waker, the waking and the enqueue", () => {
		const t = run(usual());
		const [, sleeping, runnable] = rowsOf(t, 7);
		expect(waker(t, sleeping)).toBe(9);
		expect(sleeping).toMatchObject({ waking_ts: 150, wake_ts: null, cpu: null });
		expect(waker(t, runnable)).toBe(9);
		expect(runnable).toMatchObject({ waking_ts: 150, wake_ts: 155, cpu: 0 });
	});

	test("keeps the stack of the switch, also when a waking comes before the stack", () => {
		const t = run(
			new DeriveTest()
				.event(110, 0, 7, "sched_switch", swap(7, 2, 0))
				.event(111, 1, 9, "sched_waking", wake(7, 0))
				.stack(0, 33)
				.event(120, 0, 0, "sched_switch", swap(0, 0, 7)),
		);
		expect(rowsOf(t, 7)[1]).toMatchObject({ state: "disk", blocked_stack_id: 33 });
		expect(states.lastWait(t.threads.find(7))).toMatchObject({ since: 110, stackId: 33 });
	});

	test("keeps the user stack as well, whether it comes with the kernel's or after it", () => {
		const t = run(
			new DeriveTest()
				.event(100, 0, 7, "sched_switch", swap(7, 1, 0))
				.stack(0, 33, 44)
				.event(110, 1, 8, "sched_switch", swap(8, 1, 0))
				.stack(1, 35)
				.stack(1, -1, 46)
				.event(120, 0, 0, "sched_switch", swap(0, 0, 7))
				.event(130, 0, 7, "sched_switch", swap(7, 1, 0)),
		);
		const stacks = (tid: number) =>
			rowsOf(t, tid)
				.filter((r) => r.state === "sleeping")
				.map((r) => [r.blocked_stack_id, r.blocked_user_stack_id]);
		expect(stacks(7)).toEqual([
			[33, 44],
			[null, null],
		]);
		expect(stacks(8)).toEqual([[35, 46]]);
	});

	test("keeps the system call in which it began", () => {
		const t = usual();
		run(t, undefined, -1, t.strings.code("futex"));
		expect(t.rows("thread_state").filter((r) => r.syscall !== null)).toMatchObject([
			{ state: "sleeping", syscall: "futex" },
		]);
	});

	test("ends at sched_wakeup where sched_waking is not recorded", () => {
		const t = run(
			new DeriveTest()
				.event(110, 0, 7, "sched_switch", swap(7, 1, 0))
				.event(150, 0, 9, "sched_wakeup", wake(7, 1))
				.event(160, 1, 0, "sched_switch", swap(0, 0, 7)),
		);
		const [, sleeping, runnable] = rowsOf(t, 7);
		expect(sleeping).toMatchObject({ ts: 110, dur: 40, waking_ts: 150 });
		expect(runnable).toMatchObject({ ts: 150, dur: 10, waking_ts: 150, wake_ts: 150, cpu: 1 });
		expect(waker(t, runnable)).toBe(9);
	});

	test("without any waking ends at the switch, by nobody known", () => {
		const t = run(
			new DeriveTest()
				.event(110, 0, 7, "sched_switch", swap(7, 1, 0))
				.event(160, 0, 0, "sched_switch", swap(0, 0, 7)),
		);
		expect(rowsOf(t, 7)[1]).toMatchObject({ state: "sleeping", dur: 50, waker_utid: null, waking_ts: null });
	});

	test("of every letter has its name", () => {
		const t = new DeriveTest();
		const letters = [1, 2, 4, 8, 0x40, 0x80, 0, 0x100];
		for (const [i, bit] of letters.entries())
			t.event(100 + i, 0, 10 + i, "sched_switch", swap(10 + i, bit, 11 + i));
		run(t.event(200, 0, 18, "x"));
		const last = letters.map((_, i) => rowsOf(t, 10 + i).at(-1)?.state);
		expect(last).toEqual(["sleeping", "disk", "stopped", "traced", "parked", "idle", "runnable", "runnable"]);
	});
});

describe("the waker", () => {
	const woken = (flags: number) =>
		new DeriveTest()
			.event(110, 0, 7, "sched_switch", swap(7, 1, 9))
			.event(150, 0, 9, "sched_waking", wake(7, 0), flags)
			.event(160, 0, 9, "sched_switch", swap(9, 0x100, 7));
	const by = (t: DeriveTest) => waker(t, rowsOf(t, 7)[1]);

	test("is the current thread", () => expect(by(run(woken(0)))).toBe(9));

	test("in an interrupt is the interrupt, never the thread that it interrupted", () => {
		const t = woken(HARDIRQ);
		run(t, undefined, t.strings.code("irq 20 virtio1"));
		expect(by(t)).toBe("irq 20 virtio1");
		expect(rowsOf(t, 7)[1].waker_utid).toBeNull();
		expect(states.lastWait(t.threads.find(7))).toMatchObject({ since: 110, wakerUtid: -1 });
	});

	test("in an interrupt without events of its own is told by its kind", () => {
		expect(by(run(woken(HARDIRQ)))).toBe("hard interrupt");
		expect(by(run(woken(SOFTIRQ)))).toBe("softirq");
		const t = woken(HARDIRQ | SOFTIRQ);
		expect(by(run(t, undefined, t.strings.code("softirq TIMER")))).toBe("hard interrupt");
	});
});

describe("a waking", () => {
	test("that arrives while its target still runs ends the wait that follows at once", () => {
		const t = run(
			new DeriveTest()
				.event(100, 0, 7, "x")
				.event(108, 1, 9, "sched_waking", wake(7, 0))
				.event(110, 0, 7, "sched_switch", swap(7, 1, 0))
				.event(112, 1, 9, "sched_wakeup", wake(7, 0))
				.event(120, 0, 0, "sched_switch", swap(0, 0, 7))
				.event(130, 0, 7, "x"),
		);
		expect(life(t, 7)).toEqual([
			["running", 100, 110, "<"],
			["sleeping", 110, 110, ""],
			["runnable", 110, 120, ""],
			["running", 120, 130, ">"],
		]);
		expect(rowsOf(t, 7)[2]).toMatchObject({ waking_ts: 108, wake_ts: 112 });
		expect(waker(t, rowsOf(t, 7)[2])).toBe(9);
	});

	test("that arrived while the target ran is dropped if another ends the wait", () => {
		const t = run(
			new DeriveTest()
				.event(100, 0, 7, "x")
				.event(105, 1, 9, "sched_waking", wake(7, 0))
				.event(110, 0, 7, "sched_switch", swap(7, 1, 0))
				.event(140, 1, 8, "sched_waking", wake(7, 0))
				.event(150, 0, 0, "sched_switch", swap(0, 0, 7)),
		);
		expect(rowsOf(t, 7)[1]).toMatchObject({ ts: 110, dur: 30, ignored_wakings: 1 });
		expect(waker(t, rowsOf(t, 7)[1])).toBe(8);
	});

	test("of a thread that goes on, or is runnable already, is only counted", () => {
		const t = run(
			new DeriveTest()
				.event(100, 0, 7, "x")
				.event(105, 1, 9, "sched_waking", wake(7, 0))
				.event(110, 0, 7, "sched_switch", swap(7, 0x100, 8))
				.event(120, 1, 9, "sched_waking", wake(7, 0))
				.event(125, 1, 9, "sched_waking", wake(7, 0))
				.event(150, 0, 8, "sched_switch", swap(8, 1, 7))
				.event(160, 0, 7, "x"),
		);
		expect(rowsOf(t, 7).map((r) => [r.state, r.ts, r.ignored_wakings, r.waker_utid])).toEqual([
			["running", 100, 1, null],
			["runnable", 110, 2, null],
			["running", 150, 0, null],
		]);
	});

	test("is the first sign of a thread: it was in no known state before", () => {
		const t = run(
			new DeriveTest()
				.event(100, 0, 9, "x")
				.event(140, 0, 9, "sched_waking", wake(7, 0))
				.event(150, 0, 9, "sched_switch", swap(9, 1, 7))
				.event(160, 0, 7, "x"),
		);
		expect(life(t, 7)).toEqual([
			["runnable", 140, 150, ""],
			["running", 150, 160, ">"],
		]);
		expect(states.lastWait(t.threads.find(7))).toBeNull();
	});
});

describe("life", () => {
	test("begins runnable with the creation, and ends with the last switch", () => {
		const t = run(
			new DeriveTest()
				.event(100, 0, 9, "task_newtask", { pid: 7, comm: "c", clone_flags: 0x0120_0000 })
				.event(105, 0, 9, "sched_wakeup_new", wake(7, 1))
				.event(120, 1, 0, "sched_switch", swap(0, 0, 7))
				.event(130, 1, 7, "sched_process_exit", { pid: 7 })
				.event(140, 1, 7, "sched_switch", swap(7, 0x10, 0))
				.event(170, 0, 9, "sched_process_free", { pid: 7 })
				.event(200, 0, 9, "x")
				.event(200, 0, 9, "sched_switch", swap(9, 1, 0)),
		);
		expect(life(t, 7)).toEqual([
			["runnable", 100, 120, ""],
			["running", 120, 140, ""],
			["dead", 140, 170, ""],
		]);
		expect(rowsOf(t, 7)[0]).toMatchObject({ wake_ts: 105, cpu: 1, waker_utid: null });
	});

	test("begins runnable also where sched_wakeup_new is not recorded, if it comes to run", () => {
		const t = run(
			new DeriveTest()
				.event(100, 0, 9, "sched_process_fork", { parent_pid: 9, child_pid: 7, child_comm: "c" })
				.event(120, 1, 0, "sched_switch", swap(0, 0, 7))
				.event(150, 1, 7, "x"),
		);
		expect(life(t, 7)).toEqual([
			["runnable", 100, 120, ""],
			["running", 120, 150, ">"],
		]);
		expect(rowsOf(t, 7)[0]).toMatchObject({ cpu: null, wake_ts: null, waker_utid: null });
	});

	test("of a thread that is only mentioned is unknown; of one that only a side file knows there is none", () => {
		const t = new DeriveTest()
			.event(100, 0, 9, "sched_process_fork", { parent_pid: 5, child_pid: 6, child_comm: "c" })
			.event(200, 0, 9, "sched_switch", swap(9, 1, 0));
		t.threads.known(44, t.strings.code("quiet"), "ps");
		run(t);
		expect(life(t, 5)).toEqual([["unknown", 100, 200, "<>"]]);
		expect(life(t, 6)).toEqual([["unknown", 100, 200, ">"]]);
		t.threads.settle();
		expect(life(t, 44)).toEqual([]);
	});

	test("of the idle threads is not told", () => {
		const t = run(
			new DeriveTest()
				.event(1, 0, 0, "x")
				.event(5, 0, 0, "sched_switch", swap(0, 0, 7))
				.event(9, 0, 7, "x"),
		);
		expect(t.rows("thread_state").some((r) => r.utid === 0)).toBe(false);
	});

	test("is not told at all where no thread switches, though the trace has the event's format", () => {
		const t = new DeriveTest({ recorded: ["sched_switch", "sched_waking", "x"] })
			.event(1, 0, 9, "sched_waking", wake(7, 0))
			.event(3, 1, 5, "x")
			.event(5, 0, 9, "x");
		expect(run(t).rows("thread_state")).toEqual([]);
	});

	test("on a CPU that ended before the first switch anywhere is told", () => {
		const t = run(
			new DeriveTest({ recorded: ["sched_switch"] })
				.event(1, 0, 9, "x")
				.event(5, 0, 9, "x")
				.event(10, 1, 7, "sched_switch", swap(7, 1, 0)),
		);
		expect(life(t, 9)).toEqual([
			["running", 1, 5, "<>"],
			["unknown", 5, 10, ">"],
		]);
	});
});

describe("where nothing is seen", () => {
	test("the thread that ran at a CPU's last record is unknown until the end of the window", () => {
		const t = run(
			new DeriveTest()
				.event(100, 0, 7, "sched_switch", swap(7, 1, 8))
				.event(120, 0, 8, "x")
				.event(150, 1, 0, "sched_waking", wake(8, 0))
				.event(200, 1, 0, "x"),
		);
		expect(life(t, 8)).toEqual([
			["running", 100, 120, ">"],
			["unknown", 120, 200, ">"],
		]);
		expect(life(t, 7)).toEqual([
			["running", 100, 100, "<"],
			["sleeping", 100, 200, ">"],
		]);
	});

	test("a thread whose CPU has no more records may come to another", () => {
		const t = new DeriveTest()
			.event(100, 0, 7, "sched_switch", swap(7, 1, 8))
			.event(120, 0, 8, "x")
			.event(150, 1, 0, "sched_switch", swap(0, 0, 8))
			.event(160, 1, 8, "x")
			.run((context) => [new ThreadIdentity(context), new Sched(context), new ThreadStates(context)]);
		expect(life(t, 8)).toEqual([
			["running", 100, 120, ">"],
			["unknown", 120, 150, ""],
			["running", 150, 160, ">"],
		]);
		expect(t.rows("sched", "cpu", "ts", "dur").filter((r) => r.cpu === 0)).toEqual([
			{ cpu: 0, ts: 100, dur: 0 },
			{ cpu: 0, ts: 100, dur: 20 },
		]);
		expect(t.notes).toEqual([]);
	});

	test("no interval is negative where the clock steps back before a CPU's last record", () => {
		const t = new DeriveTest().event(100, 0, 7, "sched_switch", swap(7, 1, 8)).event(90, 0, 8, "x");
		t.run((context) => [new ThreadIdentity(context), new Sched(context), new ThreadStates(context)], 100);
		for (const r of [...t.rows("sched"), ...t.rows("thread_state")]) expect(r.dur).toBeGreaterThanOrEqual(0);
	});

	test("the thread that ran when its CPU lost events is unknown until something tells", () => {
		const t = run(
			new DeriveTest()
				.event(100, 0, 7, "sched_switch", swap(7, 1, 8))
				.event(120, 0, 8, "x")
				.lost(0, 120, 150)
				.event(150, 0, 9, "x")
				.event(155, 1, 5, "sched_waking", wake(8, 0))
				.event(160, 0, 9, "sched_switch", swap(9, 1, 8))
				.event(170, 0, 8, "x")
				.event(170, 1, 5, "x"),
		);
		expect(life(t, 8)).toEqual([
			["running", 100, 120, ">"],
			["unknown", 120, 155, ""],
			["runnable", 155, 160, ""],
			["running", 160, 170, ">"],
		]);
	});

	test("a thread that came to the CPU while that lost events keeps its state until the loss", () => {
		const t = run(
			new DeriveTest()
				.event(100, 0, 7, "sched_switch", swap(7, 1, 8))
				.event(120, 0, 8, "x")
				.lost(0, 120, 150)
				.event(160, 0, 7, "sched_switch", swap(7, 1, 8))
				.event(170, 0, 8, "x"),
		);
		expect(life(t, 7)).toEqual([
			["running", 100, 100, "<"],
			["sleeping", 100, 120, ">"],
			["unknown", 120, 160, ""],
			["sleeping", 160, 170, ">"],
		]);
	});

	test("a switch that contradicts the one before makes both threads unknown in between", () => {
		const t = run(
			new DeriveTest()
				.event(100, 0, 7, "sched_switch", swap(7, 1, 8))
				.event(140, 0, 7, "sched_switch", swap(7, 1, 8))
				.event(150, 0, 8, "x"),
		);
		expect(life(t, 7)).toEqual([
			["running", 100, 100, "<"],
			["unknown", 100, 140, ""],
			["sleeping", 140, 150, ">"],
		]);
		expect(life(t, 8)).toEqual([
			["unknown", 100, 140, ""],
			["running", 140, 150, ">"],
		]);
	});

	test("a thread that is current in a CPU's first record was unknown since its last event", () => {
		const t = run(
			new DeriveTest()
				.event(100, 0, 7, "sched_switch", swap(7, 1, 0))
				.event(150, 1, 7, "x")
				.event(160, 1, 7, "sched_switch", swap(7, 1, 0))
				.event(170, 0, 0, "x"),
		);
		expect(life(t, 7)).toEqual([
			["running", 100, 100, "<"],
			["unknown", 100, 150, ""],
			["running", 150, 160, "<"],
			["sleeping", 160, 170, ">"],
		]);
	});
});

describe("the clock that other derivations read", () => {
	test("counts running, runnable, blocked and unknown time up to the moment", () => {
		const t = new DeriveTest()
			.event(100, 0, 7, "sched_switch", swap(7, 1, 0))
			.event(150, 1, 9, "sched_waking", wake(7, 0))
			.event(157, 0, 0, "sched_switch", swap(0, 0, 7))
			.event(180, 0, 7, "probe");
		const seen = probed(t);
		expect(seen).toEqual([{ utid: t.threads.find(7), ts: 180, totals: [23, 7, 50, 0] }]);
	});
});

interface Probe {
	utid: number;
	ts: number;
	totals: number[];
}

/** What the clock says at each event named probe, for the thread that is current there. */
function probed(t: DeriveTest): Probe[] {
	const seen: Probe[] = [];
	t.run((context) => {
		states = new ThreadStates(context);
		const on = (ts: number, _cpu: number, utid: number) => {
			const totals = new Float64Array(4);
			states.totals(utid, ts, totals);
			seen.push({ utid, ts, totals: [...totals] });
		};
		return [new ThreadIdentity(context), states, { events: { probe: { fields: [], on } }, finish() {} }];
	});
	return seen;
}

describe("laws", () => {
	/** A small scheduler that is honest about nothing: random but possible and impossible sequences. */
	function chaos(seed: number): DeriveTest {
		let x = seed;
		const random = (n: number) => {
			x = (Math.imul(x, 1103515245) + 12345) >>> 0;
			return (x >>> 8) % n;
		};
		const t = new DeriveTest();
		const current = [0, 0, 0];
		let ts = 1000;
		for (let i = 0; i < 600; i++) {
			ts += random(20);
			const cpu = random(3);
			const pick = random(20);
			if (pick < 9) {
				const next = random(8);
				// one in ten switches starts from a thread that did not come, as after unmarked losses
				const prev = random(10) === 0 ? random(8) : current[cpu];
				const state = [0, 1, 1, 2, 0x100, 0x20][random(6)];
				if (prev !== next && !current.includes(next === 0 ? -1 : next)) {
					t.event(ts, cpu, prev, "sched_switch", swap(prev, state, next));
					current[cpu] = next;
				}
			} else if (pick < 14) t.event(ts, cpu, current[cpu], "sched_waking", wake(1 + random(7), random(3)));
			else if (pick < 17) t.event(ts, cpu, current[cpu], "sched_wakeup", wake(1 + random(7), random(3)));
			else if (pick < 18) t.event(ts, cpu, current[cpu], "sched_wakeup_new", wake(1 + random(7), random(3)));
			else if (pick < 19) {
				t.event(ts, cpu, current[cpu], "x");
				t.lost(cpu, ts, ts + 5);
				ts += 5;
				current[cpu] = random(8);
				t.event(ts, cpu, current[cpu], "x");
			} else t.event(ts, cpu, current[cpu], "probe");
		}
		return t;
	}

	test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])("rows tile each life, whatever comes (%i)", (seed) => {
		const t = run(chaos(seed));
		const end = Math.max(...t.rows("thread_state").map((r) => (r.ts as number) + (r.dur as number)));
		const at = new Map<number, number>();
		for (const r of t.rows("thread_state")) {
			const utid = r.utid as number;
			expect(r.dur).toBeGreaterThanOrEqual(0);
			expect(r.ts).toBe(at.get(utid) ?? t.threads.firstTsOf(utid));
			at.set(utid, (r.ts as number) + (r.dur as number));
		}
		for (const [utid, until] of at) {
			if (!t.threads.isOver(utid)) expect(until).toBe(end);
			else expect(until).toBeGreaterThanOrEqual(t.threads.lastTs[utid]);
			expect(states.lastWait(utid)?.since ?? 0).toBeLessThanOrEqual(until);
		}
		expect(at.size).toBeGreaterThan(5);
	});

	test.each([21, 22, 23, 24, 25])("running time is the time of the slices (%i)", (seed) => {
		const t = chaos(seed).run((context) => [
			new ThreadIdentity(context),
			new Sched(context),
			new ThreadStates(context),
		]);
		const sum = (rows: TestRow[]) => {
			const by = new Map<number, number>();
			for (const r of rows) by.set(r.utid as number, (by.get(r.utid as number) ?? 0) + (r.dur as number));
			return [...by].sort((a, b) => a[0] - b[0]);
		};
		const slices = t.rows("sched").filter((r) => r.utid !== 0 && r.utid !== null);
		expect(slices.length).toBeGreaterThan(50);
		expect(sum(t.rows("thread_state").filter((r) => r.state === "running"))).toEqual(sum(slices));
	});

	test.each([11, 12, 13])("the clock misses no time (%i)", (seed) => {
		const t = chaos(seed);
		const seen = probed(t).filter((p) => p.utid !== 0);
		expect(seen.length).toBeGreaterThan(5);
		for (const { utid, ts, totals } of seen) {
			expect(totals.reduce((a, b) => a + b)).toBe(ts - t.threads.firstTsOf(utid));
		}
	});
});
