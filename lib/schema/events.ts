/**
 * Event tables whose columns are known: one per tracepoint, named as the kernel names it. Every event table has
 * the common columns first, then the event's fields. Tracepoints that are not listed here get a table by the
 * same rules, with every integer a BIGINT.
 * Fields and meanings: include/trace/events/*.h and arch/powerpc/include/asm/trace.h, Linux 6.1 to 7.2.
 */
import { type Column, c, type Table, table } from "./column.ts";

/** Columns that every event table begins with. */
export const commonColumns = {
	ts: c.stamp("Time of the event"),
	cpu: c.integer("CPU on which it was recorded"),
	utid: c.utid("Thread that was current"),
} as const;

/** Columns that an event table ends with. */
export const stackColumns = {
	stack_id: c.stack("Kernel stack that was recorded with the event; NULL if none"),
	user_stack_id: c.stack("User stack that was recorded with the event; NULL if none"),
} as const;

function event(name: string, doc: string, fields: Record<string, Column>): Table {
	return table("event", name, doc, { ...commonColumns, ...fields, ...stackColumns });
}

const tid = (doc: string) => c.integer(doc);
const dev = c.bigint("Device, major << 20 | minor");
const sector = c.sectors("First sector");
const nrSector = c.sectors("Number of sectors");
const rwbs = c.varchar(
	"Operation letters: R read, W write, D discard, F flush (before: preflush, after: FUA), S sync, M metadata, A readahead",
);
const comm = c.varchar("Thread name");

/** What perf counts or times and samples: everything that it records but tracepoints. */
export const cpuSample = event(
	"cpu_sample",
	"One sample of a clock, a counter or a software event of perf (cpu-clock, cycles, page-faults, ...)",
	{
		event: c.varchar("Event as perf names it, such as cpu-clock or cycles:u"),
		period: c.bigint(
			"Events that the sample stands for: the weight of the sample (ns for cpu-clock and task-clock)",
		),
		ns: c.ns("CPU time that the sample stands for; NULL for events that do not count time"),
		mode: c.varchar(
			"Where the CPU was: user, kernel, hypervisor, guest kernel, guest user; NULL if not recorded",
		),
		ip: c.address("Instruction; NULL if not recorded"),
		data_address: c.address("Address of the data (perf record -d); NULL if not recorded"),
	},
);

/** Control blocks of io_submit (include/uapi/linux/aio_abi.h, struct iocb), as LinuxKI's recorder copies them: 32 a call at most. */
export const iocb = event("iocb", "One control block that io_submit was given", {
	iocb: c.address("Address of the block in the program"),
	opcode: c.varchar("PREAD, PWRITE, FSYNC, FDSYNC, POLL, NOOP, PREADV, PWRITEV, or the number"),
	ioprio: c.integer("Priority"),
	fd: c.integer("File descriptor"),
	position: c.bytes("Position in the file"),
	nbytes: c.bytes("Size asked for"),
});

/** Completions that io_getevents returned (struct io_event). */
export const ioEvent = event("io_event", "One completion that io_getevents returned", {
	data: c.mask("The program's own mark of the request"),
	iocb: c.address("Address of the control block in the program"),
	res: c.bigint("Result: bytes or -errno"),
	res2: c.bigint("Second result"),
});

/** File descriptors of poll, ppoll, select and pselect6 (struct pollfd). */
export const pollFd = event("poll_fd", "One file descriptor of one poll or select, as asked or as answered", {
	syscall: c.varchar("poll, ppoll, select or pselect6"),
	answer: c.boolean("false: at the enter, what was asked; true: at the exit, what was answered"),
	fd: c.integer("File descriptor"),
	events: c.integer(
		"Events asked for, as poll numbers them: POLLIN 1, POLLPRI 2, POLLOUT 4; for select in, except, out; NULL if not recorded",
	),
	revents: c.integer("Events that have come; NULL at the enter"),
});

