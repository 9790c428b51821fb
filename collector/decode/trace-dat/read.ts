/** trace.dat: from a file to a sink, one trace for each buffer that the file holds. */
import { basename } from "node:path";
import { KernelSymbols } from "../../identity/kallsyms.ts";
import { Pipeline } from "../../pipeline.ts";
import type { SideFiles } from "../../side/index.ts";
import { baseStamp } from "../../write/appender.ts";
import type { CpuWindow, Note, ReadOptions, Sink, TraceSummary } from "../source.ts";
import type { EventDecoder } from "../tracepoint/compile.ts";
import type { FileBytes } from "./bytes.ts";
import { clockScale, scaler } from "./clock.ts";
import { prepareCompression } from "./compression.ts";
import type { BufferInfo, TraceDatHeader } from "./header.ts";
import { merge } from "./merge.ts";
import {
	formatsOf,
	openBuffer,
	openTraceDat,
	parseUname,
	recordedEvents,
	stampNs,
	tracesOf,
} from "./open.ts";
import type { CpuRecords } from "./records.ts";

/** Records between two chances for others to work. */
const SLICE = 65_536;

export async function* readTraceDat(
	path: string,
	side: SideFiles,
	options: ReadOptions,
	sink: Sink,
): AsyncGenerator<void> {
	await prepareCompression();
	const { file, header, close } = openTraceDat(path);
	try {
		for (const buffer of tracesOf(path, header))
			yield* readBuffer(path, file, header, buffer, side, options, sink);
	} finally {
		close();
	}
}

