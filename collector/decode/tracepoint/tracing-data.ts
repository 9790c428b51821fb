/**
 * What a recorder saves of tracefs: the formats of the events, symbols, saved names. trace.dat has these parts in its
 * header, perf.data in its section TRACING_DATA.
 * Source: trace-cmd.dat.v6(5) of trace-cmd 3.4; tools/perf/util/trace-event-info.c, Linux 6.12.
 */
import type { Cursor } from "../bytes.ts";
import type { Note } from "../source.ts";
import { type EventFormat, parseFormat } from "./format.ts";

export interface TracingData {
	readonly longBytes: number;
	headerPage: string;
	/** System and text of every event format. */
	readonly formats: { system: string; text: string }[];
	/** Text of /proc/kallsyms; empty if hidden. */
	kallsyms: Buffer;
	printk: string;
	/** pid and comm, as saved_cmdlines had them at the end. */
	readonly cmdlines: { pid: number; comm: string }[];
}

export const utf8 = (b: Buffer): string => b.toString("utf8").replace(/\0+$/, "");

export function readHeaderInfo(c: Cursor, data: TracingData): void {
	for (const name of ["header_page", "header_event"]) {
		c.take(name.length + 1, name);
		const body = c.take(c.size(name), name).toString("latin1");
		if (name === "header_page") data.headerPage = body;
	}
}

export function readFtraceFormats(c: Cursor, data: TracingData): void {
	const count = c.u32("number of ftrace formats");
	for (let i = 0; i < count; i++)
		data.formats.push({
			system: "ftrace",
			text: c.take(c.size("ftrace format"), "ftrace format").toString("latin1"),
		});
}

export function readEventFormats(c: Cursor, data: TracingData): void {
	const systems = c.u32("number of event systems");
	for (let i = 0; i < systems; i++) {
		const system = c.text("event system");
		const count = c.u32("number of formats");
		for (let k = 0; k < count; k++)
			data.formats.push({
				system,
				text: c.take(c.size("event format"), "event format").toString("latin1"),
			});
	}
}

/** The parts that come first and in this order: layout of pages, formats of ftrace's own events, formats by system. */
export function parseFormatList(c: Cursor, data: TracingData): void {
	readHeaderInfo(c, data);
	readFtraceFormats(c, data);
	readEventFormats(c, data);
}

export function parseCmdlines(body: string, data: TracingData): void {
	for (const line of body.split("\n")) {
		const m = /^(\d+) (.*)$/.exec(line);
		if (m) data.cmdlines.push({ pid: Number(m[1]), comm: m[2]! });
	}
}

export function formatsOf(
	data: Pick<TracingData, "formats" | "longBytes">,
	note: (note: Note) => void,
): EventFormat[] {
	const formats: EventFormat[] = [];
	const ids = new Set<number>();
	for (const { system, text } of data.formats) {
		const format = parseFormat(text, system, data.longBytes, (problem) =>
			note({
				severity: "warning",
				kind: "field-not-understood",
				source: system,
				text: `${problem}; the event keeps its other fields`,
			}),
		);
		if (!format)
			note({
				severity: "warning",
				kind: "format-not-understood",
				source: system,
				text: `An event format of system ${system} cannot be read: its records are counted, not decoded`,
			});
		else if (!ids.has(format.id)) {
			ids.add(format.id);
			formats.push(format);
		}
	}
	return formats;
}
