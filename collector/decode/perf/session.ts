/** One recording on its way to a sink: what each record means, and what is known when the last has been read. */
import { cpuSample } from "../../../lib/schema/events.ts";
import type { KernelSymbols } from "../../identity/kallsyms.ts";
import { kernelSymbolsOf } from "../../identity/kernel-symbols.ts";
import { type BinarySymbols, demangle } from "../../identity/symbols/index.ts";
import { numberThreads } from "../../identity/topology.ts";
import { Pipeline } from "../../pipeline.ts";
import type { SideFiles } from "../../side/index.ts";
import { baseStamp } from "../../write/appender.ts";
import { type CpuSeen, cpuWindows, lostOf, newCpu } from "../cpu-seen.ts";
import { NameCounts } from "../name-counts.ts";
import type { Note, ReadOptions, Sink, TraceSummary } from "../source.ts";
import type { RecordMemory } from "../tracepoint/memory.ts";
import { attrType, clockOf, isDummy } from "./attr.ts";
import { type PerfEvent, shortName } from "./events.ts";
import type { RecordTimes } from "./record-times.ts";
import { misc as miscBit, recordNames, recordType } from "./record-types.ts";
import type { Recording } from "./recording.ts";
import { skippedParts } from "./sample-parts.ts";
import { Samples } from "./samples.ts";
import type { Scan } from "./scan.ts";
import { Tasks, taskTypes } from "./tasks.ts";

export interface SessionOptions {
	/** Name of the (first) file. */
	readonly source: string;
	readonly recording: Recording;
	readonly scan: Scan;
	readonly events: readonly PerfEvent[];
	readonly records: RecordTimes;
	readonly memory: RecordMemory;
	readonly side: SideFiles;
	readonly options: ReadOptions;
	readonly binaries: BinarySymbols;
	readonly sink: Sink;
}

/** Name in DeriveContext.recorded for switches that are no tracepoint. */
const SWITCH = "PERF_RECORD_SWITCH";

export class Session {
	readonly pipeline: Pipeline;
	/** Rows so far. */
	count = 0;
	readonly #o: SessionOptions;
	readonly #arch: string;
	readonly #tasks: Tasks;
	readonly #samples: Samples;
	readonly #baseNs: bigint;
	/** Length of the window, ns. */
	readonly #end: number;
	readonly #from: number;
	readonly #to: number;
	readonly #names: readonly string[];
	readonly #switches: boolean;
	readonly #perTask: boolean;
	readonly #seen: (CpuSeen | undefined)[] = [];
	/** Symbols of code that the kernel made while running (BPF, ftrace trampolines), as lines of kallsyms. */
	readonly #ksymbols: string[] = [];
	/** CPUs in the order in which they end; how many of them have. */
	readonly #ends: readonly { readonly cpu: number; readonly last: number }[];
	#ended = 0;
	#began = false;
	#first = Number.NaN;
	#last = 0;
	readonly #counts = new Map<number, number>();
	/** Samples lost by counts that name no CPU. */
	#lostSamples = 0;
	readonly #handlers: readonly ((p: number, end: number, misc: number, ts: number) => void)[];
	#damaged = false;

