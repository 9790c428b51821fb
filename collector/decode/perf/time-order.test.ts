import { describe, expect, it } from "vitest";
import { random } from "../../../test/support/random.ts";
import { RecordMemory } from "../tracepoint/memory.ts";
import { parseAttr, sampleBit } from "./attr.ts";
import { EventIndex } from "./events.ts";
import { RecordTimes } from "./record-times.ts";
import { recordType } from "./record-types.ts";
import { sampleLayout } from "./sample-layout.ts";
import { type FileOrder, leastToCome, nextFile } from "./scan.ts";
import { attr, record, Writer } from "./testing.ts";
import { TimeOrder } from "./time-order.ts";

const ATTR = attr({ sampleType: sampleBit.ip | sampleBit.time | sampleBit.cpu, flags: [18] });
const BYTES = 32;
/** Records in a slot. */
const SLOT = 64;

interface Stamp {
	readonly ts: number;
	readonly cpu: number;
	/** Its number: what stands in ip. */
	readonly n: number;
}

const sample = ({ ts, cpu, n }: Stamp): Buffer =>
	record(recordType.sample, 0, new Writer().u64(n, ts).u32(cpu, 0).done());

class Fixture {
	readonly memory: RecordMemory;
	readonly order: TimeOrder;
	readonly out: Stamp[] = [];

	constructor(slots: number, base = 0n) {
		const parsed = parseAttr(ATTR, true)!;
		const layouts = [sampleLayout(parsed)];
		const records = new RecordTimes(
			new EventIndex([{ attr: parsed, ids: [1n], name: null }], layouts, true),
			layouts,
		);
		records.setBase(base);
		this.memory = new RecordMemory(new ArrayBuffer(slots * SLOT * BYTES), true);
		this.order = new TimeOrder(this.memory.view, records, slots, SLOT * BYTES);
	}

	add(chunk: readonly Buffer[]): void {
		const at = this.order.slot() * SLOT * BYTES;
		expect(at).toBeGreaterThanOrEqual(0);
		const bytes = Buffer.concat(chunk);
		this.memory.u8.set(bytes, at);
		this.order.add(bytes.length);
	}

	drain(limit: number): void {
		this.order.drain(limit, (p, ts) => {
			const { view } = this.memory;
			this.out.push({ ts, cpu: view.getUint32(p + 24, true), n: view.getUint32(p + 8, true) });
		});
	}
}

/** The order there must be: time, CPU, position in the file. */
const sorted = (stamps: readonly Stamp[]): Stamp[] =>
	[...stamps].sort((a, b) => a.ts - b.ts || a.cpu - b.cpu || a.n - b.n);

const numbered = (list: readonly (readonly [ts: number, cpu: number])[]): Stamp[] =>
	list.map(([ts, cpu], n) => ({ ts, cpu, n }));

function inOneChunk(stamps: readonly Stamp[]): Stamp[] {
	const f = new Fixture(1);
	f.add(stamps.map(sample));
	f.drain(Number.POSITIVE_INFINITY);
	return f.out;
}

describe("one chunk", () => {
	it.each([
		[
			"in order",
			numbered([
				[1, 0],
				[2, 0],
				[3, 1],
			]),
		],
		[
			"backwards, as --overwrite writes",
			numbered([
				[9, 0],
				[8, 0],
				[7, 0],
				[6, 0],
			]),
		],
		[
			"backwards, then forwards, then backwards",
			numbered([
				[9, 0],
				[8, 0],
				[1, 0],
				[5, 0],
				[6, 0],
				[4, 0],
				[3, 0],
			]),
		],
		[
			"buffers of CPUs one after another",
			numbered([
				[1, 0],
				[5, 0],
				[9, 0],
				[2, 1],
				[6, 1],
				[3, 2],
				[7, 2],
			]),
		],
		[
			"equal times in order of the CPUs",
			numbered([
				[5, 3],
				[5, 1],
				[5, 2],
				[5, 0],
			]),
		],
		[
			"equal times on one CPU in order of the file",
			numbered([
				[5, 1],
				[5, 1],
				[4, 1],
				[5, 1],
				[5, 0],
			]),
		],
		[
			"backwards with equal times between",
			numbered([
				[9, 1],
				[8, 0],
				[8, 1],
				[8, 0],
				[7, 1],
				[7, 0],
			]),
		],
	] as const)("%s", (_, stamps) => {
		expect(inOneChunk(stamps)).toEqual(sorted(stamps));
	});

	it("records without a time are left out", () => {
		const f = new Fixture(2);
		f.add([sample({ ts: 0, cpu: 0, n: 0 }), sample({ ts: 5, cpu: 0, n: 1 })]);
		// a slot without any is free again
		f.add([sample({ ts: 0, cpu: 0, n: 2 })]);
		expect(f.order.slot()).toBeGreaterThanOrEqual(0);
		f.drain(Number.POSITIVE_INFINITY);
		expect(f.out.map((s) => s.n)).toEqual([1]);
	});

	it("stamps that no clock can have are none", () => {
		const f = new Fixture(1);
		f.add([
			record(
				9,
				0,
				new Writer()
					.u64(0, 2n ** 63n)
					.u32(0, 0)
					.done(),
			),
			sample({ ts: 5, cpu: 0, n: 1 }),
		]);
		f.drain(Number.POSITIVE_INFINITY);
		expect(f.out.map((s) => s.n)).toEqual([1]);
	});
});

