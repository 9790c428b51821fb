import { describe, expect, it } from "vitest";
import { histogram, histogramOf, logBins } from "./histogram.ts";
import { compileVegaLite, vegaLiteSchema } from "./vega-svg.ts";

const words = {
	title: "Half of the time is in 3 waits",
	subtitle: "s",
	alt: 'an "alt" <text>',
	unit: "ns" as const,
};

describe("logBins", () => {
	it("puts each value into exactly one bin, limits included below", () => {
		expect(logBins([0, 1, 2, 4, 5, 10])).toEqual([
			{ from: 0, to: 1, count: 1, total: 0 },
			{ from: 1, to: 2, count: 1, total: 1 },
			{ from: 2, to: 5, count: 2, total: 6 },
			{ from: 5, to: 10, count: 1, total: 5 },
			{ from: 10, to: 20, count: 1, total: 10 },
		]);
	});
	it("keeps sums, empty bins inside, none outside", () => {
		const values = Float64Array.from({ length: 3000 }, (_, i) => (i * 7919) % 1_000_003);
		const bins = logBins(values);
		expect(bins.reduce((s, b) => s + b.count, 0)).toBe(3000);
		expect(bins.reduce((s, b) => s + b.total, 0)).toBe(values.reduce((a, b) => a + b));
		expect(logBins([3, 3000]).map((b) => b.count)).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
		expect(logBins([])).toEqual([]);
		expect(() => logBins([-1])).toThrow(RangeError);
		expect(() => logBins([Number.NaN])).toThrow(RangeError);
	});
});

describe("histogram", () => {
	const figure = histogramOf([3, 2500, 2500, 4_000_000], words);

	it("compiles without warnings, is v5, and carries its data", async () => {
		const spec = figure.vegaLite as { $schema: string; data: { values: { count: number }[] } };
		expect(spec.$schema).toBe(vegaLiteSchema);
		expect((await compileVegaLite(spec)).warnings).toEqual([]);
		expect(spec.data.values.reduce((s, row) => s + row.count, 0)).toBe(4);
	});

	it("draws the same bytes twice, with its alt text, in colours of the theme", async () => {
		const svg = await figure.svg();
		expect(await figure.svg()).toBe(svg);
		expect(svg).toContain('role="img" aria-label="an &quot;alt&quot; &lt;text&gt;"');
		expect(svg).toContain("2\u202fms – 5\u202fms");
		expect(svg).toContain('[fill="#1f66c1"]{fill:var(--pki-running,#3a86e6)}');
		for (const [, id] of svg.matchAll(/\bid="([^"]+)"/g)) expect(id).toMatch(/^pki-[0-9a-f]{8}-\d+$/);
	});

	it("shows count and share of time side by side in the terminal", () => {
		const lines = figure.text(100).split("\n");
		expect(lines.at(-1)).toMatch(/^ *2.ms – 5.ms {2} +1 ▇+ +99\.9.% ▇+$/);
		expect(lines.filter((l) => l.includes("2\u202fµs – 5\u202fµs"))[0]).toMatch(/ 2 ▇+ +0\.1.% ▇$/);
		expect(Math.max(...lines.map((l) => l.length))).toBeLessThanOrEqual(100);
		for (const line of figure.text(30).split("\n")) expect(line.length).toBeLessThanOrEqual(30);
	});

	it("takes bins with an open end", () => {
		const open = histogram({
			...words,
			bins: [
				{ from: 0, to: 5000, count: 2, total: 6000 },
				{ from: 5000, to: null, count: 1, total: 9000 },
			],
		});
		expect(open.text(80)).toContain("< 5\u202fµs");
		expect(open.text(80)).toMatch(/≥ 5.µs {2} +1 ▇+ +60\.0.% /);
	});

	it("draws one bin and bins of no time, and refuses none", async () => {
		expect(await histogramOf([6000], words).svg()).toContain("<svg");
		expect(await histogramOf([0, 0], words).svg()).toContain("<svg");
		expect(histogramOf([0, 0], words).text(80)).toContain("–");
		expect(() => histogramOf([], words)).toThrow("show a notice");
		expect(() => histogram({ ...words, bins: [{ from: 5, to: 5, count: 1, total: 5 }] })).toThrow(RangeError);
	});
});
