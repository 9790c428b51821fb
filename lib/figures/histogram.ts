/** Histogram of durations or sizes: count and share of the total side by side, because many short ones cost little. */
import type { Figure } from "./figure.ts";
import { group, percent, sentence } from "./numbers.ts";
import { states, surfaces } from "./palette.ts";
import { displayWidth, ellipsis, padEnd, padStart, printable, wrap } from "./text.ts";
import { vegaLiteSchema, vegaLiteSvg } from "./vega-svg.ts";

export interface HistogramBin {
	/** Lower limit, included. */
	readonly from: number;
	/** Upper limit, not included; null: no limit. */
	readonly to: number | null;
	/** How many values. */
	readonly count: number;
	/** Their sum. */
	readonly total: number;
}

export interface HistogramText {
	readonly title: string;
	readonly subtitle: string;
	readonly alt: string;
	/** What a value is counted as, for the head: "waits". */
	readonly counted?: string;
}

export interface HistogramInput extends HistogramText {
	/** Ascending; bins without values between others stay, they are a fact. */
	readonly bins: readonly HistogramBin[];
	readonly unit: "ns" | "bytes" | "count";
}

/** Limits 1, 2, 5, 10, 20, 50 …: three a decade, round numbers as the tables of LinuxKI have them. */
function limitsUpTo(max: number): number[] {
	const limits: number[] = [];
	for (let decade = 1; limits.length === 0 || limits.at(-1)! <= max; decade *= 10)
		for (const step of [1, 2, 5]) {
			limits.push(step * decade);
			if (step * decade > max) break;
		}
	return limits;
}

/**
 * Bins for values ≥ 0: first [0, 1) ("at once"), then round limits, without the empty bins at both ends.
 * @throws RangeError for a value that is negative or not a number
 */
export function logBins(values: ArrayLike<number>): HistogramBin[] {
	let max = 0;
	for (let i = 0; i < values.length; i++) {
		const value = values[i]!;
		if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
			throw new RangeError(`histogram: value ${value} at ${i} is not a number ≥ 0`);
		if (value > max) max = value;
	}
	const limits = [0, ...limitsUpTo(max)];
	const count = new Float64Array(limits.length);
	const total = new Float64Array(limits.length);
	for (let i = 0; i < values.length; i++) {
		const value = values[i]!;
		let low = 0;
		let high = limits.length - 1;
		while (low < high) {
			const middle = (low + high + 1) >> 1;
			if (limits[middle]! <= value) low = middle;
			else high = middle - 1;
		}
		count[low]!++;
		total[low]! += value;
	}
	const bins = limits.slice(0, -1).map((from, i) => ({
		from,
		to: limits[i + 1]!,
		count: count[i]!,
		total: total[i]!,
	}));
	const first = bins.findIndex((b) => b.count > 0);
	const last = bins.findLastIndex((b) => b.count > 0);
	return first < 0 ? [] : bins.slice(first, last + 1);
}

/** A histogram of the values themselves; see histogram() and logBins(). */
export function histogramOf(
	values: ArrayLike<number>,
	options: HistogramText & { readonly unit: HistogramInput["unit"] },
): Figure {
	return histogram({ ...options, bins: logBins(values) });
}

/**
 * @throws RangeError without a value (show a notice, not an empty chart), or if the bins are not ascending. One bin
 * is drawn, but a sentence ("all 6 µs") reads better.
 */
export function histogram(input: HistogramInput): Figure {
	const { bins, unit, title, subtitle, alt } = input;
	const counted = ellipsis(printable(input.counted ?? "count"), 24);
	const count = bins.reduce((sum, b) => sum + b.count, 0);
	const total = bins.reduce((sum, b) => sum + b.total, 0);
	if (count === 0) throw new RangeError("histogram: no values; show a notice instead of an empty chart");
	bins.forEach((b, i) => {
		if (
			(b.to !== null && b.to <= b.from) ||
			(i > 0 && b.from < (bins[i - 1]!.to ?? Number.POSITIVE_INFINITY))
		)
			throw new RangeError(`histogram: bins are not ascending at ${b.from}`);
	});
	const measure = unit === "ns" ? "time" : unit === "bytes" ? "bytes" : "total";
	const rows = bins.map((b) => ({
		bin: label(b, unit),
		count: b.count,
		total: b.total,
		countText: group(b.count),
		share: total === 0 ? 0 : b.total / total,
		shareText: total === 0 ? "–" : percent(b.total, total),
		totalText: sentence(b.total, unit),
	}));
	const spec = chart(
		rows,
		`${counted} (of ${group(count)})`,
		`share of ${measure} (of ${sentence(total, unit)})`,
	);
	return {
		title,
		subtitle,
		alt,
		vegaLite: {
			...spec,
			description: printable(alt),
			title: {
				text: wrap(printable(title), 100),
				subtitle: wrap(printable(subtitle), 140),
				anchor: "start",
			},
		},
		svg: () => vegaLiteSvg(spec, alt),
		text: (width) => bars(rows, counted, `share of ${measure}`, width),
	};
}

