import { describe, expect, it } from "vitest";
import { type StackedBarRow, stackedBars } from "./stacked-bars.ts";
import { displayWidth } from "./text.ts";

const words = { title: "t", subtitle: "s", alt: "a" };
const cpu: StackedBarRow = {
	label: "0",
	total: 1000,
	segments: [
		{ name: "user", value: 400 },
		{ name: "system", value: 100 },
		{ name: "idle", value: 400 },
	],
	note: "50 %",
};

/** Widths of the bar's parts in the picture, without the legend and the grid. */
const widths = (svg: string): number[] =>
	[...svg.matchAll(/<g><title>[^<]*<\/title><rect [^>]*? width="([\d.]+)"/g)].map((m) => Number(m[1]));

describe("stackedBars", () => {
	it("draws the share of the window, and what is missing as not observed", async () => {
		const svg = await stackedBars({ ...words, rows: [cpu] }).svg();
		const [user, system, idle, unseen] = widths(svg) as [number, number, number, number];
		expect(widths(svg)).toHaveLength(4);
		expect((user + 1) / (system + 1)).toBeCloseTo(4, 2);
		expect(user).toBeCloseTo(idle, 1);
		expect(unseen).toBeCloseTo(system, 1);
		expect(svg).toContain("<title>0: unknown or not observed 10.0\u202f%</title>");
		expect(svg).toContain("s-hatch");
		expect(svg).toBe(await stackedBars({ ...words, rows: [cpu] }).svg());
	});

	it("hatches nothing that was seen", async () => {
		const whole = { ...cpu, total: 900 };
		expect(await stackedBars({ ...words, rows: [whole] }).svg()).not.toContain("s-hatch");
	});

	it("has glyphs in the terminal that add up to the window", () => {
		const lines = stackedBars({ ...words, rows: [cpu], rowTitle: "cpu", noteTitle: "busy" })
			.text(100)
			.split("\n");
		const bar = lines.at(-1)!;
		expect(bar.match(/[▇▅·╳]/g)).toHaveLength(50);
		expect(bar.match(/▇/g)).toHaveLength(20);
		expect(bar.match(/╳/g)).toHaveLength(5);
		expect(bar).toMatch(/50 %$/);
		expect(lines[0]).toMatch(/^ cpu {2}0 +25 +50 +75 +100 +busy$/);
	});

	it("shows hostile and wide names as text", async () => {
		const label = `<b>"$x$"\u001b[0m`;
		const figure = stackedBars({ ...words, rows: [{ ...cpu, label }], labels: { user: "<i>" } });
		const svg = await figure.svg();
		expect(svg).not.toMatch(/<b>|<i>|\u001b/);
		expect(svg).toContain("&lt;b&gt;&quot;$x$&quot;\\x1b[0m");
		const wide = stackedBars({
			...words,
			rows: [{ ...cpu, label: "线程线程线程线程线程线程线程线程" }, cpu],
		});
		for (const line of wide.text(60).split("\n")) expect(displayWidth(line)).toBeLessThanOrEqual(60);
	});

	it("refuses what does not add up", () => {
		expect(() => stackedBars({ ...words, rows: [] })).toThrow("show a notice");
		expect(() => stackedBars({ ...words, rows: [{ ...cpu, total: 800 }] })).toThrow("more than its window");
		expect(() => stackedBars({ ...words, rows: [{ ...cpu, total: 0 }] })).toThrow(RangeError);
		expect(() =>
			stackedBars({ ...words, rows: [{ ...cpu, segments: [{ name: "user", value: -1 }] }] }),
		).toThrow(RangeError);
	});
});
