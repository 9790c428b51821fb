import { describe, expect, test } from "vitest";
import { Futexes } from "./futex.ts";
import type { ThreadClock } from "./shared.ts";
import { Syscalls } from "./syscall.ts";
import { DeriveTest, type TestOptions } from "./testing.ts";

const FUTEX = 221;
const UADDR = 0x1014_2300;
const PRIVATE = 128;
type Wait = NonNullable<ReturnType<ThreadClock["lastWait"]>>;

function futexes(feed: (t: DeriveTest) => void, lastWait: Wait | null = null, options: TestOptions = {}) {
	const t = new DeriveTest(options);
	feed(t);
	const clock: ThreadClock = {
		totals: (_utid, ts, out) => out.set([0, 0, ts, 0]),
		lastWait: () => lastWait,
	};
	return t.run((context) => [new Syscalls(context, clock, [new Futexes(context, clock)])]);
}

function call(
	t: DeriveTest,
	ts: number,
	end: number,
	nr: number,
	args: readonly (number | bigint)[],
	ret: number,
): void {
	t.event(ts, 0, 7, "sys_enter", { id: nr, args: [...args, 0, 0, 0, 0, 0, 0].slice(0, 6) });
	t.event(end, 0, 7, "sys_exit", { id: nr, ret });
	t.event(end, 0, 7, "sched_switch", { prev_state: 0 });
}

describe("futex_wait", () => {
	test("a wait with its waker", () => {
		const t = futexes((t) => call(t, 100, 400, FUTEX, [UADDR, PRIVATE, 2, 0], 0), {
			since: 150,
			wakerUtid: 3,
			wakerIrq: -1,
			stackId: 9,
		});
		expect(t.rows("futex_wait")).toEqual([
			{
				ts: 100,
				dur: 300,
				utid: 1,
				uaddr: BigInt(UADDR),
				op: "WAIT",
				shared: false,
				val: 2,
				ret: 0,
				outcome: "woken",
				timeout: false,
				slept_ns: 300,
				waker_utid: 3,
				waker_irq: null,
				stack_id: 9,
				open_left: false,
				open_right: false,
			},
		]);
	});

	test("has no waker if the last wait was before the call", () => {
		const t = futexes((t) => call(t, 100, 110, FUTEX, [UADDR, 0, 2], -11), {
			since: 50,
			wakerUtid: 3,
			wakerIrq: -1,
			stackId: 9,
		});
		expect(t.rows("futex_wait", "outcome", "waker_utid", "stack_id", "shared")).toEqual([
			{ outcome: "EAGAIN", waker_utid: null, stack_id: null, shared: true },
		]);
	});

	test("outcomes: time-outs, signals (restarted or not), other errors", () => {
		const t = futexes((t) => {
			[-110, -4, -512, -516, -14].forEach((ret, i) => {
				call(t, 100 * i + 1, 100 * i + 50, FUTEX, [UADDR, 9 | PRIVATE | 256, 1, 4096], ret);
			});
		});
		expect(t.rows("futex_wait", "op", "outcome", "timeout")).toEqual(
			["ETIMEDOUT", "EINTR", "EINTR", "EINTR", "EFAULT"].map((outcome) => ({
				op: "WAIT_BITSET",
				outcome,
				timeout: true,
			})),
		);
	});

	test("a positive result of a call that gives only 0 is the error of `sc` on POWER", () => {
		const t = futexes((t) => {
			t.event(10, 0, 7, "sys_enter_futex", { __syscall_nr: FUTEX, arg0: UADDR, arg1: 0, arg2: 1, arg3: 64 });
			t.event(90, 0, 7, "sys_exit_futex", { __syscall_nr: FUTEX, ret: 110 });
		});
		expect(t.rows("futex_wait", "ret", "outcome")).toEqual([{ ret: 110, outcome: "ETIMEDOUT" }]);
	});

	test("priority inheritance, futex_wait(2), futex_waitv", () => {
		const t = futexes((t) => {
			call(t, 10, 20, FUTEX, [UADDR, 6 | PRIVATE, 0, 0], 0);
			call(t, 30, 40, 455, [UADDR, 5, 0xffff_ffff, 2 | PRIVATE, 64], -11);
			call(t, 50, 60, 449, [4096, 2, 0, 0, 1], 1);
		});
		expect(t.rows("futex_wait", "op", "uaddr", "shared", "val", "timeout", "outcome")).toEqual([
			{ op: "LOCK_PI", uaddr: BigInt(UADDR), shared: false, val: null, timeout: false, outcome: "woken" },
			{ op: "wait", uaddr: BigInt(UADDR), shared: false, val: 5, timeout: true, outcome: "EAGAIN" },
			{ op: "waitv", uaddr: null, shared: null, val: null, timeout: false, outcome: "woken" },
		]);
	});

	test("a wait that has not ended", () => {
		const t = futexes(
			(t) => {
				t.event(100, 0, 7, "sys_enter", { id: FUTEX, args: [UADDR, 0, 1, 0, 0, 0] });
				t.event(300, 0, 7, "sched_switch", { prev_state: 1 });
			},
			null,
			{ recorded: ["sys_enter", "sys_exit", "sched_switch"] },
		);
		expect(t.rows("futex_wait", "dur", "ret", "outcome", "open_right")).toEqual([
			{ dur: 200, ret: null, outcome: null, open_right: true },
		]);
	});
});

describe("futex_wake", () => {
	test("asked and woken", () => {
		const t = futexes((t) => {
			call(t, 10, 20, FUTEX, [UADDR, 1 | PRIVATE, 0x7fff_ffff], 2);
			call(t, 30, 40, FUTEX, [UADDR, 10, 1], -22);
		});
		expect(t.rows("futex_wake", "op", "shared", "asked", "woken", "requeued", "error")).toEqual([
			{ op: "WAKE", shared: false, asked: 0x7fff_ffff, woken: 2, requeued: null, error: null },
			{ op: "WAKE_BITSET", shared: true, asked: 1, woken: null, requeued: null, error: "EINVAL" },
		]);
	});

	test("a requeue tells the sum of woken and requeued", () => {
		const t = futexes((t) => call(t, 10, 20, FUTEX, [UADDR, 4, 1, 9, UADDR + 64, 0], 3));
		expect(t.rows("futex_wake", "op", "asked", "woken", "requeued", "requeue_limit", "uaddr2")).toEqual([
			{ op: "CMP_REQUEUE", asked: 1, woken: 3, requeued: 2, requeue_limit: 9, uaddr2: BigInt(UADDR + 64) },
		]);
	});

	test("UNLOCK_PI and futex_wake(2)", () => {
		const t = futexes((t) => {
			call(t, 10, 20, FUTEX, [UADDR, 7 | PRIVATE], 0);
			call(t, 30, 40, 454, [UADDR, 0xffff_ffff, 4, 2], 1);
		});
		expect(t.rows("futex_wake", "op", "asked", "woken", "shared")).toEqual([
			{ op: "UNLOCK_PI", asked: null, woken: null, shared: false },
			{ op: "wake", asked: 4, woken: 1, shared: true },
		]);
	});
});

test("TRYLOCK_PI neither waits nor wakes; x86 has its own number", () => {
	const t = futexes((t) => call(t, 10, 20, FUTEX, [UADDR, 8], 0));
	expect(t.rows("futex_wait")).toEqual([]);
	expect(t.rows("futex_wake")).toEqual([]);
	const x86 = futexes((t) => call(t, 10, 20, 202, [UADDR, 0, 1], 0), null, { arch: "x86_64" });
	expect(x86.rows("futex_wait", "op")).toEqual([{ op: "WAIT" }]);
});
