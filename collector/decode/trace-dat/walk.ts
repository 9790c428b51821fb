/** Records of a ring buffer on their way into a pipeline: what the readers of ring-buffer pages share. */
import type { Pipeline } from "../../pipeline.ts";
import { type CpuSeen, newCpu } from "../cpu-seen.ts";
import { NameCounts } from "../name-counts.ts";
import type { ReadOptions } from "../source.ts";
import type { EventTable } from "../tracepoint/event-table.ts";
import type { EventFormat } from "../tracepoint/format.ts";
import type { RecordMemory } from "../tracepoint/memory.ts";
import { merge } from "./merge.ts";
import type { CpuRecords } from "./records.ts";

/** Records between two chances for others to work. */
const SLICE = 65_536;

/** Offset of common_pid where no format tells it: include/linux/trace_events.h, struct trace_entry. */
const PID_AT = 4;

export interface WalkOptions {
	readonly pipeline: Pipeline;
	readonly memory: RecordMemory;
	readonly formats: readonly EventFormat[];
	/** One for each CPU, before its first record. */
	readonly records: readonly CpuRecords[];
	/** From stamps to ns; null where they are ns. */
	readonly toNs: ((stamp: number) => number) | null;
	/** Seconds from the first record. */
	readonly window: ReadOptions["window"];
	/** Times of the first and the last record of the trace, ns since the base: those outside are no part of it. */
	readonly limits?: { readonly first: number; readonly last: number };
	/** Records of this format are stacks. */
	readonly stacks?: { readonly format: EventFormat; readonly take: (r: CpuRecords) => void } | undefined;
	/** Formats that lack fields: derivations do not see their events. */
	readonly incomplete?: ReadonlySet<EventFormat>;
	/** CPUs whose events were recorded beyond their last record here, nobody knows how many. */
	readonly cut?: ReadonlySet<number>;
}

export class BufferWalk {
	/** Records by type. */
	readonly counts = new Uint32Array(65_536);
	/** Records imported. */
	events = 0;
	/** Records outside the limits. */
	outside = 0;
	/** Times of the first and the last record that is imported, ns since the base. */
	start = Number.NaN;
	last = 0;
	/** First record of the trace: `window` counts from it. */
	#origin = Number.NaN;
	readonly #seen: (CpuSeen | undefined)[] = [];
	readonly #tables: (EventTable | null | undefined)[] = new Array(65_536).fill(undefined);
	readonly #byId: ReadonlyMap<number, EventFormat>;
	readonly #options: WalkOptions;

	constructor(options: WalkOptions) {
		this.#options = options;
		this.#byId = new Map(options.formats.map((f) => [f.id, f]));
	}

	/** CPUs with records that were imported. */
	get seen(): CpuSeen[] {
		return this.#seen.filter((c) => c !== undefined);
	}

	/** All records in order; yields between slices. */
	*run(): Generator<void> {
		const { pipeline, memory, formats, toNs, window, limits, stacks } = this.#options;
		const { view, littleEndian, u16 } = memory;
		const tables = this.#tables;
		const counts = this.counts;
		const pidOffset = formats[0]?.common.find((f) => f.name === "common_pid")?.offset ?? PID_AT;
		const stackId = stacks?.format.id ?? -1;
		const from = window ? window.from * 1e9 : Number.NEGATIVE_INFINITY;
		const to = window ? window.to * 1e9 : Number.POSITIVE_INFINITY;
		const earliest = limits?.first ?? Number.NEGATIVE_INFINITY;
		const latest = limits?.last ?? Number.POSITIVE_INFINITY;

		const visit = (r: CpuRecords): void => {
			const ts = toNs === null ? r.ts : toNs(r.ts);
			if (ts < earliest || ts > latest) {
				this.outside++;
				r.lost = -1;
				return;
			}
			if (Number.isNaN(this.#origin)) this.#origin = ts;
			if (ts - this.#origin < from || ts - this.#origin >= to) {
				r.lost = -1;
				return;
			}
			const { cpu, p } = r;
			let own = this.#seen[cpu];
			if (own === undefined) own = this.#seen[cpu] = newCpu(cpu, ts);
			if (r.lost !== -1) this.#gap(r, own, ts);
			if (own.events === 0) pipeline.cpuStart(cpu, ts, view.getInt32(p + pidOffset, littleEndian));
			own.events++;
			if (ts > own.last) own.last = ts;
			if (ts > this.last) this.last = ts;
			// the first to come need not be the earliest: clocks may step back
			if (this.events++ === 0 || ts < this.start) this.start = ts;
			const id = littleEndian ? u16[p >> 1]! : view.getUint16(p, false);
			counts[id]!++;
			const table = tables[id];
			if (table) pipeline.record(table, p, r.end, ts, cpu);
			else if (table === undefined) this.#firstOf(id, r, ts);
			else if (id === stackId) stacks!.take(r);
		};
		const ended = (r: CpuRecords): void => {
			const own = this.#seen[r.cpu];
			if (!own) return;
			const ts = toNs === null ? r.ts : toNs(r.ts);
			if (this.#options.cut?.has(r.cpu) && ts - this.#origin < to) {
				r.lost = Number.NaN;
				this.#gap(r, own, own.last);
				pipeline.lossBegins(r.cpu);
			}
			pipeline.cpuEnd(r.cpu, own.last);
		};
		for (const r of this.#options.records) r.onLost = () => pipeline.lossBegins(r.cpu);
		yield* merge(
			this.#options.records.filter((r) => r.advance()),
			visit,
			ended,
			SLICE,
		);
	}

	#gap(r: CpuRecords, own: CpuSeen, ts: number): void {
		own.gaps++;
		if (Number.isNaN(r.lost)) own.unknownGaps++;
		else own.lost += r.lost;
		const from = own.events > 0 ? own.last : this.events === 0 ? ts : this.start;
		this.#options.pipeline.lost(r.cpu, from, ts, r.lost);
		r.lost = -1;
	}

	/** The first record of a type: its table is made; null for types without a format, and for stacks. */
	#firstOf(id: number, r: CpuRecords, ts: number): void {
		const { pipeline, stacks, incomplete } = this.#options;
		const format = this.#byId.get(id);
		const isStack = format !== undefined && format === stacks?.format;
		const table = !format || isStack ? null : pipeline.table(format, !incomplete?.has(format));
		this.#tables[id] = table;
		if (table) pipeline.record(table, r.p, r.end, ts, r.cpu);
		else if (isStack) stacks!.take(r);
	}

	/** Records by name of the event, and by number where the type has no format. */
	byName(): { happened: Record<string, number>; unknown: Map<number, number> } {
		const happened = new NameCounts();
		const unknown = new Map<number, number>();
		for (const [id, count] of this.counts.entries()) {
			if (count === 0) continue;
			const name = this.#byId.get(id)?.name;
			if (name === undefined) unknown.set(id, count);
			else happened.add(name, count);
		}
		return { happened: happened.toRecord(), unknown };
	}
}
