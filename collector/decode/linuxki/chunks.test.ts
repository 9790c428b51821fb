import { truncateSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { RecordMemory } from "../tracepoint/memory.ts";
import { chunk, folderOf, record, removeFolders } from "./chunk-testing.ts";
import { CHUNK, CHUNK_MEMORY, ChunkRecords } from "./chunks.ts";

afterEach(removeFolders);

function open(
	bytes: Uint8Array,
	{ only = null as number | null, slot = CHUNK_MEMORY, version = 9 } = {},
): ChunkRecords {
	return new ChunkRecords({
		path: join(folderOf({ "ki.bin.000.T": bytes }), "ki.bin.000.T"),
		only,
		memory: new RecordMemory(new ArrayBuffer(2 * slot), true),
		from: slot,
		bytes: slot,
		version,
		headerBytes: version < 5 ? 32 : 40,
		base: 1000n,
	});
}

function stamps(r: ChunkRecords): number[] {
	const all: number[] = [];
	while (r.advance()) all.push(r.ts + 1000);
	return all;
}

const at = (ts: number, more = {}) => record({ ts, id: 17, seq: ts, ...more });
const damage = (r: ChunkRecords) => r.damage.map((d) => [d.reason, d.offset, d.count]);

describe("chunks", () => {
	it("end where their header says: what the ring held before is not read", () => {
		const stale = at(5000);
		const r = open(
			Buffer.concat([chunk([at(1000), at(1001)], { stale }), chunk([at(1002)], { stale, last: true })]),
		);
		expect(stamps(r)).toEqual([1000, 1001, 1002]);
		expect([r.damage, r.truncated, r.consumed]).toEqual([[], null, r.size]);
	});

	it("may be empty", () => {
		const r = open(Buffer.concat([chunk([]), chunk([at(1000)]), chunk([], { last: true })]));
		expect(stamps(r)).toEqual([1000]);
		expect(stamps(open(Buffer.alloc(0)))).toEqual([]);
	});

	it("come again, complete, after a sync: reading goes on behind the first copy", () => {
		const r = open(
			Buffer.concat([
				chunk([at(1000), at(1001)], { began: 1000, synced: 1001 }),
				chunk([at(1000), at(1001), at(1002)], { began: 1000, synced: 1003 }),
				chunk([at(1000), at(1001), at(1002)], { began: 1000, synced: 1004 }),
				chunk([at(1000), at(1001), at(1002), at(1005)], { began: 1000 }),
				chunk([at(1006)]),
			]),
		);
		expect(stamps(r)).toEqual([1000, 1001, 1002, 1005, 1006]);
		expect(r.damage).toEqual([]);
	});

	it("that follow an empty sync are read from their begin", () => {
		const r = open(
			Buffer.concat([
				chunk([at(1000), at(1001)]),
				chunk([], { began: 1002, synced: 1003 }),
				chunk([at(1003), at(1004)], { began: 1002 }),
			]),
		);
		expect(stamps(r)).toEqual([1000, 1001, 1003, 1004]);
	});

	it("of a merged file may have the time and sync of any CPU", () => {
		const facts = { began: 0, synced: 1001 };
		const bytes = Buffer.concat([
			chunk([at(1000), at(1001)], facts),
			chunk([at(1002), at(1009)], facts),
			chunk([at(1010)], { began: 1005 }),
		]);
		expect(stamps(open(bytes))).toEqual([1000, 1001, 1002, 1009, 1010]);
	});

	it("of one CPU have no record behind their sync", () => {
		const r = open(chunk([at(1000), at(2000)], { synced: 1001 }), { only: 0 });
		expect([stamps(r), damage(r).length]).toEqual([[1000], 1]);
	});

	it("tell time, CPU and number of each record", () => {
		const r = open(chunk([record({ ts: 2 ** 40 + 1, id: 17, cpu: 7, seq: 2 ** 33 + 5 })]));
		expect(r.advance()).toBe(true);
		expect([r.ts, r.cpu, r.seq, r.end - r.p]).toEqual([2 ** 40 - 999, 7, 2 ** 33 + 5, 40]);
	});

	it("of versions 1 and 3 have records with a header of 32 bytes", () => {
		const records = [record({ ts: 1000, id: 17, body: Buffer.alloc(8) }, 3), record({ ts: 1001, id: 12 }, 3)];
		expect(stamps(open(chunk(records, { version: 3 }), { version: 3 }))).toEqual([1000, 1001]);
	});

	it("do not depend on how much of them is in memory", () => {
		const body = (k: number) => Buffer.alloc((k * 8) % 300);
		const records = Array.from({ length: 1000 }, (_, k) => at(1000 + k, { body: body(k) }));
		const bytes = Buffer.concat([chunk(records.slice(0, 900)), chunk(records.slice(900), { last: true })]);
		const all = records.map((_, k) => 1000 + k);
		for (const slot of [CHUNK_MEMORY, CHUNK, 65_536, 4096, 512]) {
			const r = open(bytes, { slot });
			expect(stamps(r)).toEqual(all);
			expect(r.damage).toEqual([]);
		}
	});
});

describe("damage costs the rest of its chunk", () => {
	const next = chunk([at(1010)]);
	const sound = (records: readonly Uint8Array[]) => Buffer.concat([chunk(records), next]);

	it.each([
		["is 0", 0],
		["is no multiple of 8", 44],
		["is less than a header", 32],
		["is negative", 0xffff_fff8],
	])("a length that %s", (_, length) => {
		const r = open(sound([at(1000), at(1001, { length }), at(1002)]));
		expect(stamps(r)).toEqual([1000, 1010]);
		expect(damage(r)).toEqual([["a record's length makes no sense", 0, 1]]);
	});

	it("a record that reaches beyond its chunk", () => {
		const r = open(sound([at(1000), at(1001, { length: 88 })]));
		expect(stamps(r)).toEqual([1000, 1010]);
		expect(damage(r)).toEqual([["a record reaches beyond its chunk", 0, 1]]);
	});

	it("time that goes back", () => {
		const r = open(sound([at(1001), at(1000), at(1002)]));
		expect(stamps(r)).toEqual([1001, 1010]);
		expect(damage(r)).toEqual([["time goes back", 0, 1]]);
	});

	it("a time behind the begin of the next chunk", () => {
		const r = open(sound([at(1000), at(2 ** 45), at(1002)]), { only: 0 });
		expect(stamps(r)).toEqual([1000, 1010]);
		expect(damage(r)).toEqual([["a record is later than the next chunk", 0, 1]]);
	});

	it("a time behind the first of the next chunk, in a merged file", () => {
		const r = open(sound([at(1000), at(2 ** 45), at(1002)]));
		expect(stamps(r)).toEqual([1000, 1010]);
		expect(damage(r)).toEqual([["a record is later than the next chunk", 0, 1]]);
	});

	it("a time before the begin of the chunk", () => {
		const r = open(Buffer.concat([chunk([at(5), at(1002)], { began: 1001 }), next]), { only: 0 });
		expect(stamps(r)).toEqual([1010]);
		expect(damage(r)).toEqual([["a record is earlier than its chunk", 0, 1]]);
	});

	it("but a next chunk that its own records contradict says nothing", () => {
		const bytes = Buffer.concat([
			chunk([at(1000), at(1005)]),
			chunk([at(1010)], { began: 1002 }),
			chunk([at(1011)]),
		]);
		bytes.writeBigUInt64LE(1003n, CHUNK);
		expect(stamps(open(bytes, { only: 0 }))).toEqual([1000, 1010, 1011]);
		bytes.writeBigUInt64LE(1012n, CHUNK);
		expect(stamps(open(bytes, { only: 0 }))).toEqual([1000, 1005, 1010, 1011]);
	});

	it("a CPU that is none, or another than the file's", () => {
		expect(stamps(open(sound([at(1000), at(1001, { cpu: 4096 })])))).toEqual([1000, 1010]);
		expect(stamps(open(sound([at(1000), at(1001, { cpu: -1 })])))).toEqual([1000, 1010]);
		const two = sound([at(1000), at(1001, { cpu: 1 }), at(1002)]);
		expect(stamps(open(two, { only: 0 }))).toEqual([1000, 1010]);
		expect(stamps(open(two))).toEqual([1000, 1001, 1002, 1010]);
		// a name that is wrong from the first record on is no reason to lose all
		expect(stamps(open(two, { only: 5 }))).toEqual([1000, 1001, 1002, 1010]);
	});

	it.each([
		["another version", { version: 7 }, "a chunk is of another version"],
		["a length of more than a chunk", { length: CHUNK - 16 }, "a chunk's length makes no sense"],
		["a length that is no multiple of 8", { length: 44 }, "a chunk's length makes no sense"],
	])("a header with %s", (_, facts, reason) => {
		const r = open(Buffer.concat([chunk([at(1000)]), chunk([at(1001)], facts), next]));
		expect(stamps(r)).toEqual([1000, 1010]);
		expect(damage(r)).toEqual([[reason, CHUNK, 1]]);
	});
});

describe("a file that is cut", () => {
	const bytes = Buffer.concat([chunk([at(1000)]), chunk([at(1001), at(1002), at(1003)], { last: true })]);

	it("keeps what is whole, for every length", () => {
		for (let size = CHUNK; size <= bytes.length; size++) {
			const r = open(bytes.subarray(0, size));
			const whole = Math.max(0, Math.floor((size - CHUNK - 24) / 40));
			expect(stamps(r)).toEqual([1000, 1001, 1002, 1003].slice(0, 1 + whole));
			expect(r.damage).toEqual([]);
			expect(r.truncated === null).toBe(size === CHUNK || size === bytes.length);
		}
	});

	it("while it is read ends there", () => {
		const path = join(folderOf({ f: bytes }), "f");
		const r = new ChunkRecords({
			path,
			only: null,
			memory: new RecordMemory(new ArrayBuffer(CHUNK), true),
			from: 0,
			bytes: CHUNK,
			version: 9,
			headerBytes: 40,
			base: 1000n,
		});
		truncateSync(path, CHUNK + 70);
		expect(stamps(r)).toEqual([1000, 1001]);
		expect(r.truncated).not.toBe(null);
	});
});

describe("the current thread of a record from an interrupt", () => {
	const ahead = (...records: Uint8Array[]) => {
		const r = open(chunk(records));
		r.advance();
		return r.currentAhead();
	};

	it("is that of the CPU's next record that tells one", () => {
		expect(
			ahead(
				at(1000, { pid: -1, seq: 0 }),
				at(1001, { cpu: 1, pid: 9, seq: 50 }),
				at(1002, { pid: -1, seq: 1 }),
				at(1003, { pid: 7, seq: 2 }),
			),
		).toBe(7);
	});

	it("is not known where records between are missing, or none follows", () => {
		expect(ahead(at(1000, { pid: -1, seq: 0 }), at(1003, { pid: 7, seq: 2 }))).toBe(-1);
		expect(ahead(at(1000, { pid: -1, seq: 0 }), at(1003, { cpu: 1, pid: 7, seq: 1 }))).toBe(-1);
	});
});
