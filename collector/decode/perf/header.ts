/**
 * The fixed part of a perf.data file: attributes of the events, where the records lie, where the features.
 * Source: tools/perf/Documentation/perf.data-file-format.txt, Linux 7.2.
 */
import { type Bytes, Cursor, Truncated } from "../bytes.ts";
import { MIN_ATTR, type PerfAttr, parseAttr } from "./attr.ts";

export const MAGIC = Buffer.from("PERFILE2");
/** As a machine of the other byte order has written it. */
export const SWAPPED_MAGIC = Buffer.from("2ELIFREP");

/** Header of the pipe form: magic and size only. */
const PIPE_HEADER = 16;
const FILE_HEADER = 104;
/** Bits in the bitmap of features. */
const FEATURES = 256;

export const feature = {
	tracingData: 1,
	buildId: 2,
	hostname: 3,
	osrelease: 4,
	version: 5,
	arch: 6,
	nrcpus: 7,
	cpudesc: 8,
	totalMem: 10,
	cmdline: 11,
	eventDesc: 12,
	cpuTopology: 13,
	numaTopology: 14,
	groupDesc: 17,
	auxtrace: 18,
	sampleTime: 21,
	clockid: 23,
	dirFormat: 24,
	compressed: 27,
	clockData: 29,
} as const;

/** Attributes and their ids, as far as the file is whole. */
export interface EventAttr {
	readonly attr: PerfAttr;
	/** Ids of its counters, one a CPU or thread; they stand in the records. */
	readonly ids: bigint[];
	/** null where the file does not name it. */
	name: string | null;
}

export interface Section {
	readonly offset: number;
	readonly size: number;
}

export interface PerfHeader {
	readonly littleEndian: boolean;
	/** Written to a pipe: everything comes as records. */
	readonly pipe: boolean;
	readonly events: EventAttr[];
	readonly data: Section;
	/** Sections of the features by number. */
	readonly features: ReadonlyMap<number, Section>;
	/** What is wrong with it. */
	readonly problems: { readonly text: string; readonly offset: number }[];
}

export function isPerfData(head: Uint8Array): boolean {
	const magic = Buffer.from(head.buffer, head.byteOffset, Math.min(8, head.length));
	return MAGIC.equals(magic) || SWAPPED_MAGIC.equals(magic);
}

/** @throws Truncated where the file ends before its records begin */
export function readPerfHeader(file: Bytes): PerfHeader {
	const littleEndian = MAGIC.equals(file.read(0, 8, "magic"));
	const c = new Cursor(file, 8, littleEndian);
	const size = c.size("header size");
	if (size === PIPE_HEADER)
		return {
			littleEndian,
			pipe: true,
			events: [],
			data: { offset: PIPE_HEADER, size: file.size - PIPE_HEADER },
			features: new Map(),
			problems: [],
		};
	if (size < FILE_HEADER) throw new Truncated(8, "header");
	const attrSize = c.size("size of an attribute");
	const attrs = section(c);
	const data = section(c);
	section(c);
	const problems: PerfHeader["problems"] = [];
	const events = readAttrs(file, littleEndian, attrSize, attrs, problems);
	if (data.offset > file.size) throw new Truncated(data.offset, "the data section");
	// perf fills the size in when it ends: a recorder that was killed leaves 0
	const cut = data.size === 0 || data.offset + data.size > file.size;
	if (cut)
		problems.push({
			text:
				data.size === 0
					? "The recorder did not finish the file: it has no size of its data and no header features; records are read up to the end of the file"
					: `The file ends ${data.offset + data.size - file.size} bytes before the end of its records`,
			offset: file.size,
		});
	return {
		littleEndian,
		pipe: false,
		events,
		data: cut ? { offset: data.offset, size: file.size - data.offset } : data,
		features: cut ? new Map() : readFeatureSections(file, littleEndian, data, problems),
		problems,
	};
}

function section(c: Cursor): Section {
	return { offset: c.size("section"), size: c.size("section") };
}

/**
 * More attributes or ids than any recording has are damage: all events of a kernel are some 3,000, and each has an id a
 * CPU. Ids take some 150 bytes each in memory.
 */
export const MAX_EVENTS = 16_384;
export const MAX_IDS = 4_194_304;

function readAttrs(
	file: Bytes,
	littleEndian: boolean,
	attrSize: number,
	{ offset, size }: Section,
	problems: PerfHeader["problems"],
): EventAttr[] {
	const events: EventAttr[] = [];
	if (attrSize < MIN_ATTR + 16 || attrSize > 65_536) throw new Truncated(16, "attributes");
	const count = Math.min(Math.floor(size / attrSize), MAX_EVENTS);
	let ids = 0;
	for (let k = 0; k < count; k++) {
		const c = new Cursor(file, offset + k * attrSize, littleEndian);
		const attr = parseAttr(c.take(attrSize - 16, "attribute"), littleEndian);
		const at = section(c);
		const event: EventAttr = { attr: attr!, ids: [], name: null };
		events.push(event);
		ids += at.size / 8;
		try {
			if (ids > MAX_IDS) throw new Truncated(at.offset, "ids of an event");
			const list = new Cursor(file, at.offset, littleEndian);
			for (let i = 0; i + 8 <= at.size; i += 8) event.ids.push(list.u64("id of an event"));
		} catch (error) {
			if (!(error instanceof Truncated)) throw error;
			problems.push({ text: `The ids of event ${k} cannot be read: ${error.message}`, offset: at.offset });
		}
	}
	return events;
}

/** The table behind the data: a section for each feature whose bit is set, in order of the bits. */
function readFeatureSections(
	file: Bytes,
	littleEndian: boolean,
	data: Section,
	problems: PerfHeader["problems"],
): Map<number, Section> {
	const bits = new Cursor(file, 72, littleEndian);
	const set: number[] = [];
	for (let word = 0; word < FEATURES / 64; word++) {
		const mask = bits.u64("features");
		for (let bit = 0; bit < 64; bit++) if ((mask >> BigInt(bit)) & 1n) set.push(word * 64 + bit);
	}
	const sections = new Map<number, Section>();
	const table = new Cursor(file, data.offset + data.size, littleEndian);
	try {
		for (const bit of set) sections.set(bit, section(table));
	} catch (error) {
		if (!(error instanceof Truncated)) throw error;
		problems.push({
			text: "The table of header features is cut off: facts about the machine are missing",
			offset: table.at,
		});
	}
	return sections;
}
