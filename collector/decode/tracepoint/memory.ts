/**
 * Where records are decoded: one buffer for the whole source, with its views. Generated decoders hold these views
 * as constants and get positions only.
 */
export class RecordMemory {
	readonly i32: Int32Array;
	readonly u16: Uint16Array;
	readonly u8: Uint8Array;
	readonly view: DataView;

	constructor(
		readonly buffer: ArrayBuffer,
		readonly littleEndian: boolean,
	) {
		this.i32 = new Int32Array(buffer);
		this.u16 = new Uint16Array(buffer);
		this.u8 = new Uint8Array(buffer);
		this.view = new DataView(buffer);
	}
}

/**
 * Source text that reads integers at `p + offset`. Records begin at multiples of 4, so that a little-endian value
 * at its natural alignment (4 at most) is one typed-array load; everything else goes through the DataView.
 */
export class Access {
	constructor(readonly littleEndian: boolean) {}

	/** Signed 32 bits. */
	i32(offset: number): string {
		if (this.littleEndian && offset % 4 === 0) return `i32[(p + ${offset}) >> 2]`;
		return `view.getInt32(p + ${offset}, ${this.littleEndian})`;
	}

	u16(offset: number): string {
		if (this.littleEndian && offset % 2 === 0) return `u16[(p + ${offset}) >> 1]`;
		return `view.getUint16(p + ${offset}, ${this.littleEndian})`;
	}

	u8(offset: number): string {
		return `u8[p + ${offset}]`;
	}

	/** [low, high] of a 64-bit value as signed 32-bit halves. */
	halves(offset: number): [string, string] {
		const [first, second] = [this.i32(offset), this.i32(offset + 4)];
		return this.littleEndian ? [first, second] : [second, first];
	}

	/** [low, high] of an integer of any size, extended by sign or by zero to 64 bits. */
	wide(offset: number, size: number, signed: boolean): [string, string] {
		if (size === 8) return this.halves(offset);
		const narrow = this.narrow(offset, size, signed);
		return [narrow, signed ? `(${narrow}) >> 31` : "0"];
	}

	/** The integer as a signed 32-bit value (an unsigned 32-bit value keeps its bits). */
	narrow(offset: number, size: number, signed: boolean): string {
		switch (size) {
			case 1:
				return signed ? `(${this.u8(offset)} << 24 >> 24)` : this.u8(offset);
			case 2:
				return signed ? `(${this.u16(offset)} << 16 >> 16)` : this.u16(offset);
			case 4:
				return this.i32(offset);
			default:
				return this.halves(offset)[0];
		}
	}

	/** The integer as a double; 64-bit values beyond 2^53 are rounded. */
	number(offset: number, size: number, signed: boolean): string {
		if (size === 8) {
			const [lo, hi] = this.halves(offset);
			return signed ? `(${hi} * 4294967296 + (${lo} >>> 0))` : `((${hi} >>> 0) * 4294967296 + (${lo} >>> 0))`;
		}
		if (size === 4 && !signed) return `(${this.i32(offset)} >>> 0)`;
		return this.narrow(offset, size, signed);
	}
}
