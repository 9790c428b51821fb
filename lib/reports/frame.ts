/** What is the same around every report: what was recorded, its limits, notes of the import, the statement. */
import type { Dataset } from "../dataset/dataset.ts";
import { type ImportNote, importNotes } from "../dataset/import-notes.ts";
import { missing, type NotRecorded, recordCommand, wasRecorded } from "../dataset/needs.ts";
import { type ObservedCpu, observedCpus } from "../dataset/observed.ts";
import type { QueryParameters, Scope } from "../dataset/scope.ts";
import { group, percent, sentence } from "../figures/numbers.ts";
import type { Manifest } from "../schema/manifest.ts";
import type { Block, NoticeBlock, Report, Section } from "./document.ts";
import { defaultTop, parameterNames, reportScope } from "./parameters.ts";
import type { Findings, ReportDefinition, ReportModule } from "./report.ts";
import { statementOf } from "./statement.ts";
import { counted, listed } from "./subject.ts";

/** Makes a report of its definition: everything but the findings themselves. */
export function defineReport({ find, takesEvent = false, ...definition }: ReportDefinition): ReportModule {
	return {
		...definition,
		parameters: Object.keys(parameterNames).filter((name) => name !== "event" || takesEvent),
		async build(ds, parameters = {}) {
			const scope = reportScope(ds, parameters, definition.name, definition.where);
			const lacking = missing(scope.manifest, definition.needs);
			const findings =
				lacking !== null
					? withoutRecord(definition, lacking)
					: scope.manifest.clock.unit !== "ns"
						? withoutTime(definition, scope.manifest)
						: await find(ds, scope, {
								...parameters,
								trace: scope.trace,
								top: parameters.top ?? defaultTop,
							});
			return framed(ds, definition, scope, parameters, findings);
		},
	};
}

async function framed(
	ds: Dataset,
	definition: Omit<ReportDefinition, "find">,
	scope: Scope,
	parameters: QueryParameters,
	findings: Findings,
): Promise<Report> {
	const cpus = await observedCpus(ds, scope);
	return {
		name: definition.name,
		...findings,
		recorded: recordedOf(scope.manifest, definition.events),
		sections: [...findings.sections, limits(scope, cpus)],
		notes: notesOf(await importNotes(ds, scope), scope.manifest, definition.events),
		statement: await statementOf(ds, {
			traces: [scope.manifest],
			parameters,
			definitions: [...definition.definitions, "observed window", "percentile", "belongs to the window"],
			command: `powerki report ${definition.name}`,
		}),
	};
}

/** Three answers: seen (with the count), recorded and none, not recorded. */
function recordedOf(manifest: Manifest, events: readonly string[]): Report["recorded"] {
	const seen: string[] = [];
	const none: string[] = [];
	const absent: string[] = [];
	for (const event of events) {
		const count = manifest.eventCounts[event] ?? manifest.tables[event]?.rows ?? 0;
		if (count > 0) seen.push(`${event} ${group(count)}`);
		else if (wasRecorded(manifest, event) === true) none.push(event);
		else absent.push(event);
	}
	return { seen, none, missing: absent };
}

/** The notice for what was not recorded: which events, how sure, how to get them. */
export function notRecordedNotice(lacking: NotRecorded): NoticeBlock {
	if (lacking.cause === "collection")
		return {
			kind: "notice",
			reason: "not-recorded",
			title: `${lacking.what}: not derived`,
			text: "The trace was collected without derived tables.",
			remedy: lacking.remedy,
		};
	return {
		kind: "notice",
		reason: "not-recorded",
		title: `${lacking.what}: not recorded`,
		text: `The trace has no ${lacking.events.join(", ")}. ${
			lacking.certain
				? "This is not “no activity”."
				: "It does not tell whether they were switched on: this may also be “no activity”."
		}`,
		remedy: lacking.remedy,
	};
}

/** The notice for events that add to a report which can do without them. */
export function eventNotice(
	manifest: Manifest,
	what: string,
	events: readonly string[],
	consequence: string,
): NoticeBlock {
	const certain = events.every((e) => wasRecorded(manifest, e) !== null);
	return {
		kind: "notice",
		reason: "not-recorded",
		title: `${what}: not recorded`,
		text: `The trace has no ${events.join(", ")}${certain ? "" : " (whether it was switched on, the trace does not tell)"}. ${consequence}`,
		remedy: recordCommand(events),
	};
}

/** Events that the recorder counts, but stacks of the tracer, which are switched on by an option. */
export function stackNotice(manifest: Manifest): NoticeBlock {
	const some = (manifest.tables.stack?.rows ?? 0) > 0;
	return {
		kind: "notice",
		reason: "not-recorded",
		title: some ? "Kernel stacks: none at these waits" : "Kernel stacks: not recorded",
		text: some
			? "The trace has kernel stacks, but none of these waits has one. The graph shows the waits by system call alone."
			: "The trace has no stack at the switches (kernel_stack), so the function in which a thread waits is unknown. The graph shows the waits by system call alone.",
		remedy:
			"trace-cmd record -e sched:sched_switch -R 'stacktrace if prev_state > 0' -e sched:sched_waking -e raw_syscalls",
	};
}

function withoutRecord(definition: Omit<ReportDefinition, "find">, lacking: NotRecorded): Findings {
	const recording = lacking.cause === "recording";
	// The events without which there is no answer are fewer than those for all of it.
	const remedy = recording ? recordCommand(definition.record) : lacking.remedy;
	const notice = { ...notRecordedNotice(lacking), remedy };
	return {
		title: `No answer to “${definition.question}”: ${
			lacking.cause === "collection" ? "the trace was collected without it" : "it was not recorded"
		}`,
		lead: !recording
			? `Collect the trace again: ${remedy}`
			: `It needs ${listed(lacking.events)}. Record all that it shows: ${remedy}`,
		keyNumbers: [],
		sections: Object.entries(definition.sections).map(([id, title]) => ({ id, title, blocks: [notice] })),
	};
}

