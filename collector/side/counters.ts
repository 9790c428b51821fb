import { jsonObjects } from "./json-lines.ts";
import type { Counter, IrqLineFact } from "./side-files.ts";

/** First line of /proc/interrupts and /proc/softirqs: the CPUs that are on-line. */
export const cpuHeading = /^\s+CPU\d+(\s+CPU\d+)*\s*$/;

/** Rows of numbers per CPU under a line of CPU names, and the text behind the numbers. */
function* perCpuRows(
	text: string,
): Generator<{ label: string; cpus: number[]; counts: bigint[]; rest: string }> {
	const [head, ...lines] = text.split("\n");
	const cpus = (head.match(/CPU\d+/g) ?? []).map((name) => Number(name.slice(3)));
	for (const line of lines) {
		const match = /^\s*([^\s:]+):((?:\s+\d+(?=\s|$))*)(.*)$/.exec(line);
		if (!match) continue;
		const numbers = match[2].trim() === "" ? [] : match[2].trim().split(/\s+/);
		// a hardware line number may follow the counts: take as many as there are CPUs
		const counts = numbers.slice(0, cpus.length).map(BigInt);
		const rest = [...numbers.slice(cpus.length), match[3].trim()].join(" ").trim();
		yield { label: match[1], cpus, counts, rest };
	}
}

/**
 * What stands behind the counts of a numbered line (kernel/irq/proc.c, show_interrupts): chip, hardware line (with
 * "-edge" and the like where the flow handler has a name), Edge or Level where the kernel is built to show it, handlers.
 */
const interruptTail = /^(\S.*?)\s+(\d+(?:-\S+)?)(?:\s+(Edge|Level))?(?:\s+(.*))?$/;

/** Controllers that print no hardware line: "XT-PIC      timer". */
const chipOnly = /^(\S+)()()\s{2,}(.*)$/;

export function readInterrupts(text: string): { lines: IrqLineFact[]; counters: Counter[] } {
	const lines: IrqLineFact[] = [];
	const counters: Counter[] = [];
	for (const { label, cpus, counts, rest } of perCpuRows(text)) {
		const numbered = /^\d+$/.test(label);
		const tail = numbered ? (interruptTail.exec(rest) ?? chipOnly.exec(rest)) : null;
		const handlers = tail ? (tail[4] ?? "").trim() : rest;
		if (numbered) {
			const chip = tail
				? [tail[1].replace(/\s+/g, " "), tail[2], tail[3]].filter(Boolean).join(" ")
				: undefined;
			lines.push({ irq: Number(label), name: handlers, chip });
		} else lines.push({ irq: null, name: rest === "" ? label : `${label}: ${rest}` });
		// POWER has two lines LOC: only the description tells them apart. ERR and MIS of x86 have one number, no CPU.
		for (const [i, value] of counts.entries())
			counters.push({
				object: counts.length === cpus.length ? `${label}/cpu${cpus[i]}` : label,
				name: handlers === "" ? label : handlers,
				value,
			});
	}
	return { lines, counters };
}

/** LinuxKI's table of /proc/irq: line, NUMA node, CPUs as list and mask, handlers; "-" for a line without one. */
export const irqListHeading = /^\s+IRQ\s+node\s+cpu_list\s+affinity_mask\s+name\s*$/;

export function readIrqList(text: string): IrqLineFact[] {
	const lines: IrqLineFact[] = [];
	for (const line of text.split("\n")) {
		const row = /^\s+(\d{1,9})\s+-?\d+\s+[\d,-]+\s+[\da-f,]+\s+(\S.*?)\s*$/.exec(line);
		if (row && row[2] !== "-") lines.push({ irq: Number(row[1]), name: row[2] });
	}
	return lines;
}

export function readSoftirqs(text: string): Counter[] {
	const counters: Counter[] = [];
	for (const { label, cpus, counts } of perCpuRows(text))
		for (const [i, value] of counts.entries())
			counters.push({ object: `${label}/cpu${cpus[i]}`, name: "handled", value });
	return counters;
}

