/**
 * The records of one file in the order of the file, compressed ones unfolded. What the kernel wrote (types below 64)
 * is copied to the caller's memory in whole records; what perf itself wrote is handed over one by one.
 * Source: tools/perf/Documentation/perf.data-file-format.txt and tools/perf/util/session.c, Linux 7.2.
 */
import { Decompress } from "fzstd";
import type { FileBytes } from "../bytes.ts";
import { MAX_FEATURE } from "./features.ts";
import type { Section } from "./header.ts";
import { FIRST_USER_TYPE, HEADER, recordType } from "./record-types.ts";
import { ZstdFrames } from "./zstd-frames.ts";

/** Bytes read at once; a record has 64 KiB at most. */
const READ = 1024 * 1024;

/** What one compressed record may unfold to: perf compresses what lies in one buffer of a CPU, 64 KiB at a time. */
const MAX_UNFOLDED = 64 * 1024 * 1024;

/** A record of perf itself; `bytes` are its own, header included; `extra` what follows it in the file: formats of a pipe's header. */
export interface UserRecord {
	readonly type: number;
	readonly misc: number;
	readonly bytes: Buffer;
	readonly extra: Buffer | null;
}

/** Bytes that are being split into records. */
interface Window {
	bytes: Buffer;
	at: number;
	end: number;
}

export class RecordReader {
	/** Where and why reading ended before the end; null while all is well. */
	damage: { readonly text: string; readonly offset: number } | null = null;
	/** Records by type, those inside compressed ones too. */
	readonly counts = new Uint32Array(256);
	readonly #raw: Window = { bytes: Buffer.allocUnsafe(READ), at: 0, end: 0 };
	readonly #unfolded: Window = { bytes: Buffer.alloc(0), at: 0, end: 0 };
	readonly #file: FileBytes;
	readonly #to: number;
	/** Position in the file of the end of #raw. */
	#position: number;
	#zstd: Decompress | null = null;
	readonly #frames = new ZstdFrames();
	#parts: Uint8Array[] = [];
	#partBytes = 0;
	#view: DataView;

	constructor(
		file: FileBytes,
		{ offset, size }: Section,
		readonly littleEndian: boolean,
		readonly onUser: (record: UserRecord) => void,
	) {
		this.#file = file;
		this.#position = offset;
		this.#to = Math.min(offset + size, file.size);
		this.#view = new DataView(this.#raw.bytes.buffer, this.#raw.bytes.byteOffset, READ);
	}

	/** Bytes of the file that have been taken. */
	get consumed(): number {
		return this.#position - (this.#raw.end - this.#raw.at);
	}

	/**
	 * Copies the next records of the kernel to `target` from `at` on, `capacity` bytes at most (64 KiB at least).
	 * Returns the bytes copied; 0 at the end.
	 */
	fill(target: Uint8Array, at: number, capacity: number): number {
		const start = at;
		const stop = at + capacity;
		for (;;) {
			const before = at;
			at = this.#split(this.#unfolded, target, at, stop);
			if (at !== before) continue;
			if (this.#unfolded.end - this.#unfolded.at >= HEADER && this.#fits(this.#unfolded) > stop - at)
				return at - start;
			at = this.#split(this.#raw, target, at, stop);
			if (at !== before) continue;
			if (this.damage) return at - start;
			if (this.#raw.end - this.#raw.at >= HEADER && this.#isWhole(this.#raw)) {
				// a whole record that did not fit, or one that fed the decompressor
				if (!this.#isCompressed(this.#raw)) return at - start;
				this.#unfold();
				if (this.damage) return at - start;
				continue;
			}
			if (!this.#refill()) return at - start;
		}
	}

	/** Size of the record at the start of a window. */
	#fits(w: Window): number {
		return this.littleEndian ? w.bytes.readUInt16LE(w.at + 6) : w.bytes.readUInt16BE(w.at + 6);
	}

	#isWhole(w: Window): boolean {
		return w.end - w.at >= this.#fits(w);
	}

	#isCompressed(w: Window): boolean {
		const type = this.littleEndian ? w.bytes.readUInt32LE(w.at) : w.bytes.readUInt32BE(w.at);
		return type === recordType.compressed || type === recordType.compressed2;
	}

