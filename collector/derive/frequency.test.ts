import { expect, test } from "vitest";
import { Frequencies } from "./frequency.ts";
import { DeriveTest } from "./testing.ts";

const run = (t: DeriveTest, end?: number) => t.run((context) => [new Frequencies(context)], end);

test("intervals belong to the CPU that the event means, and the last one is open", () => {
	const t = new DeriveTest();
	t.event(100, 3, 9, "cpu_frequency", { state: 3_800_000, cpu_id: 0 });
	t.event(100, 3, 9, "cpu_frequency", { state: 3_800_000, cpu_id: 70 });
	t.event(300, 1, 9, "cpu_frequency", { state: 2_000_000, cpu_id: 0 });
	expect(run(t, 1000).rows("frequency")).toEqual([
		{ ts: 100, dur: 200, cpu: 0, khz: 3_800_000, open_left: false, open_right: false },
		{ ts: 100, dur: 900, cpu: 70, khz: 3_800_000, open_left: false, open_right: true },
		{ ts: 300, dur: 700, cpu: 0, khz: 2_000_000, open_left: false, open_right: true },
	]);
});

test("a loss on any CPU may hide a change: the interval ends there", () => {
	const t = new DeriveTest();
	t.event(100, 3, 9, "cpu_frequency", { state: 3_800_000, cpu_id: 0 });
	t.lost(1, 150, 200);
	t.event(300, 1, 9, "cpu_frequency", { state: 2_000_000, cpu_id: 0 });
	expect(run(t, 400).rows("frequency", "ts", "dur", "open_right")).toEqual([
		{ ts: 100, dur: 50, open_right: true },
		{ ts: 300, dur: 100, open_right: true },
	]);
});

test("an event of a CPU that cannot be is none", () => {
	const t = new DeriveTest();
	for (const cpu_id of [65_535, 65_536, 2 ** 51, 2 ** 53])
		t.event(100, 3, 9, "cpu_frequency", { state: 3_800_000, cpu_id });
	expect(run(t, 400).rows("frequency", "cpu")).toEqual([{ cpu: 65_535 }]);
});
