/** Reading a file of known byte order at any position, with bounds. */
import { readSync } from "node:fs";

/** The file ends, or a section ends, before what was to be read. */
export class Truncated extends Error {
	constructor(
		readonly offset: number,
		what: string,
		message = `${what} at offset ${offset} reaches beyond the end`,
	) {
		super(message);
	}
}

/** What is there cannot be decompressed. */
export class Damaged extends Truncated {
	constructor(offset: number, what: string) {
		super(offset, what, `${what} at offset ${offset} cannot be decompressed`);
	}
}

/** A source of bytes: a file, or a decompressed section. */
export interface Bytes {
	readonly size: number;
	/** Reads exactly `length` bytes, or throws Truncated. */
	read(offset: number, length: number, what: string): Buffer;
	/** The same into `target`, filling it. */
	readInto(target: Uint8Array, offset: number, what: string): void;
}

export class FileBytes implements Bytes {
	constructor(
		readonly fd: number,
		readonly size: number,
	) {}

	read(offset: number, length: number, what: string): Buffer {
		if (offset < 0 || length < 0 || offset + length > this.size) throw new Truncated(offset, what);
		const buffer = Buffer.allocUnsafe(length);
		this.readInto(buffer, offset, what);
		return buffer;
	}

	readInto(target: Uint8Array, offset: number, what: string): void {
		let got = 0;
		while (got < target.length) {
			const n = readSync(this.fd, target, got, target.length - got, offset + got);
			if (n === 0) throw new Truncated(offset + got, what);
			got += n;
		}
	}
}

export class MemoryBytes implements Bytes {
	constructor(readonly buffer: Buffer) {}
	get size(): number {
		return this.buffer.length;
	}
	read(offset: number, length: number, what: string): Buffer {
		if (offset < 0 || length < 0 || offset + length > this.buffer.length) throw new Truncated(offset, what);
		return this.buffer.subarray(offset, offset + length);
	}

	readInto(target: Uint8Array, offset: number, what: string): void {
		target.set(this.read(offset, target.length, what));
	}
}

/** A position that moves forward over Bytes. */
export class Cursor {
	constructor(
		readonly bytes: Bytes,
		public at: number,
		readonly littleEndian: boolean,
	) {}

	take(length: number, what: string): Buffer {
		const out = this.bytes.read(this.at, length, what);
		this.at += length;
		return out;
	}

	u16(what: string): number {
		const b = this.take(2, what);
		return this.littleEndian ? b.readUInt16LE() : b.readUInt16BE();
	}

	u32(what: string): number {
		const b = this.take(4, what);
		return this.littleEndian ? b.readUInt32LE() : b.readUInt32BE();
	}

	u64(what: string): bigint {
		const b = this.take(8, what);
		return this.littleEndian ? b.readBigUInt64LE() : b.readBigUInt64BE();
	}

	/** A 64-bit size or offset; what does not fit a file is damage. */
	size(what: string): number {
		const at = this.at;
		const value = this.u64(what);
		if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Truncated(at, what);
		return Number(value);
	}

	/** Text up to a NUL byte, which is taken too. */
	text(what: string, max = 4096): string {
		const start = this.at;
		let text = "";
		while (this.at - start < max) {
			const b = this.take(1, what)[0]!;
			if (b === 0) return text;
			text += String.fromCharCode(b);
		}
		throw new Truncated(start, what);
	}
}
