/** Definitions that all topics share: the window, the percentiles that may be shown, how many rows. */
import { exitCode, PowerkiError } from "../schema/errors.ts";
import type { Manifest } from "../schema/manifest.ts";
import { type Fragment, fragment, raw } from "./fragment.ts";

/** Part of a trace, half open [start, end), ns on the trace's clock. */
export interface Window {
	readonly start: bigint;
	/** The first ns after it; for a whole trace one more than its last record, so that this record is inside. */
	readonly end: bigint;
	/** Length, ns, of what is inside the trace. */
	readonly ns: number;
	/** Seconds from the start of the trace. */
	readonly fromSeconds: number;
	readonly toSeconds: number;
	/** It is the whole trace. */
	readonly whole: boolean;
}

const unitNs: Readonly<Record<string, number>> = { "": 1e9, s: 1e9, ms: 1e6, us: 1e3, µs: 1e3, ns: 1 };

/**
 * "A..B" in seconds from the start of the trace; either may be left out; a unit (s, ms, us, ns) may follow a number.
 * @throws PowerkiError (usage) for another form, and for a window that lies outside of the trace
 */
export function parseWindow(text: string | undefined, manifest: Manifest): Window {
	const first = manifest.window?.start ?? 0n;
	const last = manifest.window?.end ?? 0n;
	const traceNs = last - first;
	const at = (ns: bigint) => Number(ns) / 1e9;
	if (text === undefined || text.trim() === "")
		return {
			start: first,
			end: last + 1n,
			ns: Number(traceNs),
			fromSeconds: 0,
			toSeconds: at(traceNs),
			whole: true,
		};
	const m = /^\s*([0-9.]*)\s*(s|ms|us|µs|ns)?\s*\.\.\s*([0-9.]*)\s*(s|ms|us|µs|ns)?\s*$/.exec(text);
	const from = m === null ? null : offset(m[1], m[2], 0n);
	const to = m === null ? null : offset(m[3], m[4], traceNs);
	const span = `the trace is ${at(traceNs)} s long`;
	if (from === null || to === null)
		throw new PowerkiError(exitCode.usage, `"${text}" is no window`, [
			'a window is "A..B" in seconds from the start of the trace, such as 1.2..1.8, 0.5.. or 200ms..300ms',
			span,
		]);
	if (to <= from) throw new PowerkiError(exitCode.usage, `the window ${text} ends before it begins`, [span]);
	if (from > traceNs)
		throw new PowerkiError(exitCode.usage, `the window ${text} lies after the end of the trace`, [span]);
	const inside = to > traceNs ? traceNs : to;
	return {
		start: first + from,
		end: to >= traceNs ? last + 1n : first + to,
		ns: Number(inside - from),
		fromSeconds: at(from),
		toSeconds: at(inside),
		whole: from === 0n && to >= traceNs,
	};
}

function offset(digits: string, unit: string | undefined, otherwise: bigint): bigint | null {
	if (digits === "") return unit === undefined ? otherwise : null;
	const m = /^(\d*)(?:\.(\d*))?$/.exec(digits);
	if (m === null || digits === ".") return null;
	const scale = unitNs[unit ?? ""];
	// In integers: 0.1 s has no exact double.
	const fraction = (m[2] ?? "").slice(0, 9).padEnd(9, "0");
	return ((BigInt(m[1] || "0") * 1_000_000_000n + BigInt(fraction)) * BigInt(scale)) / 1_000_000_000n;
}

/** SQL: the part of an interval [ts, ts + dur) that lies in the window, ns; 0 outside; NULL where dur is. */
export function clipped(w: Window, ts = "ts", dur = "dur"): Fragment {
	const [a, b] = [raw(ts), raw(`${ts} + ${dur}`)];
	return fragment`greatest(CASE WHEN ${b} IS NULL THEN NULL WHEN ${b} < ${w.end} THEN ${b} ELSE ${w.end} END - CASE WHEN ${a} > ${w.start} THEN ${a} ELSE ${w.start} END, 0)`;
}

