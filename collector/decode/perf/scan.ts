/**
 * The first walk over the records of a recording: what stands in front of the samples in a pipe, what was known when
 * recording began, how many records of each kind there are, and how far out of order they are.
 *
 * perf empties the buffers of the CPUs one after another, so the records of a file are sorted only piece by piece. From
 * the least time of everything that is still to come, which this walk finds for every chunk, the second walk knows
 * which records may go on: the order is exact, and no more is held in memory than lies out of order.
 */
import { Truncated } from "../bytes.ts";
import type { Note } from "../source.ts";
import type { EventFormat } from "../tracepoint/format.ts";
import { formatsOf } from "../tracepoint/tracing-data.ts";
import { isDummy, parseAttr, sampleBit } from "./attr.ts";
import { EventIndex } from "./events.ts";
import { parseTracingData, readBuildId, readFeature } from "./features.ts";
import { type EventAttr, MAX_EVENTS, MAX_IDS } from "./header.ts";
import { RecordReader, type UserRecord } from "./record-reader.ts";
import { RecordTimes } from "./record-times.ts";
import { HEADER, recordType, typeTable } from "./record-types.ts";
import type { Recording } from "./recording.ts";
import { sampleLayout } from "./sample-layout.ts";

/** Bytes of records that are read and freed together. A record has 64 KiB at most. */
export const CHUNK = 256 * 1024;

/** Memory for records that wait for their turn. */
export const MAX_CHUNKS = 1536;

/** What a file's records say of time, ns since the scan's base. */
export interface FileOrder {
	/** Least and greatest time in each chunk; infinities where none of its records has one. */
	readonly least: number[];
	readonly greatest: number[];
	/** Least time in this chunk and all after it. */
	readonly leastFrom: Float64Array;
}

/** A record without a time: what perf saw of the machine when it began (or, with --tail-synthesize, ended). */
export interface StartRecord {
	readonly type: number;
	readonly misc: number;
	readonly bytes: Buffer;
}

export interface Scan {
	readonly orders: readonly FileOrder[];
	/** Chunks that must be in memory at once; more than MAX_CHUNKS: the order is exact only within that much. */
	readonly chunks: number;
	/** Time of the first record of the file that has one: the times below and those of `orders` count from it. */
	readonly base: bigint;
	/**
	 * First and last record that shows the recorder at work; NaN where there is none. Names and mappings are recorded from
	 * before the events are switched on, by a second or more.
	 */
	readonly first: number;
	readonly last: number;
	readonly start: readonly StartRecord[];
	readonly startDropped: number;
	/** Records by type, unfolded ones included. */
	readonly counts: Uint32Array;
	/** Samples by event. */
	readonly samples: readonly number[];
	/** Samples that are in no order: without a time, or of an event that is not known. */
	readonly untimedSamples: number;
	/** Events lost, as the records of the gaps count them. */
	readonly lostEvents: number;
	/** Last record of each CPU that shows the recorder at work; undefined where there is none. */
	readonly lastOf: readonly (number | undefined)[];
	/** CPUs that samples name, ascending. */
	readonly cpusSeen: readonly number[];
	readonly formats: readonly EventFormat[];
	/** CPUs that stand in samples: one more than the highest. */
	readonly cpus: number;
	/** Events were recorded for single threads. null where the file does not tell. */
	readonly perTask: boolean | null;
	/** Size of AUXTRACE data that was passed over. */
	readonly auxBytes: number;
	readonly problems: { readonly text: string; readonly offset: number; readonly source: string }[];
}

/** Records that come from the events that were asked for. */
const observing = typeTable([
	recordType.sample,
	recordType.lost,
	recordType.lostSamples,
	recordType.switch,
	recordType.switchCpuWide,
	recordType.throttle,
	recordType.unthrottle,
	recordType.read,
]);

/** Memory for records of the start: names and mappings of all processes of a large machine take some 200 MiB. */
const MAX_START = 384 * 1024 * 1024;
/** Bytes that one takes besides its own. */
const START_OVERHEAD = 256;

