/** Stacks and frames of a trace: each distinct chain and each distinct address once, numbered in order of first sight. */
import type { IdentityRow } from "../decode/source.ts";
import type { RecordMemory } from "../decode/tracepoint/memory.ts";
import type { KernelSymbols } from "./kallsyms.ts";

export class StackTable {
	#slots = new Int32Array(4096).fill(-1);
	#hashes: number[] = [];
	#starts: number[] = [];
	#depths: number[] = [];
	/** Frame numbers of all stacks, one after another. */
	#frames = new Int32Array(16_384);
	#used = 0;
	readonly #addresses: bigint[] = [];
	readonly #scratch = new Int32Array(1024);

	constructor(readonly memory: RecordMemory) {}

	/**
	 * Number of the kernel stack of `words` addresses at `p`, leaf first; -1 for an empty one. Words of all ones end a
	 * stack in kernels before 5.3; zeros are padding.
	 */
	kernel(p: number, words: number, wordBytes: number): number {
		const { view, littleEndian } = this.memory;
		let depth = 0;
		let hash = 0x811c9dc5 | 0;
		for (let k = 0; k < words && depth < this.#scratch.length; k++) {
			const at = p + k * wordBytes;
			const a = view.getInt32(at, littleEndian);
			const b = wordBytes === 8 ? view.getInt32(at + 4, littleEndian) : 0;
			const [lo, hi] = wordBytes === 4 || littleEndian ? [a, b] : [b, a];
			if (lo === 0 && hi === 0) continue;
			if (lo === -1 && (hi === -1 || wordBytes === 4)) break;
			const frame = this.#frame(lo, hi);
			this.#scratch[depth++] = frame;
			hash = Math.imul(hash ^ frame, 0x01000193);
		}
		return depth === 0 ? -1 : this.#intern(depth, hash);
	}

	/** Frame number of a stack's first frame. */
	leafOf(stackId: number): number {
		return this.#frames[this.#starts[stackId]!]!;
	}

	/** High half -> low half -> frame: kernel text has one or two high halves. */
	readonly #byHigh = new Map<number, Map<number, number>>();

	#frame(lo: number, hi: number): number {
		let byLow = this.#byHigh.get(hi);
		if (!byLow) {
			byLow = new Map();
			this.#byHigh.set(hi, byLow);
		}
		let frame = byLow.get(lo);
		if (frame === undefined) {
			frame = this.#addresses.length;
			byLow.set(lo, frame);
			this.#addresses.push((BigInt(hi) << 32n) | BigInt(lo >>> 0));
		}
		return frame;
	}

	#intern(depth: number, hash: number): number {
		const mask = this.#slots.length - 1;
		let slot = (hash ^ (hash >>> 15)) & mask;
		for (;;) {
			const id = this.#slots[slot]!;
			if (id < 0) break;
			if (this.#hashes[id] === hash && this.#depths[id] === depth && this.#same(this.#starts[id]!, depth))
				return id;
			slot = (slot + 1) & mask;
		}
		const id = this.#starts.length;
		if (this.#used + depth > this.#frames.length) {
			const bigger = new Int32Array(this.#frames.length * 2 + depth);
			bigger.set(this.#frames);
			this.#frames = bigger;
		}
		this.#frames.set(this.#scratch.subarray(0, depth), this.#used);
		this.#starts.push(this.#used);
		this.#depths.push(depth);
		this.#hashes.push(hash);
		this.#used += depth;
		this.#slots[slot] = id;
		if (this.#starts.length * 2 > this.#slots.length) this.#rehash();
		return id;
	}

	#same(start: number, depth: number): boolean {
		for (let i = 0; i < depth; i++) if (this.#frames[start + i] !== this.#scratch[i]) return false;
		return true;
	}

	#rehash(): void {
		this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
		const mask = this.#slots.length - 1;
		for (let id = 0; id < this.#starts.length; id++) {
			let slot = (this.#hashes[id]! ^ (this.#hashes[id]! >>> 15)) & mask;
			while (this.#slots[slot]! >= 0) slot = (slot + 1) & mask;
			this.#slots[slot] = id;
		}
	}

	/** Distinct stacks so far. */
	get size(): number {
		return this.#starts.length;
	}

	stackRows(): IdentityRow[] {
		return this.#starts.map((start, id) => ({
			stack_id: id,
			kind: "kernel",
			frames: Array.from(this.#frames.subarray(start, start + this.#depths[id]!)),
			depth: this.#depths[id]!,
		}));
	}

	frameRows(symbols: KernelSymbols): IdentityRow[] {
		return this.#addresses.map((address, id) => {
			const symbol =
				symbols.lookup(Number(BigInt.asIntN(32, address)), Number(BigInt.asIntN(32, address >> 32n))) ?? null;
			return {
				frame_id: id,
				address,
				symbol: symbol?.symbol ?? null,
				offset: symbol ? BigInt(symbol.offset) : null,
				module: symbol?.module ?? null,
				inlined: false,
			};
		});
	}
}
