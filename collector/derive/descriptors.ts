/**
 * The tables `file_io` and `socket_io`: what descriptors of processes mean, call by call.
 *
 * A descriptor is known from the call that opened it, from addresses that were recorded with a call on it, or from a
 * snapshot, until a call of its process replaces it, its process executes another program, or events are lost; then
 * nothing is known of it until another call tells. Calls that overlap a change are about neither what was nor what is.
 */
import type { Row } from "../../lib/schema/column.ts";
import { fileIo, socketIo } from "../../lib/schema/derived.ts";
import { grown } from "../grown.ts";
import { isSocketType } from "../identity/sockets.ts";
import type { Derivation, DeriveContext, Subscription, TableWriter } from "./derivation.ts";
import {
	type Change,
	type CloseOnExec,
	type DescriptorCall,
	descriptorCalls,
	entered,
	type Made,
} from "./descriptor-calls.ts";
import { DescriptorProcesses, type Process } from "./descriptor-processes.ts";
import { DescriptorSnapshots } from "./descriptor-snapshots.ts";
import { Slot } from "./descriptor-tables.ts";
import { errorName } from "./errno.ts";
import type { Identities } from "./index.ts";
import type { CallListener, EndedCall } from "./syscall.ts";
import { syscallTable } from "./syscall-tables/index.ts";

/** include/uapi/linux/fcntl.h */
const AT_FDCWD = -100;
const F_DUPFD = 0;
const F_GETFD = 1;
const F_SETFD = 2;
const F_DUPFD_CLOEXEC = 1030;
const FD_CLOEXEC = 1;
/** include/uapi/linux/close_range.h */
const CLOSE_RANGE_UNSHARE = 2;
const CLOSE_RANGE_CLOEXEC = 4;
/** include/uapi/linux/sched.h */
const CLONE_FILES = 0x400;
/** CLONE_FS, CLONE_NEWNS, CLONE_NEWUSER: unshare gives the caller a working directory of its own (kernel/fork.c, Linux 6.12). */
const OWN_DIRECTORY = 0x200 | 0x2_0000 | 0x1000_0000;
const SEEK_SET = 0;
/** include/uapi/asm-generic/mman-common.h; powerpc has it too */
const MAP_ANONYMOUS = 0x20;

const EBADF = 9;
const EAGAIN = 11;
const EINPROGRESS = 115;
/** Errors that a call on a socket gives only after it has found one (net/socket.c). */
const socketErrors: ReadonlySet<number> = new Set([0, EAGAIN, 32, 104, 106, 107, 111, EINPROGRESS]);
/** Largest error number that a program can see (include/uapi/asm-generic/errno.h). */
const LAST_ERROR = 133;

/** What the enter of a call tells, by its number: 0 nothing, else 1 + the place here. */
const enters = ["first", "second", "range", "flag", "directory", "fork"] as const;
type Enter = (typeof enters)[number];

export class Descriptors implements Derivation, CallListener {
	readonly events: Readonly<Record<string, Subscription>>;

	readonly #context: DeriveContext;
	readonly #identities: Identities;
	readonly #snapshots: DescriptorSnapshots;
	readonly #processes: DescriptorProcesses;
	/** Results of failed calls may be positive error numbers: events of single calls, called by `sc` on POWER. */
	readonly #doubtfulResults: boolean;

	/** By string code of the call's name; undefined = not looked up yet. */
	readonly #calls: (DescriptorCall | null | undefined)[] = [];
	/** By number of the call. */
	readonly #enters = new Uint8Array(1024);
	/** String code of the path that came with the enter of the call that the thread is in, by utid; -1 = none. */
	#paths = new Int32Array(256).fill(-1);
	/** Begin of the call that makes a thread or process, by utid. */
	readonly #forks = new Map<number, number>();
	/** Addresses that belong to the exit that comes next; -1 = none. */
	#recorded = -1;
	/** Events were lost. */
	#lossy = false;
	/** Counts changes of the working directory by threads of which nothing tells the process. */
	#strangeDirectories = 0;
	/** Slot that the call under way made, and the file that it opened; -1 = none. */
	#opened = -1;
	#file = -1;

