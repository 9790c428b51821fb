import { expect, it } from "vitest";
import { histogramEdges, histogramOf } from "./histogram.ts";

it("edges are 1, 2, 5 of each decade, and ascend", () => {
	expect(histogramEdges.slice(0, 4)).toEqual([1e3, 2e3, 5e3, 1e4]);
	expect(histogramEdges.at(-1)).toBe(1e11);
	expect([...histogramEdges].sort((a, b) => a - b)).toEqual(histogramEdges);
});
it("keeps the empty bins between others, not those outside", () => {
	expect(
		histogramOf([
			{ bin: 0, n: 2, ns: 900 },
			{ bin: 2, n: 1, ns: 3000 },
		]),
	).toEqual([
		{ fromNs: 0, toNs: 1000, n: 2, ns: 900 },
		{ fromNs: 1000, toNs: 2000, n: 0, ns: 0 },
		{ fromNs: 2000, toNs: 5000, n: 1, ns: 3000 },
	]);
	expect(histogramOf([])).toEqual([]);
});
it("the last bin has no end", () => {
	expect(histogramOf([{ bin: histogramEdges.length, n: 1, ns: 2e11 }])).toEqual([
		{ fromNs: 1e11, toNs: null, n: 1, ns: 2e11 },
	]);
});
