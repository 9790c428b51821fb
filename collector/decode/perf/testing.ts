/** perf.data files of known content for unit tests, in either byte order; captures of the repository; what a file reads as. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { decompress } from "fzstd";
import type { Batch, BatchColumn } from "../../../lib/schema/batch.ts";
import { readSideFiles } from "../../side/index.ts";
import type { IdentityRow, ReadOptions, Sink, TraceSummary } from "../source.ts";
import { readPerf } from "./read.ts";
import { recordType } from "./record-types.ts";

/** Bytes in a machine's order. */
export class Writer {
	#parts: Buffer[] = [];
	size = 0;
	constructor(readonly little: boolean = true) {}

	raw(bytes: Uint8Array | string): this {
		const part = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : Buffer.from(bytes);
		this.#parts.push(part);
		this.size += part.length;
		return this;
	}

	int(value: number | bigint, bytes: 1 | 2 | 4 | 8): this {
		const b = Buffer.alloc(bytes);
		const v = BigInt.asUintN(bytes * 8, BigInt(value));
		for (let i = 0; i < bytes; i++) b[this.little ? i : bytes - 1 - i] = Number((v >> BigInt(8 * i)) & 0xffn);
		return this.raw(b);
	}

	u64(...values: (number | bigint)[]): this {
		for (const v of values) this.int(v, 8);
		return this;
	}

	u32(...values: number[]): this {
		for (const v of values) this.int(v, 4);
		return this;
	}

	/** Zeros up to a multiple of `to`. */
	align(to: number): this {
		return this.raw(Buffer.alloc((to - (this.size % to)) % to));
	}

	done(): Buffer {
		return Buffer.concat(this.#parts);
	}
}

export interface AttrSpec {
	readonly type?: number;
	readonly config?: number | bigint;
	readonly period?: number;
	readonly sampleType?: number;
	readonly readFormat?: number;
	/** Numbers of the bits of the flags word, as on a little-endian machine. */
	readonly flags?: readonly number[];
	readonly branchType?: number;
	readonly regsUser?: bigint;
	readonly stackUser?: number;
	readonly clockid?: number;
	readonly regsIntr?: bigint;
	/** Bytes that this version of the structure has. */
	readonly size?: number;
}

/** A perf_event_attr (include/uapi/linux/perf_event.h), cut or filled with zeros to its size. */
export function attr(spec: AttrSpec, little = true): Buffer {
	const size = spec.size ?? 136;
	const flags = (spec.flags ?? []).reduce((word, bit) => word | (1n << BigInt(little ? bit : 63 - bit)), 0n);
	const whole = new Writer(little)
		.u32(spec.type ?? 1, size)
		.u64(spec.config ?? 0, spec.period ?? 1, spec.sampleType ?? 0, spec.readFormat ?? 0, flags)
		.u32(0, 0)
		.u64(0, 0, spec.branchType ?? 0, spec.regsUser ?? 0n)
		.u32(spec.stackUser ?? 0, spec.clockid ?? 0)
		.u64(spec.regsIntr ?? 0n)
		.done();
	return Buffer.concat([whole, Buffer.alloc(Math.max(0, size - whole.length))]).subarray(0, size);
}

export function record(type: number, misc: number, body: Uint8Array, little = true): Buffer {
	return new Writer(little)
		.u32(type)
		.int(misc, 2)
		.int(8 + body.length, 2)
		.raw(body)
		.done();
}

/** A text as features have it: length (padded), bytes, zeros. */
export function text(value: string, little = true): Buffer {
	const bytes = Buffer.from(`${value}\0`);
	const padded = Math.ceil(bytes.length / 64) * 64;
	return new Writer(little)
		.u32(padded)
		.raw(bytes)
		.raw(Buffer.alloc(padded - bytes.length))
		.done();
}

export interface FileSpec {
	readonly little?: boolean;
	readonly attrs: readonly { readonly attr: Buffer; readonly ids: readonly (number | bigint)[] }[];
	readonly records: readonly Uint8Array[];
	readonly features?: ReadonlyMap<number, Uint8Array>;
}

/** Header, ids, attributes, records, table of features, features. */
export function perfFile({ little = true, attrs, records, features = new Map() }: FileSpec): Buffer {
	const attrSize = (attrs[0]?.attr.length ?? 136) + 16;
	const ids = new Writer(little);
	const table = new Writer(little);
	for (const a of attrs) {
		table.raw(a.attr).u64(104 + ids.size, 8 * a.ids.length);
		ids.u64(...a.ids);
	}
	const data = Buffer.concat(records);
	const attrsAt = 104 + ids.size;
	const dataAt = attrsAt + table.size;
	const set = [...features].sort((a, b) => a[0] - b[0]);
	const bits = [0n, 0n, 0n, 0n];
	for (const [bit] of set) bits[bit >> 6]! |= 1n << BigInt(bit & 63);
	const w = new Writer(little)
		.u64(MAGIC_NUMBER, 104, attrSize, attrsAt, table.size, dataAt, data.length, 0, 0, ...bits)
		.raw(ids.done())
		.raw(table.done())
		.raw(data);
	let at = w.size + 16 * set.length;
	for (const [, bytes] of set) {
		w.u64(at, bytes.length);
		at += bytes.length;
	}
	for (const [, bytes] of set) w.raw(bytes);
	return w.done();
}

/** PERFILE2, as a little-endian number. */
const MAGIC_NUMBER = 0x32454c4946524550n;

/** The pipe form: everything is a record. */
export function pipeFile(records: readonly Uint8Array[], little = true): Buffer {
	return Buffer.concat([new Writer(little).u64(MAGIC_NUMBER, 16).done(), ...records]);
}

const captures = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "test", "traces", "perf");