/** Types that tell about threads and memory. */
const startTypes = typeTable([
	recordType.mmap,
	recordType.mmap2,
	recordType.comm,
	recordType.fork,
	recordType.exit,
	recordType.ksymbol,
	recordType.cgroup,
	recordType.lost,
	recordType.lostSamples,
]);

export function scanRecording(
	recording: Recording,
	note: (note: Note) => void,
	progress: (bytes: number) => void,
): Scan {
	return new Scanner(recording, note).run(progress);
}

class Scanner {
	readonly #recording: Recording;
	readonly #events: EventAttr[];
	readonly #counts = new Uint32Array(256);
	readonly #start: StartRecord[] = [];
	readonly #problems: Scan["problems"];
	#startBytes = 0;
	#startDropped = 0;
	#records: RecordTimes | null = null;
	readonly #stamp = new Float64Array(2);
	#base: bigint | null = null;
	#baseLo = 0;
	#baseHi = 0;
	#first = Number.POSITIVE_INFINITY;
	#last = Number.NEGATIVE_INFINITY;
	#cpus = 0;
	#perTask: boolean | null = null;
	#auxBytes = 0;
	#lostEvents = 0;
	readonly #samples: number[] = [];
	readonly #lastOf: number[] = [];
	#untimedSamples = 0;
	/** Events by their ids, the first so many of them. */
	readonly #byId = new Map<bigint, EventAttr>();
	#indexed = 0;
	/** Ids of the attributes that came as records. */
	#ids = 0;
	/** By number: the CPU stands in a sample. */
	readonly #sampled: boolean[] = [];
	readonly #buffer = new ArrayBuffer(CHUNK);
	readonly #bytes = new Uint8Array(this.#buffer);
	readonly #view = new DataView(this.#buffer);
	readonly #note: (note: Note) => void;

	constructor(recording: Recording, note: (note: Note) => void) {
		this.#recording = recording;
		this.#events = recording.events;
		this.#problems = [...recording.problems];
		this.#note = note;
	}

