/**
 * System calls: sys_enter to sys_exit of the same thread, from raw_syscalls, or from the events of single calls
 * (syscalls:sys_enter_read, ...) where raw_syscalls is not recorded.
 *
 * What is seen only in part:
 * - An exit without an enter. The thread's first sight: it was in the call when the window began, and the row starts
 *   there (or at the thread's start, or after the last loss). Later, after lost events: the row starts where the
 *   recording went on. Otherwise the enter was not recorded, and only the exit was seen: dur 0.
 * - An open call at the next enter, or at the exit of another call: its exit was not seen. It ends where events were
 *   first lost after its enter, else at that next event, with open_right.
 * - A loss alone ends nothing: a thread may well sleep through it, and its exit then closes the call as usual.
 *   (An exit and an enter of the same call that were both lost make one call of two; nothing in the trace tells.)
 */
import type { Row } from "../../lib/schema/column.ts";
import { syscall as syscallTableDeclaration } from "../../lib/schema/derived.ts";
import { grown } from "../grown.ts";
import type { Derivation, DeriveContext, Subscription, TableWriter } from "./derivation.ts";
import { errorName, MAX_ERRNO } from "./errno.ts";
import type { OpenSyscalls, ThreadClock } from "./shared.ts";
import { SWITCH_RECORDS } from "./switch-record.ts";
import { syscallTable } from "./syscall-tables/index.ts";

/** A system call that has ended, or can no longer be seen. One object, reused: take what you need at once. */
export interface EndedCall {
	/** ns since base */
	readonly ts: number;
	readonly end: number;
	/** ns, NaN where the clock does not count time */
	readonly dur: number;
	readonly utid: number;
	/** String code of the name; -1 if unknown */
	readonly name: number;
	/** Six arguments as halves, low first; null if the enter was not seen */
	readonly args: Int32Array | null;
	/** Result; NaN if the exit was not seen */
	readonly ret: number;
	/** Positive error number; 0 if the call did not fail or nothing tells */
	readonly errno: number;
	/** ns asleep; NaN where switches were not recorded, or do not tell it */
	readonly blocked: number;
	/** Parts of dur as the row of the call has them: running, runnable, blocked, unknown */
	readonly parts: Float64Array;
	readonly openLeft: number;
	readonly openRight: number;
}

/** Who wants every ended system call: the futex tables are made of the same stream. */
export interface CallListener {
	ended(call: EndedCall): void;
}

/** What a name means for the pairing of enter and exit. */
enum Kind {
	plain = 0,
	/** Its exit is that of the call that the signal interrupted (powerpc and x86: nr of the restored registers) */
	sigreturn = 1,
	/** The child returns from the call that it never made */
	clone = 2,
	/** Goes on with a call that a signal interrupted */
	restart = 3,
}

const kinds: Readonly<Record<string, Kind>> = {
	rt_sigreturn: Kind.sigreturn,
	sigreturn: Kind.sigreturn,
	swapcontext: Kind.sigreturn,
	clone: Kind.clone,
	clone3: Kind.clone,
	fork: Kind.clone,
	vfork: Kind.clone,
	restart_syscall: Kind.restart,
};