	constructor(options: SessionOptions) {
		const { recording, scan, events, memory, side, sink, options: read } = options;
		this.#o = options;
		this.#arch = recording.facts.arch ?? side.machine.machine ?? "";
		this.#names = events.map(shortName);
		const empty = Number.isNaN(scan.first);
		this.#baseNs = empty ? 0n : BigInt.asUintN(64, scan.base + BigInt(scan.first));
		this.#end = empty ? 0 : scan.last - scan.first;
		this.#from = read.window ? read.window.from * 1e9 : 0;
		this.#to = read.window ? read.window.to * 1e9 : Number.POSITIVE_INFINITY;
		this.#perTask = scan.perTask === true;
		const whole = this.#real().filter(
			(k) => events[k]!.complete || events[k]!.attr.type !== attrType.tracepoint,
		);
		const names = new Set(whole.map((k) => this.#names[k]!));
		this.#switches =
			events.some((e) => e.attr.contextSwitch) && (this.#perTask || !names.has("sched_switch"));
		if (this.#switches) names.add(SWITCH);
		this.pipeline = new Pipeline({
			memory,
			base: baseStamp(this.#baseNs),
			cpus: Math.max(1, scan.cpus),
			arch: this.#arch,
			timed: true,
			formats: scan.formats,
			recorded: names,
			derived: read.noDerived !== true,
			perTask: this.#perTask,
			userStacks: true,
			...(read.events ? { events: new Set(read.events) } : {}),
			side,
			emit: (batch) => sink.batch(batch),
		});
		const spaces = this.pipeline.addressSpaces(this.#o.source);
		this.#tasks = new Tasks(
			this.pipeline.threads,
			this.pipeline.strings,
			spaces,
			recording.facts.buildIds,
			recording.littleEndian,
		);
		this.#samples = new Samples({
			pipeline: this.pipeline,
			memory,
			events,
			index: options.records.index,
			arch: this.#arch,
			spaces,
			binaries: options.binaries,
			kernelSymbols: () => this.#kernelSymbols(() => {}),
			note: (severity, kind, text) => this.#note(severity, kind, text),
			onCpu: (cpu, ts, tid) => this.#onCpu(cpu, ts, tid),
		});
		this.#ends = scan.lastOf
			.flatMap((last, cpu) => (last === undefined ? [] : [{ cpu, last: last - scan.first }]))
			.sort((a, b) => a.last - b.last || a.cpu - b.cpu);
		this.#handlers = this.#makeHandlers();
		this.#topology();
		this.#before();
		this.#say();
	}

	/** What the header tells of cores and nodes, as a side file would. */
	#topology(): void {
		const { recording, side, source } = this.#o;
		const { topology, nodes, cpuModel } = recording.facts;
		if (topology.length === 0) return;
		side.cpuSources.push({
			path: source,
			rank: 0,
			detail: HEADER_DETAIL,
			cpus: numberThreads(
				topology.map(({ cpu, core, socket }) => {
					const node = nodes.get(cpu);
					return {
						cpu,
						core,
						socket,
						...(node === undefined ? {} : { node }),
						...(cpuModel === null ? {} : { model: cpuModel }),
					};
				}),
			),
		});
	}

	/** Events that were asked for: not the one that brings mappings and names. */
	#real(): number[] {
		return this.#o.events.flatMap((e, k) => (isDummy(e.attr) ? [] : [k]));
	}

