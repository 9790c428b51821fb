/**
 * The records of one ki.bin file of LinuxKI's module, in the order of the file. A file is a sequence of chunks of 256 KiB:
 * a header of 24 bytes (u64 time when the chunk was begun, u32 bytes of records, u32 version, u64 time of the sync that
 * flushed it), records, and what the ring held there before, which is never read.
 *
 * What makes no sense costs the rest of its chunk. How many records that were is told by the sequence numbers of the next.
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import type { Ordered } from "../trace-dat/merge.ts";
import type { RecordMemory } from "../tracepoint/memory.ts";
import { Sequences } from "./sequences.ts";

export const CHUNK = 262_144;
export const CHUNK_HEADER = 24;
/** Bytes that are read of the next chunk: its header, and the time of its first record. */
const AHEAD = CHUNK_HEADER + 8;
/** Memory with which a chunk and what is wanted of the next come with one read. */
export const CHUNK_MEMORY = CHUNK + AHEAD;
/** Above the 2048 CPUs for which kiinfo looks for files. */
export const MAX_CPUS = 4096;

const TWO_32 = 4_294_967_296;
/** Times beyond it, 104 days from the first, are no times of one recording. */
const MAX_TS = 2 ** 53;

/** What is wrong in a file, by reason. */
export interface ChunkDamage {
	readonly reason: string;
	/** Of the first chunk. */
	readonly offset: number;
	count: number;
}

export class ChunkRecords implements Ordered {
	/** Position and end of the current record. */
	p = 0;
	end = 0;
	/** Its time, ns since the base. */
	ts = Number.NEGATIVE_INFINITY;
	cpu = -1;
	/** Number that counts the records of its CPU. */
	seq = -1;
	/** Told when records are found to be missing behind those so far (of a file of one CPU). */
	onGap: (() => void) | null = null;
	/** Changes whenever other bytes of the file come into the memory. */
	window = 0;
	/** Bytes of the file that are behind. */
	consumed = 0;
	readonly path: string;
	readonly cpuOfName: number | null;
	readonly size: number;
	readonly damage: ChunkDamage[] = [];
	/** Place where the file was cut. */
	truncated: number | null = null;

	readonly #sequences = new Sequences();
	readonly #memory: RecordMemory;
	readonly #from: number;
	readonly #bytes: number;
	readonly #version: number;
	readonly #headerBytes: number;
	readonly #baseHi: number;
	readonly #baseLo: number;
	readonly #latest: number;
	/** CPU of all records; -1 where it may change. */
	#only: number;
	/** Offset of the current chunk in the file; that of the next one. */
	#chunk = 0;
	#nextChunk = 0;
	/** Offset in the chunk of what is in memory; end of the chunk's records, as far as the file has them. */
	#offset = 0;
	#end = 0;
	/** The file ends before the records of the chunk do. */
	#cut = false;
	/** Positions in memory: next record, end of the records that are there. */
	#next = 0;
	#stop = 0;
	/** No record of the chunk is later. */
	#limit = Number.POSITIVE_INFINITY;
	/** Offset in the chunk up to which it was read. */
	#done = 0;
	/** The begin of the next chunk is in memory, behind this one. */
	#hasAhead = false;
	/** First record of a chunk that a sync flushed: it may come again with more. */
	#flushed: FirstRecord | null = null;
	readonly #ahead: Buffer = Buffer.alloc(AHEAD);

	/**
	 * `from`, `bytes`: this file's part of the memory, CHUNK_MEMORY or less. `only`: number of the CPU in the file's name, null if it has none.
	 * `base` null: times count from 0, and are rounded beyond 2^53.
	 */
	constructor(o: {
		path: string;
		only: number | null;
		memory: RecordMemory;
		from: number;
		bytes: number;
		version: number;
		headerBytes: number;
		base: bigint | null;
	}) {
		this.path = o.path;
		this.cpuOfName = o.only;
		this.#only = o.only ?? -1;
		this.#memory = o.memory;
		this.#from = o.from;
		this.#bytes = o.bytes;
		this.#version = o.version;
		this.#headerBytes = o.headerBytes;
		this.#baseHi = Number((o.base ?? 0n) >> 32n);
		this.#baseLo = Number((o.base ?? 0n) & 0xffff_ffffn);
		this.#latest = o.base === null ? Number.POSITIVE_INFINITY : MAX_TS;
		this.#next = this.#stop = o.from;
		this.size = statSync(o.path).size;
	}

