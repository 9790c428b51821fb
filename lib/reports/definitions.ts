/** What the words of reports mean, one sentence each; a report's statement lists those that it used. */
export const definitions = {
	"observed window":
		"Of a CPU: from its first to its last record in the window, less the intervals in which records were lost.",
	"run-queue wait":
		"From the waking of a thread (sched_waking, else sched_wakeup), its preemption or its start until it gets a CPU.",
	"who had the CPU":
		"The thread on the CPU on whose run queue the waiter was, for as long as both lasted; “idle” is the time that the CPU took to switch to the woken thread.",
	wait: "From leaving the CPU in a blocked state (S, D) until the waking; the run-queue wait after it does not count.",
	waker:
		"The thread that was on the CPU at the waking, or the interrupt in whose context it happened, never the thread that was interrupted.",
	"wait function":
		"First kernel function of the blocked stack that is not part of the scheduler or of waiting as such.",
	"cpu time":
		"Each ns of a CPU is one of user, system, hardirq, softirq, idle, unknown; “busy” where nothing tells user from system. Page faults count as user.",
	core: "Busy while any of its hardware threads runs a thread.",
	"futex wait": "A FUTEX_WAIT-like call from entry to exit; it slept if the thread blocked in it.",
	"futex address":
		"Process and address for private futexes; shared ones count for their process unless another process wakes on them.",
	"lock holder": "Not observable from futex calls: a waker is a fact, that it held the lock is inferred.",
	"thread join":
		"A shared futex whose expected value is the id of a thread of the same process: pthread_join; expected.",
	"queue time":
		"From the first sight of a block request (queued, merged or inserted) until it was given to the driver.",
	"service time": "From block_rq_issue to block_rq_complete of a request: driver, transport and device.",
	submitter: "The thread that queued the request, not the kernel thread that gave it to the driver.",
	"cpu sample":
		"Taken by perf each time an event has counted on; it weighs the CPU time, or the number of events, that it stands for. Samples of the idle threads are no CPU time.",
	"self and callees":
		"Self is what was sampled in a function itself; with callees also what it called, once for each sample however often it is on the stack.",
	"interrupts off":
		"ppc64 masks interrupts in software: a sample due meanwhile is taken when they are on again, at the function that switched them on.",
	percentile: "Nearest rank, an observed value; p50 from 3 values on, p95 from 20, p99 from 100, else “–”.",
	"belongs to the window":
		"Counts, means and percentiles are of what began in the window; totals in time are what lies inside of it.",
} as const satisfies Readonly<Record<string, string>>;
export type DefinitionName = keyof typeof definitions;
