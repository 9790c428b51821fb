/**
 * A large perf.data out of a small one, its samples over and over with later times. Names, mappings and everything else
 * comes once, in front; no thread ends. perf reads the result.
 * Format: tools/perf/Documentation/perf.data-file-format.txt, Linux 7.2.
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { MemoryBytes } from "../../collector/decode/bytes.ts";
import { readPerfHeader } from "../../collector/decode/perf/header.ts";
import { recordType } from "../../collector/decode/perf/record-types.ts";
import { sampleLayout } from "../../collector/decode/perf/sample-layout.ts";

/** Bytes written at once. */
const WRITE = 8 * 1024 * 1024;
/** ns between the last sample and the first of the next time. */
const GAP = 1000n;

/** Returns how many samples the file has. Little-endian files with one header and samples of one layout. */
export function repeatPerf(from: string, to: string, times: number): number {
	const bytes = readFileSync(from);
	const header = readPerfHeader(new MemoryBytes(bytes));
	if (header.pipe || !header.littleEndian || header.problems.length > 0)
		throw new Error(`${from}: a whole little-endian file is needed`);
	const { offset, size } = header.data;
	const places = new Set(header.events.map((e) => sampleLayout(e.attr).time));
	const time = [...places][0]!;
	if (places.size !== 1 || time < 0)
		throw new Error(`${from}: samples with their time in one place are needed`);

	const once: Buffer[] = [];
	const again: Buffer[] = [];
	const stamps: number[] = [];
	let length = 0;
	for (let at = offset; at < offset + size; ) {
		const type = bytes.readUInt32LE(at);
		const record = bytes.subarray(at, at + bytes.readUInt16LE(at + 6));
		at += record.length;
		if (type === recordType.sample || type === recordType.finishedRound) {
			if (type === recordType.sample) stamps.push(length + time);
			again.push(record);
			length += record.length;
		} else if (type !== recordType.exit) once.push(record);
	}
	const round = Buffer.alloc(8);
	round.writeUInt32LE(recordType.finishedRound);
	round.writeUInt16LE(8, 6);
	const unit = Buffer.concat([...again, round]);
	const first = stamps.map((at) => unit.readBigUInt64LE(at));
	const least = first.reduce((a, b) => (b < a ? b : a));
	const greatest = first.reduce((a, b) => (b > a ? b : a));
	const span = greatest - least + GAP;

	const out = openSync(to, "w");
	try {
		const start = Buffer.concat(once);
		const total = start.length + unit.length * times;
		const head = Buffer.from(bytes.subarray(0, offset));
		head.writeBigUInt64LE(BigInt(total), 48);
		writeSync(out, head);
		writeSync(out, start);
		const block = Math.max(1, Math.floor(WRITE / unit.length));
		const many = Buffer.alloc(block * unit.length);
		for (let done = 0; done < times; done += block) {
			const n = Math.min(block, times - done);
			for (let k = 0; k < n; k++) {
				unit.copy(many, k * unit.length);
				const shift = BigInt(done + k) * span;
				for (const [i, at] of stamps.entries())
					many.writeBigUInt64LE(first[i]! + shift, k * unit.length + at);
			}
			writeSync(out, many, 0, n * unit.length);
		}
		const rest = Buffer.from(bytes.subarray(offset + size));
		for (let k = 0; k < header.features.size; k++)
			rest.writeBigUInt64LE(rest.readBigUInt64LE(16 * k) + BigInt(total - size), 16 * k);
		writeSync(out, rest);
	} finally {
		closeSync(out);
	}
	return stamps.length * times;
}