async function* readBuffer(
	path: string,
	file: FileBytes,
	header: TraceDatHeader,
	buffer: BufferInfo,
	side: SideFiles,
	options: ReadOptions,
	sink: Sink,
): AsyncGenerator<void> {
	const source = basename(path);
	const machine = parseUname(header.uname);
	const early: Note[] = header.problems.map((p) => ({
		severity: p.severity,
		kind: p.kind,
		source,
		text: p.text,
		offset: p.offset ?? null,
		cpu: p.cpu ?? null,
		count: p.count ?? 1,
	}));
	const formats = formatsOf(header, (n) => early.push(n));
	const scale = clockScale(buffer.clock, side.timebaseHz);
	const toNs = scaler(scale);
	const { memory, streams, records: all } = openBuffer(file, header, buffer);

	const stamps = all.map((r) => r.prime()).filter((s) => s !== null);
	let base = stamps.length === 0 ? 0n : stamps.reduce((a, b) => (a < b ? a : b));
	base -= base % BigInt(scale.denominator);
	for (const r of all) r.setBase(base);
	const baseNs = stampNs(base, scale, header);

	const own = KernelSymbols.parse(header.kallsyms);
	const symbols = KernelSymbols.merge(side.symbols ? [own, side.symbols] : [own]);
	const pipeline = new Pipeline({
		memory,
		base: baseStamp(baseNs),
		cpus: 1 + Math.max(0, ...buffer.cpus.map((c) => c.cpu)),
		arch: machine.arch ?? side.machine.machine ?? "",
		timed: scale.unit === "ns",
		formats,
		derived: options.noDerived !== true,
		...(options.events ? { events: new Set(options.events) } : {}),
		symbols,
		side,
		emit: (batch) => sink.batch(batch),
	});
	for (const n of early) pipeline.notes.add(n);
	for (const { pid, comm } of header.cmdlines)
		pipeline.threads.known(pid, pipeline.strings.code(comm), "cmdline");
	for (const { tid, tgid } of header.tgids) pipeline.threads.knownProcess(tid, tgid, "end");

	sink.begin(buffer.name);
	const pid = formats[0]?.common.find((f) => f.name === "common_pid");
	const pidOffset = pid?.offset ?? 4;
	const { view, littleEndian } = memory;
	const decoders: (EventDecoder | null)[] = [];
	const counts: number[] = [];
	const stackFormat = formats.find((f) => f.system === "ftrace" && f.name === "kernel_stack");
	const caller = stackFormat?.fields.find((f) => f.name === "caller");
	const depth = stackFormat?.fields.find((f) => f.name === "size");
	const byId = new Map(formats.map((f) => [f.id, f]));
	const firsts = new Map<
		number,
		{ first: number; last: number; events: number; lost: number; gaps: number; unknownGaps: number }
	>();
	let events = 0;
	let start = Number.NaN;
	let last = 0;
	const from = options.window ? options.window.from * 1e9 : Number.NEGATIVE_INFINITY;
	const to = options.window ? options.window.to * 1e9 : Number.POSITIVE_INFINITY;

	const visit = (r: CpuRecords): void => {
		const ts = toNs ? toNs(r.ts) : r.ts;
		if (Number.isNaN(start)) start = ts;
		if (ts - start < from || ts - start >= to) {
			r.lost = -1;
			return;
		}
		let seen = firsts.get(r.cpu);
		if (r.lost !== -1) {
			const gap = Number.isNaN(r.lost) ? Number.NaN : r.lost;
			seen ??= addCpu(r.cpu, ts);
			seen.gaps++;
			if (Number.isNaN(gap)) seen.unknownGaps++;
			else seen.lost += gap;
			pipeline.lost(r.cpu, seen.events === 0 ? Math.min(start, ts) : seen.last, ts, gap);
			r.lost = -1;
		}
		if (!seen || seen.events === 0) {
			seen ??= addCpu(r.cpu, ts);
			pipeline.cpuStart(r.cpu, ts, view.getInt32(r.p + pidOffset, littleEndian));
		}
		seen.events++;
		seen.last = ts;
		if (ts > last) last = ts;
		events++;
		const id = view.getUint16(r.p, littleEndian);
		counts[id] = (counts[id] ?? 0) + 1;
		const decoder = decoders[id];
		if (decoder) pipeline.record(decoder, r.p, r.end, ts, r.cpu);
		else if (decoder === undefined) first(id, r, ts);
		else if (stackFormat && id === stackFormat.id) stack(r);
	};
	const addCpu = (cpu: number, ts: number) => {
		const seen = { first: ts, last: ts, events: 0, lost: 0, gaps: 0, unknownGaps: 0 };
		firsts.set(cpu, seen);
		return seen;
	};
	const first = (id: number, r: CpuRecords, ts: number): void => {
		const format = byId.get(id);
		decoders[id] = !format || format === stackFormat ? null : pipeline.decoder(format);
		if (decoders[id]) pipeline.record(decoders[id], r.p, r.end, ts, r.cpu);
		else if (format) stack(r);
	};
	const stack = (r: CpuRecords): void => {
		if (!caller) return;
		const at = r.p + caller.offset;
		const room = Math.floor((r.end - at) / header.longBytes);
		const words = depth ? Math.min(room, view.getInt32(r.p + depth.offset, littleEndian)) : room;
		pipeline.kernelStack(at, words, header.longBytes, view.getInt32(r.p + pidOffset, littleEndian), r.cpu);
	};

	const bytes = (): number => streams.reduce((sum, s) => sum + s.consumed, 0);
	const live = all.filter((r) => r.advance());
	for (const _ of merge(live, visit, SLICE)) {
		sink.progress(bytes(), events);
		yield;
	}
	for (const [cpu, seen] of [...firsts].sort((a, b) => a[1].last - b[1].last || a[0] - b[0]))
		pipeline.cpuEnd(cpu, seen.last);
	pipeline.finish(last);

	const damage = all.filter((r) => r.badPages > 0);
	for (const r of damage)
		pipeline.notes.add({
			severity: "error",
			kind: "page-damaged",
			source,
			cpu: r.cpu,
			count: r.badPages,
			offset: r.firstBad,
			text: `CPU ${r.cpu}: pages with a header or a record length that makes no sense; what they held is lost`,
		});
	for (const s of streams)
		if (s.damage)
			pipeline.notes.add({
				severity: "error",
				kind: "truncated",
				source,
				cpu: s.data.cpu,
				offset: s.damage.offset,
				text: s.damage.text,
			});
	const unknown: Record<string, number> = {};
	for (const [id, count] of counts.entries())
		if (count && !byId.has(id)) {
			unknown[`type ${id}`] = count;
			pipeline.notes.add({
				severity: "warning",
				kind: "event-unknown",
				source,
				count,
				text: `Records of type ${id}: the trace has no format for it`,
			});
		}
	if (symbols.lines === 0 || symbols.hidden)
		pipeline.notes.add({
			severity: "info",
			kind: "no-symbols",
			source,
			text: symbols.hidden
				? "The symbol table has no addresses (kptr_restrict); give one with --side FILE"
				: "The trace has no kernel symbols; give kallsyms with --side FILE to name kernel addresses",
		});
	else if (!symbols.fitsModules(side.modules))
		pipeline.notes.add({
			severity: "warning",
			kind: "symbols-of-another-boot",
			source,
			text: "The symbol table's modules lie elsewhere than the side file modules says: it is of another boot, names of module functions may be wrong",
		});

	for (const { table, rows } of pipeline.identity()) sink.rows(table, rows);
	const cpus: CpuWindow[] = [...firsts]
		.sort((a, b) => a[0] - b[0])
		.map(([cpu, s]) => ({
			cpu,
			first: baseNs + BigInt(s.first),
			last: baseNs + BigInt(s.last),
			events: s.events,
			lostEvents: s.unknownGaps > 0 ? null : s.lost,
		}));
	const happened = [...counts.entries()]
		.filter(([id, n]) => n && byId.has(id))
		.map(([id]) => byId.get(id)!.name);
	const summary: TraceSummary = {
		buffer: buffer.name,
		formatVersion: String(header.version),
		machine: {
			host: machine.host,
			arch: machine.arch,
			kernel: machine.kernel,
			littleEndian: header.littleEndian,
			longBytes: header.longBytes,
			pageBytes: buffer.pageBytes,
			cpus: header.cpuCount || buffer.cpus.length,
		},
		clock: {
			name: buffer.clock || "unknown",
			unit: scale.unit,
			wallOffset: header.date !== null || buffer.clock === "tai" ? 0n : null,
		},
		recorder: header.recorder,
		window:
			events > 0
				? { start: baseNs + BigInt(Math.floor(start)), end: baseNs + BigInt(Math.floor(last)) }
				: null,
		cpus,
		events: Object.fromEntries(
			[...counts.entries()].filter(([id, n]) => n && byId.has(id)).map(([id, n]) => [byId.get(id)!.name, n]),
		),
		eventTables: Object.fromEntries(
			decoders
				.filter((d) => d != null)
				.map((d) => [d.table, { event: d.format.name, system: d.format.system }]),
		),
		recorded: recordedEvents(formats, happened),
		unknownEvents: unknown,
		lost: { gaps: sum(firsts, "gaps"), events: sum(firsts, "lost"), unknownGaps: sum(firsts, "unknownGaps") },
		damaged: damage.length > 0 || streams.some((s) => s.damage) || early.some((n) => n.severity === "error"),
		notes: pipeline.notes.all(),
	};
	sink.progress(bytes(), events);
	sink.end(summary);
}

function sum<K extends string>(cpus: ReadonlyMap<number, Record<K, number>>, key: K): number {
	return [...cpus.values()].reduce((total, c) => total + c[key], 0);
}
