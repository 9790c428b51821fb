/**
 * The .xz format as far as .gnu_debugdata uses it: one stream with LZMA2 alone ("The .xz File Format", version 1.2.1).
 * Checksums are not looked at: what comes out is read as an ELF file, with its own checks.
 */
import { DamagedXz, Lzma2 } from "./lzma.ts";

/** The functions' names of the largest programs. */
const maxBytes = 64 << 20;
const magic = Buffer.from("fd377a585a00", "hex");
const lzma2Filter = 0x21;
/** By the low bits of the stream's flags. */
const checkBytes = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];

/** The content, or why there is none. */
export function unpackXz(data: Buffer): Buffer | string {
	if (data.length < 12 || !data.subarray(0, 6).equals(magic)) return "not in the .xz format";
	try {
		const lzma = new Lzma2(data, maxBytes);
		const check = checkBytes[data[7] & 15];
		// a block begins with the size of its header; 0 is the index behind the last one
		for (let at = 12; at < data.length && data[at] !== 0; ) {
			const start = at + (data[at] + 1) * 4;
			checkFilters(data, at);
			const end = lzma.run(start);
			at = start + Math.ceil((end - start) / 4) * 4 + check;
		}
		return lzma.out.subarray(0, lzma.size);
	} catch (error) {
		if (error instanceof DamagedXz) return error.message;
		throw error;
	}
}

function checkFilters(data: Buffer, block: number): void {
	const flags = data[block + 1];
	let at = block + 2;
	// sizes of the block are optional, and in the way
	for (const size of [0x40, 0x80]) {
		if ((flags & size) === 0) continue;
		while (data[at] >= 0x80) at++;
		at++;
	}
	if ((flags & 3) !== 0 || data[at] !== lzma2Filter) throw new DamagedXz("packed with an unknown filter");
}
