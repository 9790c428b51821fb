import { expect, test } from "vitest";
import { IdleStates } from "./idle-state.ts";
import { DeriveTest } from "./testing.ts";

const LEAVE = 4_294_967_295;
const idle = (state: number, cpu: number) => ({ state, cpu_id: cpu });
const run = (t: DeriveTest) => t.run((context) => [new IdleStates(context)]);

test("a stay lasts until the CPU leaves the state", () => {
	const t = new DeriveTest({ idleStates: new Map([[1, "Shared Cede"]]) });
	t.event(100, 2, 0, "cpu_idle", idle(1, 2));
	t.event(400, 2, 0, "cpu_idle", idle(LEAVE, 2));
	t.event(500, 2, 0, "cpu_idle", idle(0, 2));
	t.event(510, 2, 0, "cpu_idle", idle(1, 2));
	t.event(530, 2, 0, "cpu_idle", idle(LEAVE, 2));
	expect(run(t).rows("idle_state")).toEqual([
		{ ts: 100, dur: 300, cpu: 2, state: 1, name: "Shared Cede", open_left: false, open_right: false },
		{ ts: 500, dur: 10, cpu: 2, state: 0, name: null, open_left: false, open_right: false },
		{ ts: 510, dur: 20, cpu: 2, state: 1, name: "Shared Cede", open_left: false, open_right: false },
	]);
});

test("idle when first seen: an unknown state; idle at the last record: open", () => {
	const t = new DeriveTest();
	t.event(50, 0, 0, "irq_entry");
	t.event(80, 0, 0, "cpu_idle", idle(LEAVE, 0));
	t.event(100, 0, 0, "cpu_idle", idle(1, 0));
	t.event(120, 0, 0, "irq_entry");
	t.event(900, 1, 7, "irq_entry");
	expect(run(t).rows("idle_state", "ts", "dur", "state", "open_left", "open_right")).toEqual([
		{ ts: 50, dur: 30, state: null, open_left: true, open_right: false },
		{ ts: 100, dur: 20, state: 1, open_left: false, open_right: true },
	]);
});

test("a loss ends a stay; leaving after it tells that the CPU was idle since", () => {
	const t = new DeriveTest();
	t.event(100, 0, 0, "cpu_idle", idle(1, 0));
	t.lost(0, 100, 300);
	t.event(300, 0, 0, "irq_entry");
	t.event(340, 0, 0, "cpu_idle", idle(LEAVE, 0));
	expect(run(t).rows("idle_state", "ts", "dur", "state", "open_left", "open_right")).toEqual([
		{ ts: 100, dur: 0, state: 1, open_left: false, open_right: true },
		{ ts: 300, dur: 40, state: null, open_left: true, open_right: false },
	]);
});

test("an event of a CPU that cannot be is none", () => {
	const t = new DeriveTest();
	for (const cpu of [65_535, 65_536, LEAVE]) t.event(100, 0, 0, "cpu_idle", idle(1, cpu));
	expect(run(t).rows("idle_state", "cpu")).toEqual([{ cpu: 65_535 }]);
});
