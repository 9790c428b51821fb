/**
 * Header features of perf.data: facts about the machine and the recording. Each is read on its own: a damaged one
 * costs the feature, not the file.
 * Source: tools/perf/Documentation/perf.data-file-format.txt and tools/perf/util/header.c, Linux 7.2.
 */
import { type Bytes, Cursor, MemoryBytes, Truncated } from "../bytes.ts";
import { parseCmdlines, parseFormatList, type TracingData, utf8 } from "../tracepoint/tracing-data.ts";
import { MIN_ATTR, parseAttr } from "./attr.ts";
import { MAX_CPUS } from "./cpu-limit.ts";
import { type EventAttr, feature, MAX_EVENTS, type PerfHeader } from "./header.ts";
import { HEADER, misc as miscBit } from "./record-types.ts";

export interface PerfFacts {
	host: string | null;
	kernel: string | null;
	perfVersion: string | null;
	arch: string | null;
	cpus: number | null;
	cmdline: readonly string[];
	/** Wall clock minus the clock of the stamps, ns. */
	wallOffset: bigint | null;
	/** Core and socket of each CPU, where the file tells. */
	readonly topology: { readonly cpu: number; readonly core: number; readonly socket: number }[];
	/** NUMA node of each CPU. */
	readonly nodes: Map<number, number>;
	/** Build-id (hex) by mapped file. */
	readonly buildIds: Map<string, string>;
	tracing: (TracingData & { readonly pageBytes: number }) | null;
	/** The records lie in several files, one for each thread of the recorder. */
	directory: boolean;
	cpuModel: string | null;
}

export function noFacts(): PerfFacts {
	return {
		host: null,
		kernel: null,
		perfVersion: null,
		arch: null,
		cpus: null,
		cmdline: [],
		wallOffset: null,
		topology: [],
		nodes: new Map(),
		buildIds: new Map(),
		tracing: null,
		directory: false,
		cpuModel: null,
	};
}

/** A feature larger than this is damage (formats of all events of a kernel: some 5 MB, its symbols 15 MB). */
export const MAX_FEATURE = 64 * 1024 * 1024;
/** More programs than any recording has. */
const MAX_BUILD_IDS = 1_048_576;

export type FeatureProblem = (text: string, offset: number) => void;

const names: ReadonlyMap<number, string> = new Map(Object.entries(feature).map(([name, bit]) => [bit, name]));

/** Reads the sections that the header points to. */
export function readFeatures(
	file: Bytes,
	header: PerfHeader,
	facts: PerfFacts,
	problem: FeatureProblem,
): void {
	for (const [bit, { offset, size }] of header.features) {
		const name = names.get(bit) ?? `number ${bit}`;
		try {
			// what is not used must be there all the same: else the file is cut
			if (offset + size > file.size) throw new Truncated(offset, name);
			if (!names.has(bit)) continue;
			if (size > MAX_FEATURE) throw new Truncated(offset, name);
			readFeature(bit, file.read(offset, size, name), header.littleEndian, header.events, facts);
		} catch (error) {
			if (!(error instanceof Truncated)) throw error;
			problem(`The header feature ${name} cannot be read: ${error.message}`, offset);
		}
	}
}

/** One feature from its bytes, also of the pipe form. @throws Truncated */
export function readFeature(
	bit: number,
	bytes: Buffer,
	littleEndian: boolean,
	events: EventAttr[],
	facts: PerfFacts,
): void {
	const c = new Cursor(new MemoryBytes(bytes), 0, littleEndian);
	switch (bit) {
		case feature.hostname:
			facts.host = string(c) || null;
			break;
		case feature.osrelease:
			facts.kernel = string(c) || null;
			break;
		case feature.version:
			facts.perfVersion = string(c) || null;
			break;
		case feature.arch:
			facts.arch = string(c) || null;
			break;
		case feature.cpudesc:
			facts.cpuModel = string(c) || null;
			break;
		case feature.nrcpus:
			c.u32("CPUs");
			facts.cpus = positive(c.u32("CPUs"));
			break;
		case feature.cmdline: {
			const count = c.u32("arguments");
			const words: string[] = [];
			for (let k = 0; k < count; k++) words.push(string(c));
			facts.cmdline = words;
			break;
		}
		case feature.eventDesc:
			readEventDesc(c, littleEndian, events);
			break;
		case feature.cpuTopology:
			readTopology(c, facts);
			break;
		case feature.numaTopology: {
			const nodes = c.u32("nodes");
			let cpus = 0;
			for (let k = 0; k < nodes; k++) {
				const node = c.u32("node");
				c.take(16, "node memory");
				for (const cpu of cpuList(string(c))) {
					facts.nodes.set(cpu, node);
					// each CPU is in one node
					if (++cpus > MAX_CPUS) throw new Truncated(c.at, "list of CPUs");
				}
			}
			break;
		}
		case feature.clockData: {
			c.u32("version");
			c.u32("clock");
			const wall = c.u64("wall clock");
			facts.wallOffset = BigInt.asIntN(64, wall - c.u64("trace clock"));
			break;
		}
		case feature.buildId:
			readBuildIds(bytes, littleEndian, facts.buildIds);
			break;
		case feature.dirFormat:
			facts.directory = true;
			break;
		case feature.tracingData:
			facts.tracing = parseTracingData(bytes);
			break;
	}
}

