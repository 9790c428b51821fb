/**
 * The metadata of a trace.dat file: everything but the pages of events. Version 6 is a fixed order of parts,
 * version 7 a list of sections that options point to.
 * Source: trace-cmd.dat.v6(5), trace-cmd.dat.v7(5) of trace-cmd 3.1 and 3.4.
 */
import { type Bytes, Cursor, Damaged, MemoryBytes, Truncated } from "../bytes.ts";
import { type Decompress, decompressor, MAX_CHUNK } from "../compression.ts";
import {
	parseCmdlines,
	parseFormatList,
	readEventFormats,
	readFtraceFormats,
	readHeaderInfo,
	utf8,
} from "../tracepoint/tracing-data.ts";

/** What is wrong with the file, for import_note. */
export interface Problem {
	readonly severity: "info" | "warning" | "error";
	readonly kind: string;
	readonly text: string;
	readonly offset?: number;
	readonly cpu?: number;
	readonly count?: number;
}

export interface CpuData {
	readonly cpu: number;
	readonly offset: number;
	/** Bytes in the file (compressed, if the file is). */
	readonly size: number;
}

export interface BufferInfo {
	/** "" is the main buffer. */
	readonly name: string;
	/** Trace clock of this buffer; "" if the file does not say. */
	clock: string;
	readonly pageBytes: number;
	readonly cpus: readonly CpuData[];
}

export interface TraceDatHeader {
	readonly version: number;
	readonly littleEndian: boolean;
	readonly longBytes: number;
	readonly pageBytes: number;
	readonly compression: string;
	readonly decompress: Decompress | null;
	headerPage: string;
	/** System and text of every event format. */
	readonly formats: { system: string; text: string }[];
	/** Text of /proc/kallsyms; empty if hidden. */
	kallsyms: Buffer;
	printk: string;
	/** pid and comm, as saved_cmdlines had them at the end. */
	readonly cmdlines: { pid: number; comm: string }[];
	/** CPUs of the machine. */
	cpuCount: number;
	readonly buffers: BufferInfo[];
	uname: string;
	recorder: string;
	traceId: string;
	/** ns to add to every stamp (option OFFSET). */
	offset: bigint;
	/** ns to add so that stamps are wall time (option DATE). */
	date: bigint | null;
	/** /proc/PID/maps of the traced processes (option PROCMAPS). */
	readonly procMaps: string[];
	readonly cpuStats: string[];
	tsc2nsec: { mult: number; shift: number; offset: bigint } | null;
	/** Whether the file says which clock the main buffer had. */
	clockText: string;
	readonly problems: Problem[];
}

export const MAGIC = Buffer.from([0x17, 0x08, 0x44, 0x74, 0x72, 0x61, 0x63, 0x69, 0x6e, 0x67]);

const option = {
	done: 0,
	date: 1,
	cpustat: 2,
	buffer: 3,
	traceclock: 4,
	uname: 5,
	hook: 6,
	offset: 7,
	cpucount: 8,
	version: 9,
	procmaps: 10,
	traceid: 11,
	timeShift: 12,
	guest: 13,
	tsc2nsec: 14,
	strings: 15,
	headers: 16,
	ftraceEvents: 17,
	eventFormats: 18,
	kallsyms: 19,
	printk: 20,
	cmdlines: 21,
	bufferText: 22,
	/** The kernel's BTF (trace-cmd 3.4): types, of which nothing is needed here. */
	btf: 23,
} as const;

const text = (b: Buffer): string => b.toString("latin1").replace(/\0[\s\S]*$/, "");

/** `[local] global …`: the name in brackets. */
function chosenClock(clocks: string): string {
	return /\[([^\]]+)\]/.exec(clocks)?.[1] ?? clocks.trim();
}

/** Option values are ASCII numbers, decimal or 0x…, or bare hex of the date offset. */
function asciiNumber(value: string): bigint | null {
	const trimmed = value.trim();
	if (/^-?(0x[0-9a-f]+|\d+)$/i.test(trimmed))
		return trimmed.startsWith("-") ? -BigInt(trimmed.slice(1)) : BigInt(trimmed);
	return null;
}

function scaled(value: bigint | null, factor: bigint): bigint | null {
	return value === null ? null : value * factor;
}