const ENOSYS = 38;
/** Halves of the six arguments */
const ARGS = 12;
/** running, runnable, blocked, unknown */
const CLASSES = 4;
/** Single events carry at most this many arguments. */
const MAX_ARGS = 6;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class Syscalls implements Derivation, OpenSyscalls {
	readonly events: Readonly<Record<string, Subscription>>;

	readonly #context: DeriveContext;
	readonly #out: TableWriter<typeof syscallTableDeclaration>;
	readonly #clock: ThreadClock | null;
	readonly #listeners: readonly CallListener[];
	readonly #names: SyscallNames;
	readonly #errors: ErrorCodes;
	readonly #timed: boolean;
	readonly #switches: boolean;
	/** Switches tell of every wait */
	readonly #waitsTold: boolean;
	/** An exit was seen. A format in the trace does not say that the event was switched on */
	#exitSeen = false;
	/** Bits of prev_state with which a thread leaves for ever */
	readonly #deadMask: number;
	/** raw_syscalls events come: those of single calls would count twice */
	#raw = false;
	/** The last call that an event of a single call closed, until raw_syscalls is seen */
	#singleExitUtid = -1;
	#singleExitNr = -1;

	#windowStart = Number.NaN;
	#lossEnd = Number.NaN;

	// by utid
	#slotOf = new Int32Array(256).fill(-1);
	/** Last enter or exit; NaN if none yet */
	#seen = new Float64Array(256).fill(Number.NaN);

	// by slot: one open call each
	#capacity = 64;
	#used = 0;
	#ts = new Float64Array(64);
	#utid = new Int32Array(64).fill(-1);
	#cpu = new Int32Array(64);
	#nr = new Int32Array(64);
	#name = new Int32Array(64);
	#hasArgs = new Uint8Array(64);
	#args = new Int32Array(64 * ARGS);
	/** Those of each slot */
	#argsOf = views(this.#args);
	#totals = new Float64Array(64 * CLASSES);
	/** First loss on any CPU after the enter; NaN if none */
	#lossFrom = new Float64Array(64);
	/** sched_process_exit of the caller; NaN if none */
	#exited = new Float64Array(64);
	#free: number[] = [];

	readonly #now = new Float64Array(CLASSES);
	readonly #row: Row<typeof syscallTableDeclaration>;
	readonly #call: Mutable<EndedCall>;

	/** `clock` is null where nothing tells what threads did meanwhile. */
	constructor(context: DeriveContext, clock: ThreadClock | null, listeners: readonly CallListener[] = []) {
		this.#context = context;
		this.#out = context.table(syscallTableDeclaration);
		this.#clock = clock;
		this.#listeners = listeners;
		this.#names = new SyscallNames(context);
		this.#errors = new ErrorCodes(context);
		this.#timed = context.timed;
		const recorded = context.recorded;
		const isRecorded = (event: string) => recorded.size === 0 || recorded.has(event);
		this.#switches = clock !== null && (isRecorded("sched_switch") || isRecorded(SWITCH_RECORDS));
		this.#waitsTold = isRecorded("sched_switch") && !context.perTask;
		let dead = 0;
		for (const [bit, letter] of context.prevState.letters) if (letter === "Z" || letter === "X") dead |= bit;
		this.#deadMask = dead;
		const rawEnters = isRecorded("sys_enter");
		const rawExits = isRecorded("sys_exit");

		const events: Record<string, Subscription> = {
			sys_enter: {
				fields: [
					{ name: "id", form: "number" },
					...[0, 1, 2, 3, 4, 5].map((i) => ({ name: `args[${i}]`, form: "pair" as const })),
				],
				on: (ts, cpu, utid, _flags, id, a0, a0h, a1, a1h, a2, a2h, a3, a3h, a4, a4h, a5, a5h) => {
					if (this.#raw || !this.#singleTold(utid, id!, true))
						this.#enter(ts, cpu, utid, id!, this.#names.of(id!));
					this.#store(utid, a0!, a0h!, a1!, a1h!, a2!, a2h!, a3!, a3h!, a4!, a4h!, a5!, a5h!);
					if (!rawExits) this.#endUnknown(utid, ts);
				},
			},
			sys_exit: {
				fields: [
					{ name: "id", form: "number" },
					{ name: "ret", form: "pair" },
				],
				on: (ts, cpu, utid, _flags, id, lo, hi) => {
					if (!this.#raw && this.#singleTold(utid, id!, false)) return;
					this.#exit(ts, cpu, utid, id!, this.#names.of(id!), lo!, hi!, rawEnters);
				},
			},
			sched_process_exit: {
				fields: [],
				on: (ts, _cpu, utid) => {
					const slot = this.#slot(utid);
					if (slot < 0) return;
					if (this.#switches) this.#exited[slot] = ts;
					else this.#close(slot, ts, ts, Number.NaN, Number.NaN, 0);
				},
			},
			sched_switch: {
				fields: [{ name: "prev_state", form: "number" }],
				on: (ts, _cpu, utid, _flags, prevState) => {
					if ((prevState! & this.#deadMask) === 0) return;
					const slot = this.#slot(utid);
					if (slot >= 0) this.#close(slot, ts, ts, Number.NaN, Number.NaN, 0);
				},
			},
		};
		for (const event of recorded) {
			const [, edge, name] = /^sys_(enter|exit)_(.*)$/.exec(event) ?? [];
			if (name === undefined) continue;
			events[event] =
				edge === "enter"
					? this.#singleEnter(name, recorded.has(`sys_exit_${name}`))
					: this.#singleExit(name, recorded.has(`sys_enter_${name}`));
		}
		this.events = events;

		this.#row = {
			ts: 0,
			dur: 0,
			cpu: 0,
			utid: 0,
			nr: 0,
			name: -1,
			args: null,
			ret: 0,
			error: -1,
			restarts: 0,
			running_ns: 0,
			runnable_ns: 0,
			blocked_ns: 0,
			unknown_ns: 0,
			open_left: 0,
			open_right: 0,
		};
		this.#call = {
			ts: 0,
			end: 0,
			dur: 0,
			utid: 0,
			name: -1,
			args: null,
			ret: Number.NaN,
			errno: 0,
			blocked: Number.NaN,
			parts: new Float64Array(CLASSES),
			openLeft: 0,
			openRight: 0,
		};
	}

	nameOf(utid: number): number {
		const slot = this.#slot(utid);
		return slot < 0 ? -1 : this.#name[slot]!;
	}

	cpuStart(_cpu: number, ts: number): void {
		if (Number.isNaN(this.#windowStart)) this.#windowStart = ts;
	}

	lost(_cpu: number, from: number, to: number): void {
		if (!(to <= this.#lossEnd)) this.#lossEnd = to;
		for (let slot = 0; slot < this.#used; slot++) {
			if (this.#utid[slot]! >= 0 && Number.isNaN(this.#lossFrom[slot]!)) {
				this.#lossFrom[slot] = Math.max(from, this.#ts[slot]!);
			}
		}
	}

	finish(end: number): void {
		for (let slot = 0; slot < this.#used; slot++) {
			if (this.#utid[slot]! < 0) continue;
			const exited = this.#exitOf(slot, end);
			if (Number.isNaN(exited)) this.#close(slot, end, end, Number.NaN, Number.NaN, 1);
			else this.#close(slot, exited, end, Number.NaN, Number.NaN, 0);
		}
	}

	/** End of the caller; NaN if it is not known to have ended before the window's end, which clips what lies behind it. */
	#exitOf(slot: number, end: number): number {
		const { threads } = this.#context;
		const utid = this.#utid[slot]!;
		const exited = this.#exited[slot]!;
		if (!Number.isNaN(exited) || !threads.endKnown(utid)) return exited;
		return threads.lastTs[utid]! < end ? threads.lastTs[utid]! : Number.NaN;
	}

	/** Arguments are the fields after the number, whatever their names are. */
	#singleEnter(name: string, exits: boolean): Subscription {
		const code = this.#context.strings.code(name);
		return {
			fields: [
				{ name: "__syscall_nr", form: "number" },
				...Array.from({ length: MAX_ARGS }, (_, i) => ({
					name: `arg${i}`,
					form: "pair" as const,
					argument: i,
				})),
			],
			on: (ts, cpu, utid, _flags, nr, a0, a0h, a1, a1h, a2, a2h, a3, a3h, a4, a4h, a5, a5h) => {
				if (this.#raw) return;
				this.#enter(ts, cpu, utid, nr!, this.#names.orElse(nr!, code));
				this.#store(utid, a0!, a0h!, a1!, a1h!, a2!, a2h!, a3!, a3h!, a4!, a4h!, a5!, a5h!);
				if (!exits) this.#endUnknown(utid, ts);
			},
		};
	}

	#singleExit(name: string, enters: boolean): Subscription {
		const code = this.#context.strings.code(name);
		return {
			fields: [
				{ name: "__syscall_nr", form: "number" },
				{ name: "ret", form: "pair" },
			],
			on: (ts, cpu, utid, _flags, nr, lo, hi) => {
				if (this.#raw) return;
				this.#exit(ts, cpu, utid, nr!, this.#names.orElse(nr!, code), lo!, hi!, enters);
				this.#singleExitUtid = utid;
				this.#singleExitNr = nr!;
			},
		};
	}

	/** At the first raw_syscalls event: did the event of a single call tell the same just before? */
	#singleTold(utid: number, nr: number, enter: boolean): boolean {
		this.#raw = true;
		if (!enter) return this.#singleExitUtid === utid && this.#singleExitNr === nr;
		const slot = this.#slot(utid);
		return slot >= 0 && this.#nr[slot] === nr;
	}

	#slot(utid: number): number {
		return utid < this.#slotOf.length ? this.#slotOf[utid]! : -1;
	}

	#enter(ts: number, cpu: number, utid: number, nr: number, name: number): void {
		if (utid >= this.#slotOf.length) this.#growThreads(utid);
		const open = this.#slotOf[utid]!;
		if (open >= 0) this.#closeUnseen(open, ts);
		this.#seen[utid] = ts;
		const slot = this.#free.length > 0 ? this.#free.pop()! : this.#newSlot();
		this.#slotOf[utid] = slot;
		this.#ts[slot] = ts;
		this.#utid[slot] = utid;
		this.#cpu[slot] = cpu;
		this.#nr[slot] = nr;
		this.#name[slot] = name;
		this.#lossFrom[slot] = Number.NaN;
		this.#exited[slot] = Number.NaN;
		if (this.#switches) {
			this.#clock!.totals(utid, ts, this.#now);
			for (let i = 0; i < CLASSES; i++) this.#totals[slot * CLASSES + i] = this.#now[i]!;
		}
	}

	#store(
		utid: number,
		a0: number,
		a0h: number,
		a1: number,
		a1h: number,
		a2: number,
		a2h: number,
		a3: number,
		a3h: number,
		a4: number,
		a4h: number,
		a5: number,
		a5h: number,
	): void {
		const slot = this.#slotOf[utid]!;
		const args = this.#args;
		const at = slot * ARGS;
		// An argument that the event lacks has no high half: a call with fewer arguments; NaN becomes 0.
		args[at] = a0;
		args[at + 1] = a0h;
		args[at + 2] = a1;
		args[at + 3] = a1h;
		args[at + 4] = a2;
		args[at + 5] = a2h;
		args[at + 6] = a3;
		args[at + 7] = a3h;
		args[at + 8] = a4;
		args[at + 9] = a4h;
		args[at + 10] = a5;
		args[at + 11] = a5h;
		this.#hasArgs[slot] = 1;
	}

	/** Where exits are not recorded nothing tells how long the call is. */
	#endUnknown(utid: number, ts: number): void {
		this.#close(this.#slotOf[utid]!, Number.NaN, ts, Number.NaN, Number.NaN, 1);
	}

	/** `enters`: the enter of this call would have been recorded. */
	#exit(
		ts: number,
		cpu: number,
		utid: number,
		nr: number,
		name: number,
		lo: number,
		hi: number,
		enters: boolean,
	): void {
		if (utid >= this.#slotOf.length) this.#growThreads(utid);
		this.#exitSeen = true;
		const slot = this.#slotOf[utid]!;
		if (slot >= 0) {
			if (this.#nr[slot] === nr || this.#names.kind(this.#name[slot]!) === Kind.sigreturn) {
				this.#seen[utid] = ts;
				this.#close(slot, ts, ts, lo, hi, 0);
				return;
			}
			this.#closeUnseen(slot, ts);
		}
		this.#exitOnly(ts, cpu, utid, nr, name, lo, hi, enters);
		this.#seen[utid] = ts;
	}

	/** An exit without its enter. */
	#exitOnly(
		ts: number,
		cpu: number,
		utid: number,
		nr: number,
		name: number,
		lo: number,
		hi: number,
		enters: boolean,
	): void {
		// The new thread's way out of its creator's call: only there the call returns 0.
		if (lo === 0 && hi === 0 && this.#names.kind(name) === Kind.clone) return;
		const seen = this.#seen[utid]!;
		let start = ts;
		let known = false;
		if (!enters) start = Number.NaN;
		else if (this.#lossEnd > seen || (Number.isNaN(seen) && !Number.isNaN(this.#lossEnd)))
			start = this.#lossEnd;
		else if (Number.isNaN(seen)) {
			const threads = this.#context.threads;
			start = threads.startKnown(utid) ? threads.firstTsOf(utid) : this.#windowStart;
			known = true;
		} else if (!(hi === -1 && lo === -ENOSYS)) {
			// For a number that it does not know powerpc traces the exit only (do_syscall_trace_enter, kernel/ptrace/ptrace.c).
			this.#context.note("info", "syscall-enter-missing", "sys_exit without a sys_enter before it", cpu);
		}
		const row = this.#row;
		row.ts = start <= ts ? start : ts;
		row.cpu = cpu;
		row.utid = utid;
		row.nr = nr;
		row.name = name;
		row.args = null;
		row.restarts = this.#names.kind(name) === Kind.restart ? 1 : 0;
		row.open_left = 1;
		row.open_right = 0;
		this.#result(name, lo, hi);
		this.#now.fill(0);
		// What the thread did before the window is not in the totals, so all of them belong to the call.
		if (known && this.#switches) this.#clock!.totals(utid, ts, this.#now);
		const end = enters ? ts : Number.NaN;
		this.#parts(end, this.#now[0]!, this.#now[1]!, this.#now[2]!, known);
		this.#emit(end);
	}

	/** Ends an open call whose exit was not seen: the thread has done something else at `ts`. */
	#closeUnseen(slot: number, ts: number): void {
		const lossFrom = this.#lossFrom[slot]!;
		const exited = this.#exited[slot]!;
		if (!Number.isNaN(exited)) this.#close(slot, exited, ts, Number.NaN, Number.NaN, 0);
		else if (!Number.isNaN(lossFrom)) this.#close(slot, lossFrom, ts, Number.NaN, Number.NaN, 1);
		else if (!this.#exitSeen) this.#close(slot, Number.NaN, ts, Number.NaN, Number.NaN, 1);
		else {
			this.#context.note(
				"info",
				"syscall-exit-missing",
				"a system call has no sys_exit though no events were lost",
				this.#cpu[slot]!,
			);
			this.#close(slot, ts, ts, Number.NaN, Number.NaN, 1);
		}
	}

	/** `now` is the time of the event that tells of the end; `end` may lie before it, or be NaN = unknown. */
	#close(slot: number, end: number, now: number, lo: number, hi: number, openRight: number): void {
		const utid = this.#utid[slot]!;
		const row = this.#row;
		row.ts = this.#ts[slot]!;
		row.cpu = this.#cpu[slot]!;
		row.utid = utid;
		row.nr = this.#nr[slot]!;
		row.name = this.#name[slot]!;
		row.args = this.#hasArgs[slot] === 1 ? this.#argsOf[slot]! : null;
		row.restarts = this.#names.kind(row.name) === Kind.restart ? 1 : 0;
		row.open_left = 0;
		row.open_right = openRight;
		this.#result(row.name, lo, hi);
		// The thread's totals are those of now: for an end in the past nothing tells them.
		if (this.#switches && end === now) {
			const totals = this.#now;
			this.#clock!.totals(utid, end, totals);
			const at = slot * CLASSES;
			this.#parts(
				end,
				totals[0]! - this.#totals[at]!,
				totals[1]! - this.#totals[at + 1]!,
				totals[2]! - this.#totals[at + 2]!,
				true,
			);
		} else this.#parts(end, 0, 0, 0, false);
		this.#utid[slot] = -1;
		this.#hasArgs[slot] = 0;
		this.#slotOf[utid] = -1;
		this.#free.push(slot);
		this.#emit(end);
	}

	/** Fills ret, error and the call's errno. `hi` NaN = the exit was not seen. */
	#result(name: number, lo: number, hi: number): void {
		const row = this.#row;
		const call = this.#call;
		call.errno = 0;
		if (Number.isNaN(hi)) {
			row.ret = Number.NaN;
			row.error = -1;
			return;
		}
		row.ret = hi * 4_294_967_296 + (lo >>> 0);
		row.error = -1;
		if (hi === -1 && lo < 0 && lo >= -MAX_ERRNO) {
			// The result of sigreturn is a register of the interrupted code, not a result.
			if (this.#names.kind(name) === Kind.sigreturn) return;
			call.errno = -lo;
			row.error = this.#errors.of(-lo);
		}
	}

	/**
	 * Fills dur and its four parts, which sum to it. Where events of a thread contradict each other (switches that a
	 * filter left out) its totals may go back: then nothing is known of the call.
	 */
	#parts(end: number, running: number, runnable: number, blocked: number, known: boolean): void {
		const row = this.#row;
		const dur = this.#timed ? end - row.ts : Number.NaN;
		const unknown = dur - running - runnable - blocked;
		const sound = running >= 0 && runnable >= 0 && blocked >= 0 && unknown >= 0;
		const zero = Number.isNaN(dur) ? Number.NaN : 0;
		row.dur = dur;
		row.running_ns = sound ? running : zero;
		row.runnable_ns = sound ? runnable : zero;
		row.blocked_ns = sound ? blocked : zero;
		row.unknown_ns = sound ? unknown : dur;
		const told = known && sound && this.#switches && (this.#waitsTold || unknown === 0);
		this.#call.blocked = told ? blocked : Number.NaN;
		const { parts } = this.#call;
		parts[0] = row.running_ns;
		parts[1] = row.runnable_ns;
		parts[2] = row.blocked_ns;
		parts[3] = row.unknown_ns;
	}

	#emit(end: number): void {
		const row = this.#row;
		this.#out.append(row);
		if (this.#listeners.length === 0) return;
		const call = this.#call;
		call.ts = row.ts;
		call.end = end;
		call.dur = row.dur;
		call.utid = row.utid;
		call.name = row.name;
		call.args = row.args;
		call.ret = row.ret;
		call.openLeft = row.open_left;
		call.openRight = row.open_right;
		for (const listener of this.#listeners) listener.ended(call);
	}

	#newSlot(): number {
		if (this.#used === this.#capacity) {
			this.#capacity *= 2;
			this.#ts = grown(this.#ts, this.#capacity);
			this.#utid = grown(this.#utid, this.#capacity);
			this.#utid.fill(-1, this.#used);
			this.#cpu = grown(this.#cpu, this.#capacity);
			this.#nr = grown(this.#nr, this.#capacity);
			this.#name = grown(this.#name, this.#capacity);
			this.#hasArgs = grown(this.#hasArgs, this.#capacity);
			this.#args = grown(this.#args, this.#capacity * ARGS);
			this.#argsOf = views(this.#args);
			this.#totals = grown(this.#totals, this.#capacity * CLASSES);
			this.#lossFrom = grown(this.#lossFrom, this.#capacity);
			this.#exited = grown(this.#exited, this.#capacity);
		}
		return this.#used++;
	}

	#growThreads(utid: number): void {
		const had = this.#slotOf.length;
		const length = Math.max(had * 2, utid + 1);
		this.#slotOf = grown(this.#slotOf, length);
		this.#slotOf.fill(-1, had);
		this.#seen = grown(this.#seen, length);
		this.#seen.fill(Number.NaN, had);
	}
}

