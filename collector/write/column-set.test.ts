import { describe, expect, it } from "vitest";
import type { Batch, SortedBatch } from "../../lib/schema/batch.ts";
import { BATCH_ROWS } from "../../lib/schema/batch.ts";
import { c, table } from "../../lib/schema/column.ts";
import { appender, baseStamp } from "./appender.ts";
import { sortBatch } from "./column-set.ts";
import { Strings } from "./string-pool.ts";

const intervals = table("derived", "intervals", "For this test", {
	ts: c.stamp("start"),
	dur: c.ns("length"),
	name: c.varchar("name"),
	address: c.address("address"),
	flag: c.boolean("flag"),
});

function write(
	rows: readonly {
		ts: number;
		dur: number;
		name: string | null;
		address?: [number, number];
		flag?: number;
	}[],
	base = 0n,
): SortedBatch[] {
	const batches: SortedBatch[] = [];
	const strings = new Strings();
	const out = appender(intervals, strings, baseStamp(base), (b) => batches.push(sortBatch(b)));
	for (const r of rows)
		out.append({
			ts: r.ts,
			dur: r.dur,
			name: r.name === null ? -1 : strings.code(r.name),
			address_lo: r.address?.[0] ?? 0,
			address_hi: r.address?.[1] ?? Number.NaN,
			flag: r.flag ?? Number.NaN,
		});
	expect(out.rows).toBe(rows.length);
	out.flush();
	return batches;
}

/** Values with NULL where the mask says so. */
function column(b: Batch, name: string): unknown[] {
	const col = b.columns.find((x) => x.name === name);
	if (!col) return [];
	const mask = col.validity ? new Uint8Array(col.validity) : null;
	const raw =
		col.type === "BIGINT"
			? new BigInt64Array(col.data)
			: col.type === "ENUM"
				? new Uint8Array(col.data)
				: new Uint8Array(col.data);
	return Array.from({ length: b.rows }, (_, i) =>
		mask && (mask[i >> 3]! & (1 << (i & 7))) === 0
			? null
			: col.type === "ENUM"
				? col.dictionary![Number(raw[i])]
				: raw[i],
	);
}

describe("rows become columns", () => {
	it("in the order of their stamps, ties in the order of arrival", () => {
		const [b] = write([
			{ ts: 30, dur: 1, name: "c" },
			{ ts: 10, dur: 2, name: "a" },
			{ ts: 30, dur: 3, name: "d" },
			{ ts: 20, dur: 4, name: "b" },
		]);
		expect(column(b!, "ts")).toEqual([10n, 20n, 30n, 30n]);
		expect(column(b!, "dur")).toEqual([2n, 4n, 1n, 3n]);
		expect(column(b!, "name")).toEqual(["a", "b", "c", "d"]);
		expect([b!.minTs, b!.maxTs]).toEqual([10n, 30n]);
	});

	it("with the base added, beyond 2^53 and across 2^32", () => {
		const base = 1_795_603_736_830_874_585n;
		const [b] = write(
			[
				{ ts: 0, dur: -1, name: "x" },
				{ ts: 5_000_000_000, dur: 2 ** 40, name: "x" },
				{ ts: 2 ** 52, dur: 0, name: "x" },
			],
			base,
		);
		expect(column(b!, "ts")).toEqual([base, base + 5_000_000_000n, base + (1n << 52n)]);
		expect(column(b!, "dur")).toEqual([-1n, 1n << 40n, 0n]);
	});

	it("with NULLs, and without a column that is NULL throughout", () => {
		const [b] = write([
			{ ts: Number.NaN, dur: 1, name: null, address: [5, -1_073_741_824] },
			{ ts: 7, dur: Number.NaN, name: "n" },
		]);
		expect(column(b!, "ts")).toEqual([null, 7n]);
		expect([b!.minTs, b!.maxTs]).toEqual([7n, 7n]);
		expect(column(b!, "dur")).toEqual([1n, null]);
		expect(column(b!, "name")).toEqual([null, "n"]);
		expect(column(b!, "address")).toEqual([BigInt.asIntN(64, 0xc000_0000_0000_0005n), null]);
		expect(b!.columns.map((x) => x.name)).not.toContain("flag");
	});

	it("in batches of BATCH_ROWS, each sorted for itself", () => {
		const n = BATCH_ROWS + 10;
		const batches = write(
			Array.from({ length: n }, (_, i) => ({ ts: i ^ 1, dur: i, name: `t${i % 300}`, flag: i % 2 })),
		);
		expect(batches.map((b) => b.rows)).toEqual([BATCH_ROWS, 10]);
		expect(column(batches[0]!, "ts").slice(0, 4)).toEqual([0n, 1n, 2n, 3n]);
		expect(column(batches[0]!, "dur").slice(0, 4)).toEqual([1n, 0n, 3n, 2n]);
		expect(column(batches[1]!, "flag").slice(0, 4)).toEqual([1, 0, 1, 0]);
	});
});
