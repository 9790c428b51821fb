/**
 * The pages of one CPU, from the file to a region of the record memory: whole pages, in order, however the file
 * keeps them.
 */
import { type Bytes, Cursor, Truncated } from "../bytes.ts";
import { type Decompress, MAX_CHUNK } from "../compression.ts";
import type { Note } from "../source.ts";
import type { CpuData } from "./header.ts";

export interface PageStream {
	/** Copies the next whole pages to `target` (a multiple of the page size); returns bytes copied, 0 at the end. */
	fill(target: Uint8Array): number;
	/** Bytes of the file consumed so far. */
	readonly consumed: number;
	/** Why the stream ended early, where it did. */
	readonly damage: { offset: number; text: string } | null;
}

/** Says of each stream that it ended early; `source` is the file that it comes from. */
export function truncations<S extends PageStream & { readonly data: { readonly cpu: number } }>(
	streams: readonly S[],
	source: (stream: S, index: number) => string,
): Note[] {
	return streams.flatMap((s, i) =>
		s.damage
			? [
					{
						severity: "error",
						kind: "truncated",
						source: source(s, i),
						cpu: s.data.cpu,
						offset: s.damage.offset,
						text: s.damage.text,
					},
				]
			: [],
	);
}

/** Pages as they are: version 6, and version 7 without compression. */
export class PlainPages implements PageStream {
	consumed = 0;
	damage: PageStream["damage"] = null;
	readonly #end: number;

	constructor(
		readonly file: Bytes,
		readonly data: CpuData,
		readonly pageBytes: number,
	) {
		this.#end = Math.min(data.offset + data.size, file.size);
		if (this.#end < data.offset + data.size)
			this.damage = {
				offset: file.size,
				text: `CPU ${data.cpu}: the file ends ${data.offset + data.size - this.#end} bytes before the end of its data`,
			};
	}

	fill(target: Uint8Array): number {
		const at = this.data.offset + this.consumed;
		const left = Math.max(0, this.#end - at);
		const bytes = Math.min(target.length, left - (left % this.pageBytes));
		if (bytes <= 0) {
			// trace-cmd pads the last page; a part of a page is only there when the file was cut
			this.consumed = this.data.size;
			return 0;
		}
		this.file.readInto(target.subarray(0, bytes), at, "pages");
		this.consumed += bytes;
		return bytes;
	}
}

/** Version 7, compressed: a number of chunks, each with its two sizes and some pages. */
export class ChunkedPages implements PageStream {
	consumed = 0;
	damage: PageStream["damage"] = null;
	readonly #cursor: Cursor;
	#chunks = -1;
	#chunk: Uint8Array = new Uint8Array(0);
	#taken = 0;

	constructor(
		readonly file: Bytes,
		readonly data: CpuData,
		readonly pageBytes: number,
		readonly littleEndian: boolean,
		readonly decompress: Decompress,
	) {
		this.#cursor = new Cursor(file, data.offset, littleEndian);
	}

	fill(target: Uint8Array): number {
		let filled = 0;
		while (filled < target.length) {
			if (this.#taken === this.#chunk.length && !this.#next()) break;
			const bytes = Math.min(target.length - filled, this.#chunk.length - this.#taken);
			target.set(this.#chunk.subarray(this.#taken, this.#taken + bytes), filled);
			this.#taken += bytes;
			filled += bytes;
		}
		return filled;
	}

	/** Decompresses the next chunk; false at the end or at damage. */
	#next(): boolean {
		const at = this.#cursor.at;
		try {
			if (this.data.size === 0) return false;
			if (this.#chunks < 0) this.#chunks = this.#cursor.u32("number of chunks");
			if (this.#chunks === 0) return false;
			this.#chunks--;
			const packed = this.#cursor.u32("compressed size");
			const size = this.#cursor.u32("uncompressed size");
			if (size > MAX_CHUNK || packed > MAX_CHUNK) throw new Truncated(at, "chunk");
			const chunk = this.decompress(this.#cursor.take(packed, "chunk"), size);
			this.consumed = this.#cursor.at - this.data.offset;
			// Whole pages only: what is left of a page cannot be told from its neighbour's start.
			this.#chunk = chunk.subarray(0, chunk.length - (chunk.length % this.pageBytes));
			this.#taken = 0;
			return this.#chunk.length > 0;
		} catch (error) {
			this.damage = {
				offset: at,
				text: `CPU ${this.data.cpu}: its data ends early: ${error instanceof Truncated ? error.message : "a chunk cannot be decompressed"}`,
			};
			this.#chunks = 0;
			return false;
		}
	}
}
