/**
 * Futex calls, out of the stream of ended system calls: waits and wakes.
 * Operations and arguments: futex(2), include/uapi/linux/futex.h, kernel/futex/syscalls.c (Linux 6.12).
 */
import type { Row } from "../../lib/schema/column.ts";
import { futexWait, futexWake } from "../../lib/schema/derived.ts";
import { grown } from "../grown.ts";
import type { DeriveContext, TableWriter } from "./derivation.ts";
import { errorName, restartErrors } from "./errno.ts";
import type { ThreadClock } from "./shared.ts";
import type { CallListener, EndedCall } from "./syscall.ts";

/** FUTEX_PRIVATE_FLAG; FUTEX2_PRIVATE of futex_wait, futex_wake has the same bit. */
const PRIVATE = 128;
/** FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME are no part of the operation. */
const OP_MASK = 0x7f;
const EINTR = 4;

/** One way to wait or wake: which argument means what (numbers of arguments; absent = the call has none). */
interface Shape {
	readonly op: string;
	readonly wakes: boolean;
	readonly uaddr?: number;
	/** Argument with the private flag; absent where the flags lie in the memory of the program */
	readonly flags?: number;
	/** wait: expected value */
	readonly val?: number;
	readonly timeout?: number;
	/** wake: how many */
	readonly asked?: number;
	readonly requeueLimit?: number;
	readonly uaddr2?: number;
	/** The result is 0 or an error: a positive result is a positive error (events of single calls by `sc` on POWER) */
	readonly zeroOrError?: boolean;
	/** The result counts waiters */
	readonly counts?: boolean;
}

const wait = (op: string, more: Partial<Shape>): Shape => ({ op, wakes: false, ...more });
const wake = (op: string, more: Partial<Shape>): Shape => ({ op, wakes: true, ...more });
const classic = { uaddr: 0, flags: 1 } as const;
const waits = { ...classic, timeout: 3, zeroOrError: true } as const;
const wakes = { ...classic, asked: 2, counts: true } as const;

/** futex(uaddr, op, val, timeout or val2, uaddr2, val3) by operation. 2 (FD) is gone, 8 (TRYLOCK_PI) never waits. */
const operations: Readonly<Record<number, Shape>> = {
	0: wait("WAIT", { ...waits, val: 2 }),
	1: wake("WAKE", wakes),
	3: wake("REQUEUE", { ...wakes, requeueLimit: 3, uaddr2: 4 }),
	4: wake("CMP_REQUEUE", { ...wakes, requeueLimit: 3, uaddr2: 4 }),
	5: wake("WAKE_OP", { ...wakes, uaddr2: 4 }),
	6: wait("LOCK_PI", waits),
	7: wake("UNLOCK_PI", classic),
	9: wait("WAIT_BITSET", { ...waits, val: 2 }),
	10: wake("WAKE_BITSET", wakes),
	11: wait("WAIT_REQUEUE_PI", { ...waits, val: 2 }),
	12: wake("CMP_REQUEUE_PI", { ...wakes, requeueLimit: 3, uaddr2: 4 }),
	13: wait("LOCK_PI2", waits),
};

/** System calls that are one operation each. The vectors lie in the memory of the program: no address, no flags. */
const calls: Readonly<Record<string, Shape>> = {
	futex_waitv: wait("waitv", { timeout: 3 }),
	futex_wait: wait("wait", { uaddr: 0, val: 1, flags: 3, timeout: 4, zeroOrError: true }),
	futex_wake: wake("wake", { uaddr: 0, asked: 2, flags: 3, counts: true }),
	futex_requeue: wake("requeue", { asked: 2, requeueLimit: 3, counts: true }),
};

/** The multiplexed calls; futex_time64 is that of 32-bit ABIs. */
const multiplexers: ReadonlySet<string> = new Set(["futex", "futex_time64"]);

enum Family {
	unknown = 0,
	other = 1,
	multiplexed = 2,
	single = 3,
}

export class Futexes implements CallListener {
	readonly #context: DeriveContext;
	readonly #clock: ThreadClock | null;
	readonly #waits: TableWriter<typeof futexWait>;
	readonly #wakes: TableWriter<typeof futexWake>;
	/** By string code of the call's name */
	#family = new Uint8Array(1024);
	readonly #single = new Map<number, Shape>();
	/** String codes made so far, by text: of operations and errors */
	readonly #codes = new Map<string, number>();
	readonly #waitRow: Row<typeof futexWait>;
	readonly #wakeRow: Row<typeof futexWake>;

