/**
 * One header block of a tar archive. Layouts: POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar's manual,
 * "Basic Tar Format" (struct oldgnu_header); V7 tar has neither magic nor prefix.
 */

export const BLOCK = 512;

const ZEROS = Buffer.alloc(BLOCK);

/** More is no size of a file. */
const MAX_NUMBER = Number.MAX_SAFE_INTEGER;

export interface TarHeader {
	/** Bytes as they stand there, prefix included, up to the first NUL. */
	readonly name: Buffer;
	/** One character; NUL is "0". */
	readonly type: string;
	/** Bytes of content in the archive. */
	readonly size: number;
	/** Fields of GNU tar before 1.14 are where ustar has the prefix. */
	readonly oldGnu: boolean;
}

export function isZeroBlock(block: Uint8Array): boolean {
	return block[0] === 0 && ZEROS.equals(block);
}

/** Sum of the bytes with the checksum's own field as blanks; some old tars summed signed characters. */
function checksumFits(block: Uint8Array): boolean {
	const stated = parseNumber(block.subarray(148, 156));
	if (stated === null) return false;
	let unsigned = 0;
	let signed = 0;
	for (let i = 0; i < BLOCK; i++) {
		const b = i >= 148 && i < 156 ? 0x20 : block[i]!;
		unsigned += b;
		signed += b > 127 ? b - 256 : b;
	}
	return stated === unsigned || stated === signed;
}

/** Does a file begin as a tar archive does? The magic is enough: a damaged header is said later. */
export function looksLikeTar(head: Uint8Array): boolean {
	if (head.length < BLOCK) return false;
	return (
		Buffer.from(head.subarray(257, 262)).toString("latin1") === "ustar" ||
		(head[0] !== 0 && checksumFits(head.subarray(0, BLOCK)))
	);
}

/**
 * Octal digits with blanks around, or, with the first bit set, a binary number (GNU tar's manual, "Extensions").
 * null for anything else, for negative numbers and for those that no file has as its size.
 */
export function parseNumber(field: Uint8Array): number | null {
	if (field[0]! & 0x80) {
		if (field[0]! & 0x40) return null;
		let value = field[0]! & 0x3f;
		for (const b of field.subarray(1)) {
			value = value * 256 + b;
			if (value > MAX_NUMBER) return null;
		}
		return value;
	}
	const text = Buffer.from(field).toString("latin1");
	const digits = /^ *([0-7]*)[ \0]*/.exec(text)!;
	// what stands behind the NUL is of no meaning, what stands before it is
	if (digits[0].length < text.length && !digits[0].includes("\0")) return null;
	const value = digits[1] === "" ? 0 : Number.parseInt(digits[1]!, 8);
	return value > MAX_NUMBER ? null : value;
}

/** Up to the first NUL. */
export function upToNul(field: Uint8Array): Buffer {
	const end = field.indexOf(0);
	return Buffer.from(end === -1 ? field : field.subarray(0, end));
}

/** What is wrong with the block, or the header. `block` has 512 bytes that are not all zero. */
export function parseHeader(block: Uint8Array): TarHeader | string {
	if (!checksumFits(block)) return "its checksum is wrong";
	const size = parseNumber(block.subarray(124, 136));
	if (size === null) return "its size is no number that a file can have";
	const magic = Buffer.from(block.subarray(257, 265)).toString("latin1");
	const name = upToNul(block.subarray(0, 100));
	// GNU tar writes "ustar  \0" and has other fields where the prefix is
	const prefix = magic.startsWith("ustar\0") ? upToNul(block.subarray(345, 500)) : Buffer.alloc(0);
	return {
		name: prefix.length > 0 ? Buffer.concat([prefix, Buffer.from("/"), name]) : name,
		type: block[156] === 0 ? "0" : String.fromCharCode(block[156]!),
		size,
		oldGnu: magic.startsWith("ustar  "),
	};
}