const positive = (n: number): number | null => (n > 0 && n <= 1_048_576 ? n : null);

/** Length (padded), then text up to the first NUL. */
function string(c: Cursor): string {
	return c
		.take(c.u32("text"), "text")
		.toString("utf8")
		.replace(/\0[\s\S]*$/, "");
}

function readEventDesc(c: Cursor, littleEndian: boolean, events: EventAttr[]): void {
	const count = c.u32("events");
	const attrBytes = c.u32("attribute size");
	if (attrBytes < MIN_ATTR || count > MAX_EVENTS) throw new Truncated(c.at, "description of an event");
	for (let k = 0; k < count; k++) {
		const attr = parseAttr(c.take(attrBytes, "attribute"), littleEndian);
		const ids = c.u32("ids");
		const name = string(c);
		const own: bigint[] = [];
		for (let i = 0; i < ids; i++) own.push(c.u64("id"));
		const known = events.find((e) => own.length > 0 && e.ids.includes(own[0]!)) ?? events[k];
		if (known) known.name = name || known.name;
		// the pipe form brings its attributes as records before this
		else if (attr) events.push({ attr, ids: own, name: name || null });
	}
}

function readTopology(c: Cursor, facts: PerfFacts): void {
	for (let list = 0; list < 2; list++) {
		const siblings = c.u32("siblings");
		for (let k = 0; k < siblings; k++) string(c);
	}
	// core and socket of each CPU follow, one pair for every available one
	const cpus = facts.cpus ?? 0;
	for (let cpu = 0; cpu < cpus; cpu++) {
		if (c.at + 8 > c.bytes.size) return;
		const core = c.u32("core");
		const socket = c.u32("socket");
		if (core < 0x8000_0000 && socket < 0x8000_0000) facts.topology.push({ cpu, core, socket });
	}
}

/** "0-3,8" */
function cpuList(text: string): number[] {
	const cpus: number[] = [];
	for (const part of text.split(",")) {
		const m = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
		if (!m) continue;
		const to = Math.min(Number(m[2] ?? m[1]), MAX_CPUS);
		for (let cpu = Number(m[1]); cpu <= to; cpu++) cpus.push(cpu);
		if (cpus.length > MAX_CPUS) break;
	}
	return cpus;
}

/** Bytes of the id in a build-id record, and the length that the record may give. */
const ID_AT = HEADER + 4;
const ID_BYTES = 20;
const NAME_AT = ID_AT + 24;

function readBuildIds(bytes: Buffer, littleEndian: boolean, ids: Map<string, string>): void {
	for (let at = 0; at + NAME_AT < bytes.length; ) {
		const size = littleEndian ? bytes.readUInt16LE(at + 6) : bytes.readUInt16BE(at + 6);
		if (size < NAME_AT || at + size > bytes.length) throw new Truncated(at, "a build-id");
		readBuildId(bytes.subarray(at, at + size), littleEndian, ids);
		at += size;
	}
}

/** One HEADER_BUILD_ID record, its header included. */
export function readBuildId(record: Buffer, littleEndian: boolean, ids: Map<string, string>): void {
	if (record.length < NAME_AT || ids.size >= MAX_BUILD_IDS) throw new Truncated(0, "a build-id");
	const flags = littleEndian ? record.readUInt16LE(4) : record.readUInt16BE(4);
	const told = (flags & miscBit.buildIdSize) !== 0 ? record[ID_AT + ID_BYTES]! : ID_BYTES;
	const id = record.subarray(ID_AT, ID_AT + Math.min(told, ID_BYTES));
	const name = record
		.subarray(NAME_AT)
		.toString("utf8")
		.replace(/\0[\s\S]*$/, "");
	if (id.some((b) => b !== 0)) ids.set(name, buildIdText(id, told));
}

/** Hex; zeros that pad a shorter id of a file that does not tell its length are no part of it. */
export function buildIdText(id: Uint8Array, length: number): string {
	const hex = Buffer.from(id).toString("hex");
	return length < ID_BYTES ? hex.slice(0, 2 * length) : hex.replace(/(?:00){4,}$/, "");
}

/** The section TRACING_DATA, which has a byte order and word size of its own. @throws Truncated */
export function parseTracingData(bytes: Buffer): TracingData & { readonly pageBytes: number } {
	const file = new MemoryBytes(bytes);
	const probe = new Cursor(file, 3, true);
	if (probe.take(7, "magic").toString("latin1") !== "tracing")
		throw new Truncated(0, "formats of the events");
	const version = Number(probe.text("version", 16));
	const littleEndian = probe.take(1, "byte order")[0] === 0;
	const longBytes = probe.take(1, "size of long")[0]!;
	const c = new Cursor(file, probe.at, littleEndian);
	const pageBytes = c.u32("page size");
	const data: TracingData & { readonly pageBytes: number } = {
		longBytes,
		pageBytes,
		headerPage: "",
		formats: [],
		kallsyms: Buffer.alloc(0),
		printk: "",
		cmdlines: [],
	};
	parseFormatList(c, data);
	data.kallsyms = c.take(c.u32("kallsyms"), "kallsyms");
	data.printk = utf8(c.take(c.u32("printk formats"), "printk formats"));
	if (version >= 0.6) parseCmdlines(utf8(c.take(c.size("cmdlines"), "cmdlines")), data);
	return data;
}
