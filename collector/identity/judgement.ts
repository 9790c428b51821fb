/**
 * Which of the first words of a POWER call chain are callers. perf's chain of a part is NIP, LR, slot1, slot2 …
 * (Linux 6.1-7.2, arch/powerpc/perf/callchain.c and callchain_64.c): the link register holds the caller only while
 * the function has called nothing, and slot1 (what the second frame has saved) is the caller's caller or the caller,
 * or was never written. Every word behind them is true.
 */
import type { Binaries, Binary, BinaryFunction } from "./binary.ts";
import { type Code, callsItself, canCall } from "./calls.ts";
import type { KernelSymbols } from "./kallsyms.ts";

export interface Judgement {
	/** The link register's value is a frame of the stack. */
	readonly lr: boolean;
	readonly slot: boolean;
	/** It was kept, and nothing at hand tells whether it is a caller or stale. */
	readonly doubtful: boolean;
}

const both: Judgement = { lr: true, slot: true, doubtful: false };
const dropLr: Judgement = { lr: false, slot: true, doubtful: false };
const dropSlot: Judgement = { lr: true, slot: false, doubtful: false };
const doubt: Judgement = { lr: true, slot: true, doubtful: true };

/** A kernel address in 32-bit halves; absent words are zeros. */
export interface KernelWord {
	readonly lo: number;
	readonly hi: number;
}

export function judgeKernel(
	nip: KernelWord,
	lr: KernelWord,
	slot: KernelWord,
	symbols: KernelSymbols,
): Judgement {
	if (lr.lo === 0 && lr.hi === 0) return both;
	if (lr.lo === nip.lo && lr.hi === nip.hi) return dropLr;
	// saved already: one of the two (perf itself writes zero then)
	if (lr.lo === slot.lo && lr.hi === slot.hi) return dropSlot;
	if (symbols.size === 0) return doubt;
	const own = kernelFunction(nip, 0, symbols);
	if (own === null) return doubt;
	// stale it lies in the function itself; what is no kernel text the kernel has made zero before
	return own === kernelFunction(lr, 4, symbols) ? dropLr : both;
}

/** Start of the function, as text; null outside all symbols. */
function kernelFunction(word: KernelWord, back: number, symbols: KernelSymbols): string | null {
	const symbol = symbols.lookup(word.lo - back, word.lo >>> 0 < back ? word.hi - 1 : word.hi);
	if (!symbol) return null;
	const address = (BigInt(word.hi >>> 0) << 32n) | BigInt(word.lo >>> 0);
	return String(address - BigInt(back) - BigInt(symbol.offset));
}

/** A user address with what is at hand for it. */
export interface UserPlace {
	readonly address: bigint;
	/** null: nothing is known to be mapped there. */
	readonly executable: boolean | null;
	readonly code: Code | null;
	/** Start of the function by a JIT's map. */
	readonly jit: bigint | null;
}

const EM_PPC64 = 21;

/** What is at hand for an address of a mapping. */
export function userPlace(
	address: bigint,
	mapping: {
		readonly module: string | null;
		readonly buildId: string | null;
		readonly fileOffset: bigint | null;
		readonly tgid: number | null;
		readonly executable: boolean | null;
	},
	binaries: Binaries,
): UserPlace {
	const { module, buildId, fileOffset, tgid, executable } = mapping;
	const binary: Binary | null =
		module === null || fileOffset === null ? null : binaries.find(module, buildId);
	const at = binary?.machine === EM_PPC64 ? binary.addressOf(Number(fileOffset)) : null;
	const jit = binary === null && tgid !== null ? binaries.jit(tgid, address) : null;
	return {
		address,
		executable,
		code: binary === null || at === null ? null : { binary, at },
		jit: jit === null ? null : address - BigInt(jit.offset),
	};
}

/** `lr` and `slot` null: the word was zero or there was none. */
export function judgeUser(nip: UserPlace, lr: UserPlace | null, slot: UserPlace | null): Judgement {
	if (lr === null) return both;
	// scv leaves its own address in LR (arch/powerpc/kernel/interrupt_64.S)
	if (lr.address === nip.address) return dropLr;
	if (lr.executable === false || (lr.executable === null && nip.executable !== null)) return dropLr;
	const state = nip.code?.binary.frames?.stateAt(nip.code.at) ?? null;
	if (state !== null) {
		if (!state.saved) return state.frame ? dropSlot : both;
		if (state.frame) return dropLr;
		// between the store and the frame, or behind the frame before blr: LR is the caller's unless it was used
		return inFunctionOf(nip, lr) === true ? dropLr : both;
	}
	// saved already, and still in the register
	if (slot?.address === lr.address) return dropSlot;
	const stale = inFunctionOf(nip, lr);
	// a function that has used LR has saved it before: then slot1 is true
	if (stale === true || (lr.code !== null && !canCall(lr.code, nip.code, false))) return dropLr;
	if (stale === null || nip.code === null || lr.code === null) return doubt;
	if (!slot?.code) return both;
	if (!canCall(slot.code, lr.code, true)) return dropSlot;
	// a frame in which nothing is saved yet: slot1 is where an earlier callee of the caller has saved its return address
	const caller = lr.code.binary.function(lr.code.at - 4);
	const ofCaller =
		caller !== null && slot.code.binary === lr.code.binary && returnsInto(caller, slot.code.at);
	return ofCaller && !callsItself(slot.code) ? dropSlot : both;
}

/** A word of a user chain: what judging needs where no code is at hand. */
export type ChainWord = Pick<UserPlace, "address" | "executable">;

/**
 * Which of the first words of a user part are callers where it begins with the link register, not with NIP: LR, slot0,
 * slot1 … as LinuxKI's module records it (7.11). The instruction itself is not there, so LR cannot be held against it.
 *
 * slot0, the save word of the innermost frame, belongs to the function that was called last: 0 or garbage in all stacks
 * of both POWER captures, never a frame. LR is dropped where it was saved already (slot1 is the same) and where it lies
 * outside executable memory; slot1, which a function with a frame that has not saved LR leaves unwritten, where it lies
 * outside. `others`: the mappings of a word behind them are known, so that those of the process are.
 */
export function judgeLinked(
	lr: ChainWord | null,
	slot: ChainWord | null,
	others: boolean,
): { readonly lr: boolean; readonly slot: boolean } {
	const outside = (word: ChainWord | null, known: boolean) =>
		word !== null && (word.executable === false || (word.executable === null && known));
	const lrOutside = outside(lr, others || slot?.executable === true);
	const slotOutside = outside(slot, others || lr?.executable === true);
	return {
		lr: lr !== null && !lrOutside && lr.address !== slot?.address,
		slot: slot !== null && !slotOutside,
	};
}

/** Whether a return address lies in the function of `nip`; null where that function is not known. */
function inFunctionOf(nip: UserPlace, ret: UserPlace): boolean | null {
	if (nip.code) {
		const own = nip.code.binary.function(nip.code.at);
		if (own === null) return null;
		return ret.code?.binary === nip.code.binary && returnsInto(own, ret.code.at);
	}
	if (nip.jit !== null) return ret.jit === nip.jit;
	return null;
}

/** A return address belongs to the function of the call before it. */
function returnsInto(f: BinaryFunction, address: number): boolean {
	return address > f.start && address <= f.end;
}
