/**
 * A first walk over the pieces of an ftrace-mode recording, without decoding: where its markers are, which events it
 * has, how large the kernel's sub-buffers were, whether all of them was read.
 */

import { CpuRecords } from "../trace-dat/records.ts";
import { RecordMemory } from "../tracepoint/memory.ts";
import type { OpenFile } from "./ftrace-files.ts";
import { LAYOUT, MAX_PIECE, PackedPages, type Piece, READ_BYTES } from "./ftrace-pages.ts";

/** What a reader of 4096 bytes gets of records. */
const FULL = READ_BYTES - LAYOUT.dataOffset;
/** Before the record proper: with the length in its first word, or in one of its own. */
const RECORD_HEAD = 4;
const LONG_HEAD = 8;
/** A record may come with a time extend of this size, which the kernel does not part from it. */
const TIME_EXTEND = 8;
/** What kiinfo writes to trace_marker when its time begins and ends: a record `print`, its text behind ip. */
const MARKER = /^kitrace_marker_(BEGIN|END)_(.*?)\n?$/;
const TEXT_AT = 16;
const TEXT_MAX = 200;

/** Beyond this many of a CPU they are not looked for: no recording of use has them. */
const MAX_HOLES = 100_000;

/** Where LinuxKI read a piece, or several in a row, and did not write it. */
export interface Hole {
	/** Number of the piece behind it. */
	readonly piece: number;
	/** Time of the last record before it, and time of the piece behind it. */
	readonly from: bigint;
	readonly to: bigint;
	/** Bytes that the sub-buffer before it would have with the record behind it: there was room for it. */
	readonly needed: number;
}

export interface SurveyedCpu {
	readonly cpu: number;
	readonly pieces: number;
	/** Bytes of the largest piece, its header included. */
	readonly largest: number;
	/** Time of the last record. */
	readonly last: bigint;
	/** Pieces whose time lies before that of the piece before. */
	readonly backwards: number;
	/** Pieces without a time. */
	readonly timeless: number;
	/** Bytes of records of the longest row of pieces that go on where the one before ended: one sub-buffer. */
	readonly subBuffer: number;
	/** In order. */
	readonly holes: readonly Hole[];
	/** The last piece has no room for another record: reading stopped with something left. */
	readonly full: boolean;
}

export interface Survey {
	readonly cpus: readonly SurveyedCpu[];
	/** Types of records. */
	readonly types: ReadonlySet<number>;
	/** Times of the markers. */
	readonly begin: bigint | null;
	readonly end: bigint | null;
}

/**
 * Yields after each file. `print` is the type of the markers' records; `tag` is in their text, "" = any. `pageBytes` of
 * the machine is the size of a sub-buffer, if not told otherwise.
 */
export function* survey(
	files: readonly OpenFile[],
	print: number,
	tag: string,
	pageBytes: number | null,
): Generator<void, Survey> {
	const memory = new RecordMemory(new ArrayBuffer(MAX_PIECE + 8), true);
	const room = (pageBytes ?? READ_BYTES) - LAYOUT.dataOffset;
	const cpus: CpuSurvey[] = [];
	const types = new Uint8Array(65_536);
	let begin: bigint | null = null;
	let end: bigint | null = null;
	for (const file of files) {
		const own = new CpuSurvey(file, memory, room);
		cpus.push(own);
		while (own.advance()) {
			types[own.type] = 1;
			if (own.type !== print) continue;
			const mark = MARKER.exec(own.text());
			if (!mark || (tag !== "" && mark[2] !== tag)) continue;
			const at = own.last;
			if (mark[1] === "BEGIN") begin = begin === null || at < begin ? at : begin;
			else end = end === null || at > end ? at : end;
		}
		yield;
	}
	// a sub-buffer is at least as large as the longest row
	const largest = Math.max(0, ...cpus.map((c) => c.subBuffer));
	for (const c of cpus) c.holes = c.holes.filter((h) => h.needed <= largest);
	return {
		cpus,
		types: new Set([...types.entries()].filter(([, n]) => n > 0).map(([type]) => type)),
		begin,
		end: begin !== null && end !== null && end < begin ? null : end,
	};
}

/** A row of pieces, each going on where the one before ended. */
interface Row {
	/** Of records; where something is missing, at least. */
	bytes: number;
	/** It begins with its sub-buffer, and nothing is missing in it. */
	whole: boolean;
}