function label(bin: HistogramBin, unit: HistogramInput["unit"]): string {
	const limit = (value: number): string => (unit === "count" ? group(value) : shortSentence(value, unit));
	if (bin.from === 0) return bin.to === null ? "all" : `< ${limit(bin.to)}`;
	return bin.to === null ? `≥ ${limit(bin.from)}` : `${limit(bin.from)} – ${limit(bin.to)}`;
}

/** Limits are round: 5.00 ms is 5 ms. */
const shortSentence = (value: number, unit: "ns" | "bytes"): string =>
	sentence(value, unit)
		.replace(/(\.\d*?)0+(?=\u202f)/, "$1")
		.replace(/\.(?=\u202f)/, "");

interface Row {
	readonly bin: string;
	readonly count: number;
	readonly share: number;
	readonly countText: string;
	readonly shareText: string;
	readonly totalText: string;
}

const BAR = 14;
/** JupyterLab's dark theme changes the background and the axes, but not marks. */
const labelInk = `luminance(background || "white") < 0.3 ? "#ffffff" : "${surfaces.text.light}"`;

/** Two panels beside each other, the values written at the bars. */
function chart(rows: readonly Row[], countTitle: string, shareTitle: string): object {
	const y = { field: "bin", type: "nominal", sort: null };
	const panel = (
		field: "count" | "share",
		text: string,
		title: string,
		fill: string,
		withLabels: boolean,
	): object => ({
		width: 370,
		height: { step: BAR + 6 },
		encoding: {
			y: {
				...y,
				axis: withLabels
					? { title: null, ticks: false, domain: false, labelPadding: 6, labelLimit: 200 }
					: null,
			},
			x: {
				field,
				type: "quantitative",
				// Room for the number behind the longest bar.
				scale: { zero: true, nice: false, domainMax: 1.22 * Math.max(...rows.map((r) => r[field])) },
				axis: { title, grid: true, tickCount: 4, format: field === "share" ? ".0%" : "~s", orient: "top" },
			},
			tooltip: [
				{ field: "bin", type: "nominal", title: "bin" },
				{ field: "countText", type: "nominal", title: "count" },
				{ field: "totalText", type: "nominal", title: "total" },
				{ field: "shareText", type: "nominal", title: "share" },
			],
		},
		layer: [
			{ mark: { type: "bar", color: fill, height: BAR } },
			{
				mark: { type: "text", color: { expr: labelInk }, align: "left", baseline: "middle", dx: 4 },
				encoding: { text: { field: text, type: "nominal" } },
			},
		],
	});
	return {
		$schema: vegaLiteSchema,
		data: { values: rows },
		hconcat: [
			panel("count", "countText", countTitle, surfaces.text3.light, true),
			panel("share", "shareText", shareTitle, states.running.tone!.light, false),
		],
		spacing: 24,
		resolve: { scale: { y: "shared" } },
	};
}

function bars(rows: readonly Row[], counted: string, share: string, width: number): string {
	const names = rows.map((r) => r.bin);
	const nameWidth = Math.max(...names.map(displayWidth));
	const countWidth = Math.max(displayWidth(counted), ...rows.map((r) => displayWidth(r.countText)));
	const shareWidth = Math.max(7, ...rows.map((r) => displayWidth(r.shareText)));
	const room = Math.floor((width - nameWidth - countWidth - shareWidth - 8) / 2);
	const most = Math.max(...rows.map((r) => r.count));
	const largest = Math.max(...rows.map((r) => r.share));
	const bar = (value: number, max: number): string =>
		room < 4 ? "" : "▇".repeat(value === 0 ? 0 : Math.max(1, Math.round((value / max) * room)));
	const line = (name: string, n: string, nBar: string, s: string, sBar: string): string =>
		ellipsis(
			`${padStart(name, nameWidth)}  ${padStart(n, countWidth)} ${padEnd(nBar, Math.max(0, room))}  ${padStart(s, shareWidth)} ${sBar}`.trimEnd(),
			width,
		);
	return [
		line("", counted, "", share.padStart(shareWidth), ""),
		...rows.map((r) => line(r.bin, r.countText, bar(r.count, most), r.shareText, bar(r.share, largest))),
	].join("\n");
}
