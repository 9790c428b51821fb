/**
 * What derivations know of each other, per thread and per CPU. Each part has one writer; the others read.
 * Index by utid or cpu; arrays grow as threads appear (always go through the accessors of the owner).
 */

/** Written by thread_state, read by syscall and futex. */
export interface ThreadClock {
	/** Time spent so far by the thread in each class, up to `ts`: out[0] running, out[1] runnable, out[2] blocked, out[3] unknown (ns). */
	totals(utid: number, ts: number, out: Float64Array): void;
	/** The last wait of the thread that has ended, for the waker of a futex wait; `since` is when it blocked. Reused object. */
	lastWait(utid: number): { since: number; wakerUtid: number; wakerIrq: number; stackId: number } | null;
}

/** Written by syscall, read by thread_state. */
export interface OpenSyscalls {
	/** String code of the name of the system call that the thread is in; -1 if none or unknown. */
	nameOf(utid: number): number;
}

/** Written by irq/softirq, read by thread_state. */
export interface InterruptContext {
	/** String code that names the innermost open interrupt or softirq of the CPU ("irq 20 virtio1", "softirq TIMER", "timer", "doorbell"); -1 if none is open. */
	current(cpu: number): number;
}

/** More than any kernel has: an event that names a CPU beyond it is damaged, and tells nothing of any. */
export const MAX_CPUS = 65_536;
