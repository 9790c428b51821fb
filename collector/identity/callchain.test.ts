import { describe, expect, test } from "vitest";
import { RecordMemory } from "../decode/tracepoint/memory.ts";
import { AddressSpaces } from "./address-space.ts";
import type { Binaries, FrameState } from "./binary.ts";
import { Callchains } from "./callchain.ts";
import { KernelSymbols } from "./kallsyms.ts";
import { StackTable } from "./stacks.ts";
import { binaries, bl, program } from "./testing.ts";

const KERNEL = 0xffff_ffff_ffff_ff80n;
const USER = 0xffff_ffff_ffff_fe00n;
const DEFERRED = 0xffff_ffff_ffff_fd80n;
const GUEST_KERNEL = 0xffff_ffff_ffff_f780n;

const kallsyms = KernelSymbols.parse(
	Buffer.from(`c000000000001000 T __schedule
c000000000002000 T schedule
c000000000003000 T do_nanosleep
c000000000004000 T sys_nanosleep
c000000000005000 T end
`),
);

/** Functions of a program at 0x10000: leaf calls helper; outer calls mid calls leaf. */
const functions = {
	leaf: [0x11000, 0x11100],
	mid: [0x12000, 0x12100],
	outer: [0x13000, 0x13100],
	main: [0x14000, 0x14100],
	helper: [0x15000, 0x15100],
} as const;
const words = {
	69664: bl(0x11020, 0x15000),
	73760: bl(0x12020, 0x11000),
	77856: bl(0x13020, 0x12008),
	81952: bl(0x14020, 0x13000),
};
/** Return addresses of those calls. */
const inLeaf = 0x11024n;
const inMid = 0x12024n;
const inOuter = 0x13024n;
const inMain = 0x14024n;

interface Setup {
	readonly arch?: string;
	readonly symbols?: KernelSymbols;
	readonly binaries?: Binaries;
	readonly littleEndian?: boolean;
}

function setup({ arch = "ppc64le", symbols = kallsyms, binaries: found, littleEndian = true }: Setup = {}) {
	const memory = new RecordMemory(new ArrayBuffer(65_536), littleEndian);
	const stacks = new StackTable(memory);
	const spaces = new AddressSpaces();
	const chains = new Callchains({
		memory,
		arch,
		stacks,
		kernelSymbols: () => symbols,
		spaces,
		binaries: found ?? binaries({ "/prog": program({ functions, words }) }),
	});
	spaces.map(1, {
		start: 0x10000n,
		length: 0x10000n,
		fileOffset: 0x10000n,
		name: "/prog",
		buildId: null,
		executable: true,
	});
	const stackOf = (id: number) => {
		if (id < 0) return null;
		const { stack, frame } = stacks.rows({ kernel: null, binaries: null });
		return (stack[id]!.frames as number[]).map((f) => BigInt.asUintN(64, frame[f]!.address as bigint));
	};
	return {
		spaces,
		stacks,
		chains,
		/** The kernel's and the user's stack of a chain. */
		read(chain: readonly bigint[], tgid = 1) {
			for (const [i, word] of chain.entries()) memory.view.setBigUint64(64 + 8 * i, word, littleEndian);
			chains.read(64, chain.length, tgid);
			return { kernel: stackOf(chains.kernelId), user: stackOf(chains.userId) };
		},
		doubtful: (id: number) => stacks.rows({ kernel: null, binaries: null }).stack[id]!.doubtful,
	};
}

const k = (low: number) => 0xc000_0000_0000_0000n + BigInt(low);

