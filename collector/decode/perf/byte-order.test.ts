/** Captures of little-endian machines, written as a big-endian one would have: the same tables come out of both. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { MemoryBytes } from "../bytes.ts";
import type { EventFormat } from "../tracepoint/format.ts";
import { formatsOf } from "../tracepoint/tracing-data.ts";
import { type PerfAttr, readBit, sampleBit } from "./attr.ts";
import { noFacts, parseTracingData } from "./features.ts";
import { feature, readPerfHeader, type Section } from "./header.ts";
import { misc, recordType } from "./record-types.ts";
import { sampleLayout } from "./sample-layout.ts";
import { capture, perfFile, readBack } from "./testing.ts";

/** Turns words round in place, from left to right; what is not turned is text. */
class Turn {
	constructor(
		readonly bytes: Buffer,
		public at = 0,
	) {}

	get left(): number {
		return this.bytes.length - this.at;
	}

	/** Value before it is turned. */
	u16(): number {
		const v = this.bytes.readUInt16LE(this.at);
		this.bytes.subarray(this.at, this.at + 2).swap16();
		this.at += 2;
		return v;
	}

	u32(n = 1): number {
		const v = this.bytes.readUInt32LE(this.at);
		this.bytes.subarray(this.at, this.at + 4 * n).swap32();
		this.at += 4 * n;
		return v;
	}

	u64(n = 1): number {
		if (n === 0) return 0;
		const v = Number(this.bytes.readBigUInt64LE(this.at));
		this.bytes.subarray(this.at, this.at + 8 * n).swap64();
		this.at += 8 * n;
		return v;
	}

	skip(n: number): void {
		this.at += n;
	}
}

function turnAttr(bytes: Buffer): Buffer {
	const t = new Turn(Buffer.from(bytes));
	t.u32(2);
	t.u64(4);
	// C bit fields fill the word from its other end
	const flags = t.bytes.readBigUInt64LE(t.at);
	let turned = 0n;
	for (let bit = 0n; bit < 64n; bit++) if ((flags >> bit) & 1n) turned |= 1n << (63n - bit);
	t.bytes.writeBigUInt64BE(turned, t.at);
	t.skip(8);
	t.u32(2);
	t.u64(4);
	t.u32(2);
	t.u64(1);
	if (t.left >= 8) {
		t.u32();
		t.u16();
		t.u16();
	}
	if (t.left >= 8) t.u32(2);
	t.u64(Math.floor(t.left / 8));
	return t.bytes;
}

function turnFields(raw: Buffer, format: EventFormat): void {
	for (const f of [...format.common, ...format.fields]) {
		const width =
			f.kind === "integer" ? f.size : f.kind.startsWith("loc") ? 4 : f.kind === "array" ? f.element : 1;
		const part = raw.subarray(f.offset, f.offset + (f.kind.startsWith("loc") ? 4 : f.size));
		if (width === 2) part.swap16();
		else if (width === 4) part.swap32();
		else if (width === 8) part.swap64();
	}
}

const bits = (mask: number): number => [...(mask >>> 0).toString(2)].filter((c) => c === "1").length;

interface Events {
	/** Attribute of a sample's event, and the format of its fields. */
	of(id: bigint): { attr: PerfAttr; format: EventFormat | null };
	readonly first: PerfAttr;
}

