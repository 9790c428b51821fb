/** One recording of LinuxKI's module on its way to a sink: what each record means, and what is known after the last. */
import type { KernelSymbols } from "../../identity/kallsyms.ts";
import { kernelSymbolsOf } from "../../identity/kernel-symbols.ts";
import { type BinarySymbols, demangle } from "../../identity/symbols/index.ts";
import { Pipeline } from "../../pipeline.ts";
import type { SideFiles } from "../../side/index.ts";
import { baseStamp } from "../../write/appender.ts";
import { type CpuSeen, cpuWindows, lostOf, newCpu } from "../cpu-seen.ts";
import { NameCounts } from "../name-counts.ts";
import type { Note, ReadOptions, Sink, TraceSummary } from "../source.ts";
import type { EventTable } from "../tracepoint/event-table.ts";
import type { EventFormat } from "../tracepoint/format.ts";
import type { RecordMemory } from "../tracepoint/memory.ts";
import type { ChunkRecords } from "./chunks.ts";
import { CpuContexts } from "./cpu-contexts.ts";
import { damageNotes, eventName, isDamaged, recordedOf, unknownName } from "./describe.ts";
import { Hardclocks } from "./hardclock.ts";
import { IDS, IdCounts } from "./id-counts.ts";
import { type Machine, machineOf } from "./machine.ts";
import { Payloads } from "./payload.ts";
import { Processes } from "./processes.ts";
import type { Recording } from "./recording.ts";
import { NONE } from "./sequences.ts";
import { TEXT_AT } from "./shape.ts";
import {
	eventsOfMask,
	HARDCLOCK,
	type Layout,
	SCHED_SWITCH,
	SYS_ENTER,
	SYS_EXIT,
	shapesOf,
	type VersionLayout,
} from "./shapes.ts";
import { LikiStacks, mapProcesses } from "./stacks.ts";
import type { Survey } from "./survey.ts";

export interface SessionOptions {
	/** Name of the (first) file. */
	readonly source: string;
	readonly recording: Recording;
	readonly layout: VersionLayout;
	readonly survey: Survey;
	readonly memory: RecordMemory;
	readonly side: SideFiles;
	readonly options: ReadOptions;
	readonly binaries: BinarySymbols;
	readonly sink: Sink;
}

export class Session {
	readonly pipeline: Pipeline;
	/** Events so far. */
	count = 0;
	readonly #o: SessionOptions;
	readonly #layout: Layout;
	readonly #machine: Machine;
	readonly #memory: RecordMemory;
	readonly #contexts: CpuContexts;
	readonly #processes: Processes;
	readonly #payloads: Payloads;
	readonly #stacks: LikiStacks;
	readonly #hardclocks: Hardclocks;
	readonly #perTask: boolean;
	readonly #tables: (EventTable | undefined)[] = new Array(IDS).fill(undefined);
	readonly #byFormat = new Map<EventFormat, EventTable>();
	readonly #counts = new IdCounts();
	readonly #unknown = new IdCounts();
	readonly #seen: (CpuSeen | undefined)[] = [];
	/** Records of each CPU that are still to come. */
	readonly #left: Float64Array;
	readonly #nextPid: number;
	readonly #nextTgid: number;
	readonly #from: number;
	readonly #to: number;
	/** First record of the trace: `--window` counts from it. */
	#origin = Number.NaN;
	/** First record that is imported, and the last. */
	#start = Number.NaN;
	#last = 0;
	#symbols: KernelSymbols | null = null;

