/**
 * ki.bin.NNN.TAG of LinuxKI's ftrace mode: what kiinfo read of per_cpu/cpuN/trace_pipe_raw, one read (4096 bytes) behind
 * the other, each cut behind its data: u64 time, u32 bytes of data, u32 0 = the header of a ring-buffer page of a 64-bit
 * kernel with its flags taken away, then the records.
 *
 * The kernel gives whole records only (kernel/trace/ring_buffer.c ring_buffer_read_page, Linux 6.12): what does not fit
 * a read comes with the next, whose header then has the time of the last record before. So a piece that begins at the
 * time at which the one before ended goes on in the same sub-buffer, and nothing is missing between the two.
 */
import type { Bytes } from "../bytes.ts";
import type { PageLayout } from "../trace-dat/page-layout.ts";
import type { PageStream } from "../trace-dat/pages.ts";

export const LAYOUT: PageLayout = { commitBytes: 8, commitOffset: 8, dataOffset: 16 };
const HEADER = LAYOUT.dataOffset;

/** The kernel's flag for lost events, bit 31 of the commit word, which kiinfo takes away. */
const FLAGS_AT = LAYOUT.commitOffset + 3;
const MISSED_EVENTS = 0x80;

/** What kiinfo reads at a time. */
export const READ_BYTES = 4096;

/** The largest page: no sane reader hands out more in one piece. A larger one is no piece. */
export const MAX_PIECE = 65_536;

/** Bytes of the file in memory. */
const BLOCK = MAX_PIECE;

export interface Piece {
	/** Clock units. */
	readonly time: bigint;
	/** Bytes of records. */
	readonly bytes: number;
}

/** Lays each piece in a slot of its own, as if it were a page. */
export class PackedPages implements PageStream {
	consumed = 0;
	damage: PageStream["damage"] = null;
	/** Pieces without a time: they are left out. */
	timeless = 0;
	#pieces = 0;
	#skipped = false;
	#block = Buffer.allocUnsafe(BLOCK);
	#from = 0;
	#filled = 0;

	constructor(
		readonly file: Bytes,
		readonly data: { readonly cpu: number },
		/** Room for a piece with its header: a multiple of 8. */
		readonly slot: number,
		/** Called before each piece. */
		readonly before: (piece: Piece) => void = () => {},
		/** Numbers of pieces before which something is missing. */
		readonly behindHoles: ReadonlySet<number> = new Set(),
	) {}

	fill(target: Uint8Array): number {
		let filled = 0;
		while (filled + this.slot <= target.length) {
			const piece = this.#next();
			if (piece === null) {
				this.#block = Buffer.alloc(0);
				break;
			}
			target.set(piece, filled);
			if (this.#skipped || this.behindHoles.has(this.#pieces)) target[filled + FLAGS_AT]! |= MISSED_EVENTS;
			this.#skipped = false;
			this.#pieces++;
			filled += this.slot;
		}
		return filled;
	}

	/** The next piece with its header; null at the end and at what is no piece. */
	#next(): Uint8Array | null {
		while (this.damage === null && this.consumed < this.file.size) {
			const at = this.consumed;
			const left = this.file.size - at;
			if (left < HEADER) return this.#end(`the file ends within the header of a piece`);
			const head = this.#bytes(at, HEADER);
			const time = head.readBigUInt64LE(0);
			const bytes = head.readUInt32LE(8);
			if (head.readUInt32LE(12) !== 0 || bytes + HEADER > this.slot)
				return this.#end(
					`no header of a piece where one must be: what follows (${left} bytes) cannot be read`,
				);
			if (bytes + HEADER > left)
				return this.#end(`the file ends ${bytes + HEADER - left} bytes before the end of its last piece`);
			this.consumed += HEADER + bytes;
			if (time === 0n && bytes > 0) {
				this.timeless++;
				this.#skipped = true;
				continue;
			}
			this.before({ time, bytes });
			return this.#bytes(at, HEADER + bytes);
		}
		return null;
	}

	#end(text: string): null {
		this.damage = { offset: this.consumed, text: `CPU ${this.data.cpu}: ${text}` };
		return null;
	}

	#bytes(at: number, length: number): Buffer {
		if (at < this.#from || at + length > this.#from + this.#filled) {
			this.#from = at;
			this.#filled = Math.min(BLOCK, this.file.size - at);
			this.file.readInto(this.#block.subarray(0, this.#filled), at, "pieces");
		}
		return this.#block.subarray(at - this.#from, at - this.#from + length);
	}
}
