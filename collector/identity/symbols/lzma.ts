/**
 * LZMA and LZMA2, written after Igor Pavlov's "LZMA specification" (2015) and the chunks of LZMA2 as the Linux kernel
 * documents them (lib/xz/xz_dec_lzma2.c, public domain). The output is its own dictionary.
 */

export class DamagedXz extends Error {}

const bitModelTotal = 1 << 11;
const moveBits = 5;
const top = 2 ** 24;

/** Lengths of matches, less 2. */
class Lengths {
	readonly choice = probabilities(2);
	readonly low = probabilities(16 << 3);
	readonly middle = probabilities(16 << 3);
	readonly high = probabilities(1 << 8);
}

function probabilities(count: number): Uint16Array {
	return new Uint16Array(count).fill(bitModelTotal / 2);
}

/** What a reset of the state sets back. */
class Model {
	state = 0;
	/** Distances of the last four matches, less 1. */
	reps: [number, number, number, number] = [0, 0, 0, 0];
	readonly isMatch = probabilities(12 << 4);
	readonly isRep = probabilities(12);
	readonly isRepG0 = probabilities(12);
	readonly isRepG1 = probabilities(12);
	readonly isRepG2 = probabilities(12);
	readonly isRep0Long = probabilities(12 << 4);
	readonly slots = [0, 1, 2, 3].map(() => probabilities(1 << 6));
	readonly special = probabilities(1 + 128 - 14);
	readonly align = probabilities(1 << 4);
	readonly matchLengths = new Lengths();
	readonly repLengths = new Lengths();
	readonly literals: Uint16Array;

	constructor(
		readonly lc: number,
		readonly lp: number,
		readonly pb: number,
	) {
		this.literals = probabilities(0x300 << (lc + lp));
	}
}

export class Lzma2 {
	/** What was expanded so far is the first `size` bytes. */
	out: Buffer = Buffer.allocUnsafe(1 << 16);
	size = 0;
	readonly #in: Uint8Array;
	readonly #maxBytes: number;
	#at = 0;
	#range = 0;
	#code = 0;
	/** Matches may not reach further back. */
	#dictionaryStart = 0;
	#model: Model | null = null;

	constructor(input: Uint8Array, maxBytes: number) {
		this.#in = input;
		this.#maxBytes = maxBytes;
	}

