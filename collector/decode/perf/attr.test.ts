import { describe, expect, it } from "vitest";
import { attrName, countsTime, parseAttr, sampleBit } from "./attr.ts";
import { attr } from "./testing.ts";

describe.each([true, false])("perf_event_attr, little endian: %s", (little) => {
	const parse = (spec: Parameters<typeof attr>[0]) => parseAttr(attr(spec, little), little)!;

	it("its numbers", () => {
		expect(
			parse({
				type: 2,
				config: 0x1_0000_0032n,
				period: 4000,
				sampleType: sampleBit.ip | sampleBit.identifier,
				readFormat: 12,
				regsUser: 0x8000_0001_0000_0003n,
				stackUser: 8192,
				regsIntr: 5n,
				branchType: (1 << 17) | (1 << 19),
			}),
		).toEqual({
			type: 2,
			config: 0x1_0000_0032n,
			sampleType: sampleBit.ip | sampleBit.identifier,
			readFormat: 12,
			period: 4000,
			freq: false,
			sampleIdAll: false,
			contextSwitch: false,
			excludeUser: false,
			excludeKernel: false,
			clockid: null,
			regsUser: [3, -0x7fff_ffff],
			regsIntr: [5, 0],
			stackUser: 8192,
			branchHwIndex: true,
			branchCounters: true,
		});
	});

	it.each([
		[4, "excludeUser"],
		[5, "excludeKernel"],
		[10, "freq"],
		[18, "sampleIdAll"],
		[26, "contextSwitch"],
	] as const)("bit %d of the flags is %s alone", (bit, name) => {
		const flags = ["excludeUser", "excludeKernel", "freq", "sampleIdAll", "contextSwitch"] as const;
		const parsed = parse({ flags: [bit] });
		expect(flags.filter((f) => parsed[f])).toEqual([name]);
		expect(parsed.clockid).toBeNull();
	});

	it("a clock is told by its flag, not by its number: CLOCK_REALTIME is 0", () => {
		expect(parse({ flags: [25], clockid: 0 }).clockid).toBe(0);
		expect(parse({ flags: [25], clockid: 1 }).clockid).toBe(1);
		expect(parse({ clockid: 1 }).clockid).toBeNull();
	});

	it("what an older structure does not have is 0", () => {
		const first = parse({ sampleType: 7, flags: [10], size: 64, regsUser: 3n, stackUser: 64 });
		expect(first).toMatchObject({
			sampleType: 7,
			freq: true,
			regsUser: [0, 0],
			stackUser: 0,
			regsIntr: [0, 0],
		});
		expect(parse({ size: 96, stackUser: 64, regsIntr: 3n })).toMatchObject({
			stackUser: 64,
			regsIntr: [0, 0],
		});
	});
});

it("fewer bytes than the first version had are no attribute", () => {
	expect(parseAttr(Buffer.alloc(63), true)).toBeNull();
});

it("a clock's flag in a structure that is too short for its number tells no clock", () => {
	expect(parseAttr(attr({ flags: [25], size: 64 }), true)!.clockid).toBeNull();
});

describe("names of events that the file does not name", () => {
	const name = (spec: Parameters<typeof attr>[0]) => attrName(parseAttr(attr(spec), true)!);
	it.each([
		[{ type: 0, config: 0 }, "cycles"],
		[{ type: 0, config: 99 }, "hardware 0x63"],
		[{ type: 0, config: 0, flags: [5] }, "cycles:u"],
		[{ type: 0, config: 1, flags: [4] }, "instructions:k"],
		[{ type: 0, config: 1, flags: [4, 5] }, "instructions"],
		[{ type: 1, config: 2 }, "page-faults"],
		[{ type: 1, config: 77 }, "software 77"],
		[{ type: 2, config: 50 }, "tracepoint 50"],
		[{ type: 3, config: 0x1_0000 }, "L1-dcache-loads-misses"],
		[{ type: 3, config: 0xff }, "cache 0xff"],
		[{ type: 4, config: 0x1e }, "r1e"],
		[{ type: 5 }, "mem"],
		[{ type: 9, config: 0x1e }, "pmu 9 0x1e"],
	] as const)("%j: %s", (spec, expected) => {
		expect(name(spec)).toBe(expected);
	});
});

it("cpu-clock and task-clock count time, nothing else does", () => {
	const counts = (type: number, config: number) => countsTime(parseAttr(attr({ type, config }), true)!);
	expect([counts(1, 0), counts(1, 1), counts(1, 2), counts(0, 0)]).toEqual([true, true, false, false]);
});