/**
 * The kernel leaves a sub-buffer only where the next record does not fit, and the first record of a sub-buffer has the
 * sub-buffer's time. So records are missing before a piece that does not go on where the one before ended, if there was
 * room for its first record, and before one whose first record is later than the piece. (kiinfo 7.11 loses a piece now and
 * then: in two of three recordings; a switch was among what was missing.)
 */
class CpuSurvey implements SurveyedCpu {
	readonly cpu: number;
	pieces = 0;
	largest = LAYOUT.dataOffset;
	backwards = 0;
	subBuffer = 0;
	holes: Hole[] = [];
	full = false;
	/** Of the current record. */
	type = -1;
	readonly #memory: RecordMemory;
	readonly #room: number;
	readonly #pages: PackedPages;
	readonly #records: CpuRecords;
	#base = 0n;
	/** Of the last record, after the base. */
	#last = 0;
	/** Time of the last piece. */
	#previous = 0n;
	#largestRecord = 0;
	#row: Row = { bytes: 0, whole: false };
	/** The row before this one and the time at which it ended, until the first record of this one is known. */
	#before: { readonly row: Row; readonly at: bigint } | null = null;

	constructor({ cpu, bytes }: OpenFile, memory: RecordMemory, room: number) {
		this.cpu = cpu;
		this.#memory = memory;
		this.#room = room;
		// one piece at a time is in memory: all records before it have been seen when it comes
		this.#pages = new PackedPages(bytes, { cpu }, MAX_PIECE, (piece) => this.#piece(piece));
		this.#records = new CpuRecords(cpu, memory, 0, MAX_PIECE, this.#pages, MAX_PIECE, LAYOUT);
		this.#base = this.#records.prime() ?? 0n;
		this.#records.setBase(this.#base);
	}

	get last(): bigint {
		return this.#base + BigInt(this.#last);
	}

	get timeless(): number {
		return this.#pages.timeless;
	}

	/** Goes to the next record; false at the end. */
	advance(): boolean {
		const records = this.#records;
		if (!records.advance()) return false;
		this.#last = records.ts;
		const bytes = records.end - records.p;
		if (this.#before !== null) this.#firstOfRow(bytes);
		if (bytes + RECORD_HEAD > this.#largestRecord) this.#largestRecord = bytes + RECORD_HEAD;
		this.type = this.#memory.u16[records.p >> 1]!;
		return true;
	}

	/** Text of the current record, if it is one of print. */
	text(): string {
		const { p, end } = this.#records;
		if (end - p <= TEXT_AT) return "";
		const bytes = Buffer.from(this.#memory.buffer, p + TEXT_AT, Math.min(end - p - TEXT_AT, TEXT_MAX));
		const nul = bytes.indexOf(0);
		return bytes.toString("latin1", 0, nul < 0 ? bytes.length : nul);
	}

	#piece({ time, bytes }: Piece): void {
		const first = this.pieces++ === 0;
		const at = this.#base + BigInt(this.#records.ts);
		if (!first && time < this.#previous) this.backwards++;
		this.#previous = time;
		this.#before = null;
		if (!first && time === at) this.#row.bytes += bytes;
		else {
			if (!first && time > at) this.#before = { row: this.#row, at };
			// the first piece of a file need not be the first of its sub-buffer
			this.#row = { bytes, whole: !first };
		}
		this.subBuffer = Math.max(this.subBuffer, this.#row.bytes);
		this.largest = Math.max(this.largest, LAYOUT.dataOffset + bytes);
		this.full = bytes <= FULL && bytes + this.#largestRecord + TIME_EXTEND > FULL;
	}

	/** `bytes` of the first record behind the end of a row. */
	#firstOfRow(bytes: number): void {
		const { row, at } = this.#before!;
		this.#before = null;
		const needed = row.bytes + TIME_EXTEND + LONG_HEAD + bytes;
		const goesOn = this.last > this.#previous;
		if (needed > this.#room || !(goesOn || row.whole)) return;
		if (this.holes.length < MAX_HOLES)
			this.holes.push({ piece: this.pieces - 1, from: at, to: this.#previous, needed });
		if (goesOn) this.#row = { bytes: this.#row.bytes + row.bytes, whole: false };
	}
}
