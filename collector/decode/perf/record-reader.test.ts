import { describe, expect, it } from "vitest";
import { type FileBytes, MemoryBytes } from "../bytes.ts";
import { RecordReader, type UserRecord } from "./record-reader.ts";
import { recordType } from "./record-types.ts";
import { compressed, record, Writer } from "./testing.ts";

interface All {
	/** What was copied, all fills joined. */
	readonly kernel: Buffer;
	readonly user: UserRecord[];
	readonly fills: number[];
	readonly reader: RecordReader;
}

/** Reads everything, `capacity` bytes at a time. */
function readAll(
	bytes: Buffer,
	{ little = true, capacity = 262_144, offset = 0, size = bytes.length } = {},
): All {
	const user: UserRecord[] = [];
	const file = new MemoryBytes(bytes) as unknown as FileBytes;
	const reader = new RecordReader(file, { offset, size }, little, (r) => user.push(r));
	const target = Buffer.alloc(capacity + 64);
	const parts: Buffer[] = [];
	const fills: number[] = [];
	for (;;) {
		const n = reader.fill(target, 64, capacity);
		if (n === 0) return { kernel: Buffer.concat(parts), user, fills, reader };
		expect(n).toBeLessThanOrEqual(capacity);
		fills.push(n);
		parts.push(Buffer.from(target.subarray(64, 64 + n)));
	}
}

/** A record of the kernel of `size` bytes whose content tells its number. */
const sample = (k: number, size = 48, little = true): Buffer =>
	record(recordType.sample, 0, Buffer.alloc(size - 8, k & 0xff), little);

const many = (n: number, size: (k: number) => number = () => 48): Buffer[] =>
	Array.from({ length: n }, (_, k) => sample(k, size(k)));

const round = record(recordType.finishedRound, 0, Buffer.alloc(0));

describe.each([true, false])("plain records, little endian: %s", (little) => {
	it("those of the kernel are copied whole, those of perf handed over", () => {
		const own = record(recordType.eventUpdate, 5, Buffer.from("12345678"), little);
		const { kernel, user, reader } = readAll(
			Buffer.concat([sample(1, 48, little), own, sample(2, 40, little), sample(3, 48, little)]),
			{ little },
		);
		expect(kernel).toEqual(
			Buffer.concat([sample(1, 48, little), sample(2, 40, little), sample(3, 48, little)]),
		);
		expect(user).toEqual([{ type: 78, misc: 5, bytes: own, extra: null }]);
		expect([reader.counts[9], reader.counts[78], reader.damage]).toEqual([3, 1, null]);
	});
});

it("only what the section holds is read", () => {
	const bytes = Buffer.concat([sample(1), sample(2), sample(3)]);
	expect(readAll(bytes, { offset: 48, size: 48 }).kernel).toEqual(sample(2));
});

it("records across the borders of reads and of fills stay whole and in order", () => {
	// 3 MB: reads of 1 MiB end inside records; some have the greatest size there is
	const all = many(4000, (k) => (k % 400 === 399 ? 65_528 : 8 * (1 + (k % 97))));
	const bytes = Buffer.concat(all);
	for (const capacity of [65_536, 100_000, 262_144]) {
		const { kernel, fills, reader } = readAll(bytes, { capacity });
		expect(kernel.equals(bytes)).toBe(true);
		expect([reader.damage, reader.counts[9], reader.consumed]).toEqual([null, 4000, bytes.length]);
		// every fill ends with a whole record
		const ends = new Set<number>();
		for (let k = 0, at = 0; k < all.length; k++) {
			at += all[k]!.length;
			ends.add(at);
		}
		let filled = 0;
		for (const n of fills) {
			filled += n;
			expect(ends.has(filled)).toBe(true);
		}
	}
});

