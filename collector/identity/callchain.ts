/** PERF_SAMPLE_CALLCHAIN: from raw words to a kernel stack and a user stack. */
import type { RecordMemory } from "../decode/tracepoint/memory.ts";
import type { AddressSpace, AddressSpaces } from "./address-space.ts";
import type { Binaries } from "./binary.ts";
import { ChainCache } from "./chain-cache.ts";
import { ChainWords } from "./chain-words.ts";
import { isAnonymous, KERNEL_REGION } from "./frames.ts";
import { type Judgement, judgeKernel, judgeUser, type UserPlace, userPlace } from "./judgement.ts";
import type { KernelSymbols } from "./kallsyms.ts";
import { MAX_DEPTH, type StackKind, type StackTable } from "./stacks.ts";
import { userFrame } from "./user-frame.ts";

/** Words from this one on (-4095) are markers of what follows (Linux 7.2, include/uapi/linux/perf_event.h, perf_callchain_context). */
const CONTEXT_MAX = -4095;
const CONTEXT_KERNEL = -128;
const CONTEXT_USER = -512;
const CONTEXT_USER_DEFERRED = -640;

/** Whose the next words are; BY_ADDRESS before any marker. */
const BY_ADDRESS = 0;
const KERNEL = 1;
const USER = 2;
/** Of a guest or of the hypervisor: of no stack of this machine. */
const FOREIGN = 3;

/** The trampoline that a function under a uretprobe returns to (kernel/events/uprobes.c). */
const UPROBES = "[uprobes]";

export interface CallchainOptions {
	readonly memory: RecordMemory;
	/** As uname -m tells it. */
	readonly arch: string;
	readonly stacks: StackTable;
	/** Called when a kernel chain is first judged. */
	readonly kernelSymbols: () => KernelSymbols;
	readonly spaces: AddressSpaces;
	readonly binaries: Binaries;
}

export class Callchains {
	/** Stacks of the chain that was read last; -1 = none. */
	kernelId = -1;
	userId = -1;
	/** The user part follows later in a PERF_RECORD_CALLCHAIN_DEFERRED with this cookie; null if not. */
	cookie: bigint | null = null;

	readonly #options: CallchainOptions;
	/** Only POWER's chains have words that may be no frames. */
	readonly #power: boolean;
	readonly #kernel = new ChainWords(MAX_DEPTH);
	readonly #user = new ChainWords(MAX_DEPTH);
	readonly #known = new ChainCache();
	readonly #chain = new Int32Array(MAX_DEPTH);
	#symbols: KernelSymbols | null = null;

	constructor(options: CallchainOptions) {
		this.#options = options;
		this.#power = options.arch.startsWith("ppc64");
	}

	/**
	 * Reads the chain of `words` 64-bit words at byte `p` of the memory, as process `tgid` had it; sets kernelId, userId
	 * and cookie. The words must lie in the memory.
	 */
	read(p: number, words: number, tgid: number): void {
		const { memory } = this.#options;
		const kernel = this.#kernel;
		const user = this.#user;
		kernel.clear();
		user.clear();
		this.cookie = null;
		const { view, littleEndian, i32 } = memory;
		const aligned = littleEndian && p % 4 === 0;
		const end = p + 8 * words;
		let mode = BY_ADDRESS;
		for (let at = p; at < end; at += 8) {
			const first = aligned ? i32[at >> 2]! : view.getInt32(at, littleEndian);
			const second = aligned ? i32[(at >> 2) + 1]! : view.getInt32(at + 4, littleEndian);
			const lo = littleEndian ? first : second;
			const hi = littleEndian ? second : first;
			if (hi === -1 && lo < 0 && lo >= CONTEXT_MAX) {
				mode = lo === CONTEXT_KERNEL ? KERNEL : lo === CONTEXT_USER ? USER : FOREIGN;
				if (lo === CONTEXT_USER_DEFERRED && at + 8 < end) {
					at += 8;
					this.cookie = view.getBigUint64(at, littleEndian);
				}
				if (mode === KERNEL) kernel.add(lo, hi);
				else if (mode === USER) user.add(lo, hi);
			} else if (mode === KERNEL || (mode === BY_ADDRESS && hi < 0)) kernel.add(lo, hi);
			else if (mode !== FOREIGN) user.add(lo, hi);
		}
		this.kernelId = kernel.count === 0 ? -1 : this.#kernelStack();
		this.userId = user.count === 0 ? -1 : this.#userStack(this.#options.spaces.of(tgid));
	}

