/** A recording of LinuxKI's ftrace mode (runki -f): from its files to a sink, one trace. */
import { basename } from "node:path";
import { Pipeline } from "../../pipeline.ts";
import type { SideFiles } from "../../side/index.ts";
import { baseStamp } from "../../write/appender.ts";
import { cpuWindows, lostOf } from "../cpu-seen.ts";
import type { ReadOptions, Sink, TraceSummary } from "../source.ts";
import { truncations } from "../trace-dat/pages.ts";
import { BufferWalk } from "../trace-dat/walk.ts";
import { type OpenFile, openFiles } from "./ftrace-files.ts";
import { limitsOf, type Opened, openFtrace } from "./ftrace-open.ts";
import { type Machine, machineOf } from "./machine.ts";
import type { Recording } from "./recording.ts";

/** Trace clocks that count ns (kernel/trace/trace.c, trace_clocks, Linux 6.12). kiinfo leaves the default. */
const NS_CLOCKS = ["local", "global", "perf", "mono", "mono_raw", "boot", "tai"];

export async function* readFtrace(
	recording: Recording,
	side: SideFiles,
	options: ReadOptions,
	sink: Sink,
): AsyncGenerator<void> {
	const { files, close } = openFiles(recording);
	try {
		const machine = machineOf(recording, side.machine);
		const opened = yield* openFtrace(recording, files, machine);
		yield* importAll(recording, files, opened, machine, side, options, sink);
	} finally {
		close();
	}
}

function* importAll(
	recording: Recording,
	files: readonly OpenFile[],
	opened: Opened,
	machine: Machine,
	side: SideFiles,
	options: ReadOptions,
	sink: Sink,
): Generator<void> {
	const { found, formats, memory, streams, records, base, cut, recorded } = opened;
	const source = basename(files[0]?.path ?? recording.folder);
	const pipeline = new Pipeline({
		memory,
		base: baseStamp(base),
		cpus: 1 + Math.max(0, ...files.map((f) => f.cpu)),
		arch: machine.arch ?? "",
		timed: true,
		formats: formats.all,
		recorded: new Set(recorded),
		derived: options.noDerived !== true,
		...(options.events ? { events: new Set(options.events) } : {}),
		side,
		emit: (batch) => sink.batch(batch),
	});
	for (const n of opened.notes) pipeline.notes.add(n);

	sink.begin(recording.buffer);
	const walk = new BufferWalk({
		pipeline,
		memory,
		formats: formats.all,
		records,
		toNs: null,
		window: options.window,
		limits: limitsOf(found, base),
		incomplete: formats.incomplete,
		cut,
	});
	const bytes = (): number => streams.reduce((sum, s) => sum + s.consumed, 0);
	for (const _ of walk.run()) {
		sink.progress(bytes(), walk.events);
		yield;
	}
	const { events, start, last, seen, outside } = walk;
	pipeline.finish(last);

	if (outside > 0)
		pipeline.notes.add({
			severity: "info",
			kind: "outside-markers",
			source,
			count: outside,
			text: "Records from before kitrace_marker_BEGIN or after kitrace_marker_END are not of LinuxKI's time and were left out",
		});
	for (const r of records)
		if (r.badPages > 0)
			pipeline.notes.add({
				severity: "error",
				kind: "page-damaged",
				source,
				cpu: r.cpu,
				count: r.badPages,
				text: `CPU ${r.cpu}: pieces with a record length that makes no sense; what they held from there on is lost`,
			});
	for (const n of truncations(streams, (_, i) => basename(files[i]!.path))) pipeline.notes.add(n);
	const { happened, unknown } = walk.byName();
	for (const [id, count] of unknown)
		pipeline.notes.add({
			severity: "warning",
			kind: "event-unknown",
			source,
			count,
			text: `Records of type ${id}: the recording has neither a name nor a format for it`,
		});

	const at = (ts: number): bigint => BigInt.asIntN(64, base + BigInt(ts));
	const notes = pipeline.notes.all();
	const { traceClock } = side.machine;
	const lost = lostOf(seen);
	const summary: TraceSummary = {
		buffer: recording.buffer,
		formatVersion: "0",
		machine: {
			host: machine.host,
			arch: machine.arch,
			kernel: machine.kernel,
			littleEndian: true,
			longBytes: 8,
			pageBytes: machine.pageBytes,
			cpus: files.length,
		},
		clock: {
			name: traceClock !== undefined && NS_CLOCKS.includes(traceClock) ? traceClock : "local",
			unit: "ns",
			wallOffset: null,
		},
		recorder: "LinuxKI",
		window: events > 0 ? { start: at(start), end: at(last) } : null,
		cpus: cpuWindows(seen, at).map((c) => ({ ...c, lostEvents: null })),
		events: happened,
		recorded,
		unknownEvents: Object.fromEntries([...unknown].map(([id, count]) => [`type ${id}`, count])),
		// the recording does not tell: not none, but an unknown number
		lost: { ...lost, unknownGaps: Math.max(1, lost.unknownGaps) },
		damaged: notes.some((n) => n.severity === "error"),
		notes,
	};
	sink.progress(bytes(), events);
	sink.end(summary);
}
