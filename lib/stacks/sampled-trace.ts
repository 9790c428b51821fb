/** A trace with a few samples of perf, small enough to work out by hand; for tests. */
import { type FixtureTrace, rowsSql } from "../dataset/fixture.ts";
import { smallTrace } from "../dataset/small-trace.ts";

const MS = 1_000_000;

/** Kernel and user stacks of frames, leaf first. */
export const stacksSql = (
	stacks: readonly (readonly [id: number, kind: string, frames: number[], doubtful?: boolean])[],
) =>
	stacks
		.map(
			([id, kind, frames, doubtful = false]) =>
				`SELECT CAST(${id} AS INTEGER) AS stack_id, '${kind}' AS kind, CAST([${frames.join(", ")}] AS INTEGER[]) AS frames, CAST(${frames.length} AS INTEGER) AS depth, ${doubtful} AS doubtful`,
		)
		.join(" UNION ALL ");

const sample = (ts: number, utid: number | null, mode: string | null, more: object = {}) => ({
	ts: ts * MS,
	cpu: 0,
	utid,
	event: "cpu-clock",
	period: 10 * MS,
	ns: 10 * MS,
	mode,
	...more,
});

/**
 * 10 ms each: A in fib (recursive) twice, in work of libx twice and of liby once, in the kernel below fib once, once
 * without a stack; B late, when interrupts were switched on again; idle twice; one unknown thread.
 */
export const sampledTrace: FixtureTrace = {
	...smallTrace,
	trace: "5a11000000000005",
	recorded: null,
	tables: {
		trace: rowsSql("trace", [{ machine: "ppc64le", kernel: "6.12.0" }]),
		thread: smallTrace.tables.thread!,
		process: smallTrace.tables.process!,
		stack: stacksSql([
			[1, "user", [3, 2, 2, 2, 1]],
			[2, "user", [4, 1]],
			[3, "user", [5, 1], true],
			[4, "kernel", [12, 11, 10]],
			[5, "kernel", [21, 20, 22, 14, 13, 10]],
			[6, "user", [6, 1]],
			[7, "kernel", [20]],
			[8, "kernel", [15, 21, 20, 13]],
		]),
		frame: rowsSql("frame", [
			{ frame_id: 1, address: 0x1000, symbol: "main", module: "/opt/app/app", file: "app.c", line: 40 },
			{ frame_id: 2, address: 0x1100, symbol: "fib", module: "/opt/app/app", file: "fib.c", line: 7 },
			{ frame_id: 3, address: 0x1108, symbol: "fib", module: "/opt/app/app", file: "fib.c", line: 5 },
			{ frame_id: 4, address: 0x2000, symbol: "work", module: "/usr/lib/libx.so" },
			{ frame_id: 5, address: 0x3000, symbol: "work", module: "/usr/lib/liby.so" },
			{ frame_id: 6, address: 0x1003ab44, symbol: null, module: "/usr/lib/libc.so.6" },
			{ frame_id: 10, address: -100, symbol: "system_call_exception" },
			{ frame_id: 11, address: -90, symbol: "ksys_read.isra.0" },
			{ frame_id: 12, address: -80, symbol: "xfs_read", module: "[xfs]" },
			{ frame_id: 13, address: -70, symbol: "copy_process" },
			{ frame_id: 14, address: -60, symbol: "_raw_spin_unlock_irqrestore" },
			{ frame_id: 15, address: -50, symbol: "virtblk_done" },
			{ frame_id: 20, address: -40, symbol: "arch_local_irq_restore.part.0" },
			{ frame_id: 21, address: -30, symbol: "__replay_soft_interrupts" },
			{ frame_id: 22, address: -20, symbol: null },
		]),
		dso: rowsSql("dso", [
			{ module: "/usr/lib/libc.so.6", build_id: "ab", state: "not found", frames: 1, named: 0 },
			{ module: "/opt/app/app", state: "named", file: "/opt/app/app", frames: 3, named: 3 },
		]),
		cpu_sample: rowsSql("cpu_sample", [
			sample(100, 1, "user", { user_stack_id: 1 }),
			sample(110, 1, "user", { user_stack_id: 1 }),
			sample(120, 1, "user", { user_stack_id: 2 }),
			sample(130, 1, "user", { user_stack_id: 2 }),
			sample(140, 1, "user", { user_stack_id: 3 }),
			sample(150, 1, "kernel", { user_stack_id: 1, stack_id: 4 }),
			sample(160, 1, "user"),
			sample(170, 2, "kernel", { user_stack_id: 6, stack_id: 5, cpu: 1 }),
			sample(180, null, "hypervisor", { stack_id: 8, cpu: 1 }),
			sample(200, 0, "kernel", { stack_id: 7 }),
			sample(210, 0, "kernel", { stack_id: 7, cpu: 1 }),
			sample(220, 2, "user", { event: "cycles:u", period: 1000, ns: null, user_stack_id: 2 }),
			sample(230, 2, "user", { event: "cycles:u", period: 3000, ns: null, user_stack_id: 6 }),
			sample(230, 0, "kernel", { event: "cycles:u", period: 500, ns: null }),
			sample(240, 1, null, { event: "page-faults", period: null, ns: null }),
		]),
	},
};
