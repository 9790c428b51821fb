/** A recording of LinuxKI's ftrace mode, surveyed and ready to be walked: what reading and inspecting it share. */
import { basename } from "node:path";
import type { Note } from "../source.ts";
import { CpuRecords } from "../trace-dat/records.ts";
import { RecordMemory } from "../tracepoint/memory.ts";
import type { OpenFile } from "./ftrace-files.ts";
import { type Formats, ftraceFormats } from "./ftrace-formats.ts";
import { LAYOUT, PackedPages, READ_BYTES } from "./ftrace-pages.ts";
import { type Survey, type SurveyedCpu, survey } from "./ftrace-survey.ts";
import { type EventId, readIds } from "./ids.ts";
import type { Machine } from "./machine.ts";
import type { Recording } from "./recording.ts";

/** Bytes of pieces in memory: 1 MiB a CPU, less where there are many CPUs. */
const REGION = 1024 * 1024;
const REGIONS = 64 * 1024 * 1024;

/**
 * What runki -f switches on unless told otherwise (LinuxKI 7.11). The recording does not tell: they are taken as
 * switched on where the two that no machine is without have records.
 */
const DEFAULT_EVENTS = [
	"block_rq_issue",
	"block_rq_insert",
	"block_rq_complete",
	"block_rq_requeue",
	"block_rq_abort",
	"sys_enter",
	"sys_exit",
	"sched_switch",
	"sched_wakeup",
	"sched_wakeup_new",
	"cpu_frequency",
	"irq_handler_entry",
	"irq_handler_exit",
	"softirq_entry",
	"softirq_exit",
	"call_function_entry",
	"call_function_exit",
	"call_function_single_entry",
	"call_function_single_exit",
];
const ALWAYS = ["sched_switch", "sys_enter"];

/** Type of `print` records in every kernel: kernel/trace/trace.h, enum trace_type, Linux 2.6.32 to 6.12. */
const TRACE_PRINT = 5;

/** What is not known without a marker, and what is imported then. */
const WITHOUT_MARKERS = {
	both: "no marker of LinuxKI (kitrace_marker_BEGIN, kitrace_marker_END): where its time begins and ends is unknown, and all records were imported",
	begin:
		"no kitrace_marker_BEGIN of LinuxKI: where its time begins is unknown, and all records up to its end were imported",
	end: "no kitrace_marker_END of LinuxKI: where its time ends is unknown, and all records from its begin on were imported",
};

export interface Opened {
	readonly found: Survey;
	readonly formats: Formats;
	readonly notes: readonly Note[];
	readonly memory: RecordMemory;
	readonly streams: readonly PackedPages[];
	readonly records: readonly CpuRecords[];
	/** Time that `ts` of the records counts from. */
	readonly base: bigint;
	/** CPUs of which not all was read. */
	readonly cut: ReadonlySet<number>;
	/** Events that were switched on. */
	readonly recorded: readonly string[];
}

/** The survey, and everything that the import needs from it. */
export function* openFtrace(
	recording: Recording,
	files: readonly OpenFile[],
	machine: Machine,
): Generator<void, Opened> {
	const notes: Note[] = [];
	const ids = readIds(recording.member("ids"));
	const print = [...ids].find(([, e]) => e.system === "ftrace" && e.event === "print")?.[0] ?? TRACE_PRINT;
	const found = yield* survey(files, print, recording.tag, machine.pageBytes);
	const formats = ftraceFormats(recording, ids, found.types, (n) => notes.push(n));
	const cut = new Set(
		found.cpus
			.filter((c) => isCut(c, machine.pageBytes) && (found.end === null || c.last < found.end))
			.map((c) => c.cpu),
	);

	const each = Math.min(REGION, REGIONS / Math.max(1, files.length));
	const regions = found.cpus.map(({ largest }) => {
		const slot = Math.ceil(largest / READ_BYTES) * READ_BYTES;
		return { slot, bytes: Math.max(1, Math.floor(each / slot)) * slot };
	});
	// a word more: the head of a record at the very end may be followed by none
	const size = regions.reduce((sum, r) => sum + r.bytes, 0) + 8;
	const memory = new RecordMemory(new ArrayBuffer(size), true);
	const streams = files.map((f, i) => {
		const holes = new Set(found.cpus[i]!.holes.map((h) => h.piece));
		return new PackedPages(f.bytes, { cpu: f.cpu }, regions[i]!.slot, undefined, holes);
	});
	let from = 0;
	const records = streams.map((stream, i) => {
		const { slot, bytes } = regions[i]!;
		from += bytes;
		return new CpuRecords(stream.data.cpu, memory, from - bytes, bytes, stream, slot, LAYOUT);
	});
	const stamps = records.map((r) => r.prime()).filter((s) => s !== null);
	const base = stamps.length === 0 ? 0n : stamps.reduce((a, b) => (a < b ? a : b));
	for (const r of records) r.setBase(base);

	const names = new Map(formats.all.map((f) => [f.id, f.name]));
	const happened = new Set([...found.types].map((t) => names.get(t)).filter((n) => n !== undefined));
	const known = new Set([...ids.values()].map((e) => e.event));
	const assumed = ALWAYS.every((name) => happened.has(name)) ? DEFAULT_EVENTS : [];
	const recorded = [...new Set([...happened, ...assumed.filter((name) => known.has(name))])].sort();
	return {
		found,
		formats,
		notes: [...notes, ...surveyNotes(recording, files, machine, ids, found, cut)],
		memory,
		streams,
		records,
		base,
		cut,
		recorded,
	};
}

