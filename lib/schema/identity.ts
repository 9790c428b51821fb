import { c, table } from "./column.ts";

export const trace = table("identity", "trace", "One trace (one buffer of one recording)", {
	format: c.varchar("Input format, such as trace.dat"),
	format_version: c.varchar("Version of the input format"),
	buffer: c.varchar("Name of the buffer instance; empty for the main buffer"),
	source: c.varchar("Name of the input file"),
	sha256: c.varchar("SHA-256 of the input bytes"),
	machine: c.varchar("Architecture, such as ppc64le; NULL if unknown"),
	kernel: c.varchar("Kernel release; NULL if unknown"),
	little_endian: c.boolean("Byte order of the traced machine"),
	long_bytes: c.integer("Size of a long on the traced machine"),
	page_bytes: c.integer("Page size of the traced machine"),
	cpus: c.integer("CPUs that the recorder saw"),
	clock: c.varchar("Trace clock"),
	clock_unit: c.varchar("ns, or what a stamp counts where the clock does not count time"),
	wall_offset: c.bigint("Wall clock minus trace clock, ns; NULL if unknown"),
	start_ts: c.stamp("First record"),
	end_ts: c.stamp("Last record"),
	events: c.bigint("Records imported"),
	lost_events: c.bigint("Events lost, as far as counted"),
});

export const cpu = table("identity", "cpu", "One CPU (hardware thread) of the traced machine", {
	cpu: c.integer("Number"),
	core: c.integer("Number of the core; NULL without topology"),
	socket: c.integer("Number of the socket (package); NULL without topology"),
	node: c.integer("NUMA node; NULL without topology"),
	smt_thread: c.integer(
		"0 for the first hardware thread of its core, 1 for the second, ...; NULL without topology",
	),
	model: c.varchar("Processor model, from the side file cpuinfo; NULL without it"),
	first_ts: c.stamp("First record on this CPU; NULL if none"),
	last_ts: c.stamp("Last record on this CPU; NULL if none"),
	events: c.bigint("Records imported from this CPU"),
});

export const thread = table(
	"identity",
	"thread",
	"One thread's life in one trace; a reused tid is another row. utid 0 is the idle threads of all CPUs",
	{
		utid: c.id("Identity of the thread in this trace"),
		tid: c.integer("Thread id (pid in kernel words)"),
		tgid: c.integer("Process id; NULL if unknown"),
		name: c.varchar("Last known name (comm)"),
		first_ts: c.stamp("First sign of it; NULL if it does not appear in the events"),
		last_ts: c.stamp("Last sign of it; NULL if it does not appear in the events"),
		start_known: c.boolean("Its start was recorded"),
		end_known: c.boolean("Its end was recorded"),
		parent_utid: c.utid("Thread that created it; NULL if not recorded"),
		clone_flags: c.mask("Flags of task_newtask; NULL if not recorded"),
		kernel_thread: c.boolean("Kernel thread; NULL if unknown"),
	},
);

export const process = table(
	"identity",
	"process",
	"One process: the threads that share a tgid during one life",
	{
		tgid: c.integer("Process id"),
		leader_utid: c.utid("Its main thread; NULL if the trace does not show it"),
		name: c.varchar("Name of the main thread, else of the first known thread"),
		parent_tgid: c.integer("Process id of the parent; NULL if unknown"),
		command: c.varchar("Command line from a ps side file; NULL without it"),
		threads: c.integer("Threads of it in the thread table"),
		kernel_thread: c.boolean("Kernel thread; NULL if unknown"),
	},
);

export const threadName = table("identity", "thread_name", "One name of one thread, in order of time", {
	ts: c.stamp("When the name was given; NULL for the name it had when first seen"),
	utid: c.utid("Thread"),
	name: c.varchar("Name"),
	source: c.varchar("What told: task_rename, exec, fork, sched_switch, comm (a record of perf), cmdline, ps"),
});

export const device = table("identity", "device", "One block device", {
	dev: c.bigint("major << 20 | minor, as in the event tables"),
	major: c.integer("Major number"),
	minor: c.integer("Minor number"),
	name: c.varchar("Name such as vda; NULL if no side file tells"),
	alias: c.varchar("Name in /dev/mapper or of the multipath map; NULL if none"),
	bytes: c.bytes("Size; NULL if unknown"),
	holders: c.varchars("Devices built on it; NULL if unknown"),
});

export const irqLine = table("identity", "irq_line", "One interrupt line", {
	irq: c.integer("Number; NULL for the named lines of the kernel (LOC, DBL, ...)"),
	name: c.varchar("Names of its handlers"),
	chip: c.varchar("Controller and hardware line, from the side file interrupts; NULL without it"),
});

export const stack = table(
	"identity",
	"stack",
	"One chain of frames; distinct when collected, two may have become equal after powerki symbolize",
	{
		stack_id: c.id("Number of the stack in this trace, in order of first sight"),
		kind: c.varchar("kernel or user"),
		frames: c.integers("frame_id of each frame, leaf first"),
		depth: c.integer("Number of frames"),
		doubtful: c.boolean(
			"The second frame is the value of the link register, and nothing at hand tells whether it is a caller or stale",
		),
	},
);

export const frame = table("identity", "frame", "One distinct return address of the stacks of a trace", {
	frame_id: c.id("Number of the frame in this trace"),
	address: c.address("Address as recorded"),
	symbol: c.varchar("Function; NULL if no symbol table covers the address"),
	offset: c.bigint("Bytes from the start of the function; NULL without a symbol"),
	module: c.varchar(
		"Kernel module in brackets, such as [ext4], or the mapped file; NULL for the core kernel and for memory that is not mapped",
	),
	file_offset: c.bytes("Place in the mapped file; NULL for the kernel and for memory without a file"),
	build_id: c.varchar("Build-id that the trace has for the mapped file; NULL if it has none"),
	file: c.varchar("Source file; NULL if unknown"),
	line: c.integer("Source line; NULL if unknown"),
	inlined: c.boolean("The frame is an inlined call"),
});

