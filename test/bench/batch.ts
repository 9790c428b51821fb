/**
 * The batch contract alone: batches of typed arrays through DuckDB to Parquet, nothing decoded.
 *     npx tsx test/bench/batch.ts [--rows 4000000]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ParquetWriter } from "../../collector/write/parquet-writer.ts";
import { BATCH_ROWS, type Batch } from "../../lib/schema/batch.ts";
import { random } from "../support/random.ts";
import { table } from "./measure.ts";

const { values } = parseArgs({ options: { rows: { type: "string", default: "4000000" } } });
const total = Number(values.rows);
const next = random(1);
const names = Array.from({ length: 170 }, (_, i) => `thread-${i}`);

/** A batch like sched_switch: a stamp, a CPU, seven numbers, two names, some NULLs. */
function batch(first: bigint, rows: number): { batch: Batch; last: bigint } {
	const ts = new BigInt64Array(rows);
	const integers = Array.from({ length: 6 }, () => new Int32Array(rows));
	const state = new BigInt64Array(rows);
	const codes = [new Uint8Array(rows), new Uint8Array(rows)];
	const validity = new Uint8Array(Math.ceil(rows / 64) * 8);
	let now = first;
	for (let i = 0; i < rows; i++) {
		now += BigInt(1 + Math.floor(next() * 2000));
		ts[i] = now;
		for (const [k, column] of integers.entries()) column[i] = Math.floor(next() * (k === 0 ? 4 : 500));
		state[i] = BigInt(1 << Math.floor(next() * 4));
		for (const c of codes) c[i] = Math.floor(next() * names.length);
		if (next() < 0.3) validity[i >> 3]! |= 1 << (i & 7);
	}
	return {
		last: now,
		batch: {
			table: "sched_switch",
			rows,
			columns: [
				{ name: "ts", type: "BIGINT", data: ts.buffer },
				...integers.map((c, k) => ({
					name: ["cpu", "utid", "prev_pid", "prev_prio", "next_pid", "stack_id"][k]!,
					type: "INTEGER" as const,
					data: c.buffer,
					...(k === 5 ? { validity: validity.buffer } : {}),
				})),
				{ name: "prev_state", type: "BIGINT", data: state.buffer },
				...codes.map((c, k) => ({
					name: k === 0 ? "prev_comm" : "next_comm",
					type: "ENUM" as const,
					data: c.buffer,
					dictionary: names,
				})),
			],
		},
	};
}

const folder = mkdtempSync(join(tmpdir(), "powerki-bench-"));
try {
	const batches: Batch[] = [];
	let at = 1_000_000_000n;
	for (let rows = 0; rows < total; rows += BATCH_ROWS) {
		const made = batch(at, Math.min(BATCH_ROWS, total - rows));
		at = made.last;
		batches.push(made.batch);
	}
	const writer = await ParquetWriter.open(folder);
	const cpu = process.cpuUsage();
	const start = performance.now();
	for (const b of batches) await writer.write(b);
	const wall = (performance.now() - start) / 1000;
	const used = process.cpuUsage(cpu);
	const { bytes } = writer.tables.get("sched_switch")!;
	writer.close();
	const seconds = (used.user + used.system) / 1e6;
	console.log(
		table([
			["rows", "wall s", "CPU s", "M rows/s wall", "M rows/s CPU", "Parquet B/row"],
			[
				String(total),
				wall.toFixed(2),
				seconds.toFixed(2),
				(total / wall / 1e6).toFixed(2),
				(total / seconds / 1e6).toFixed(2),
				(bytes / total).toFixed(2),
			],
		]),
	);
} finally {
	rmSync(folder, { recursive: true });
}