	/**
	 * Expands the chunks from `at` up to their end mark, behind what is there already.
	 *
	 * @returns position behind the end mark
	 * @throws DamagedXz
	 */
	run(at: number): number {
		this.#at = at;
		let needsDictionary = true;
		for (;;) {
			const control = this.#byte();
			if (control === 0) return this.#at;
			const compressed = control >= 0x80;
			if (control > 2 && !compressed) throw new DamagedXz("unknown chunk");
			const resetsDictionary = compressed ? control >= 0xe0 : control === 1;
			if (resetsDictionary) this.#dictionaryStart = this.size;
			else if (needsDictionary) throw new DamagedXz("no dictionary");
			needsDictionary = false;
			if (!compressed) {
				const bytes = this.#byte() * 256 + this.#byte() + 1;
				if (this.#at + bytes > this.#in.length) throw new DamagedXz("it is cut");
				this.#reserve(bytes);
				this.out.set(this.#in.subarray(this.#at, this.#at + bytes), this.size);
				this.#at += bytes;
				this.size += bytes;
				continue;
			}
			const bytes = (control & 0x1f) * 65536 + this.#byte() * 256 + this.#byte() + 1;
			const packed = this.#byte() * 256 + this.#byte() + 1;
			const reset = (control >> 5) & 3;
			if (reset >= 2) this.#model = this.#newModel(this.#byte());
			else if (this.#model === null) throw new DamagedXz("no properties");
			else if (reset === 1) this.#model = new Model(this.#model.lc, this.#model.lp, this.#model.pb);
			const end = this.#at + packed;
			if (end > this.#in.length) throw new DamagedXz("it is cut");
			this.#reserve(bytes);
			this.#chunk(this.#model!, this.size + bytes);
			if (this.#at !== end || this.#code !== 0) throw new DamagedXz("a chunk does not end where it says");
		}
	}

	#newModel(properties: number): Model {
		const lc = properties % 9;
		const lp = Math.floor(properties / 9) % 5;
		const pb = Math.floor(properties / 45);
		if (pb > 4 || lc + lp > 4) throw new DamagedXz("unknown properties");
		return new Model(lc, lp, pb);
	}

	#reserve(bytes: number): void {
		const needed = this.size + bytes;
		if (needed > this.#maxBytes) throw new DamagedXz("it is too large");
		if (needed <= this.out.length) return;
		const grown = Buffer.allocUnsafe(Math.min(Math.max(needed, this.out.length * 2), this.#maxBytes));
		grown.set(this.out.subarray(0, this.size));
		this.out = grown;
	}

	#byte(): number {
		if (this.#at >= this.#in.length) throw new DamagedXz("it is cut");
		return this.#in[this.#at++];
	}

	#chunk(model: Model, end: number): void {
		if (this.#byte() !== 0) throw new DamagedXz("a chunk begins wrongly");
		this.#range = 0xffffffff;
		this.#code = 0;
		for (let i = 0; i < 4; i++) this.#code = this.#code * 256 + this.#byte();
		while (this.size < end) {
			const { state, reps } = model;
			const posState = (this.size - this.#dictionaryStart) & ((1 << model.pb) - 1);
			if (this.#bit(model.isMatch, (state << 4) + posState) === 0) {
				this.#literal(model);
				model.state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
				continue;
			}
			let length: number;
			if (this.#bit(model.isRep, state) === 0) {
				length = this.#length(model.matchLengths, posState);
				model.reps = [this.#distance(model, length), reps[0], reps[1], reps[2]];
				model.state = state < 7 ? 7 : 10;
			} else {
				length = this.#repeat(model, posState);
				model.state = length === 1 ? (state < 7 ? 9 : 11) : state < 7 ? 8 : 11;
			}
			this.#copy(model.reps[0] + 1, length, end);
		}
	}

	/** Which of the last distances comes again, moved to the front; its length. */
	#repeat(model: Model, posState: number): number {
		const { state, reps } = model;
		if (this.#bit(model.isRepG0, state) === 0) {
			if (this.#bit(model.isRep0Long, (state << 4) + posState) === 0) return 1;
		} else {
			const which = this.#bit(model.isRepG1, state) === 0 ? 1 : this.#bit(model.isRepG2, state) === 0 ? 2 : 3;
			const distance = reps[which];
			reps.copyWithin(1, 0, which);
			reps[0] = distance;
		}
		return this.#length(model.repLengths, posState);
	}

	#copy(distance: number, length: number, end: number): void {
		const from = this.size - distance;
		if (from < this.#dictionaryStart) throw new DamagedXz("a match reaches too far back");
		if (this.size + length > end) throw new DamagedXz("a match leaves its chunk");
		// byte by byte: source and target may overlap
		for (let i = 0; i < length; i++) this.out[this.size + i] = this.out[from + i];
		this.size += length;
	}

	#literal({ state, reps, lc, lp, literals }: Model): void {
		const position = this.size - this.#dictionaryStart;
		const before = position > 0 ? this.out[this.size - 1] : 0;
		const base = 0x300 * (((position & ((1 << lp) - 1)) << lc) + (before >> (8 - lc)));
		let symbol = 1;
		if (state >= 7) {
			// after a match: the byte that would have followed it helps to guess
			const from = this.size - reps[0] - 1;
			if (from < this.#dictionaryStart) throw new DamagedXz("a match reaches too far back");
			let other = this.out[from];
			while (symbol < 0x100) {
				const otherBit = (other >> 7) & 1;
				other <<= 1;
				const bit = this.#bit(literals, base + ((1 + otherBit) << 8) + symbol);
				symbol = (symbol << 1) | bit;
				if (bit !== otherBit) break;
			}
		}
		while (symbol < 0x100) symbol = (symbol << 1) | this.#bit(literals, base + symbol);
		this.out[this.size++] = symbol & 0xff;
	}

	#length(lengths: Lengths, posState: number): number {
		if (this.#bit(lengths.choice, 0) === 0) return 2 + this.#tree(lengths.low, posState << 3, 3);
		if (this.#bit(lengths.choice, 1) === 0) return 10 + this.#tree(lengths.middle, posState << 3, 3);
		return 18 + this.#tree(lengths.high, 0, 8);
	}

	/** Less 1. */
	#distance(model: Model, length: number): number {
		const slot = this.#tree(model.slots[Math.min(length - 2, 3)], 0, 6);
		if (slot < 4) return slot;
		const bits = (slot >> 1) - 1;
		const high = (2 | (slot & 1)) * 2 ** bits;
		if (slot < 14) return high + this.#reverseTree(model.special, high - slot, bits);
		let direct = 0;
		for (let i = 4; i < bits; i++) direct = direct * 2 + this.#evenBit();
		return high + direct * 16 + this.#reverseTree(model.align, 0, 4);
	}

	#tree(probs: Uint16Array, base: number, bits: number): number {
		let symbol = 1;
		for (let i = 0; i < bits; i++) symbol = (symbol << 1) | this.#bit(probs, base + symbol);
		return symbol - (1 << bits);
	}

	#reverseTree(probs: Uint16Array, base: number, bits: number): number {
		let symbol = 1;
		let value = 0;
		for (let i = 0; i < bits; i++) {
			const bit = this.#bit(probs, base + symbol);
			symbol = (symbol << 1) | bit;
			value |= bit << i;
		}
		return value;
	}

	#bit(probs: Uint16Array, i: number): 0 | 1 {
		const p = probs[i];
		const bound = (this.#range >>> 11) * p;
		let bit: 0 | 1;
		if (this.#code < bound) {
			this.#range = bound;
			probs[i] = p + ((bitModelTotal - p) >> moveBits);
			bit = 0;
		} else {
			this.#range -= bound;
			this.#code -= bound;
			probs[i] = p - (p >> moveBits);
			bit = 1;
		}
		if (this.#range < top) this.#normalize();
		return bit;
	}

	/** A bit whose values are equally likely. */
	#evenBit(): 0 | 1 {
		this.#range = this.#range >>> 1;
		const bit = this.#code >= this.#range ? 1 : 0;
		if (bit) this.#code -= this.#range;
		if (this.#range < top) this.#normalize();
		return bit;
	}

	#normalize(): void {
		this.#range = (this.#range << 8) >>> 0;
		this.#code = ((this.#code << 8) | this.#byte()) >>> 0;
	}
}
