/** What must hold of all that a format puts into a sink, whatever its input was. */
import type { Sink, TraceSummary } from "../../collector/decode/source.ts";
import { sortBatch } from "../../collector/write/column-set.ts";
import type { Batch, BatchColumn, SortedBatch } from "../../lib/schema/batch.ts";

/** One trace as it came. */
export interface Checked {
	readonly buffer: string;
	/** Rows by table. */
	readonly rows: Map<string, number>;
	/** Of all rows that have one. */
	first: bigint | null;
	last: bigint | null;
	summary: TraceSummary | null;
}

/** Looks at everything and keeps nothing but counts. */
export class CheckingSink implements Sink {
	readonly problems: string[] = [];
	readonly traces: Checked[] = [];

	begin(buffer: string): void {
		this.traces.push({ buffer, rows: new Map(), first: null, last: null, summary: null });
	}

	batch(batch: Batch): void {
		const sorted = sortBatch(batch);
		const problem = senseless(sorted);
		if (problem !== null) this.problems.push(problem);
		const trace = this.#trace("a batch");
		if (trace === undefined) return;
		trace.rows.set(batch.table, (trace.rows.get(batch.table) ?? 0) + batch.rows);
		const { minTs, maxTs } = sorted;
		if (minTs !== null && (trace.first === null || minTs < trace.first)) trace.first = minTs;
		if (maxTs !== null && (trace.last === null || maxTs > trace.last)) trace.last = maxTs;
	}

	rows(table: string, rows: readonly unknown[]): void {
		const trace = this.#trace("rows");
		trace?.rows.set(table, (trace.rows.get(table) ?? 0) + rows.length);
	}

	end(summary: TraceSummary): void {
		const trace = this.#trace("an end");
		if (trace === undefined) return;
		trace.summary = summary;
		const { window } = summary;
		if (window && window.start > window.end) this.problems.push("a window that ends before it begins");
		// of a CPU perf may have told switches and losses only
		for (const c of summary.cpus)
			if (c.first > c.last || !(c.events >= 0)) this.problems.push(`CPU ${c.cpu} ends before it begins`);
		for (const n of summary.notes) if (n.text === "") this.problems.push(`a note ${n.kind} without text`);
	}

	progress(bytes: number, events: number): void {
		if (!(bytes >= 0) || !(events >= 0)) this.problems.push(`progress of ${bytes} bytes, ${events} events`);
	}

	#trace(what: string): Checked | undefined {
		const trace = this.traces.at(-1);
		if (trace !== undefined && trace.summary === null) return trace;
		this.problems.push(`${what} outside a trace`);
		return undefined;
	}
}

/** What is wrong with a batch: lengths, order, numbers. null where all is well. */
function senseless(b: SortedBatch): string | null {
	if (b.rows === 0) return `${b.table}: an empty batch`;
	if (b.minTs !== null && b.maxTs !== null && b.minTs > b.maxTs) return `${b.table}: ends before it begins`;
	const names = new Set<string>();
	for (const c of b.columns) {
		if (names.has(c.name)) return `${b.table}.${c.name}: twice`;
		names.add(c.name);
		const problem = wrongValues(c, b);
		if (problem !== null) return `${b.table}.${c.name}: ${problem}`;
	}
	return null;
}

const bytesOf: Readonly<Record<string, number>> = { BIGINT: 8, INTEGER: 4, DOUBLE: 8, BOOLEAN: 1 };

function wrongValues(c: BatchColumn, { rows, minTs, maxTs }: SortedBatch): string | null {
	const mask = c.validity ? new Uint8Array(c.validity) : null;
	if (mask !== null && mask.length * 8 < rows) return "too short a mask";
	const valid = (i: number): boolean => mask === null || ((mask[i >> 3]! >> (i & 7)) & 1) !== 0;
	if (c.type === "ENUM") return wrongCodes(c, rows, valid);
	const list = /^BIGINT\[(\d+)\]$/.exec(c.type);
	if (c.data.byteLength < rows * (list ? 8 * Number(list[1]) : bytesOf[c.type]!)) return "too few values";
	if (c.type === "DOUBLE") {
		const values = new Float64Array(c.data, 0, rows);
		for (let i = 0; i < rows; i++)
			if (valid(i) && !Number.isFinite(values[i]!)) return `${values[i]} in row ${i}`;
	}
	if (c.name !== "ts" && c.name !== "dur") return null;
	const values = new BigInt64Array(c.data, 0, rows);
	if (c.name === "dur") {
		for (let i = 0; i < rows; i++) if (valid(i) && values[i]! < 0n) return `${values[i]} in row ${i}`;
		return null;
	}
	// names that were known before the first event have no time
	let first: bigint | null = null;
	let last: bigint | null = null;
	for (let i = 0; i < rows; i++) {
		if (!valid(i)) continue;
		const ts = values[i]!;
		if (last !== null && ts < last) return `not in the order of time at row ${i}`;
		first ??= ts;
		last = ts;
	}
	if (first !== null && (minTs !== first || maxTs !== last))
		return `from ${minTs} to ${maxTs}, says the batch; ${first} to ${last}`;
	return null;
}

function wrongCodes(c: BatchColumn, rows: number, valid: (i: number) => boolean): string | null {
	const words = c.dictionary;
	if (words === undefined) return "no dictionary";
	const size = words.length < 256 ? 1 : words.length < 65_536 ? 2 : 4;
	if (c.data.byteLength < rows * size) return "too few values";
	const codes =
		size === 1
			? new Uint8Array(c.data)
			: size === 2
				? new Uint16Array(c.data)
				: new Uint32Array(c.data, 0, rows);
	for (let i = 0; i < rows; i++)
		if (valid(i) && codes[i]! >= words.length) return `code ${codes[i]} of ${words.length} in row ${i}`;
	return null;
}
