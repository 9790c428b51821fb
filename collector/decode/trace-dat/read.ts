/** trace.dat: from a file to a sink, one trace for each buffer that the file holds. */
import { basename } from "node:path";
import { kernelSymbolsOf } from "../../identity/kernel-symbols.ts";
import { Pipeline } from "../../pipeline.ts";
import type { SideFiles } from "../../side/index.ts";
import { baseStamp } from "../../write/appender.ts";
import type { FileBytes } from "../bytes.ts";
import { prepareCompression } from "../compression.ts";
import { cpuWindows, lostOf } from "../cpu-seen.ts";
import type { Note, ReadOptions, Sink, TraceSummary } from "../source.ts";
import type { EventFormat } from "../tracepoint/format.ts";
import { formatsOf } from "../tracepoint/tracing-data.ts";
import { clockScale, scaler } from "./clock.ts";
import type { BufferInfo, TraceDatHeader } from "./header.ts";
import { openBuffer, openTraceDat, parseUname, recordedEvents, stampNs, tracesOf } from "./open.ts";
import { truncations } from "./pages.ts";
import type { CpuRecords } from "./records.ts";
import { BufferWalk } from "./walk.ts";

export async function* readTraceDat(
	[path]: readonly string[],
	side: SideFiles,
	options: ReadOptions,
	sink: Sink,
): AsyncGenerator<void> {
	await prepareCompression();
	const { file, header, close } = openTraceDat(path!);
	try {
		for (const buffer of tracesOf(path!, header))
			yield* readBuffer(path!, file, header, buffer, side, options, sink);
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

	const pipeline = new Pipeline({
		memory,
		base: baseStamp(baseNs),
		cpus: 1 + Math.max(0, ...buffer.cpus.map((c) => c.cpu)),
		arch: machine.arch ?? side.machine.machine ?? "",
		timed: scale.unit === "ns",
		formats,
		recorded: recordedIn(file, header, buffer, formats),
		derived: options.noDerived !== true,
		...(options.events ? { events: new Set(options.events) } : {}),
		side,
		emit: (batch) => sink.batch(batch),
	});
	for (const n of early) pipeline.notes.add(n);
	for (const { pid, comm } of header.cmdlines)
		pipeline.threads.known(pid, pipeline.strings.code(comm), "cmdline");

	for (const { pid, program } of tracedProcesses(header)) {
		pipeline.threads.knownProcess(pid, pid, "start");
		pipeline.threads.knownDetails(pid, { kernel: false, command: program });
	}

	sink.begin(buffer.name);
	const { view, littleEndian } = memory;
	const stackFormat = formats.find((f) => f.system === "ftrace" && f.name === "kernel_stack");
	const caller = stackFormat?.fields.find((f) => f.name === "caller");
	const depth = stackFormat?.fields.find((f) => f.name === "size");
	const pidOffset = formats[0]?.common.find((f) => f.name === "common_pid")?.offset ?? 4;
	const stack = (r: CpuRecords): void => {
		if (!caller) return;
		const at = r.p + caller.offset;
		const room = Math.floor((r.end - at) / header.longBytes);
		const words = depth ? Math.min(room, view.getInt32(r.p + depth.offset, littleEndian)) : room;
		pipeline.kernelStack(at, words, header.longBytes, view.getInt32(r.p + pidOffset, littleEndian), r.cpu);
	};
	const walk = new BufferWalk({
		pipeline,
		memory,
		formats,
		records: all,
		toNs,
		window: options.window,
		stacks: stackFormat && { format: stackFormat, take: stack },
	});
	const bytes = (): number => streams.reduce((sum, s) => sum + s.consumed, 0);
	for (const _ of walk.run()) {
		sink.progress(bytes(), walk.events);
		yield;
	}
	const { events, start, last, seen: cpusSeen } = walk;
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
	for (const n of truncations(streams, () => source)) pipeline.notes.add(n);
	const { happened, unknown } = walk.byName();
	for (const [id, count] of unknown)
		pipeline.notes.add({
			severity: "warning",
			kind: "event-unknown",
			source,
			count,
			text: `Records of type ${id}: the trace has no format for it`,
		});
	// symbols are only needed for stacks: parsing 100 000 lines costs more than importing a small trace
	if (pipeline.stacks.size > 0) {
		const symbols = kernelSymbolsOf(header.kallsyms, side, (n) => pipeline.notes.add({ ...n, source }));
		for (const { table, rows } of pipeline.stackRows({ kernel: symbols, binaries: null }))
			sink.rows(table, rows);
	}
	const at = (ts: number): bigint => BigInt.asIntN(64, baseNs + BigInt(ts));
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
		window: events > 0 ? { start: at(start), end: at(last) } : null,
		cpus: cpuWindows(cpusSeen, at),
		events: happened,
		recorded: recordedEvents(formats, Object.keys(happened)),
		unknownEvents: Object.fromEntries([...unknown].map(([id, count]) => [`type ${id}`, count])),
		lost: lostOf(cpusSeen),
		damaged: damage.length > 0 || streams.some((s) => s.damage) || early.some((n) => n.severity === "error"),
		notes: pipeline.notes.all(),
	};
	sink.progress(bytes(), events);
	sink.end(summary);
}

/**
 * Names of the events that this buffer may hold. The formats of a file are those of all its buffers: where there are
 * several, a walk over the records tells them apart.
 */
function recordedIn(
	file: FileBytes,
	header: TraceDatHeader,
	buffer: BufferInfo,
	formats: readonly EventFormat[],
): ReadonlySet<string> {
	if (header.buffers.length === 1) return new Set(formats.map((f) => f.name));
	const { records, memory } = openBuffer(file, header, buffer);
	const ids = new Set<number>();
	for (const r of records) {
		if (r.prime() === null) continue;
		while (r.advance()) ids.add(memory.view.getUint16(r.p, memory.littleEndian));
	}
	return new Set(formats.filter((f) => ids.has(f.id)).map((f) => f.name));
}

/** Option PROCMAPS: a line `pid lines program` (hexadecimal) before the maps of each traced process. */
function tracedProcesses(header: TraceDatHeader): { pid: number; program: string }[] {
	return header.procMaps.flatMap((text) => {
		const m = /^([0-9a-f]+) [0-9a-f]+ (.+)$/m.exec(text);
		return m ? [{ pid: Number.parseInt(m[1]!, 16), program: m[2]! }] : [];
	});
}