	constructor(options: SessionOptions) {
		this.#o = options;
		const { recording, survey, memory, side, options: read, sink } = options;
		this.#machine = machineOf(recording, side.machine);
		this.#memory = memory;
		const { kernel } = this.#machine;
		const arch = this.#machine.arch ?? "";
		this.#layout = shapesOf(recording.version, { arch, kernel, hz: side.machine.hz ?? null });
		const { shapes, prevState } = this.#layout;
		this.#from = read.window ? read.window.from * 1e9 : Number.NEGATIVE_INFINITY;
		this.#to = read.window ? read.window.to * 1e9 : Number.POSITIVE_INFINITY;
		this.#perTask = survey.startup?.perTask === true;
		this.pipeline = new Pipeline({
			memory,
			base: baseStamp(survey.first ?? 0n),
			cpus: 1 + Math.max(0, ...survey.cpus),
			arch,
			timed: true,
			formats: [...new Set(shapes.flatMap((s) => (s ? [s.format] : [])))],
			recorded: this.#recorded(),
			derived: read.noDerived !== true,
			perTask: this.#perTask,
			userStacks: true,
			prevState,
			...(read.events ? { events: new Set(read.events) } : {}),
			side,
			emit: (batch) => sink.batch(batch),
		});
		const spaces = this.pipeline.addressSpaces(this.#o.source);
		mapProcesses(side.mappings, spaces);
		const next = (name: string): number =>
			shapes[SCHED_SWITCH]?.format.fields.find((f) => f.name === name)?.offset ?? -1;
		this.#nextPid = next("next_pid");
		this.#nextTgid = next("next_tgid");
		this.#contexts = new CpuContexts(memory, this.#nextPid);
		this.#processes = new Processes(this.pipeline.threads);
		this.#payloads = new Payloads({
			memory,
			pipeline: this.pipeline,
			arch,
			layout: this.#layout,
		});
		this.#stacks = new LikiStacks({
			memory,
			arch,
			stacks: this.pipeline.stacks,
			spaces,
			kernelSymbols: () => this.#kernelSymbols(),
		});
		this.#hardclocks = new Hardclocks({
			pipeline: this.pipeline,
			stacks: this.#stacks,
			memory,
			place: options.layout.hardclock,
		});
		this.#left = survey.records.slice();
		this.#say();
	}

	/** Names of the events that may come. */
	#recorded(): ReadonlySet<string> {
		const { startup, ids } = this.#o.survey;
		if (startup?.mask != null) return new Set(eventsOfMask(startup.mask));
		return new Set([...ids.entries()].flatMap(([id]) => this.#nameOf(id) ?? []));
	}

	#note(severity: Note["severity"], kind: string, text: string, count = 1, cpu: number | null = null): void {
		this.pipeline.notes.add({ severity, kind, source: this.#o.source, text, count, cpu });
	}

	#say(): void {
		const { recording, survey } = this.#o;
		const { startup } = survey;
		if (this.#machine.arch === null)
			this.#note(
				"warning",
				"arch-unknown",
				"No side file tells the machine (uname-a): system calls have numbers without names, and stacks are taken as they are; give uname -a with --side FILE",
			);
		if (recording.buffer !== "")
			this.#note(
				"warning",
				"side-files-shared",
				"Files beside several recordings in one folder are taken for all of them: give each a folder of its own",
			);
		if (startup && startup.filters.length > 0)
			this.#note(
				"warning",
				"recording-filtered",
				`Only some ${startup.filters.join(", ")} were recorded: events of others are missing on purpose`,
			);
	}

	/** The present record of a file. */
	record(r: ChunkRecords): void {
		this.#record(r);
		if (--this.#left[r.cpu]! === 0) this.#end(r.cpu);
	}

	#record(r: ChunkRecords): void {
		const { cpu, p, end, ts } = r;
		const { i32 } = this.#memory;
		const { tgidAt } = this.#layout;
		const id = i32[(p + 8) >> 2]!;
		const missing = r.missing();
		if (missing !== NONE) this.#contexts.forget(cpu);
		const pid = this.#contexts.settle(r, id);
		if (Number.isNaN(this.#origin)) this.#origin = ts;
		if (ts - this.#origin < this.#from || ts - this.#origin >= this.#to) return;
		const { pipeline } = this;
		const { threads } = pipeline;
		if (Number.isNaN(this.#start)) this.#start = ts;
		let own = this.#seen[cpu];
		if (own === undefined) {
			own = this.#seen[cpu] = newCpu(cpu, ts);
			pipeline.cpuStart(cpu, ts, pid);
			this.#hardclocks.seenFrom(cpu, ts);
		} else if (missing !== NONE) this.#gap(own, missing, ts);
		own.last = ts;
		if (ts > this.#last) this.#last = ts;
		own.events++;
		this.count++;
		const shape = this.#layout.shapes[id];
		if (id !== HARDCLOCK) {
			if (!shape) {
				this.#unknown.add(id);
				return;
			}
			if (end - p < shape.bytes) {
				this.#short(id, cpu);
				return;
			}
		}
		this.#counts.add(id);
		if (this.#perTask) pipeline.current(cpu, ts, pid);
		let tgid = tgidAt < 0 ? -1 : i32[(p + tgidAt) >> 2]!;
		let utid = 0;
		if (pid > 0 && tgid > 0) utid = this.#processes.of(pid, tgid, ts);
		else if (pid > 0) {
			utid = threads.byTid[pid] || threads.appear(pid, ts);
			tgid = threads.tgidOf(utid);
		}
		if (id === HARDCLOCK) {
			this.#hardclocks.on(p, end, ts, cpu, utid, tgid);
			return;
		}
		const { fix, stack } = shape!;
		i32[(p + TEXT_AT) >> 2] = 0;
		if (fix !== null) fix(this.#memory, p, end);
		if (id === SYS_ENTER)
			this.#payloads.enter(p, end, i32[(p + this.#layout.headerBytes) >> 2]!, ts, cpu, utid);
		else if (id === SYS_EXIT)
			this.#payloads.exit(p, end, i32[(p + this.#layout.headerBytes) >> 2]!, ts, cpu, utid);
		const table = this.#tables[id] ?? this.#table(id);
		if (id === SCHED_SWITCH && this.#nextTgid >= 0) this.#switch(table, p, end, ts, cpu);
		else pipeline.record(table, p, end, ts, cpu);
		if (stack !== null) {
			this.#stacks.read(p, stack, end, tgid);
			pipeline.ownStacks(table, cpu, utid, this.#stacks.kernelId, this.#stacks.userId);
		}
	}

	/** A sched_switch tells the process of the thread that comes, too. */
	#switch(table: EventTable, p: number, end: number, ts: number, cpu: number): void {
		const { i32 } = this.#memory;
		const next = i32[(p + this.#nextPid) >> 2]!;
		const tgid = i32[(p + this.#nextTgid) >> 2]!;
		const told = next > 0 && tgid > 0;
		if (told) this.#processes.before(next, tgid);
		this.pipeline.record(table, p, end, ts, cpu);
		if (told) this.#processes.after(this.pipeline.threads.at(next, ts), tgid);
	}

	/** Power_start and power_end, for one, are the same event: ids share the table of their format. */
	#table(id: number): EventTable {
		const { format } = this.#layout.shapes[id]!;
		let table = this.#byFormat.get(format);
		if (!table) {
			table = this.pipeline.table(format);
			this.#byFormat.set(format, table);
		}
		this.#tables[id] = table;
		return table;
	}

	/** `missing` records, NaN if not known. */
	#gap(own: CpuSeen, missing: number, ts: number): void {
		own.gaps++;
		if (Number.isNaN(missing)) own.unknownGaps++;
		else own.lost += missing;
		this.#hardclocks.seenFrom(own.cpu, ts);
		this.pipeline.lost(own.cpu, own.last, ts, missing);
	}

	#short(id: number, cpu: number): void {
		const name = this.#nameOf(id) ?? `id ${id}`;
		this.pipeline.notes.add({
			severity: "warning",
			kind: "record-damaged",
			source: name,
			cpu,
			text: `${name}: a record is shorter than its version says`,
		});
	}

	#end(cpu: number): void {
		const own = this.#seen[cpu];
		if (own) this.pipeline.cpuEnd(cpu, own.last);
	}

	#kernelSymbols(): KernelSymbols {
		this.#symbols ??= kernelSymbolsOf(Buffer.alloc(0), this.#o.side, (n) =>
			this.pipeline.notes.add({ ...n, source: this.#o.source }),
		);
		return this.#symbols;
	}

	/** After the last record: derivations end, names are looked up. */
	end(): void {
		const { pipeline } = this;
		const { sink, survey } = this.#o;
		for (const cpu of survey.cpus) if (this.#left[cpu]! > 0) this.#end(cpu);
		pipeline.finish(this.#last);
		if (pipeline.stacks.size > 0)
			for (const { table, rows } of pipeline.stackRows({
				kernel: this.#kernelSymbols(),
				binaries: this.#o.binaries,
				demangle: (mangled) => demangle(mangled, (n) => pipeline.notes.add(n)),
			}))
				sink.rows(table, rows);
		if (this.#contexts.untold > 0)
			this.#note(
				"warning",
				"current-unknown",
				"Records from interrupts do not tell which thread was current, and no other record near them does: they have thread 0",
				this.#contexts.untold,
			);
		for (const [id, count] of this.#unknown.entries())
			this.#note(
				"warning",
				"event-unknown",
				`Records of ${unknownName(id)}: not known to this version`,
				count,
			);
		for (const n of damageNotes(survey.files)) pipeline.notes.add(n);
		sink.end(this.#summary());
	}

	#summary(): TraceSummary {
		const { recording, survey, side } = this.#o;
		const seen = this.#seen.filter((c) => c !== undefined);
		const base = survey.first ?? 0n;
		const at = (ts: number): bigint => BigInt.asIntN(64, base + BigInt(ts));
		const named = new NameCounts();
		for (const [id, n] of this.#counts.entries()) named.add(this.#nameOf(id)!, n);
		const happened = named.toRecord();
		return {
			buffer: recording.buffer,
			formatVersion: String(recording.version),
			machine: {
				...this.#machine,
				littleEndian: true,
				longBytes: 8,
				cpus: Math.max(side.cpus.length, 1 + Math.max(0, ...survey.cpus)),
			},
			clock: { name: "mono", unit: "ns", wallOffset: survey.startup?.wallOffset ?? null },
			recorder: "LinuxKI",
			window: Number.isNaN(this.#start) ? null : { start: at(this.#start), end: at(this.#last) },
			cpus: cpuWindows(seen, at),
			events: happened,
			recorded: recordedOf(survey.startup, happened),
			unknownEvents: Object.fromEntries([...this.#unknown.entries()].map(([id, n]) => [unknownName(id), n])),
			lost: lostOf(seen),
			damaged: isDamaged(survey.files),
			notes: this.pipeline.notes.all(),
		};
	}

	/** Name of the event; undefined where the id is not known. */
	#nameOf(id: number): string | undefined {
		return eventName(this.#o.layout, id);
	}
}
