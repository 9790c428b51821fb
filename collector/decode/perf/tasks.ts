/**
 * What perf.data tells about threads and their memory: COMM, FORK, EXIT, MMAP, MMAP2, and the same records without a time,
 * which describe what was there when the recording began.
 */

import type { StringPool } from "../../derive/derivation.ts";
import type { AddressSpaces } from "../../identity/address-space.ts";
import type { LoadedModule } from "../../identity/kallsyms.ts";
import type { Threads } from "../../identity/threads.ts";
import { buildIdText } from "./features.ts";
import { misc as miscBit, recordType, typeTable } from "./record-types.ts";

/** PROT_EXEC. */
const EXECUTABLE = 4;
/** kthreadd, the parent of kernel threads. */
const KTHREADD = 2;
/** Process id of the kernel's own mappings. */
const KERNEL_PID = -1;
/** "…/fs/netfs/netfs.ko.xz", or "[netfs]" where perf knows no file. */
const MODULE_FILE = /(?:^\[|\/)([\w-]+)(?:\]$|\.ko(?:\.\w+)?$)/;
/** More modules than any machine loads. */
const MAX_MODULES = 4096;

/** A thread as known before the first event. */
interface Known {
	tgid: number;
	name: string | null;
	parentTgid: number | null;
}

/** Bytes of a record, at `p`. */
export interface RecordBytes {
	readonly view: DataView;
	readonly bytes: Uint8Array;
}

export class Tasks {
	/** Kernel modules and where they lie, as perf found them. */
	readonly modules: LoadedModule[] = [];
	readonly #known = new Map<number, Known>();
	/** Processes that have mapped something: they are no kernel threads. */
	readonly #mapped = new Set<number>();
	/** Threads of each process, as far as known. */
	readonly #living = new Map<number, number>();
	readonly #decoder = new TextDecoder("utf-8");

	constructor(
		readonly threads: Threads,
		readonly strings: StringPool,
		readonly spaces: AddressSpaces,
		readonly buildIds: ReadonlyMap<string, string>,
		readonly littleEndian: boolean,
	) {}

	/** A record from before the first event. Other types than those of tasks are left alone. */
	before(type: number, misc: number, { view, bytes }: RecordBytes, p: number, end: number): void {
		const le = this.littleEndian;
		if (end - p < SHORTEST[type]!) return;
		const pid = view.getInt32(p + 8, le);
		switch (type) {
			case recordType.comm: {
				const tid = view.getInt32(p + 12, le);
				const known = this.#entry(tid, pid);
				known.name = this.#text(bytes, p + 16, end);
				if (misc & miscBit.commExec) this.spaces.exec(pid);
				break;
			}
			case recordType.fork: {
				const ppid = view.getInt32(p + 12, le);
				const tid = view.getInt32(p + 16, le);
				const creator = this.#known.get(view.getInt32(p + 20, le)) ?? this.#known.get(ppid);
				const known = this.#entry(tid, pid);
				// perf writes the parent of a process, for a thread its own process
				if (ppid !== pid) {
					known.parentTgid = ppid;
					this.#forked(misc, ppid, pid);
				}
				known.name ??= creator?.name ?? null;
				break;
			}
			case recordType.exit: {
				this.#known.delete(view.getInt32(p + 16, le));
				break;
			}
			case recordType.mmap:
			case recordType.mmap2:
				this.#map(type, misc, view, bytes, p, end);
				break;
		}
	}

