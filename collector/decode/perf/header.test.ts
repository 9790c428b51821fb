import { describe, expect, it } from "vitest";
import { MemoryBytes, Truncated } from "../bytes.ts";
import { isPerfData, readPerfHeader } from "./header.ts";
import { attr, perfFile, pipeFile, record, text, Writer } from "./testing.ts";

const TIMED = 1 | 2 | 4;
const read = (bytes: Buffer) => readPerfHeader(new MemoryBytes(bytes));

/** Two events with ids, one record, a host name. */
const spec = (little = true, size = 136) => ({
	little,
	attrs: [
		{ attr: attr({ type: 0, config: 1, sampleType: TIMED, size }, little), ids: [7, 8] },
		{ attr: attr({ type: 2, config: 50, sampleType: TIMED, size }, little), ids: [2n ** 40n] },
	],
	records: [record(3, 0, new Writer(little).u32(1, 1).raw("init\0\0\0\0").done(), little)],
	features: new Map([[3, text("tower", little)]]),
});

describe.each([true, false])("the header of a file, little endian: %s", (little) => {
	it("tells events with their ids, where the records lie, and the features", () => {
		const bytes = perfFile(spec(little));
		const h = read(bytes);
		expect(h).toMatchObject({ littleEndian: little, pipe: false, problems: [] });
		expect(h.events.map((e) => [e.attr.type, e.attr.config, e.ids])).toEqual([
			[0, 1n, [7n, 8n]],
			[2, 50n, [2n ** 40n]],
		]);
		expect(h.data.size).toBe(24);
		expect([...h.features]).toEqual([[3, { offset: bytes.length - 68, size: 68 }]]);
	});
});

describe("attributes of every version of the structure", () => {
	it.each([64, 72, 80, 96, 104, 112, 120, 128, 136, 144, 200])("%d bytes", (size) => {
		const h = read(perfFile(spec(true, size)));
		expect(h.problems).toEqual([]);
		expect(h.events.map((e) => [e.attr.sampleType, e.ids.length])).toEqual([
			[TIMED, 2],
			[TIMED, 1],
		]);
	});

	it.each([0, 16, 63 + 16, 65_537])("an entry of %d bytes is a refusal", (size) => {
		const bytes = perfFile(spec());
		bytes.writeBigUInt64LE(BigInt(size), 16);
		expect(() => read(bytes)).toThrow(Truncated);
	});
});

it("the magic, in either order, is what a file is known by", () => {
	expect(isPerfData(perfFile(spec(true)))).toBe(true);
	expect(isPerfData(perfFile(spec(false)))).toBe(true);
	expect(isPerfData(Buffer.from("PERFFILE"))).toBe(false);
	expect(isPerfData(Buffer.from("PERF"))).toBe(false);
});

it("a pipe has no events in front: its records begin behind 16 bytes", () => {
	const bytes = pipeFile([record(68, 0, Buffer.alloc(0))]);
	expect(read(bytes)).toMatchObject({ pipe: true, events: [], data: { offset: 16, size: 8 } });
});

describe("damage", () => {
	const bytes = perfFile(spec());
	const dataAt = Number(bytes.readBigUInt64LE(40));

	it("a file that ends before its records begin is refused", () => {
		for (let size = 0; size < dataAt; size++)
			expect(() => {
				const h = read(bytes.subarray(0, size));
				// ids in front of the attributes may be what is missing
				if (h.problems.length > 0) throw new Truncated(size, "ids");
			}).toThrow(Truncated);
	});

	it("a file that ends later keeps its events, says so, and has no features", () => {
		for (let size = dataAt; size < dataAt + 24; size++) {
			const h = read(bytes.subarray(0, size));
			expect([h.events.length, h.features.size, h.data.size]).toEqual([2, 0, size - dataAt]);
			expect(h.problems.map((p) => p.text)).toEqual([
				expect.stringContaining("before the end of its records"),
			]);
		}
	});

	it("a cut table of features is a problem, not a refusal", () => {
		const h = read(bytes.subarray(0, dataAt + 24 + 8));
		expect(h.features.size).toBe(0);
		expect(h.problems.map((p) => p.text)).toEqual([expect.stringContaining("header features is cut off")]);
	});

	it("a recorder that was killed leaves no size: records go on to the end of the file", () => {
		const killed = Buffer.from(bytes.subarray(0, dataAt + 24));
		killed.writeBigUInt64LE(0n, 48);
		const h = read(killed);
		expect(h.data).toEqual({ offset: dataAt, size: 24 });
		expect(h.problems.map((p) => p.text)).toEqual([expect.stringContaining("did not finish the file")]);
	});

	it("ids that lie outside cost the ids of their event", () => {
		const bad = Buffer.from(bytes);
		const attrsAt = Number(bad.readBigUInt64LE(24));
		bad.writeBigUInt64LE(2n ** 50n, attrsAt + 136);
		const h = read(bad);
		expect(h.events.map((e) => e.ids.length)).toEqual([0, 1]);
		expect(h.problems).toHaveLength(1);
	});

	it("offsets and sizes beyond a file are refused or said, never followed", () => {
		for (let at = 16; at < 104; at += 8)
			for (const value of [0n, 1n, 2n ** 31n, 2n ** 53n, 2n ** 64n - 8n]) {
				const bad = Buffer.from(bytes);
				bad.writeBigUInt64LE(value, at);
				try {
					expect(read(bad).events.length).toBeLessThanOrEqual(16_384);
				} catch (error) {
					expect(error).toBeInstanceOf(Truncated);
				}
			}
	});
});
