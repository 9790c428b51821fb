import { describe, expect, test } from "vitest";
import { KernelSymbols } from "./kallsyms.ts";
import { type FrameRow, type PlainFrame, resolve, resolveAgain, type StackRow } from "./resolve.ts";
import { binaries, bl, program } from "./testing.ts";

const functions = { _Z4leafv: [0x1000, 0x1100], mid: [0x2000, 0x2100], outer: [0x3000, 0x3100] } as const;
const words = { 8224: bl(0x2020, 0x1000), 12320: bl(0x3020, 0x2000), 4112: bl(0x1010, 0x2000) };

function user(offset: number): PlainFrame {
	return {
		address: 0x3fff_0000_0000n + BigInt(offset),
		kernel: false,
		module: "/prog",
		fileOffset: BigInt(offset),
		buildId: null,
		tgid: null,
	};
}

const plain = program({ functions, words });
const names = { kernel: null, binaries: binaries({ "/prog": plain }) };
/** A stack by what its frames are called. */
function called({ stack, frame }: ReturnType<typeof resolve>, id = 0): string[] {
	return (stack[id]!.frames as number[]).map(
		(f) => `${frame[f]!.symbol}${frame[f]!.inlined ? " (inlined)" : ""}`,
	);
}

describe("names of stacks", () => {
	test("are those of the mapped file's functions, demangled in one call", () => {
		const asked: (readonly string[])[] = [];
		const rows = resolve([{ kind: "user", frames: [0, 1], doubtful: false }], [user(0x1010), user(0x2024)], {
			...names,
			demangle: (all) => {
				asked.push(all);
				return new Map([["_Z4leafv", "leaf()"]]);
			},
		});
		expect(called(rows)).toEqual(["leaf()", "mid"]);
		expect(asked).toEqual([["_Z4leafv", "mid"]]);
		expect(rows.frame[1]).toMatchObject({
			offset: 0x24n,
			module: "/prog",
			file_offset: 0x2024n,
			inlined: false,
		});
		expect(rows.dso).toEqual([
			{
				module: "/prog",
				build_id: null,
				file: "/symbols/prog",
				state: "named",
				frames: 2,
				named: 2,
			},
		]);
	});

	test("have inlined calls as frames of their own, innermost first, in every stack", () => {
		const place = {
			file: "leaf.c",
			line: 10,
			inlined: [
				{ name: "inner", file: "inner.h", line: 1 },
				{ name: "outer_inline", file: "leaf.h", line: 5 },
			],
		};
		const rows = resolve(
			[
				{ kind: "user", frames: [0, 1], doubtful: false },
				{ kind: "user", frames: [0], doubtful: false },
			],
			[user(0x1010), user(0x2024)],
			{ kernel: null, binaries: binaries({ "/prog": program({ functions, places: { 4112: place } }) }) },
		);
		expect(called(rows, 0)).toEqual(["inner (inlined)", "outer_inline (inlined)", "_Z4leafv", "mid"]);
		expect(called(rows, 1)).toEqual(["inner (inlined)", "outer_inline (inlined)", "_Z4leafv"]);
		expect(rows.stack[0]!.depth).toBe(4);
		expect(rows.frame).toHaveLength(4);
		expect(rows.frame[0]).toMatchObject({ file: "leaf.c", line: 10 });
		expect(rows.frame[2]).toMatchObject({
			address: user(0x1010).address,
			symbol: "inner",
			offset: null,
			file: "inner.h",
			line: 1,
			inlined: true,
		});
		expect(rows.dso[0]!.frames).toBe(2);
	});

	test("of a return address are those of the call before it", () => {
		const rows = resolve(
			[
				{ kind: "user", frames: [0, 1], doubtful: false },
				{ kind: "user", frames: [1], doubtful: false },
			],
			// a call that does not return ends _Z4leafv: its return address is the next function's
			[user(0x2010), user(0x1100)],
			{
				kernel: null,
				binaries: binaries({
					"/prog": program({
						functions: { first: [0x1000, 0x1100], second: [0x1100, 0x1200], other: [0x2000, 0x2100] },
					}),
				}),
			},
		);
		expect(called(rows, 0)).toEqual(["other", "first"]);
		expect(called(rows, 1)).toEqual(["second"]);
		expect(rows.frame).toHaveLength(3);
	});

	test("in a JIT's memory are those of its process", () => {
		const jit = (tgid: number) => ({ name: `of ${tgid}`, offset: 4 });
		const anonymous = { ...user(0x50), module: "//anon", fileOffset: null };
		const rows = resolve(
			[{ kind: "user", frames: [0, 1], doubtful: true }],
			[
				{ ...anonymous, tgid: 1 },
				{ ...anonymous, tgid: 2 },
			],
			{ kernel: null, binaries: binaries({}, jit) },
		);
		expect(called(rows)).toEqual(["of 1", "of 2"]);
		expect(rows.dso).toEqual([
			{ module: "//anon", build_id: null, file: null, state: "no file", frames: 2, named: 2 },
		]);
	});

	test("say why a file gave none", () => {
		const refused = {
			...binaries({}),
			states: () => [{ module: "/prog", buildId: null, state: "other build" }],
		};
		const stack = [{ kind: "user", frames: [0], doubtful: false } as const];
		expect(resolve(stack, [user(0x1010)], { kernel: null, binaries: refused }).dso[0]).toMatchObject({
			file: null,
			state: "other build",
			frames: 1,
			named: 0,
		});
		expect(resolve(stack, [user(0x1010)], { kernel: null, binaries: null }).dso[0]!.state).toBe("not found");
		const stripped = binaries({ "/prog": program({ functions: {} }) });
		expect(resolve(stack, [user(0x1010)], { kernel: null, binaries: stripped }).dso[0]!.state).toBe(
			"no symbols",
		);
	});
});

