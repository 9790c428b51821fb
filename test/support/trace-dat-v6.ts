/**
 * Writes the main buffer of a trace.dat of any version as version 6, its pages one or more times with shifted stamps:
 * large inputs for measuring, and uncompressed twins of compressed traces. trace-cmd reads the result.
 * Format: trace-cmd.dat.v6(5); pages: kernel/trace/ring_buffer.c, Linux 6.12.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { prepareCompression } from "../../collector/decode/compression.ts";
import { openBuffer, openTraceDat } from "../../collector/decode/trace-dat/open.ts";
import { pageLayout } from "../../collector/decode/trace-dat/page-layout.ts";

/** Text of events/header_event: the same since Linux 2.6.32 but for blanks; trace-cmd wants it to be there. */
const HEADER_EVENT = `# compressed entry header
	type_len    :    5 bits
	time_delta  :   27 bits
	array       :   32 bits

	padding     : type == 29
	time_extend : type == 30
	time_stamp : type == 31
	data max type_len  == 28
`;

const TIME_STAMP = 31;
/** Bits of an absolute stamp in a record. */
const ABSOLUTE_MASK = (1n << 59n) - 1n;

/** Little-endian parts of a file. */
class Parts {
	readonly #parts: Buffer[] = [];
	length = 0;
	bytes(b: Uint8Array): this {
		this.#parts.push(Buffer.from(b));
		this.length += b.length;
		return this;
	}
	text(s: string): this {
		return this.bytes(Buffer.from(s, "latin1"));
	}
	u16(n: number): this {
		const b = Buffer.alloc(2);
		b.writeUInt16LE(n);
		return this.bytes(b);
	}
	u32(n: number): this {
		const b = Buffer.alloc(4);
		b.writeUInt32LE(n);
		return this.bytes(b);
	}
	u64(n: number | bigint): this {
		const b = Buffer.alloc(8);
		b.writeBigUInt64LE(BigInt(n));
		return this.bytes(b);
	}
	all(): Buffer {
		return Buffer.concat(this.#parts);
	}
}

/**
 * @param times how often the records are written; each repetition begins `gap` after the end of the one before
 * @param gap in units of the trace clock
 */
export async function writeVersion6(from: string, to: string, times = 1, gap = 1_000_000n): Promise<void> {
	await prepareCompression();
	const { file, header, close } = openTraceDat(from);
	try {
		const buffer = header.buffers.find((b) => b.name === "");
		if (buffer === undefined) throw new Error(`${from} has no main buffer`);
		const layout = pageLayout(header.headerPage, header.longBytes);
		const { streams } = openBuffer(file, header, buffer);
		const pages = new Map<number, Buffer[]>();
		let first: bigint | null = null;
		let last = 0n;
		for (const [i, stream] of streams.entries()) {
			const list: Buffer[] = [];
			const room = new Uint8Array(buffer.pageBytes);
			while (stream.fill(room) > 0) {
				const page = Buffer.from(room);
				const [a, b] = span(page, layout.commitOffset, layout.dataOffset);
				if (first === null || a < first) first = a;
				if (b > last) last = b;
				list.push(page);
			}
			pages.set(buffer.cpus[i]!.cpu, list);
		}
		const step = last - (first ?? 0n) + gap;

		const out = new Parts();
		out
			.bytes(Uint8Array.of(0x17, 0x08, 0x44))
			.text("tracing")
			.text("6\0");
		out.bytes(Uint8Array.of(0, header.longBytes)).u32(buffer.pageBytes);
		out.text("header_page\0").u64(header.headerPage.length).text(header.headerPage);
		out.text("header_event\0").u64(HEADER_EVENT.length).text(HEADER_EVENT);
		const ftrace = header.formats.filter((f) => f.system === "ftrace");
		out.u32(ftrace.length);
		for (const f of ftrace) out.u64(f.text.length).text(f.text);
		const systems = new Map<string, { text: string }[]>();
		for (const f of header.formats)
			if (f.system !== "ftrace") systems.set(f.system, [...(systems.get(f.system) ?? []), f]);
		out.u32(systems.size);
		for (const [system, formats] of systems) {
			out.text(`${system}\0`).u32(formats.length);
			for (const f of formats) out.u64(f.text.length).text(f.text);
		}
		out.u32(header.kallsyms.length).bytes(header.kallsyms);
		const printk = Buffer.from(header.printk);
		out.u32(printk.length).bytes(printk);
		const cmdlines = Buffer.from(header.cmdlines.map((c) => `${c.pid} ${c.comm}\n`).join(""));
		out.u64(cmdlines.length).bytes(cmdlines);
		const cpus = Math.max(header.cpuCount, ...pages.keys()) + (pages.has(header.cpuCount) ? 1 : 0);
		out.u32(cpus);
		out.text("options  \0");
		const option = (id: number, value: string): void => {
			const body = Buffer.from(`${value}\0`);
			out.u16(id).u32(body.length).bytes(body);
		};
		option(4, header.clockText || `[${buffer.clock}]`);
		if (header.uname) option(5, header.uname);
		if (header.recorder) option(9, header.recorder);
		if (header.offset !== 0n) option(7, String(header.offset));
		if (header.date !== null) option(1, `0x${header.date.toString(16)}`);
		out.u16(0);
		out.text("flyrecord\0");
		let at = align(out.length + 16 * cpus, buffer.pageBytes);
		for (let cpu = 0; cpu < cpus; cpu++) {
			const size = (pages.get(cpu)?.length ?? 0) * times * buffer.pageBytes;
			out.u64(at).u64(size);
			at += size;
		}
		const fd = openSync(to, "w");
		try {
			const head = out.all();
			writeSync(fd, head);
			writeSync(fd, Buffer.alloc(align(head.length, buffer.pageBytes) - head.length));
			for (let cpu = 0; cpu < cpus; cpu++)
				for (let r = 0; r < times; r++)
					for (const page of pages.get(cpu) ?? [])
						writeSync(fd, shifted(page, step * BigInt(r), layout.commitOffset, layout.dataOffset));
		} finally {
			closeSync(fd);
		}
	} finally {
		close();
	}
}

const align = (n: number, to: number): number => Math.ceil(n / to) * to;

interface Entry {
	readonly at: number;
	readonly type: number;
	readonly delta: number;
}

/** Record headers of a page. */
function* entries(page: Buffer, commitOffset: number, dataOffset: number): Generator<Entry> {
	const end = dataOffset + (page.readUInt32LE(commitOffset) & 0xfffff);
	for (let at = dataOffset; at + 4 <= end; ) {
		const word = page.readUInt32LE(at);
		const type = word & 31;
		const delta = word >>> 5;
		if (type === 29 && delta === 0) return;
		yield { at, type, delta };
		at += type === 0 || type === 29 ? 4 + page.readUInt32LE(at + 4) : type >= 30 ? 8 : 4 + 4 * type;
	}
}

/** First and last stamp of a page. */
export function span(page: Buffer, commitOffset: number, dataOffset: number): [bigint, bigint] {
	const start = page.readBigUInt64LE(0);
	let now = start;
	for (const e of entries(page, commitOffset, dataOffset)) {
		if (e.type === 30) now += (BigInt(page.readUInt32LE(e.at + 4)) << 27n) | BigInt(e.delta);
		else if (e.type === TIME_STAMP)
			now = (start & ~ABSOLUTE_MASK) | (BigInt(page.readUInt32LE(e.at + 4)) << 27n) | BigInt(e.delta);
		else now += BigInt(e.delta);
	}
	return [start, now];
}

/** The page with all its stamps later: that of the page, and absolute ones in it. */
export function shifted(page: Buffer, by: bigint, commitOffset: number, dataOffset: number): Buffer {
	if (by === 0n) return page;
	const copy = Buffer.from(page);
	copy.writeBigUInt64LE(page.readBigUInt64LE(0) + by, 0);
	for (const e of entries(page, commitOffset, dataOffset)) {
		if (e.type !== TIME_STAMP) continue;
		const stamp = (((BigInt(page.readUInt32LE(e.at + 4)) << 27n) | BigInt(e.delta)) + by) & ABSOLUTE_MASK;
		copy.writeUInt32LE(((Number(stamp & 0x7ffffffn) << 5) | TIME_STAMP) >>> 0, e.at);
		copy.writeUInt32LE(Number(stamp >> 27n), e.at + 4);
	}
	return copy;
}
