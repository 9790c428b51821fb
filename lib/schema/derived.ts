import { c, table } from "./column.ts";

/** Edges of the observed window: every derived interval carries them. */
const edges = {
	open_left: c.boolean("The interval began before it could be seen; dur counts only what was seen"),
	open_right: c.boolean(
		"The interval had not ended when it could last be seen; dur counts only what was seen",
	),
};

export const sched = table("derived", "sched", "One slice: a thread on a CPU, idle included", {
	ts: c.stamp("Start: sched_switch with this thread as next, or the start of what is observed of the CPU"),
	dur: c.ns("Length; NULL where the clock does not count time"),
	cpu: c.integer("CPU"),
	utid: c.utid("Thread that ran; NULL while unknown (after lost events, between recorded threads)"),
	end_state: c.varchar(
		"State in which the thread left the CPU: R, R+ (preempted), S, D, T, t, X, Z, P, I; NULL if the end was not seen or its record does not tell",
	),
	prio: c.integer("Kernel priority of the thread (0-99 real time, 100-139 nice -20..19); NULL if unknown"),
	...edges,
});

export const threadState = table(
	"derived",
	"thread_state",
	"One interval of a thread's life in one state; the intervals of a thread tile its observed life",
	{
		ts: c.stamp("Start"),
		dur: c.ns("Length; NULL where the clock does not count time"),
		utid: c.utid("Thread"),
		state: c.varchar(
			"running, runnable, sleeping (S), disk (D), stopped, traced, parked, idle (I), dead or unknown",
		),
		cpu: c.integer(
			"CPU on which it runs, or for runnable the CPU on whose run queue it waits; NULL otherwise or unknown",
		),
		waker_utid: c.utid(
			"For a wait and the runnable interval after it: the thread that ended the wait; NULL if none, unknown, or an interrupt did",
		),
		waker_irq: c.varchar(
			"For a wait and the runnable interval after it: the interrupt that ended the wait (such as irq 20 virtio1, softirq TIMER, timer); NULL otherwise",
		),
		waking_ts: c.stamp(
			"For a wait and the runnable interval after it: sched_waking (or sched_wakeup where that is not recorded); NULL if none",
		),
		wake_ts: c.stamp(
			"For a runnable interval: sched_wakeup, when the thread was put on the run queue; NULL if not recorded",
		),
		ignored_wakings: c.integer("Wakings during this interval that changed nothing"),
		blocked_stack_id: c.stack("For a wait: kernel stack on which the thread blocked; NULL if not recorded"),
		blocked_user_stack_id: c.stack("For a wait: user stack from which it blocked; NULL if not recorded"),
		syscall: c.varchar("For a wait: system call in which the thread blocked; NULL if none or not recorded"),
		...edges,
	},
);

export const syscall = table("derived", "syscall", "One system call of one thread", {
	ts: c.stamp("sys_enter, or the start of what is observed for a call that was already open"),
	dur: c.ns("Length; NULL where the clock does not count time"),
	cpu: c.integer("CPU of sys_enter (of sys_exit where the enter was not seen)"),
	utid: c.utid("Caller"),
	nr: c.integer("Number in the machine's own table"),
	name: c.varchar("Name in the machine's own table; NULL for a number that the table does not have"),
	args: c.bigints("The six arguments, bits kept; NULL where sys_enter was not recorded"),
	ret: c.bigint("Return value (negative: -errno); NULL if the exit was not seen"),
	error: c.varchar(
		"Name of the error (ENOENT, ERESTARTSYS, ...); NULL if the call did not fail or has not ended",
	),
	restarts: c.boolean("This call is restart_syscall: it goes on with an interrupted call"),
	running_ns: c.ns("Part of dur on a CPU"),
	runnable_ns: c.ns("Part of dur waiting for a CPU"),
	blocked_ns: c.ns("Part of dur asleep, in disk wait, stopped, traced or parked"),
	unknown_ns: c.ns(
		"Part of dur in which the thread's state is unknown (all of it where switches were not recorded)",
	),
	...edges,
});

