/** Stacks of a trace: each distinct chain once, numbered in order of first sight. */
import type { RecordMemory } from "../decode/tracepoint/memory.ts";
import { FrameTable, KERNEL_REGION } from "./frames.ts";
import { type Names, type Resolved, resolve } from "./resolve.ts";

export type StackKind = "kernel" | "user";

/** The words of one perf record (64 KiB at most). */
export const MAX_DEPTH = 8192;

const KERNEL = 0;
const USER = 1;
const DOUBTFUL = 2;

export class StackTable {
	readonly frames = new FrameTable();
	#slots = new Int32Array(4096).fill(-1);
	#hashes: number[] = [];
	#starts: number[] = [];
	#depths: number[] = [];
	/** KERNEL or USER, with DOUBTFUL. */
	#kinds: number[] = [];
	/** Frame numbers of all stacks, one after another. */
	#chains = new Int32Array(16_384);
	#used = 0;
	readonly #scratch = new Int32Array(MAX_DEPTH);

	constructor(readonly memory: RecordMemory) {}

	/**
	 * Number of the kernel stack of `words` addresses at `p`, leaf first; -1 for an empty one. Words of all ones end a
	 * stack in kernels before 5.3; zeros are padding.
	 */
	kernel(p: number, words: number, wordBytes: number): number {
		const { view, littleEndian } = this.memory;
		let depth = 0;
		for (let k = 0; k < words && depth < MAX_DEPTH; k++) {
			const at = p + k * wordBytes;
			const a = view.getInt32(at, littleEndian);
			const b = wordBytes === 8 ? view.getInt32(at + 4, littleEndian) : 0;
			const [lo, hi] = wordBytes === 4 || littleEndian ? [a, b] : [b, a];
			if (lo === 0 && hi === 0) continue;
			if (lo === -1 && (hi === -1 || wordBytes === 4)) break;
			this.#scratch[depth++] = this.frames.of(KERNEL_REGION, lo, hi);
		}
		return depth === 0 ? -1 : this.#intern(this.#scratch, depth, KERNEL);
	}

	/** Number of the stack of the first `depth` frame numbers of `chain`, leaf first; -1 for an empty one. */
	intern(kind: StackKind, chain: Int32Array, depth: number, doubtful: boolean): number {
		if (depth === 0) return -1;
		return this.#intern(chain, depth, (kind === "user" ? USER : KERNEL) | (doubtful ? DOUBTFUL : 0));
	}

	/** Frame number of a stack's first frame. */
	leafOf(stackId: number): number {
		return this.#chains[this.#starts[stackId]!]!;
	}

	#intern(chain: Int32Array, depth: number, kind: number): number {
		let hash = (0x811c9dc5 | 0) ^ kind;
		for (let i = 0; i < depth; i++) hash = Math.imul(hash ^ chain[i]!, 0x01000193);
		const mask = this.#slots.length - 1;
		let slot = (hash ^ (hash >>> 15)) & mask;
		for (;;) {
			const id = this.#slots[slot]!;
			if (id < 0) break;
			if (
				this.#hashes[id] === hash &&
				this.#depths[id] === depth &&
				this.#kinds[id] === kind &&
				this.#same(this.#starts[id]!, chain, depth)
			)
				return id;
			slot = (slot + 1) & mask;
		}
		const id = this.#starts.length;
		if (this.#used + depth > this.#chains.length) {
			const bigger = new Int32Array(this.#chains.length * 2 + depth);
			bigger.set(this.#chains);
			this.#chains = bigger;
		}
		this.#chains.set(chain.subarray(0, depth), this.#used);
		this.#starts.push(this.#used);
		this.#depths.push(depth);
		this.#kinds.push(kind);
		this.#hashes.push(hash);
		this.#used += depth;
		this.#slots[slot] = id;
		if (this.#starts.length * 2 > this.#slots.length) this.#rehash();
		return id;
	}

	#same(start: number, chain: Int32Array, depth: number): boolean {
		for (let i = 0; i < depth; i++) if (this.#chains[start + i] !== chain[i]) return false;
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

	/** Rows of the tables stack, frame and dso. */
	rows(names: Names): Resolved {
		const { frames } = this;
		return resolve(
			this.#starts.map((start, id) => ({
				kind: this.#kinds[id]! & USER ? "user" : "kernel",
				frames: this.#chains.subarray(start, start + this.#depths[id]!),
				doubtful: (this.#kinds[id]! & DOUBTFUL) !== 0,
			})),
			Array.from({ length: frames.size }, (_, id) => {
				const region = frames.region(id);
				const address = frames.address(id);
				return {
					address,
					kernel: region.kernel,
					module: region.module,
					fileOffset:
						region.bias === null ? null : BigInt.asIntN(64, BigInt.asUintN(64, address) - region.bias),
					buildId: region.buildId,
					tgid: region.tgid,
				};
			}),
			names,
		);
	}
}