describe("compressed records", () => {
	const all = many(3000, (k) => 8 * (1 + (k % 97)));
	const bytes = Buffer.concat(all);

	it.each([1000, 4099, 60_000])("unfold to the same, blocks of %d bytes that end inside records", (block) => {
		for (const padded of [false, true]) {
			const packed = compressed(bytes, block, padded);
			const { kernel, reader } = readAll(Buffer.concat(packed));
			expect(reader.damage).toBeNull();
			expect(kernel.equals(bytes)).toBe(true);
			expect(reader.counts[9]).toBe(3000);
			expect(reader.counts[padded ? recordType.compressed2 : recordType.compressed]).toBe(packed.length);
		}
	});

	it("keep their place among plain ones", () => {
		const [first, ...rest] = compressed(Buffer.concat([sample(2), sample(3), sample(4), sample(5)]), 96);
		const { kernel, user } = readAll(Buffer.concat([sample(1), first!, round, ...rest, sample(6)]));
		expect(kernel).toEqual(Buffer.concat([1, 2, 3, 4, 5, 6].map((k) => sample(k))));
		expect(user.map((u) => u.type)).toEqual([recordType.finishedRound]);
	});

	it("may hold records of perf itself", () => {
		const { kernel, user } = readAll(
			Buffer.concat(compressed(Buffer.concat([sample(1), round, sample(2)]), 50)),
		);
		expect(kernel).toEqual(Buffer.concat([sample(1), sample(2)]));
		expect(user.map((u) => u.type)).toEqual([recordType.finishedRound]);
	});

	it("that cannot be decompressed end the reading, with what came before kept", () => {
		const bad = record(recordType.compressed, 0, Buffer.from("no frame of zstd at all."));
		const { kernel, reader } = readAll(Buffer.concat([sample(1), bad, sample(2)]));
		expect(kernel).toEqual(sample(1));
		expect(reader.damage).toMatchObject({
			offset: 48,
			text: expect.stringContaining("cannot be decompressed"),
		});
	});

	it("that ask for a window larger than perf's are damage before memory is taken", () => {
		const w = new Writer()
			.u32(0xfd2fb528)
			.raw(Uint8Array.of(0, (20 << 3) | 7, 0x82, 0, 0x10, 0xff, 0, 0, 0, 0, 0, 0));
		expect(readAll(record(recordType.compressed, 0, w.done())).reader.damage?.text).toContain("decompressed");
	});

	it("that unfold to more than a buffer of perf holds are damage", () => {
		const w = new Writer().u32(0xfd2fb528).raw(Uint8Array.of(0, 10 << 3));
		// blocks of one byte repeated 128 KiB times
		for (let k = 0; k < 600; k++) w.raw(Uint8Array.of(2, 0, 0x10, 9));
		expect(readAll(record(recordType.compressed, 0, w.done())).reader.damage?.text).toContain("decompressed");
	});

	it("cut inside what they hold: whole records stay, the rest is said", () => {
		const packed = Buffer.concat(compressed(bytes, 4099).slice(0, 10));
		const { kernel, reader } = readAll(packed);
		expect(bytes.subarray(0, kernel.length).equals(kernel)).toBe(true);
		expect(kernel.length).toBeGreaterThan(9 * 4099);
		expect(reader.damage?.text).toContain("ends inside a record");
	});
});

describe("data behind a record, outside its size", () => {
	it("AUXTRACE data is passed over, also where it is larger than a read", () => {
		for (const size of [0, 24, 1_048_576, 3_000_000]) {
			const aux = record(recordType.auxtrace, 0, new Writer().u64(size, 0, 0, 0, 0).done());
			const { kernel, user, reader } = readAll(
				Buffer.concat([sample(1), aux, Buffer.alloc(size, 0xff), sample(2)]),
			);
			expect(kernel).toEqual(Buffer.concat([sample(1), sample(2)]));
			expect([user[0]!.extra, reader.damage]).toEqual([null, null]);
		}
	});

	it("formats of a pipe's header are handed over, padded to 8", () => {
		const formats = Buffer.from("thirteen byte");
		const head = record(recordType.headerTracingData, 0, new Writer().u32(formats.length).done());
		const { kernel, user } = readAll(Buffer.concat([head, formats, Buffer.alloc(3), sample(1)]));
		expect(user[0]!.extra!.subarray(0, 13)).toEqual(formats);
		expect(kernel).toEqual(sample(1));
	});

	it("that the file does not have is damage", () => {
		for (const size of [25n, 2n ** 40n, 2n ** 64n - 1n]) {
			const aux = record(recordType.auxtrace, 0, new Writer().u64(size, 0, 0, 0, 0).done());
			const { kernel, reader } = readAll(Buffer.concat([sample(1), aux, Buffer.alloc(24)]));
			expect(kernel).toEqual(sample(1));
			expect(reader.damage?.text).toContain("data of AUXTRACE");
		}
		for (const size of [9, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
			const head = record(recordType.headerTracingData, 0, new Writer().u32(size).done());
			const { reader } = readAll(Buffer.concat([head, Buffer.alloc(8)]));
			expect([size, reader.damage?.text]).toEqual([size, expect.stringContaining("formats of the events")]);
		}
	});
});

describe("records that make no sense end the reading", () => {
	it.each([
		["size 0", record(recordType.sample, 0, Buffer.alloc(0)).fill(0, 6, 8)],
		["size 7", Buffer.from(record(recordType.finishedRound, 0, Buffer.alloc(0)).fill(7, 6, 7))],
		["a size of the kernel's that is no multiple of 8", record(recordType.sample, 0, Buffer.alloc(5))],
	])("%s", (_, bad) => {
		const { kernel, reader } = readAll(Buffer.concat([sample(1), bad, sample(2)]));
		expect(kernel).toEqual(sample(1));
		expect(reader.damage).toMatchObject({ offset: 48, text: expect.stringContaining("makes no sense") });
	});

	it("a size beyond the end", () => {
		const { kernel, reader } = readAll(Buffer.concat([sample(1), sample(2).subarray(0, 40)]));
		expect(kernel).toEqual(sample(1));
		expect(reader.damage).toMatchObject({ offset: 48, text: expect.stringContaining("inside a record") });
	});

	it("cut at any byte, whole records stay; only a cut between two is no damage", () => {
		const bytes = Buffer.concat([sample(1), round, sample(2), ...compressed(sample(3), 20)]);
		for (let size = 0; size <= bytes.length; size++) {
			const { kernel, reader } = readAll(bytes.subarray(0, size));
			expect(kernel.length % 48).toBe(0);
			const border = [0, 48, 56, 104, bytes.length].includes(size);
			expect([size, reader.damage === null]).toEqual([size, border]);
		}
	});
});