	constructor(context: DeriveContext, clock: ThreadClock | null) {
		this.#context = context;
		this.#clock = clock;
		this.#waits = context.table(futexWait);
		this.#wakes = context.table(futexWake);
		this.#waitRow = {
			ts: 0,
			dur: 0,
			utid: 0,
			uaddr_lo: 0,
			uaddr_hi: 0,
			op: -1,
			shared: 0,
			val: 0,
			ret: 0,
			outcome: -1,
			timeout: 0,
			slept_ns: 0,
			waker_utid: 0,
			waker_irq: -1,
			stack_id: 0,
			open_left: 0,
			open_right: 0,
		};
		this.#wakeRow = {
			ts: 0,
			dur: 0,
			utid: 0,
			uaddr_lo: 0,
			uaddr_hi: 0,
			op: -1,
			shared: 0,
			asked: 0,
			woken: 0,
			requeued: 0,
			requeue_limit: 0,
			uaddr2_lo: 0,
			uaddr2_hi: 0,
			ret: 0,
			error: -1,
			open_left: 0,
			open_right: 0,
		};
	}

	ended(call: EndedCall): void {
		if (call.name < 0) return;
		const family = this.#familyOf(call.name);
		if (family === Family.other) return;
		// Without its arguments a call tells neither what it did nor to which futex.
		const args = call.args;
		if (args === null) return;
		const shape = family === Family.single ? this.#single.get(call.name) : operations[args[2]! & OP_MASK];
		if (shape === undefined) return;
		if (shape.wakes) this.#wake(call, args, shape);
		else this.#wait(call, args, shape);
	}

	#wait(call: EndedCall, args: Int32Array, shape: Shape): void {
		const row = this.#waitRow;
		row.ts = call.ts;
		row.dur = call.dur;
		row.utid = call.utid;
		row.uaddr_lo = shape.uaddr === undefined ? 0 : args[2 * shape.uaddr]!;
		row.uaddr_hi = shape.uaddr === undefined ? Number.NaN : args[2 * shape.uaddr + 1]!;
		row.op = this.#code(shape.op);
		row.shared = shared(args, shape);
		row.val = shape.val === undefined ? Number.NaN : args[2 * shape.val]! >>> 0;
		row.ret = call.ret;
		const errno = call.errno === 0 && shape.zeroOrError && call.ret > 0 ? call.ret : call.errno;
		if (Number.isNaN(call.ret)) row.outcome = -1;
		else if (errno === 0) row.outcome = this.#code("woken");
		else row.outcome = this.#code(this.#error(restartErrors.has(errno) ? EINTR : errno));
		row.timeout =
			shape.timeout === undefined
				? 0
				: args[2 * shape.timeout] !== 0 || args[2 * shape.timeout + 1] !== 0
					? 1
					: 0;
		row.slept_ns = call.blocked;
		row.waker_utid = Number.NaN;
		row.waker_irq = -1;
		row.stack_id = Number.NaN;
		const last = this.#clock?.lastWait(call.utid);
		if (last && last.since >= call.ts && last.since <= call.end) {
			row.waker_utid = last.wakerUtid >= 0 ? last.wakerUtid : Number.NaN;
			row.waker_irq = last.wakerIrq >= 0 ? last.wakerIrq : -1;
			row.stack_id = last.stackId >= 0 ? last.stackId : Number.NaN;
		}
		row.open_left = call.openLeft;
		row.open_right = call.openRight;
		this.#waits.append(row);
	}

	#wake(call: EndedCall, args: Int32Array, shape: Shape): void {
		const row = this.#wakeRow;
		row.ts = call.ts;
		row.dur = call.dur;
		row.utid = call.utid;
		row.uaddr_lo = shape.uaddr === undefined ? 0 : args[2 * shape.uaddr]!;
		row.uaddr_hi = shape.uaddr === undefined ? Number.NaN : args[2 * shape.uaddr + 1]!;
		row.op = this.#code(shape.op);
		row.shared = shared(args, shape);
		row.asked = shape.asked === undefined ? Number.NaN : args[2 * shape.asked]!;
		row.requeue_limit = shape.requeueLimit === undefined ? Number.NaN : args[2 * shape.requeueLimit]!;
		row.uaddr2_lo = shape.uaddr2 === undefined ? 0 : args[2 * shape.uaddr2]!;
		row.uaddr2_hi = shape.uaddr2 === undefined ? Number.NaN : args[2 * shape.uaddr2 + 1]!;
		row.ret = call.ret;
		row.error = call.errno === 0 ? -1 : this.#code(this.#error(call.errno));
		row.woken = shape.counts && call.ret >= 0 ? call.ret : Number.NaN;
		// The kernel wakes up to `asked` waiters first and requeues what follows (kernel/futex/requeue.c).
		row.requeued =
			shape.requeueLimit !== undefined && row.asked >= 0 ? Math.max(0, row.woken - row.asked) : Number.NaN;
		row.open_left = call.openLeft;
		row.open_right = call.openRight;
		this.#wakes.append(row);
	}

	#familyOf(name: number): Family {
		if (name >= this.#family.length)
			this.#family = grown(this.#family, Math.max(name + 1, this.#family.length * 2));
		let family: Family = this.#family[name]!;
		if (family === Family.unknown) {
			const text = this.#context.strings.text(name);
			if (multiplexers.has(text)) family = Family.multiplexed;
			else if (Object.hasOwn(calls, text)) {
				family = Family.single;
				this.#single.set(name, calls[text]!);
			} else family = Family.other;
			this.#family[name] = family;
		}
		return family;
	}

	#error(errno: number): string {
		return errorName(errno, this.#context.arch);
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

function shared(args: Int32Array, shape: Shape): number {
	if (shape.flags === undefined) return Number.NaN;
	return (args[2 * shape.flags]! & PRIVATE) === 0 ? 1 : 0;
}
