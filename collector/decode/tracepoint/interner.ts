import type { Strings } from "../../write/string-pool.ts";

/**
 * Text in records -> codes of the string pool, without making a JavaScript string for one that was seen before.
 * What is not UTF-8 keeps its bytes as \xNN.
 */
export class Interner {
	#size = 0;
	#slots = new Int32Array(1024).fill(-1);
	#hashes = new Int32Array(512);
	#starts = new Int32Array(512);
	#lengths = new Int32Array(512);
	#codes = new Int32Array(512);
	#arena = new Uint8Array(16_384);
	#used = 0;

	constructor(readonly strings: Strings) {}

	/** Code of the bytes from `start` to the first NUL, at most `length` bytes. */
	code(bytes: Uint8Array, start: number, length: number): number {
		let n = 0;
		let hash = 0x811c9dc5 | 0;
		for (; n < length; n++) {
			const b = bytes[start + n]!;
			if (b === 0) break;
			hash = Math.imul(hash ^ b, 0x01000193);
		}
		const mask = this.#slots.length - 1;
		let slot = (hash ^ (hash >>> 15)) & mask;
		for (;;) {
			const entry = this.#slots[slot]!;
			if (entry < 0) return this.#add(bytes, start, n, hash, slot);
			if (this.#hashes[entry] === hash && this.#lengths[entry] === n && this.#equal(entry, bytes, start, n))
				return this.#codes[entry]!;
			slot = (slot + 1) & mask;
		}
	}

	#equal(entry: number, bytes: Uint8Array, start: number, n: number): boolean {
		const from = this.#starts[entry]!;
		const arena = this.#arena;
		for (let i = 0; i < n; i++) if (arena[from + i] !== bytes[start + i]) return false;
		return true;
	}

	#add(bytes: Uint8Array, start: number, n: number, hash: number, slot: number): number {
		if (this.#used + n > this.#arena.length) {
			const bigger = new Uint8Array(Math.max(this.#arena.length * 2, this.#used + n));
			bigger.set(this.#arena);
			this.#arena = bigger;
		}
		const entry = this.#size++;
		if (entry === this.#hashes.length) {
			for (const k of ["h", "s", "l", "c"] as const) this.#double(k);
		}
		this.#arena.set(bytes.subarray(start, start + n), this.#used);
		this.#hashes[entry] = hash;
		this.#starts[entry] = this.#used;
		this.#lengths[entry] = n;
		const code = this.strings.code(decodeText(bytes.subarray(start, start + n)));
		this.#codes[entry] = code;
		this.#used += n;
		this.#slots[slot] = entry;
		if (this.#size * 2 > this.#slots.length) this.#rehash();
		return code;
	}

	#double(which: "h" | "s" | "l" | "c"): void {
		const grow = (a: Int32Array): Int32Array<ArrayBuffer> => {
			const bigger = new Int32Array(a.length * 2);
			bigger.set(a);
			return bigger;
		};
		if (which === "h") this.#hashes = grow(this.#hashes);
		else if (which === "s") this.#starts = grow(this.#starts);
		else if (which === "l") this.#lengths = grow(this.#lengths);
		else this.#codes = grow(this.#codes);
	}

	#rehash(): void {
		const slots = new Int32Array(this.#slots.length * 2).fill(-1);
		const mask = slots.length - 1;
		for (let entry = 0; entry < this.#size; entry++) {
			const hash = this.#hashes[entry]!;
			let slot = (hash ^ (hash >>> 15)) & mask;
			while (slots[slot]! >= 0) slot = (slot + 1) & mask;
			slots[slot] = entry;
		}
		this.#slots = slots;
	}
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 text; bytes that are not part of valid UTF-8 become \xNN. */
export function decodeText(bytes: Uint8Array): string {
	try {
		return utf8.decode(bytes);
	} catch {
		let text = "";
		for (let i = 0; i < bytes.length; ) {
			const length = sequenceLength(bytes[i]!);
			let taken = 0;
			if (length > 0 && i + length <= bytes.length) {
				try {
					text += utf8.decode(bytes.subarray(i, i + length));
					taken = length;
				} catch {
					// not a valid sequence: escaped below
				}
			}
			if (taken === 0) {
				text += `\\x${bytes[i]!.toString(16).padStart(2, "0").toUpperCase()}`;
				taken = 1;
			}
			i += taken;
		}
		return text;
	}
}

function sequenceLength(first: number): number {
	if (first < 0x80) return 1;
	if (first >= 0xc2 && first < 0xe0) return 2;
	if (first >= 0xe0 && first < 0xf0) return 3;
	if (first >= 0xf0 && first < 0xf5) return 4;
	return 0;
}

/** Bytes as lower-case hex digits. */
export function hexText(bytes: Uint8Array, from: number, to: number): string {
	let text = "";
	for (let i = from; i < to; i++) text += bytes[i]!.toString(16).padStart(2, "0");
	return text;
}

/** Slots of the cache: many more than threads run at once. */
const COMM_SLOTS = 4096;

/**
 * Codes of 16-byte thread names by their four words: nearly every name was seen just before. The bytes behind the
 * NUL may be rubbish, so that one name can have several entries.
 */
export class CommCache {
	readonly #words = new Int32Array(COMM_SLOTS * 4);
	readonly #codes = new Int32Array(COMM_SLOTS).fill(-1);

	constructor(readonly interner: Interner) {}

	/** `at`: word where the name begins in `words`, which are the same memory as `bytes`. */
	code(words: Int32Array, bytes: Uint8Array, at: number): number {
		const a = words[at]!;
		const b = words[at + 1]!;
		const c = words[at + 2]!;
		const d = words[at + 3]!;
		let h =
			Math.imul(a, 0x9e3779b1) ^
			Math.imul(b, 0x85ebca6b) ^
			Math.imul(c, 0xc2b2ae35) ^
			Math.imul(d, 0x27d4eb2f);
		h = (h ^ (h >>> 15) ^ (h >>> 24)) & (COMM_SLOTS - 1);
		const k = 4 * h;
		const w = this.#words;
		const known = this.#codes[h]!;
		if (known >= 0 && w[k] === a && w[k + 1] === b && w[k + 2] === c && w[k + 3] === d) return known;
		const code = this.interner.code(bytes, at * 4, 16);
		w[k] = a;
		w[k + 1] = b;
		w[k + 2] = c;
		w[k + 3] = d;
		this.#codes[h] = code;
		return code;
	}
}
