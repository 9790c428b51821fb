/**
 * One recording of perf: a file, a pipe's output, a folder with a file for each thread of the recorder, or the files of
 * --switch-output. Opened, with everything known that stands in front of the records.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { exitCode, PowerkiError } from "../../../lib/schema/errors.ts";
import { FileBytes, Truncated } from "../bytes.ts";
import { noFacts, type PerfFacts, readFeatures } from "./features.ts";
import { type EventAttr, isPerfData, readPerfHeader, type Section } from "./header.ts";

/** A file that holds records. */
export interface RecordFile {
	readonly name: string;
	readonly bytes: FileBytes;
	readonly section: Section;
	/** Its attributes and features come as records too. */
	readonly pipe: boolean;
}

export interface Recording {
	readonly littleEndian: boolean;
	readonly files: readonly RecordFile[];
	readonly events: EventAttr[];
	readonly facts: PerfFacts;
	readonly problems: { readonly text: string; readonly offset: number; readonly source: string }[];
	close(): void;
}

/** Name of the file with the header in a folder of perf record --threads. */
const MAIN = "data";

/** The files of a folder that perf has written, the one with the header first; null where it is no such folder. */
export function perfDirectory(path: string): string[] | null {
	if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return null;
	const names = readdirSync(path);
	if (!statSync(join(path, MAIN), { throwIfNoEntry: false })?.isFile() || !startsLikePerf(join(path, MAIN)))
		return null;
	const numbered = names
		.filter((n) => /^data\.\d+$/.test(n))
		.sort((a, b) => Number(a.slice(MAIN.length + 1)) - Number(b.slice(MAIN.length + 1)));
	return [MAIN, ...numbered].map((n) => join(path, n));
}

function startsLikePerf(path: string): boolean {
	const fd = openSync(path, "r");
	try {
		const head = Buffer.alloc(8);
		return isPerfData(head.subarray(0, readSync(fd, head, 0, 8, 0)));
	} finally {
		closeSync(fd);
	}
}

/**
 * Opens the files of one recording: those with a header are read in order, those without belong to the one before.
 * @throws PowerkiError (unreadable) where a header is cut off, or the files are not of one recording
 */
export function openRecording(paths: readonly string[]): Recording {
	const descriptors: number[] = [];
	const close = (): void => {
		for (const fd of descriptors) closeSync(fd);
	};
	const problems: Recording["problems"] = [];
	const files: RecordFile[] = [];
	let events: EventAttr[] = [];
	let facts = noFacts();
	let littleEndian = true;
	let first = true;
	let source = "";
	try {
		for (const path of paths) {
			source = basename(path);
			const fd = openSync(path, "r");
			descriptors.push(fd);
			const bytes = new FileBytes(fd, fstatSync(fd).size);
			const head = bytes.read(0, Math.min(8, bytes.size), "magic");
			if (!first && !isPerfData(head)) {
				files.push({ name: source, bytes, section: { offset: 0, size: bytes.size }, pipe: false });
				continue;
			}
			const header = readPerfHeader(bytes);
			const own = first ? facts : noFacts();
			for (const p of header.problems) problems.push({ ...p, source });
			readFeatures(bytes, header, own, (text, offset) => problems.push({ text, offset, source }));
			if (first) {
				({ littleEndian, events } = header);
				facts = own;
			} else mergeHeader(events, header.events, facts, own);
			files.push({ name: source, bytes, section: header.data, pipe: header.pipe });
			first = false;
		}
	} catch (error) {
		close();
		if (!(error instanceof Truncated)) throw error;
		throw new PowerkiError(
			exitCode.unreadable,
			`${source}: a perf.data file that ends before its records begin`,
			[
				`its header is cut off: ${error.message}`,
				"nothing was written; copy the file again from the machine that recorded it",
			],
			{ cause: error },
		);
	}
	return { littleEndian, files, events, facts, problems, close };
}

/** A later file of a series has the same events; its own ids and build-ids are added. */
function mergeHeader(
	events: EventAttr[],
	more: readonly EventAttr[],
	facts: PerfFacts,
	own: PerfFacts,
): void {
	for (const [k, event] of more.entries()) {
		const known = events[k];
		if (!known) events.push(event);
		else {
			const ids = new Set(known.ids);
			for (const id of event.ids) if (!ids.has(id)) known.ids.push(id);
		}
	}
	for (const [name, id] of own.buildIds) facts.buildIds.set(name, id);
	facts.tracing ??= own.tracing;
}

/** A file of a series: the time of its end, to hundredths, behind the name (tools/perf/builtin-record.c, Linux 7.2). */
const SERIES = /^(.*)\.\d{16}$/;

/**
 * Files of one recording (perf record --switch-output) have one key: named as a series, with one command and the same
 * ids of the counters. Ids alone do not tell: every boot counts from the beginning. null for files that are named
 * otherwise.
 */
export function perfSeries(paths: readonly string[]): string | null {
	const stem = SERIES.exec(basename(paths[0]!))?.[1];
	if (stem === undefined) return null;
	const recording = openRecording(paths);
	recording.close();
	const { facts, events } = recording;
	return JSON.stringify([
		stem,
		facts.host,
		facts.kernel,
		facts.cmdline,
		events.map((e) => [e.attr.type, String(e.attr.config), e.ids.map(String)]),
	]);
}
