/** Durations in logarithmic bins: how many there are, and how much time they cost. */
import { type Fragment, fragment, raw } from "./fragment.ts";

export interface HistogramBin {
	/** Durations from this length on, ns. */
	readonly fromNs: number;
	/** And below this one, ns; null for the last bin, which has no end. */
	readonly toNs: number | null;
	readonly n: number;
	/** Their sum, ns. */
	readonly ns: number;
}

/** Ends of the bins, ns: 1, 2, 5 of each decade from 1 µs to 100 s; the first bin holds all that is shorter. */
export const histogramEdges: readonly number[] = [
	...[1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10].flatMap((decade) => [decade, 2 * decade, 5 * decade]),
	1e11,
];

/**
 * A query for histogramOf: durations in bins.
 * @param durations a SELECT with one column `ns`; NULL counts in no bin
 */
export function histogramQuery(durations: Fragment): Fragment {
	const whens = histogramEdges.map((edge, i) => `WHEN ns < ${edge} THEN ${i}`).join(" ");
	return fragment`
SELECT CASE ${raw(whens)} ELSE ${histogramEdges.length} END AS bin, CAST(count(*) AS DOUBLE) AS n, CAST(sum(ns) AS DOUBLE) AS ns
FROM (${durations}) WHERE ns IS NOT NULL GROUP BY bin ORDER BY bin`;
}

export interface HistogramRow {
	readonly bin: number;
	readonly n: number;
	readonly ns: number;
}

/** The bins from the first to the last that holds something, the empty ones between them too. */
export function histogramOf(rows: readonly HistogramRow[]): HistogramBin[] {
	if (rows.length === 0) return [];
	const byBin = new Map(rows.map((r) => [Number(r.bin), r]));
	const [first, last] = [Math.min(...byBin.keys()), Math.max(...byBin.keys())];
	return Array.from({ length: last - first + 1 }, (_, i) => {
		const bin = first + i;
		return {
			fromNs: bin === 0 ? 0 : histogramEdges[bin - 1],
			toNs: histogramEdges[bin] ?? null,
			n: byBin.get(bin)?.n ?? 0,
			ns: byBin.get(bin)?.ns ?? 0,
		};
	});
}