describe("several chunks", () => {
	it("what lies before the limit goes on, the rest waits", () => {
		const f = new Fixture(3);
		f.add(
			numbered([
				[1, 0],
				[9, 0],
			]).map(sample),
		);
		f.drain(5);
		expect(f.out.map((s) => s.ts)).toEqual([1]);
		f.add(
			numbered([
				[5, 0],
				[12, 0],
			]).map(sample),
		);
		f.drain(9);
		expect(f.out.map((s) => s.ts)).toEqual([1, 5]);
		f.drain(Number.POSITIVE_INFINITY);
		expect(f.out.map((s) => s.ts)).toEqual([1, 5, 9, 12]);
	});

	it("a slot is free when all its records have gone", () => {
		const f = new Fixture(2);
		f.add(
			numbered([
				[1, 0],
				[9, 0],
			]).map(sample),
		);
		f.add(
			numbered([
				[2, 0],
				[3, 0],
			]).map(sample),
		);
		expect(f.order.slot()).toBe(-1);
		f.drain(4);
		expect(f.order.slot()).toBe(1);
		f.add(numbered([[4, 0]]).map(sample));
		expect(f.order.slot()).toBe(-1);
		f.drain(Number.POSITIVE_INFINITY);
		expect(f.out.map((s) => s.ts)).toEqual([1, 2, 3, 4, 9]);
	});

	it("equal times: by CPU, then as they came, also where they lie in different chunks", () => {
		const f = new Fixture(2);
		const all = numbered([
			[5, 2],
			[5, 1],
			[5, 1],
			[5, 0],
			[5, 2],
		]);
		f.add(all.slice(0, 2).map(sample));
		f.add(all.slice(2).map(sample));
		f.drain(Number.POSITIVE_INFINITY);
		expect(f.out).toEqual(sorted(all));
	});
});

/** Files of random chunks: runs up and down, ties; how each is in order, as the scan finds it. */
function files(seed: number): { chunks: Stamp[][][]; orders: FileOrder[]; all: Stamp[] } {
	const next = random(seed);
	const below = (n: number): number => Math.floor(next() * n);
	const all: Stamp[] = [];
	const chunks = Array.from({ length: 1 + below(3) }, () => {
		let ts = 1 + below(20);
		return Array.from({ length: below(6) }, () => {
			const chunk: Stamp[] = [];
			for (let left = 1 + below(SLOT); left > 0; ) {
				const run = Math.min(left, 1 + below(12));
				const step = below(3) - 1;
				if (next() < 0.4) ts = Math.max(1, ts - below(60));
				for (let k = 0; k < run; k++) {
					ts = Math.max(1, ts + step * below(4));
					const stamp = { ts, cpu: below(3), n: all.length };
					chunk.push(stamp);
					all.push(stamp);
				}
				left -= run;
			}
			return chunk;
		});
	});
	const orders = chunks.map((list): FileOrder => {
		const least = list.map((c) => Math.min(...c.map((s) => s.ts)));
		const leastFrom = new Float64Array(list.length + 1).fill(Number.POSITIVE_INFINITY);
		for (let k = list.length - 1; k >= 0; k--) leastFrom[k] = Math.min(least[k]!, leastFrom[k + 1]!);
		return { least, greatest: list.map((c) => Math.max(...c.map((s) => s.ts))), leastFrom };
	});
	return { chunks, orders, all };
}

describe("files read as the limits of the scan say", () => {
	it("gives what a plain sort gives, for 400 random recordings", () => {
		for (let seed = 1; seed <= 400; seed++) {
			const { chunks, orders, all } = files(seed);
			const f = new Fixture(32);
			const at = chunks.map(() => 0);
			for (let k = nextFile(orders, at); k >= 0; k = nextFile(orders, at)) {
				f.add(chunks[k]![at[k]!]!.map(sample));
				at[k]!++;
				f.drain(leastToCome(orders, at));
			}
			f.drain(Number.POSITIVE_INFINITY);
			const expected = [...all].sort((a, b) => a.ts - b.ts || a.cpu - b.cpu);
			expect([seed, f.out.map((s) => [s.ts, s.cpu])]).toEqual([seed, expected.map((s) => [s.ts, s.cpu])]);
			// ties of one file on one CPU keep the order of the file
			if (chunks.length === 1) expect(f.out).toEqual(sorted(all));
		}
	});

	const order = (...least: number[]): FileOrder => {
		const leastFrom = new Float64Array(least.length + 1).fill(Number.POSITIVE_INFINITY);
		for (let k = least.length - 1; k >= 0; k--) leastFrom[k] = Math.min(least[k]!, leastFrom[k + 1]!);
		return { least, greatest: least, leastFrom };
	};

	it("the next file is the one whose rest has the least time, the first of equals", () => {
		const orders = [order(10, 3), order(5, 20), order(3)];
		expect(nextFile(orders, [0, 0, 0])).toBe(0);
		expect(nextFile(orders, [1, 0, 0])).toBe(0);
		expect(nextFile(orders, [2, 0, 0])).toBe(2);
		expect(nextFile(orders, [2, 0, 1])).toBe(1);
		expect(nextFile(orders, [2, 2, 1])).toBe(-1);
		expect(nextFile([order()], [0])).toBe(-1);
	});

	it("nothing to come has a time before leastToCome", () => {
		const orders = [order(10, 3), order(5, 20)];
		expect(leastToCome(orders, [0, 0])).toBe(3);
		expect(leastToCome(orders, [2, 0])).toBe(5);
		expect(leastToCome(orders, [2, 1])).toBe(20);
		expect(leastToCome(orders, [2, 2])).toBe(Number.POSITIVE_INFINITY);
	});

	it("a file whose last chunks have no time is read to its end", () => {
		const orders = [order(3, Number.POSITIVE_INFINITY), order(5)];
		expect(nextFile(orders, [1, 0])).toBe(1);
		expect(nextFile(orders, [1, 1])).toBe(0);
	});
});
