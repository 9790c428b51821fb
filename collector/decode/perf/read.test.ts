/** Recordings made for the test: nothing that is in a file is left out unsaid, and no claim of a file is taken on trust. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { exitCode, PowerkiError } from "../../../lib/schema/errors.ts";
import { sampleBit } from "./attr.ts";
import { recordType } from "./record-types.ts";
import { attr, compressed, perfFile, pipeFile, type ReadBack, readBack, record, Writer } from "./testing.ts";

const folder = mkdtempSync(join(tmpdir(), "powerki-perf-read-"));
afterAll(() => rmSync(folder, { recursive: true }));

function read(...files: Buffer[]): Promise<ReadBack> {
	const paths = files.map((bytes, k) => {
		const path = join(folder, `${k}.data`);
		writeFileSync(path, bytes);
		return path;
	});
	return readBack(paths);
}

const ATTR = attr({
	type: 1,
	config: 0,
	period: 1000,
	sampleType: sampleBit.ip | sampleBit.tid | sampleBit.time | sampleBit.id | sampleBit.cpu,
	flags: [18],
});

const sample = (ts: number | bigint, { id = 7, cpu = 0, tid = 5 } = {}): Buffer =>
	record(recordType.sample, 2, new Writer().u64(0x1000).u32(5, tid).u64(ts, id).u32(cpu, 0).done());

const comm = (tid: number, name: string): Buffer =>
	record(recordType.comm, 0, new Writer().u32(tid, tid).raw(`${name}\0`).align(8).u64(0, 0, 0, 0).done());

const file = (...records: Uint8Array[]): Buffer =>
	perfFile({
		attrs: [
			{ attr: ATTR, ids: [7] },
			{ attr: ATTR, ids: [8] },
		],
		records,
	});

const notes = ({ summary }: ReadBack) => summary.notes.map((n) => [n.kind, n.count]);
const times = ({ tables }: ReadBack) => (tables.get("cpu_sample") ?? []).map((r) => r.ts);

describe("samples that cannot be placed are counted", () => {
	it("of an event that the file does not explain", async () => {
		const result = await read(file(sample(100), sample(200, { id: 99 }), sample(300)));
		expect(times(result)).toEqual([100n, 300n]);
		expect(notes(result).filter(([kind]) => /sample|event/.test(String(kind)))).toEqual([
			[expect.stringMatching(/event-unknown|sample-without-time/), 1],
		]);
	});

	it("without a time, or with one that no clock can have", async () => {
		const result = await read(file(sample(0), sample(100), sample(2n ** 63n), sample(2n ** 62n)));
		expect(times(result)).toEqual([100n]);
		expect(notes(result)).toContainEqual(["sample-without-time", 3]);
		expect(result.summary.window).toEqual({ start: 100n, end: 100n });
	});

	it("none of them leaves a recording without a window", async () => {
		const result = await read(file(sample(0)));
		expect([times(result), result.summary.window]).toEqual([[], null]);
	});
});

it("a CPU that no machine has is not known", async () => {
	const { tables } = await read(file(sample(100, { cpu: 0xffff_ffff }), sample(200, { cpu: 3 })));
	expect(tables.get("cpu_sample")!.map((r) => r.cpu ?? null)).toEqual([null, 3]);
});

it("records of types that are not known are counted", async () => {
	const result = await read(file(sample(100), record(200, 0, Buffer.alloc(8))));
	expect(notes(result)).toContainEqual(["record-unknown", 1]);
});

describe("a pipe", () => {
	const head = (id: number) =>
		record(recordType.headerAttr, 0, Buffer.concat([ATTR, new Writer().u64(id).done()]));
	const named = (id: number, name: string) =>
		record(recordType.eventUpdate, 0, new Writer().u64(2, id).raw(`${name}\0`).align(8).done());

	it("brings its events, and their names, as records", async () => {
		const { summary } = await read(
			pipeFile([head(7), head(8), named(8, "ticks"), sample(100), sample(200, { id: 8 })]),
		);
		expect(summary.events).toEqual({ "cpu-clock": 1, ticks: 1 });
		expect(summary.damaged).toBe(false);
	});

	it("without an event has no samples that are known", async () => {
		const result = await read(pipeFile([sample(100)]));
		expect(times(result)).toEqual([]);
		expect(notes(result)).toContainEqual(["sample-without-time", 1]);
	});

	it("of more events than a kernel has is damaged, and read in time", async () => {
		const result = await read(
			pipeFile([...Array.from({ length: 20_000 }, (_, k) => head(100 + k)), sample(1, { id: 100 })]),
		);
		expect(result.summary.damaged).toBe(true);
		expect(result.tables.get("cpu_sample")).toHaveLength(1);
	});
});

it("damage inside compressed records keeps what came before", async () => {
	const packed = compressed(Buffer.concat([sample(100), sample(200), sample(300)]), 48);
	packed[2]!.fill(0xff, 8);
	const result = await read(file(...packed));
	expect(times(result)).toEqual([100n, 200n]);
	expect(result.summary.damaged).toBe(true);
	expect(result.summary.notes.map((n) => n.kind)).toContain("file-damaged");
});

it("names that do not end, or are no UTF-8, stay within their record", async () => {
	const { tables } = await read(
		file(comm(5, "a\xff\xfeb"), record(recordType.comm, 0, Buffer.alloc(16, 0x41)), sample(100)),
	);
	expect(tables.get("thread")!.map((r) => r.name)).toContain("a\\xff\\xfeb");
});

it("a header that is cut off is refused by the name of its file", async () => {
	const refused = read(file(sample(100)), file(sample(200)).subarray(0, 60));
	await expect(refused).rejects.toThrow(PowerkiError);
	await expect(refused).rejects.toMatchObject({
		code: exitCode.unreadable,
		message: expect.stringContaining("1.data"),
	});
});
