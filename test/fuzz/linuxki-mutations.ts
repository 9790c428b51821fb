/** Ways in which ki.bin files and what lies beside them can be wrong. */
import { CHUNK, CHUNK_HEADER } from "../../collector/decode/linuxki/chunks.ts";
import { HARDCLOCK, SYS_ENTER, SYS_EXIT, versions } from "../../collector/decode/linuxki/record-layouts.ts";
import type { Capture, KiBin } from "./linuxki-captures.ts";

/** Values that lengths, counts, stamps, numbers of threads and CPUs do not expect. */
export const nasty: readonly bigint[] = [
	0n,
	1n,
	7n,
	8n,
	9n,
	39n,
	40n,
	0x7fn,
	0x80n,
	0xffn,
	0xfffn,
	0x1000n,
	0xfff8n,
	0xffffn,
	0x1_0000n,
	BigInt(CHUNK - CHUNK_HEADER),
	BigInt(CHUNK - CHUNK_HEADER + 8),
	BigInt(CHUNK),
	0x3f_ffffn,
	0x40_0000n,
	0x7fff_fff8n,
	0x7fff_ffffn,
	0x8000_0000n,
	0xffff_fff8n,
	0xffff_ffffn,
	0x1_0000_0000n,
	0x1f_ffff_ffff_ffffn,
	0x20_0000_0000_0000n,
	0x7fff_ffff_ffff_ffffn,
	0x8000_0000_0000_0000n,
	0xffff_ffff_ffff_fe00n,
	0xffff_ffff_ffff_ff80n,
	0xffff_ffff_ffff_fff8n,
	0xffff_ffff_ffff_ffffn,
];

/** Random choices, from one stream of numbers. */
export interface Choices {
	below(n: number): number;
	chance(p: number): boolean;
	pick<T>(list: readonly T[]): T;
}

export function choicesOf(next: () => number): Choices {
	const below = (n: number): number => Math.floor(next() * n);
	return { below, chance: (p) => next() < p, pick: (list) => list[below(list.length)]! };
}

/** The bytes of one file on their way through several edits. */
class Edited {
	constructor(
		public bytes: Buffer,
		readonly file: KiBin,
		readonly c: Choices,
	) {}

	/** Places are those of the original: behind a cut they are any place. */
	place(list: readonly number[]): number {
		return list.length > 0 ? this.c.pick(list) : this.c.below(this.bytes.length);
	}

	put(at: number, size: number, value: bigint): void {
		for (let k = 0; k < size && at + k < this.bytes.length; k++)
			this.bytes[at + k] = Number((value >> BigInt(8 * k)) & 0xffn);
	}

	flip(at: number): void {
		if (at < this.bytes.length) this.bytes[at]! ^= 1 << this.c.below(8);
	}

	splice(at: number, take: number, insert: Uint8Array = new Uint8Array(0)): void {
		this.bytes = Buffer.concat([this.bytes.subarray(0, at), insert, this.bytes.subarray(at + take)]);
	}

	move(from: number, to: number, size: number): void {
		if (from < this.bytes.length && to < this.bytes.length) this.bytes.copyWithin(to, from, from + size);
	}

	u32(at: number): number {
		return at + 4 <= this.bytes.length ? this.bytes.readUInt32LE(at) : 0;
	}
}

type Edit = (e: Edited) => void;