describe("a call chain of perf", () => {
	test("is cut by its markers into a kernel stack and a user stack", () => {
		const { read } = setup({ arch: "x86_64" });
		const chain = [KERNEL, k(0x1010), k(0x2010), USER, 0x11004n, inMid, 0n, inOuter];
		expect(read(chain)).toEqual({ kernel: [k(0x1010), k(0x2010)], user: [0x11004n, inMid, inOuter] });
	});

	test("without markers is cut by the top bit of its addresses", () => {
		const { read } = setup({ arch: "x86_64" });
		expect(read([k(0x1010), 0x11004n])).toEqual({ kernel: [k(0x1010)], user: [0x11004n] });
	});

	test("has no words of a guest, and none of a kind that is not known", () => {
		const { read } = setup();
		expect(read([GUEST_KERNEL, k(0x1010), k(0x2010)])).toEqual({ kernel: null, user: null });
		expect(read([0xffff_ffff_ffff_f0ffn, 0x11004n, USER, 0x12004n])).toEqual({
			kernel: null,
			user: [0x12004n],
		});
	});

	test("whose user part comes later names it by its cookie", () => {
		const { read, chains } = setup();
		expect(read([KERNEL, k(0x1010), DEFERRED, 77n])).toEqual({ kernel: [k(0x1010)], user: null });
		expect(chains.cookie).toBe(77n);
		read([KERNEL, k(0x1010)]);
		expect(chains.cookie).toBe(null);
		read([DEFERRED]);
		expect(chains.cookie).toBe(null);
	});

	test("that is empty or has markers alone is no stack", () => {
		const { read } = setup();
		expect(read([])).toEqual({ kernel: null, user: null });
		expect(read([KERNEL, USER, 0n])).toEqual({ kernel: null, user: null });
	});

	test("of a big-endian machine reads the same", () => {
		const { read } = setup({ arch: "ppc64", littleEndian: false });
		const chain = [KERNEL, k(0x1010), 0n, k(0x2010), USER, 0x11004n, inMid, inOuter];
		expect(read(chain)).toEqual({ kernel: [k(0x1010), k(0x2010)], user: [0x11004n, inMid, inOuter] });
	});

	test("that comes again is the same stack", () => {
		const { read, chains } = setup();
		const chain = [USER, 0x11004n, inMid, inOuter];
		read(chain);
		const id = chains.userId;
		read([KERNEL, k(0x1010)]);
		read(chain);
		expect(chains.userId).toBe(id);
	});
});

describe("the kernel's part on POWER", () => {
	test("of a tracepoint has a zero in the place of the link register", () => {
		const { read } = setup();
		const chain = [KERNEL, k(0x1010), 0n, k(0x2010), k(0x3010)];
		expect(read(chain).kernel).toEqual([k(0x1010), k(0x2010), k(0x3010)]);
	});

	test("drops a link register that points into the interrupted function", () => {
		const { read } = setup();
		const chain = [KERNEL, k(0x1010), k(0x1080), k(0x2010), k(0x3010)];
		expect(read(chain).kernel).toEqual([k(0x1010), k(0x2010), k(0x3010)]);
	});

	test("keeps the caller of a function that has saved nothing", () => {
		const { read, doubtful, chains } = setup();
		const chain = [KERNEL, k(0x1004), k(0x2010), k(0x3010)];
		expect(read(chain).kernel).toEqual([k(0x1004), k(0x2010), k(0x3010)]);
		expect(doubtful(chains.kernelId)).toBe(false);
	});

	test("has a saved link register once", () => {
		const { read } = setup();
		const chain = [KERNEL, k(0x1010), k(0x2010), k(0x2010), k(0x3010)];
		expect(read(chain).kernel).toEqual([k(0x1010), k(0x2010), k(0x3010)]);
	});

	test("begins anew after each marker: an interrupt's frames lie on those of the interrupted", () => {
		const { read } = setup();
		const chain = [KERNEL, k(0x1010), 0n, k(0x2010), KERNEL, k(0x3010), k(0x3020), k(0x4010)];
		expect(read(chain).kernel).toEqual([k(0x1010), k(0x2010), k(0x3010), k(0x4010)]);
	});

	test("is doubtful without symbols", () => {
		const { read, doubtful, chains } = setup({ symbols: KernelSymbols.parse(new Uint8Array()) });
		const chain = [KERNEL, k(0x1010), k(0x1080), k(0x2010)];
		expect(read(chain).kernel).toEqual([k(0x1010), k(0x1080), k(0x2010)]);
		expect(doubtful(chains.kernelId)).toBe(true);
		read([KERNEL, k(0x1010), 0n, k(0x2010)]);
		expect(doubtful(chains.kernelId)).toBe(false);
	});
});

