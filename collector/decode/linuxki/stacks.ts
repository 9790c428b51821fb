/**
 * Stacks of the records of LinuxKI's module: sched_switch, sched_migrate_task, page events, hardclock (likit 7.11 and
 * before; kernels from 5.2 on lose the innermost frame of the kernel part, whose place the marker takes).
 */
import type { AddressSpace, AddressSpaces } from "../../identity/address-space.ts";
import { ChainCache } from "../../identity/chain-cache.ts";
import { ChainWords } from "../../identity/chain-words.ts";
import { KERNEL_REGION } from "../../identity/frames.ts";
import { type ChainWord, judgeLinked } from "../../identity/judgement.ts";
import type { KernelSymbol, KernelSymbols } from "../../identity/kallsyms.ts";
import type { StackTable } from "../../identity/stacks.ts";
import { userFrame } from "../../identity/user-frame.ts";
import type { MappingFact } from "../../side/side-files.ts";
import type { RecordMemory } from "../tracepoint/memory.ts";
import type { StackPlace } from "./shape.ts";
import { isPowerException, recorderFrames, TimerFrames } from "./timer-frames.ts";

/** PERF_MAX_STACK_DEPTH of the uapi header, which the module takes for its arrays; markers count. */
const maxWords = 127;
/** Versions 1 and 2. */
const slotWords = 16;

/** Lower halves of the words that tell whose the next ones are; the upper half is all ones. */
const CONTEXT_KERNEL = -128;
const CONTEXT_USER = -512;

/** Whose the next words are; BY_ADDRESS before any marker, NONE behind the end mark of save_stack_trace() before 5.2. */
const BY_ADDRESS = 0;
const KERNEL = 1;
const USER = 2;
const NONE = 3;

/** In the place of a space's version, of which none is negative: the same words mean another stack in a sample. */
const EVENT = -1;
const SAMPLE = -2;

export interface LikiStackOptions {
	readonly memory: RecordMemory;
	/** As uname -m tells it. */
	readonly arch: string;
	readonly stacks: StackTable;
	readonly spaces: AddressSpaces;
	/** Called when a kernel part is first seen. */
	readonly kernelSymbols: () => KernelSymbols;
}

export class LikiStacks {
	/** Stacks of the record that was read last; -1 = none. */
	kernelId = -1;
	userId = -1;
	/** Of a sample: kernel code was interrupted; null where there are no symbols to tell it. */
	inKernel: boolean | null = false;
	/** Words of the user part. */
	userWords = 0;
	/** First of them, as halves. */
	userLo = 0;
	userHi = 0;

	/** The user part begins with the instruction; on POWER it begins with the link register. */
	readonly fromIp: boolean;

	readonly #o: LikiStackOptions;
	/** Only POWER's chains have words that may be no frames. */
	readonly #power: boolean;
	readonly #timer: TimerFrames;
	readonly #kernel = new ChainWords(maxWords);
	readonly #user = new ChainWords(maxWords);
	readonly #known = new ChainCache();
	readonly #chain = new Int32Array(maxWords);
	#symbols: KernelSymbols | null = null;

	constructor(options: LikiStackOptions) {
		this.#o = options;
		this.#power = options.arch.startsWith("ppc64");
		this.fromIp = !this.#power;
		this.#timer = new TimerFrames(options.arch);
	}

	/**
	 * Reads the stacks of the event's record at `p`, whose bytes end at `end`, as process `tgid` had them; sets kernelId
	 * and userId. `user`: slots are of user code.
	 */
	read(p: number, place: StackPlace, end: number, tgid: number, user = false): void {
		this.#split(p + place.at, place.form, end, user);
		this.kernelId = this.#kernel.count === 0 ? -1 : this.#kernelStack(EVENT);
		this.userId = this.#userStack(tgid);
	}

	/** Reads those of a hardclock: the kernel part without what the timer has put on top of it. Sets inKernel too. */
	readSample(p: number, place: StackPlace, end: number, tgid: number, user = false): void {
		this.#split(p + place.at, place.form, end, user);
		if (this.#kernel.count === 0) {
			this.kernelId = -1;
			this.inKernel = false;
		} else {
			const found = this.#kernelStack(SAMPLE);
			this.kernelId = (found >> 2) - 1;
			this.inKernel = (found & 2) !== 0 ? null : (found & 1) !== 0;
		}
		this.userId = this.#userStack(tgid);
	}