function turnSample(t: Turn, events: Events): void {
	const layout = sampleLayout(events.first);
	const { attr, format } =
		layout.id < 0 ? { attr: events.first, format: null } : events.of(t.bytes.readBigUInt64LE(layout.id));
	const type = attr.sampleType;
	const has = (bit: number): boolean => (type & bit) !== 0;
	for (const bit of [
		sampleBit.identifier,
		sampleBit.ip,
		sampleBit.tid,
		sampleBit.time,
		sampleBit.addr,
		sampleBit.id,
		sampleBit.streamId,
		sampleBit.cpu,
		sampleBit.period,
	])
		if (has(bit)) {
			if (bit === sampleBit.tid || bit === sampleBit.cpu) t.u32(2);
			else t.u64();
		}
	if (has(sampleBit.read)) {
		const f = attr.readFormat;
		const own = 1 + bits(f & (readBit.id | readBit.lost));
		const times = bits(f & (readBit.enabled | readBit.running));
		const n = f & readBit.group ? t.u64() : 1;
		t.u64(times + n * own);
	}
	if (has(sampleBit.callchain)) t.u64(t.u64());
	if (has(sampleBit.raw)) {
		const size = t.u32();
		if (format) turnFields(t.bytes.subarray(t.at, t.at + size), format);
		t.skip(size);
	}
	if (has(sampleBit.branchStack)) t.u64((attr.branchHwIndex ? 1 : 0) + 3 * t.u64());
	if (has(sampleBit.regsUser) && t.u64() !== 0) t.u64(bits(attr.regsUser[0]) + bits(attr.regsUser[1]));
	if (has(sampleBit.stackUser)) {
		const size = t.u64();
		// the words that a program of the other order had pushed
		if (size > 0) t.u64(size / 8 + 1);
	}
	t.u64(Math.floor(t.left / 8));
}

/** Parts in front of the trailer, by type: how many words of 4 and of 8 bytes. */
const bodies: Readonly<Record<number, readonly [u32: number, u64: number]>> = {
	[recordType.mmap]: [2, 3],
	[recordType.lost]: [0, 2],
	[recordType.comm]: [2, 0],
	[recordType.exit]: [4, 1],
	[recordType.fork]: [4, 1],
	[recordType.throttle]: [0, 3],
	[recordType.unthrottle]: [0, 3],
	[recordType.lostSamples]: [0, 1],
	[recordType.switch]: [0, 0],
	[recordType.switchCpuWide]: [2, 0],
	[recordType.cgroup]: [0, 1],
};

function turnRecord(bytes: Buffer, events: Events): Buffer {
	const t = new Turn(Buffer.from(bytes));
	const type = t.u32();
	const flags = t.u16();
	t.u16();
	if (type === recordType.sample) {
		turnSample(t, events);
		return t.bytes;
	}
	if (type >= 64) {
		if (type === recordType.eventUpdate) t.u64(2);
		else if (type === recordType.threadMap)
			for (let n = t.u64(); n > 0; n--) {
				t.u64();
				t.skip(16);
			}
		else if (type === recordType.idIndex || type === recordType.timeConv) t.u64(Math.floor(t.left / 8));
		return t.bytes;
	}
	if (type === recordType.mmap2) {
		t.u32(2);
		t.u64(3);
		if (flags & misc.mmapBuildId) t.skip(24);
		else {
			t.u32(2);
			t.u64(2);
		}
		t.u32(2);
	} else if (type === recordType.namespaces) {
		t.u32(2);
		t.u64(2 * t.u64());
	} else if (type === recordType.ksymbol) {
		t.u64();
		t.u32();
		t.u16();
		t.u16();
	} else {
		const body = bodies[type];
		if (body === undefined) throw new Error(`record of type ${type}`);
		if (body[0] > 0) t.u32(body[0]);
		t.u64(body[1]);
	}
	const { trailer } = sampleLayout(events.first);
	t.at = t.bytes.length - trailer.bytes;
	for (const bit of [
		sampleBit.tid,
		sampleBit.time,
		sampleBit.id,
		sampleBit.streamId,
		sampleBit.cpu,
		sampleBit.identifier,
	])
		if (events.first.sampleType & bit) {
			if (bit === sampleBit.tid || bit === sampleBit.cpu) t.u32(2);
			else t.u64();
		}
	return t.bytes;
}

/** Features that both files have: texts, CPUs, formats (with a byte order of their own), build-ids. */
function turnFeature(bit: number, bytes: Buffer): Buffer {
	const t = new Turn(Buffer.from(bytes));
	if (bit === feature.nrcpus) t.u32(2);
	else if (bit === feature.buildId)
		while (t.left > 0) {
			const start = t.at;
			t.u32();
			t.u16();
			const size = t.u16();
			t.u32();
			t.at = start + size;
		}
	else if (bit === feature.eventDesc) {
		const count = t.u32();
		const size = t.u32();
		for (let k = 0; k < count; k++) {
			turnAttr(t.bytes.subarray(t.at, t.at + size)).copy(t.bytes, t.at);
			t.skip(size);
			const ids = t.u32();
			t.skip(t.u32());
			t.u64(ids);
		}
	} else if (bit !== feature.tracingData) t.u32();
	return t.bytes;
}

