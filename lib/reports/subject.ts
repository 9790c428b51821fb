/** How reports name threads, processes and devices, and rows of tables that many share. */
import type { Percentile, Spread } from "../dataset/definitions.ts";
import type { ThreadRef } from "../dataset/thread-ref.ts";
import { group, sentence } from "../figures/numbers.ts";
import type { TableBlock, TableColumn, Value } from "./document.ts";

type Named = Pick<ThreadRef, "utid" | "tid" | "name">;

/** "order-w0 (240)"; the idle threads and unknown ones by these words. */
export function threadName(t: Named): string {
	if (t.utid === 0) return "idle";
	if (t.utid === null) return "unknown thread";
	return `${t.name ?? "unnamed thread"} (${t.tid ?? "?"})`;
}

/** "orderd (238)"; without a process id the name alone. */
export function processName(p: { readonly tgid: number | null; readonly process: string | null }): string {
	return p.tgid === null ? (p.process ?? "unknown process") : `${p.process ?? "process"} (${p.tgid})`;
}

/** "1 thread", "6 threads"; an irregular plural may be given. */
export function counted(n: number, one: string, many = `${one}s`): string {
	return `${group(n)} ${n === 1 ? one : many}`;
}

/** The items that weigh most, as a sentence needs them: "a, b and c". */
export function listed(items: readonly string[]): string {
	return items.length < 2 ? (items[0] ?? "") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

/** Columns of a spread in the order of all reports: n, total, mean, p50, p95, p99, max. */
export function spreadColumnsOf(counted: string, prefix = ""): TableColumn[] {
	const ns = (key: string, label: string): TableColumn => ({ key: `${prefix}${key}`, label, quantity: "ns" });
	return [
		{ key: `${prefix}n`, label: counted, quantity: "count" },
		{ ...ns("total", "total"), bar: "max" },
		ns("mean", "mean"),
		ns("p50", "p50"),
		ns("p95", "p95"),
		ns("p99", "p99"),
		ns("max", "max"),
	];
}

/** Values of these columns. */
export function spreadCells(s: Spread, total: number | null, prefix = ""): Record<string, Value> {
	const cells: Record<string, Percentile | number | null> = {
		n: s.n,
		total,
		mean: s.mean,
		p50: s.p50,
		p95: s.p95,
		p99: s.p99,
		max: s.max,
	};
	return Object.fromEntries(Object.entries(cells).map(([key, value]) => [`${prefix}${key}`, value]));
}

/** The mark of rows that are as they should be; they are kept, since sums would be wrong without them, and shown grey. */
export const EXPECTED = "expected";

/** The column for that mark, where a row has it: beside the names, since a narrow terminal drops columns from the right. */
export function expectedColumn(some: boolean): TableColumn[] {
	return some ? [{ key: "note", label: "", quantity: "text" }] : [];
}

/** What is expected goes below what is not, each in its order: on top it misleads. */
export function expectedLast<T>(rows: readonly T[], isExpected: (row: T) => boolean): T[] {
	return [...rows.filter((r) => !isExpected(r)), ...rows.filter(isExpected)];
}

/** The rows that withTotal shows one by one. */
export function shownOf<T>(rows: readonly T[], top: number): readonly T[] {
	return rows.length <= top + 1 ? rows : rows.slice(0, top);
}

/** "p50 4.26 ms, p99 8.42 ms, max 10.4 ms", without the percentiles for which there are too few values. */
export function spreadWords(s: Spread): string {
	return (["p50", "p99", "max"] as const)
		.flatMap((key) => (s[key] === "-" ? [] : [`${key} ${sentence(s[key], "ns")}`]))
		.join(", ");
}

interface Summed {
	/** All rows, the largest first. */
	readonly rows: readonly Readonly<Record<string, Value>>[];
	readonly top: number;
	/** Columns that add up. */
	readonly sums: readonly string[];
	/** Of the other columns, those for which the total row has a value. */
	readonly total?: Readonly<Record<string, Value>>;
	/** What a row is: "thread". */
	readonly row: string;
	readonly rowPlural?: string;
}

/**
 * The first `top` rows, one that sums the others, and the total of all: what is cut stays in the sums. Where there
 * is only one row there is nothing to add up.
 */
export function withTotal(
	columns: readonly TableColumn[],
	{ rows, top, sums, total, row, rowPlural }: Summed,
): Pick<TableBlock, "columns" | "rows" | "others" | "available" | "total"> {
	const sum = (of: readonly Readonly<Record<string, Value>>[]) =>
		Object.fromEntries(sums.map((key) => [key, added(of.map((r) => r[key]))]));
	const first = columns[0].key;
	// One row that would be left over is shown as itself.
	const kept = shownOf(rows, top);
	const rest = rows.slice(kept.length);
	const none = Object.fromEntries(
		columns.map((c) => [c.key, ["name", "text", "code"].includes(c.quantity) ? "" : "-"]),
	);
	const others = {
		...none,
		...sum(rest),
		[first]: `${group(rest.length)} other ${rowPlural ?? `${row}s`}`,
	};
	return {
		columns,
		rows: rest.length === 0 ? kept : [...kept, others],
		...(rest.length === 0 ? {} : { others: true }),
		available: rows.length,
		...(rows.length > 1 ? { total: { [first]: "all", ...sum(rows), ...total } } : {}),
	};
}

/** Sum of what is known; unknown if one of the parts is. */
function added(values: readonly Value[]): Value {
	let sum = 0;
	for (const v of values) {
		if (v === null) return null;
		if (typeof v === "number") sum += v;
		else if (typeof v === "bigint") sum += Number(v);
	}
	return sum;
}

/** Percent, 0..100; of nothing there is no share. */
export function share(part: number, whole: number): number | "-" {
	return whole === 0 ? "-" : (100 * part) / whole;
}