describe("names of a dataset's stacks once more", () => {
	const again = (rows: ReturnType<typeof resolve>, with_: Parameters<typeof resolve>[2]) =>
		resolveAgain(rows.stack as unknown as StackRow[], rows.frame as unknown as FrameRow[], with_, "ppc64le");
	const nothing = { kernel: null, binaries: binaries({}) };

	test("a doubtful stack is judged when its file is at hand", () => {
		// LR in leaf itself: stale
		const stale = resolve(
			[{ kind: "user", frames: [0, 1, 2, 3], doubtful: true }],
			[user(0x1040), user(0x1014), user(0x2024), user(0x3024)],
			nothing,
		);
		const rows = again(stale, names);
		expect(called(rows)).toEqual(["_Z4leafv", "mid", "outer"]);
		expect(rows.stack[0]!.doubtful).toBe(false);
		expect(rows.frame).toHaveLength(3);
		expect(again(stale, nothing).stack[0]).toEqual(stale.stack[0]);
	});

	test("a kernel stack is judged when symbols are at hand", () => {
		const kernel = (address: bigint): PlainFrame => ({
			...user(0),
			address: BigInt.asIntN(64, address),
			kernel: true,
			module: null,
			fileOffset: null,
		});
		const rows = resolve(
			[{ kind: "kernel", frames: [0, 1, 2], doubtful: true }],
			[kernel(0xc000_0000_0000_1010n), kernel(0xc000_0000_0000_1080n), kernel(0xc000_0000_0000_2010n)],
			nothing,
		);
		const symbols = KernelSymbols.parse(
			Buffer.from("c000000000001000 T a\t[m]\nc000000000002000 T b\t[m]\nc000000000003000 T c\t[m]\n"),
		);
		const named = again(rows, { kernel: symbols, binaries: null });
		expect(called(named)).toEqual(["a", "b"]);
		expect(named.frame[0]!.module).toBe("[m]");
		// names stay where there are no better ones
		expect(again(named, nothing)).toEqual(named);
	});

	test("inlined calls are taken out and found again", () => {
		const place = { file: "leaf.c", line: 10, inlined: [{ name: "inner", file: "inner.h", line: 1 }] };
		const debug = {
			kernel: null,
			binaries: binaries({ "/prog": program({ functions, words, places: { 4112: place } }) }),
		};
		const rows = resolve(
			[{ kind: "user", frames: [0, 1], doubtful: false }],
			[user(0x1010), user(0x2024)],
			debug,
		);
		expect(again(rows, debug)).toEqual(rows);
		// without the debug information now: what was known stays
		expect(called(again(rows, names))).toEqual(["inner (inlined)", "_Z4leafv", "mid"]);
		expect(called(again(rows, nothing))).toEqual(["inner (inlined)", "_Z4leafv", "mid"]);
	});

	test("rows without sense cost themselves", () => {
		const rows = resolveAgain(
			[{ kind: "user", frames: [5, 0], doubtful: true }],
			[user(0x1010)].map((f) => ({
				...f,
				symbol: null,
				offset: null,
				file_offset: f.fileOffset,
				build_id: null,
				file: null,
				line: null,
				inlined: false,
			})),
			names,
			"ppc64le",
		);
		expect(called(rows)).toEqual(["_Z4leafv"]);
	});
});