/** SQL condition: the interval touches the window. An interval without known length counts where it began. */
export function overlaps(w: Window, ts = "ts", dur = "dur"): Fragment {
	return fragment`(${raw(ts)} < ${w.end} AND ${raw(`${ts} + coalesce(${dur}, 0)`)} >= ${w.start})`;
}

/** SQL condition: some time of the interval lies in the window; without those that only touch it. */
export function hasTimeIn(w: Window, ts = "ts", dur = "dur"): Fragment {
	return fragment`(${raw(ts)} < ${w.end} AND ${raw(`${ts} + ${dur}`)} > ${w.start} AND ${raw(dur)} > 0)`;
}

/** SQL columns `a` and `b`: start and end of the part of an interval that lies in the window. */
export function clippedEnds(w: Window, ts = "ts", dur = "dur"): Fragment {
	const [a, b] = [raw(ts), raw(`${ts} + ${dur}`)];
	return fragment`CASE WHEN ${a} > ${w.start} THEN ${a} ELSE ${w.start} END AS a, CASE WHEN ${b} < ${w.end} THEN ${b} ELSE ${w.end} END AS b`;
}

/** SQL condition: it began in the window. */
export function began(w: Window, ts = "ts"): Fragment {
	return fragment`(${raw(ts)} >= ${w.start} AND ${raw(ts)} < ${w.end})`;
}

/** A percentile is shown from this many values on: below, it is just one of the largest values (look.md section 4). */
export const percentileMinimum = { p50: 3, p95: 20, p99: 100, p999: 1000 } as const;

/** A percentile in ns, or "-" where there are too few values for it. */
export type Percentile = number | "-";

export interface Percentiles {
	readonly p50: Percentile;
	readonly p95: Percentile;
	readonly p99: Percentile;
}

export interface Spread extends Percentiles {
	/** Number of values. */
	readonly n: number;
	/** "-" where n is 0. */
	readonly mean: number | "-";
	readonly max: number | "-";
}

/**
 * SQL columns for the spread of an expression, as `<prefix>_n`, `_sum`, `_max`, `_p50`, `_p95`, `_p99`.
 * Percentiles are by nearest rank: a value that was observed (quantile_disc is that in DuckDB).
 */
export function spreadColumns(expression: string, prefix: string): Fragment {
	const e = expression;
	return raw(
		[
			`count(${e}) AS ${prefix}_n`,
			`CAST(sum(${e}) AS DOUBLE) AS ${prefix}_sum`,
			`CAST(max(${e}) AS DOUBLE) AS ${prefix}_max`,
			...(["p50", "p95", "p99"] as const).map(
				(p) => `CAST(quantile_disc(${e}, 0.${p.slice(1)}) AS DOUBLE) AS ${prefix}_${p}`,
			),
		].join(", "),
	);
}

/** The spread of one row that spreadColumns made. */
export function spreadOf(row: Readonly<Record<string, unknown>>, prefix: string): Spread {
	const n = Number(row[`${prefix}_n`]);
	const at = (p: "p50" | "p95" | "p99"): Percentile =>
		n >= percentileMinimum[p] ? Number(row[`${prefix}_${p}`]) : "-";
	return {
		n,
		mean: n === 0 ? "-" : Number(row[`${prefix}_sum`]) / n,
		max: n === 0 ? "-" : Number(row[`${prefix}_max`]),
		p50: at("p50"),
		p95: at("p95"),
		p99: at("p99"),
	};
}

/** Spread of values at hand, by the same rules. Sorts the array. */
export function spread(values: number[]): Spread {
	values.sort((a, b) => a - b);
	const n = values.length;
	const at = (p: "p50" | "p95" | "p99"): Percentile =>
		n >= percentileMinimum[p] ? values[Math.max(0, Math.ceil((n * Number(p.slice(1))) / 100) - 1)] : "-";
	return {
		n,
		mean: n === 0 ? "-" : values.reduce((s, v) => s + v, 0) / n,
		max: n === 0 ? "-" : values[n - 1],
		p50: at("p50"),
		p95: at("p95"),
		p99: at("p99"),
	};
}
