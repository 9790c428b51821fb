import { describe, expect, it } from "vitest";
import { parseAttr, readBit, sampleBit } from "./attr.ts";
import { findParts, noParts, type SampleParts, skippedParts, valueBytes } from "./sample-parts.ts";
import { type AttrSpec, attr, Writer } from "./testing.ts";

const FROM = 8;

/** Parts of a sample with these bytes behind its fixed part; null where one reaches beyond. */
function parts(spec: AttrSpec, bytes: Buffer, little = true): SampleParts | null {
	const whole = Buffer.concat([Buffer.alloc(FROM), bytes]);
	const view = new DataView(whole.buffer, whole.byteOffset, whole.length);
	const out = noParts();
	return findParts(parseAttr(attr(spec, little), little)!, view, little, FROM, whole.length, out)
		? out
		: null;
}

describe.each([true, false])("parts of a sample, little endian: %s", (little) => {
	const w = () => new Writer(little);

	it("one value of a counter, with its times and id", () => {
		const readFormat = readBit.enabled | readBit.running | readBit.id;
		const found = parts({ sampleType: sampleBit.read, readFormat }, w().u64(10, 1, 1, 77).done(), little);
		expect(found).toMatchObject({ values: FROM, valueCount: 1 });
	});

	it("values of a group", () => {
		const readFormat = readBit.group | readBit.enabled | readBit.running | readBit.id | readBit.lost;
		const spec = { sampleType: sampleBit.read | sampleBit.callchain, readFormat };
		const found = parts(spec, w().u64(2, 5, 5, 10, 77, 0, 11, 78, 0, 1, 0x100).done(), little);
		expect(found).toMatchObject({ values: FROM + 24, valueCount: 2, chain: FROM + 80, chainWords: 1 });
		expect(valueBytes(parseAttr(attr(spec), true)!)).toBe(24);
	});

	it("callchain, raw data, in this order", () => {
		const found = parts(
			{ sampleType: sampleBit.callchain | sampleBit.raw },
			w().u64(2, 0x100, 0x200).u32(12).raw("twelve bytes").done(),
			little,
		);
		expect(found).toMatchObject({ chain: FROM + 8, chainWords: 2, raw: FROM + 28, rawBytes: 12 });
	});

	it("behind branches: three words each, one more in front and behind where the attribute says so", () => {
		for (const [branchType, extra] of [
			[0, 0],
			[1 << 17, 1],
			[(1 << 17) | (1 << 19), 3],
		] as const) {
			const words = [2, ...Array.from({ length: 6 + extra }, () => 9)];
			const found = parts(
				{ sampleType: sampleBit.branchStack | sampleBit.cgroup, branchType },
				w()
					.u64(...words, 4711)
					.done(),
				little,
			);
			expect(found?.cgroup).toBe(FROM + 8 * words.length);
		}
	});

	it("registers of the user and the copy of its stack", () => {
		const spec = { sampleType: sampleBit.regsUser | sampleBit.stackUser, regsUser: (1n << 63n) | 5n };
		const found = parts(spec, w().u64(2, 1, 2, 3, 16, 7, 7, 8).done(), little);
		expect(found).toMatchObject({
			registers: FROM + 8,
			registerCount: 3,
			stack: FROM + 40,
			stackBytes: 8,
		});
	});

	it("no registers and no stack of a kernel thread", () => {
		const spec = { sampleType: sampleBit.regsUser | sampleBit.stackUser | sampleBit.cgroup, regsUser: 7n };
		expect(parts(spec, w().u64(0, 0, 4711).done(), little)).toMatchObject({
			registers: -1,
			stack: -1,
			cgroup: FROM + 16,
		});
	});

	it("the control group behind weight, source, transaction, registers, physical address", () => {
		const sampleType =
			sampleBit.weight |
			sampleBit.dataSrc |
			sampleBit.transaction |
			sampleBit.regsIntr |
			sampleBit.physAddr |
			sampleBit.cgroup;
		const found = parts({ sampleType, regsIntr: 3n }, w().u64(1, 2, 3, 2, 8, 9, 5, 4711).done(), little);
		expect(found?.cgroup).toBe(FROM + 56);
	});
});

describe("counts beyond the record", () => {
	const beyond = [3n, 1000n, 2n ** 29n, 2n ** 31n, 2n ** 32n, 2n ** 61n, 2n ** 64n - 1n];
	it.each([
		["callchain", { sampleType: sampleBit.callchain }],
		["a group of counters", { sampleType: sampleBit.read, readFormat: readBit.group }],
		["branches", { sampleType: sampleBit.branchStack }],
	] as const)("%s", (_, spec) => {
		for (const n of beyond) expect(parts(spec, new Writer().u64(n, 1, 1).done())).toBeNull();
	});

	it("raw data, stack", () => {
		for (const n of [17, 2 ** 31, 2 ** 32 - 1])
			expect(
				parts({ sampleType: sampleBit.raw }, new Writer().u32(n).raw(Buffer.alloc(16)).done()),
			).toBeNull();
		for (const n of [17n, 2n ** 32n, 2n ** 64n - 1n])
			expect(parts({ sampleType: sampleBit.stackUser }, new Writer().u64(n, 1, 1).done())).toBeNull();
	});

	it("a stack that claims to be filled beyond its size is filled to its size", () => {
		const found = parts({ sampleType: sampleBit.stackUser }, new Writer().u64(8, 1, 2n ** 40n).done());
		expect(found).toMatchObject({ stackBytes: 8 });
	});
});

it("cut at any byte: never a part beyond the end", () => {
	const spec: AttrSpec = {
		sampleType:
			sampleBit.read |
			sampleBit.callchain |
			sampleBit.raw |
			sampleBit.branchStack |
			sampleBit.regsUser |
			sampleBit.stackUser |
			sampleBit.weight |
			sampleBit.regsIntr |
			sampleBit.cgroup,
		readFormat: readBit.group | readBit.id,
		regsUser: 7n,
		regsIntr: 3n,
	};
	const whole = new Writer()
		.u64(2, 10, 1, 11, 2)
		.u64(3, 1, 2, 3)
		.u32(4, 0)
		.u64(1, 9, 9, 9)
		.u64(2, 1, 2, 3)
		.u64(16, 1, 2, 16)
		.u64(5)
		.u64(2, 1, 2)
		.u64(4711)
		.done();
	expect(parts(spec, whole)?.cgroup).toBe(FROM + whole.length - 8);
	for (let n = 0; n < whole.length; n++) {
		const found = parts(spec, whole.subarray(0, n));
		if (found === null) continue;
		const end = FROM + n;
		expect(found.values + 16 * found.valueCount).toBeLessThanOrEqual(end);
		expect(found.chain + 8 * found.chainWords).toBeLessThanOrEqual(end);
		expect(found.raw + found.rawBytes).toBeLessThanOrEqual(end);
		expect(found.registers + 8 * found.registerCount).toBeLessThanOrEqual(end);
		expect(found.stack + found.stackBytes).toBeLessThanOrEqual(end);
		expect(found.cgroup + 8).toBeLessThanOrEqual(end);
	}
});

it("what is passed over is named", () => {
	const skipped = (sampleType: number) => skippedParts(parseAttr(attr({ sampleType }), true)!);
	expect(skipped(sampleBit.ip | sampleBit.callchain | sampleBit.raw)).toEqual([]);
	expect(skipped(sampleBit.branchStack | sampleBit.regsUser)).toEqual(["branch stacks", "user registers"]);
	// with the stack they are used
	expect(skipped(sampleBit.regsUser | sampleBit.stackUser)).toEqual([]);
});
