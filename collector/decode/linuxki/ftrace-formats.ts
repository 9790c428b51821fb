/**
 * The formats of the events of an ftrace-mode recording: what runki copied of tracefs (events/SYSTEM/EVENT/format) to
 * EVENT.fmt.TAG, and what it never copies.
 */
import { closeSync, opendirSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { Note } from "../source.ts";
import { type EventFormat, type Field, parseFormat } from "../tracepoint/format.ts";
import { EVENT_NAME_MAX, type EventId } from "./ids.ts";
import type { Recording } from "./recording.ts";

/** runki copies 28. */
const MAX_FORMATS = 1000;
/** Names in the folder that are looked at. */
const MAX_NAMES = 100_000;
/** tracefs prints some 6 kB for the longest. */
const MAX_TEXT = 256 * 1024;

const LONG_BYTES = 8;

const integer = (name: string, ctype: string, offset: number, size: number, signed: boolean): Field => ({
	name,
	ctype,
	offset,
	size,
	signed,
	kind: "integer",
	element: size,
	count: 1,
	relative: false,
});

/** include/linux/trace_events.h, struct trace_entry, Linux 3.10 to 6.12. */
const common: readonly Field[] = [
	integer("common_type", "unsigned short", 0, 2, false),
	integer("common_flags", "unsigned char", 2, 1, false),
	integer("common_preempt_count", "unsigned char", 3, 1, false),
	integer("common_pid", "int", 4, 4, true),
];

interface KnownFormat {
	readonly fields: readonly Field[];
	readonly printFmt: string;
}

/** arch/x86/include/asm/trace/irq_vectors.h, class x86_irq_vector, Linux 3.10 to 6.12. */
const irqVector: KnownFormat = {
	fields: [integer("vector", "int", 8, 4, true)],
	printFmt: '"vector=%d", REC->vector',
};

/** Formats that do not depend on the kernel, for events whose format was not copied. */
const knownFormats: Readonly<Record<string, KnownFormat>> = {
	// kernel/trace/trace_entries.h, struct print_entry
	"ftrace:print": {
		fields: [
			integer("ip", "unsigned long", 8, 8, false),
			{
				...integer("buf", "char[]", 16, 0, true),
				kind: "tail-chars",
				element: 1,
				count: 0,
			},
		],
		printFmt: '"%ps: %s", (void *)REC->ip, REC->buf',
	},
	"irq_vectors:call_function_entry": irqVector,
	"irq_vectors:call_function_exit": irqVector,
	"irq_vectors:call_function_single_entry": irqVector,
	"irq_vectors:call_function_single_exit": irqVector,
};

export interface Formats {
	readonly all: readonly EventFormat[];
	/** Those of which only the common fields are known. */
	readonly incomplete: ReadonlySet<EventFormat>;
}

/** Formats of the types of records that are there (`types`), and of all events whose format was copied. */
export function ftraceFormats(
	recording: Recording,
	ids: ReadonlyMap<number, EventId>,
	types: ReadonlySet<number>,
	note: (note: Note) => void,
): Formats {
	const byId = new Map<number, EventFormat>();
	for (const { name, text } of copiedFormats(recording)) {
		const id = Number(/^ID:\s*(\d+)/m.exec(text)?.[1]);
		const format = parseFormat(text, ids.get(id)?.system ?? "unknown", LONG_BYTES, (problem) =>
			note({
				severity: "warning",
				kind: "field-not-understood",
				source: name,
				text: `${problem}; the event keeps its other fields`,
			}),
		);
		if (format) byId.set(format.id, format);
		// an empty member is an event that this kernel does not have
		else if (text.trim() !== "")
			note({
				severity: "warning",
				kind: "format-not-understood",
				source: name,
				text: "The format of an event cannot be read",
			});
	}
	const incomplete = new Set<EventFormat>();
	for (const type of types) {
		const id = ids.get(type);
		if (byId.has(type) || !id) continue;
		const known = knownFormats[`${id.system}:${id.event}`];
		const format: EventFormat = {
			system: id.system,
			name: id.event,
			id: type,
			common,
			fields: known?.fields ?? [],
			printFmt: known?.printFmt ?? "",
		};
		byId.set(type, format);
		if (known) continue;
		incomplete.add(format);
		note({
			severity: "warning",
			kind: "format-missing",
			source: id.event,
			text: `${id.system}:${id.event}: the recording has no ${id.event}.fmt with its fields: times, CPUs and threads of its records are all that is known${id.event.length === EVENT_NAME_MAX ? "; LinuxKI may have cut its name" : ""}`,
		});
	}
	return { all: [...byId.values()], incomplete };
}

/** Members NAME.fmt.TAG, in order of name. */
function copiedFormats({ folder, tag }: Recording): { name: string; text: string }[] {
	const end = `.fmt.${tag}`;
	if (tag === "") return [];
	const names: string[] = [];
	const directory = opendirSync(folder);
	try {
		for (let k = 0; k < MAX_NAMES && names.length < MAX_FORMATS; k++) {
			const entry = directory.readSync();
			if (entry === null) break;
			if (entry.isFile() && entry.name.endsWith(end)) names.push(entry.name);
		}
	} finally {
		directory.closeSync();
	}
	return names.sort().map((name) => ({ name, text: head(join(folder, name)) }));
}

function head(path: string): string {
	const fd = openSync(path, "r");
	try {
		const bytes = Buffer.alloc(MAX_TEXT);
		return bytes.toString("latin1", 0, readSync(fd, bytes, 0, bytes.length, 0));
	} finally {
		closeSync(fd);
	}
}