/** For files of either mode. */
const anywhere: readonly Edit[] = [
	(e) => e.flip(e.c.below(e.bytes.length)),
	(e) => e.put(8 * e.c.below(Math.ceil(e.bytes.length / 8)), 8, e.c.pick(nasty)),
	(e) => e.put(4 * e.c.below(Math.ceil(e.bytes.length / 4)), 4, e.c.pick(nasty)),
	(e) => {
		e.bytes = e.bytes.subarray(0, e.c.below(e.bytes.length));
	},
	(e) => {
		const end = e.place(e.file.chunks) + e.c.below(64);
		e.bytes = e.bytes.subarray(0, Math.min(e.bytes.length, end));
	},
	(e) => e.splice(e.c.below(e.bytes.length), 8 * (1 + e.c.below(8))),
	(e) => e.splice(e.place(e.file.records), 1 + e.c.below(400)),
	(e) => {
		const at = e.place(e.file.records);
		e.splice(at, 0, e.bytes.subarray(at, at + 1 + e.c.below(400)));
	},
	(e) => {
		const at = Math.min(e.bytes.length, e.c.chance(0.5) ? e.place(e.file.records) : e.place(e.file.chunks));
		e.bytes.fill(e.c.pick([0, 0xff, 0x20]), at, Math.min(e.bytes.length, at + 1 + e.c.below(70_000)));
	},
	// chunks twice, elsewhere, or not at all
	(e) => {
		const { chunks } = e.file;
		const k = e.c.below(chunks.length);
		const [from, to] = [chunks[k]!, chunks[k + 1] ?? e.bytes.length];
		const taken = Buffer.from(e.bytes.subarray(from, to));
		if (e.c.chance(0.6)) e.splice(from, taken.length);
		if (e.c.chance(0.8)) e.splice(Math.min(e.bytes.length, e.place(chunks)), 0, taken);
	},
	// records in another order, or twice
	(e) => {
		const [from, to] = [e.place(e.file.records), e.place(e.file.records)];
		e.splice(to, 0, e.bytes.subarray(from, from + 8 * (1 + e.c.below(30))));
	},
];

/** Fields of the header of a chunk: time, length, version, time of the sync. */
const chunkFields: readonly (readonly [at: number, size: number])[] = [
	[0, 8],
	[8, 4],
	[12, 4],
	[16, 8],
];

/** Fields of the header of a record: time, id, length, pid, cpu, number, tgid. */
const recordFields: readonly (readonly [at: number, size: number])[] = [
	[0, 8],
	[0, 8],
	[8, 4],
	[12, 4],
	[16, 4],
	[20, 4],
	[24, 8],
	[32, 4],
];

const withId = (e: Edited, ids: readonly number[]): number => {
	const records = e.file.records;
	for (let tries = 0; tries < 40 && records.length > 0; tries++) {
		const p = e.c.pick(records);
		if (ids.includes(e.u32(p + 8))) return p;
	}
	return e.place(records);
};

