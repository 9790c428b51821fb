/** The events that kiinfo -kitrace prints, line by line (LinuxKI 7.11). */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decompress } from "fzstd";

export interface PrintedEvent {
	/** µs since the origin that kiinfo counts from at this line. */
	readonly us: number;
	readonly cpu: number;
	readonly pid: number;
	readonly tgid: number;
	/** Name of the event; of system calls "sys_enter" or "sys_exit". */
	readonly event: string;
	/** Of system calls. */
	readonly call: { readonly name: string; readonly nr: number } | null;
	/** What follows the name, as printed. */
	readonly text: string;
	/** The line comes after the startup record, from which kiinfo counts then. */
	readonly started: boolean;
}

const line = /^\s*(\d+)\.(\d{6}) cpu=(\d+) pid=(-?\d+)(?: tgid=(-?\d+))? (.*)$/;
const systemCall = /^(.*?) \[(-?\d+)\] (entry|ret=)(.*)$/;
const wallTime = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} [\d ]\d \d\d:\d\d:\d\d \d{4}$/;

export function parseKitrace(print: string): PrintedEvent[] {
	const events: PrintedEvent[] = [];
	let started = false;
	for (const text of print.split("\n")) {
		if (wallTime.test(text)) started = true;
		const m = line.exec(text);
		if (!m) continue;
		const call = systemCall.exec(m[6]!);
		const [, name, rest] = /^(\S+) ?(.*)$/.exec(m[6]!)!;
		events.push({
			us: Number(m[1]) * 1e6 + Number(m[2]),
			cpu: Number(m[3]),
			pid: Number(m[4]),
			tgid: Number(m[5] ?? 0),
			event: call ? (call[3] === "entry" ? "sys_enter" : "sys_exit") : name!,
			call: call ? { name: call[1]!, nr: Number(call[2]) } : null,
			text: call ? (call[3] === "entry" ? call[4]!.trim() : `ret=${call[4]}`) : rest!,
			started,
		});
	}
	return events;
}

/** The stored print beside a trace; the one without markers where there is one. null where there is none. */
export function kitraceOf(folder: string): string | null {
	const names = readdirSync(folder).filter((n) => /^kitrace.*\.txt\.zst$/.test(n));
	const name = names.find((n) => n.includes("nomarker")) ?? names[0];
	return name === undefined
		? null
		: Buffer.from(decompress(readFileSync(join(folder, name)))).toString("latin1");
}

/** `key=value` pairs of a text; a value may be empty. Words without "=" are left out. */
export function pairs(text: string): Map<string, string> {
	const found = new Map<string, string>();
	for (const [, key, value] of text.matchAll(/(\*?[A-Za-z_][\w[\]]*)=\s*([^\s=]*)/g)) found.set(key!, value!);
	return found;
}
