/** The words of one part of a recorded chain, as pairs of halves (low, high), with their hash. */
export class ChainWords {
	readonly pairs: Int32Array;
	count = 0;
	hash = 0;
	readonly #most: number;

	/** Words beyond `most` are left out. */
	constructor(most: number) {
		this.#most = most;
		this.pairs = new Int32Array(2 * most);
	}

	clear(): void {
		this.count = 0;
		this.hash = 0x811c9dc5 | 0;
	}

	add(lo: number, hi: number): void {
		if (this.count === this.#most) return;
		const at = 2 * this.count++;
		this.pairs[at] = lo;
		this.pairs[at + 1] = hi;
		this.hash = Math.imul(Math.imul(this.hash ^ lo, 0x01000193) ^ hi, 0x01000193);
	}

	isZero(k: number): boolean {
		return this.pairs[2 * k] === 0 && this.pairs[2 * k + 1] === 0;
	}
}