/** Every section of every report is about durations, which a clock that counts something else does not give. */
function withoutTime(definition: Omit<ReportDefinition, "find">, manifest: Manifest): Findings {
	const { name, unit } = manifest.clock;
	const notice: NoticeBlock = {
		kind: "notice",
		reason: "not-computable",
		title: "Durations: unknown",
		text: `The trace was recorded with the clock “${name}”, which counts (${unit}) and does not tell how long anything lasts. The events themselves, and their order, are in the dataset.`,
		remedy: "record it again with a clock that counts time: trace-cmd record -C mono",
	};
	return {
		title: `No answer to “${definition.question}”: the clock ${name} does not count time`,
		lead: notice.text,
		keyNumbers: [],
		sections: Object.entries(definition.sections).map(([id, title]) => ({ id, title, blocks: [notice] })),
	};
}

/** The share of the window that was seen on all CPUs together, 0..100. */
export function observedPercent(cpus: readonly ObservedCpu[]): number {
	return cpus.length === 0 ? 0 : cpus.reduce((sum, c) => sum + c.percent, 0) / cpus.length;
}

function limits(scope: Scope, cpus: readonly ObservedCpu[]): Section {
	const { window: w, manifest } = scope;
	const whole = cpus.filter((c) => c.percent >= 99.95).length;
	const gaps = cpus.reduce((sum, c) => sum + c.gaps, 0);
	const known = cpus.every((c) => c.lostEvents !== null);
	const lostEvents = cpus.reduce((sum, c) => sum + (c.lostEvents ?? 0), 0);
	const unit = manifest.clock.unit === "ns";
	if (!unit)
		return {
			id: "limits",
			title: "What was seen, and what was not",
			blocks: [
				{
					kind: "text",
					text: `The clock ${manifest.clock.name} counts ${manifest.clock.unit}, not time: how much of the window was observed is unknown. Lost ${known ? counted(lostEvents, "event") : "an unknown number of events"}.`,
				},
			],
		};
	const blocks: Block[] = [
		{
			kind: "text",
			text: [
				`Window ${seconds(w.fromSeconds)}..${seconds(w.toSeconds)} s of the trace (${sentence(w.ns, "ns")}${w.whole ? ", all of it" : ""}).`,
				cpus.length === 0
					? "Its records do not tell on which CPU they were made: what was observed of each CPU is unknown."
					: `Observed ${percent(observedPercent(cpus))} of it, ${whole} of ${counted(cpus.length, "CPU")} throughout.`,
				gaps === 0
					? manifest.lost.events === null
						? "Whether events were lost is unknown: the recording does not tell."
						: "Lost 0 events in it."
					: `Lost ${known ? counted(lostEvents, "event") : "an unknown number of events"} in ${counted(gaps, "gap")}: totals are at least what is shown.`,
			].join(" "),
		},
	];
	if (whole < cpus.length)
		blocks.push({
			kind: "table",
			caption:
				"CPUs that were not seen for the whole window: before its first and after its last record nothing is known of a CPU",
			columns: [
				{ key: "cpu", label: "CPU", quantity: "count" },
				{ key: "observed", label: "observed", quantity: "ns" },
				{ key: "share", label: "of the window", quantity: "percent", bar: "100" },
				{ key: "gaps", label: "gaps", quantity: "count" },
				{ key: "lost", label: "lost events", quantity: "count" },
			],
			rows: cpus
				.filter((c) => c.percent < 99.95)
				.map((c) => ({
					cpu: c.cpu,
					observed: c.observedNs,
					share: c.percent,
					gaps: c.gaps,
					lost: c.lostEvents,
				})),
			available: cpus.length - whole,
		});
	if (gaps > 0)
		blocks.push({
			kind: "notice",
			reason: "lost",
			title: `Lost: ${known ? counted(lostEvents, "event") : "an unknown number of events"}`,
			text: `${counted(gaps, "gap")} on CPU ${listed(cpus.filter((c) => c.gaps > 0).map((c) => String(c.cpu)))}. Who ran and what happened in them is unknown; nothing is invented for them.`,
			remedy: 'powerki sql "SELECT cpu, ts, dur, events FROM lost ORDER BY ts"',
		});
	return { id: "limits", title: "What was seen, and what was not", blocks };
}

const seconds = (s: number): string => String(Math.round(s * 1e9) / 1e9);

/** Kinds of notes that concern only the reports which use an event; all others concern every report. */
const noteEvents: readonly (readonly [RegExp, string])[] = [
	[/symbols/, "kernel_stack"],
	[/^block-io-/, "block_rq_issue"],
	[/^interrupt-/, "irq_handler_entry"],
	[/^syscall-/, "sys_enter"],
];

function notesOf(notes: readonly ImportNote[], manifest: Manifest, events: readonly string[]): string[] {
	const concerning = notes.filter((n) => {
		const event = noteEvents.find(([kind]) => kind.test(n.kind))?.[1];
		return event === undefined || events.includes(event);
	});
	const lines = concerning.map(
		(n) =>
			`${n.severity}: ${n.text}${n.cpu === null ? "" : ` (CPU ${n.cpu})`}${n.count > 1 ? `, ${group(n.count)} times` : ""}`,
	);
	const unknown = Object.values(manifest.unknownEvents).reduce((sum, n) => sum + n, 0);
	if (unknown > 0)
		lines.push(`warning: ${counted(unknown, "record")} of unknown format are not in the dataset`);
	return lines;
}