/** The arguments of each slot, as they lie in `args`. */
function views(args: Int32Array): Int32Array[] {
	return Array.from({ length: args.length / ARGS }, (_, slot) =>
		args.subarray(slot * ARGS, (slot + 1) * ARGS),
	);
}

/** String codes of the names by number, made when first needed, and what the names mean. */
class SyscallNames {
	readonly #context: DeriveContext;
	readonly #table: Readonly<Record<number, string>>;
	/** By number; -2 = not looked up yet */
	readonly #codes = new Int32Array(1024).fill(-2);
	/** By string code; undefined = not looked up yet */
	readonly #kinds: (Kind | undefined)[] = [];

	constructor(context: DeriveContext) {
		this.#context = context;
		this.#table = syscallTable(context.arch) ?? {};
	}

	of(nr: number): number {
		return this.orElse(nr, -1);
	}

	/** The code of the table's name, or `other` where the table has none. */
	orElse(nr: number, other: number): number {
		if (!(nr >= 0 && nr < this.#codes.length)) return other;
		let code = this.#codes[nr]!;
		if (code === -2) {
			const name = this.#table[nr];
			code = name === undefined ? -1 : this.#context.strings.code(name);
			this.#codes[nr] = code;
		}
		return code === -1 ? other : code;
	}

	kind(code: number): Kind {
		if (code < 0) return Kind.plain;
		let kind = this.#kinds[code];
		if (kind === undefined) {
			const name = this.#context.strings.text(code);
			kind = Object.hasOwn(kinds, name) ? kinds[name]! : Kind.plain;
			while (this.#kinds.length < code) this.#kinds.push(undefined);
			this.#kinds[code] = kind;
		}
		return kind;
	}
}

/** String codes of error names by positive number. */
class ErrorCodes {
	readonly #context: DeriveContext;
	readonly #codes = new Int32Array(MAX_ERRNO + 1).fill(-1);

	constructor(context: DeriveContext) {
		this.#context = context;
	}

	of(errno: number): number {
		let code = this.#codes[errno]!;
		if (code === -1) {
			code = this.#context.strings.code(errorName(errno, this.#context.arch));
			this.#codes[errno] = code;
		}
		return code;
	}
}