/** Reads a file's metadata. Throws Truncated where it ends before anything useful; later damage becomes problems. */
export function readHeader(file: Bytes): TraceDatHeader {
	const start = file.read(0, 10, "magic");
	if (!start.equals(MAGIC)) throw new Error("not a trace.dat file");
	const probe = new Cursor(file, 10, true);
	const version = Number(probe.text("version", 16));
	const littleEndian = probe.take(1, "byte order")[0] === 0;
	const longBytes = probe.take(1, "size of long")[0]!;
	const cursor = new Cursor(file, probe.at, littleEndian);
	const pageBytes = cursor.u32("page size");
	const compression = version >= 7 ? cursor.text("compression", 64) : "none";
	if (version >= 7) cursor.text("compression version", 64);
	const header: TraceDatHeader = {
		version,
		littleEndian,
		longBytes,
		pageBytes,
		compression,
		decompress: decompressor(compression),
		headerPage: "",
		formats: [],
		kallsyms: Buffer.alloc(0),
		printk: "",
		cmdlines: [],
		cpuCount: 0,
		buffers: [],
		uname: "",
		recorder: "",
		traceId: "",
		offset: 0n,
		date: null,
		procMaps: [],
		cpuStats: [],
		tsc2nsec: null,
		clockText: "",
		problems: [],
	};
	if (version >= 7) readSections(file, cursor, header);
	else readVersion6(cursor, header);
	for (const buffer of header.buffers) if (buffer.clock === "") buffer.clock = chosenClock(header.clockText);
	return header;
}

function readVersion6(c: Cursor, header: TraceDatHeader): void {
	parseFormatList(c, header);
	header.kallsyms = c.take(c.u32("kallsyms"), "kallsyms");
	header.printk = utf8(c.take(c.u32("printk formats"), "printk formats"));
	parseCmdlines(utf8(c.take(c.size("cmdlines"), "cmdlines")), header);
	header.cpuCount = c.u32("number of CPUs");
	const buffers: { offset: number; name: string; clock: string }[] = [];
	let kind = text(c.take(10, "data type"));
	if (kind.startsWith("options")) {
		for (;;) {
			const id = c.u16("option");
			if (id === option.done) break;
			const body = c.take(c.u32("option size"), `option ${id}`);
			if (id === option.buffer) buffers.push(oldBuffer(body, header));
			else readOption(id, body, header);
		}
		kind = text(c.take(10, "data type"));
	}
	if (!kind.startsWith("flyrecord")) {
		header.problems.push({
			severity: "error",
			kind: "latency-format",
			text: "The file holds the text of a latency tracer, not binary event records",
			offset: c.at,
		});
		return;
	}
	header.buffers.push({
		name: "",
		clock: "",
		pageBytes: header.pageBytes,
		cpus: readCpuTable(c, header.cpuCount),
	});
	for (const b of buffers) {
		try {
			const at = new Cursor(c.bytes, b.offset, header.littleEndian);
			const type = text(at.take(10, "buffer"));
			if (!type.startsWith("flyrecord")) throw new Truncated(b.offset, "buffer");
			header.buffers.push({
				name: b.name,
				clock: b.clock,
				pageBytes: header.pageBytes,
				cpus: readCpuTable(at, header.cpuCount),
			});
		} catch (error) {
			if (!(error instanceof Truncated)) throw error;
			header.problems.push({
				severity: "error",
				kind: "buffer-lost",
				text: `Buffer ${b.name}: its data is not in the file`,
				offset: b.offset,
			});
		}
	}
}

function oldBuffer(body: Buffer, header: TraceDatHeader): { offset: number; name: string; clock: string } {
	const c = new Cursor(new MemoryBytes(body), 0, header.littleEndian);
	const offset = c.size("buffer offset");
	const name = c.text("buffer name");
	return { offset, name, clock: c.at < body.length ? chosenClock(text(body.subarray(c.at))) : "" };
}

function readCpuTable(c: Cursor, cpus: number): CpuData[] {
	const out: CpuData[] = [];
	for (let cpu = 0; cpu < cpus; cpu++)
		out.push({ cpu, offset: c.size("CPU data offset"), size: c.size("CPU data size") });
	return out;
}

/** Options that hold their value, in either version. */
function readOption(id: number, body: Buffer, header: TraceDatHeader): void {
	const c = new Cursor(new MemoryBytes(body), 0, header.littleEndian);
	switch (id) {
		case option.date:
			// microseconds (trace-cmd record --date; seen: option 1795603117393336 for wall time 1795603117.39 s)
			header.date = scaled(asciiNumber(text(body)), 1000n);
			break;
		case option.offset:
			header.offset += asciiNumber(text(body)) ?? 0n;
			break;
		case option.cpustat:
			header.cpuStats.push(text(body));
			break;
		case option.traceclock:
			header.clockText = text(body);
			break;
		case option.uname:
			header.uname = text(body).trim();
			break;
		case option.cpucount:
			header.cpuCount = c.u32("CPU count");
			break;
		case option.version:
			header.recorder = text(body).trim();
			break;
		case option.procmaps:
			header.procMaps.push(utf8(body));
			break;
		case option.traceid:
			header.traceId = `0x${c.u64("trace id").toString(16)}`;
			break;
		case option.tsc2nsec:
			header.tsc2nsec = { mult: c.u32("multiplier"), shift: c.u32("shift"), offset: c.u64("offset") };
			break;
		case option.timeShift:
		case option.guest:
			header.problems.push({
				severity: "info",
				kind: "guest-option",
				text: "The file is one part of a host and guest recording; stamps are left on this file's own clock",
			});
			break;
	}
}

