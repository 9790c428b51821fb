import { expect, test } from "vitest";
import type { Binary } from "../binary.ts";
import { openCallFrames } from "./call-frames.ts";
import { bytes, commonEntry, EM_PPC64, EM_X86_64, elfOf, frameEntry, u8 } from "./testing.ts";
import { type StackSample, unwind } from "./unwind.ts";

const stackBase = 0x7000_0000_0000n;
/** Where the program is mapped; its file begins at 0. */
const bias = 0x5555_0000_0000n;

/** A program of functions of 0x100 bytes at 0x1000, 0x1100, …: instructions of their entries, null = without one. */
function program(machine: number, functions: readonly (Buffer | null)[], signal?: number): Binary {
	const entries = functions.flatMap((code, i) => (code ? [frameEntry(0x1000 + 0x100 * i, 0x100, code)] : []));
	const frames = openCallFrames(elfOf({ ".debug_frame": bytes(commonEntry(machine), ...entries) }, machine))!;
	return {
		file: "program",
		machine,
		littleEndian: true,
		addressOf: () => null,
		function(address) {
			const start = Math.floor(address / 0x100) * 0x100;
			return address >= 0x1000 && address < 0x1000 + 0x100 * functions.length
				? { name: `f${(start - 0x1000) / 0x100}`, start, end: start + 0x100 }
				: null;
		},
		word: () => null,
		frames: {
			stateAt: (address) => frames.stateAt(address),
			step(address, registers, read) {
				const caller = frames.step(address, registers, read);
				return caller && Math.floor(address / 0x100) * 0x100 === signal
					? { ...caller, signal: true }
					: caller;
			},
		},
		place: () => null,
	};
}

function sampleOf(
	binary: Binary,
	pc: bigint,
	registers: Record<number, bigint>,
	words: Record<number, bigint>,
	length = 256,
): StackSample {
	// the dump lies somewhere in a record
	const view = new DataView(new ArrayBuffer(length + 24));
	for (const [at, word] of Object.entries(words)) view.setBigUint64(16 + Number(at), word, true);
	return {
		machine: binary.machine,
		littleEndian: true,
		pc,
		registers: new Map(Object.entries(registers).map(([number, value]) => [Number(number), value])),
		stack: { base: stackBase, view, offset: 16, length },
		locate(address) {
			const at = Number(address - bias);
			return at >= 0x1000 && at < 0x3000 ? { binary, address: at } : null;
		},
	};
}

const cfaOffset = (offset: number) => u8(0x0e, offset);
const outermost = u8(0x07, 16);

test("x86_64: a chain up to the outermost frame, the program counter first", () => {
	const binary = program(EM_X86_64, [cfaOffset(16), cfaOffset(32), outermost]);
	const [mid, start] = [bias + 0x1110n, bias + 0x1220n];
	const sample = sampleOf(binary, bias + 0x1004n, { 7: stackBase }, { 8: mid, 40: start });
	expect(unwind(sample)).toEqual({ addresses: [bias + 0x1004n, mid, start], complete: true, reason: null });
});

test("a call that is the last instruction of its function is looked up inside it", () => {
	const binary = program(EM_X86_64, [cfaOffset(16), outermost, null]);
	const behind = bias + 0x1200n;
	const { addresses, complete } = unwind(sampleOf(binary, bias + 0x1000n, { 7: stackBase }, { 8: behind }));
	expect(addresses).toEqual([bias + 0x1000n, behind]);
	expect(complete).toBe(true);
});

test("behind a signal frame, the interrupted address is looked up itself", () => {
	// the handler returns to the trampoline (0x1100), which was entered at the first instruction of 0x1200
	const binary = program(EM_X86_64, [cfaOffset(8), cfaOffset(16), outermost], 0x1100);
	const interrupted = bias + 0x1200n;
	const { addresses, complete } = unwind(
		sampleOf(binary, bias + 0x1000n, { 7: stackBase }, { 0: bias + 0x1101n, 16: interrupted }),
	);
	expect(addresses).toEqual([bias + 0x1000n, bias + 0x1101n, interrupted]);
	expect(complete).toBe(true);
});

test("the chain ends where a program is not known, which is still listed", () => {
	const binary = program(EM_X86_64, [cfaOffset(16)]);
	const stack = unwind(sampleOf(binary, bias + 0x1004n, { 7: stackBase }, { 8: 0x1234n }));
	expect(stack.addresses).toEqual([bias + 0x1004n, 0x1234n]);
	expect(stack.complete).toBe(false);
	expect(stack.reason).toBe("0x1234 lies in no known program or library");
});

