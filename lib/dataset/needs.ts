/**
 * What a query needs to have been recorded. A query on a trace that lacks it answers with NotRecorded, which
 * names the events and how to record them: never with an empty result that reads as "none".
 */
import type { Manifest } from "../schema/manifest.ts";

/** All of the entries are needed; of a list inside, any one will do. */
export type EventNeeds = readonly (string | readonly string[])[];

export interface Needs {
	/** Title of the question, such as "Disk I/O". */
	readonly what: string;
	/** Derived tables whose rows answer it. */
	readonly tables?: readonly string[];
	/** Event tables, beyond those that the derived tables come from. */
	readonly events?: EventNeeds;
}

export interface NotRecorded {
	readonly kind: "not-recorded";
	/** The question, such as "Disk I/O". */
	readonly what: string;
	/** "recording": the events were not recorded. "collection": the trace may have them, but was collected without derived tables. */
	readonly cause: "recording" | "collection";
	/** Events that are missing; of alternatives the first. Empty if the cause is the collection. */
	readonly events: readonly string[];
	/**
	 * The trace says which events were switched on, and these were not. Otherwise they did not happen and the trace
	 * does not tell whether they were switched on.
	 */
	readonly certain: boolean;
	/** The command that gets them. */
	readonly remedy: string;
}

/** For a result of a typed query: rows, or the answer that they were not recorded. */
export function isNotRecorded(value: unknown): value is NotRecorded {
	return (
		typeof value === "object" && value !== null && (value as Partial<NotRecorded>).kind === "not-recorded"
	);
}

/** Events that each derived table is made of (DESIGN section 4). */
export const tableEvents: Readonly<Record<string, EventNeeds>> = {
	sched: ["sched_switch"],
	thread_state: ["sched_switch"],
	syscall: ["sys_enter", "sys_exit"],
	futex_wait: ["sys_enter", "sys_exit"],
	futex_wake: ["sys_enter", "sys_exit"],
	block_io: [["block_rq_issue", "block_bio_queue", "block_rq_complete"]],
	irq: [["irq_handler_entry", "irq_entry", "timer_interrupt_entry", "doorbell_entry"]],
	softirq: ["softirq_entry", "softirq_exit"],
	idle_state: ["cpu_idle"],
	frequency: ["cpu_frequency"],
};

/** Trace system of an event, for commands that record it. */
const systems: readonly (readonly [RegExp, string])[] = [
	[/^sched_/, "sched"],
	[/^sys_(enter|exit)$/, "raw_syscalls"],
	[/^block_/, "block"],
	[/^(irq_handler|softirq|tasklet)_/, "irq"],
	[/^(irq|timer_interrupt|doorbell)_(entry|exit)$/, "powerpc"],
	[/^hcall_/, "powerpc"],
	[/^cpu_(idle|frequency)$/, "power"],
	[/^task_/, "task"],
];

/** The event was switched on in this trace: true, false, or null where the trace does not tell and has none. */
export function wasRecorded(manifest: Manifest, event: string): boolean | null {
	if ((manifest.tables[event]?.rows ?? 0) > 0) return true;
	return manifest.recorded === null ? null : manifest.recorded.includes(event);
}

/** What of the needs the trace lacks; null if nothing. */
export function missing(manifest: Manifest, needs: Needs): NotRecorded | null {
	const empty = (needs.tables ?? []).filter((table) => (manifest.tables[table]?.rows ?? 0) === 0);
	if (empty.length > 0 && manifest.options.derived === false)
		return {
			kind: "not-recorded",
			what: needs.what,
			cause: "collection",
			events: [],
			certain: true,
			remedy: `powerki collect ${manifest.sources[0]?.name ?? "TRACE"} --out DATASET (without --no-derived)`,
		};
	const lacking = new Set<string>();
	let certain = true;
	const check = (wanted: string | readonly string[]) => {
		const any = typeof wanted === "string" ? [wanted] : wanted;
		const answers = any.map((e) => wasRecorded(manifest, e));
		if (answers.includes(true)) return;
		lacking.add(any[0]);
		if (answers.includes(null)) certain = false;
	};
	// A derived table with rows answers, whatever became of the event tables that it came from.
	for (const table of empty) for (const wanted of tableEvents[table] ?? []) check(wanted);
	for (const wanted of needs.events ?? []) check(wanted);
	if (lacking.size === 0) return null;
	const events = [...lacking].sort();
	return {
		kind: "not-recorded",
		what: needs.what,
		cause: "recording",
		events,
		certain,
		remedy: recordCommand(events),
	};
}

/** The command that records these events on the traced server. Samples (table cpu_sample) are taken by perf. */
export function recordCommand(events: readonly string[]): string {
	if (events.includes("cpu_sample")) return "perf record -a -g -e cpu-clock -F 99 (or -e cycles)";
	const flags = events.map((e) => {
		const system = systems.find(([pattern]) => pattern.test(e))?.[1];
		return `-e ${system === undefined ? e : `${system}:${e}`}`;
	});
	return `trace-cmd record ${flags.join(" ")}`;
}
