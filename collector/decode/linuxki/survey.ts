/**
 * The first walk over a recording, without decoding: what must be known before the first record can be read (base time,
 * CPUs and where each ends, events that may come), and all that `powerki info` tells.
 */
import { RecordMemory } from "../tracepoint/memory.ts";
import { CHUNK_MEMORY, ChunkRecords, MAX_CPUS } from "./chunks.ts";
import { IdCounts } from "./id-counts.ts";
import { STARTUP, type VersionLayout } from "./record-layouts.ts";
import type { Recording } from "./recording.ts";
import { NONE } from "./sequences.ts";
import { readStartup, type Startup } from "./startup.ts";

export interface Survey {
	/** Time of the earliest and of the latest record; null where there is none. */
	readonly first: bigint | null;
	readonly last: bigint | null;
	/** Records by CPU. */
	readonly records: Float64Array;
	/** CPUs that have records, in order. */
	readonly cpus: readonly number[];
	readonly ids: IdCounts;
	/** null: it was overwritten, or the version has none. */
	readonly startup: Startup | null;
	readonly lost: { events: number; gaps: number; unknownGaps: number };
	/** The files after their last record. */
	readonly files: readonly ChunkRecords[];
}

export function surveyRecording(
	recording: Recording,
	layout: VersionLayout,
	progress: (bytes: number) => void,
): Survey {
	const { version } = recording;
	const { headerBytes } = layout;
	const memory = new RecordMemory(new ArrayBuffer(CHUNK_MEMORY), true);
	const { i32, view } = memory;
	const open = (base: bigint | null): ChunkRecords[] =>
		recording.files.map(
			({ path, cpu }) =>
				new ChunkRecords({
					path,
					only: cpu,
					memory,
					from: 0,
					bytes: CHUNK_MEMORY,
					version,
					headerBytes,
					base,
				}),
		);
	let first: bigint | null = null;
	let last: bigint | null = null;
	let startup: Startup | null = null;
	let bytes = 0;
	const counts = new Float64Array(MAX_CPUS);
	const ids = new IdCounts();
	const lost = { events: 0, gaps: 0, unknownGaps: 0 };
	for (const records of open(null)) {
		if (!records.advance()) continue;
		const stamp = view.getBigUint64(records.p, true);
		if (first === null || stamp < first) first = stamp;
	}
	const files = open(first);
	for (const records of files) {
		let lo = 0;
		let hi = 0;
		let events = 0;
		for (let window = 0; records.advance(); ) {
			const { p, cpu } = records;
			lo = i32[p >> 2]!;
			hi = i32[(p + 4) >> 2]!;
			events++;
			counts[cpu]!++;
			const id = i32[(p + 8) >> 2]!;
			ids.add(id);
			if (id === STARTUP) startup ??= readStartup(memory, p, records.end, headerBytes, version);
			const missing = records.missing();
			if (missing !== NONE) {
				lost.gaps++;
				if (Number.isNaN(missing)) lost.unknownGaps++;
				else lost.events += missing;
			}
			if (records.window !== window) {
				window = records.window;
				progress(bytes + records.consumed);
			}
		}
		if (events > 0) {
			const stamp = (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
			if (last === null || stamp > last) last = stamp;
		}
		bytes += records.size;
	}
	const cpus = [...counts.keys()].filter((cpu) => counts[cpu]! > 0);
	return { first, last, records: counts, cpus, ids, startup, lost, files };
}
