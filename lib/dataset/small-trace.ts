/**
 * A trace of two CPUs and one second, small enough to work out by hand; for tests. Times in ms.
 *
 *     cpu 0: idle 0-100, A 100-300, idle 300-680, B 680-900, idle 900-1000
 *            irq 200-220 and softirq 220-230 in A's system call; irq 640-660 in idle
 *     cpu 1: B 0-500, K (kernel thread) 500-1000
 *     A (11): runnable on cpu 1 0-100, runs 100-300, sleeps 300-500 (woken by B), runnable on cpu 1 500-620, sleeps 620-
 *             system call read 150-250
 *     B (12): runs 0-500, sleeps 500-650 in futex 400-700 (woken by irq), runnable on cpu 0 650-680, runs 680-900, sleeps 900-
 *     K (13): runs 500-1000
 */
import { type FixtureTrace, rowsSql } from "./fixture.ts";

type Rows = Parameters<typeof rowsSql>[1];
const MS = 1_000_000;

/** Times in ms become ns. */
function scaled(rows: Rows): Rows {
	return rows.map((row) =>
		Object.fromEntries(
			Object.entries(row).map(([k, v]) =>
				typeof v === "number" && (/(^|_)ts$/.test(k) || /_ns$/.test(k) || k === "dur") ? [k, v * MS] : [k, v],
			),
		),
	);
}

const slice = (cpu: number, utid: number, ts: number, end: number) => ({ cpu, utid, ts, dur: end - ts });
const state = (utid: number, name: string, ts: number, end: number, more: object = {}) => ({
	utid,
	state: name,
	ts,
	dur: end - ts,
	open_right: end === 1000,
	...more,
});

