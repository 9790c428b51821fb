/** LinuxKI's recordings: from their files to a sink, one trace for each recording. */
import { basename } from "node:path";
import { openBinaries } from "../../identity/symbols/index.ts";
import type { SideFiles } from "../../side/index.ts";
import type { Note, ReadOptions, Sink } from "../source.ts";
import { merge } from "../trace-dat/merge.ts";
import { RecordMemory } from "../tracepoint/memory.ts";
import { CHUNK, CHUNK_MEMORY, ChunkRecords } from "./chunks.ts";
import { readFtrace } from "./ftrace.ts";
import { type Recording, recordingsOf } from "./recording.ts";
import { Session } from "./session.ts";
import { surveyRecording } from "./survey.ts";
import { checkedLayout } from "./version.ts";

/** Records between two chances for others to work. */
const SLICE = 65_536;
/** Files beyond this number have a part of a chunk in memory each: 128 MiB are enough. */
const WHOLE = 512;

/** ki.bin files of one or more recordings. */
export async function* readLinuxki(
	paths: readonly string[],
	side: SideFiles,
	options: ReadOptions,
	sink: Sink,
): AsyncGenerator<void> {
	for (const recording of recordingsOf(paths))
		yield* recording.version === 0
			? readFtrace(recording, side, options, sink)
			: readLiki(recording, side, options, sink);
}

async function* readLiki(
	recording: Recording,
	side: SideFiles,
	options: ReadOptions,
	sink: Sink,
): AsyncGenerator<void> {
	const { files, version } = recording;
	const source = basename(files[0]!.path);
	const layout = checkedLayout(recording, source);
	const survey = surveyRecording(recording, layout, (bytes) => sink.progress(bytes / 2, 0));
	yield;
	const total = survey.files.reduce((sum, f) => sum + f.size, 0);
	const bytes = files.length <= WHOLE ? CHUNK_MEMORY : CHUNK / 4;
	const memory = new RecordMemory(new ArrayBuffer(bytes * files.length), true);
	const early: Note[] = [];
	const said = new Set<string>();
	const session = new Session({
		source,
		recording,
		layout,
		survey,
		memory,
		side,
		options,
		binaries: await openBinaries({
			symbols: [...(recording.objdump === null ? [] : [recording.objdump]), ...(options.symbols ?? [])],
			tracePath: files[0]!.path,
			files: side.used.filter((f) => f.kind === "perf-map").map((f) => f.path),
			note: (n) => {
				if (!said.has(n.text)) early.push(n);
				said.add(n.text);
			},
		}),
		sink,
	});
	sink.begin(recording.buffer);
	const streams = files
		.map(
			({ path, cpu }, i) =>
				new ChunkRecords({
					path,
					only: cpu,
					memory,
					from: i * bytes,
					bytes,
					version,
					headerBytes: layout.headerBytes,
					base: survey.first ?? 0n,
				}),
		)
		.filter((r) => r.advance());
	for (const r of streams) r.onGap = () => session.pipeline.lossBegins(r.cpu);
	const done = (): number => (total + streams.reduce((sum, r) => sum + r.consumed, 0)) / 2;
	for (const _ of merge(
		streams,
		(r) => session.record(r),
		(r) => {
			if (r.truncated !== null || r.damage.length > 0) session.pipeline.lossBegins(r.cpu);
		},
		SLICE,
	)) {
		sink.progress(done(), session.count);
		yield;
	}
	for (const n of early) session.pipeline.notes.add(n);
	session.end();
	sink.progress(total, session.count);
}