	/** Goes to the next record; false at the end. */
	advance(): boolean {
		const { i32 } = this.#memory;
		const headerBytes = this.#headerBytes;
		for (;;) {
			const p = this.#next;
			if (p + headerBytes > this.#stop) {
				if (!this.#more()) return false;
				continue;
			}
			const length = i32[(p + 12) >> 2]!;
			if (length < headerBytes || (length & 7) !== 0) {
				this.#bad("a record's length makes no sense");
				continue;
			}
			if (p + length > this.#stop) {
				if (!this.#more()) return false;
				continue;
			}
			const ts = this.#time(i32[p >> 2]!, i32[(p + 4) >> 2]!);
			if (!(ts >= this.ts && ts <= this.#limit)) {
				this.#bad(ts < this.ts ? "time goes back" : "a record is later than the next chunk");
				continue;
			}
			const cpu = i32[(p + 20) >> 2]!;
			if ((cpu !== this.cpu || cpu < 0) && !this.#isCpu(cpu)) {
				this.#bad("a record is of another CPU");
				continue;
			}
			const before = cpu === this.cpu ? this.seq : -1;
			this.ts = ts;
			this.cpu = cpu;
			this.seq = (i32[(p + 28) >> 2]! >>> 0) * TWO_32 + (i32[(p + 24) >> 2]! >>> 0);
			this.p = p;
			this.end = this.#next = p + length;
			if (before >= 0 && this.seq !== before + 1 && this.seq !== 0) this.onGap?.();
			return true;
		}
	}

	/**
	 * Who was current in the present record, told by the next of its CPU from outside interrupts, as far as it is in memory
	 * and no record between is missing; -1 if not told. (In a sched_switch the thread that leaves is current.)
	 */
	currentAhead(): number {
		const { i32 } = this.#memory;
		const headerBytes = this.#headerBytes;
		let seq = this.seq;
		for (let q = this.end; q + headerBytes <= this.#stop; ) {
			const length = i32[(q + 12) >> 2]!;
			if (length < headerBytes || (length & 7) !== 0) return -1;
			if (i32[(q + 20) >> 2] === this.cpu) {
				if ((i32[(q + 28) >> 2]! >>> 0) * TWO_32 + (i32[(q + 24) >> 2]! >>> 0) !== ++seq) return -1;
				const pid = i32[(q + 16) >> 2]!;
				if (pid >= 0) return pid;
			}
			q += length;
		}
		return -1;
	}

	/**
	 * How many records of its CPU are missing before the present one (see sequences.ts). To be asked once, of each record.
	 */
	missing(): number {
		return this.#sequences.missing(this.cpu, this.seq, this.ts);
	}

	#time(lo: number, hi: number): number {
		return ((hi >>> 0) - this.#baseHi) * TWO_32 + ((lo >>> 0) - this.#baseLo);
	}

	#isCpu(cpu: number): boolean {
		if (cpu < 0 || cpu >= MAX_CPUS) return false;
		// a name that the first record does not bear out tells nothing
		if (this.cpu === -1 && this.#only !== cpu) this.#only = -1;
		return this.#only === -1 || this.#only === cpu;
	}

	/** Nothing more is read of this chunk. */
	#bad(reason: string): void {
		const known = this.damage.find((d) => d.reason === reason);
		if (known) known.count++;
		else this.damage.push({ reason, offset: this.#chunk, count: 1 });
		this.#leave();
	}

	#leave(): void {
		this.#done = this.#offset + this.#next - this.#from;
		this.#end = this.#done;
		this.#next = this.#stop;
	}

	/** There is no whole record in memory: brings more of the chunk, or the next one; false at the end of the file. */
	#more(): boolean {
		const at = this.#offset + this.#next - this.#from;
		if (at >= this.#end) {
			if (at === this.#end) this.#done = at;
			return this.#nextRecords();
		}
		if (this.#offset + this.#stop - this.#from < this.#end && this.#next > this.#from) this.#fill(at);
		else if (this.#cut) this.#leave();
		else this.#bad("a record reaches beyond its chunk");
		return true;
	}

	/** Brings the chunk's bytes from `offset` on into memory. */
	#fill(offset: number): void {
		this.window++;
		const { u8 } = this.#memory;
		const wanted = Math.min(this.#bytes, this.#end - offset);
		const ahead = offset === 0 && this.#bytes >= CHUNK_MEMORY ? CHUNK_MEMORY : wanted;
		const read = readAt(this.path, u8.subarray(this.#from, this.#from + ahead), this.#chunk + offset);
		this.#hasAhead = read === CHUNK_MEMORY;
		const got = Math.min(read, wanted) & ~7;
		this.#offset = offset;
		this.#next = this.#from;
		this.#stop = this.#from + got;
		// the file is shorter than when it was opened
		if (got < (wanted & ~7)) {
			this.#cut = true;
			this.#end = offset + got;
			this.truncated ??= this.#chunk + this.#end;
		}
	}

	/** Goes to the next chunk that has records. */
	#nextRecords(): boolean {
		const { view } = this.#memory;
		for (;;) {
			const at = this.#nextChunk;
			if (at + CHUNK_HEADER > this.size) {
				if (at < this.size) this.truncated ??= at;
				this.consumed = this.size;
				return false;
			}
			this.consumed = this.#chunk = at;
			this.#nextChunk = at + CHUNK;
			this.#cut = false;
			this.#end = Math.min(CHUNK, this.size - at);
			this.#fill(0);
			if (this.#stop - this.#from < CHUNK_HEADER) continue;
			const began = view.getBigUint64(this.#from, true);
			const length = view.getUint32(this.#from + 8, true);
			const synced = view.getBigUint64(this.#from + 16, true);
			if (view.getUint32(this.#from + 12, true) !== this.#version) {
				this.#bad("a chunk is of another version");
				continue;
			}
			if (length > CHUNK - CHUNK_HEADER || (length & 7) !== 0) {
				this.#bad("a chunk's length makes no sense");
				continue;
			}
			const first = this.#firstRecord(began, length);
			const again = first !== null && isSame(first, this.#flushed);
			const start = again ? Math.max(CHUNK_HEADER, this.#done) : CHUNK_HEADER;
			this.#done = start;
			this.#flushed = synced === 0n ? null : first;
			if (CHUNK_HEADER + length > this.#end) {
				this.#cut = true;
				this.truncated ??= at + this.#end;
			}
			this.#end = Math.min(this.#end & ~7, CHUNK_HEADER + length);
			this.#limit = this.#latest;
			const next = this.#following();
			// in a merged file headers are of one CPU, records of all
			const single = this.#only !== -1;
			if (single && next !== null && next.began > began && next.ts >= next.began) {
				this.#limit = Math.min(this.#latest, this.#since(next.began));
				if (first !== null && first.ts < began) {
					this.#bad("a record is earlier than its chunk");
					continue;
				}
			} else if (next !== null && first !== null && next.ts > first.ts)
				this.#limit = Math.min(this.#latest, this.#since(next.ts));
			else if (single && synced > began) this.#limit = Math.min(this.#latest, this.#since(synced));
			// the same again, without more
			if (start >= this.#end) {
				this.#next = this.#stop;
				continue;
			}
			this.#stop = Math.min(this.#stop, this.#from + this.#end);
			this.#next = this.#from + start;
			if (this.#next >= this.#stop) this.#fill(start);
			return true;
		}
	}

	/** Of the chunk at the begin of the memory. */
	#firstRecord(began: bigint, length: number): FirstRecord | null {
		const p = this.#from + CHUNK_HEADER;
		if (length < this.#headerBytes || p + this.#headerBytes > this.#stop) return null;
		const { view } = this.#memory;
		return { began, ts: view.getBigUint64(p, true), seq: view.getBigUint64(p + 24, true) };
	}

	/** Times of the chunk behind this one; null where there is none, or one without records. */
	#following(): { began: bigint; ts: bigint } | null {
		const ahead = this.#ahead;
		if (this.#hasAhead) ahead.set(this.#memory.u8.subarray(this.#from + CHUNK, this.#from + CHUNK_MEMORY));
		else if (readAt(this.path, ahead, this.#nextChunk) < ahead.length) return null;
		if (ahead.readUInt32LE(8) === 0) return null;
		return { began: ahead.readBigUInt64LE(0), ts: ahead.readBigUInt64LE(CHUNK_HEADER) };
	}

	#since(stamp: bigint): number {
		return this.#time(Number(BigInt.asIntN(32, stamp)), Number(BigInt.asIntN(32, stamp >> 32n)));
	}
}

interface FirstRecord {
	/** Time of its chunk. */
	readonly began: bigint;
	readonly ts: bigint;
	readonly seq: bigint;
}

function isSame(a: FirstRecord, b: FirstRecord | null): boolean {
	return b !== null && a.began === b.began && a.ts === b.ts && a.seq === b.seq;
}

/** Bytes that were read: fewer at the end of the file. Opened each time, for a recording may have more files than a process may open. */
function readAt(path: string, target: Uint8Array, offset: number): number {
	const fd = openSync(path, "r");
	try {
		let got = 0;
		while (got < target.length) {
			const n = readSync(fd, target, got, target.length - got, offset + got);
			if (n === 0) break;
			got += n;
		}
		return got;
	} finally {
		closeSync(fd);
	}
}
