/**
 * Walks over the frames and blocks of a zstd stream that comes in pieces, without decompressing: how much memory a frame
 * asks for, and whether the stream ends inside a block. The decompressor keeps what it cannot use yet, and does not say.
 * Source: RFC 8878, 3.1.1.
 */

/** perf's highest level (22) asks for a window of 128 MiB. */
const MAX_WINDOW = 128 * 1024 * 1024;

/** Block_Maximum_Size. */
const MAX_BLOCK = 128 * 1024;

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;

/** What comes next in the stream, with its bytes. */
type State = "magic" | "descriptor" | "header" | "block" | "content" | "checksum" | "skipSize" | "skip";

export class ZstdFrames {
	#state: State = "magic";
	/** Bytes of it that are still to come. */
	#left = 4;
	/** The bytes of it that are there, of those that say something. */
	#have = Buffer.alloc(16);
	#at = 0;
	#descriptor = 0;
	#last = false;

	/** The stream may not end here. */
	get pending(): boolean {
		const start = this.#at === 0 && (this.#state === "magic" || this.#state === "block");
		return !start;
	}

	/** @throws RangeError where the stream makes no sense or asks for too much */
	push(data: Uint8Array): void {
		for (let p = 0; p < data.length || this.#left === 0; ) {
			const n = Math.min(this.#left, data.length - p);
			if (this.#state !== "content" && this.#state !== "skip" && this.#state !== "checksum") {
				this.#have.set(data.subarray(p, p + n), this.#at);
				this.#at += n;
			}
			p += n;
			this.#left -= n;
			if (this.#left > 0) return;
			[this.#state, this.#left] = this.#next();
			this.#at = 0;
		}
	}

	/** What comes next, now that the part that was awaited is there. */
	#next(): [State, number] {
		const have = this.#have;
		switch (this.#state) {
			case "magic": {
				const magic = have.readUInt32LE(0);
				if ((magic & 0xffff_fff0) >>> 0 === SKIPPABLE) return ["skipSize", 4];
				if (magic !== MAGIC) throw new RangeError("no zstd frame");
				return ["descriptor", 1];
			}
			case "descriptor": {
				this.#descriptor = have[0]!;
				return ["header", (this.#single ? 0 : 1) + this.#dictionaryBytes + this.#sizeBytes];
			}
			case "header":
				if (this.#window() > MAX_WINDOW) throw new RangeError("a zstd window that is too large");
				return ["block", 3];
			case "block": {
				const word = have.readUIntLE(0, 3);
				this.#last = (word & 1) === 1;
				const type = (word >> 1) & 3;
				if (type === 3 || word >> 3 > MAX_BLOCK) throw new RangeError("no zstd block");
				// type 1 is one byte, repeated
				return ["content", type === 1 ? 1 : word >> 3];
			}
			case "content":
				if (!this.#last) return ["block", 3];
				return (this.#descriptor & 4) !== 0 ? ["checksum", 4] : ["magic", 4];
			case "skipSize":
				return ["skip", have.readUInt32LE(0)];
			default:
				return ["magic", 4];
		}
	}

	get #single(): boolean {
		return (this.#descriptor & 0x20) !== 0;
	}

	get #dictionaryBytes(): number {
		return [0, 1, 2, 4][this.#descriptor & 3]!;
	}

	/** Bytes of the content's size. */
	get #sizeBytes(): number {
		const flag = this.#descriptor >> 6;
		return flag === 0 ? (this.#single ? 1 : 0) : 1 << flag;
	}

	#window(): number {
		const have = this.#have;
		if (!this.#single) {
			const base = 2 ** (10 + (have[0]! >> 3));
			return base + (base / 8) * (have[0]! & 7);
		}
		// the content's size, behind the id of the dictionary; six bytes of it tell more than enough
		const at = this.#dictionaryBytes;
		return this.#sizeBytes === 8 && have.readUInt16LE(at + 6) !== 0
			? Number.POSITIVE_INFINITY
			: have.readUIntLE(at, Math.min(6, this.#sizeBytes));
	}
}