interface Section {
	readonly id: number;
	readonly compressed: boolean;
	readonly body: number;
	readonly size: number;
}

function sectionAt(file: Bytes, offset: number, littleEndian: boolean): Section {
	const c = new Cursor(file, offset, littleEndian);
	const id = c.u16("section");
	const flags = c.u16("section flags");
	c.u32("section description");
	const size = c.size("section size");
	return { id, compressed: (flags & 1) !== 0, body: c.at, size };
}

/** Contents of a section, decompressed. A section is one chunk: compressed size, size, data. */
function sectionBody(file: Bytes, s: Section, header: TraceDatHeader): Buffer {
	if (!s.compressed) return file.read(s.body, s.size, "section");
	const c = new Cursor(file, s.body, header.littleEndian);
	const packed = c.u32("compressed size");
	const size = c.u32("uncompressed size");
	if (size > MAX_CHUNK) throw new Truncated(s.body, "compressed section");
	if (!header.decompress) throw new Error(`compression ${header.compression} is not known`);
	const data = c.take(packed, "compressed section");
	try {
		return Buffer.from(header.decompress(data, size));
	} catch {
		throw new Damaged(s.body, "a compressed section");
	}
}

function readSections(file: Bytes, c: Cursor, header: TraceDatHeader): void {
	const firstOptions = c.size("first options");
	const seen = new Set<number>();
	try {
		for (let offset = firstOptions; offset !== 0 && !seen.has(offset); ) {
			seen.add(offset);
			offset = readOptions(file, sectionAt(file, offset, header.littleEndian), header);
		}
	} catch (error) {
		if (!(error instanceof Truncated)) throw error;
		header.problems.push({
			severity: "error",
			kind: "truncated",
			text: `${error instanceof Damaged ? "The file is damaged" : "The file ends early"}: ${error.message}; what lies before was recovered by walking over its sections`,
			offset: file.size,
		});
		recoverSections(file, c.at, header);
	}
}

/** Returns the offset of the next options section, 0 at the end. */
function readOptions(file: Bytes, s: Section, header: TraceDatHeader): number {
	const c = new Cursor(new MemoryBytes(sectionBody(file, s, header)), 0, header.littleEndian);
	for (;;) {
		const id = c.u16("option");
		const body = c.take(c.u32("option size"), `option ${id}`);
		const o = new Cursor(new MemoryBytes(body), 0, header.littleEndian);
		if (id === option.done) return body.length >= 8 ? o.size("next options") : 0;
		if (id === option.buffer || id === option.bufferText) readBuffer(id, o, header);
		else if (id in sectionReaders) readPart(file, o.size("section offset"), id, header);
		else readOption(id, body, header);
	}
}

const sectionReaders: Readonly<Record<number, (c: Cursor, header: TraceDatHeader) => void>> = {
	[option.headers]: readHeaderInfo,
	[option.ftraceEvents]: readFtraceFormats,
	[option.eventFormats]: readEventFormats,
	[option.kallsyms]: (c, h) => {
		h.kallsyms = c.take(c.u32("kallsyms"), "kallsyms");
	},
	[option.printk]: (c, h) => {
		h.printk = utf8(c.take(c.u32("printk formats"), "printk formats"));
	},
	[option.cmdlines]: (c, h) => parseCmdlines(utf8(c.take(c.size("cmdlines"), "cmdlines")), h),
};

function readPart(file: Bytes, offset: number, id: number, header: TraceDatHeader): void {
	if (offset === 0) return;
	try {
		const s = sectionAt(file, offset, header.littleEndian);
		sectionReaders[id]!(
			new Cursor(new MemoryBytes(sectionBody(file, s, header)), 0, header.littleEndian),
			header,
		);
	} catch (error) {
		if (error instanceof Truncated && error.offset >= file.size) throw error;
		header.problems.push({
			severity: "error",
			kind: "section-damaged",
			text: `Section ${id} cannot be read: ${(error as Error).message}`,
			offset,
		});
	}
}