	#note(severity: Note["severity"], kind: string, text: string, count = 1, cpu: number | null = null): void {
		this.pipeline.notes.add({ severity, kind, source: this.#o.source, text, count, cpu });
	}

	/** Records without a time: what was there when the recording began. */
	#before(): void {
		const { scan, recording } = this.#o;
		for (const { type, misc, bytes } of scan.start) {
			const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
			if (taskTypes[type] === 1) this.#tasks.before(type, misc, { view, bytes }, 0, bytes.length);
			else if (type === recordType.ksymbol) this.#ksymbol(view, bytes, 0, bytes.length);
			else if (type === recordType.cgroup) this.#cgroup(view, bytes, 0, bytes.length);
			else if (type === recordType.lostSamples && bytes.length >= 16)
				this.#lostSamples += Number(view.getBigUint64(8, recording.littleEndian));
		}
		if (scan.startDropped > 0)
			this.#note(
				"warning",
				"start-records-many",
				"Names and mappings from before the recording beyond the limit are not known",
				scan.startDropped,
			);
	}

	/** What the import passes over or cannot know, said once. */
	#say(): void {
		const { scan, events } = this.#o;
		const real = this.#real();
		for (const what of new Set(real.flatMap((k) => skippedParts(events[k]!.attr))))
			this.#note("info", "sample-part-skipped", `Samples carry ${what}, which are not imported`);
		for (const k of real)
			if (events[k]!.attr.type === attrType.tracepoint && !events[k]!.complete)
				this.#note(
					"warning",
					"event-sampled",
					`${events[k]!.name} was sampled (perf record -F, or -c above 1): its table has some of the events, and nothing is derived from it; record with -c 1`,
				);
		if (scan.auxBytes > 0)
			this.#note(
				"info",
				"auxtrace-skipped",
				`Hardware trace data (AUXTRACE), ${scan.auxBytes} bytes, is not decoded`,
			);
		if (scan.untimedSamples > 0)
			this.#note(
				"warning",
				"sample-without-time",
				"Samples without a time, or of an event that the file does not explain, are not imported",
				scan.untimedSamples,
			);
		if ((scan.counts[recordType.callchainDeferred] ?? 0) > 0)
			this.#note(
				"warning",
				"callchain-deferred",
				"User stacks that the kernel recorded later than their samples are not attached to them",
				scan.counts[recordType.callchainDeferred],
			);
		if ((scan.counts[recordType.stat] ?? 0) > 0)
			this.#note(
				"info",
				"stat-skipped",
				"Counts of perf stat are not imported: they are no events with a time",
				scan.counts[recordType.stat],
			);
		for (const [type, n] of scan.counts.entries())
			if (n > 0 && !recordNames.has(type))
				this.#note("warning", "record-unknown", `Records of type ${type}: not known to this version`, n);
	}

	#makeHandlers(): ((p: number, end: number, misc: number, ts: number) => void)[] {
		const handlers: ((p: number, end: number, misc: number, ts: number) => void)[] = [];
		handlers[recordType.sample] = (p, end, misc, ts) => this.#samples.on(p, end, misc, ts);
		handlers[recordType.lost] = (p, end, _misc, ts) => this.#lost(p, end, ts);
		handlers[recordType.lostSamples] = (p, end) => {
			if (end - p >= 16)
				this.#lostSamples += Number(this.#o.memory.view.getBigUint64(p + 8, this.#o.memory.littleEndian));
		};
		handlers[recordType.switch] = (p, end, misc, ts) => this.#switch(p, end, misc, ts, false);
		handlers[recordType.switchCpuWide] = (p, end, misc, ts) => this.#switch(p, end, misc, ts, true);
		handlers[recordType.ksymbol] = (p, end) => this.#ksymbol(this.#o.memory.view, this.#o.memory.u8, p, end);
		handlers[recordType.cgroup] = (p, end) => this.#cgroup(this.#o.memory.view, this.#o.memory.u8, p, end);
		handlers[recordType.throttle] = (p, end) => this.#throttled(p, end);
		return handlers;
	}

	/** The record at `p`, at `ts` ns since the base. */
	record(p: number, ts: number): void {
		const { view, littleEndian: le, u8 } = this.#o.memory;
		const type = view.getUint32(p, le);
		const misc = view.getUint16(p + 4, le);
		const end = p + view.getUint16(p + 6, le);
		while (this.#ended < this.#ends.length && this.#ends[this.#ended]!.last < ts) this.#endNext();
		if (taskTypes[type] === 1) {
			const from = Math.max(0, this.#from);
			if (ts < from || Number.isNaN(this.#o.scan.first))
				this.#tasks.before(type, misc, { view, bytes: u8 }, p, end);
			else {
				this.#begin();
				const to = Math.min(this.#end, this.#to - 1);
				this.#tasks.at(type, misc, { view, bytes: u8 }, p, end, Math.min(ts, to));
				if (this.#perTask && type === recordType.exit) this.#gone(p, end, Math.min(ts, to));
			}
			return;
		}
		const handle = this.#handlers[type];
		if (!handle || ts < this.#from || ts >= this.#to) return;
		this.#begin();
		handle(p, end, misc, ts);
		if (Number.isNaN(this.#first)) this.#first = ts;
		if (ts > this.#last) this.#last = ts;
	}

	/** The next CPU that has no more records. */
	#endNext(): void {
		const own = this.#seen[this.#ends[this.#ended++]!.cpu];
		if (own) this.pipeline.cpuEnd(own.cpu, own.last);
	}

	/** A recorded thread has ended on its CPU: who runs there is not known. */
	#gone(p: number, end: number, ts: number): void {
		const cpu = this.#o.records.cpu(this.#o.memory.view, p, end);
		const own = cpu < 0 ? undefined : this.#seen[cpu];
		if (!own || this.#ends.slice(0, this.#ended).some((e) => e.cpu === cpu)) return;
		if (ts > own.last) own.last = ts;
		this.pipeline.current(cpu, ts, -1);
	}

	#begin(): void {
		if (this.#began) return;
		this.#began = true;
		this.#tasks.begin();
	}

	/** Bookkeeping of an event on a CPU whose current thread is `tid`. */
	#onCpu(cpu: number, ts: number, tid: number): boolean {
		if (cpu < 0) return false;
		let own = this.#seen[cpu];
		if (own === undefined) {
			own = this.#seen[cpu] = newCpu(cpu, ts);
			this.pipeline.cpuStart(cpu, ts, tid);
		} else if (this.#perTask) this.pipeline.current(cpu, ts, tid);
		own.events++;
		own.last = Math.max(own.last, ts);
		return true;
	}

	#lost(p: number, end: number, ts: number): void {
		const { memory, records } = this.#o;
		if (end - p < 24) return;
		const n = Number(memory.view.getBigUint64(p + 16, memory.littleEndian));
		const cpu = records.cpu(memory.view, p, end);
		if (cpu < 0) {
			this.#lostSamples += n;
			return;
		}
		let own = this.#seen[cpu];
		if (own === undefined) {
			own = this.#seen[cpu] = newCpu(cpu, ts);
			this.pipeline.cpuStart(cpu, ts, this.#tid(p, end));
		}
		own.gaps++;
		own.lost += n;
		this.pipeline.lost(cpu, own.last, ts, n);
		own.last = Math.max(own.last, ts);
	}

	#tid(p: number, end: number): number {
		const { memory, records } = this.#o;
		const at = records.pidAt(memory.view, p, end);
		return at < 0 ? -1 : memory.view.getInt32(at + 4, memory.littleEndian);
	}

	/** utid of a thread that a record names; -1 where it names none. */
	#utid(tid: number, ts: number): number {
		return tid < 0 ? -1 : this.pipeline.threads.at(tid, ts);
	}

	#switch(p: number, end: number, misc: number, ts: number, cpuWide: boolean): void {
		if (!this.#switches) return;
		const { memory, records } = this.#o;
		const { view, littleEndian: le } = memory;
		const cpu = records.cpu(view, p, end);
		if (cpu < 0) {
			this.#note(
				"info",
				"switch-without-cpu",
				"Switches that do not tell their CPU; record with --sample-cpu",
			);
			return;
		}
		const out = (misc & miscBit.switchOut) !== 0;
		const tid = this.#tid(p, end);
		let own = this.#seen[cpu];
		if (own === undefined) {
			own = this.#seen[cpu] = newCpu(cpu, ts);
			this.pipeline.cpuStart(cpu, ts, out ? tid : -1);
		}
		own.last = Math.max(own.last, ts);
		this.count++;
		const other = cpuWide && end - p >= 16 ? view.getInt32(p + 12, le) : -1;
		const preempted = (misc & miscBit.switchOutPreempt) !== 0;
		if (out) this.pipeline.switched(cpu, ts, this.#utid(tid, ts), this.#utid(other, ts), preempted);
		// the coming of a thread is told by the leaving of the one before, where that names it
		else if (!cpuWide || this.#coming[cpu] !== tid)
			this.pipeline.switched(cpu, ts, -1, this.#utid(tid, ts), false);
		this.#coming[cpu] = out ? other : -2;
	}

	/** Thread that the last switch on each CPU announced. */
	readonly #coming: number[] = [];

	#throttled(p: number, end: number): void {
		const { memory, records } = this.#o;
		const cpu = records.cpu(memory.view, p, end);
		this.#note(
			"warning",
			"throttled",
			"The kernel stopped an event for a while because it came too often (kernel.perf_event_max_sample_rate): samples are missing",
			1,
			cpu < 0 ? null : cpu,
		);
	}

	/** A control group that came: its inode (8), its path. */
	#cgroup(view: DataView, bytes: Uint8Array, p: number, end: number): void {
		if (end - p < 17) return;
		let to = p + 16;
		while (to < end && bytes[to] !== 0) to++;
		this.pipeline.cgroups.known(
			Number(view.getBigUint64(p + 8, this.#o.memory.littleEndian)),
			Buffer.from(bytes.subarray(p + 16, to)).toString("utf8"),
		);
	}

	/** Code that the kernel made: addr (8), length (4), type (2), flags (2: 1 = gone), name. */
	#ksymbol(view: DataView, bytes: Uint8Array, p: number, end: number): void {
		const le = this.#o.memory.littleEndian;
		if (end - p < 25 || (view.getUint16(p + 22, le) & 1) !== 0 || this.#ksymbols.length >= MAX_KSYMBOLS)
			return;
		let to = p + 24;
		while (to < end && bytes[to] !== 0) to++;
		const name = Buffer.from(bytes.subarray(p + 24, to)).toString("latin1");
		if (!KERNEL_NAME.test(name)) return;
		const kind = view.getUint16(p + 20, le) === BPF ? "bpf" : "__builtin__kprobes";
		this.#ksymbols.push(
			`${view
				.getBigUint64(p + 8, le)
				.toString(16)
				.padStart(16, "0")} t ${name}\t[${kind}]\n`,
		);
	}

	/** The recording's own symbols, and those of the side files: of the core alone where modules lie elsewhere than here. */
	#kernelSymbols(note: (n: Omit<Note, "source">) => void): KernelSymbols {
		const { side } = this.#o;
		const fits = side.symbols?.fitsModules(this.#tasks.modules) !== false;
		if (!fits)
			note({
				severity: "warning",
				kind: "symbols-other-boot",
				text: "The modules of the symbol table lie elsewhere than the recording says: it is of another boot, and only its core kernel is used",
			});
		const symbols = fits ? side.symbols : side.symbols?.withoutModules();
		return kernelSymbolsOf(this.#kallsyms(), { ...side, symbols }, note);
	}

	/** Symbols that the recording itself has, as /proc/kallsyms prints them. */
	#kallsyms(): Buffer {
		const own = this.#o.recording.facts.tracing?.kallsyms ?? Buffer.alloc(0);
		return this.#ksymbols.length === 0 ? own : Buffer.concat([own, Buffer.from(this.#ksymbols.join(""))]);
	}

	outOfOrder(): void {
		this.#note(
			"warning",
			"order-inexact",
			"Records lie farther out of order than fits in memory: they are in order only within that much",
		);
	}

	/** After the last record: derivations end, names are looked up. */
	end(): void {
		this.#begin();
		const { pipeline } = this;
		while (this.#ended < this.#ends.length) this.#endNext();
		pipeline.finish(this.#last);
		for (const [k, n] of this.#samples.counts.entries()) if (n > 0) this.#counts.set(k, n);
		if (pipeline.stacks.size > 0) {
			const kernel = this.#kernelSymbols((n) => pipeline.notes.add({ ...n, source: this.#o.source }));
			for (const { table, rows } of pipeline.stackRows({
				kernel,
				binaries: this.#o.binaries,
				demangle: (mangled) => demangle(mangled, (n) => pipeline.notes.add(n)),
			}))
				this.#o.sink.rows(table, rows);
		}
		for (const { text, offset, source } of this.#o.scan.problems) {
			this.#damaged = true;
			pipeline.notes.add({ severity: "error", kind: "file-damaged", source, offset, text });
		}
	}

	summary(): TraceSummary {
		const { recording, scan, events } = this.#o;
		const { facts } = recording;
		const seen = this.#seen.filter((c) => c !== undefined);
		const at = (ts: number): bigint => BigInt.asIntN(64, this.#baseNs + BigInt(ts));
		const named = new NameCounts();
		for (const [k, n] of this.#counts) named.add(this.#names[k]!, n);
		const happened = named.toRecord();
		const lost = lostOf(seen);
		// what perf counts at its end includes what the kernel has told at the gaps
		const more = Math.max(0, this.#lostSamples - lost.events);
		return {
			buffer: "",
			formatVersion: "2",
			machine: {
				host: facts.host,
				arch: facts.arch,
				kernel: facts.kernel,
				littleEndian: recording.littleEndian,
				longBytes: facts.tracing?.longBytes ?? 8,
				pageBytes: facts.tracing?.pageBytes ?? null,
				cpus: facts.cpus ?? scan.cpus,
			},
			clock: {
				unit: "ns",
				...clockOf(
					events.map((e) => e.attr),
					facts.wallOffset,
				),
			},
			recorder: facts.perfVersion === null ? "" : `perf ${facts.perfVersion}`,
			window: Number.isNaN(this.#first) ? null : { start: at(this.#first), end: at(this.#last) },
			cpus: cpuWindows(seen, at),
			events: happened,
			recorded: [
				...new Set(
					this.#real().flatMap((k) => [
						this.#names[k]!,
						// the table that its samples go to
						...(events[k]!.attr.type === attrType.tracepoint ? [] : [cpuSample.name]),
					]),
				),
			].sort(),
			unknownEvents: {},
			lost: { ...lost, events: lost.events + more },
			damaged: this.#damaged,
			notes: this.pipeline.notes.all(),
		};
	}
}

/** As directly as lscpu tells it (CpuSource.detail). */
const HEADER_DETAIL = 2;
const BPF = 1;
const MAX_KSYMBOLS = 1_000_000;
/** KSYM_NAME_LEN is 512 (include/linux/kallsyms.h, Linux 7.2). */
const KERNEL_NAME = /^[\x21-\x7e]{1,512}$/;
