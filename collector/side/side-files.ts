import type { Mapping } from "../identity/address-space.ts";
import type { DeviceFact, DeviceTold } from "../identity/devices.ts";
import type { KernelSymbols, LoadedModule } from "../identity/kallsyms.ts";
import type { CpuFact, CpuSource } from "../identity/topology.ts";

/** When a side file was taken, as far as its name tells (X.before and X.after, X.start and X.end). */
export type Moment = "before" | "after" | "unknown";

/** A thread as ps saw it. A tid whose name differs between two files appears twice. */
export interface ThreadFact {
	tid: number;
	tgid?: number;
	ppid?: number;
	/** comm, as the scheduler's events show it: at most 15 bytes. */
	name?: string;
	/** What /proc shows beyond that for a kernel thread, such as "kworker/0:1-events". */
	fullName?: string;
	/** Command line. */
	command?: string;
	/** Undefined where the file does not tell. */
	kernelThread?: boolean;
	/** Path of its cgroup, or what /proc/PID/cgroup says: its lines, in ps joined by commas. */
	cgroup?: string;
	/** Its tids from the outermost pid namespace inwards, when it is in more than one. */
	namespaceTids?: number[];
	when: Moment;
}

/** One descriptor of one process, as lsof or /proc/PID/fd showed it. */
export interface OpenFileFact {
	/** Process id. */
	tgid: number;
	fd: number;
	/** As lsof names it: REG, DIR, CHR, BLK, FIFO, unix, IPv4, IPv6, sock, netlink, a_inode, ... */
	type: string;
	/** Device of the file system (for CHR and BLK: as lsof shows it), major << 20 | minor. */
	dev?: bigint;
	inode?: bigint;
	/** Absent for sockets and for what lsof could not name. */
	path?: string;
	/** Of sockets, as the source names it: TCP, UDP, UNIX-STREAM, NETLINK, ... */
	protocol?: string;
	/** Of unix and packet sockets: stream, dgram, seqpacket, raw, ... */
	socketType?: string;
	local?: SocketAddress;
	remote?: SocketAddress;
	/** Of TCP: LISTEN, ESTABLISHED, ... */
	state?: string;
	when: Moment;
}

/** Where a process was when the file was taken: what its relative paths begin at. */
export interface WorkingDirectoryFact {
	/** Process id. */
	tgid: number;
	path: string;
	when: Moment;
}

export interface SocketAddress {
	/** Numeric, IPv6 without brackets; "*" is left out. For unix its path. */
	address?: string;
	port?: number;
}

/** One line of /proc/PID/maps. */
export interface MappingFact {
	tgid: number;
	mapping: Mapping;
	when: Moment;
}

export interface CgroupFact {
	/** From the root of its hierarchy. */
	path: string;
	/** The kernel's id of it: its inode number in cgroupfs. */
	inode: number;
}

export interface IrqLineFact {
	/** Null for the named lines of the kernel (LOC, DBL, ...). */
	irq: number | null;
	/** Handlers ("virtio0-req.0"), or "LOC: Local timer interrupts for others". */
	name: string;
	/** Controller, hardware line and trigger, such as "XIVE-IRQ 4096 Edge". */
	chip?: string;
}

/** A row of side_counter. */
export interface CounterFact {
	source: string;
	object: string;
	name: string;
	before: bigint | null;
	after: bigint | null;
}

/** One reading of a clock of the kernel and of the wall clock. */
export interface WallClock {
	/** "mono" or "boot", as the trace clocks are named. */
	clock: "mono" | "boot";
	/** Wall time minus this clock, ns. */
	offset: bigint;
	/** The reading took so long at most, ns. */
	uncertainty: number;
}

/** What is known of the machine. Absent: no file told. */
export interface MachineFacts {
	host?: string;
	/** uname -r */
	kernel?: string;
	/** uname -m */
	machine?: string;
	/** /proc/version */
	version?: string;
	pageBytes?: number;
	memoryBytes?: number;
	/** /proc/cmdline: the kernel's own command line. */
	kernelCommandLine?: string;
	/** "platform" of cpuinfo: pSeries, PowerNV. */
	platform?: string;
	/** "model" or "machine" of cpuinfo. */
	model?: string;
	hypervisor?: string;
	/** Driver of cpuidle: pseries_idle, powernv_idle. */
	idleDriver?: string;
	/** Clock selected in trace_clock when the file was read, which need not be that of the recording. */
	traceClock?: string;
	/** Timer ticks a second (CONFIG_HZ), from the boot messages. */
	hz?: number;
}

export interface SideNote {
	severity: "info" | "warning" | "error";
	kind: string;
	source: string;
	text: string;
}

export interface UsedFile {
	/** Relative to the trace's folder for files found there, as given for those of --side. */
	path: string;
	kind: string;
	/** By --side, itself or its folder. */
	named: boolean;
	/** Of the file as it lies there (compressed files are not expanded for it). */
	sha256: string;
	bytes: number;
}

/** What the side files of one trace say. Files beside the trace win over those in its side/, these over --side. */
export interface SideFiles {
	/** Every file that was recognised, in order of rank, then path. */
	used: UsedFile[];
	symbols?: KernelSymbols;
	threads: ThreadFact[];
	/** Best guess without knowing how many CPUs the trace has; `resolveCpus(cpuSources, cpus)` knows better. */
	cpus: CpuFact[];
	cpuSources: CpuSource[];
	devices: DeviceFact[];
	irqLines: IrqLineFact[];
	cgroups: CgroupFact[];
	/** Descriptors in order of tgid, then fd; of several snapshots all are there. */
	openFiles: OpenFileFact[];
	/** In order of tgid; of several snapshots all are there. */
	workingDirectories: WorkingDirectoryFact[];
	/** Executable mappings of processes when the file was taken. */
	mappings: MappingFact[];
	/** Names of the cpuidle states by index. */
	idleStates: Map<number, string>;
	counters: CounterFact[];
	/** Ticks per second of the timebase register. */
	timebaseHz?: number;
	/** Readings of wall and kernel clocks, the most exact first; empty if no file has one. */
	wallClocks: WallClock[];
	machine: MachineFacts;
	/** Modules as loaded during the traced boot. */
	modules: LoadedModule[];
	notes: SideNote[];
}

/** A file after reading: what the format readers get. */
export interface SideText {
	/** As shown to the user. */
	path: string;
	/** 0 beside the trace, 1 in its side/, 2 named by --side. */
	rank: number;
	moment: Moment;
	/** File name without its moment: what a before/after pair shares. */
	stem: string;
	text: string;
	bytes: Uint8Array;
}

/** What format readers add to; resolved by readSideFiles when all files are read. */
export interface Findings {
	symbolTables: { path: string; rank: number; symbols: KernelSymbols }[];
	threads: ThreadFact[];
	cpuSources: CpuSource[];
	devices: DeviceTold[];
	irqLines: IrqLineFact[];
	cgroups: CgroupFact[];
	openFiles: OpenFileFact[];
	workingDirectories: WorkingDirectoryFact[];
	mappings: MappingFact[];
	idleStates: Map<number, string>;
	counters: { file: SideText; kind: string; values: Counter[] }[];
	timebaseHz?: number;
	wallClocks: WallClock[];
	machine: MachineFacts;
	modules: { rank: number; modules: LoadedModule[] }[];
	notes: SideNote[];
}

export interface Counter {
	object: string;
	name: string;
	value: bigint;
}