export const dso = table(
	"identity",
	"dso",
	"One mapped program, library or vdso on which user frames lie (perf calls them DSO), and where its symbols come from",
	{
		module: c.varchar("Mapped file, as frame.module"),
		build_id: c.varchar("Build-id that the trace has for it; NULL if it has none"),
		file: c.varchar("File that gave the symbols; NULL if none did"),
		state: c.varchar(
			"named; not found; other build (a file was found and refused, its build-id differs); no symbols; unreadable; no file (anonymous memory)",
		),
		frames: c.integer("Addresses on it in the frame table (inlined calls not counted)"),
		named: c.integer("Those of them that have a symbol"),
	},
);

export const cgroup = table("identity", "cgroup", "One control group that the trace or its side files name", {
	cgroup_id: c.id("Number of the control group in this trace, in order of first sight"),
	path: c.varchar(
		"Path from the root of its hierarchy, such as /system.slice/sshd.service; equal paths in two hierarchies of cgroup v1 are one group; NULL if only its inode was recorded",
	),
	inode: c.bigint(
		"The kernel's id of it, its inode number in cgroupfs (cgroup v2): a group that was removed and made again has another; NULL if not recorded",
	),
	engine: c.varchar("docker, containerd, cri-o, podman, lxc, systemd-nspawn; NULL if it is no container"),
	container: c.varchar(
		"Id of the container, whole, for lxc and systemd-nspawn its name; the innermost one, also for the groups inside it; NULL if it is none, as the monitor of a container (conmon)",
	),
	pod: c.varchar("uid of the Kubernetes pod, with dashes; NULL if it belongs to none"),
	unit: c.varchar("Innermost systemd service or scope, as systemctl names it; NULL if it has none"),
});

export const file = table(
	"identity",
	"file",
	"One file as the trace or its side files name it: a path. The same file may have several rows where nothing tells that they are one (links, a relative and an absolute path), and an absolute path is one row in all mount namespaces",
	{
		file_id: c.id("Number of the file in this trace, in order of first sight"),
		path: c.varchar(
			"Path as the program gave it (absolute where the directory is known), as lsof shows it, or, in brackets, what an anonymous inode is ([eventpoll]); NULL if nothing at hand tells which file the descriptor meant",
		),
		type: c.varchar("Type as lsof names it: REG, DIR, CHR, BLK, FIFO, a_inode, ...; NULL if unknown"),
		dev: c.bigint("Device of its file system, major << 20 | minor; NULL if unknown"),
		inode: c.bigint("Inode number; NULL if unknown"),
		source: c.varchar(
			"What names it: open (a path in the trace), call (a call that makes such a descriptor, as epoll_create), lsof (open in a snapshot and never replaced in between); NULL if nothing does",
		),
	},
);

export const socket = table(
	"identity",
	"socket",
	"One pair of socket addresses as the trace or its side files tell it",
	{
		socket_id: c.id("Number of the pair in this trace, in order of first sight"),
		family: c.varchar("inet, inet6, unix, netlink, packet, ...; NULL if unknown"),
		type: c.varchar("stream, dgram, raw, rdm, seqpacket, dccp, packet; NULL if unknown"),
		protocol: c.varchar(
			"TCP, UDP, ... where the source tells it or family and type leave no choice; NULL otherwise",
		),
		local_address: c.varchar(
			"Address of this end, for unix its path if it has one; NULL if unknown or unnamed",
		),
		local_port: c.integer("Port of this end; NULL if it has none or it is unknown"),
		remote_address: c.varchar(
			"Address of the other end, for unix its path if it has one; NULL if unknown or unnamed",
		),
		remote_port: c.integer("Port of the other end; NULL if it has none or it is unknown"),
		inode: c.bigint("Inode number of the socket; NULL if unknown"),
		source: c.varchar(
			"What tells it: record (addresses recorded with a call), call (arguments of socket), lsof (open in a snapshot and never replaced in between); NULL if nothing does",
		),
	},
);

export const sideCounter = table(
	"identity",
	"side_counter",
	"One counter of a side file, before and after the recording",
	{
		source: c.varchar("Kind of file: interrupts, softirqs, diskstats, vmstat, cgroup"),
		object: c.varchar(
			"What it counts for: a device, an interrupt line, a cgroup file; with /cpuN for per-CPU counters",
		),
		name: c.varchar("Counter"),
		before: c.bigint("Value before; NULL if only the file of the end is there"),
		after: c.bigint("Value after; NULL if only the file of the start is there"),
	},
);

export const importNote = table(
	"import",
	"import_note",
	"One thing that the import lost, repaired, guessed or did not know",
	{
		severity: c.varchar("info, warning (data may be missing) or error (data is missing)"),
		kind: c.varchar("Stable name of the cause"),
		source: c.varchar("File or section it concerns"),
		offset: c.bytes("Position in the file; NULL where none applies"),
		cpu: c.integer("CPU it concerns; NULL for all"),
		count: c.bigint("How often"),
		text: c.varchar("What happened, in a sentence"),
	},
);

export const identityTables = [
	trace,
	cpu,
	thread,
	process,
	threadName,
	device,
	irqLine,
	stack,
	frame,
	dso,
	cgroup,
	file,
	socket,
	sideCounter,
	importNote,
] as const;