/** For files of the module. */
function likiEdits(version: number): readonly Edit[] {
	const { records, hardclock, calls } = versions[version]!;
	const stacks = new Map([[HARDCLOCK, hardclock.stack.at]]);
	for (const [id, r] of Object.entries(records)) if (r.stack) stacks.set(Number(id), r.stack.at);
	return [
		(e) => {
			const [at, size] = e.c.pick(chunkFields);
			e.put(e.place(e.file.chunks) + at, size, e.c.pick(nasty));
		},
		(e) => e.put(e.place(e.file.chunks) + 8, 4, BigInt(8 * e.c.below(CHUNK / 8))),
		(e) => e.put(e.place(e.file.chunks) + 12, 4, BigInt(e.c.below(12))),
		// all of another version
		(e) => {
			const word = BigInt(e.c.pick([0, 1, 3, 5, 7, 9]));
			if (e.c.chance(0.3)) for (const at of e.file.chunks) e.put(at + 12, 4, word);
		},
		(e) => {
			const [at, size] = e.c.pick(recordFields);
			e.put(e.place(e.file.records) + at, size, e.c.pick(nasty));
		},
		(e) => {
			const [at] = e.c.pick(recordFields);
			e.flip(e.place(e.file.records) + at + e.c.below(4));
		},
		// likely values: other ids, lengths, threads, CPUs
		(e) => e.put(e.place(e.file.records) + 8, 4, BigInt(e.c.below(64))),
		(e) => e.put(e.place(e.file.records) + 12, 4, BigInt(8 * e.c.below(64))),
		(e) => e.put(e.place(e.file.records) + 16, 4, BigInt(e.c.below(5000))),
		(e) => e.put(e.place(e.file.records) + 20, 4, BigInt(e.c.below(4100))),
		// a time between that of others and any
		(e) => {
			const [from, to] = [e.place(e.file.records), e.place(e.file.records)];
			e.move(from, to, 8);
		},
		// of many records at once
		(e) => {
			const [at, size] = e.c.pick(recordFields.slice(2));
			const value = e.c.chance(0.5) ? e.c.pick(nasty) : BigInt(e.c.below(4096));
			const from = e.c.below(e.file.records.length);
			for (const p of e.file.records.slice(from, from + e.c.below(500))) e.put(p + at, size, value);
		},
		(e) => {
			const p = withId(e, [...stacks.keys()]);
			const value = e.c.chance(0.5) ? BigInt(e.c.below(140)) : e.c.pick(nasty);
			e.put(p + (stacks.get(e.u32(p + 8)) ?? 48), 8, value);
		},
		(e) => {
			const p = withId(e, [...stacks.keys()]);
			e.put(p + (stacks.get(e.u32(p + 8)) ?? 48) + 8 * e.c.below(20), 8, e.c.pick(nasty));
		},
		// number of a call, its arguments and answer, and what the module copied of them
		(e) => {
			const p = withId(e, [SYS_ENTER, SYS_EXIT]);
			e.put(p + versions[version]!.headerBytes, 4, BigInt(e.c.below(450)));
			if (e.c.chance(0.5)) e.put(p + calls.argsAt + 8 * e.c.below(3), 8, BigInt(e.c.below(2000)));
		},
		(e) => e.put(withId(e, [SYS_ENTER, SYS_EXIT]) + calls.argsAt + 8 * e.c.below(7), 8, e.c.pick(nasty)),
		(e) => {
			const p = withId(e, [SYS_ENTER, SYS_EXIT]);
			const [at, size] = [p + 48 + 2 * e.c.below(70), e.c.pick([1, 2, 4, 8])];
			e.put(at, size, e.c.chance(0.5) ? BigInt(e.c.below(32)) : e.c.pick(nasty));
		},
		(e) => {
			const p = withId(e, [SYS_ENTER, SYS_EXIT]);
			const length = e.u32(p + 12);
			for (let at = p + versions[version]!.headerBytes; at < p + Math.min(length, 1200); at++)
				if (at < e.bytes.length && e.c.chance(0.3)) e.bytes[at] = e.c.below(256);
		},
		// a word inside a record
		(e) => e.put(e.place(e.file.records) + 40 + 4 * e.c.below(30), 4, e.c.pick(nasty)),
		(e) => e.put(e.place(e.file.records) + 40 + 8 * e.c.below(15), 8, e.c.pick(nasty)),
	];
}

/** For files of the ftrace mode. */
const ftraceEdits: readonly Edit[] = [
	(e) => e.put(e.place(e.file.chunks), 8, e.c.pick(nasty)),
	(e) => e.put(e.place(e.file.chunks) + 8, 4, e.c.pick(nasty)),
	(e) => e.put(e.place(e.file.chunks) + 8, 4, BigInt(4 * e.c.below(16_384))),
	(e) => e.put(e.place(e.file.chunks) + 12, 4, BigInt(e.c.below(12))),
	(e) => {
		const [from, to] = [e.place(e.file.chunks), e.place(e.file.chunks)];
		e.move(from, to, 8);
	},
	// kind and length of a record, its time
	(e) => {
		const p = e.place(e.file.records);
		e.put(p, 1, BigInt((e.u32(p) & 0xe0) | e.c.pick([0, 1, 2, 28, 29, 30, 31])));
	},
	(e) => e.put(e.place(e.file.records), 4, e.c.pick(nasty)),
	(e) => e.put(e.place(e.file.records) + 4, 4, e.c.pick(nasty)),
	(e) => e.flip(e.place(e.file.records) + e.c.below(4)),
	// type, pid, fields
	(e) => e.put(e.place(e.file.records) + 4, 2, e.c.chance(0.7) ? BigInt(e.c.below(1600)) : e.c.pick(nasty)),
	(e) => e.put(e.place(e.file.records) + 8, 4, e.c.pick(nasty)),
	(e) => e.put(e.place(e.file.records) + 12 + 4 * e.c.below(20), 4, e.c.pick(nasty)),
	(e) => {
		const type = BigInt(e.c.below(1600));
		const from = e.c.below(e.file.records.length);
		for (const p of e.file.records.slice(from, from + e.c.below(300))) e.put(p + 4, 2, type);
	},
];

