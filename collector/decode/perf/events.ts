/** The events of a recording by the ids that stand in its records, and where their records keep what they carry. */
import type { EventFormat } from "../tracepoint/format.ts";
import { attrName, attrType, countsTime, type PerfAttr } from "./attr.ts";
import type { EventAttr } from "./header.ts";
import { type SampleLayout, sampleLayout } from "./sample-layout.ts";

export interface PerfEvent {
	readonly attr: PerfAttr;
	readonly layout: SampleLayout;
	/** As perf names it: cycles:u, sched:sched_switch. */
	readonly name: string;
	/** For tracepoints whose format the file has. */
	readonly format: EventFormat | null;
	/** Its periods are ns of CPU time. */
	readonly timed: boolean;
	/** Each occurrence is recorded; false for samples of them (perf record -F, -c above 1). */
	readonly complete: boolean;
}

/** Ids below have a place in an array. */
const SMALL = 1_048_576;

const TRACEPOINT_NAME = /^[\w-]+:[\w-]+$/;

export function describeEvents(attrs: readonly EventAttr[], formats: readonly EventFormat[]): PerfEvent[] {
	const byId = new Map(formats.map((f) => [f.id, f]));
	return attrs.map(({ attr, name }): PerfEvent => {
		const format = attr.type === attrType.tracepoint ? (byId.get(Number(attr.config)) ?? null) : null;
		return {
			attr,
			layout: sampleLayout(attr),
			name: format ? `${format.system}:${format.name}` : (name ?? attrName(attr)),
			format,
			timed: countsTime(attr),
			complete: !attr.freq && attr.period <= 1,
		};
	});
}

/** The kernel's name of an event: without its system, where it is a tracepoint. */
export function shortName(event: PerfEvent): string {
	if (event.format) return event.format.name;
	return TRACEPOINT_NAME.test(event.name) && event.attr.type === attrType.tracepoint
		? event.name.slice(event.name.indexOf(":") + 1)
		: event.name;
}

/** Finds the event of a record. */
export class EventIndex {
	readonly #byId = new Map<number, number>();
	/** The same for small ids, which are the rule: the kernel counts them up from the boot. */
	readonly #small: Int32Array;
	/** Offset of the id from the start of a sample, distance from the end of other records; -1 = none. */
	readonly #sampleId: number;
	readonly #trailerId: number;
	readonly trailer: SampleLayout["trailer"];
	readonly #single: boolean;

	constructor(
		attrs: readonly EventAttr[],
		layouts: readonly SampleLayout[],
		readonly littleEndian: boolean,
	) {
		for (const [k, { ids }] of attrs.entries()) for (const id of ids) this.#byId.set(Number(id), k);
		let size = 0;
		for (const id of this.#byId.keys()) if (id < SMALL && id >= size) size = id + 1;
		this.#small = new Int32Array(size).fill(-1);
		for (const [id, k] of this.#byId) if (id < size) this.#small[id] = k;
		// perf demands that the id stands in one place in all events (evlist__valid_sample_type)
		this.#sampleId = layouts[0]?.id ?? -1;
		const withTrailer = layouts.find((l) => l.trailer.bytes > 0) ?? layouts[0];
		this.trailer = withTrailer?.trailer ?? { bytes: 0, pid: -1, time: -1, id: -1, cpu: -1 };
		this.#trailerId = this.trailer.id;
		this.#single = attrs.length === 1;
	}

	/** Index of the event of the SAMPLE record at `p`; -1 if its id is not known. */
	ofSample(view: DataView, p: number, end: number): number {
		if (this.#single) return 0;
		return this.#sampleId < 0 || p + this.#sampleId + 8 > end ? -1 : this.#at(view, p + this.#sampleId);
	}

	/** Index of the event that another record belongs to; -1 if it does not tell. */
	ofRecord(view: DataView, end: number): number {
		if (this.#single) return 0;
		return this.#trailerId < 0 ? -1 : this.#at(view, end - this.#trailerId);
	}

	#at(view: DataView, at: number): number {
		return this.byId(view.getUint32(at, this.littleEndian), view.getUint32(at + 4, this.littleEndian));
	}

	/** By the words of an id in the order of the machine. */
	byId(first: number, second: number): number {
		const high = this.littleEndian ? second : first;
		const low = this.littleEndian ? first : second;
		if (high === 0 && low < this.#small.length) return this.#small[low]!;
		return this.#byId.get(high * 4_294_967_296 + low) ?? -1;
	}
}