const kept = new Set<number>([
	feature.hostname,
	feature.osrelease,
	feature.version,
	feature.arch,
	feature.nrcpus,
	feature.eventDesc,
	feature.buildId,
	feature.tracingData,
]);

/** The capture with the features of `kept`, as it is and turned round. */
function twins(bytes: Buffer): { little: Buffer; big: Buffer } {
	const header = readPerfHeader(new MemoryBytes(bytes));
	const at = ({ offset, size }: Section): Buffer => bytes.subarray(offset, offset + size);
	const features = new Map(
		[...header.features].filter(([bit]) => kept.has(bit)).map(([bit, s]) => [bit, at(s)]),
	);
	const facts = noFacts();
	const data = features.get(feature.tracingData);
	if (data) facts.tracing = parseTracingData(data);
	const formats = facts.tracing ? formatsOf(facts.tracing, () => {}) : [];
	const events: Events = {
		of(id) {
			const { attr } = header.events.find((e) => e.ids.includes(id)) ?? header.events[0]!;
			return { attr, format: formats.find((f) => attr.type === 2 && f.id === Number(attr.config)) ?? null };
		},
		first: header.events[0]!.attr,
	};
	const records: Buffer[] = [];
	const { offset, size } = header.data;
	for (let p = offset; p < offset + size; p += records.at(-1)!.length)
		records.push(bytes.subarray(p, p + bytes.readUInt16LE(p + 6)));
	const attrSize = Number(bytes.readBigUInt64LE(16));
	const attrsAt = Number(bytes.readBigUInt64LE(24));
	const attrs = header.events.map(({ ids }, k) => ({
		attr: bytes.subarray(attrsAt + k * attrSize, attrsAt + (k + 1) * attrSize - 16),
		ids,
	}));
	return {
		little: perfFile({ attrs, records, features }),
		big: perfFile({
			little: false,
			attrs: attrs.map(({ attr, ids }) => ({ attr: turnAttr(attr), ids })),
			records: records.map((r) => turnRecord(r, events)),
			features: new Map([...features].map(([bit, b]) => [bit, turnFeature(bit, b)])),
		}),
	};
}

const folder = mkdtempSync(join(tmpdir(), "powerki-perf-order-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each([
	["6.12-sched-record", "sched_switch", 263],
	["6.12-sched-switch-g", "sched_switch", 83],
	["6.12-cpu-clock-fp", "cpu_sample", 302],
	["6.12-switch-events", "cpu_sample", 2],
	["6.12-group-read", "cpu_sample", 19],
	["6.12-ns-cgroup", "cpu_sample", 14],
	["6.12-branch", "cpu_sample", 472],
	["6.12-user-regs", "cpu_sample", 59],
	["6.12-trace-record", "sys_enter", 62],
	["6.12-lost", "sys_enter", 1006],
	["6.12-buildid-mmap", "cpu_sample", 23],
] as const)("%s as of a big-endian machine", (name, table, rows) => {
	it(`has the same tables, ${table} with ${rows} rows`, async () => {
		const { little, big } = twins(capture(name));
		const read = async (order: string, bytes: Buffer) => {
			const path = join(folder, order);
			writeFileSync(path, bytes);
			return readBack([path]);
		};
		const a = await read("little.data", little);
		const b = await read("big.data", big);
		expect(a.tables.get(table)).toHaveLength(rows);
		expect([...b.tables.keys()].sort()).toEqual([...a.tables.keys()].sort());
		for (const [t, expected] of a.tables) expect([t, b.tables.get(t)]).toEqual([t, expected]);
		expect([a.summary.machine.littleEndian, b.summary.machine.littleEndian]).toEqual([true, false]);
		const { notes: _a, ...whole } = a.summary;
		const { notes: _b, ...other } = b.summary;
		expect({ ...other, machine: { ...other.machine, littleEndian: true } }).toEqual(whole);
		const texts = (r: typeof a) => r.summary.notes.map((n) => [n.kind, n.text, n.count]);
		expect(texts(b)).toEqual(texts(a));
	});
});