	#entry(tid: number, tgid: number): Known {
		let known = this.#known.get(tid);
		if (!known) {
			known = { tgid, name: null, parentTgid: null };
			this.#known.set(tid, known);
		}
		known.tgid = tgid;
		return known;
	}

	/** The first event comes: what is known of threads goes to their table. */
	begin(): void {
		for (const [tid, { tgid, name, parentTgid }] of this.#known) {
			if (tid <= 0) continue;
			this.#living.set(tgid, (this.#living.get(tgid) ?? 0) + 1);
			if (name !== null) this.threads.known(tid, this.strings.code(name), "comm");
			this.threads.knownProcess(tid, tgid, "start");
			const kernel =
				parentTgid === KTHREADD || tgid === KTHREADD ? true : this.#mapped.has(tgid) ? false : undefined;
			this.threads.knownDetails(tid, {
				...(kernel === undefined ? {} : { kernel }),
				...(parentTgid === null || tid !== tgid ? {} : { parentTgid }),
			});
		}
		this.#known.clear();
	}

	/** A record from between the first and the last event. */
	at(type: number, misc: number, { view, bytes }: RecordBytes, p: number, end: number, ts: number): void {
		const le = this.littleEndian;
		if (end - p < SHORTEST[type]!) return;
		const { threads } = this;
		const pid = view.getInt32(p + 8, le);
		switch (type) {
			case recordType.comm: {
				const tid = view.getInt32(p + 12, le);
				const exec = (misc & miscBit.commExec) !== 0;
				if (exec) this.spaces.exec(pid);
				if (tid === 0) break;
				const utid = exec ? threads.exec(tid, tid, ts) : threads.at(tid, ts);
				if (!exec) threads.inProcess(utid, pid);
				threads.named(utid, this.strings.code(this.#text(bytes, p + 16, end)), ts, exec ? "exec" : "comm");
				break;
			}
			case recordType.fork: {
				const ppid = view.getInt32(p + 12, le);
				const tid = view.getInt32(p + 16, le);
				const ptid = view.getInt32(p + 20, le);
				if (tid <= 0) break;
				const parent = ptid > 0 ? threads.at(ptid, ts) : 0;
				if (ptid > 0) threads.inProcess(parent, ppid);
				const utid = threads.fork(parent, tid, threads.nameOf(parent), 0, Number.NaN, ts, true);
				threads.inProcess(utid, pid);
				if (ppid !== pid) {
					this.#living.set(pid, 1);
					this.#forked(misc, ppid, pid);
				} else this.#living.set(pid, (this.#living.get(pid) ?? 1) + 1);
				break;
			}
			case recordType.exit: {
				const tid = view.getInt32(p + 16, le);
				if (tid <= 0) break;
				const utid = threads.at(tid, ts);
				threads.inProcess(utid, pid);
				threads.exit(utid);
				this.#exited(pid);
				break;
			}
			case recordType.mmap:
			case recordType.mmap2:
				this.#map(type, misc, view, bytes, p, end);
				break;
		}
	}

	/** A process of its own: a copy of its parent's memory, but for one that ran when the recording began. */
	#forked(misc: number, ppid: number, pid: number): void {
		if (misc & miscBit.forkExec) this.spaces.exec(pid);
		else this.spaces.fork(ppid, pid);
	}

	/** With its last thread a process loses its memory (exit_mm comes before perf's record in do_exit, kernel/exit.c). */
	#exited(pid: number): void {
		const left = (this.#living.get(pid) ?? 1) - 1;
		if (left > 0) this.#living.set(pid, left);
		else {
			this.#living.delete(pid);
			this.spaces.exit(pid);
		}
	}

	#map(type: number, misc: number, view: DataView, bytes: Uint8Array, p: number, end: number): void {
		const le = this.littleEndian;
		const pid = view.getInt32(p + 8, le);
		const two = type === recordType.mmap2;
		const name = this.#text(bytes, p + (two ? 72 : 40), end);
		if (pid === KERNEL_PID || (misc & miscBit.cpuMode) === miscBit.kernel) {
			const module = MODULE_FILE.exec(name)?.[1];
			if (module !== undefined && this.modules.length < MAX_MODULES)
				this.modules.push({
					name: module.replaceAll("-", "_"),
					bytes: Number(view.getBigUint64(p + 24, le)),
					lo: view.getUint32(le ? p + 16 : p + 20, le),
					hi: view.getUint32(le ? p + 20 : p + 16, le),
				});
			return;
		}
		let buildId: string | null = null;
		if (two && (misc & miscBit.mmapBuildId) !== 0) {
			const length = Math.min(20, bytes[p + 40]!);
			buildId = length > 0 ? buildIdText(bytes.subarray(p + 44, p + 44 + length), length) : null;
		}
		this.#mapped.add(pid);
		this.spaces.map(pid, {
			start: view.getBigUint64(p + 16, le),
			length: view.getBigUint64(p + 24, le),
			fileOffset: view.getBigUint64(p + 32, le),
			name,
			buildId: buildId ?? this.buildIds.get(name) ?? null,
			executable: two ? (view.getUint32(p + 64, le) & EXECUTABLE) !== 0 : (misc & miscBit.mmapData) === 0,
		});
	}

	/** Text up to a NUL; bytes that are no UTF-8 stay visible. */
	#text(bytes: Uint8Array, from: number, end: number): string {
		let to = from;
		while (to < end && bytes[to] !== 0) to++;
		const own = bytes.subarray(from, to);
		const text = this.#decoder.decode(own);
		return text.includes("\ufffd") ? escaped(own) : text;
	}
}

/** Bytes beyond ASCII as \xNN. */
function escaped(bytes: Uint8Array): string {
	return Array.from(bytes, (b) =>
		b < 0x80 ? String.fromCharCode(b) : `\\x${b.toString(16).padStart(2, "0")}`,
	).join("");
}

/** Bytes up to the variable part, by type. */
const SHORTEST: Readonly<Record<number, number>> = {
	[recordType.comm]: 17,
	[recordType.fork]: 32,
	[recordType.exit]: 32,
	[recordType.mmap]: 41,
	[recordType.mmap2]: 73,
};

/** Types that Tasks knows. */
export const taskTypes = typeTable(Object.keys(SHORTEST).map(Number));
