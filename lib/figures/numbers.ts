/**
 * How numbers are written: one place for sentence, table and terminal.
 * null = unknown; NoValue ("-") = there is no such value (p99 of six calls); 0 = looked for, none.
 */
export type NumericQuantity = "count" | "ns" | "stamp" | "percent" | "bytes" | "per_second" | "number";
export type NoValue = "-";
export type Numeric = number | bigint | null | NoValue;

/** Narrow no-break space: before units and percent signs, between thousands. */
export const NNBSP = "\u202f";
export const NO_VALUE = "–";
export const UNKNOWN = "unknown";
/** Unknown in a narrow cell. */
export const UNKNOWN_CELL = "?";

interface Unit {
	readonly name: string;
	readonly size: number;
}
const timeUnits: readonly Unit[] = [
	{ name: "s", size: 1e9 },
	{ name: "ms", size: 1e6 },
	{ name: "µs", size: 1e3 },
	{ name: "ns", size: 1 },
];
const byteUnits: readonly Unit[] = [
	{ name: "TiB", size: 2 ** 40 },
	{ name: "GiB", size: 2 ** 30 },
	{ name: "MiB", size: 2 ** 20 },
	{ name: "KiB", size: 1024 },
	{ name: "bytes", size: 1 },
];
const unitsOf = (quantity: NumericQuantity): readonly Unit[] | null =>
	quantity === "ns" ? timeUnits : quantity === "bytes" ? byteUnits : null;

/** Digits of an integer in groups of three from five digits on: 3252, 19 771. Takes "-" or "−" in front. */
export function group(value: number | bigint | string): string {
	const text = String(value);
	const [, sign, digits, rest] = /^([-−]?)(\d+)(.*)$/.exec(text) ?? [];
	if (digits === undefined) return text;
	const grouped = digits.length < 5 ? digits : digits.replace(/\B(?=(\d{3})+$)/g, NNBSP);
	return `${sign ? "−" : ""}${grouped}${rest}`;
}

/** Fixed decimals, grouped, true minus; what would read as zero but is not is "<0.001". */
export function fixed(value: number, decimals: number): string {
	const text = Math.abs(value).toFixed(decimals);
	if (value !== 0 && Number(text) === 0)
		return `${value < 0 ? ">−" : "<"}${(10 ** -decimals).toFixed(decimals)}`;
	return group(`${value < 0 ? "−" : ""}${text}`);
}

/** Three significant digits without exponent. */
function three(value: number): string {
	const abs = Math.abs(value);
	if (abs === 0) return "0";
	const rounded = Number(abs.toPrecision(3));
	const decimals = Math.min(12, Math.max(0, 2 - Math.floor(Math.log10(rounded))));
	return group(`${value < 0 ? "−" : ""}${abs.toFixed(decimals)}`);
}

function withUnit(value: number, units: readonly Unit[]): string {
	if (value === 0) return `0${NNBSP}${units.at(-1)!.name}`;
	// The unit is chosen by the rounded value: 999.96 µs is 1.00 ms, not 1000 µs.
	const rounded = Number(Math.abs(value).toPrecision(3));
	const unit = units.find((u) => rounded >= u.size) ?? units.at(-1)!;
	const text =
		unit.size === 1 && Number.isInteger(value)
			? group(value)
			: Math.abs(value) / unit.size >= 1000
				? group(`${value < 0 ? "−" : ""}${Math.round(Math.abs(value) / unit.size)}`)
				: three(value / unit.size);
	return `${text}${NNBSP}${unit.name}`;
}

/** One decimal; 100 only if exact, never "0.0" for something that happened. Without the sign "%". */
function percentDigits(value: number): string {
	const abs = Math.abs(value);
	const sign = value < 0 ? "−" : "";
	if (abs === 0) return "0";
	if (abs === 100) return `${sign}100`;
	if (abs < 0.1) return `<${sign}0.1`;
	if (abs < 100 && abs >= 99.95) return `>${sign}99.9`;
	return group(`${sign}${abs.toFixed(1)}`);
}

