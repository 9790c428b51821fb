/**
 * perf-PID.map: what a JIT wrote of its functions, one a line: start and size in hex without 0x, then the name up to
 * the end of the line (linux tools/perf/Documentation/jit-interface.txt). Memory is used again: where lines overlap,
 * the later one tells what is there.
 */

import { decodeText } from "../../decode/tracepoint/interner.ts";

/** Start, size, and the first character of the name. */
export const perfMapLine = /^(?:0x)?([0-9a-f]{1,16}) (?:0x)?([0-9a-f]{1,16}) [^\s]/i;

const maxNameBytes = 4096;
const newline = 10;
/** Start and size at the beginning of a line. */
const maxNumbersChars = 48;

export class PerfMap {
	readonly #bytes: Buffer;
	/** By line: where the function starts, and its name in the bytes. */
	readonly #start: Float64Array;
	readonly #nameAt: Uint32Array;
	readonly #pieces: Pieces;

	private constructor(bytes: Buffer, start: Float64Array, end: Float64Array, nameAt: Uint32Array) {
		this.#bytes = bytes;
		this.#start = start;
		this.#nameAt = nameAt;
		this.#pieces = uncover(start, end);
	}

	/** Lines that are not of this form are left out; so are addresses from 2^53 on, where no user program lies. */
	static parse(bytes: Buffer): PerfMap {
		let lines = 1;
		for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) lines++;
		const start = new Float64Array(lines);
		const end = new Float64Array(lines);
		const nameAt = new Uint32Array(lines);
		let count = 0;
		for (let at = 0; at < bytes.length; ) {
			let next = bytes.indexOf(newline, at);
			if (next < 0) next = bytes.length;
			const numbers = perfMapLine.exec(bytes.toString("latin1", at, Math.min(next, at + maxNumbersChars)));
			if (numbers) {
				const from = Number.parseInt(numbers[1], 16);
				const to = from + Number.parseInt(numbers[2], 16);
				if (to > from && to <= Number.MAX_SAFE_INTEGER) {
					start[count] = from;
					end[count] = to;
					nameAt[count++] = at + numbers[0].length - 1;
				}
			}
			at = next + 1;
		}
		return new PerfMap(bytes, start.slice(0, count), end.slice(0, count), nameAt.slice(0, count));
	}

	get size(): number {
		return this.#start.length;
	}

	/** Bytes from the start of the function; null if no line covers the address. */
	find(address: bigint): { readonly name: string; readonly offset: number } | null {
		if (address > BigInt(Number.MAX_SAFE_INTEGER)) return null;
		const wanted = Number(address);
		const { start, end, line, count } = this.#pieces;
		let low = 0;
		let high = count;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (start[middle] <= wanted) low = middle + 1;
			else high = middle;
		}
		if (low === 0 || wanted >= end[low - 1]) return null;
		const found = line[low - 1];
		const at = this.#nameAt[found];
		let stop = this.#bytes.indexOf(newline, at);
		if (stop < 0) stop = this.#bytes.length;
		const name = decodeText(this.#bytes.subarray(at, Math.min(stop, at + maxNameBytes))).trimEnd();
		return { name, offset: wanted - this.#start[found] };
	}
}

/** Pieces of memory in order of address, each of one line. */
interface Pieces {
	readonly start: Float64Array;
	readonly end: Float64Array;
	readonly line: Uint32Array;
	readonly count: number;
}

/** The part of each line that no later line covers: a sweep over the borders, with the open lines in a heap. */
function uncover(start: Float64Array, end: Float64Array): Pieces {
	const lines = start.length;
	const byStart = Uint32Array.from({ length: lines }, (_, i) => i).sort(
		(a, b) => start[a] - start[b] || a - b,
	);
	const open = new LatestFirst(lines);
	// each line begins one piece, and each end of a line at most one more
	const pieces = {
		start: new Float64Array(2 * lines),
		end: new Float64Array(2 * lines),
		line: new Uint32Array(2 * lines),
		count: 0,
	};
	let at = 0;
	/** Pieces of what is open, from `at` up to a border. */
	const advance = (border: number) => {
		while (at < border && open.size > 0) {
			const line = open.top;
			if (end[line] <= at) {
				open.drop();
				continue;
			}
			const stop = Math.min(end[line], border);
			const last = pieces.count - 1;
			if (last >= 0 && pieces.line[last] === line && pieces.end[last] === at) pieces.end[last] = stop;
			else {
				pieces.start[pieces.count] = at;
				pieces.end[pieces.count] = stop;
				pieces.line[pieces.count++] = line;
			}
			at = stop;
		}
		at = border;
	};
	for (const line of byStart) {
		advance(start[line]);
		open.add(line);
	}
	advance(Number.POSITIVE_INFINITY);
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