export const blockIo = table(
	"derived",
	"block_io",
	"One block request, or one bio that was merged into a request",
	{
		ts: c.stamp("First sight of the request: queued_ts, else issued_ts, else the start of what is observed"),
		dur: c.ns("total_ns, or what was seen of it"),
		io: c.id("Number of this row in the trace, in order of first sight"),
		dev: c.bigint("Device: major << 20 | minor (as the trace event stores it)"),
		sector: c.sectors("First sector; NULL for a flush"),
		bytes: c.bytes("Size; 0 for a flush"),
		op: c.varchar("R read, W write, D discard, F flush, other operations by their first letter"),
		rwbs: c.varchar("The kernel's rwbs letters of the first event seen"),
		utid: c.utid(
			"Submitter: the thread that queued the request (not the kworker that issued it); NULL where queueing was not seen, as for the flush that the kernel sends for a write",
		),
		issuer_utid: c.utid("Thread current at block_rq_issue; NULL if not seen"),
		cpu: c.integer("CPU of the first event seen"),
		queued_ts: c.stamp(
			"block_bio_queue, block_getrq, a merge or block_rq_insert, whichever was seen first; NULL if none",
		),
		issued_ts: c.stamp("block_rq_issue (the last one, where requeued); NULL if not seen"),
		completed_ts: c.stamp("block_rq_complete; NULL if not seen"),
		queue_ns: c.ns("queued to issued; NULL if either is unknown"),
		service_ns: c.ns("issued to completed; NULL if either is unknown"),
		total_ns: c.ns("queued to completed; NULL if either is unknown"),
		error: c.integer("Error of block_rq_complete (0 or negative errno); NULL if not completed"),
		merges: c.integer(
			"Bios that were merged into this request (counted also where the merge itself was not recorded)",
		),
		merged_into: c.id("For a merged bio: io of the request that it joined; NULL otherwise", "block_io.io"),
		parent_io: c.id(
			"For a remapped bio: io of the row on the upper device (dm, md, multipath); NULL otherwise",
			"block_io.io",
		),
		requeues: c.integer("block_rq_requeue count"),
		stack_id: c.stack("Kernel stack of block_rq_issue (else of the queueing event); NULL if not recorded"),
		...edges,
	},
);

export const futexWait = table("derived", "futex_wait", "One futex call that can wait", {
	ts: c.stamp("sys_enter"),
	dur: c.ns("Length of the call"),
	utid: c.utid("Waiter"),
	uaddr: c.address("Futex address; NULL for futex_waitv, whose addresses lie in the memory of the program"),
	op: c.varchar("WAIT, WAIT_BITSET, LOCK_PI, LOCK_PI2, WAIT_REQUEUE_PI, waitv, wait"),
	shared: c.boolean(
		"Not FUTEX_PRIVATE: the futex may be shared between processes; NULL for futex_waitv (a flag of each address)",
	),
	val: c.bigint("Expected value, 32 bits; NULL for LOCK_PI, LOCK_PI2 and futex_waitv"),
	ret: c.bigint("Return value; NULL if the call has not ended"),
	outcome: c.varchar("woken, EAGAIN, ETIMEDOUT, EINTR, another error's name; NULL if the call has not ended"),
	timeout: c.boolean("A timeout was given"),
	slept_ns: c.ns("Part of dur in which the thread was blocked; NULL where switches were not recorded"),
	waker_utid: c.utid(
		"Thread that ended the last wait of this call; NULL if it did not sleep or nobody is known",
	),
	waker_irq: c.varchar("Interrupt that ended the last wait (timeouts); NULL otherwise"),
	stack_id: c.stack("Kernel stack on which the call blocked last; NULL if not recorded"),
	...edges,
});

