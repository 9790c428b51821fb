/**
 * Where the content of a file with holes goes. GNU tar has written the map in four ways (its manual, "Storing Sparse
 * Files"): type 'S' with blocks behind the header, and three versions in pax records.
 *
 * Reading tar is ours because of type 'S': LinuxKI's archives have it (tar -S), and the readers in the package registry
 * take the stored bytes of such a member for the whole file.
 */
import { BLOCK, parseNumber } from "./tar-header.ts";

/** A piece of the file that has content, in the order in which it is stored. */
export interface SparsePart {
	readonly offset: number;
	readonly bytes: number;
}

export interface SparseMap {
	readonly parts: readonly SparsePart[];
	/** Size of the file with its holes. */
	readonly realSize: number;
}

/** Files have fewer pieces than this; a chain of blocks may be endless. */
export const MAX_PARTS = 262_144;

/** Numbers of the parts: offset, bytes, offset, bytes. A part may be empty: the last one marks the end. */
export function toParts(numbers: readonly number[]): SparsePart[] {
	const parts: SparsePart[] = [];
	for (let i = 0; i + 1 < numbers.length; i += 2) parts.push({ offset: numbers[i]!, bytes: numbers[i + 1]! });
	return parts;
}

/** A struct sparse: offset and bytes in 12 characters each. Unused ones are NULs. Returns false where a number is none. */
function oldGnuParts(field: Uint8Array, parts: SparsePart[]): boolean {
	for (let at = 0; at + 24 <= field.length; at += 24) {
		if (field[at] === 0 && field[at + 12] === 0) break;
		const offset = parseNumber(field.subarray(at, at + 12));
		const bytes = parseNumber(field.subarray(at + 12, at + 24));
		if (offset === null || bytes === null) return false;
		parts.push({ offset, bytes });
	}
	return true;
}

/** Type 'S': four parts in the header, 21 in each block that follows it while a flag says so. A text says what is wrong. */
export async function oldGnuMap(
	header: Uint8Array,
	nextBlock: () => Promise<Uint8Array>,
): Promise<SparseMap | string> {
	const parts: SparsePart[] = [];
	const realSize = parseNumber(header.subarray(483, 495));
	if (realSize === null || !oldGnuParts(header.subarray(386, 482), parts))
		return "a number of its map of holes is none";
	for (let more = header[482] !== 0; more; ) {
		const block = await nextBlock();
		if (block.length < BLOCK) return "the archive ends within its map of holes";
		if (!oldGnuParts(block.subarray(0, 504), parts)) return "a number of its map of holes is none";
		if (parts.length > MAX_PARTS) return "its map of holes does not end";
		more = block[504] !== 0;
	}
	return { parts, realSize };
}

/** What is wrong with a map for so many stored bytes; null if nothing is. */
export function mapFault({ parts, realSize }: SparseMap, stored: number): string | null {
	let end = 0;
	let bytes = 0;
	for (const part of parts) {
		if (part.offset < end) return "its parts overlap";
		end = part.offset + part.bytes;
		bytes += part.bytes;
	}
	if (end > realSize) return "a part lies behind its end";
	return bytes === stored ? null : `its parts have ${bytes} bytes, ${stored} are stored`;
}