	#split(at: number, form: StackPlace["form"], end: number, user: boolean): void {
		const kernel = this.#kernel;
		const users = this.#user;
		kernel.clear();
		users.clear();
		const { view, littleEndian, i32 } = this.#o.memory;
		let words = slotWords;
		let mode = user ? USER : KERNEL;
		if (form === "counted") {
			if (at + 8 > end) words = 0;
			else {
				const lo = view.getUint32(littleEndian ? at : at + 4, littleEndian);
				const hi = view.getUint32(littleEndian ? at + 4 : at, littleEndian);
				words = hi !== 0 || lo > maxWords ? maxWords : lo;
			}
			at += 8;
			mode = BY_ADDRESS;
		}
		const stop = Math.min(at + 8 * words, end - 7);
		const aligned = littleEndian && at % 4 === 0;
		for (; at < stop; at += 8) {
			const first = aligned ? i32[at >> 2]! : view.getInt32(at, littleEndian);
			const second = aligned ? i32[(at >> 2) + 1]! : view.getInt32(at + 4, littleEndian);
			const lo = littleEndian ? first : second;
			const hi = littleEndian ? second : first;
			if (hi === -1 && lo === -1) {
				if (form === "slots") break;
				mode = NONE;
			} else if (form === "counted" && hi === -1 && lo === CONTEXT_KERNEL) mode = KERNEL;
			else if (form === "counted" && hi === -1 && lo === CONTEXT_USER) mode = USER;
			else if (mode === KERNEL || (mode === BY_ADDRESS && hi < 0)) kernel.add(lo, hi);
			else if (mode !== NONE) users.add(lo, hi);
		}
		this.userWords = users.count;
		this.userLo = users.pairs[0]!;
		this.userHi = users.pairs[1]!;
	}

	/** Of events the stack's number; of samples (number + 1) << 2, with 1: kernel code was interrupted, 2: not known. */
	#kernelStack(kind: typeof EVENT | typeof SAMPLE): number {
		const { pairs, count, hash } = this.#kernel;
		const known = this.#known.find(kind, pairs, count, hash);
		if (known !== undefined) return known;
		this.#symbols ??= this.#o.kernelSymbols();
		let first = 0;
		let code = 1;
		if (this.#symbols.size === 0) code = 2;
		else if (kind === EVENT) first = recorderFrames(this.#symbolAt, count);
		else {
			first = this.#timer.cut(this.#symbolAt, count);
			if (first === count) code = 0;
		}
		const id = this.#kernelFrames(first);
		const result = kind === EVENT ? id : ((id + 1) << 2) | code;
		this.#known.add(kind, pairs, count, hash, result);
		return result;
	}

	/** Stack of the kernel part from word `first` on. */
	#kernelFrames(first: number): number {
		const { stacks } = this.#o;
		const { pairs, count } = this.#kernel;
		let depth = 0;
		for (let k = first; k < count; k++)
			if (!this.#kernel.isZero(k) && !(this.#power && this.#isScratch(k)))
				this.#chain[depth++] = stacks.frames.of(KERNEL_REGION, pairs[2 * k]!, pairs[2 * k + 1]!);
		return stacks.intern("kernel", this.#chain, depth, false);
	}

	/**
	 * Behind the entry of an exception follow slot0 and slot1 of the code that it interrupted, with neither its NIP nor its
	 * LR: slot0 is never taken (0, stack addresses and stale callees in the captures), slot1 where it is no kernel function.
	 */
	#isScratch(k: number): boolean {
		if (k > 0 && isPowerException(this.#symbolAt(k - 1))) return true;
		return k > 1 && isPowerException(this.#symbolAt(k - 2)) && this.#symbolAt(k) === null;
	}

	/** Function of a word of the kernel part: a return address belongs to the call before it. */
	readonly #symbolAt = (k: number): KernelSymbol | null => {
		const lo = this.#kernel.pairs[2 * k]! >>> 0;
		const hi = this.#kernel.pairs[2 * k + 1]!;
		return hi >= 0 ? null : this.#symbols!.lookup(lo - 1, lo === 0 ? hi - 1 : hi);
	};

	#userStack(tgid: number): number {
		const { pairs, count, hash } = this.#user;
		if (count === 0) return -1;
		const { stacks, spaces } = this.#o;
		const space = spaces.of(tgid);
		const known = this.#known.find(space.version, pairs, count, hash);
		if (known !== undefined) return known;
		let depth = 0;
		const judged = this.#power ? this.#judgeUser(space) : null;
		for (let k = 0; k < count; k++) {
			if (judged && ((k === 0 && !judged.lr) || k === 1 || (k === 2 && !judged.slot))) continue;
			if (this.#user.isZero(k)) continue;
			const lo = pairs[2 * k]!;
			const hi = pairs[2 * k + 1]!;
			this.#chain[depth++] = userFrame(stacks.frames, space, space.find(lo, hi), lo, hi);
		}
		const id = stacks.intern("user", this.#chain, depth, false);
		this.#known.add(space.version, pairs, count, hash, id);
		return id;
	}

	#judgeUser(space: AddressSpace): { readonly lr: boolean; readonly slot: boolean } {
		let others = false;
		for (let k = 3; k < this.#user.count && !others; k++)
			others = space.find(this.#user.pairs[2 * k]!, this.#user.pairs[2 * k + 1]!)?.executable === true;
		return judgeLinked(this.#word(space, 0), this.#word(space, 2), others);
	}

	#word(space: AddressSpace, k: number): ChainWord | null {
		if (k >= this.#user.count || this.#user.isZero(k)) return null;
		const lo = this.#user.pairs[2 * k]!;
		const hi = this.#user.pairs[2 * k + 1]!;
		return {
			address: (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0),
			executable: space.find(lo, hi)?.executable ?? null,
		};
	}
}

/**
 * Mappings of processes from side files; where there are several snapshots, the last one counts. LinuxKI takes its own
 * after the trace: processes that had ended then have none, and their frames stay addresses.
 */
export function mapProcesses(mappings: readonly MappingFact[], spaces: AddressSpaces): void {
	for (const late of [false, true])
		for (const { tgid, mapping, when } of mappings)
			if ((when !== "before") === late) spaces.map(tgid, mapping);
}
