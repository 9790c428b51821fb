/** What `powerki info` tells of LinuxKI's recordings: the first walk over their records, and text beside them. */
import { basename } from "node:path";
import { cpuSample } from "../../../lib/schema/events.ts";
import type { TraceInfo } from "../../../lib/schema/info.ts";
import { fileHash } from "../../file-hash.ts";
import { damageNotes, eventName, recordedOf, unknownName } from "./describe.ts";
import { inspectFtrace } from "./ftrace-info.ts";
import { machineOf } from "./machine.ts";
import { type Recording, recordingsOf } from "./recording.ts";
import { surveyRecording } from "./survey.ts";
import { checkedLayout } from "./version.ts";

/** One entry for each recording. */
export async function inspectLinuxki(paths: readonly string[]): Promise<TraceInfo[]> {
	const infos: TraceInfo[] = [];
	for (const recording of recordingsOf(paths))
		infos.push(recording.version === 0 ? await inspectFtrace(recording) : inspectLiki(recording));
	return infos;
}

function inspectLiki(recording: Recording): TraceInfo {
	const layout = checkedLayout(recording, basename(recording.files[0]!.path));
	const survey = surveyRecording(recording, layout, () => {});
	const machine = machineOf(recording);
	const counts = new Map<string, number>();
	const unknown: Record<string, number> = {};
	const notes: string[] = [];
	for (const [id, n] of survey.ids.entries()) {
		const name = eventName(layout, id);
		if (name === undefined) unknown[unknownName(id)] = n;
		else counts.set(name, (counts.get(name) ?? 0) + n);
	}
	const events = Object.fromEntries([...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)));
	if (survey.startup === null) notes.push("no startup record: the wall clock is not known");
	else if (survey.startup.filters.length > 0)
		notes.push(`recorded for some ${survey.startup.filters.join(", ")} only`);
	return {
		format: "linuxki",
		formatVersion: String(recording.version),
		recorder: "LinuxKI",
		buffer: recording.buffer,
		source: survey.files.map((f) => basename(f.path)).join(", "),
		bytes: survey.files.reduce((sum, f) => sum + f.size, 0),
		sha256: survey.files.map((f) => fileHash(f.path)).join(", "),
		...machine,
		littleEndian: true,
		longBytes: 8,
		compression: null,
		cpus: 1 + Math.max(0, ...survey.cpus),
		cpusWithRecords: survey.cpus,
		clock: "mono",
		clockUnit: "ns",
		wallOffset: survey.startup?.wallOffset ?? null,
		start: survey.first,
		end: survey.last,
		events,
		silent: (recordedOf(survey.startup, events) ?? []).filter(
			(name) => !counts.has(name) && name !== cpuSample.name,
		),
		lost: {
			events: survey.lost.unknownGaps > 0 ? null : survey.lost.events,
			gaps: survey.lost.gaps,
		},
		damage: damageNotes(survey.files).map((n) => n.text),
		unknownEvents: unknown,
		notes,
	};
}