	run(progress: (bytes: number) => void): Scan {
		const { files, littleEndian } = this.#recording;
		let done = 0;
		const orders = files.map((file) => {
			const reader = new RecordReader(file.bytes, file.section, littleEndian, (r) =>
				this.#user(r, reader.consumed, file.name),
			);
			const least: number[] = [];
			const greatest: number[] = [];
			for (;;) {
				const filled = reader.fill(this.#bytes, 0, CHUNK);
				if (filled === 0) break;
				const [a, b] = this.#chunk(filled);
				least.push(a);
				greatest.push(b);
				progress(done + reader.consumed);
			}
			done += file.bytes.size;
			for (const [type, n] of reader.counts.entries()) this.#counts[type]! += n;
			if (reader.damage) this.#problems.push({ ...reader.damage, source: file.name });
			const leastFrom = new Float64Array(least.length + 1).fill(Number.POSITIVE_INFINITY);
			for (let k = least.length - 1; k >= 0; k--) leastFrom[k] = Math.min(least[k]!, leastFrom[k + 1]!);
			return { least, greatest, leastFrom };
		});
		const { tracing } = this.#recording.facts;
		return {
			orders,
			chunks: chunksAtOnce(orders),
			base: this.#base ?? 0n,
			first: this.#first <= this.#last ? this.#first : Number.NaN,
			last: this.#first <= this.#last ? this.#last : Number.NaN,
			start: this.#start,
			startDropped: this.#startDropped,
			counts: this.#counts,
			formats: tracing ? formatsOf(tracing, this.#note) : [],
			samples: this.#samples,
			untimedSamples: this.#untimedSamples,
			lostEvents: this.#lostEvents,
			lastOf: this.#lastOf,
			cpusSeen: [...this.#sampled.keys()].filter((cpu) => this.#sampled[cpu]),
			cpus: this.#cpus,
			perTask: this.#perTask,
			auxBytes: this.#auxBytes,
			problems: this.#problems,
		};
	}

	#prepare(): RecordTimes {
		const layouts = this.#events.map((e) => sampleLayout(e.attr));
		this.#records = new RecordTimes(
			new EventIndex(this.#events, layouts, this.#recording.littleEndian),
			layouts,
		);
		return this.#records;
	}

	/** Times of the chunk in #buffer: least and greatest. Records without one are kept as the start. */
	#chunk(filled: number): [number, number] {
		const records = this.#records ?? this.#prepare();
		const view = this.#view;
		const le = this.#recording.littleEndian;
		const stamp = this.#stamp;
		let least = Number.POSITIVE_INFINITY;
		let greatest = Number.NEGATIVE_INFINITY;
		for (let p = 0; p < filled; ) {
			const type = view.getUint32(p, le);
			const size = view.getUint16(p + 6, le);
			const end = p + size;
			if (records.stamp(view, p, end, stamp)) {
				if (this.#base === null) {
					this.#base = (BigInt(stamp[1]!) << 32n) | BigInt(stamp[0]!);
					[this.#baseLo, this.#baseHi] = [stamp[0]!, stamp[1]!];
				}
				const ts = (stamp[1]! - this.#baseHi) * 4_294_967_296 + (stamp[0]! - this.#baseLo);
				if (ts < least) least = ts;
				if (ts > greatest) greatest = ts;
				if (type === recordType.lost && size >= 24) this.#lostEvents += Number(view.getBigUint64(p + 16, le));
				if (observing[type] === 1) {
					if (ts < this.#first) this.#first = ts;
					if (ts > this.#last) this.#last = ts;
				}
				const cpu = records.cpu(view, p, end);
				if (cpu >= this.#cpus) this.#cpus = cpu + 1;
				if (cpu >= 0 && observing[type] === 1) this.#lastOf[cpu] = Math.max(ts, this.#lastOf[cpu] ?? ts);
				if (type === recordType.sample) {
					const event = records.index.ofSample(view, p, end);
					this.#samples[event] = (this.#samples[event] ?? 0) + 1;
					if (cpu >= 0) this.#sampled[cpu] = true;
				}
			} else this.#untimed(type, p, size);
			p = end;
		}
		return [least, greatest];
	}

	#untimed(type: number, p: number, size: number): void {
		if (type === recordType.sample) this.#untimedSamples++;
		if (startTypes[type] !== 1) return;
		if (this.#startBytes + size + START_OVERHEAD > MAX_START) {
			this.#startDropped++;
			return;
		}
		this.#startBytes += size + START_OVERHEAD;
		const misc = this.#view.getUint16(p + 4, this.#recording.littleEndian);
		this.#start.push({ type, misc, bytes: Buffer.from(this.#bytes.subarray(p, p + size)) });
	}

	/** Records of perf itself. */
	#user({ type, bytes, extra }: UserRecord, offset: number, source: string): void {
		const { littleEndian, facts } = this.#recording;
		try {
			switch (type) {
				case recordType.headerAttr:
					this.#headerAttr(bytes);
					break;
				case recordType.headerFeature:
					if (bytes.length >= HEADER + 8)
						readFeature(
							Number(u64(bytes, HEADER, littleEndian)),
							bytes.subarray(HEADER + 8),
							littleEndian,
							this.#events,
							facts,
						);
					break;
				case recordType.headerTracingData:
					if (extra) facts.tracing = parseTracingData(extra);
					break;
				case recordType.headerBuildId:
					readBuildId(bytes, littleEndian, facts.buildIds);
					break;
				case recordType.eventUpdate:
					this.#eventUpdate(bytes);
					break;
				case recordType.idIndex:
					this.#idIndex(bytes);
					break;
				case recordType.threadMap:
					// pid -1 stands for all: recorded by CPU
					if (bytes.length >= HEADER + 16 && this.#perTask === null)
						this.#perTask =
							u64(bytes, HEADER, littleEndian) > 0n && u64(bytes, HEADER + 8, littleEndian) !== ALL;
					break;
				case recordType.auxtrace:
					if (bytes.length >= HEADER + 8) this.#auxBytes += Number(u64(bytes, HEADER, littleEndian));
					break;
			}
		} catch (error) {
			if (!(error instanceof Truncated)) throw error;
			this.#problems.push({
				text: `A record of type ${type} cannot be read: ${error.message}`,
				offset,
				source,
			});
		}
	}

	#headerAttr(bytes: Buffer): void {
		const le = this.#recording.littleEndian;
		const own = bytes.subarray(HEADER);
		if (own.length < 8) throw new Truncated(0, "an attribute");
		const size = le ? own.readUInt32LE(4) : own.readUInt32BE(4);
		if (size > own.length) throw new Truncated(0, "an attribute");
		const attr = parseAttr(own.subarray(0, size), le);
		if (!attr) throw new Truncated(0, "an attribute");
		const ids: bigint[] = [];
		for (let at = size; at + 8 <= own.length; at += 8) ids.push(u64(own, at, le));
		if (ids.length > 0 && this.#eventOf(ids[0]!)) return;
		this.#ids += ids.length;
		if (this.#events.length >= MAX_EVENTS || this.#ids > MAX_IDS) throw new Truncated(0, "an attribute");
		this.#events.push({ attr, ids, name: null });
		this.#records = null;
	}

	#eventOf(id: bigint): EventAttr | undefined {
		for (; this.#indexed < this.#events.length; this.#indexed++) {
			const event = this.#events[this.#indexed]!;
			for (const own of event.ids) if (!this.#byId.has(own)) this.#byId.set(own, event);
		}
		return this.#byId.get(id);
	}

	/** Type 2 tells the name. */
	#eventUpdate(bytes: Buffer): void {
		const le = this.#recording.littleEndian;
		if (bytes.length < HEADER + 16 || u64(bytes, HEADER, le) !== NAME_UPDATE) return;
		const id = u64(bytes, HEADER + 8, le);
		const event = this.#eventOf(id);
		const name = bytes
			.subarray(HEADER + 16)
			.toString("utf8")
			.replace(/\0[\s\S]*$/, "");
		if (event && name !== "") event.name = name;
	}

	/** Which thread or CPU each counter is for: thread -1 = all threads of the CPU. */
	#idIndex(bytes: Buffer): void {
		const le = this.#recording.littleEndian;
		const count = bytes.length >= HEADER + 8 ? Number(u64(bytes, HEADER, le)) : 0;
		const tracking = new Set(
			this.#events
				.filter((e) => (e.attr.sampleType & sampleBit.tid) !== 0 && isDummy(e.attr))
				.flatMap((e) => e.ids),
		);
		for (let k = 0, at = HEADER + 8; k < count && at + 32 <= bytes.length; k++, at += 32) {
			if (tracking.has(u64(bytes, at, le))) continue;
			const tid = u64(bytes, at + 24, le);
			this.#perTask = tid !== ALL && tid !== ALL_32;
			return;
		}
	}
}

const NAME_UPDATE = 2n;
const ALL = 0xffff_ffff_ffff_ffffn;
const ALL_32 = 0xffff_ffffn;

function u64(bytes: Buffer, at: number, littleEndian: boolean): bigint {
	return littleEndian ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at);
}

/** The next file to read from: the one whose rest has the least time; -1 where all are at their end. */
export function nextFile(orders: readonly FileOrder[], at: readonly number[]): number {
	let best = -1;
	for (const [k, order] of orders.entries()) {
		if (at[k]! >= order.least.length) continue;
		if (best < 0 || order.leastFrom[at[k]!]! < orders[best]!.leastFrom[at[best]!]!) best = k;
	}
	return best;
}

/** Least time of everything that has not been read: what lies before it may go on. */
export function leastToCome(orders: readonly FileOrder[], at: readonly number[]): number {
	let least = Number.POSITIVE_INFINITY;
	for (const [k, order] of orders.entries()) least = Math.min(least, order.leastFrom[at[k]!]!);
	return least;
}

/** Plays the second walk: how many chunks are in memory at once. */
function chunksAtOnce(orders: readonly FileOrder[]): number {
	const at = orders.map(() => 0);
	let held: number[] = [];
	let most = 1;
	for (;;) {
		const k = nextFile(orders, at);
		if (k < 0) return most;
		held.push(orders[k]!.greatest[at[k]!]!);
		at[k]!++;
		most = Math.max(most, held.length);
		if (most > MAX_CHUNKS) return most;
		const limit = leastToCome(orders, at);
		held = held.filter((greatest) => greatest >= limit);
	}
}
