import type { HistogramBin } from "../dataset/histogram.ts";
import { histogram } from "../figures/histogram.ts";
import { group, percent, sentence } from "../figures/numbers.ts";
import type { Block, TableBlock } from "./document.ts";
import { counted } from "./subject.ts";

interface HistogramWords {
	/** What is counted: "wait". */
	readonly one: string;
	readonly many: string;
	/** What they are: "waits for a CPU that began in the window". */
	readonly what: string;
	/** Whose time: "waiting time". */
	readonly time: string;
}

/** Lengths as a figure with the same numbers as a table; one bin alone is a sentence. Without a value, no block. */
export function histogramBlocks(bins: readonly HistogramBin[], words: HistogramWords): Block[] {
	const n = bins.reduce((sum, b) => sum + b.n, 0);
	const ns = bins.reduce((sum, b) => sum + b.ns, 0);
	if (n === 0) return [];
	if (bins.length === 1)
		return [{ kind: "text", text: `All ${counted(n, words.one, words.many)} last ${between(bins[0])}.` }];
	const most = bins.reduce((a, b) => (b.ns > a.ns ? b : a));
	const title = `${percent(most.ns, ns)} of the ${words.time} is in ${counted(most.n, words.one, words.many)} (${percent(most.n, n)}) of ${between(most)}`;
	return [
		{
			kind: "figure",
			figure: histogram({
				title,
				subtitle: `${words.what}, n = ${group(n)}: how many of each length, and their share of ${sentence(ns, "ns")}`,
				alt: `${title}. ${words.what}: ${bins
					.filter((b) => b.n > 0)
					.map((b) => `${between(b)}: ${group(b.n)}`)
					.join("; ")}`,
				counted: words.many,
				unit: "ns",
				bins: bins.map((b) => ({ from: b.fromNs, to: b.toNs, count: b.n, total: b.ns })),
			}),
			data: table(bins, words, n, ns),
		},
	];
}

function table(bins: readonly HistogramBin[], words: HistogramWords, n: number, ns: number): TableBlock {
	return {
		kind: "table",
		caption: `${words.what}, by length`,
		columns: [
			{ key: "length", label: "length", quantity: "text" },
			{ key: "n", label: words.many, quantity: "count" },
			{ key: "share", label: `share of ${words.many}`, quantity: "percent" },
			{ key: "ns", label: "time", quantity: "ns" },
			{ key: "timeShare", label: "share of time", quantity: "percent" },
		],
		rows: bins.map((b) => ({
			length: between(b),
			n: b.n,
			share: (100 * b.n) / n,
			ns: b.ns,
			timeShare: ns === 0 ? "-" : (100 * b.ns) / ns,
		})),
		total: { length: "all", n, share: 100, ns, timeShare: ns === 0 ? "-" : 100 },
		available: bins.length,
	};
}

/** Limits of bins are round numbers: "2 ms", not "2.00 ms". */
const limit = (ns: number): string =>
	sentence(ns, "ns")
		.replace(/\.0+(?=\u202f)/, "")
		.replace(/(\.\d*[1-9])0+(?=\u202f)/, "$1");

function between(b: HistogramBin): string {
	if (b.toNs === null) return `${limit(b.fromNs)} or more`;
	return b.fromNs === 0 ? `less than ${limit(b.toNs)}` : `${limit(b.fromNs)} to ${limit(b.toNs)}`;
}
