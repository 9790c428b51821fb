/**
 * perf-PID.map: what a JIT wrote of its functions, one a line: start and size in hex without 0x, then the name up to
 * the end of the line (linux tools/perf/Documentation/jit-interface.txt). Memory is used again: where lines overlap,
 * the later one tells what is there.
 */

import { decodeText } from "../../decode/tracepoint/interner.ts";

/** Start, size, and the first character of the name. */
export const perfMapLine = /^(?:0x)?([0-9a-f]{1,16}) (?:0x)?([0-9a-f]{1,16}) [^\s]/i;

/** Of more lines than this, the first are read. */
const maxLines = 4_000_000;
const maxNameBytes = 4096;
const newline = 10;

export class PerfMap {
	readonly #bytes: Buffer;
	/** Pieces of memory in order of address, each of one line. */
	readonly #pieceStart: BigUint64Array;
	readonly #pieceEnd: BigUint64Array;
	readonly #pieceLine: Uint32Array;
	/** By line: where the function starts, and its name in the bytes. */
	readonly #start: BigUint64Array;
	readonly #nameAt: Uint32Array;

	private constructor(bytes: Buffer, start: BigUint64Array, end: BigUint64Array, nameAt: Uint32Array) {
		this.#bytes = bytes;
		this.#start = start;
		this.#nameAt = nameAt;
		const pieces = uncover(start, end);
		this.#pieceStart = BigUint64Array.from(pieces, (p) => p.start);
		this.#pieceEnd = BigUint64Array.from(pieces, (p) => p.end);
		this.#pieceLine = Uint32Array.from(pieces, (p) => p.line);
	}

	/** Lines that are not of this form are left out. */
	static parse(bytes: Buffer): PerfMap {
		const start: bigint[] = [];
		const end: bigint[] = [];
		const nameAt: number[] = [];
		for (let at = 0; at < bytes.length && start.length < maxLines; ) {
			let next = bytes.indexOf(newline, at);
			if (next < 0) next = bytes.length;
			const numbers = perfMapLine.exec(bytes.toString("latin1", at, Math.min(next, at + 48)));
			if (numbers) {
				const from = BigInt(`0x${numbers[1]}`);
				const to = from + BigInt(`0x${numbers[2]}`);
				if (to > from && to < 1n << 64n) {
					start.push(from);
					end.push(to);
					nameAt.push(at + numbers[0].length - 1);
				}
			}
			at = next + 1;
		}
		return new PerfMap(bytes, BigUint64Array.from(start), BigUint64Array.from(end), Uint32Array.from(nameAt));
	}

	get size(): number {
		return this.#start.length;
	}

	/** Bytes from the start of the function; null if no line covers the address. */
	find(address: bigint): { readonly name: string; readonly offset: number } | null {
		let low = 0;
		let high = this.#pieceStart.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (this.#pieceStart[middle] <= address) low = middle + 1;
			else high = middle;
		}
		if (low === 0 || address >= this.#pieceEnd[low - 1]) return null;
		const line = this.#pieceLine[low - 1];
		const at = this.#nameAt[line];
		let stop = this.#bytes.indexOf(newline, at);
		if (stop < 0) stop = this.#bytes.length;
		const name = decodeText(this.#bytes.subarray(at, Math.min(stop, at + maxNameBytes))).trimEnd();
		return { name, offset: Number(address - this.#start[line]) };
	}
}

/** The part of each line that no later line covers: a sweep over the borders, with the open lines in a heap. */
function uncover(start: BigUint64Array, end: BigUint64Array): { start: bigint; end: bigint; line: number }[] {
	const lines = start.length;
	const byStart = Uint32Array.from({ length: lines }, (_, i) => i).sort((a, b) =>
		start[a] < start[b] ? -1 : start[a] > start[b] ? 1 : a - b,
	);
	const open = new LatestFirst(lines);
	const pieces: { start: bigint; end: bigint; line: number }[] = [];
	let at = 0n;
	/** Pieces of what is open, from `at` up to a border. */
	const advance = (border: bigint) => {
		while (at < border && open.size > 0) {
			const line = open.top;
			if (end[line] <= at) {
				open.drop();
				continue;
			}
			const stop = end[line] < border ? end[line] : border;
			const last = pieces[pieces.length - 1];
			if (last?.line === line && last.end === at) last.end = stop;
			else pieces.push({ start: at, end: stop, line });
			at = stop;
		}
		at = border;
	};
	for (const line of byStart) {
		advance(start[line]);
		open.add(line);
	}
	advance(1n << 64n);
	return pieces;
}

/** Binary heap of line numbers, the highest on top. */
class LatestFirst {
	readonly #lines: Uint32Array;
	size = 0;
	constructor(capacity: number) {
		this.#lines = new Uint32Array(capacity);
	}
	get top(): number {
		return this.#lines[0];
	}
	add(line: number): void {
		let i = this.size++;
		for (; i > 0 && this.#lines[(i - 1) >> 1] < line; i = (i - 1) >> 1)
			this.#lines[i] = this.#lines[(i - 1) >> 1];
		this.#lines[i] = line;
	}
	drop(): void {
		const moved = this.#lines[--this.size];
		let i = 0;
		for (;;) {
			let child = 2 * i + 1;
			if (child >= this.size) break;
			if (child + 1 < this.size && this.#lines[child + 1] > this.#lines[child]) child++;
			if (this.#lines[child] <= moved) break;
			this.#lines[i] = this.#lines[child];
			i = child;
		}
		this.#lines[i] = moved;
	}
}