function readBuffer(id: number, o: Cursor, header: TraceDatHeader): void {
	const offset = o.size("buffer offset");
	const name = o.text("buffer name");
	const clock = chosenClock(o.text("buffer clock"));
	if (id === option.bufferText) {
		header.problems.push({
			severity: "error",
			kind: "latency-format",
			text: `Buffer ${name || "(main)"} holds the text of a latency tracer, not binary event records`,
			offset,
		});
		return;
	}
	const pageBytes = o.u32("page size");
	const count = o.u32("number of CPUs");
	const cpus: CpuData[] = [];
	for (let i = 0; i < count; i++)
		cpus.push({ cpu: o.u32("CPU"), offset: o.size("CPU data offset"), size: o.size("CPU data size") });
	header.buffers.push({ name, clock, pageBytes, cpus });
}

/**
 * A version 7 file whose end is missing has lost the options that point to its event data. Sections follow each
 * other, so walking from the first one finds those that are there; the data of the CPUs lies in the buffer section
 * in order of CPU numbers. Without compression only the first CPU's data can be told apart.
 */
function recoverSections(file: Bytes, first: number, header: TraceDatHeader): void {
	const already = {
		formats: header.formats.length > 0,
		buffers: header.buffers.length > 0,
		cmdlines: header.cmdlines.length > 0,
		kallsyms: header.kallsyms.length > 0,
		headers: header.headerPage !== "",
	};
	for (let offset = first; offset + 16 <= file.size; ) {
		let s: Section | undefined;
		try {
			s = sectionAt(file, offset, header.littleEndian);
			const have =
				s.id === option.eventFormats || s.id === option.ftraceEvents
					? already.formats
					: s.id === option.headers
						? already.headers
						: s.id === option.kallsyms
							? already.kallsyms
							: s.id === option.cmdlines
								? already.cmdlines
								: false;
			if (s.id === option.done) readOptionValues(file, s, header);
			else if (s.id === option.buffer && !already.buffers)
				header.buffers.push(recoverBuffer(file, s, header));
			else if (s.id in sectionReaders && !have) readPart(file, offset, s.id, header);
		} catch (error) {
			// what cannot be decompressed has its place and size all the same
			if (!(error instanceof Truncated)) throw error;
			if (!(error instanceof Damaged)) return;
			header.problems.push({ severity: "error", kind: "section-damaged", text: error.message, offset });
		}
		offset = s!.body + s!.size;
	}
}

/** Options of a section that is met while walking: values only, no pointers. */
function readOptionValues(file: Bytes, s: Section, header: TraceDatHeader): void {
	const c = new Cursor(new MemoryBytes(sectionBody(file, s, header)), 0, header.littleEndian);
	while (c.at + 6 <= c.bytes.size) {
		const id = c.u16("option");
		const body = c.take(c.u32("option size"), `option ${id}`);
		if (id === option.done) return;
		if (!(id in sectionReaders) && id !== option.buffer && id !== option.bufferText && header.uname === "")
			readOption(id, body, header);
	}
}

/** The first CPU's pages end where a page is older than the one before it: there the next CPU's begin. */
function firstCpuBytes(file: Bytes, offset: number, end: number, header: TraceDatHeader): number {
	let previous = 0n;
	let at = offset;
	for (; at + header.pageBytes <= end; at += header.pageBytes) {
		const stamp = new Cursor(file, at, header.littleEndian).u64("page stamp");
		if (stamp < previous) break;
		previous = stamp;
	}
	return at - offset;
}

function recoverBuffer(file: Bytes, s: Section, header: TraceDatHeader): BufferInfo {
	const cpus: CpuData[] = [];
	const end = Math.min(file.size, s.body + s.size);
	if (!s.compressed) {
		const offset = Math.ceil(s.body / header.pageBytes) * header.pageBytes;
		const size = firstCpuBytes(file, offset, end, header);
		cpus.push({ cpu: 0, offset, size });
		if (offset + size < end)
			header.problems.push({
				severity: "error",
				kind: "cpus-not-separable",
				text: "The uncompressed event data has no table of its CPUs any more: only the data of the first CPU was recovered",
				offset: offset + size,
			});
	} else {
		let at = s.body;
		for (let cpu = 0; cpu < header.cpuCount; cpu++) {
			// each CPU's data begins at a multiple of the page size
			at = Math.ceil(at / header.pageBytes) * header.pageBytes;
			if (at + 4 > end) break;
			const start = at;
			const c = new Cursor(file, at, header.littleEndian);
			const chunks = c.u32("number of chunks");
			at = c.at;
			for (let k = 0; k < chunks && at + 8 <= end; k++) {
				const chunk = new Cursor(file, at, header.littleEndian);
				at += 8 + chunk.u32("compressed size");
			}
			cpus.push({ cpu, offset: start, size: Math.min(at, end) - start });
		}
	}
	return { name: "", clock: "", pageBytes: header.pageBytes, cpus };
}
