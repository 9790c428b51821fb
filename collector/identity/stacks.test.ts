import { describe, expect, test } from "vitest";
import { RecordMemory } from "../decode/tracepoint/memory.ts";
import { KernelSymbols } from "./kallsyms.ts";
import { StackTable } from "./stacks.ts";

const symbols = KernelSymbols.parse(
	Buffer.from("c000000000001000 T schedule\nc000000000002000 T futex_wait\nc000000000003000 T end\n"),
);

function table(words: readonly bigint[], littleEndian = true): StackTable {
	const memory = new RecordMemory(new ArrayBuffer(1024), littleEndian);
	for (const [i, word] of words.entries()) memory.view.setBigUint64(8 * i, word, littleEndian);
	return new StackTable(memory);
}

describe("kernel stacks of ftrace", () => {
	const schedule = 0xc000_0000_0000_1010n;
	const futex = 0xc000_0000_0000_2020n;

	test("are numbered in order of first sight, each distinct one once", () => {
		const stacks = table([schedule, futex, schedule, futex, futex]);
		expect(stacks.kernel(0, 2, 8)).toBe(0);
		expect(stacks.kernel(8, 1, 8)).toBe(1);
		expect(stacks.kernel(16, 2, 8)).toBe(0);
		expect(stacks.size).toBe(2);
		expect(stacks.leafOf(0)).not.toBe(stacks.leafOf(1));
		expect(stacks.leafOf(1)).toBe(stacks.frames.of(0, 0x2020, 0xc000_0000 | 0));
	});

	test("end at a word of ones, and have no zeros", () => {
		const stacks = table([0n, schedule, 0n, futex, 0xffff_ffff_ffff_ffffn, schedule]);
		expect(stacks.kernel(0, 6, 8)).toBe(0);
		expect(stacks.kernel(32, 1, 8)).toBe(-1);
		expect(stacks.rows({ kernel: symbols, binaries: null })).toEqual({
			stack: [{ stack_id: 0, kind: "kernel", frames: [0, 1], depth: 2, doubtful: false }],
			frame: [
				{
					frame_id: 0,
					address: -0x3fff_ffff_ffff_eff0n,
					symbol: "schedule",
					offset: 0x10n,
					module: null,
					file_offset: null,
					build_id: null,
					file: null,
					line: null,
					inlined: false,
				},
				{
					frame_id: 1,
					address: -0x3fff_ffff_ffff_dfe0n,
					symbol: "futex_wait",
					offset: 0x20n,
					module: null,
					file_offset: null,
					build_id: null,
					file: null,
					line: null,
					inlined: false,
				},
			],
			dso: [],
		});
	});

	test("of 32-bit machines have words of 4 bytes", () => {
		const stacks = table([0xc000_1010_c000_2020n]);
		stacks.kernel(0, 2, 4);
		expect(stacks.rows({ kernel: null, binaries: null }).frame.map((f) => f.address)).toEqual([
			0xc000_2020n,
			0xc000_1010n,
		]);
	});

	test("of a big-endian machine are the same addresses", () => {
		const stacks = table([schedule], false);
		stacks.kernel(0, 1, 8);
		expect(stacks.rows({ kernel: symbols, binaries: null }).frame[0]!.symbol).toBe("schedule");
	});
});

test("ten thousand stacks of a few frames keep their numbers", () => {
	const stacks = table([]);
	const chain = new Int32Array(2);
	const intern = (i: number) => {
		chain[0] = stacks.frames.of(0, i, 0);
		chain[1] = stacks.frames.of(0, i & 15, 1);
		return stacks.intern("kernel", chain, 2, false);
	};
	for (let i = 0; i < 10_000; i++) expect(intern(i)).toBe(i);
	for (let i = 0; i < 10_000; i += 997) expect(intern(i)).toBe(i);
	expect(stacks.intern("user", chain, 2, false)).toBe(10_000);
	expect(stacks.intern("user", chain, 2, true)).toBe(10_001);
});