export const futexWake = table("derived", "futex_wake", "One futex call that wakes or requeues", {
	ts: c.stamp("sys_enter"),
	dur: c.ns("Length of the call"),
	utid: c.utid("Waker"),
	uaddr: c.address("Futex address; NULL for futex_requeue, whose addresses lie in the memory of the program"),
	op: c.varchar("WAKE, WAKE_BITSET, WAKE_OP, REQUEUE, CMP_REQUEUE, CMP_REQUEUE_PI, UNLOCK_PI, wake, requeue"),
	shared: c.boolean("Not FUTEX_PRIVATE; NULL for futex_requeue"),
	asked: c.bigint("How many to wake (third argument); NULL for UNLOCK_PI"),
	woken: c.bigint(
		"Woken, by the return value; for requeue operations woken plus requeued (the kernel returns the sum), see requeued; NULL for UNLOCK_PI, on error, or if not ended",
	),
	requeued: c.bigint(
		"For requeue operations: waiters moved to uaddr2, as the return value beyond asked (the kernel wakes first, then requeues); NULL otherwise or where woken is NULL",
	),
	requeue_limit: c.bigint("For requeue operations: how many may be requeued at most; NULL otherwise"),
	uaddr2: c.address("Second address of requeue and WAKE_OP; NULL otherwise"),
	ret: c.bigint("Return value; NULL if the call has not ended"),
	error: c.varchar("Name of the error; NULL if none"),
	...edges,
});

/** What file_io and socket_io say of each call. Parts of dur as in the table syscall. */
const descriptorCall = {
	ts: c.stamp("sys_enter, or the start of what was seen of the call"),
	dur: c.ns("Length of the call; NULL where exits are not recorded"),
	utid: c.utid("Caller"),
	fd: c.integer(
		"File descriptor that the call was made on; for open, socket and others that make one from nothing: the new one. dup, accept: the one they were made on. sendfile, splice, copy_file_range, tee: the one that is written. NULL if the call failed to make one, makes two (pipe, socketpair), is about a range (close_range), or its enter was not seen",
	),
	syscall: c.varchar("Name of the call"),
} as const;

const timeSplit = {
	error: c.varchar("Name of the error; NULL if the call did not fail or has not ended"),
	running_ns: c.ns("Part of dur on a CPU"),
	runnable_ns: c.ns("Part of dur waiting for a CPU"),
	blocked_ns: c.ns("Part of dur asleep or in disk wait"),
	unknown_ns: c.ns("Part of dur in which the thread's state is unknown"),
	...edges,
} as const;

export const fileIo = table(
	"derived",
	"file_io",
	"One system call on a file descriptor that is not known to be a socket: open, read, write, sync, position, close. A call has its row here or in socket_io, never in both",
	{
		...descriptorCall,
		op: c.varchar("open, read, write, sync, seek, map, close, other"),
		file_id: c.id(
			"File that the descriptor meant during the call, for open the file of its path, also where it failed. NULL if unknown: what a descriptor meant before the trace is known only where a snapshot has it and nothing replaced it; nothing is known after lost events, and of a call that overlaps a change of its descriptor by another thread",
			"file.file_id",
		),
		bytes: c.bytes(
			"Bytes that a read or write moved: the return value; NULL for other calls, on error, or if not ended",
		),
		asked: c.bytes(
			"Bytes that the call asked for; NULL where it names none, or names them in memory (readv, writev)",
		),
		position: c.bytes(
			"Position in the file, of calls that name it (pread64, pwrite64, mmap, lseek with SEEK_SET, ...); NULL otherwise",
		),
		...timeSplit,
	},
);

export const socketIo = table(
	"derived",
	"socket_io",
	"One system call on a socket: socket, connect, accept, send, recv, shutdown, ...; and read, write, close where the descriptor is known to be one, by an earlier call or by addresses that were recorded",
	{
		...descriptorCall,
		op: c.varchar("open, connect, accept, recv, send, shutdown, close, other"),
		socket_id: c.id(
			"Addresses of the socket during the call: those recorded with it, for a connection those recorded with an earlier call, else what made or a snapshot shows the socket; NULL if unknown. They are never taken from an earlier socket with the same descriptor",
			"socket.socket_id",
		),
		bytes: c.bytes(
			"Bytes that a send or recv moved: the return value; NULL for other calls, for sendmmsg and recvmmsg (their result counts messages), on error, or if not ended",
		),
		asked: c.bytes(
			"Bytes that the call asked for; NULL where it names none, or names them in memory (sendmsg, recvmsg)",
		),
		...timeSplit,
	},
);