export const eventTables: readonly Table[] = [
	cpuSample,
	iocb,
	ioEvent,
	pollFd,
	event("sched_switch", "A CPU switches from one thread to another", {
		prev_comm: comm,
		prev_pid: tid("tid of the thread that leaves"),
		prev_prio: c.integer("Its kernel priority"),
		prev_state: c.bigint("Its state bits, as this kernel numbers them"),
		next_comm: comm,
		next_pid: tid("tid of the thread that comes"),
		next_prio: c.integer("Its kernel priority"),
	}),
	event("sched_waking", "A thread is about to be woken (on the waker's CPU)", {
		comm,
		pid: tid("tid of the woken"),
		prio: c.integer("Its kernel priority"),
		target_cpu: c.integer("CPU on which it will be queued"),
	}),
	event("sched_wakeup", "A thread was put on a run queue", {
		comm,
		pid: tid("tid of the woken"),
		prio: c.integer("Its kernel priority"),
		target_cpu: c.integer("CPU on which it is queued"),
	}),
	event("sched_wakeup_new", "A new thread was put on a run queue for the first time", {
		comm,
		pid: tid("tid of the new thread"),
		prio: c.integer("Its kernel priority"),
		target_cpu: c.integer("CPU on which it is queued"),
	}),
	event("sched_migrate_task", "A thread moves to another CPU", {
		comm,
		pid: tid("tid of the thread"),
		prio: c.integer("Its kernel priority"),
		orig_cpu: c.integer("From"),
		dest_cpu: c.integer("To"),
	}),
	event("sched_process_fork", "A thread or process was created", {
		parent_comm: comm,
		parent_pid: tid("tid of the creator"),
		child_comm: comm,
		child_pid: tid("tid of the created"),
	}),
	event("sched_process_exec", "A thread executes a new program", {
		filename: c.varchar("Program"),
		pid: tid("tid after the exec"),
		old_pid: tid("tid before the exec"),
	}),
	event("sched_process_exit", "A thread ends", {
		comm,
		pid: tid("tid"),
		prio: c.integer("Its kernel priority"),
	}),
	event("sched_process_free", "The kernel frees a dead thread", {
		comm,
		pid: tid("tid"),
		prio: c.integer("Its kernel priority"),
	}),
	event("sched_stat_runtime", "CPU time charged to the current thread", {
		comm,
		pid: tid("tid"),
		runtime: c.ns("Time since the last charge"),
	}),
	event("task_newtask", "A thread or process was created", {
		pid: tid("tid of the created"),
		comm,
		clone_flags: c.mask("Flags of clone"),
		oom_score_adj: c.integer("oom_score_adj"),
	}),
	event("task_rename", "A thread changes its name", {
		pid: tid("tid"),
		oldcomm: c.varchar("Name before"),
		newcomm: c.varchar("Name after"),
		oom_score_adj: c.integer("oom_score_adj"),
	}),
	event("sys_enter", "A thread enters the kernel by a system call", {
		id: c.integer("Number of the call in the machine's own table"),
		args: c.bigints("The six argument registers, bits kept"),
		path: c.varchar("Path that the call names, as the recorder copied it (LinuxKI); NULL if not recorded"),
	}),
	event("sys_exit", "A thread returns from a system call", {
		id: c.integer("Number of the call"),
		ret: c.bigint("Return value; negative: -errno"),
	}),
	event("irq_handler_entry", "An interrupt handler begins", {
		irq: c.integer("Interrupt number"),
		name: c.varchar("Handler"),
	}),
	event("irq_handler_exit", "An interrupt handler ends", {
		irq: c.integer("Interrupt number"),
		ret: c.integer("1 handled, 0 not"),
	}),
	event("softirq_raise", "A softirq is requested", { vec: c.integer("Vector") }),
	event("softirq_entry", "A softirq begins", { vec: c.integer("Vector") }),
	event("softirq_exit", "A softirq ends", { vec: c.integer("Vector") }),
	event("cpu_idle", "A CPU enters (state) or leaves (4294967295) an idle state", {
		state: c.bigint("Idle state; 4294967295 = leaves"),
		cpu_id: c.integer("CPU meant"),
	}),
	event("cpu_frequency", "The clock rate of a CPU changes", {
		state: c.khz("New rate"),
		cpu_id: c.integer("CPU meant"),
	}),
	event("block_bio_queue", "A bio is queued to a device", { dev, sector, nr_sector: nrSector, rwbs, comm }),
	event("block_getrq", "A request is allocated for a bio", { dev, sector, nr_sector: nrSector, rwbs, comm }),
	event("block_bio_backmerge", "A bio is merged at the end of a request", {
		dev,
		sector,
		nr_sector: nrSector,
		rwbs,
		comm,
	}),
	event("block_bio_frontmerge", "A bio is merged at the front of a request", {
		dev,
		sector,
		nr_sector: nrSector,
		rwbs,
		comm,
	}),
	event("block_bio_remap", "A bio is redirected to another device", {
		dev,
		sector,
		nr_sector: nrSector,
		old_dev: c.bigint("Device before"),
		old_sector: c.sectors("Sector before"),
		rwbs,
	}),
	event("block_rq_insert", "A request enters the I/O scheduler", {
		dev,
		sector,
		nr_sector: nrSector,
		bytes: c.bytes("Size"),
		rwbs,
		comm,
		cmd: c.varchar("SCSI command, if any"),
	}),
	event("block_rq_issue", "A request is given to the driver", {
		dev,
		sector,
		nr_sector: nrSector,
		bytes: c.bytes("Size"),
		rwbs,
		comm,
		cmd: c.varchar("SCSI command, if any"),
	}),
	event("block_rq_requeue", "A request goes back to the queue", {
		dev,
		sector,
		nr_sector: nrSector,
		rwbs,
		cmd: c.varchar("SCSI command, if any"),
	}),
	event("block_rq_complete", "A part of a request has completed", {
		dev,
		sector,
		nr_sector: nrSector,
		error: c.integer("0 or -errno"),
		rwbs,
		cmd: c.varchar("SCSI command, if any"),
	}),
	event("print", "A mark written to trace_marker", {
		ip: c.address("Address of the writer"),
		buf: c.varchar("Text as it was written, most often with a newline at its end"),
	}),
	event("timer_interrupt_entry", "The timer interrupt begins (powerpc)", {
		regs: c.address("Address of the saved registers"),
	}),
	event("timer_interrupt_exit", "The timer interrupt ends (powerpc)", {
		regs: c.address("Address of the saved registers"),
	}),
	event("irq_entry", "An external interrupt begins (powerpc); its handlers are inside", {
		regs: c.address("Address of the saved registers"),
	}),
	event("irq_exit", "An external interrupt ends (powerpc)", {
		regs: c.address("Address of the saved registers"),
	}),
	event("doorbell_entry", "An IPI between SMT siblings begins (powerpc)", {
		regs: c.address("Address of the saved registers"),
	}),
	event("doorbell_exit", "An IPI between SMT siblings ends (powerpc)", {
		regs: c.address("Address of the saved registers"),
	}),
	event("hcall_entry", "A hypervisor call begins (powerpc)", { opcode: c.bigint("Number of the call") }),
	event("hcall_exit", "A hypervisor call ends (powerpc)", {
		opcode: c.bigint("Number of the call"),
		retval: c.bigint("Result"),
	}),
];
