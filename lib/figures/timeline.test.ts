import { describe, expect, it } from "vitest";
import { stateRuns, type TimelineInterval, timeline } from "./timeline.ts";

const words = { title: "t", subtitle: "s", alt: "a" };
const run = (start: number, dur: number, label?: string): TimelineInterval => ({
	start,
	dur,
	state: "running",
	...(label ? { label } : {}),
});
const lock = (start: number, dur: number): TimelineInterval => ({ start, dur, state: "lock" });

describe("stateRuns", () => {
	it("gives a column to the state with most of its time", () => {
		// Columns of 10: running 6 of 10, then 4 of 10, then nothing.
		expect(stateRuns([run(0, 6), lock(6, 10), run(16, 4), lock(30, 10)], 0, 40, 4)).toEqual([
			{ first: 0, end: 1, state: "running" },
			{ first: 1, end: 2, state: "lock" },
			{ first: 3, end: 4, state: "lock" },
		]);
	});
	it("lets empty time win, and merges equal neighbours", () => {
		expect(stateRuns([run(0, 4)], 0, 10, 1)).toEqual([]);
		expect(stateRuns([run(0, 100), run(100, 100)], 0, 200, 50)).toEqual([
			{ first: 0, end: 50, state: "running" },
		]);
	});
	it("keeps threads apart where asked", () => {
		const two = [run(0, 10, "a"), run(10, 10, "b")];
		expect(stateRuns(two, 0, 20, 4, true).map((r) => [r.label, r.end - r.first])).toEqual([
			["a", 2],
			["b", 2],
		]);
		expect(stateRuns(two, 0, 20, 4)).toEqual([{ first: 0, end: 4, state: "running" }]);
	});
	it("cuts at the window and covers as much as there is", () => {
		const intervals = Array.from({ length: 10_000 }, (_, i) =>
			i % 3 === 0 ? lock(i * 7, 7) : run(i * 7, 7),
		);
		const runs = stateRuns(intervals, 700, 69_300, 1000);
		expect(runs.reduce((sum, r) => sum + r.end - r.first, 0)).toBe(1000);
		expect(runs.at(-1)!.end).toBe(1000);
		expect(() => stateRuns([run(0, -1)], 0, 10, 1)).toThrow(RangeError);
	});
});

describe("timeline", () => {
	const lanes = [
		{ label: "CPU 0", intervals: [run(1e9, 20e6, "order-w3"), run(1.02e9, 20e6, "<script>")] },
		{
			label: "w\u001b",
			intervals: [lock(1e9, 30e6), { start: 1.03e9, dur: 10e6, state: "unknown" as const }],
			marks: [{ at: 1.03e9, label: "woken" }],
		},
	];
	const figure = timeline({ ...words, lanes, from: 1e9, to: 1.04e9 });

	it("draws heights by readiness, labels, marks and hatches", async () => {
		const svg = await figure.svg();
		expect(svg).toBe(await figure.svg());
		expect(svg).toContain(">order-w3<");
		expect(svg).toContain("&lt;script&gt;");
		expect(svg).not.toMatch(/<script|\u001b/);
		expect(svg).toContain("s-hatch");
		expect(svg).toContain("<title>woken, 1.030000\u202fs</title>");
		expect(svg).toMatch(/class="f-running"[^>]*height="18"/);
		expect(svg).toMatch(/class="f-lock"[^>]*height="7.2"/);
	});

	it("is a line of glyphs for each lane in the terminal", () => {
		const lines = figure.text(60).split("\n");
		const cpu = lines.find((l) => l.startsWith(" CPU 0"))!;
		const thread = lines.find((l) => l.startsWith(" w\\x1b"))!;
		expect(cpu.match(/▇/g)).toHaveLength(52);
		expect(thread.match(/▃/g)).toHaveLength(39);
		expect(thread.match(/╳/g)).toHaveLength(13);
		expect(lines.at(-2)).toMatch(/^ +1\.0000.s +1\.0400.s$/);
		for (const line of lines) expect(line.length).toBeLessThanOrEqual(60);
	});

	it("stays small for a million intervals in ten lanes", async () => {
		const intervals = Array.from({ length: 100_000 }, (_, i) =>
			i % 2 ? run(i * 600, 600) : lock(i * 600, 600),
		);
		const many = Array.from({ length: 10 }, (_, i) => ({ label: `w${i}`, intervals }));
		const svg = await timeline({ ...words, lanes: many, from: 0, to: 6e7 }).svg();
		expect(svg.match(/<rect/g)!.length).toBeLessThan(5000);
	});

	it("refuses an empty picture", () => {
		expect(() => timeline({ ...words, lanes: [], from: 0, to: 1 })).toThrow("show a notice");
		expect(() => timeline({ ...words, lanes, from: 1, to: 1 })).toThrow(RangeError);
	});
});