export const irq = table("derived", "irq", "One interrupt on one CPU, entry to exit", {
	ts: c.stamp("Entry"),
	dur: c.ns("Entry to exit, nested interrupts included"),
	self_ns: c.ns("dur less the nested interrupts and softirqs"),
	cpu: c.integer("CPU"),
	kind: c.varchar(
		"handler (irq_handler), entry (powerpc irq_entry, the outer of its handlers), timer (timer_interrupt), doorbell",
	),
	irq: c.integer("Interrupt number; NULL for entry, timer and doorbell"),
	name: c.varchar("Name of the handler, or the kind"),
	depth: c.integer("0 = outermost"),
	ret: c.integer("irq_handler_exit: 1 handled, 0 not; NULL for other kinds"),
	utid: c.utid("Thread that was interrupted"),
	...edges,
});

export const softirq = table("derived", "softirq", "One run of one softirq vector on one CPU", {
	ts: c.stamp("softirq_entry"),
	dur: c.ns("Entry to exit, nested interrupts included"),
	self_ns: c.ns("dur less the nested interrupts"),
	cpu: c.integer("CPU"),
	vec: c.integer("Vector"),
	name: c.varchar("HI, TIMER, NET_TX, NET_RX, BLOCK, IRQ_POLL, TASKLET, SCHED, HRTIMER, RCU"),
	raise_ts: c.stamp("First softirq_raise of this vector on this CPU since its last run; NULL if not seen"),
	latency_ns: c.ns("Raise to entry; NULL if the raise was not seen"),
	utid: c.utid("Thread that was interrupted, or ksoftirqd"),
	...edges,
});

export const idleState = table("derived", "idle_state", "One stay of a CPU in an idle state", {
	ts: c.stamp("cpu_idle with a state"),
	dur: c.ns("Until the next cpu_idle event of the CPU"),
	cpu: c.integer("CPU"),
	state: c.integer(
		"Number of the idle state under the machine's idle driver; NULL if the CPU was idle when it was first seen",
	),
	name: c.varchar("Name from the side file cpuidle; NULL without it"),
	...edges,
});

export const frequency = table(
	"derived",
	"frequency",
	"One interval of constant clock rate of a CPU, as cpu_frequency reports it",
	{
		ts: c.stamp("cpu_frequency"),
		dur: c.ns("Until the next cpu_frequency event for the CPU"),
		cpu: c.integer("CPU meant by the event (cpu_id), not the CPU on which the event was recorded"),
		khz: c.khz("Clock rate"),
		...edges,
	},
);

export const lost = table("derived", "lost", "One gap in what a CPU recorded", {
	ts: c.stamp(
		"Start of the gap: last record before it (the start of the trace's window where nothing precedes)",
	),
	dur: c.ns("Until the first record after it"),
	cpu: c.integer("CPU"),
	events: c.bigint("Events lost, by the recorder's count; NULL = unknown number"),
});

export const cgroupThread = table(
	"derived",
	"cgroup_thread",
	"One interval that a thread spent in one control group (and so in those above it), as far as the trace tells: from side files (ps, /proc/PID/cgroup), creation, cgroup_attach_task, and samples; a move that was not recorded does not show. With cgroup v1 the hierarchy that names a container counts, else that of the longest path",
	{
		ts: c.stamp(
			"Start: cgroup_attach_task, the creation of the thread, or the first sign of a thread that was there before",
		),
		dur: c.ns(
			"Until it moved, made its last switch, or the end of the window; NULL where the clock does not count time",
		),
		utid: c.utid("Thread"),
		cgroup_id: c.id("Control group", "cgroup.cgroup_id"),
		...edges,
	},
);

export const derivedTables = [
	sched,
	threadState,
	syscall,
	blockIo,
	futexWait,
	futexWake,
	fileIo,
	socketIo,
	irq,
	softirq,
	idleState,
	frequency,
	lost,
	cgroupThread,
] as const;