	readonly #files: TableWriter<typeof fileIo>;
	readonly #sockets: TableWriter<typeof socketIo>;
	readonly #fileRow: Row<typeof fileIo>;
	readonly #socketRow: Row<typeof socketIo>;
	/** String codes made so far, by text: of operations and errors */
	readonly #codes = new Map<string, number>();

	constructor(context: DeriveContext, identities: Identities) {
		this.#context = context;
		this.#identities = identities;
		this.#snapshots = new DescriptorSnapshots(identities.openFiles, identities.workingDirectories);
		this.#processes = new DescriptorProcesses(context, (process) => this.#began(process));
		this.#doubtfulResults =
			context.arch.startsWith("ppc") && context.recorded.size > 0 && !context.recorded.has("sys_exit");
		for (const [nr, name] of Object.entries(syscallTable(context.arch) ?? {}))
			if (Number(nr) < this.#enters.length && Object.hasOwn(entered, name))
				this.#enters[Number(nr)] = 1 + enters.indexOf(entered[name]!);

		const pair = (name: string, argument?: number) =>
			({ name, form: "pair", ...(argument === undefined ? {} : { argument }) }) as const;
		const { recorded } = context;
		const ends = recorded.size === 0 || recorded.has("sys_exit");
		const events: Record<string, Subscription> = {
			sys_enter: {
				fields: [
					{ name: "id", form: "number" },
					{ name: "path", form: "string" },
					pair("args[0]"),
					pair("args[1]"),
				],
				on: (ts, _cpu, utid, _flags, id, path, first, _high, second) => {
					if (this.#lossy) this.#processes.heard(utid, ts);
					if (utid < this.#paths.length) this.#paths[utid] = path!;
					else if (path !== -1) this.#keepPath(utid, path!);
					const enter = id! < this.#enters.length ? this.#enters[id!]! : 0;
					if (ends && enter > 0) this.#entered(ts, utid, enters[enter - 1]!, first!, second!);
				},
			},
			sys_exit: {
				fields: [],
				on: () => {
					this.#recorded = -1;
				},
			},
			task_newtask: {
				fields: [{ name: "pid", form: "number" }, pair("clone_flags")],
				on: (ts, _cpu, utid, _flags, pid, flags) => {
					const child = context.threads.find(pid!);
					const from = this.#forks.get(utid) ?? Number.NEGATIVE_INFINITY;
					if (child > 0) this.#processes.created(utid, child, flags!, from, ts);
				},
			},
		};
		// where the calls themselves are recorded and raw_syscalls is not
		for (const [name, enter] of Object.entries(entered))
			if (!recorded.has("sys_enter") && recorded.has(`sys_enter_${name}`) && recorded.has(`sys_exit_${name}`))
				events[`sys_enter_${name}`] = {
					fields: [pair("first", 0), pair("second", 1)],
					on: (ts, _cpu, utid, _flags, first, _high, second) =>
						this.#entered(ts, utid, enter, first!, second!),
				};
		this.events = events;

		this.#files = context.table(fileIo);
		this.#sockets = context.table(socketIo);
		const common = {
			ts: 0,
			dur: 0,
			utid: 0,
			fd: 0,
			syscall: -1,
			op: -1,
			bytes: 0,
			asked: 0,
			error: -1,
			running_ns: 0,
			runnable_ns: 0,
			blocked_ns: 0,
			unknown_ns: 0,
			open_left: 0,
			open_right: 0,
		};
		this.#fileRow = { ...common, file_id: 0, position: 0 };
		this.#socketRow = { ...common, socket_id: 0 };
	}

	socket(_cpu: number, socketId: number): void {
		this.#recorded = socketId;
	}

	cpuStart(cpu: number, ts: number): void {
		if (this.#processes.tables.started(cpu, ts)) this.#lossy = true;
	}

	lossBegins(cpu: number): void {
		this.#processes.tables.lossBegins(cpu);
	}

	lost(cpu: number, from: number, to: number): void {
		this.#lossy = true;
		this.#processes.lost(cpu, from, to);
	}

	ended(call: EndedCall): void {
		if (this.#lossy && !Number.isNaN(call.ret)) this.#processes.heard(call.utid, call.end);
		const { name } = call;
		const shape = name < this.#calls.length ? this.#calls[name] : undefined;
		if (shape === null || name < 0) return;
		this.#shaped(call, shape ?? this.#callOf(name));
	}

	/** A call that may have to do with descriptors. */
	#shaped(call: EndedCall, shape: DescriptorCall | null): void {
		if (shape === null) return;
		const { args, ts } = call;
		const recorded = Number.isNaN(call.ret) ? -1 : this.#recorded;
		const addresses = shape.addresses ? recorded : -1;
		if (shape.op === "map" && (args === null || (args[6]! & MAP_ANONYMOUS) !== 0)) return;
		const process = this.#processes.of(call.utid, ts);
		const fd = typeof shape.fd === "number" && args !== null ? args[2 * shape.fd]! : Number.NaN;
		const { change } = shape;
		const closes = change?.kind === "close";
		const told = change !== null && process !== null && args !== null && this.#left(change, args, process);
		let slot = -1;
		if (process !== null && fd >= 0) {
			slot = this.#during(process, fd, ts);
			if (slot < 0 && !closes) slot = this.#firstSight(process, fd, call, shape, addresses);
		}
		let isSocket = shape.socket || addresses >= 0;
		if (slot >= 0) {
			const { tables } = this.#processes;
			if (addresses >= 0 || (shape.socket && !Number.isNaN(call.ret) && socketErrors.has(call.errno)))
				tables.flags[slot]! |= Slot.socket;
			if (addresses >= 0 && this.#identities.sockets.isConnection(addresses))
				tables.setPair(slot, addresses, call.end);
			if ((tables.flags[slot]! & Slot.socket) !== 0) isSocket = true;
		}
		this.#opened = -1;
		this.#file = -1;
		// its enter may be that of another such call, whose exit was lost with the enter of this one
		const doubtful = ts < this.#processes.tables.lossEnd;
		if (change !== null && doubtful) this.#doubtfulChange(change, call, process);
		else if (change !== null && !closes) this.#change(change, call, process, fd, slot, told);
		if (shape.op !== null) {
			const made = shape.fd === "result";
			const at = made ? this.#opened : slot;
			const number = made ? (call.ret >= 0 ? call.ret : Number.NaN) : fd;
			if (isSocket) this.#writeSocket(call, shape, process, number, at, addresses);
			else this.#writeFile(call, shape, process, number, at);
		}
		if (!closes || doubtful) return;
		if (args === null) {
			if (call.errno === 0) this.#unknownChange(process, endOf(call));
		} else if (fd < 0) return;
		else if (process === null) this.#processes.tables.stranger(fd, endOf(call));
		else this.#close(process, fd, call, told);
	}

	finish(): void {
		const { files, sockets } = this.#identities;
		const processes = this.#processes;
		const { tables } = processes;
		for (const fact of this.#snapshots.directoriesAtEnd()) {
			const process = processes.ofTgid(fact.tgid);
			if (process === undefined || !processes.lives(process)) continue;
			if (process.directory.moving > 0) continue;
			const directory = processes.directoryOf(process);
			if (fact.when === "after" || (process.old && process.directory.since === Number.NEGATIVE_INFINITY))
				files.directoryIs(directory, fact.path);
		}
		for (const fact of this.#snapshots.atEnd()) {
			const process = processes.ofTgid(fact.tgid);
			if (process === undefined || !processes.lives(process)) continue;
			const slot = tables.find(process.table, fact.fd);
			if (slot < 0) continue;
			const flags = tables.flags[slot]!;
			if (
				tables.closings(process.table, fact.fd) > 0 ||
				(fact.when !== "after" && (flags & Slot.inSnapshot) === 0)
			)
				continue;
			if (tables.file[slot]! >= 0) files.confirm(tables.file[slot]!, fact);
			if ((flags & Slot.socketWaits) !== 0 && isSocketType(fact.type))
				sockets.confirm(tables.socket[slot]!, fact);
		}
	}

	#callOf(name: number): DescriptorCall | null {
		const text = this.#context.strings.text(name);
		const known = Object.hasOwn(descriptorCalls, text) ? descriptorCalls[text]! : null;
		while (this.#calls.length < name) this.#calls.push(undefined);
		this.#calls[name] = known;
		return known;
	}

	#keepPath(utid: number, path: number): void {
		this.#paths = grown(this.#paths, Math.max(utid + 1, 2 * this.#paths.length), -1);
		this.#paths[utid] = path;
	}

	#entered(ts: number, utid: number, enter: Enter, first: number, second: number): void {
		if (enter === "fork") {
			this.#forks.set(utid, ts);
			return;
		}
		if (enter === "flag" && second !== F_SETFD) return;
		const process = this.#processes.of(utid, ts);
		if (process === null) return;
		const { table, directory } = process;
		const { tables } = this.#processes;
		if (enter === "directory") directory.moving++;
		else if (enter === "range") tables.rangeClosing(table, first >>> 0);
		else if (enter === "flag") {
			if (first >= 0) tables.flagging(table, first, ts);
		} else {
			const fd = enter === "first" ? first : second;
			if (fd >= 0) tables.closing(table, fd, ts, enter === "second");
		}
	}

	/** The call is under way no more; false where its enter did not tell that it was. */
	#left(change: Change, args: Int32Array, process: Process): boolean {
		const { table, directory } = process;
		const { tables } = this.#processes;
		switch (change.kind) {
			case "close":
				return tables.closed(table, args[0]!, false);
			case "dup":
				return change.to !== undefined && tables.closed(table, args[2 * change.to]!, true);
			case "fcntl":
				return args[2] === F_SETFD && tables.flagged(table, args[0]!);
			case "close-range":
				return tables.rangeLeft(table);
			case "chdir":
				if (directory.moving === 0) return false;
				directory.moving--;
				return true;
			default:
				return false;
		}
	}

	/** A process of which nothing was known: what a snapshot from before the recording says of it. */
	#began(process: Process): void {
		if (!process.old) return;
		const { files, sockets } = this.#identities;
		const { tables } = this.#processes;
		for (const fact of this.#snapshots.before(process.tgid)) {
			const slot = tables.set(process.table, fact.fd, Number.NEGATIVE_INFINITY, Slot.known);
			if (slot < 0) return;
			if (isSocketType(fact.type)) {
				tables.flags[slot]! |= Slot.socket;
				tables.socket[slot] = sockets.known(fact);
			} else tables.file[slot] = files.known(fact);
		}
		const directory = this.#snapshots.directoryBefore(process.tgid);
		if (directory !== undefined && tables.lossEnd === Number.NEGATIVE_INFINITY)
			files.directoryIs(process.directory.number, directory);
	}

	/** Slot of what the descriptor has meant from `ts` on until now; -1 if that is not known. */
	#during(process: Process, fd: number, ts: number): number {
		const { tables } = this.#processes;
		const slot = tables.findSince(process.table, fd, ts);
		return slot >= 0 && tables.closings(process.table, fd) > 0 ? -1 : slot;
	}

