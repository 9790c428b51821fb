/** ki.bin files of known content for unit tests, and what a recording reads as. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Batch } from "../../../lib/schema/batch.ts";
import { readSideFiles } from "../../side/index.ts";
import { values } from "../perf/testing.ts";
import type { ReadOptions, TraceSummary } from "../source.ts";
import { CHUNK, CHUNK_HEADER } from "./chunks.ts";
import { readLinuxki } from "./read.ts";
import { linuxkiDirectory } from "./recording.ts";

export interface RecordFacts {
	readonly ts: number | bigint;
	readonly id: number;
	readonly cpu?: number;
	readonly pid?: number;
	readonly tgid?: number;
	readonly seq?: number;
	/** Behind the header. */
	readonly body?: Uint8Array;
	/** Where it is not that of header and body. */
	readonly length?: number;
}

/** Headers of versions 1 and 3 have 32 bytes. */
export function record(r: RecordFacts, version = 9): Buffer {
	const header = Buffer.alloc(version < 5 ? 32 : 40);
	const body = Buffer.alloc(Math.ceil((r.body?.length ?? 0) / 8) * 8);
	body.set(r.body ?? []);
	header.writeBigUInt64LE(BigInt(r.ts), 0);
	header.writeUInt32LE(r.id, 8);
	header.writeUInt32LE(r.length ?? header.length + body.length, 12);
	header.writeInt32LE(r.pid ?? 100, 16);
	header.writeInt32LE(r.cpu ?? 0, 20);
	header.writeBigUInt64LE(BigInt(r.seq ?? 0), 24);
	if (version >= 5) header.writeInt32LE(r.tgid ?? r.pid ?? 100, 32);
	return Buffer.concat([header, body]);
}

export function words(...values: (number | bigint)[]): Buffer {
	const bytes = Buffer.alloc(8 * values.length);
	for (const [k, v] of values.entries()) bytes.writeBigInt64LE(BigInt(v), 8 * k);
	return bytes;
}

export function ints(...values: number[]): Buffer {
	const bytes = Buffer.alloc(4 * values.length);
	for (const [k, v] of values.entries()) bytes.writeInt32LE(v, 4 * k);
	return bytes;
}

/** sched_switch of version 9, without a stack. */
export function switchBody(next: number, { tgid = next, state = 1 } = {}): Buffer {
	const body = Buffer.alloc(104);
	body.write("thread", 8);
	body.writeBigInt64LE(BigInt(state), 24);
	body.writeInt32LE(120, 48);
	body.writeInt32LE(next, 52);
	body.writeInt32LE(tgid, 56);
	body.writeInt32LE(120, 64);
	return body;
}

export interface ChunkFacts {
	/** When the chunk was begun; by default the time of its first record. */
	readonly began?: number | bigint;
	readonly synced?: number | bigint;
	readonly version?: number;
	/** Where it is not that of the records. */
	readonly length?: number;
	/** Ends with its records, as the last one of a file. */
	readonly last?: boolean;
	/** What the ring held before. */
	readonly stale?: Uint8Array;
}

export function chunk(records: readonly Uint8Array[], facts: ChunkFacts = {}): Buffer {
	const body = Buffer.concat(records);
	const header = Buffer.alloc(CHUNK_HEADER);
	header.writeBigUInt64LE(BigInt(facts.began ?? (body.length > 0 ? body.readBigUInt64LE(0) : 0)), 0);
	header.writeUInt32LE(facts.length ?? body.length, 8);
	header.writeUInt32LE(facts.version ?? 9, 12);
	header.writeBigUInt64LE(BigInt(facts.synced ?? 0), 16);
	if (facts.last) return Buffer.concat([header, body]);
	const rest = Buffer.alloc(CHUNK - CHUNK_HEADER - body.length);
	for (let at = 0; facts.stale && at < rest.length; at += facts.stale.length)
		rest.set(facts.stale.subarray(0, rest.length - at), at);
	return Buffer.concat([header, body, rest]);
}

export type ReadRow = Readonly<Record<string, unknown>>;

export interface ReadBack {
	/** Rows by table; NULL is null. */
	readonly tables: ReadonlyMap<string, readonly ReadRow[]>;
	readonly summaries: readonly TraceSummary[];
	/** Names that were begun. */
	readonly buffers: readonly string[];
}

const made: string[] = [];

/** Removes the folders that were made; for afterEach. */
export function removeFolders(): void {
	for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
}

/** A folder of its own for files of these names. */
export function folderOf(files: Readonly<Record<string, Uint8Array | string>>): string {
	const path = mkdtempSync(join(tmpdir(), "powerki-linuxki-"));
	made.push(path);
	for (const [name, content] of Object.entries(files)) {
		mkdirSync(join(path, name, ".."), { recursive: true });
		writeFileSync(join(path, name), content);
	}
	return path;
}

export const UNAME = "Linux host 6.1.0-1-amd64 #1 SMP Debian 6.1.1-1 (2026-01-01) x86_64 GNU/Linux\n";

/** Reads a folder with these files, as collect does. */
export async function readBack(
	files: Readonly<Record<string, Uint8Array | string>>,
	options: ReadOptions = {},
): Promise<ReadBack> {
	const path = folderOf(files);
	const tables = new Map<string, ReadRow[]>();
	const rowsOf = (table: string): ReadRow[] => {
		const known = tables.get(table) ?? [];
		tables.set(table, known);
		return known;
	};
	const summaries: TraceSummary[] = [];
	const buffers: string[] = [];
	try {
		const side = await readSideFiles(path, []);
		for await (const _ of readLinuxki(linuxkiDirectory(path)!, side, options, {
			begin: (buffer) => void buffers.push(buffer),
			batch(b: Batch) {
				const columns = b.columns.map((c) => [c.name, values(c, b.rows)] as const);
				const rows = rowsOf(b.table);
				for (let i = 0; i < b.rows; i++) rows.push(Object.fromEntries(columns.map(([n, v]) => [n, v[i]])));
			},
			rows: (table, rows) => void rowsOf(table).push(...rows),
			end: (s) => void summaries.push(s),
			progress() {},
		}));
	} finally {
		removeFolders();
	}
	return { tables, summaries, buffers };
}