/** A recording of the repository, unpacked. */
export function capture(name: string, file = "perf.data"): Buffer {
	return Buffer.from(decompress(readFileSync(join(captures, name, `${file}.zst`))));
}

export type ReadRow = Readonly<Record<string, unknown>>;

export interface ReadBack {
	/** Rows by table; NULL is null, texts are texts, addresses are signed. */
	readonly tables: ReadonlyMap<string, readonly ReadRow[]>;
	readonly summary: TraceSummary;
}

/** Reads the files of one recording, as collect does. */
export async function readBack(paths: readonly string[], options: ReadOptions = {}): Promise<ReadBack> {
	const tables = new Map<string, ReadRow[]>();
	let summary: TraceSummary | null = null;
	const rowsOf = (table: string): ReadRow[] => {
		const known = tables.get(table) ?? [];
		tables.set(table, known);
		return known;
	};
	const sink: Sink = {
		begin() {},
		batch(b: Batch) {
			const columns = b.columns.map((c) => [c.name, values(c, b.rows)] as const);
			const rows = rowsOf(b.table);
			for (let i = 0; i < b.rows; i++) rows.push(Object.fromEntries(columns.map(([n, v]) => [n, v[i]])));
		},
		rows(table: string, rows: readonly IdentityRow[]) {
			rowsOf(table).push(...rows);
		},
		end: (s) => {
			summary = s;
		},
		progress() {},
	};
	for await (const _ of readPerf(paths, await readSideFiles(paths[0]!, []), options, sink));
	return { tables, summary: summary! };
}

/** Values of a column (lib/schema/batch.ts). */
export function values(c: BatchColumn, rows: number): unknown[] {
	const list = /^BIGINT\[(\d+)\]$/.exec(c.type);
	const n = list ? Number(list[1]) : 1;
	const all = ((): ArrayLike<unknown> => {
		switch (c.type) {
			case "INTEGER":
				return new Int32Array(c.data);
			case "DOUBLE":
				return new Float64Array(c.data);
			case "BOOLEAN":
				return Array.from(new Uint8Array(c.data), (v) => v !== 0);
			case "ENUM": {
				const d = c.dictionary!;
				const codes =
					d.length < 256
						? new Uint8Array(c.data)
						: d.length < 65_536
							? new Uint16Array(c.data)
							: new Uint32Array(c.data);
				return Array.from(codes, (k) => d[k]);
			}
			default:
				return new BigInt64Array(c.data);
		}
	})();
	const mask = c.validity ? new Uint8Array(c.validity) : null;
	return Array.from({ length: rows }, (_, i) => {
		if (mask && ((mask[i >> 3]! >> (i & 7)) & 1) === 0) return null;
		return list ? Array.from({ length: n }, (__, k) => all[i * n + k]) : all[i];
	});
}

/** COMPRESSED records that unfold to `bytes`: one frame of zstd in raw blocks over all of them, `block` bytes in each. */
export function compressed(bytes: Buffer, block: number, padded = false): Buffer[] {
	const out: Buffer[] = [];
	for (let at = 0; at < bytes.length; at += block) {
		const part = bytes.subarray(at, at + block);
		const w = new Writer();
		// frame header: magic, no content size, window of 1 MiB
		if (at === 0) w.u32(0xfd2fb528).raw(Uint8Array.of(0, 10 << 3));
		// raw block, never the last: perf flushes its stream, and does not end it
		w.raw(Uint8Array.of((part.length << 3) & 0xff, (part.length >> 5) & 0xff, (part.length >> 13) & 0xff));
		const data = w.raw(part).done();
		out.push(
			padded
				? record(recordType.compressed2, 0, new Writer().u64(data.length).raw(data).align(8).done())
				: record(recordType.compressed, 0, data),
		);
	}
	return out;
}