	/** A call on a descriptor of which nothing was known, where it tells something, or the snapshot of the end may. */
	#firstSight(
		process: Process,
		fd: number,
		call: EndedCall,
		shape: DescriptorCall,
		addresses: number,
	): number {
		if (Number.isNaN(call.ret) || (call.errno !== 0 && call.errno !== EAGAIN)) return -1;
		const { table } = process;
		const { tables } = this.#processes;
		if (!tables.isQuiet(table, fd, call.ts)) return -1;
		const untouched =
			process.old && !table.slots.has(fd) && tables.floor(table, fd) === Number.NEGATIVE_INFINITY;
		const seen = this.#snapshots.later(process.tgid, fd, untouched) !== null;
		if (!seen && !shape.socket && addresses < 0) return -1;
		return tables.see(table, fd, call.ts, endOf(call), Slot.known | (seen ? Slot.inSnapshot : 0));
	}

	/** `told`: its enter told that it was under way. */
	#change(
		change: Change,
		call: EndedCall,
		process: Process | null,
		fd: number,
		slot: number,
		told: boolean,
	): void {
		const { args } = call;
		const { tables } = this.#processes;
		const seen = !Number.isNaN(call.ret);
		const worked = seen && call.errno === 0;
		const end = endOf(call);
		switch (change.kind) {
			case "open":
				this.#open(change, call, process);
				return;
			case "dup":
				if (args === null) this.#unknownChange(process, end);
				else if (change.to !== undefined)
					this.#replace(args[2 * change.to]!, change.cloexec, call, process, fd, slot, told);
				else if (worked) this.#copy(call.ret, onExecOf(change.cloexec, args), call, process, slot);
				return;
			case "fcntl": {
				if (args === null) {
					if (worked) this.#unknownChange(process, end);
					return;
				}
				const command = args[2]!;
				if (worked && (command === F_DUPFD || command === F_DUPFD_CLOEXEC))
					this.#copy(call.ret, command === F_DUPFD ? Slot.keeps : Slot.cloexec, call, process, slot);
				else if (command === F_SETFD && fd >= 0 && process !== null && (worked || !seen))
					tables.changeOnExec(
						process.table,
						fd,
						call.ts,
						end,
						seen && slot >= 0 && told ? flagOf(args[4]!) : 0,
					);
				else if (slot >= 0 && worked && command === F_GETFD)
					tables.seenOnExec(process!.table, fd, slot, call.ts, flagOf(call.ret));
				return;
			}
			case "connect":
				if (
					(args === null || (slot >= 0 && tables.pairOf(slot) >= 0)) &&
					(!seen || worked || call.errno === EINPROGRESS)
				)
					tables.reconnected(end);
				return;
			case "fork": {
				this.#forks.delete(call.utid);
				if (!worked || !(call.ret > 0)) return;
				const flagged = change.flags !== undefined && args !== null;
				const flags = flagged ? args[2 * change.flags!]! & 0x7fff_ffff : -1;
				this.#processes.forked(call.utid, call.ret, flags, call.ts, end);
				return;
			}
			case "exec":
				if (!seen) this.#unknownChange(process, end);
				else if (worked && process === null) tables.stranger(Number.NaN, end);
				else if (worked) tables.exec(this.#processes.execed(call.utid, process!, call.ts).table, end);
				return;
			case "unshare":
				if (process === null) return;
				// its threads may be in several directories from now on
				if (!(seen && !worked) && (args === null || (args[0]! & OWN_DIRECTORY) !== 0))
					process.directory.moving = Number.POSITIVE_INFINITY;
				if (args !== null && (args[0]! & CLONE_FILES) === 0) return;
				if (!seen || args === null) this.#unknownChange(process, end);
				else if (worked) this.#processes.unshare(call.utid, process, call.ts);
				return;
			case "chdir":
				if (seen && !worked) return;
				if (process === null) {
					this.#strangeDirectories++;
					this.#processes.strangerMoved(end);
				} else this.#processes.moved(process, end);
				return;
			case "close-range":
				this.#closeRange(call, process, end);
				return;
			case "ring":
				if (process !== null) process.table.untracked = true;
		}
	}

	/** A call of which only the result is sure. */
	#doubtfulChange(change: Change, call: EndedCall, process: Process | null): void {
		this.#forks.delete(call.utid);
		if (call.errno !== 0) return;
		const end = endOf(call);
		if (change.kind === "open" && call.ret >= 0 && process !== null)
			this.#processes.tables.set(process.table, call.ret, end, 0);
		else if (change.kind === "chdir" && process !== null) this.#processes.moved(process, end);
		else if (change.kind === "ring" && process !== null) process.table.untracked = true;
		else if (change.kind !== "fork" && change.kind !== "connect") this.#unknownChange(process, end);
	}

	/** Any descriptor of the process may have changed. */
	#unknownChange(process: Process | null, ts: number): void {
		if (process === null) this.#processes.tables.stranger(Number.NaN, ts);
		else process.table.floor = ts;
	}

	#open(change: Extract<Change, { kind: "open" }>, call: EndedCall, process: Process | null): void {
		const { args } = call;
		const { made, only } = change;
		if (typeof made === "object" && "path" in made) this.#file = this.#fileOfPath(made, call, process);
		if (!(call.ret >= 0)) return;
		if (only !== undefined && (args === null || !only.values.includes(args[2 * only.argument]!))) return;
		const { tables } = this.#processes;
		if (this.#doubtfulResults && call.ret > 0 && call.ret <= LAST_ERROR) {
			if (process !== null) tables.set(process.table, call.ret, endOf(call), 0);
			return;
		}
		if (process === null) {
			tables.stranger(call.ret, endOf(call));
			if (typeof made === "object" && "object" in made)
				this.#file = this.#identities.files.object(made.object, made.type);
			return;
		}
		const slot = this.#begin(process, call.ret, onExecOf(change.cloexec, args), call);
		this.#opened = slot;
		if (typeof made === "object" && "object" in made)
			this.#file = this.#identities.files.object(made.object, made.type);
		if (slot < 0) return;
		tables.file[slot] = this.#file;
		if (made === "socket" || made === "connection") {
			tables.flags[slot]! |= Slot.socket;
			if (made === "socket" && args !== null)
				tables.socket[slot] = this.#identities.sockets.called(args[0]!, args[2]!, args[4]!);
		}
	}

	/** The file of the path that came with the enter; -1 if none did. */
	#fileOfPath(made: Extract<Made, { path: true }>, call: EndedCall, process: Process | null): number {
		const path = call.args !== null && call.utid < this.#paths.length ? this.#paths[call.utid]! : -1;
		if (path < 0) return -1;
		const { files } = this.#identities;
		if (this.#context.strings.text(path).startsWith("/")) return files.absolute(path);
		const directory = made.directory === undefined ? AT_FDCWD : call.args![2 * made.directory]!;
		if (process === null)
			return files.inUnknown(`thread ${call.utid} ${this.#strangeDirectories} ${directory}`, path);
		if (directory === AT_FDCWD) {
			const number = this.#processes.directoryOf(process);
			// changed by another thread meanwhile: in one or the other
			return this.#processes.staysSince(process, call.ts) ? files.inWorkingDirectory(number, path) : -1;
		}
		const { tables } = this.#processes;
		const slot = this.#during(process, directory, call.ts);
		if (slot >= 0 && tables.file[slot]! >= 0) return files.inDirectory(tables.file[slot]!, path);
		const own = process.table.slots.get(directory);
		const since = own === undefined ? "" : tables.since[own]!;
		return files.inUnknown(`${process.tgid} ${process.leader} ${directory} ${since}`, path);
	}

	/** A new descriptor of the process, whatever it means; -1 if another call makes it doubtful. */
	#begin(process: Process, fd: number, onExec: number, call: EndedCall): number {
		const { tables } = this.#processes;
		const seen = this.#snapshots.later(process.tgid, fd, false) !== null;
		return tables.open(process.table, fd, call.ts, endOf(call), onExec | (seen ? Slot.inSnapshot : 0));
	}

	/** The result of the call is a copy of its descriptor. */
	#copy(fd: number, onExec: number, call: EndedCall, process: Process | null, from: number): void {
		const { tables } = this.#processes;
		if (process === null) tables.stranger(fd, endOf(call));
		else if (this.#doubtfulResults && fd > 0 && fd <= LAST_ERROR)
			tables.set(process.table, fd, endOf(call), 0);
		else {
			const slot = this.#begin(process, fd, onExec, call);
			if (slot >= 0 && from >= 0 && from !== slot) tables.copy(slot, from);
		}
	}

	/** dup2, dup3. */
	#replace(
		fd: number,
		cloexec: CloseOnExec,
		call: EndedCall,
		process: Process | null,
		old: number,
		from: number,
		told: boolean,
	): void {
		const { tables } = this.#processes;
		const end = endOf(call);
		if (fd < 0) return;
		if (process === null) {
			tables.stranger(fd, end);
			return;
		}
		const own = process.table.slots.get(fd);
		const failed = call.errno !== 0 || (this.#doubtfulResults && call.ret !== fd);
		if (failed || fd === old) return;
		// what another thread did with it meanwhile may have come before or after
		const changed = !told || (own !== undefined && tables.since[own]! > call.ts);
		if (Number.isNaN(call.ret) || changed || tables.closings(process.table, fd) > 0) {
			tables.set(process.table, fd, end, 0);
			return;
		}
		const seen = this.#snapshots.later(process.tgid, fd, false) !== null;
		const flags = Slot.known | onExecOf(cloexec, call.args) | (seen ? Slot.inSnapshot : 0);
		const slot = tables.setDuring(process.table, fd, call.ts, end, flags);
		if (slot >= 0 && from >= 0) tables.copy(slot, from);
	}

	#close(process: Process, fd: number, call: EndedCall, told: boolean): void {
		const { tables } = this.#processes;
		const slot = process.table.slots.get(fd);
		if (!told) tables.set(process.table, fd, endOf(call), 0);
		else if (call.errno === EBADF) {
			// there was nothing to close, whatever was thought
			if (slot !== undefined && tables.since[slot]! <= call.ts) tables.set(process.table, fd, endOf(call), 0);
		} else tables.close(process.table, fd, call.ts, endOf(call));
	}

	#closeRange(call: EndedCall, process: Process | null, end: number): void {
		const { args } = call;
		const { tables } = this.#processes;
		if (process === null || args === null) {
			this.#unknownChange(process, end);
			return;
		}
		const flags = args[4]!;
		const first = args[0]! >>> 0;
		const last = args[2]! >>> 0;
		if ((flags & CLOSE_RANGE_UNSHARE) !== 0 && !(call.errno > 0)) {
			this.#processes.unshare(call.utid, process, call.ts);
		}
		const { table } = this.#processes.of(call.utid, end)!;
		const seen = !Number.isNaN(call.ret);
		const does =
			seen && call.errno !== 0
				? "nothing"
				: seen && (flags & CLOSE_RANGE_CLOEXEC) !== 0
					? "cloexec"
					: "close";
		tables.rangeClosed(table, first, last, end, does);
	}

	/** File of a slot; where only the snapshot of the end may tell it, a number that waits for that. */
	#fileOf(slot: number, process: Process, fd: number): number {
		const { tables } = this.#processes;
		const file = tables.file[slot]!;
		if (file >= 0 || (tables.flags[slot]! & Slot.inSnapshot) === 0) return file;
		if (!this.#snapshots.mayWait(process.tgid, fd)) return -1;
		tables.file[slot] = this.#identities.files.candidate();
		return tables.file[slot]!;
	}

	#socketOf(slot: number, process: Process, fd: number): number {
		const { tables } = this.#processes;
		const pair = tables.pairOf(slot);
		if (pair >= 0) return pair;
		const socket = tables.socket[slot]!;
		const flags = tables.flags[slot]!;
		if ((flags & Slot.socketWaits) !== 0 || (flags & Slot.inSnapshot) === 0) return socket;
		const fact = this.#snapshots.later(process.tgid, fd, true);
		if (fact === null || !isSocketType(fact.type) || !this.#snapshots.mayWait(process.tgid, fd))
			return socket;
		tables.socket[slot] = this.#identities.sockets.candidate(socket);
		tables.flags[slot]! |= Slot.socketWaits;
		return tables.socket[slot]!;
	}

	#writeFile(
		call: EndedCall,
		shape: DescriptorCall,
		process: Process | null,
		fd: number,
		slot: number,
	): void {
		const row = this.#fileRow;
		this.#common(row, call, shape, fd);
		row.op = this.#code(shape.op!);
		const file = slot >= 0 ? this.#fileOf(slot, process!, fd) : this.#file;
		row.file_id = file >= 0 ? file : Number.NaN;
		row.position = positionOf(call, shape);
		this.#files.append(row);
	}

	#writeSocket(
		call: EndedCall,
		shape: DescriptorCall,
		process: Process | null,
		fd: number,
		slot: number,
		addresses: number,
	): void {
		const row = this.#socketRow;
		this.#common(row, call, shape, fd);
		row.op = this.#code(shape.socketOp);
		const socket = addresses >= 0 ? addresses : slot >= 0 ? this.#socketOf(slot, process!, fd) : -1;
		row.socket_id = socket >= 0 ? socket : Number.NaN;
		this.#sockets.append(row);
	}

	#common(
		row: Row<typeof fileIo> | Row<typeof socketIo>,
		call: EndedCall,
		shape: DescriptorCall,
		fd: number,
	): void {
		const { parts } = call;
		row.ts = call.ts;
		row.dur = call.dur;
		row.utid = call.utid;
		row.fd = fd;
		row.syscall = call.name;
		row.bytes = shape.bytes && call.ret >= 0 ? call.ret : Number.NaN;
		row.asked = shape.asked === null || call.args === null ? Number.NaN : wide(call.args, shape.asked);
		row.error = call.errno === 0 ? -1 : this.#code(errorName(call.errno, this.#context.arch));
		row.running_ns = parts[0]!;
		row.runnable_ns = parts[1]!;
		row.blocked_ns = parts[2]!;
		row.unknown_ns = parts[3]!;
		row.open_left = call.openLeft;
		row.open_right = call.openRight;
	}

	#code(text: string): number {
		let code = this.#codes.get(text);
		if (code === undefined) {
			code = this.#context.strings.code(text);
			this.#codes.set(text, code);
		}
		return code;
	}
}

/** When the call had ended at the latest; where exits are not recorded, its begin is all there is. */
function endOf(call: EndedCall): number {
	return Number.isNaN(call.end) ? call.ts : call.end;
}

function flagOf(value: number): number {
	return (value & FD_CLOEXEC) !== 0 ? Slot.cloexec : Slot.keeps;
}

function onExecOf(cloexec: CloseOnExec, args: Int32Array | null): number {
	if (cloexec === "always") return Slot.cloexec;
	if (cloexec === "never") return Slot.keeps;
	if (cloexec === "unknown" || args === null) return 0;
	return (args[2 * cloexec.argument]! & cloexec.bit) !== 0 ? Slot.cloexec : Slot.keeps;
}

/** An argument that cannot be negative. */
function wide(args: Int32Array, argument: number): number {
	const high = args[2 * argument + 1]!;
	return high < 0 ? Number.NaN : high * 4_294_967_296 + (args[2 * argument]! >>> 0);
}

function positionOf(call: EndedCall, shape: DescriptorCall): number {
	const { args } = call;
	if (args === null) return Number.NaN;
	if (shape.position !== null) return wide(args, shape.position);
	return shape.op === "seek" && args[4]! === SEEK_SET ? wide(args, 1) : Number.NaN;
}
