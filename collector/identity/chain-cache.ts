/** Raw chains that were seen already, with the stack that they were found to be. */

const maxChains = 1 << 17;
/** 32-bit words of all chains: 32 MB. */
const maxWords = 1 << 23;

/**
 * From (version of the address space, words) to a stack. Of bounded size: when it is full it begins anew, which costs
 * time and changes no answer.
 */
export class ChainCache {
	#slots = new Int32Array(4096).fill(-1);
	#words = new Int32Array(32_768);
	readonly #versions: number[] = [];
	readonly #hashes: number[] = [];
	readonly #starts: number[] = [];
	readonly #counts: number[] = [];
	readonly #stacks: number[] = [];
	#used = 0;

	/** Stack of the first `count` pairs of `pairs`, whose hash is `hash`; undefined if it is not known. */
	find(version: number, pairs: Int32Array, count: number, hash: number): number | undefined {
		const mask = this.#slots.length - 1;
		for (let slot = slotOf(version, hash) & mask; ; slot = (slot + 1) & mask) {
			const n = this.#slots[slot]!;
			if (n < 0) return undefined;
			if (
				this.#hashes[n] === hash &&
				this.#versions[n] === version &&
				this.#counts[n] === count &&
				this.#same(this.#starts[n]!, pairs, 2 * count)
			)
				return this.#stacks[n];
		}
	}

	/** Keeps a chain that find() does not know. */
	add(version: number, pairs: Int32Array, count: number, hash: number, stackId: number): void {
		const length = 2 * count;
		if (this.#stacks.length === maxChains || this.#used + length > maxWords) this.#clear();
		if (this.#used + length > this.#words.length) {
			const bigger = new Int32Array(Math.min(maxWords, this.#words.length * 2 + length));
			bigger.set(this.#words);
			this.#words = bigger;
		}
		this.#words.set(pairs.subarray(0, length), this.#used);
		const n = this.#stacks.push(stackId) - 1;
		this.#versions.push(version);
		this.#hashes.push(hash);
		this.#starts.push(this.#used);
		this.#counts.push(count);
		this.#used += length;
		if (this.#stacks.length * 2 > this.#slots.length) this.#rehash();
		else this.#put(n);
	}

	#put(n: number): void {
		const mask = this.#slots.length - 1;
		let slot = slotOf(this.#versions[n]!, this.#hashes[n]!) & mask;
		while (this.#slots[slot]! >= 0) slot = (slot + 1) & mask;
		this.#slots[slot] = n;
	}

	#rehash(): void {
		this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
		for (let n = 0; n < this.#stacks.length; n++) this.#put(n);
	}

	#clear(): void {
		this.#slots.fill(-1);
		for (const list of [this.#versions, this.#hashes, this.#starts, this.#counts, this.#stacks])
			list.length = 0;
		this.#used = 0;
	}

	#same(start: number, pairs: Int32Array, length: number): boolean {
		for (let i = 0; i < length; i++) if (this.#words[start + i] !== pairs[i]) return false;
		return true;
	}
}

function slotOf(version: number, hash: number): number {
	const h = Math.imul(hash ^ Math.imul(version | 0, 0x9e3779b1), 0x85ebca6b);
	return h ^ (h >>> 15);
}
