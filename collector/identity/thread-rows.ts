/** The identity tables that come from threads: thread, process, thread_name. */
import type { Row, Table } from "../../lib/schema/column.ts";
import {
	process as processTable,
	threadName as threadNameTable,
	thread as threadTable,
} from "../../lib/schema/identity.ts";
import type { StringPool, TableWriter } from "../derive/derivation.ts";
import type { Threads } from "./threads.ts";

interface Process {
	readonly tgid: number;
	leader: number;
	members: number[];
}

/** Writes the rows of all threads, after the last event and `threads.settle()`. Threads and processes in order of first sight, names in order of time. */
export function writeThreads(
	threads: Threads,
	strings: StringPool,
	tables: <T extends Table>(table: T) => TableWriter<T>,
): void {
	writeThreadTable(threads, tables(threadTable));
	writeProcessTable(threads, strings, tables(processTable));
	writeNameTable(threads, strings, tables(threadNameTable));
}

const orNull = (n: number) => (n === -1 ? Number.NaN : n);

function writeThreadTable(threads: Threads, out: TableWriter<typeof threadTable>): void {
	for (let utid = 0; utid < threads.count; utid++) {
		out.append({
			utid,
			tid: threads.tidOf(utid),
			tgid: orNull(threads.tgidOf(utid)),
			name: threads.nameOf(utid),
			first_ts: threads.firstTsOf(utid),
			last_ts: threads.lastTs[utid],
			start_known: threads.startKnown(utid) ? 1 : 0,
			end_known: threads.endKnown(utid) ? 1 : 0,
			parent_utid: orNull(threads.parentOf(utid)),
			clone_flags_lo: threads.cloneLoOf(utid),
			clone_flags_hi: threads.cloneHiOf(utid),
			kernel_thread: orNull(threads.kernelOf(utid)),
		});
	}
}

/**
 * Threads by process. A thread that cloned into the process of its creator is in that one; a main thread whose start
 * was recorded founds a process; any other joins the latest process of its tgid.
 */
function processes(threads: Threads): Process[] {
	const all: Process[] = [];
	const latest = new Map<number, Process>();
	const of: (Process | undefined)[] = [];
	for (let utid = 1; utid < threads.count; utid++) {
		const tgid = threads.tgidOf(utid);
		if (tgid === -1) continue;
		const joined = threads.joinedProcess(utid);
		const main = threads.tidOf(utid) === tgid && !joined;
		let process = joined ? of[threads.parentOf(utid)] : undefined;
		if (process?.tgid !== tgid) process = latest.get(tgid);
		if (!process || (main && (threads.startKnown(utid) || process.leader !== -1))) {
			process = { tgid, leader: -1, members: [] };
			all.push(process);
			latest.set(tgid, process);
		}
		if (main) process.leader = utid;
		process.members.push(utid);
		of[utid] = process;
	}
	return all;
}

function writeProcessTable(
	threads: Threads,
	strings: StringPool,
	out: TableWriter<typeof processTable>,
): void {
	for (const { tgid, leader, members } of processes(threads)) {
		const main = leader === -1 ? members[0] : leader;
		const named = threads.nameOf(main) !== -1 ? main : members.find((m) => threads.nameOf(m) !== -1);
		const parent = threads.parentOf(main);
		const parentTgid =
			leader !== -1 && parent !== -1 ? threads.tgidOf(parent) : (threads.sideParentOf(main) ?? -1);
		const command = threads.commandOf(main);
		out.append({
			tgid,
			leader_utid: orNull(leader),
			name: named === undefined ? -1 : threads.nameOf(named),
			parent_tgid: orNull(parentTgid),
			command: command === undefined ? -1 : strings.code(command),
			threads: members.length,
			kernel_thread: orNull(threads.kernelOf(main)),
		});
	}
}

function writeNameTable(
	threads: Threads,
	strings: StringPool,
	out: TableWriter<typeof threadNameTable>,
): void {
	// names from when a thread was first seen (ts NULL) come first; arrival is in order of time already
	const order = [...threads.names].sort((a, b) => rank(a.ts) - rank(b.ts) || a.utid - b.utid);
	for (const { ts, utid, code, source } of order) {
		out.append({ ts, utid, name: code, source: strings.code(source) } satisfies Row<typeof threadNameTable>);
	}
}

const rank = (ts: number) => (Number.isNaN(ts) ? Number.NEGATIVE_INFINITY : ts);