describe("the user's part on POWER", () => {
	const saved = (state: FrameState) =>
		setup({ binaries: binaries({ "/prog": program({ functions, frames: { 69696: state } }) }) });

	test("drops the link register after scv, which leaves its own address there", () => {
		const { read } = setup();
		expect(read([USER, 0x11040n, 0x11040n, inMid, inOuter]).user).toEqual([0x11040n, inMid, inOuter]);
	});

	test("by call frame information: saved, with a frame: the link register is stale", () => {
		const { read } = saved({ saved: true, frame: true });
		expect(read([USER, 0x11040n, inMain, inMid, inOuter]).user).toEqual([0x11040n, inMid, inOuter]);
		// recursion: the caller has called from the same place
		expect(read([USER, 0x11040n, inLeaf, inLeaf, inMid]).user).toEqual([0x11040n, inLeaf, inMid]);
	});

	test("by call frame information: nothing saved, no frame: all words are true", () => {
		const { read } = saved({ saved: false, frame: false });
		expect(read([USER, 0x11040n, inMid, inOuter]).user).toEqual([0x11040n, inMid, inOuter]);
	});

	test("by call frame information: a frame, but nothing saved in it: the word that was read there is junk", () => {
		const { read } = saved({ saved: false, frame: true });
		expect(read([USER, 0x11040n, inMid, inMain, inOuter]).user).toEqual([0x11040n, inMid, inOuter]);
	});

	test("by call frame information: saved before the frame is made", () => {
		const { read } = saved({ saved: true, frame: false });
		expect(read([USER, 0x11040n, inMid, inOuter]).user).toEqual([0x11040n, inMid, inOuter]);
		expect(read([USER, 0x11040n, inLeaf, inOuter]).user).toEqual([0x11040n, inOuter]);
	});

	test("by symbols: a link register inside the function is stale", () => {
		const { read, doubtful, chains } = setup();
		expect(read([USER, 0x11040n, inLeaf, inMid, inOuter]).user).toEqual([0x11040n, inMid, inOuter]);
		expect(doubtful(chains.userId)).toBe(false);
	});

	test("by the call before the return address: it must reach the function below", () => {
		const { read, doubtful, chains } = setup();
		// main does not call leaf
		expect(read([USER, 0x11040n, inMain, inMid, inOuter]).user).toEqual([0x11040n, inMid, inOuter]);
		// mid does, and main does not call mid
		expect(read([USER, 0x11040n, inMid, inMain, inOuter]).user).toEqual([0x11040n, inMid, inOuter]);
		expect(doubtful(chains.userId)).toBe(false);
		// deeper words are not judged
		expect(read([USER, 0x11040n, inMid, inOuter, inMid]).user).toEqual([0x11040n, inMid, inOuter, inMid]);
	});

	test("by symbols: where a callee of the caller has saved its return address before is no frame, but recursion is", () => {
		const twice = { ...words, 73792: 0x4e800421, 73824: bl(0x12060, 0x12000) };
		const { read } = setup({ binaries: binaries({ "/prog": program({ functions, words: twice }) }) });
		expect(read([USER, 0x11040n, inMid, 0x12044n, inOuter]).user).toEqual([0x11040n, inMid, inOuter]);
		expect(read([USER, 0x11040n, inMid, 0x12064n, inOuter]).user).toEqual([
			0x11040n,
			inMid,
			0x12064n,
			inOuter,
		]);
	});

	test("drops a link register that points nowhere, or into data", () => {
		const { read, spaces } = setup();
		expect(read([USER, 0x11040n, 0x77n, inMid]).user).toEqual([0x11040n, inMid]);
		spaces.map(1, {
			start: 0x40000n,
			length: 0x1000n,
			fileOffset: 0n,
			name: "/prog",
			buildId: null,
			executable: false,
		});
		expect(read([USER, 0x11040n, 0x40010n, inMid]).user).toEqual([0x11040n, inMid]);
	});

	test("is doubtful without the file, unless LR is saved already", () => {
		const { read, doubtful, chains } = setup({ binaries: binaries({}) });
		expect(read([USER, 0x11040n, inMid, inOuter]).user).toEqual([0x11040n, inMid, inOuter]);
		expect(doubtful(chains.userId)).toBe(true);
		expect(read([USER, 0x11040n, inMid, inMid, inOuter]).user).toEqual([0x11040n, inMid, inOuter]);
		expect(doubtful(chains.userId)).toBe(false);
	});

	test("is doubtful in a JIT's memory, where LR in the same function is stale all the same", () => {
		const jit = (tgid: number, address: bigint) =>
			tgid === 1 && address >= 0x80000n && address < 0x80100n
				? { name: "Java.run", offset: Number(address - 0x80000n) }
				: null;
		const { read, doubtful, chains, spaces } = setup({
			binaries: binaries({ "/prog": program({ functions, words }) }, jit),
		});
		spaces.map(1, {
			start: 0x80000n,
			length: 0x10000n,
			fileOffset: 0n,
			name: "//anon",
			buildId: null,
			executable: true,
		});
		expect(read([USER, 0x80040n, 0x80080n, inMid]).user).toEqual([0x80040n, inMid]);
		expect(read([USER, 0x80040n, 0x80180n, inMid]).user).toEqual([0x80040n, 0x80180n, inMid]);
		expect(doubtful(chains.userId)).toBe(true);
	});

	test("has no trampolines of uretprobes", () => {
		const { read, spaces } = setup();
		spaces.map(1, {
			start: 0x3fff_ffff_f000n,
			length: 0x1000n,
			fileOffset: 0n,
			name: "[uprobes]",
			buildId: null,
			executable: true,
		});
		const trampoline = 0x3fff_ffff_f000n;
		expect(read([USER, inMid, trampoline, inOuter, trampoline, inMain]).user).toEqual([
			inMid,
			inOuter,
			inMain,
		]);
	});

	test("begins anew after the marker of a signal frame", () => {
		const { read } = setup();
		const chain = [USER, 0x15040n, 0x15040n, inMain, USER, 0x11040n, inLeaf, inMid, inOuter];
		expect(read(chain).user).toEqual([0x15040n, inMain, 0x11040n, inMid, inOuter]);
	});

	test("is judged again when the mappings have changed", () => {
		const { read, spaces, chains } = setup();
		const chain = [USER, 0x11040n, 0x90004n, inMid];
		expect(read(chain).user).toEqual([0x11040n, inMid]);
		spaces.map(1, {
			start: 0x90000n,
			length: 0x1000n,
			fileOffset: 0n,
			name: "/lib",
			buildId: null,
			executable: true,
		});
		expect(read(chain).user).toEqual([0x11040n, 0x90004n, inMid]);
		const before = chains.userId;
		spaces.exec(1);
		read(chain);
		expect(chains.userId).not.toBe(before);
	});
});

describe("user frames", () => {
	test("of one file are one frame in all processes, of memory without a file one in each", () => {
		const { chains, spaces, stacks } = setup();
		spaces.fork(1, 2);
		const a = chains.exact([0x11004n], 1, "user");
		expect(chains.exact([0x11004n], 2, "user")).toBe(a);
		const b = chains.exact([0x90004n], 1, "user");
		expect(chains.exact([0x90004n], 2, "user")).not.toBe(b);
		expect(stacks.rows({ kernel: null, binaries: null }).frame).toMatchObject([
			{ address: 0x11004n, module: "/prog", file_offset: 0x11004n },
			{ address: 0x90004n, module: null, file_offset: null },
			{ address: 0x90004n, module: null, file_offset: null },
		]);
	});

	test("of an unwound chain are taken as they are", () => {
		const { chains, stacks } = setup();
		const id = chains.exact([0x11040n, 0x11040n, 0n, inMain], 1, "user");
		expect(stacks.rows({ kernel: null, binaries: null }).stack[id]).toMatchObject({
			kind: "user",
			depth: 3,
			doubtful: false,
		});
		expect(chains.exact([], 1, "user")).toBe(-1);
	});
});
