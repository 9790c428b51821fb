/** Recordings of LinuxKI's ftrace mode of known content, for unit tests, and what one reads as. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Batch } from "../../../lib/schema/batch.ts";
import { readSideFiles } from "../../side/index.ts";
import { values, Writer } from "../perf/testing.ts";
import type { ReadOptions, Sink, TraceSummary } from "../source.ts";
import { readFtrace } from "./ftrace.ts";
import { linuxkiDirectory, type Recording, recordingsOf } from "./recording.ts";

export const TAG = "1127_0536";

/** Types of records of the machine that the tests record. */
export const types = {
	print: 5,
	call: 41,
	sched_switch: 314,
	sys_enter: 20,
	sys_exit: 21,
	cut: 400,
} as const;
const LONG_NAME = "mm_filemap_delete_from_page_cache";

const common = `format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;
`;

export const formats: Readonly<Record<string, string>> = {
	sys_enter: `name: sys_enter\nID: ${types.sys_enter}\n${common}
	field:long id;	offset:8;	size:8;	signed:1;
	field:unsigned long args[6];	offset:16;	size:48;	signed:0;

print fmt: "NR %ld", REC->id\n`,
	sys_exit: `name: sys_exit\nID: ${types.sys_exit}\n${common}
	field:long id;	offset:8;	size:8;	signed:1;
	field:long ret;	offset:16;	size:8;	signed:1;

print fmt: "NR %ld = %ld", REC->id, REC->ret\n`,
	[LONG_NAME]: `name: ${LONG_NAME}\nID: ${types.cut}\n${common}
	field:unsigned long index;	offset:8;	size:8;	signed:0;

print fmt: "%lu", REC->index\n`,
	cpu_frequency: "",
};

/** A table of ids as kiinfo writes it. */
export function idTable(events: readonly (readonly [id: number, system: string, event: string])[]): Buffer {
	const table = Buffer.alloc(3000 * 104);
	for (const [id, system, event] of events) {
		table.writeInt32LE(id, id * 104 + 4);
		table.write(system.slice(0, 15), id * 104 + 12, "latin1");
		table.write(event.slice(0, 31), id * 104 + 28, "latin1");
	}
	return table;
}

const ids = idTable([
	[types.print, "ftrace", "print"],
	[types.sys_enter, "raw_syscalls", "sys_enter"],
	[types.sys_exit, "raw_syscalls", "sys_exit"],
	[types.call, "irq_vectors", "call_function_entry"],
	[types.sched_switch, "sched", "sched_switch"],
	[types.cut, "filemap", LONG_NAME],
]);

/** A record's payload. */
export const payload = (type: number, pid: number, body: Uint8Array = new Uint8Array(0)): Buffer =>
	Buffer.concat([new Writer().int(type, 2).int(0, 1).int(0, 1).int(pid, 4).done(), body]);

/** A record `delta` ns after the one before, with its length in the first word or (`long`) in one of its own. */
export function event(delta: number, body: Uint8Array, long = false): Buffer {
	const w = new Writer();
	if (long) w.u32((delta << 5) >>> 0, body.length + 4);
	else w.u32(((delta << 5) | Math.ceil(body.length / 4)) >>> 0);
	return w.raw(body).align(4).done();
}

/** A time extend of `delta` ns. */
export const extend = (delta: number): Buffer =>
	new Writer().u32((((delta % 2 ** 27) << 5) | 30) >>> 0, Math.floor(delta / 2 ** 27)).done();

/** An absolute time stamp. */
export const stamp = (time: bigint): Buffer =>
	new Writer()
		.u32(((Number(time & 0x7ff_ffffn) << 5) | 31) >>> 0)
		.int(time >> 27n, 4)
		.done();

export const sysEnter = (delta: number, pid: number, id: number): Buffer =>
	event(delta, payload(types.sys_enter, pid, new Writer().u64(id, 1, 2, 3, 4, 5, 6).done()));

export const sysExit = (delta: number, pid: number, id: number, ret: number): Buffer =>
	event(delta, payload(types.sys_exit, pid, new Writer().u64(id, ret).done()));

export const print = (delta: number, text: string): Buffer =>
	event(delta, payload(types.print, 7, new Writer().u64(0x1234).raw(`${text}\n\0`).done()));

export const marker = (delta: number, which: "BEGIN" | "END", tag = TAG): Buffer =>
	print(delta, `kitrace_marker_${which}_${tag}`);

export function piece(time: bigint, ...records: readonly Buffer[]): Buffer {
	const body = Buffer.concat(records);
	return new Writer().u64(time).u32(body.length, 0).raw(body).done();
}

export interface Archive {
	/** Pieces by CPU. */
	readonly cpus: readonly (readonly Buffer[])[];
	/** Text of other members by kind; null leaves out one that is there else. */
	readonly members?: Readonly<Record<string, string | Buffer | null>>;
}

/** Writes the members to a folder of their own. */
export function archive({ cpus, members = {} }: Archive): { recording: Recording; remove(): void } {
	const folder = mkdtempSync(join(tmpdir(), "powerki-ftrace-"));
	const all: Record<string, string | Buffer | null> = {
		ids,
		"uname-a": "Linux kipow 6.12.95 #1 SMP Debian 6.12.95-1 (2026-07-05) ppc64le GNU/Linux\n",
		"getconf-a": "LINK_MAX                           127\nPAGESIZE                           4096\n",
		...Object.fromEntries(Object.entries(formats).map(([name, text]) => [`${name}.fmt`, text])),
		...members,
	};
	for (const [kind, content] of Object.entries(all))
		if (content !== null) writeFileSync(join(folder, `${kind}.${TAG}`), content);
	for (const [cpu, pieces] of cpus.entries())
		writeFileSync(join(folder, `ki.bin.${String(cpu).padStart(3, "0")}.${TAG}`), Buffer.concat([...pieces]));
	return {
		recording: recordingsOf(linuxkiDirectory(folder)!)[0]!,
		remove: () => rmSync(folder, { recursive: true }),
	};
}

export interface ReadBack {
	readonly rows: (table: string) => readonly Readonly<Record<string, unknown>>[];
	readonly summary: TraceSummary;
}

export async function readBack(recording: Recording, options: ReadOptions = {}): Promise<ReadBack> {
	const tables = new Map<string, Readonly<Record<string, unknown>>[]>();
	let summary: TraceSummary | null = null;
	const sink: Sink = {
		begin() {},
		batch(b: Batch) {
			const columns = b.columns.map((c) => [c.name, values(c, b.rows)] as const);
			const rows = tables.get(b.table) ?? [];
			tables.set(b.table, rows);
			for (let i = 0; i < b.rows; i++) rows.push(Object.fromEntries(columns.map(([n, v]) => [n, v[i]])));
		},
		rows() {},
		end: (s) => {
			summary = s;
		},
		progress() {},
	};
	const side = await readSideFiles(recording.files[0]!.path, []);
	for await (const _ of readFtrace(recording, side, options, sink));
	return { rows: (table) => tables.get(table) ?? [], summary: summary! };
}