test("the chain ends with the dump", () => {
	const binary = program(EM_X86_64, [cfaOffset(200)]);
	const short = sampleOf(binary, bias + 0x1004n, { 7: stackBase }, {}, 64);
	// 200 as unsigned LEB128 has two bytes
	const frames = program(EM_X86_64, [u8(0x0e, 0xc8, 1)]);
	const stack = unwind({
		...short,
		locate: (address) => ({ binary: frames, address: Number(address - bias) }),
	});
	expect(stack).toEqual({
		addresses: [bias + 0x1004n],
		complete: false,
		reason: "the dump of 64 bytes ends here",
	});
});

test("a chain that does not rise ends", () => {
	// rbp-based, and rbp is its own caller's
	const binary = program(EM_X86_64, [u8(0x0c, 6, 16)]);
	const stack = unwind(
		sampleOf(binary, bias + 0x1004n, { 6: stackBase + 16n, 7: stackBase }, { 24: bias + 0x1004n }),
	);
	expect(stack.reason).toBe("the frames do not rise");
	expect(stack.addresses).toEqual([bias + 0x1004n, bias + 0x1004n]);
});

test("128 frames are enough", () => {
	const binary = program(EM_X86_64, [cfaOffset(8)]);
	const words = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [i * 8, bias + 0x1010n]));
	const stack = unwind(sampleOf(binary, bias + 0x1004n, { 7: stackBase }, words, 1600));
	expect(stack.addresses.length).toBe(128);
	expect(stack.reason).toBe("more than 128 frames");
});

test("without the stack pointer, or without call frames on x86_64, only the leaf is known", () => {
	const binary = program(EM_X86_64, [null]);
	expect(unwind(sampleOf(binary, bias + 0x1004n, {}, {})).reason).toBe("the stack pointer was not recorded");
	expect(unwind(sampleOf(binary, bias + 0x1004n, { 7: stackBase }, {})).reason).toBe(
		`no call frame information for 0x${(bias + 0x1004n).toString(16)}`,
	);
});

// POWER: f0 makes no frame, f1 has one of 32 bytes with the return address at cfa+16, the others have no entry
const power = program(EM_PPC64, [u8(), u8(0x0e, 32, 0x11, 65, 0x7e), null, null]);

test("POWER: a leaf by its link register, its caller by call frames, the next by the back chain", () => {
	const [caller, next, last] = [bias + 0x1110n, bias + 0x1210n, bias + 0x1310n];
	const frame = (at: bigint) => stackBase + at;
	const sample = sampleOf(
		power,
		bias + 0x1004n,
		{ 1: stackBase, 65: caller },
		// frames at 0 (of f1), 32 (of f2), 80 (of f3), 128; return addresses at 16 of the caller's frame
		{ 0: frame(32n), 48: next, 32: frame(80n), 96: last, 80: 0n },
	);
	expect(unwind(sample)).toEqual({
		addresses: [bias + 0x1004n, caller, next, last],
		complete: true,
		reason: null,
	});
});

test("POWER without call frames: a leaf that has called nothing returns by its link register", () => {
	const caller = bias + 0x1310n;
	const sample = sampleOf(power, bias + 0x1204n, { 1: stackBase, 65: caller }, { 0: 0n });
	expect(unwind(sample).addresses).toEqual([bias + 0x1204n, caller]);
});

test("POWER without call frames: a link register inside the function itself is stale", () => {
	const caller = bias + 0x1310n;
	const sample = sampleOf(
		power,
		bias + 0x1204n,
		{ 1: stackBase, 65: bias + 0x1280n },
		{ 0: stackBase + 48n, 48: 0n, 64: caller },
	);
	expect(unwind(sample)).toEqual({ addresses: [bias + 0x1204n, caller], complete: true, reason: null });
});

test("POWER: a back chain that leads down or nowhere ends the chain", () => {
	const at = (chain: bigint) =>
		unwind(
			sampleOf(power, bias + 0x1204n, { 1: stackBase + 16n, 65: bias + 0x1280n }, { 16: chain, 80: 1n }),
		);
	expect(at(stackBase).reason).toBe("the back chain is broken");
	expect(at(stackBase + 64n).addresses).toEqual([bias + 0x1204n, 1n]);
	expect(at(stackBase + 72n).reason).toBe("the back chain is broken");
	expect(at(stackBase + 4096n).reason).toBe("the dump of 256 bytes ends here");
});