/** 30.2 %; `part` and `whole` in any one unit. Of nothing there is no share: "–". */
export function percent(part: number, whole = 100): string {
	return whole === 0 ? NO_VALUE : `${percentDigits((part / whole) * 100)}${NNBSP}%`;
}

/** A change from a to b with its sign: "+36.8 %", "−3.0 %", "0 %". From zero there is no relative change: "–". */
export function change(from: number, to: number): string {
	if (from === 0) return NO_VALUE;
	const value = ((to - from) / Math.abs(from)) * 100;
	return `${value > 0 ? "+" : ""}${percentDigits(value)}${NNBSP}%`;
}

/**
 * A value in a sentence: three significant digits and the largest unit in which it is ≥ 1.
 * `atLeast` marks a value that is open at an edge of what was observed: "≥ 2.00 s".
 */
export function sentence(
	value: Numeric | undefined,
	quantity: NumericQuantity,
	options: { readonly atLeast?: boolean } = {},
): string {
	if (value === "-" || value === undefined) return NO_VALUE;
	if (value === null || Number.isNaN(value)) return UNKNOWN;
	return `${options.atLeast ? `≥${NNBSP}` : ""}${plainSentence(value, quantity)}`;
}

function plainSentence(value: number | bigint, quantity: NumericQuantity): string {
	const n = Number(value);
	const units = unitsOf(quantity);
	if (units) return withUnit(n, units);
	switch (quantity) {
		case "stamp":
			return stamp(value);
		case "percent":
			return percent(n);
		case "per_second":
			return `${n === 0 ? "0" : three(n)}/s`;
		case "count":
			return group(value);
		default:
			return Number.isInteger(n) && Math.abs(n) < 1e15 ? group(value) : three(n);
	}
}

/** ns since the start of the trace as seconds. `decimals` up to 9, cut, not rounded: a stamp stays inside its second. */
export function stamp(ns: number | bigint, decimals = 4): string {
	return `${stampDigits(ns, decimals)}${NNBSP}s`;
}

function stampDigits(ns: number | bigint, decimals: number): string {
	const whole = typeof ns === "bigint" ? ns : BigInt(Math.round(ns));
	const abs = whole < 0n ? -whole : whole;
	const fraction = String(abs % 1_000_000_000n)
		.padStart(9, "0")
		.slice(0, decimals);
	return `${whole < 0n ? "−" : ""}${abs / 1_000_000_000n}${decimals > 0 ? `.${fraction}` : ""}`;
}

/** 0x1012b200. A negative number is the two's complement of 64 bits, as BIGINT columns hold kernel addresses. */
export function hex(address: number | bigint): string {
	return `0x${BigInt.asUintN(64, BigInt(address)).toString(16)}`;
}

/** How one column of a table is written: one unit, one number of decimals. */
export interface ColumnFormat {
	/** For the head; "" where there is none. */
	readonly unit: string;
	readonly decimals: number;
	/** Digits only, the unit is in the head. null gives "?", "-" and undefined "–". */
	format(value: Numeric | undefined): string;
}

/** Chooses unit and decimals by the values of a column (totals included, if they are to be shown with it). */
export function columnFormat(values: Iterable<Numeric | undefined>, quantity: NumericQuantity): ColumnFormat {
	const present: (number | bigint)[] = [];
	for (const v of values) if (v !== null && v !== undefined && v !== "-" && !Number.isNaN(v)) present.push(v);
	const { unit, decimals, digits } = columnStyle(present, quantity);
	return {
		unit,
		decimals,
		format: (value) =>
			value === "-" || value === undefined
				? NO_VALUE
				: value === null || Number.isNaN(value)
					? UNKNOWN_CELL
					: digits(value),
	};
}