/** Fields behind the name in /proc/diskstats, in words of Documentation/admin-guide/iostats.rst. Old kernels have fewer. */
const diskFields = [
	"reads",
	"reads_merged",
	"sectors_read",
	"read_ms",
	"writes",
	"writes_merged",
	"sectors_written",
	"write_ms",
	"in_flight",
	"io_ms",
	"weighted_io_ms",
	"discards",
	"discards_merged",
	"sectors_discarded",
	"discard_ms",
	"flushes",
	"flush_ms",
];

export const diskstatsLine = /^\s*(\d+)\s+(\d+)\s+(\S+)((?:\s+\d+){11,})\s*$/;

export interface DiskRow {
	major: number;
	minor: number;
	name: string;
	counters: Counter[];
}

export function readDiskstats(text: string): DiskRow[] {
	const rows: DiskRow[] = [];
	for (const line of text.split("\n")) {
		const match = diskstatsLine.exec(line);
		if (!match) continue;
		const values = match[4].trim().split(/\s+/).slice(0, diskFields.length);
		rows.push({
			major: Number(match[1]),
			minor: Number(match[2]),
			name: match[3],
			counters: values.map((v, i) => ({ object: match[3], name: diskFields[i], value: BigInt(v) })),
		});
	}
	return rows;
}

/** Lines `name number`; others are skipped. */
export function readNameValues(text: string, object: string): Counter[] {
	const counters: Counter[] = [];
	for (const line of text.split("\n")) {
		const match = /^(\S+) (\d+)\s*$/.exec(line);
		if (match) counters.push({ object, name: match[1], value: BigInt(match[2]) });
	}
	return counters;
}

/** `[cpu.stat]`: the heading under which a recorder wrote a file of a cgroup. */
export const cgroupHeading = /^\[((?:cpu|memory|io|pids|cpuset|hugetlb|rdma|misc|cgroup)\.[a-z0-9._]+)\]\s*$/;

/**
 * Files of one cgroup, each under its heading. Understood are the forms of Documentation/admin-guide/cgroup-v2.rst:
 * flat keyed (`nr_throttled 44`), nested keyed (`253:0 rbytes=1 wbytes=2`, `some avg10=0.00 total=146`), a single value,
 * and cpu.max (quota and period). "max" and fractions are no counters.
 *
 * @param prefix path of the cgroup, or "" where the file does not tell
 */
export function readCgroup(text: string, prefix: string): Counter[] {
	const counters: Counter[] = [];
	let file = "";
	for (const line of text.split("\n")) {
		const heading = cgroupHeading.exec(line);
		if (heading) {
			file = heading[1];
			continue;
		}
		const words = line.trim().split(/\s+/);
		const object = [prefix, file].filter((part) => part !== "").join("/");
		const push = (name: string, value: string) => {
			if (/^\d+$/.test(value)) counters.push({ object, name, value: BigInt(value) });
		};
		if (words.length >= 2 && words.slice(1).every((w) => w.includes("=")))
			for (const word of words.slice(1)) {
				const [key, value] = word.split("=", 2);
				push(`${words[0]} ${key}`, value);
			}
		else if (file === "cpu.max" && words.length === 2) {
			push("quota_usec", words[0]);
			push("period_usec", words[1]);
		} else if (words.length === 2) push(words[0], words[1]);
		else if (words.length === 1 && words[0] !== "") push("value", words[0]);
	}
	return counters;
}

/** JSON lines `{"cgroup": "/a", "usage_usec": 1, ...}`: one cgroup a line, its counters as numbers. */
export function readCgroupJson(text: string): Counter[] {
	const counters: Counter[] = [];
	for (const row of jsonObjects(text)) {
		if (typeof row.cgroup !== "string") continue;
		for (const [name, value] of Object.entries(row))
			if (name !== "id" && typeof value === "number" && Number.isSafeInteger(value))
				counters.push({ object: row.cgroup, name, value: BigInt(value) });
	}
	return counters;
}
