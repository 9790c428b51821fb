/** POWER instructions that call: what the word before a return address tells about the frame below it. */
import type { Binary, BinaryFunction } from "./binary.ts";

/** An address inside a file that is at hand. */
export interface Code {
	readonly binary: Binary;
	/** Virtual address of the ELF file. */
	readonly at: number;
}

/** A PLT stub of the linker: at most this long (bytes). */
const longestStub = 64;
/** How far a function is searched for tail calls (words). */
const searched = 4096;
/** mtctr r12: calls through a pointer leave the callee's entry in r12 (OpenPOWER ELF V2 ABI 2.3.2.1), jump tables do not. */
const mtctrR12 = 0x7d8903a6;
const bctr = 0x4e800420;

/** Target of a branch with a displacement; null for any other instruction. */
function target(word: number, at: number): { to: number; link: boolean } | null {
	const opcode = word >>> 26;
	const link = (word & 1) !== 0;
	// b, bl: 24 bits; bc, bcl: 14 bits (Power ISA 3.1, 2.4)
	const displacement =
		opcode === 18 ? ((word & 0x03fffffc) << 6) >> 6 : opcode === 16 ? ((word & 0xfffc) << 16) >> 16 : null;
	if (displacement === null) return null;
	return { to: (word & 2) !== 0 ? displacement : at + displacement, link };
}

/** bctrl, blrl and their conditional forms. */
function callsRegister(word: number): boolean {
	const extended = (word >>> 1) & 0x3ff;
	return word >>> 26 === 19 && (word & 1) !== 0 && (extended === 16 || extended === 528 || extended === 560);
}

function inside(f: BinaryFunction | null, address: number): boolean {
	return f !== null && address >= f.start && address < f.end;
}

/** A linker's stub for another library's function: short, and leaves through a register. */
function isStub(binary: Binary, f: BinaryFunction): boolean {
	if (f.end - f.start > longestStub) return false;
	for (let at = f.start; at < f.end; at += 4) if (binary.word(at) === bctr) return true;
	return false;
}

/** Where a function may hand its caller on to by a jump. */
interface Exits {
	/** To any function: through a pointer or a stub, or it was not searched to its end. */
	readonly anywhere: boolean;
	/** Targets of jumps out of it. */
	readonly targets: readonly number[];
}

/** By start of the function; each is searched once. */
const searchedExits = new WeakMap<Binary, Map<number, Exits>>();

function exitsOf(binary: Binary, f: BinaryFunction): Exits {
	let known = searchedExits.get(binary);
	if (!known) {
		known = new Map();
		searchedExits.set(binary, known);
	}
	let exits = known.get(f.start);
	if (!exits) {
		exits = searchExits(binary, f);
		known.set(f.start, exits);
	}
	return exits;
}

function searchExits(binary: Binary, f: BinaryFunction): Exits {
	const end = Math.min(f.end, f.start + searched * 4);
	const targets: number[] = [];
	let anywhere = end < f.end;
	let pointerAt = Number.NEGATIVE_INFINITY;
	for (let at = f.start; at < end && !anywhere; at += 4) {
		const word = binary.word(at);
		if (word === mtctrR12) pointerAt = at;
		const jump = word === null ? null : target(word, at);
		if (word === null || (word === bctr && at - pointerAt <= 32)) anywhere = true;
		else if (jump && !jump.link && !inside(f, jump.to)) {
			const other = binary.function(jump.to);
			if (other === null || isStub(binary, other)) anywhere = true;
			else targets.push(jump.to);
		}
	}
	return { anywhere, targets };
}

function jumpsTo(binary: Binary, f: BinaryFunction, below: BinaryFunction | null): boolean {
	const { anywhere, targets } = exitsOf(binary, f);
	return anywhere || targets.some((to) => inside(below, to));
}

/**
 * Whether the instruction before the return address `ret` can have called the function that `below` lies in (null: it
 * is not known where that is). True where nothing speaks against it: calls through a register, through a stub, or of a
 * function that ends in a jump.
 */
export function canCall(ret: Code, below: Code | null, belowIsReturn: boolean): boolean {
	const { binary } = ret;
	const word = binary.word(ret.at - 4);
	if (word === null || callsRegister(word)) return true;
	const call = target(word, ret.at - 4);
	if (!call?.link || call.to === ret.at) return false;
	const called = binary.function(call.to);
	if (called === null) return true;
	if (below?.binary === binary) {
		const f = below.binary.function(below.at - (belowIsReturn ? 4 : 0));
		if (f === null) return true;
		return inside(f, call.to) || isStub(binary, called) || jumpsTo(binary, called, f);
	}
	return below === null || isStub(binary, called) || jumpsTo(binary, called, null);
}

/** Whether the instruction before the return address `ret` calls the function that it lies in. */
export function callsItself({ binary, at }: Code): boolean {
	const word = binary.word(at - 4);
	const call = word === null ? null : target(word, at - 4);
	return call?.link === true && inside(binary.function(at - 4), call.to);
}