/**
 * kiinfo reads 4096 bytes at a time. Where the kernel's sub-buffers are larger (64 KiB pages) it gets the first records
 * of one, then what is left of 64 KiB as reads without content, with a pause behind each (measured: a piece in 105 to 160
 * ms), and stops when its time is over, however much the ring still holds.
 */
function isCut(c: SurveyedCpu, pageBytes: number | null): boolean {
	return c.full && subBufferBytes(c, pageBytes) > READ_BYTES;
}

const subBufferBytes = (c: SurveyedCpu, pageBytes: number | null): number =>
	Math.max(c.subBuffer + LAYOUT.dataOffset, pageBytes ?? 0);

function surveyNotes(
	recording: Recording,
	files: readonly OpenFile[],
	machine: Machine,
	ids: ReadonlyMap<number, EventId>,
	found: Survey,
	cut: ReadonlySet<number>,
): Note[] {
	const notes: Note[] = [];
	const source = basename(recording.files[0]?.path ?? recording.folder);
	if (found.begin === null || found.end === null) {
		const missing = found.begin !== null ? "end" : found.end !== null ? "begin" : "both";
		notes.push({
			severity: "warning",
			kind: "markers-missing",
			source,
			text: `The records have ${WITHOUT_MARKERS[missing]}`,
		});
	}
	if (ids.size === 0)
		notes.push({
			severity: "warning",
			kind: "ids-missing",
			source,
			text: "There is no readable ids member beside the records: only events whose format was copied have a name",
		});
	for (const { path, cpu, named } of files)
		if (!named)
			notes.push({
				severity: "warning",
				kind: "cpu-unknown",
				source: basename(path),
				text: `The name of the file does not tell of which CPU its records are: they count as CPU ${cpu}`,
			});
	for (const c of found.cpus) {
		const { cpu, pieces, backwards, timeless } = c;
		const holes = c.holes.filter(
			(h) => (found.begin === null || h.to > found.begin) && (found.end === null || h.from < found.end),
		);
		if (holes.length > 0)
			notes.push({
				severity: "warning",
				kind: "pieces-missing",
				source,
				cpu,
				count: holes.length,
				text: `CPU ${cpu}: LinuxKI did not write all that it read: a sub-buffer ends early, or goes on later than what was written of it`,
			});
		if (cut.has(cpu))
			notes.push({
				severity: "error",
				kind: "pages-cut",
				source,
				cpu,
				count: pieces,
				text: `CPU ${cpu}: LinuxKI read sub-buffers of ${subBufferBytes(c, machine.pageBytes)} bytes in pieces of ${READ_BYTES} bytes, too slowly, and stopped before it had read all: what this CPU recorded after its last record is missing. Record such a machine with trace-cmd, or with LinuxKI's module (runki without -f)`,
			});
		if (backwards > 0)
			notes.push({
				severity: "warning",
				kind: "pages-backwards",
				source,
				cpu,
				count: backwards,
				text: `CPU ${cpu}: pieces that begin before the one in front of them; their records keep their times`,
			});
		if (timeless > 0)
			notes.push({
				severity: "error",
				kind: "pages-without-time",
				source,
				cpu,
				count: timeless,
				text: `CPU ${cpu}: pieces without a time (left by a read of 4096 bytes within a larger sub-buffer); they hold nothing that can be dated and are left out`,
			});
	}
	notes.push({
		severity: "info",
		kind: "lost-unknown",
		source,
		text: "LinuxKI throws away what the kernel tells of lost events in this mode: whether some were lost, and how many, is unknown",
	});
	return notes;
}

/** Times of the markers, ns since the base. */
export const limitsOf = ({ begin, end }: Survey, base: bigint): { first: number; last: number } => ({
	first: begin === null ? Number.NEGATIVE_INFINITY : Number(begin - base),
	last: end === null ? Number.POSITIVE_INFINITY : Number(end - base),
});