interface ColumnStyle {
	readonly unit: string;
	readonly decimals: number;
	digits(value: number | bigint): string;
}

function columnStyle(values: readonly (number | bigint)[], quantity: NumericQuantity): ColumnStyle {
	switch (quantity) {
		case "count":
			return { unit: "", decimals: 0, digits: group };
		case "percent":
			return { unit: "%", decimals: 1, digits: (v) => percentDigits(Number(v)) };
		case "stamp": {
			const decimals = stampDecimals(values);
			return { unit: "s", decimals, digits: (v) => stampDigits(v, decimals) };
		}
	}
	const sizes = values.map((v) => Math.abs(Number(v))).filter((v) => v > 0);
	const units = unitsOf(quantity);
	const unit = units ? columnUnit(sizes, units) : { name: quantity === "per_second" ? "/s" : "", size: 1 };
	const decimals =
		unit.size === 1 && values.every((v) => Number.isInteger(Number(v))) ? 0 : decimalsOf(sizes, unit.size);
	return {
		unit: unit.name,
		decimals,
		digits: (v) =>
			Number(v) === 0
				? "0"
				: unit.size === 1 && decimals === 0
					? group(round(v))
					: fixed(Number(v) / unit.size, decimals),
	};
}

const round = (v: number | bigint): number | bigint => (typeof v === "bigint" ? v : Math.round(v));

/** Enough that the median has two digits, at most three; one where there is room for it. */
function decimalsOf(sizes: readonly number[], unit: number): number {
	if (sizes.length === 0) return 0;
	const sorted = [...sizes].sort((a, b) => a - b);
	const median = sorted[(sorted.length - 1) >> 1]! / unit;
	return median >= 10 ? (sorted.at(-1)! / unit >= 1e4 ? 0 : 1) : median >= 1 ? 1 : median >= 0.1 ? 2 : 3;
}

function columnUnit(sizes: readonly number[], units: readonly Unit[]): Unit {
	const max = sizes.reduce((a, b) => Math.max(a, b), 0);
	const unit = units.find((u) => max >= u.size) ?? units.at(-1)!;
	// Durations stay in ms, the unit of most tables, unless that takes more than seven digits.
	const ms = units.find((u) => u.name === "ms");
	if (unit.name !== "s" || !ms) return unit;
	const digits = Math.floor(Math.log10(max / ms.size)) + 1 + decimalsOf(sizes, ms.size);
	return digits > 7 ? unit : ms;
}

/** As few as keep different stamps different; 3 to 9. */
function stampDecimals(values: readonly (number | bigint)[]): number {
	const distinct = [...new Set(values.map((v) => (typeof v === "bigint" ? v : BigInt(Math.round(v)))))];
	for (let decimals = 3; decimals < 9; decimals++)
		if (new Set(distinct.map((v) => stampDigits(v, decimals))).size === distinct.length) return decimals;
	return 9;
}

/** Fewest values for which a percentile is an observed fact and not an accident. */
const fewest: Readonly<Record<number, number>> = { 50: 3, 95: 20, 99: 100, 99.9: 1000 };

/**
 * Nearest rank: the smallest observed value such that at least p percent of all are ≤ it. "-" for too few values
 * (p50 needs 3, p95 20, p99 100, p99.9 1000; others 100 / (100 − p)).
 * @param sorted ascending
 */
export function percentile(sorted: ArrayLike<number>, p: number): number | NoValue {
	if (!(p > 0 && p <= 100)) throw new RangeError(`percentile: p is ${p}, not in 0 < p ≤ 100`);
	const n = sorted.length;
	const need = p === 100 ? 1 : (fewest[p] ?? Math.max(3, Math.ceil(100 / (100 - p) - 1e-9)));
	if (n < need) return "-";
	// Without the small term 99.9 % of 1000 is 999.0000000000001 and its ceiling one rank too high.
	return sorted[Math.max(1, Math.ceil((n * p) / 100 - 1e-9)) - 1]!;
}
