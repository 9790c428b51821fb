/** Reading debug information at any place of a section, with bounds: nothing is copied, the content may be hostile. */

/** The information cannot be what its place says. Never leaves this folder: it is answered by null. */
export class Malformed extends Error {}

/** Numbers in LEB128 have 64 bits at most. */
const maxLebBytes = 10;
/** Names of C++ templates reach some ten thousand characters. */
const maxTextBytes = 1 << 16;

export class Reader {
	constructor(
		readonly bytes: Buffer,
		readonly littleEndian: boolean,
		public at = 0,
		public end = bytes.length,
	) {
		if (!(at >= 0 && at <= end && end <= bytes.length)) throw new Malformed();
	}

	#take(length: number): number {
		const { at } = this;
		if (!(at + length <= this.end)) throw new Malformed();
		this.at = at + length;
		return at;
	}

	skip(length: number): void {
		this.#take(length);
	}

	/** Goes on elsewhere in the section. */
	seek(at: number): void {
		if (!(at >= 0 && at <= this.end)) throw new Malformed();
		this.at = at;
	}

	u8(): number {
		return this.bytes[this.#take(1)];
	}
	s8(): number {
		return (this.u8() << 24) >> 24;
	}
	u16(): number {
		const at = this.#take(2);
		return this.littleEndian ? this.bytes.readUInt16LE(at) : this.bytes.readUInt16BE(at);
	}
	s16(): number {
		return (this.u16() << 16) >> 16;
	}
	u24(): number {
		const at = this.#take(3);
		return this.littleEndian ? this.bytes.readUIntLE(at, 3) : this.bytes.readUIntBE(at, 3);
	}
	u32(): number {
		const at = this.#take(4);
		return this.littleEndian ? this.bytes.readUInt32LE(at) : this.bytes.readUInt32BE(at);
	}
	s32(): number {
		return this.u32() | 0;
	}
	/** Exact below 2^53. */
	u64(): number {
		const first = this.u32();
		const second = this.u32();
		return this.littleEndian ? second * 2 ** 32 + first : first * 2 ** 32 + second;
	}
	/** Exact between -2^53 and 2^53. */
	s64(): number {
		const first = this.u32();
		const second = this.u32();
		return this.littleEndian ? (second | 0) * 2 ** 32 + first : (first | 0) * 2 ** 32 + second;
	}
	bits64(): bigint {
		const at = this.#take(8);
		return this.littleEndian ? this.bytes.readBigUInt64LE(at) : this.bytes.readBigUInt64BE(at);
	}

	/** An unsigned number of 1, 2, 4 or 8 bytes. */
	unsigned(bytes: number): number {
		if (bytes === 8) return this.u64();
		if (bytes === 4) return this.u32();
		if (bytes === 2) return this.u16();
		if (bytes === 1) return this.u8();
		throw new Malformed();
	}

	/** Exact below 2^53. */
	uleb(): number {
		let value = 0;
		let scale = 1;
		for (let i = 0; i < maxLebBytes; i++) {
			const byte = this.u8();
			value += (byte & 0x7f) * scale;
			if (byte < 0x80) return value;
			scale *= 128;
		}
		throw new Malformed();
	}
	/** Exact between -2^53 and 2^53. */
	sleb(): number {
		let value = 0;
		let scale = 1;
		for (let i = 0; i < maxLebBytes; i++) {
			const byte = this.u8();
			value += (byte & 0x7f) * scale;
			scale *= 128;
			if (byte < 0x80) return byte & 0x40 ? value - scale : value;
		}
		throw new Malformed();
	}
	/** All bits of a signed or unsigned LEB128, which differ above its last byte. */
	lebBits(signed: boolean): bigint {
		let value = 0n;
		for (let i = 0; i < maxLebBytes; i++) {
			const byte = this.u8();
			value |= BigInt(byte & 0x7f) << BigInt(7 * i);
			if (byte < 0x80) {
				if (signed && byte & 0x40) value -= 1n << BigInt(7 * (i + 1));
				return BigInt.asUintN(64, value);
			}
		}
		throw new Malformed();
	}

	/** Length of an entry or unit; `wide` if it has the 64-bit format. */
	initialLength(): { readonly length: number; readonly wide: boolean } {
		const length = this.u32();
		if (length === 0xffffffff) return { length: this.u64(), wide: true };
		if (length >= 0xfffffff0) throw new Malformed();
		return { length, wide: false };
	}

	/** Bytes up to a NUL, which is taken too. */
	text(): string {
		const start = this.at;
		this.skipText();
		return this.bytes.toString("utf8", start, this.at - 1);
	}
	skipText(): void {
		const start = this.at;
		const length = this.bytes.subarray(start, Math.min(this.end, start + maxTextBytes)).indexOf(0);
		if (length < 0) throw new Malformed();
		this.at = start + length + 1;
	}
}

/** What `read` gives, or null if the information is malformed. */
export function orNull<T>(read: () => T): T | null {
	try {
		return read();
	} catch (error) {
		if (error instanceof Malformed) return null;
		throw error;
	}
}
