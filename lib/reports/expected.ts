/** Waits and threads that are as they should be: kept in every sum, shown grey and below (look: cases, traps). */
import type { ThreadFacts } from "../scheduling/thread-list.ts";

/** Programs that record the trace itself. */
const recorders = /^(trace-cmd|perf[\d._]*|kiinfo|kitrace|lttng-\w*|bpftrace|powerki\w*)$/;

/** Why all that this thread waits is expected; null if it is not. */
export function expectedThread(thread: ThreadFacts | undefined): string | null {
	if (thread === undefined) return null;
	if (thread.name !== null && recorders.test(thread.name)) return "the recorder";
	if (thread.process !== null && recorders.test(thread.process)) return "the recorder";
	return null;
}

/** Why this wait is expected: an idle kernel thread, or a wait for the end of a thread or child; null if it is not. */
export function expectedWait(
	thread: ThreadFacts | undefined,
	wait: {
		readonly state: string;
		readonly syscall: string | null;
		readonly waitFunction: string | null;
		readonly ns: number;
	},
	joinNs: number,
): string | null {
	const whole = expectedThread(thread);
	if (whole !== null) return whole;
	// A kernel thread that sleeps in TASK_INTERRUPTIBLE or TASK_IDLE has nothing to do; in D it waits for something.
	if (thread?.kernelThread === true && wait.state !== "disk") return "idle kernel thread";
	// What takes the time is the child, which has rows of its own (kernel/exit.c).
	if (wait.waitFunction === "do_wait" || /^wait(4|id|pid)$/.test(wait.syscall ?? "")) return "child";
	// Run-queue time after the wait belongs to the call but not to the wait, so the joins may be a little longer.
	if (wait.syscall === "futex" && joinNs > 0 && joinNs >= 0.9 * wait.ns) return "join";
	return null;
}