const tables: Readonly<Record<string, Rows>> = {
	thread: [
		{ utid: 0, tid: 0, tgid: 0, name: "swapper", kernel_thread: true },
		{ utid: 1, tid: 11, tgid: 11, name: "A", kernel_thread: false },
		{ utid: 2, tid: 12, tgid: 11, name: "B", kernel_thread: false },
		{ utid: 3, tid: 13, tgid: 13, name: "K", kernel_thread: true },
	],
	process: [
		{ tgid: 11, leader_utid: 1, name: "app" },
		{ tgid: 13, leader_utid: 3, name: "K" },
	],
	cpu: [
		{ cpu: 0, core: 0 },
		{ cpu: 1, core: 0 },
	],
	device: [{ dev: 265289728, name: "vda" }],
	sched: [
		slice(0, 0, 0, 100),
		slice(0, 1, 100, 300),
		slice(0, 0, 300, 680),
		slice(0, 2, 680, 900),
		slice(0, 0, 900, 1000),
		slice(1, 2, 0, 500),
		slice(1, 3, 500, 1000),
	],
	thread_state: [
		state(1, "runnable", 0, 100, { cpu: 1, open_left: true }),
		state(1, "running", 100, 300, { cpu: 0 }),
		state(1, "sleeping", 300, 500, { waker_utid: 2, waking_ts: 500, blocked_stack_id: 1, syscall: "read" }),
		state(1, "runnable", 500, 620, { cpu: 1, waker_utid: 2, waking_ts: 500 }),
		state(1, "sleeping", 620, 1000, { blocked_stack_id: 2 }),
		state(2, "running", 0, 500, { cpu: 1 }),
		state(2, "sleeping", 500, 650, { waker_irq: "irq 20 virtio1", waking_ts: 650, syscall: "futex" }),
		state(2, "runnable", 650, 680, { cpu: 0, waker_irq: "irq 20 virtio1", waking_ts: 650 }),
		state(2, "running", 680, 900, { cpu: 0 }),
		state(2, "sleeping", 900, 1000),
		state(3, "running", 500, 1000, { cpu: 1 }),
	],
	syscall: [
		{
			ts: 150,
			dur: 100,
			cpu: 0,
			utid: 1,
			nr: 3,
			name: "read",
			running_ns: 100,
			runnable_ns: 0,
			blocked_ns: 0,
			unknown_ns: 0,
			error: "EAGAIN",
		},
		{
			ts: 400,
			dur: 300,
			cpu: 1,
			utid: 2,
			nr: 221,
			name: "futex",
			running_ns: 120,
			runnable_ns: 30,
			blocked_ns: 150,
			unknown_ns: 0,
		},
		{
			ts: 950,
			dur: 50,
			cpu: 1,
			utid: 3,
			nr: 999,
			running_ns: 50,
			runnable_ns: 0,
			blocked_ns: 0,
			unknown_ns: 0,
			open_right: true,
		},
	],
	irq: [
		{ ts: 200, dur: 20, self_ns: 20, cpu: 0, kind: "handler", irq: 20 },
		{ ts: 640, dur: 20, self_ns: 20, cpu: 0, kind: "handler", irq: 20 },
	],
	softirq: [{ ts: 220, dur: 10, self_ns: 10, cpu: 0, vec: 1, name: "TIMER" }],
	stack: [],
	frame: [
		{ frame_id: 0, address: 1, symbol: "__schedule" },
		{ frame_id: 1, address: 2, symbol: "schedule_timeout.isra.0" },
		{ frame_id: 2, address: 3, symbol: "pipe_read.constprop.1" },
		{ frame_id: 3, address: -4611686018427387, symbol: null },
		{ frame_id: 4, address: 5, symbol: "xfs_wait", module: "[xfs]" },
	],
	futex_wait: [
		{
			ts: 400,
			dur: 300,
			utid: 2,
			uaddr: 4096,
			op: "WAIT",
			shared: false,
			outcome: "woken",
			slept_ns: 150,
			waker_irq: "irq 20 virtio1",
		},
		{ ts: 850, dur: 1, utid: 2, uaddr: 4096, op: "WAIT", shared: false, outcome: "EAGAIN", slept_ns: 0 },
		{
			ts: 120,
			dur: 10,
			utid: 1,
			uaddr: 4096,
			op: "LOCK_PI",
			shared: true,
			outcome: "ETIMEDOUT",
			slept_ns: 5,
			waker_utid: 2,
		},
	],
	futex_wake: [
		{ ts: 140, dur: 1, utid: 1, uaddr: 4096, op: "WAKE", shared: false, asked: 1, woken: 0 },
		{ ts: 260, dur: 1, utid: 1, uaddr: 4096, op: "WAKE", shared: false, asked: 1, woken: 1 },
		{ ts: 270, dur: 1, utid: 1, uaddr: 8192, op: "WAKE", shared: false, asked: 1, woken: 0 },
	],
	block_io: [
		{
			ts: 100,
			dur: 50,
			io: 0,
			dev: 265289728,
			bytes: 4096,
			op: "R",
			utid: 1,
			cpu: 0,
			queued_ts: 100,
			issued_ts: 110,
			completed_ts: 150,
			queue_ns: 10,
			service_ns: 40,
			total_ns: 50,
			error: 0,
		},
		{
			ts: 120,
			dur: 60,
			io: 1,
			dev: 265289728,
			bytes: 8192,
			op: "R",
			utid: 1,
			cpu: 0,
			queued_ts: 120,
			issued_ts: 130,
			completed_ts: 180,
			queue_ns: 10,
			service_ns: 50,
			total_ns: 60,
			error: 0,
		},
		{
			ts: 121,
			dur: 59,
			io: 2,
			dev: 265289728,
			bytes: 4096,
			op: "R",
			utid: 2,
			cpu: 1,
			merged_into: 1,
			queued_ts: 121,
			issued_ts: 130,
			completed_ts: 180,
			queue_ns: 9,
			service_ns: 50,
			total_ns: 59,
			error: 0,
		},
		{
			ts: 700,
			dur: 300,
			io: 3,
			dev: 8388624,
			bytes: 512,
			op: "W",
			utid: 2,
			cpu: 0,
			queued_ts: 700,
			issued_ts: 710,
			queue_ns: 10,
			open_right: true,
		},
	],
};

const stacks = `SELECT CAST(s AS INTEGER) AS stack_id, 'kernel' AS kind, f AS frames, CAST(len(f) AS INTEGER) AS depth
FROM (VALUES (1, CAST([0, 1, 2, 3] AS INTEGER[])), (2, CAST([0, 4] AS INTEGER[]))) AS v(s, f)`;

export const smallTrace: FixtureTrace = {
	trace: "5a11000000000001",
	host: "p9",
	date: "2026-05-01",
	start: 0n,
	end: BigInt(1000 * MS),
	recorded: [
		"sched_switch",
		"sched_waking",
		"sys_enter",
		"sys_exit",
		"irq_handler_entry",
		"irq_handler_exit",
		"softirq_entry",
		"softirq_exit",
		"block_rq_issue",
		"block_rq_complete",
	],
	tables: {
		...Object.fromEntries(
			Object.entries(tables)
				.filter(([, rows]) => rows.length > 0)
				.map(([name, rows]) => [name, rowsSql(name, scaled(rows))]),
		),
		stack: stacks,
	},
};
