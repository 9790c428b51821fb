/** perf.data: from its files to a sink, one trace. */
import { basename, dirname } from "node:path";
import { openBinaries } from "../../identity/symbols/index.ts";
import type { SideFiles } from "../../side/index.ts";
import type { Note, ReadOptions, Sink } from "../source.ts";
import { RecordMemory } from "../tracepoint/memory.ts";
import { describeEvents, EventIndex } from "./events.ts";
import { RecordReader } from "./record-reader.ts";
import { RecordTimes } from "./record-times.ts";
import { openRecording, type Recording } from "./recording.ts";
import { CHUNK, leastToCome, MAX_CHUNKS, nextFile, type Scan, scanRecording } from "./scan.ts";
import { Session } from "./session.ts";
import { TimeOrder } from "./time-order.ts";

/** The files of one recording; see openRecording. */
export async function* readPerf(
	paths: readonly string[],
	side: SideFiles,
	options: ReadOptions,
	sink: Sink,
): AsyncGenerator<void> {
	const recording = openRecording(paths);
	try {
		yield* readRecording(paths, recording, side, options, sink);
	} finally {
		recording.close();
	}
}

async function* readRecording(
	paths: readonly string[],
	recording: Recording,
	side: SideFiles,
	options: ReadOptions,
	sink: Sink,
): AsyncGenerator<void> {
	const source = basename(paths[0]!);
	const total = recording.files.reduce((sum, f) => sum + f.bytes.size, 0);
	const early: Note[] = [];
	const scan = scanRecording(
		recording,
		(n) => early.push(n),
		(bytes) => sink.progress(bytes / 2, 0),
	);
	yield;
	const slots = Math.min(scan.chunks, MAX_CHUNKS);
	const memory = new RecordMemory(new ArrayBuffer(slots * CHUNK), recording.littleEndian);
	const events = describeEvents(recording.events, scan.formats);
	const layouts = events.map((e) => e.layout);
	const records = new RecordTimes(new EventIndex(recording.events, layouts, recording.littleEndian), layouts);
	const notes = new Set<string>();
	const binaries = await openBinaries({
		symbols: options.symbols ?? [],
		// what lies beside a folder of perf lies beside the trace
		tracePath: recording.facts.directory ? dirname(paths[0]!) : paths[0]!,
		files: side.used.filter((f) => f.kind === "perf-map").map((f) => f.path),
		note: (n) => {
			if (!notes.has(n.text)) early.push(n);
			notes.add(n.text);
		},
	});
	const session = new Session({
		source,
		recording,
		scan,
		events,
		records,
		memory,
		side,
		options,
		binaries,
		sink,
	});
	for (const n of early) session.pipeline.notes.add(n);
	early.length = 0;
	sink.begin("");
	yield* inOrder(recording, scan, records, memory, slots, session, (bytes) =>
		sink.progress((total + bytes) / 2, session.count),
	);
	session.end();
	for (const n of early) session.pipeline.notes.add(n);
	sink.progress(total, session.count);
	sink.end(session.summary());
}

/** All records with a time, in its order. */
async function* inOrder(
	recording: Recording,
	scan: Scan,
	records: RecordTimes,
	memory: RecordMemory,
	slots: number,
	session: Session,
	progress: (bytes: number) => void,
): AsyncGenerator<void> {
	const first = Number.isNaN(scan.first) ? 0 : scan.first;
	records.setBase(BigInt.asUintN(64, scan.base + BigInt(first)));
	const order = new TimeOrder(memory.view, records, slots, CHUNK);
	const readers = recording.files.map(
		(f) => new RecordReader(f.bytes, f.section, recording.littleEndian, () => {}),
	);
	const at = readers.map(() => 0);
	const visit = (p: number, ts: number): void => session.record(p, ts);
	for (let k = nextFile(scan.orders, at); k >= 0; k = nextFile(scan.orders, at)) {
		if (order.slot() < 0) {
			// more out of order than there is memory for: what is here goes on as it is
			session.outOfOrder();
			order.drain(Number.POSITIVE_INFINITY, visit);
		}
		const bytes = readers[k]!.fill(memory.u8, order.slot() * CHUNK, CHUNK);
		at[k]!++;
		if (bytes > 0) order.add(bytes);
		order.drain(leastToCome(scan.orders, at) - first, visit);
		progress(readers.reduce((sum, r) => sum + r.consumed, 0));
		yield;
	}
	order.drain(Number.POSITIVE_INFINITY, visit);
}