	/** Takes whole records from a window until one does not fit, must be unfolded, or is not there whole. */
	#split(w: Window, target: Uint8Array, at: number, stop: number): number {
		const raw = w === this.#raw;
		const view = raw ? this.#view : new DataView(w.bytes.buffer, w.bytes.byteOffset, w.bytes.length);
		const le = this.littleEndian;
		let run = w.at;
		const copy = (): void => {
			if (w.at > run) at += w.bytes.copy(target, at, run, w.at);
		};
		while (w.end - w.at >= HEADER && !this.damage) {
			const type = view.getUint32(w.at, le);
			const size = view.getUint16(w.at + 6, le);
			if (size < HEADER || (type < FIRST_USER_TYPE && size % 8 !== 0)) {
				copy();
				this.damage = {
					text: `A record of type ${type} with ${size} bytes makes no sense; what follows it is lost`,
					offset: raw ? this.consumed : this.#position,
				};
				return at;
			}
			if (w.end - w.at < size) break;
			if (type < FIRST_USER_TYPE) {
				if (at + (w.at - run) + size > stop) break;
				this.counts[type & 255]!++;
				w.at += size;
				continue;
			}
			copy();
			if (raw && (type === recordType.compressed || type === recordType.compressed2)) return at;
			this.counts[type & 255]!++;
			const bytes = Buffer.from(w.bytes.subarray(w.at, w.at + size));
			const misc = view.getUint16(w.at + 4, le);
			w.at += size;
			this.onUser({ type, misc, bytes, extra: raw ? this.#extra(type, bytes) : null });
			run = w.at;
		}
		copy();
		return at;
	}

	/** What follows a record outside its size: formats (aligned to 8), or the data of AUXTRACE, which is passed over. */
	#extra(type: number, bytes: Buffer): Buffer | null {
		if (type === recordType.headerTracingData && bytes.length >= 12) {
			const size = this.littleEndian ? bytes.readUInt32LE(8) : bytes.readUInt32BE(8);
			return this.#take(Math.ceil(size / 8) * 8, "formats of the events", true);
		}
		if (type === recordType.auxtrace && bytes.length >= 16) {
			const size = this.littleEndian ? bytes.readBigUInt64LE(8) : bytes.readBigUInt64BE(8);
			this.#take(size > BigInt(this.#to) ? this.#to : Number(size), "data of AUXTRACE", false);
		}
		return null;
	}

	#take(size: number, what: string, keep: boolean): Buffer | null {
		const w = this.#raw;
		const here = this.consumed;
		if (here + size > this.#to || (keep && size > MAX_FEATURE)) {
			this.damage = { text: `The file ends inside the ${what}`, offset: here };
			return null;
		}
		const out = keep ? this.#file.read(here, size, what) : null;
		if (size <= w.end - w.at) w.at += size;
		else {
			this.#position = here + size;
			w.at = w.end = 0;
		}
		return out;
	}

	/** The compressed record at the start of #raw becomes bytes of #unfolded. */
	#unfold(): void {
		const w = this.#raw;
		const size = this.#fits(w);
		const type = this.littleEndian ? w.bytes.readUInt32LE(w.at) : w.bytes.readUInt32BE(w.at);
		let from = w.at + HEADER;
		let to = w.at + size;
		if (type === recordType.compressed2 && size >= HEADER + 8) {
			const told = this.littleEndian ? w.bytes.readBigUInt64LE(from) : w.bytes.readBigUInt64BE(from);
			from += 8;
			if (told <= BigInt(to - from)) to = from + Number(told);
		}
		const offset = this.consumed;
		this.counts[type & 255]!++;
		this.#zstd ??= new Decompress((data) => {
			this.#partBytes += data.length;
			if (this.#partBytes > MAX_UNFOLDED) throw new RangeError("too large");
			this.#parts.push(data);
		});
		const u = this.#unfolded;
		this.#parts = u.end > u.at ? [u.bytes.subarray(u.at, u.end)] : [];
		this.#partBytes = u.end - u.at;
		try {
			// the decompressor may keep what it is given
			const data = Buffer.from(w.bytes.subarray(from, to));
			this.#frames.push(data);
			this.#zstd.push(data);
		} catch {
			this.damage = {
				text: "A compressed record cannot be decompressed; what follows it is lost",
				offset,
			};
		}
		w.at += size;
		const joined = Buffer.concat(this.#parts);
		u.bytes = joined;
		u.at = 0;
		u.end = joined.length;
		this.#parts = [];
	}

	/** Reads on; false at the end, where an unfinished record is damage. */
	#refill(): boolean {
		const w = this.#raw;
		const left = w.end - w.at;
		const want = Math.min(READ - left, this.#to - this.#position);
		if (want <= 0) {
			const cut = left > 0 || this.#unfolded.end > this.#unfolded.at || this.#frames.pending;
			if (cut)
				this.damage = {
					text: `The file ends inside a record, ${left} bytes after its start`,
					offset: this.consumed,
				};
			return false;
		}
		w.bytes.copyWithin(0, w.at, w.end);
		this.#file.readInto(w.bytes.subarray(left, left + want), this.#position, "records");
		this.#position += want;
		w.at = 0;
		w.end = left + want;
		return true;
	}
}
