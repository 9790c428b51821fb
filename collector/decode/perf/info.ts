/** What `powerki info` tells of a perf.data: its header, and a walk over the records without decoding them. */
import { basename } from "node:path";
import type { TraceInfo } from "../../../lib/schema/info.ts";
import { fileHash } from "../../file-hash.ts";
import { clockOf, isDummy, readBit, sampleBit } from "./attr.ts";
import { describeEvents, shortName } from "./events.ts";
import { recordType } from "./record-types.ts";
import { openRecording } from "./recording.ts";
import { scanRecording } from "./scan.ts";

/** One entry. Samples of an event that reads a group of counters count as one each. */
export async function inspectPerf(files: readonly string[]): Promise<TraceInfo[]> {
	const recording = openRecording(files);
	try {
		const notes: string[] = [];
		const scan = scanRecording(
			recording,
			() => {},
			() => {},
		);
		const { facts } = recording;
		const events = describeEvents(recording.events, scan.formats);
		const counts = new Map<string, number>();
		const silent: string[] = [];
		// members of a group are counted in the samples of its leader
		const grouped = events.some(
			({ attr }) => (attr.sampleType & sampleBit.read) !== 0 && (attr.readFormat & readBit.group) !== 0,
		);
		for (const [k, event] of events.entries()) {
			const name = shortName(event);
			const n = scan.samples[k] ?? 0;
			if (n > 0) counts.set(name, (counts.get(name) ?? 0) + n);
			else if (!grouped && !isDummy(event.attr)) silent.push(name);
		}
		if (scan.perTask === true) notes.push("recorded for single threads (perf record without -a)");
		if (facts.cmdline.length > 0) notes.push(`command: ${facts.cmdline.join(" ")}`);
		const clock = clockOf(
			events.map((e) => e.attr),
			facts.wallOffset,
		);
		const at = (ts: number): bigint | null =>
			Number.isNaN(ts) ? null : BigInt.asIntN(64, scan.base + BigInt(ts));
		return [
			{
				format: "perf.data",
				formatVersion: "2",
				recorder: facts.perfVersion === null ? "" : `perf ${facts.perfVersion}`,
				buffer: "",
				source: files.map((f) => basename(f)).join(", "),
				bytes: recording.files.reduce((sum, f) => sum + f.bytes.size, 0),
				sha256: files.map(fileHash).join(", "),
				host: facts.host,
				arch: facts.arch,
				kernel: facts.kernel,
				littleEndian: recording.littleEndian,
				longBytes: facts.tracing?.longBytes ?? 8,
				pageBytes: facts.tracing?.pageBytes ?? null,
				compression:
					scan.counts[recordType.compressed]! + scan.counts[recordType.compressed2]! > 0 ? "zstd" : "none",
				cpus: facts.cpus ?? scan.cpus,
				cpusWithRecords: scan.cpusSeen,
				clock: clock.name,
				clockUnit: "ns",
				wallOffset: clock.wallOffset,
				start: at(scan.first),
				end: at(scan.last),
				events: Object.fromEntries([...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))),
				silent: silent.filter((name) => !counts.has(name)),
				lost: { events: scan.lostEvents, gaps: scan.counts[recordType.lost]! },
				damage: scan.problems.map((p) => p.text),
				unknownEvents: {},
				notes,
			},
		];
	} finally {
		recording.close();
	}
}