	/** Number of the stack of a chain that is right as it is, leaf first: one that was unwound. -1 for an empty one. */
	exact(addresses: readonly bigint[], tgid: number, kind: StackKind): number {
		const { stacks, spaces } = this.#options;
		const space = kind === "user" ? spaces.of(tgid) : null;
		let depth = 0;
		for (const address of addresses) {
			const lo = Number(BigInt.asIntN(32, address));
			const hi = Number(BigInt.asIntN(32, address >> 32n));
			if ((lo === 0 && hi === 0) || depth === MAX_DEPTH) continue;
			this.#chain[depth++] =
				space === null
					? stacks.frames.of(KERNEL_REGION, lo, hi)
					: userFrame(stacks.frames, space, space.find(lo, hi), lo, hi);
		}
		return stacks.intern(kind, this.#chain, depth, false);
	}

	#kernelStack(): number {
		const { pairs, count, hash } = this.#kernel;
		const known = this.#known.find(0, pairs, count, hash);
		if (known !== undefined) return known;
		const { stacks } = this.#options;
		let depth = 0;
		let doubtful = false;
		for (let begin = 0; begin < count; ) {
			if (isMarker(pairs, begin)) {
				begin++;
				continue;
			}
			const end = partEnd(pairs, begin, count);
			const judged = this.#power ? this.#judgeKernel(pairs, begin, end) : null;
			if (depth === 0) doubtful = judged?.doubtful === true;
			for (let k = begin; k < end; k++) {
				if (judged && ((k === begin + 1 && !judged.lr) || (k === begin + 2 && !judged.slot))) continue;
				const lo = pairs[2 * k]!;
				const hi = pairs[2 * k + 1]!;
				if (lo !== 0 || hi !== 0) this.#chain[depth++] = stacks.frames.of(KERNEL_REGION, lo, hi);
			}
			begin = end;
		}
		const id = stacks.intern("kernel", this.#chain, depth, doubtful);
		this.#known.add(0, pairs, count, hash, id);
		return id;
	}

	#judgeKernel(pairs: Int32Array, begin: number, end: number): Judgement | null {
		if (pairs[2 * begin] === 0 && pairs[2 * begin + 1] === 0) return null;
		this.#symbols ??= this.#options.kernelSymbols();
		const word = (k: number) => (k < end ? { lo: pairs[2 * k]!, hi: pairs[2 * k + 1]! } : { lo: 0, hi: 0 });
		return judgeKernel(word(begin), word(begin + 1), word(begin + 2), this.#symbols);
	}

	#userStack(space: AddressSpace): number {
		const { pairs, count, hash } = this.#user;
		const known = this.#known.find(space.version, pairs, count, hash);
		if (known !== undefined) return known;
		let depth = 0;
		let doubtful = false;
		for (let begin = 0; begin < count; ) {
			if (isMarker(pairs, begin)) {
				begin++;
				continue;
			}
			const end = partEnd(pairs, begin, count);
			const judged = this.#power ? this.#judgeUser(space, pairs, begin, end) : null;
			if (depth === 0)
				doubtful = judged?.doubtful === true && this.#inPlace(space, pairs, begin + 2, end, count);
			for (let k = begin; k < end; k++) {
				if (judged && ((k === begin + 1 && !judged.lr) || (k === begin + 2 && !judged.slot))) continue;
				const lo = pairs[2 * k]!;
				const hi = pairs[2 * k + 1]!;
				if (lo === 0 && hi === 0) continue;
				const area = space.find(lo, hi);
				if (area?.name !== UPROBES)
					this.#chain[depth++] = userFrame(this.#options.stacks.frames, space, area, lo, hi);
			}
			begin = end;
		}
		const id = this.#options.stacks.intern("user", this.#chain, depth, doubtful);
		this.#known.add(space.version, pairs, count, hash, id);
		return id;
	}

	#judgeUser(space: AddressSpace, pairs: Int32Array, begin: number, end: number): Judgement | null {
		const nip = this.#place(space, pairs, begin, end);
		return nip === null || space.find(pairs[2 * begin]!, pairs[2 * begin + 1]!)?.name === UPROBES
			? null
			: judgeUser(nip, this.#place(space, pairs, begin + 1, end), this.#place(space, pairs, begin + 2, end));
	}

	/**
	 * Whether the word at `slot` stays where it is in the stack, the third. A doubtful stack is judged again when more is
	 * at hand; it must have its first words in their places then.
	 */
	#inPlace(space: AddressSpace, pairs: Int32Array, slot: number, end: number, count: number): boolean {
		if (slot >= end) return end === count;
		const lo = pairs[2 * slot]!;
		const hi = pairs[2 * slot + 1]!;
		const left = (lo === 0 && hi === 0) || space.find(lo, hi)?.name === UPROBES;
		return !left || slot + 1 === count;
	}

	/** What is at hand for word `k`; null for a zero and behind the end. */
	#place(space: AddressSpace, pairs: Int32Array, k: number, end: number): UserPlace | null {
		if (k >= end) return null;
		const lo = pairs[2 * k]!;
		const hi = pairs[2 * k + 1]!;
		if (lo === 0 && hi === 0) return null;
		const area = space.find(lo, hi);
		const anonymous = area === null || isAnonymous(area.name);
		const address = (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
		return userPlace(
			address,
			{
				module: area?.name ?? null,
				buildId: area?.buildId ?? null,
				fileOffset: anonymous ? null : address - area.bias,
				tgid: anonymous ? space.tgid : null,
				executable: area === null ? null : area.executable && area.name !== UPROBES,
			},
			this.#options.binaries,
		);
	}
}

function isMarker(pairs: Int32Array, k: number): boolean {
	const lo = pairs[2 * k]!;
	return pairs[2 * k + 1] === -1 && lo < 0 && lo >= CONTEXT_MAX;
}

function partEnd(pairs: Int32Array, begin: number, count: number): number {
	let end = begin + 1;
	while (end < count && !isMarker(pairs, end)) end++;
	return end;
}
