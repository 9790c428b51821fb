/** The formats that collect reads, and what other files look like. */

import { inspectLinuxki } from "./linuxki/info.ts";
import { readLinuxki } from "./linuxki/read.ts";
import { linuxkiDirectory, linuxkiSeries } from "./linuxki/recording.ts";
import { isLinuxki } from "./linuxki/sniff.ts";
import { isPerfData } from "./perf/header.ts";
import { inspectPerf } from "./perf/info.ts";
import { readPerf } from "./perf/read.ts";
import { perfDirectory, perfSeries } from "./perf/recording.ts";
import type { Format } from "./source.ts";
import { MAGIC } from "./trace-dat/header.ts";
import { inspectTraceDat } from "./trace-dat/info.ts";
import { readTraceDat } from "./trace-dat/read.ts";

export const formats: readonly Format[] = [
	{
		name: "trace.dat",
		sniff: (head) => MAGIC.equals(head.subarray(0, MAGIC.length)),
		read: readTraceDat,
		inspect: inspectTraceDat,
	},
	{
		name: "perf.data",
		sniff: isPerfData,
		folder: perfDirectory,
		series: perfSeries,
		read: readPerf,
		inspect: inspectPerf,
	},
	{
		name: "linuxki",
		sniff: isLinuxki,
		folder: linuxkiDirectory,
		series: linuxkiSeries,
		read: readLinuxki,
		inspect: inspectLinuxki,
	},
];

/** Files that are no trace (or none that is read yet): magic bytes and words. */
const others: readonly { readonly magic: string; readonly looks: string; readonly advice?: string }[] = [
	{
		magic: "PERFFILE",
		looks: "perf.data file of perf before 2.6.33",
		advice: "record again with a later perf",
	},
	{ magic: "\xfd7zXZ\0", looks: "xz-compressed data", advice: "unpack it first: unxz FILE" },
	{ magic: "PK\x03\x04", looks: "ZIP archive" },
	{ magic: "%PDF-", looks: "PDF document" },
	{ magic: "\x7fELF", looks: "ELF program or library" },
	{ magic: "PAR1", looks: "Parquet file" },
	{ magic: "\x89PNG", looks: "PNG picture" },
	{ magic: "# tracer:", looks: "text of an ftrace buffer (trace or trace_pipe)" },
	{ magic: "\xc1\x1f\xfc\xc1", looks: "stream of a CTF trace (LTTng)" },
	{ magic: "\x75\xd1\x1d\x57", looks: "metadata of a CTF trace (LTTng)" },
];

/** "PDF document (starts with “%PDF-1.7”)" */
export function describeInput(head: Uint8Array): { looks: string; advice?: string } {
	if (head.length === 0) return { looks: "an empty file" };
	const text = Buffer.from(head).toString("latin1");
	const start = /^[\x20-\x7e]{4,24}/.exec(text)?.[0];
	const begins = start ? ` (starts with “${start.trim()}”)` : "";
	const known = others.find((o) => text.startsWith(o.magic));
	if (known) return { looks: known.looks + begins, ...(known.advice ? { advice: known.advice } : {}) };
	const printable = head.every((b) => b >= 0x20 || b === 9 || b === 10 || b === 13);
	return {
		looks: printable
			? `text${begins}`
			: `binary data of an unknown kind (starts with ${Buffer.from(head.subarray(0, 8)).toString("hex")})`,
	};
}

export const readable =
	"trace.dat (versions 6 and 7 of trace-cmd), perf.data (file, pipe, folder, files of --switch-output), LinuxKI (folder with ki.bin files, or these files); also inside tar archives, and gzip- or zstd-compressed";
