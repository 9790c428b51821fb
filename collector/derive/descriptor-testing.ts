/** Made-up system calls for the tests of descriptors. */
import { file as fileTable, socket as socketTable } from "../../lib/schema/identity.ts";
import { Cgroups } from "../identity/cgroups.ts";
import { Files } from "../identity/files.ts";
import { type SocketPair, Sockets } from "../identity/sockets.ts";
import type { OpenFileFact, WorkingDirectoryFact } from "../side/index.ts";
import { Descriptors } from "./descriptors.ts";
import { Syscalls } from "./syscall.ts";
import { DeriveTest, type TestRow, type TestValue } from "./testing.ts";
import { ThreadIdentity } from "./thread-identity.ts";

/** x86_64 */
export const nr = {
	read: 0,
	write: 1,
	close: 3,
	mmap: 9,
	pread64: 17,
	dup: 32,
	dup2: 33,
	sendfile: 40,
	socket: 41,
	connect: 42,
	accept: 43,
	sendto: 44,
	recvfrom: 45,
	sendmsg: 46,
	socketpair: 53,
	clone: 56,
	vfork: 58,
	execve: 59,
	fcntl: 72,
	chdir: 80,
	openat: 257,
	dup3: 292,
	sendmmsg: 307,
	io_uring_enter: 426,
	close_range: 436,
	clone3: 435,
} as const;

export const AT_FDCWD = -100;
export const O_CLOEXEC = 0o2000000;
export const RDONLY = 0;

export type Call = keyof typeof nr;
type Args = readonly (number | bigint)[];

/** Calls of threads; tid 10 and 11 are of process 10 unless told otherwise. */
export class Machine {
	readonly t: DeriveTest;
	readonly #files: Files;
	readonly #sockets: Sockets;
	readonly #openFiles: OpenFileFact[] = [];
	readonly #directories: WorkingDirectoryFact[] = [];
	readonly #pairs: (SocketPair | undefined)[] = [];
	readonly #lostSince = new Map<number, number>();
	#now = 100;

	constructor() {
		this.t = new DeriveTest({ arch: "x86_64" });
		this.#files = new Files(this.t.strings);
		this.#sockets = new Sockets(this.t.strings);
		this.process(10, 10).process(11, 10);
	}

	process(tid: number, tgid: number): this {
		this.t.threads.knownProcess(tid, tgid, "start");
		return this;
	}

	/** lsof */
	seen(fact: Partial<OpenFileFact> & { fd: number }): this {
		this.#openFiles.push({ tgid: 10, type: "REG", when: "after", ...fact });
		return this;
	}

	directory(path: string, when: "before" | "after" = "after", tgid = 10): this {
		this.#directories.push({ tgid, path, when });
		return this;
	}

	enter(tid: number, name: Call, args: Args, path?: string): this {
		const fields: Record<string, TestValue> = { id: nr[name], args: [...args, 0, 0, 0, 0, 0, 0].slice(0, 6) };
		this.t.event(this.#tick(), tid, tid, "sys_enter", path === undefined ? fields : { ...fields, path });
		return this;
	}

	exit(tid: number, name: Call, ret: number, addresses?: SocketPair): this {
		this.#pairs[this.#now + 10] = addresses;
		this.t.event(this.#tick(), tid, tid, "sys_exit", { id: nr[name], ret });
		return this;
	}

	call(
		tid: number,
		name: Call,
		args: Args,
		ret: number,
		more: { path?: string; addresses?: SocketPair } = {},
	) {
		return this.enter(tid, name, args, more.path).exit(tid, name, ret, more.addresses);
	}

	/** With the path recorded, as LinuxKI does. */
	open(tid: number, path: string, fd: number, flags = RDONLY, directory = AT_FDCWD): this {
		return this.call(tid, "openat", [directory, 0, flags], fd, { path });
	}

	/** Without, as ftrace and perf do. */
	openUnnamed(tid: number, fd: number): this {
		return this.call(tid, "openat", [AT_FDCWD, 0, RDONLY], fd);
	}

	read(tid: number, fd: number, ret = 1): this {
		return this.call(tid, "read", [fd, 0, 64], ret);
	}

	newtask(creator: number, child: number, flags: number): this {
		this.t.event(this.#tick(), creator, creator, "task_newtask", {
			pid: child,
			comm: "x",
			clone_flags: flags,
		});
		return this;
	}

	event(tid: number, name: string, fields: Record<string, TestValue>): this {
		this.t.event(this.#tick(), tid, tid, name, fields);
		return this;
	}

	lost(): this {
		this.t.lost(10, this.#now + 1, this.#now + 5);
		return this;
	}

	/** The CPU of a thread loses events from now on, until `found`. */
	losing(tid: number): this {
		this.#lostSince.set(tid, this.#now);
		this.t.losing(tid);
		return this;
	}

	found(tid: number): this {
		this.t.lost(tid, this.#lostSince.get(tid)!, this.#now + 5);
		return this;
	}

	/** Time of the last event. */
	get now(): number {
		return this.#now;
	}

	#tick(): number {
		this.#now += 10;
		return this.#now;
	}

	run(): this {
		const identities = {
			cgroups: new Cgroups(this.t.strings),
			files: this.#files,
			sockets: this.#sockets,
			openFiles: this.#openFiles,
			workingDirectories: this.#directories,
		};
		this.t.run((context) => {
			const descriptors = new Descriptors(context, identities);
			const syscalls = new Syscalls(context, null, [descriptors]);
			// what a reader does before it hands a record over
			const exits = syscalls.events.sys_exit!;
			const on: typeof exits.on = (ts, cpu, utid, flags, ...fields) => {
				const pair = this.#pairs[ts];
				if (pair) descriptors.socket(cpu, this.#sockets.recorded(pair));
				exits.on(ts, cpu, utid, flags, ...fields);
			};
			const reader = {
				events: { ...syscalls.events, sys_exit: { fields: exits.fields, on } },
				cpuStart: syscalls.cpuStart.bind(syscalls),
				lost: syscalls.lost.bind(syscalls),
				finish: syscalls.finish.bind(syscalls),
			};
			return [new ThreadIdentity(context), reader, descriptors];
		});
		this.#files.write(this.t.table(fileTable));
		this.#sockets.write(this.t.table(socketTable));
		return this;
	}

	/** Rows of a call, with the path of their file. */
	files(...syscalls: Call[]): (Record<string, unknown> & { file: TestRow | null })[] {
		const files = this.t.rows("file");
		return this.t
			.rows("file_io")
			.filter((r) => syscalls.includes(r.syscall as Call))
			.map((r) => ({ ...r, file: r.file_id === null ? null : files[Number(r.file_id)]! }));
	}

	/** Paths that the rows of a call name; null: none. */
	paths(...syscalls: Call[]): unknown[] {
		return this.files(...syscalls).map((r) => r.file?.path ?? null);
	}

	sockets(...syscalls: Call[]): (Record<string, unknown> & { socket: TestRow | null })[] {
		const sockets = this.t.rows("socket");
		return this.t
			.rows("socket_io")
			.filter((r) => syscalls.includes(r.syscall as Call))
			.map((r) => ({ ...r, socket: r.socket_id === null ? null : sockets[Number(r.socket_id)]! }));
	}
}
