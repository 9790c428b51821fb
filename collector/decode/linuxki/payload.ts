/**
 * What the module copies of the arguments of system calls, behind sys_enter and sys_exit: paths, control blocks, sets of
 * descriptors, addresses. It knows the calls by their number on the traced machine; of 32-bit tasks it copies nothing.
 * Nothing here is kept for a later call: addresses are those of the call that they came with.
 */
import { syscallTable } from "../../derive/syscall-tables/index.ts";
import type { Pipeline } from "../../pipeline.ts";
import type { RecordMemory } from "../tracepoint/memory.ts";
import { IoBlocks } from "./iocb.ts";
import { type PollCall, PollSets } from "./poll-set.ts";
import { TEXT_AT } from "./shape.ts";
import type { Layout } from "./shapes.ts";
import { SocketPairs } from "./sockaddr.ts";
import { signed64 } from "./words.ts";

const paths = [
	"open",
	"creat",
	"access",
	"stat",
	"lstat",
	"statfs",
	"unlink",
	"execve",
	"openat",
	"unlinkat",
] as const;
const polls: readonly PollCall[] = ["poll", "ppoll", "select", "pselect6"];

/** sendfile is none of them: the addresses that come with it are those of its second descriptor, the file it reads. */
const sockets = [
	"recvfrom",
	"sendto",
	"recv",
	"send",
	"recvmsg",
	"sendmsg",
	"read",
	"write",
	"pread64",
	"pwrite64",
	"readv",
	"writev",
] as const;
/** Their addresses follow a u64 of bytes. */
const socketsOfMany = ["recvmmsg", "sendmmsg"] as const;
const BYTES_OF_MANY = 8;

/** Longest path with its NUL that is copied. */
const PATH_BYTES = 1024;

export interface PayloadOptions {
	readonly memory: RecordMemory;
	readonly pipeline: Pipeline;
	/** Machine as uname -m says it; without its table of system calls nothing is known of a payload. */
	readonly arch: string;
	readonly layout: Layout;
}

/** Payload at `at`, of the record at `p`, whose bytes end at `end`. */
type Reader = (at: number, end: number, p: number, ts: number, cpu: number, utid: number) => void;

export class Payloads {
	readonly #memory: RecordMemory;
	readonly #layout: Layout;
	/** By number of the call; null = nothing is copied of it. */
	readonly #enters: readonly (Reader | null)[];
	readonly #exits: readonly (Reader | null)[];
	readonly #sets: PollSets;

	constructor({ memory, pipeline, arch, layout }: PayloadOptions) {
		this.#memory = memory;
		this.#layout = layout;
		const blocks = new IoBlocks(pipeline, memory);
		const sets = new PollSets(pipeline, memory);
		this.#sets = sets;
		const pairs = new SocketPairs(pipeline.sockets, memory);
		const address: Reader = (at, end, _p, _ts, cpu) => {
			const id = pairs.at(at, end);
			if (id >= 0) pipeline.callSocket(cpu, id);
		};
		const enters: Record<string, Reader> = {
			io_submit: (at, end, p, ts, cpu, utid) =>
				blocks.submitted(at, end, this.#argument(p, 1), ts, cpu, utid),
		};
		const exits: Record<string, Reader> = {
			io_getevents: (at, end, p, ts, cpu, utid) => blocks.completed(at, end, this.#ret(p), ts, cpu, utid),
		};
		for (const call of paths) enters[call] = (at, end, p) => this.#path(at, end, p);
		for (const call of polls) {
			const count = call === "poll" || call === "ppoll" ? 1 : 0;
			enters[call] = (at, end, p, ts, cpu, utid) =>
				sets.asked(call, this.#argument(p, count), at, end, ts, cpu, utid);
			exits[call] = (at, end, p, ts, cpu, utid) => sets.answered(call, this.#ret(p), at, end, ts, cpu, utid);
		}
		for (const call of sockets) exits[call] = address;
		for (const call of socketsOfMany)
			exits[call] = (at, end, p, ts, cpu, utid) => address(at + BYTES_OF_MANY, end, p, ts, cpu, utid);
		this.#enters = byNumber(arch, enters);
		this.#exits = byNumber(arch, exits);
	}

	/** The sys_enter at `p`, of call `nr`, before its record goes to the pipeline: sets the place of its path. */
	enter(p: number, end: number, nr: number, ts: number, cpu: number, utid: number): void {
		const { view, littleEndian } = this.#memory;
		view.setUint32(p + TEXT_AT, 0);
		this.#sets.forget(utid);
		const reader = nr >= 0 && nr < this.#enters.length ? this.#enters[nr]! : null;
		if (reader === null || this.#is32bit(p)) return;
		const { enter, argsAt } = this.#layout.calls;
		let at = p;
		if ("at" in enter) at += enter.at;
		else {
			const offset = view.getUint32(p + enter.offsetAt, littleEndian);
			if (offset < argsAt + 48 || offset > end - p) return;
			at += offset;
		}
		if (at <= end) reader(at, end, p, ts, cpu, utid);
	}

	/** The sys_exit at `p`, of call `nr`, before its record goes to the pipeline. */
	exit(p: number, end: number, nr: number, ts: number, cpu: number, utid: number): void {
		const reader = nr >= 0 && nr < this.#exits.length ? this.#exits[nr]! : null;
		if (reader === null || this.#is32bit(p)) return;
		const at = p + this.#layout.calls.exitAt;
		if (at <= end) reader(at, end, p, ts, cpu, utid);
	}

	#is32bit(p: number): boolean {
		const { is32bitAt } = this.#layout.calls;
		return is32bitAt !== null && this.#memory.view.getInt32(p + is32bitAt, this.#memory.littleEndian) !== 0;
	}

	/** An argument of type int (or an unsigned one that no caller makes larger). */
	#argument(p: number, index: number): number {
		const { view, littleEndian } = this.#memory;
		return view.getInt32(p + this.#layout.calls.argsAt + 8 * index + (littleEndian ? 0 : 4), littleEndian);
	}

	#ret(p: number): number {
		return signed64(this.#memory.view, p + this.#layout.calls.retAt, this.#memory.littleEndian);
	}

	#path(at: number, end: number, p: number): void {
		const { u8, view, littleEndian } = this.#memory;
		const length = u8.subarray(at, Math.min(end, at + PATH_BYTES)).indexOf(0);
		if (length > 0) view.setUint32(p + TEXT_AT, (length << 16) | (at - p), littleEndian);
	}
}

function byNumber(arch: string, readers: Readonly<Record<string, Reader>>): (Reader | null)[] {
	const names = syscallTable(arch) ?? {};
	const count = 1 + Math.max(-1, ...Object.keys(names).map(Number));
	return Array.from({ length: count }, (_, number) => {
		const name = names[number];
		return name !== undefined && Object.hasOwn(readers, name) ? readers[name]! : null;
	});
}
