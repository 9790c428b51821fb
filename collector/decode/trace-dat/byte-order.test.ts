/** One small recording, written in both byte orders and with 32- and 64-bit longs: the same rows come out of all four. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Batch, BatchColumn } from "../../../lib/schema/batch.ts";
import { readSideFiles } from "../../side/index.ts";
import type { Sink, TraceSummary } from "../source.ts";
import { MAGIC } from "./header.ts";
import { readTraceDat } from "./read.ts";

interface Machine {
	readonly little: boolean;
	readonly long: 4 | 8;
	readonly page: number;
}

/** Bytes in the machine's order. */
class Writer {
	#parts: Buffer[] = [];
	size = 0;
	constructor(readonly m: Machine) {}
	raw(b: Buffer | string): this {
		const part = typeof b === "string" ? Buffer.from(b, "latin1") : b;
		this.#parts.push(part);
		this.size += part.length;
		return this;
	}
	int(value: number | bigint, bytes: 1 | 2 | 4 | 8): this {
		const b = Buffer.alloc(bytes);
		const v = BigInt.asUintN(bytes * 8, BigInt(value));
		for (let i = 0; i < bytes; i++)
			b[this.m.little ? i : bytes - 1 - i] = Number((v >> BigInt(8 * i)) & 0xffn);
		return this.raw(b);
	}
	pad(to: number): this {
		return this.raw(Buffer.alloc(to - this.size));
	}
	done(): Buffer {
		return Buffer.concat(this.#parts);
	}
}

const common = `	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;
`;

/** An event with a field of every kind. */
const format = (m: Machine): string => `name: all_kinds
ID: 700
format:
${common}
	field:u64 wide;	offset:8;	size:8;	signed:0;
	field:s64 below;	offset:16;	size:8;	signed:1;
	field:u8 tiny;	offset:24;	size:1;	signed:0;
	field:s8 negative;	offset:25;	size:1;	signed:1;
	field:u16 half;	offset:26;	size:2;	signed:0;
	field:unsigned int word;	offset:28;	size:4;	signed:0;
	field:int minus;	offset:32;	size:4;	signed:1;
	field:char comm[16];	offset:36;	size:16;	signed:0;
	field:__data_loc char[] path;	offset:52;	size:4;	signed:0;
	field:unsigned long address;	offset:56;	size:${m.long};	signed:0;
	field:u16 pairs[2];	offset:64;	size:4;	signed:0;
	field:int cpu;	offset:68;	size:4;	signed:1;

print fmt: "%d", REC->minus
`;

function record(m: Machine, pid: number): Buffer {
	const text = "/tmp/ü\0";
	const bytes = Buffer.from(text, "utf8");
	const w = new Writer(m).int(700, 2).int(0, 1).int(0, 1).int(pid, 4);
	w.int(0xc000_0000_0012_3456n, 8)
		.int(-5, 8)
		.int(200, 1)
		.int(-2, 1)
		.int(60_000, 2)
		.int(4_000_000_000, 4)
		.int(-7, 4);
	w.raw(Buffer.from("worker/1\0rubbish", "latin1")).int(72 | (bytes.length << 16), 4);
	w.int(0x7fff_0000, m.long).pad(64).int(1, 2).int(65_535, 2).int(3, 4).raw(bytes);
	return w.pad(Math.ceil(w.size / 4) * 4).done();
}

function header(m: Machine, value: number, delta: number): Buffer {
	// type_len is in the low 5 bits on little-endian machines, in the high 5 on big-endian ones
	return new Writer(m).int(m.little ? (delta << 5) | value : ((value << 27) | delta) >>> 0, 4).done();
}

const START = 5_000_000_000_123n;

/** A record, 2^27 + 70 ns later (time extend) another, then an absolute stamp and a third. */
function page(m: Machine): Buffer {
	const one = record(m, 42);
	const length = (b: Buffer): Buffer =>
		Buffer.concat([header(m, 0, 70), new Writer(m).int(b.length + 4, 4).done(), b]);
	const third = START + 400_000_000n;
	const body = Buffer.concat([
		length(one),
		Buffer.concat([header(m, 30, 0), new Writer(m).int(1, 4).done()]),
		length(record(m, 42)),
		Buffer.concat([header(m, 31, Number(third & 0x7ff_ffffn)), new Writer(m).int(third >> 27n, 4).done()]),
		length(record(m, 43)),
	]);
	// the second page-wide flag: events were lost before this page, their number is behind the data
	const commit = BigInt(body.length) | (1n << 31n) | (1n << 30n);
	return new Writer(m).int(START, 8).int(commit, m.long).raw(body).int(9, m.long).pad(m.page).done();
}

function traceDat(m: Machine): Buffer {
	const headerPage = `	field: u64 timestamp;	offset:0;	size:8;	signed:0;
	field: local_t commit;	offset:8;	size:${m.long};	signed:1;
	field: char data;	offset:${8 + m.long};	size:${m.page - 8 - m.long};	signed:0;
`;
	const w = new Writer(m)
		.raw(MAGIC)
		.raw("6\0")
		.raw(Buffer.from([m.little ? 0 : 1, m.long]))
		.int(m.page, 4);
	w.raw("header_page\0").int(headerPage.length, 8).raw(headerPage).raw("header_event\0").int(0, 8);
	w.int(0, 4);
	const f = format(m);
	w.int(1, 4).raw("synthetic\0").int(1, 4).int(f.length, 8).raw(f);
	w.int(0, 4).int(0, 4);
	const cmdlines = "42 worker/1\n43 other\n";
	w.int(cmdlines.length, 8).raw(cmdlines).int(1, 4);
	const uname = "Linux tower 6.12.0 ppc64\0";
	w.raw("options  \0")
		.int(5, 2)
		.int(uname.length, 4)
		.raw(uname)
		.int(4, 2)
		.int(6, 4)
		.raw("[mono]")
		.int(0, 2)
		.raw("flyrecord\0");
	const at = Math.ceil((w.size + 16) / m.page) * m.page;
	return w.int(at, 8).int(m.page, 8).pad(at).raw(page(m)).done();
}

function values(c: BatchColumn, rows: number): unknown[] {
	const list = /^BIGINT\[(\d+)\]$/.exec(c.type);
	if (list)
		return Array.from({ length: rows }, (_, i) => [
			...new BigInt64Array(c.data).subarray(i * Number(list[1]), (i + 1) * Number(list[1])),
		]);
	if (c.type === "BIGINT") return [...new BigInt64Array(c.data).subarray(0, rows)];
	if (c.type === "ENUM") return [...new Uint8Array(c.data).subarray(0, rows)].map((k) => c.dictionary![k]);
	return [...new Int32Array(c.data).subarray(0, rows)];
}

const folder = mkdtempSync(join(tmpdir(), "powerki-byte-order-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function read(m: Machine): Promise<{ batches: Batch[]; summary: TraceSummary }> {
	const path = join(folder, `${m.little}-${m.long}-${m.page}.dat`);
	writeFileSync(path, traceDat(m));
	const batches: Batch[] = [];
	let summary: TraceSummary | null = null;
	const sink: Sink = {
		begin() {},
		batch: (b) => batches.push(b),
		rows() {},
		end: (s) => {
			summary = s;
		},
		progress() {},
	};
	for await (const _ of readTraceDat([path], await readSideFiles(path, []), {}, sink));
	return { batches, summary: summary! };
}

const machines: Machine[] = [true, false].flatMap((little) =>
	([4, 8] as const).flatMap((long) => [4096, 65_536].map((page) => ({ little, long, page }))),
);

describe.each(machines)("little endian $little, longs of $long bytes, pages of $page", (m) => {
	it("gives the same rows", async () => {
		const { batches, summary } = await read(m);
		const b = batches.find((x) => x.table === "all_kinds")!;
		const rows = Object.fromEntries(b.columns.map((c) => [c.name, values(c, b.rows)]));
		const all = <T>(v: T): T[] => [v, v, v];
		expect(rows).toEqual({
			ts: [START + 70n, START + 70n + (1n << 27n) + 70n, START + 400_000_000n + 70n],
			cpu: all(0),
			utid: [1, 1, 2],
			wide: all(BigInt.asIntN(64, 0xc000_0000_0012_3456n)),
			below: all(-5n),
			tiny: all(200n),
			negative: all(-2n),
			half: all(60_000n),
			word: all(4_000_000_000n),
			minus: all(-7n),
			comm: all("worker/1"),
			path: all("/tmp/ü"),
			address: all(0x7fff_0000n),
			pairs: all([1n, 65_535n]),
			cpu_arg: all(3n),
		});
		expect(summary.events).toEqual({ all_kinds: 3 });
		expect(summary.machine).toMatchObject({
			host: "tower",
			littleEndian: m.little,
			longBytes: m.long,
			pageBytes: m.page,
		});
		expect(summary.lost).toEqual({ gaps: 1, events: 9, unknownGaps: 0 });
	});
});
