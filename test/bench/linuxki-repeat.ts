/**
 * A large recording of LinuxKI out of a small one: its folder with the records of the ki.bin files over and over, at later
 * times. Formats: of the module collector/decode/linuxki/chunks.ts, of the ftrace mode ftrace-pages.ts.
 */
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { CHUNK, CHUNK_HEADER } from "../../collector/decode/linuxki/chunks.ts";
import { LAYOUT } from "../../collector/decode/linuxki/ftrace-pages.ts";
import { STARTUP } from "../../collector/decode/linuxki/record-layouts.ts";
import { shifted, span } from "../support/trace-dat-v6.ts";

/** ns between the end of the recording and its next repetition. */
const GAP = 1_000_000n;

const FILE = /^ki\.bin\./;

/** Rewrites the ki.bin files of an archive that was unpacked into `folder`; returns their bytes. */
export function repeatLinuxki(folder: string, times: number): number {
	const paths = readdirSync(folder)
		.filter((name) => FILE.test(name))
		.map((name) => join(folder, name));
	const files = paths.map((path) => readFileSync(path));
	const ofModule = files.some((f) => f.length >= 16 && f.readUInt32LE(12) !== 0);
	const parts = files.map(ofModule ? chunksOf : piecesOf);
	const stamps = parts.flatMap((list) => list.flatMap((p) => p.times));
	const least = stamps.reduce((a, b) => (b < a ? b : a));
	const greatest = stamps.reduce((a, b) => (b > a ? b : a));
	const step = greatest - least + GAP;
	let bytes = 0;
	for (const [i, path] of paths.entries()) {
		const fd = openSync(path, "w");
		try {
			const number = new Numbers();
			for (let k = 0; k < times; k++) {
				for (const [j, part] of parts[i]!.entries()) {
					const last = k === times - 1 && j === parts[i]!.length - 1;
					bytes += writeSync(fd, part.at(step * BigInt(k), k > 0, last, number));
				}
				number.again();
			}
		} finally {
			closeSync(fd);
		}
	}
	return bytes;
}

/** What a file is made of: chunks, or pieces. */
interface Part {
	/** First and last, at least. */
	readonly times: readonly bigint[];
	/** Its bytes so much later; `last`: nothing follows it in the file. */
	at(later: bigint, repeated: boolean, last: boolean, numbers: Numbers): Uint8Array;
}

/** Numbers of the records of each CPU: they go on from one repetition to the next, and keep their gaps. */
class Numbers {
	/** What is added to the numbers of the repetition, by CPU; the next number, as the file would have it. */
	readonly #shift = new Map<number, bigint>();
	readonly #next = new Map<number, bigint>();
	#begun = new Set<number>();

	of(cpu: number, number: bigint): bigint {
		if (!this.#begun.has(cpu)) {
			this.#begun.add(cpu);
			this.#shift.set(cpu, (this.#next.get(cpu) ?? number) - number);
		}
		const shifted = number + this.#shift.get(cpu)!;
		this.#next.set(cpu, shifted + 1n);
		return shifted;
	}

	/** A record with this number is left out. */
	without(cpu: number, number: bigint): void {
		this.of(cpu, number);
		this.#shift.set(cpu, this.#shift.get(cpu)! - 1n);
		this.#next.set(cpu, this.#next.get(cpu)! - 1n);
	}

	again(): void {
		this.#begun = new Set();
	}
}

function chunksOf(file: Buffer): Part[] {
	const parts: Part[] = [];
	for (let at = 0; at + CHUNK_HEADER <= file.length; at += CHUNK) {
		const chunk = file.subarray(at, Math.min(at + CHUNK, file.length));
		const end = CHUNK_HEADER + chunk.readUInt32LE(8);
		const records: Buffer[] = [];
		for (let p = CHUNK_HEADER; p < end; p += chunk.readUInt32LE(p + 12))
			records.push(chunk.subarray(p, p + chunk.readUInt32LE(p + 12)));
		const synced = chunk.readBigUInt64LE(16);
		parts.push({
			times: [
				chunk.readBigUInt64LE(0),
				...(synced === 0n ? [] : [synced]),
				...records.map((r) => r.readBigUInt64LE(0)),
			],
			at(later, repeated, last, numbers) {
				const copy = Buffer.alloc(CHUNK);
				chunk.copy(copy, 0, 0, CHUNK_HEADER);
				copy.writeBigUInt64LE(chunk.readBigUInt64LE(0) + later, 0);
				if (synced !== 0n) copy.writeBigUInt64LE(synced + later, 16);
				let to = CHUNK_HEADER;
				for (const record of records) {
					const cpu = record.readInt32LE(20);
					const number = record.readBigUInt64LE(24);
					// written once in a recording
					if (repeated && record.readUInt32LE(8) === STARTUP) {
						numbers.without(cpu, number);
						continue;
					}
					record.copy(copy, to);
					copy.writeBigUInt64LE(record.readBigUInt64LE(0) + later, to);
					copy.writeBigUInt64LE(numbers.of(cpu, number), to + 24);
					to += record.length;
				}
				copy.writeUInt32LE(to - CHUNK_HEADER, 8);
				return last ? copy.subarray(0, to) : copy;
			},
		});
	}
	return parts;
}

function piecesOf(file: Buffer): Part[] {
	const { commitOffset, dataOffset } = LAYOUT;
	const parts: Part[] = [];
	for (let at = 0; at + dataOffset <= file.length; ) {
		const piece = file.subarray(at, at + dataOffset + file.readUInt32LE(at + commitOffset));
		at += piece.length;
		parts.push({
			times: span(piece, commitOffset, dataOffset),
			at: (later) => shifted(piece, later, commitOffset, dataOffset),
		});
	}
	return parts;
}