/** Names that an object has without being asked, and that tables have. */
const names = [
	"__proto__",
	"constructor",
	"toString",
	"sched",
	"thread",
	"sched_switch",
	"sys_enter",
	"print",
	"",
];

const ID_BYTES = 104;

function mutatedIds(ids: Buffer, c: Choices): Buffer {
	let out = Buffer.from(ids);
	for (let n = 1 + c.below(20); n > 0; n--) {
		const at = ID_BYTES * c.below(Math.floor(out.length / ID_BYTES));
		c.pick<() => void>([
			() => out.write(`${c.pick(names)}\0`, at + c.pick([12, 28]), "latin1"),
			() => {
				const from = ID_BYTES * c.below(Math.floor(out.length / ID_BYTES));
				out.copy(out, at, from, from + ID_BYTES);
			},
			() => {
				out[at + c.below(ID_BYTES)] = c.below(256);
			},
			() => {
				if (c.chance(0.1)) out = out.subarray(0, Math.max(ID_BYTES, c.below(out.length)));
			},
		])();
	}
	return out;
}

/** Numbers, names and lines of a text wrong. */
export function mutatedText(bytes: Buffer, c: Choices): Buffer {
	const lines = bytes.toString("latin1").split("\n");
	for (let n = 1 + c.below(6); n > 0 && lines.length > 0; n--) {
		const k = c.below(lines.length);
		const line = lines[k]!;
		c.pick<() => void>([
			() => {
				lines[k] = line.replace(/\d+/g, (d) => (c.chance(0.4) ? String(c.pick(nasty)) : d));
			},
			() => {
				lines[k] = line.replace(/\d+/g, (d) => (c.chance(0.4) ? String(c.below(300)) : d));
			},
			() => void lines.splice(k, 1),
			() => void lines.splice(k, 0, c.pick(lines)),
			() => {
				lines[k] = line.replace(/\w+/, () => c.pick(names));
			},
			() => {
				lines[k] = c.pick(["u64 a[", "char b[16]", "__data_loc char[] c", "struct x y", "long"]) + line;
			},
			() => {
				const at = c.below(line.length + 1);
				lines[k] = line.slice(0, at) + String.fromCharCode(c.below(256)) + line.slice(at + c.below(3));
			},
			() => {
				lines[k] = line.repeat(1 + c.below(50));
			},
		])();
	}
	return Buffer.from(lines.join("\n"), "latin1");
}

/** Members of the capture, some of them wrong. */
export function mutated(capture: Capture, next: () => number): Map<string, Buffer> {
	const c = choicesOf(next);
	const { version, tag } = capture;
	const out = new Map<string, Buffer>(capture.members);
	const edits = [...anywhere, ...(version === 0 ? [...ftraceEdits, ...ftraceEdits] : likiEdits(version))];
	const damaged = c.below(capture.files.length);
	for (const [k, file] of capture.files.entries()) {
		if (k !== damaged && c.chance(0.9)) {
			out.set(file.name, file.bytes);
			continue;
		}
		const e = new Edited(Buffer.from(file.bytes), file, c);
		for (let n = 1 + c.below(6); n > 0 && e.bytes.length > 16; n--) c.pick(edits)(e);
		out.set(file.name, e.bytes);
	}
	if (c.chance(0.05)) {
		// files under other names: of another CPU, of more CPUs, of none
		const { name } = c.pick(capture.files);
		const bytes = out.get(name)!;
		if (c.chance(0.5)) out.delete(name);
		out.set(
			c.pick([`ki.bin.${tag}`, `ki.bin.4095.${tag}`, `ki.bin.9999.${tag}`, `ki.bin.001.${tag}`]),
			bytes,
		);
	}
	if (c.chance(0.02)) out.set(capture.files[0]!.name, Buffer.alloc(0));
	for (const [name, bytes] of capture.members) {
		const text = !name.startsWith("ids.");
		if (!c.chance(version === 0 ? (text ? 0.04 : 0.3) : 0.03)) continue;
		out.set(name, text ? mutatedText(bytes, c) : mutatedIds(bytes, c));
	}
	return out;
}
