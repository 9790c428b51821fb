import { KernelSymbols, type LoadedModule } from "../identity/kallsyms.ts";
import type { CpuFact } from "../identity/topology.ts";
import { append } from "./append.ts";
import { isProcCgroup, readCgroupIds, readProcCgroup } from "./cgroups.ts";
import { clockPair, dateAndUptime, readClockPairs, readDateAndUptime } from "./clock.ts";
import {
	cgroupHeading,
	cpuHeading,
	diskstatsLine,
	irqListHeading,
	readCgroup,
	readCgroupJson,
	readDiskstats,
	readInterrupts,
	readIrqList,
	readNameValues,
	readSoftirqs,
} from "./counters.ts";
import {
	lscpuFields,
	nodeFolder,
	numactlHeading,
	readCpuinfo,
	readLscpu,
	readLscpuTable,
	readNodeFolders,
	readNumactl,
	readTopology,
	topologyLine,
} from "./cpus.ts";
import { isMapped, isMultipath, readDevListing, readMapped, readMultipath } from "./devices-listing.ts";
import { blockLine, readBlockLines, readLsblk, readPartitions } from "./disks.ts";
import { cpupowerHeading, cstatesHeading, readCpupower, readCstates } from "./idle-states.ts";
import { lsofHeadingIn, readLsof } from "./lsof.ts";
import { isMaps, isProcMaps, isProcNumaMaps, isProcStacks, readProcMaps } from "./maps.ts";
import { isMessages, ticksPerSecond } from "./messages.ts";
import { perfMapFormat } from "./perf-map.ts";
import { isPsHeading, readPs, readSavedCmdlines, savedCmdline } from "./ps.ts";
import type { Findings, SideText } from "./side-files.ts";

/** The beginning of a file, as far as a format is recognised by it. */
export interface Head {
	text: string;
	/** Whole lines: a line that the reading cut is not there. */
	lines: string[];
	/** The head is the whole file. */
	whole: boolean;
}

export interface SideFormat {
	kind: string;
	recognises(head: Head): boolean;
	/** Its reader takes the bytes: a text of megabytes is not made. */
	binary?: boolean;
	/** Absent: the file is known and says nothing that is kept. */
	read?(file: SideText, findings: Findings): void;
}

const every = (head: Head, pattern: RegExp) =>
	head.lines.length > 0 && head.lines.every((line) => pattern.test(line));
const first = (head: Head) => head.lines[0] ?? "";
const firstText = (head: Head) => head.lines.find((line) => line !== "") ?? "";
/** The whole file is one line. */
const only = (head: Head, pattern: RegExp) =>
	head.whole && head.lines.length === 1 && pattern.test(first(head));

const kallsymsLine = /^[0-9a-f]{8,16} [A-Za-z?] \S+(?:[\t ]+\[[^\]]+\])?\r?$/;
/**
 * nm(1) prints the same form for programs. A kernel's table has addresses in the upper half, or modules, or (x86) begins
 * with absolute per-CPU offsets, or hides its addresses as zeros.
 */
function isKallsyms(head: Head): boolean {
	if (!every(head, kallsymsLine)) return false;
	return (
		head.lines.some((l) => /^(?:[89a-f][0-9a-f]{15}|[89a-f][0-9a-f]{7}) /.test(l) || /\t\[/.test(l)) ||
		/^0+ [Aa] /.test(first(head)) ||
		head.lines.every((l) => /^0+ /.test(l))
	);
}

function addCpus(file: SideText, findings: Findings, detail: number, cpus: CpuFact[], partial = false): void {
	findings.cpuSources.push({
		path: file.path,
		rank: file.rank,
		detail,
		cpus,
		...(partial ? { partial } : {}),
	});
}

function addIdleStates(findings: Findings, states: ReadonlyMap<number, string>): void {
	for (const [state, name] of states)
		if (!findings.idleStates.has(state)) findings.idleStates.set(state, name);
}

const moduleLine = /^[\w-]+ \d+ -?\d+ \S+ (?:Live|Loading|Unloading) 0x[0-9a-f]+(?: \([A-Z]+\))?$/;

function readModules(text: string): LoadedModule[] {
	const modules: LoadedModule[] = [];
	for (const line of text.split("\n")) {
		if (!moduleLine.test(line)) continue;
		const words = line.split(" ");
		const address = words[5].slice(2).padStart(16, "0");
		modules.push({
			name: words[0],
			bytes: Number(words[1]),
			lo: Number.parseInt(address.slice(-8), 16),
			hi: Number.parseInt(address.slice(-16, -8), 16),
		});
	}
	return modules;
}

/** Parameters that a kernel command line practically always has one of (Documentation/admin-guide/kernel-parameters.txt). */
const kernelParameter = /(?:^|\s)(?:BOOT_IMAGE=|root=|console=|rootflags=|initrd=|mitigations=|crashkernel=)/;
const unameLine = /^Linux (\S+) (\d+\.\d+\S*) (#\d+.*) (\S+) GNU\/Linux$/;
/** Behind the machine some systems print the processor and the platform too: "i686 athlon i386". */
const machineWords =
	/ ((?:x86_64|i[3-6]86|ppc64le|ppc64|ppc|aarch64|armv\w+|s390x?)(?: [\w-]+){0,2}) GNU\/Linux$/;

/** In the order in which they are tried; the heads are distinct enough that order matters only where it is said. */
export const sideFormats: readonly SideFormat[] = [
	{
		kind: "kallsyms",
		recognises: isKallsyms,
		binary: true,
		read: (file, to) => {
			const symbols = KernelSymbols.parse(file.bytes);
			if (symbols.hidden)
				to.notes.push({
					severity: "warning",
					kind: "symbols-hidden",
					source: file.path,
					text: "all addresses are zero: the reader of kallsyms was not root, or kernel.kptr_restrict is set; not used",
				});
			else to.symbolTables.push({ path: file.path, rank: file.rank, symbols });
		},
	},
	perfMapFormat,
	{
		// before ps: with -s or -o its heading has only words that ps may have too
		kind: "lsof",
		recognises: (head) => lsofHeadingIn(head.lines) >= 0,
		read: (file, to) => {
			const { openFiles, workingDirectories, misfits } = readLsof(file.text, file.moment);
			append(to.openFiles, openFiles, file, to.notes);
			append(to.workingDirectories, workingDirectories, file, to.notes);
			if (misfits > 0)
				to.notes.push({
					severity: "info",
					kind: "side-file-rows",
					source: file.path,
					text: `${misfits} lines do not fit under the heading of lsof; not used`,
				});
		},
	},
	{
		kind: "ps",
		recognises: (head) => isPsHeading(first(head)),
		read: (file, to) => append(to.threads, readPs(file.text, file.moment), file, to.notes),
	},
	{
		kind: "interrupts",
		recognises: (head) =>
			cpuHeading.test(first(head)) && head.lines.slice(1).some((l) => /^\s*(?:\d+|LOC|ERR|IPI\d*):/.test(l)),
		read: (file, to) => {
			const { lines, counters } = readInterrupts(file.text);
			to.irqLines.push(...lines);
			to.counters.push({ file, kind: "interrupts", values: counters });
		},
	},
	{
		kind: "irqlist",
		recognises: (head) => irqListHeading.test(firstText(head)),
		read: (file, to) => append(to.irqLines, readIrqList(file.text), file, to.notes),
	},
	{
		kind: "softirqs",
		recognises: (head) =>
			cpuHeading.test(first(head)) && head.lines.slice(1).some((l) => /^\s*NET_RX:/.test(l)),
		read: (file, to) => to.counters.push({ file, kind: "softirqs", values: readSoftirqs(file.text) }),
	},
	{
		kind: "diskstats",
		recognises: (head) => every(head, diskstatsLine),
		read: (file, to) => {
			const rows = readDiskstats(file.text);
			to.devices.push(...rows.map(({ major, minor, name }) => ({ major, minor, name })));
			to.counters.push({ file, kind: "diskstats", values: rows.flatMap((r) => r.counters) });
		},
	},
	{
		kind: "vmstat",
		recognises: (head) =>
			every(head, /^[a-z][a-z0-9_]* \d+$/) && head.lines.some((l) => /^nr_free_pages /.test(l)),
		read: (file, to) =>
			to.counters.push({ file, kind: "vmstat", values: readNameValues(file.text, "system") }),
	},
	{
		kind: "cgroup",
		recognises: (head) => cgroupHeading.test(first(head)),
		read: (file, to) =>
			to.counters.push({
				file,
				kind: "cgroup",
				values: readCgroup(file.text, file.stem === "cgroup" ? "" : file.stem),
			}),
	},
	{
		// cpu.stat alone: only the name of the file tells of which cgroup
		kind: "cgroup",
		recognises: (head) => every(head, /^[a-z_.]+ \d+$/) && /^usage_usec /.test(first(head)),
		read: (file, to) =>
			to.counters.push({ file, kind: "cgroup", values: readNameValues(file.text, file.stem) }),
	},
	{
		kind: "cgroup",
		recognises: (head) => every(head, /^\{"cgroup":"\/.*\}$/),
		read: (file, to) => {
			to.counters.push({ file, kind: "cgroup", values: readCgroupJson(file.text) });
			to.cgroups.push(...readCgroupIds(file.text));
		},
	},
	{
		kind: "proc_cgroup",
		recognises: (head) => isProcCgroup(head.lines),
		read: (file, to) => append(to.threads, readProcCgroup(file.text, file.moment), file, to.notes),
	},
	{
		kind: "cpuinfo",
		// on POWER the first CPU may be off-line
		recognises: (head) => /^processor\s*: \d{1,4}$/.test(first(head)),
		read: (file, to) => {
			const { cpus, timebaseHz, platform, model } = readCpuinfo(file.text);
			addCpus(file, to, 3, cpus);
			to.timebaseHz ??= timebaseHz;
			to.machine.platform ??= platform;
			to.machine.model ??= model;
		},
	},
	{
		kind: "lscpu",
		recognises: (head) => /^Architecture:\s+\S+$/.test(first(head)),
		read: (file, to) => {
			const fields = lscpuFields(file.text);
			addCpus(file, to, 2, readLscpu(file.text));
			to.machine.machine ??= fields.get("Architecture");
			to.machine.hypervisor ??= fields.get("Hypervisor vendor");
		},
	},
	{
		kind: "lscpu-e",
		recognises: (head) => /^\s*CPU\s+(?:[A-Z0-9a-z:_%-]+\s+)*(?:CORE|SOCKET|NODE)\b/.test(first(head)),
		read: (file, to) => addCpus(file, to, 1, readLscpuTable(file.text)),
	},
	{
		kind: "topology",
		recognises: (head) => every(head, topologyLine),
		read: (file, to) => addCpus(file, to, 0, readTopology(file.text)),
	},
	{
		kind: "numactl",
		recognises: (head) => numactlHeading.test(first(head)),
		read: (file, to) => addCpus(file, to, 4, readNumactl(file.text), true),
	},
	{
		kind: "nodes",
		recognises: (head) => nodeFolder.test(first(head)),
		read: (file, to) => addCpus(file, to, 4, readNodeFolders(file.text), true),
	},
	{
		kind: "cpuidle",
		recognises: (head) => /^state0 \S/.test(first(head)),
		read: (file, to) => {
			for (const line of file.text.split("\n")) {
				// the name may hold spaces (Shared Cede); it ends before latency=
				const state = /^state(\d+) (.+?)(?: latency=.*)?$/.exec(line);
				if (state && !to.idleStates.has(Number(state[1]))) to.idleStates.set(Number(state[1]), state[2]);
				else if (/^[a-z]\w*_idle$/.test(line)) to.machine.idleDriver ??= line;
			}
		},
	},
	{
		kind: "cstates",
		recognises: (head) => cstatesHeading.test(first(head)),
		read: (file, to) => addIdleStates(to, readCstates(file.text)),
	},
	{
		kind: "cpupower",
		// modprobe may complain before
		recognises: (head) => head.lines.some((l) => cpupowerHeading.test(l)),
		read: (file, to) => {
			const { states, driver } = readCpupower(file.text);
			addIdleStates(to, states);
			to.machine.idleDriver ??= driver;
		},
	},
	{
		kind: "dev",
		recognises: (head) => first(head) === "/dev:" && /^total \d/.test(head.lines[1] ?? ""),
		read: (file, to) => append(to.devices, readDevListing(file.text), file, to.notes),
	},
	{
		kind: "dmsetup",
		recognises: (head) => isMapped(head.lines),
		read: (file, to) => append(to.devices, readMapped(file.text), file, to.notes),
	},
	{
		kind: "multipath",
		recognises: (head) => isMultipath(head.lines),
		read: (file, to) => append(to.devices, readMultipath(file.text), file, to.notes),
	},
	{
		kind: "partitions",
		recognises: (head) => /^major minor\s+#blocks\s+name$/.test(first(head)),
		read: (file, to) => to.devices.push(...readPartitions(file.text)),
	},
	{
		kind: "lsblk",
		recognises: (head) => /^NAME\s.*\bMAJ:MIN\b/.test(first(head)),
		read: (file, to) => to.devices.push(...readLsblk(file.text)),
	},
	{
		kind: "block",
		recognises: (head) => every(head, blockLine),
		read: (file, to) => to.devices.push(...readBlockLines(file.text)),
	},
	{
		kind: "block-links",
		recognises: (head) => head.lines.some((l) => /^l[rwx-]{9} .* -> \.\.\/devices\/\S*\/block\//.test(l)),
	},
	{
		kind: "meminfo",
		// alone, or as LinuxKI keeps it, behind the output of free and numastat
		recognises: (head) =>
			(/^MemTotal:/.test(first(head)) || firstText(head) === "--- free ---") &&
			head.lines.some((l) => /^MemTotal:\s+\d{1,12} kB$/.test(l)),
		read: (file, to) => {
			to.machine.memoryBytes ??= Number(/^MemTotal:\s+(\d+) kB/m.exec(file.text)![1]) * 1024;
		},
	},
	{
		kind: "modules",
		recognises: (head) => every(head, moduleLine),
		read: (file, to) => to.modules.push({ rank: file.rank, modules: readModules(file.text) }),
	},
	{
		// of one process, and the file does not say of which
		kind: "maps",
		recognises: (head) => isMaps(head.lines),
	},
	{
		kind: "proc_maps",
		recognises: (head) => isProcMaps(head.lines),
		read: (file, to) => append(to.mappings, readProcMaps(file.text, file.moment), file, to.notes),
	},
	{
		kind: "numa_maps",
		recognises: (head) => isProcNumaMaps(head.lines),
	},
	{
		kind: "stacks",
		recognises: (head) => isProcStacks(head.lines),
	},
	{
		// LinuxKI's list of the files that were mapped executable; the mappings themselves tell them
		kind: "objfiles",
		recognises: (head) =>
			every(head, /^\/[^\s:]+$/) && head.lines.some((l) => /\/(?:ld|libc)\b[^/]*\.so\b/.test(l)),
	},
	{
		kind: "uname",
		recognises: (head) => only(head, unameLine),
		read: (file, to) => {
			const text = file.text.trim();
			const [, host, kernel, , last] = unameLine.exec(text)!;
			const machine = machineWords.exec(text)?.[1].split(" ")[0] ?? last;
			to.machine.host ??= host;
			to.machine.kernel ??= kernel;
			to.machine.machine ??= machine;
		},
	},
	{
		kind: "version",
		recognises: (head) => only(head, /^Linux version \d+\.\d+\S* \(/),
		read: (file, to) => {
			to.machine.version ??= file.text.trim();
			to.machine.kernel ??= file.text.split(" ")[2];
		},
	},
	{
		kind: "cmdline",
		recognises: (head) => only(head, kernelParameter) && !/[{}<>;|]/.test(first(head)),
		read: (file, to) => {
			to.machine.kernelCommandLine ??= file.text.trim();
		},
	},
	{
		kind: "mounts",
		recognises: (head) => every(head, /^\S+ \/\S* \S+ r[ow](?:,\S+)? \d+ \d+$/),
	},
	{
		kind: "pagesize",
		recognises: (head) => only(head, /^(?:4096|8192|16384|65536|262144)$/),
		read: (file, to) => {
			to.machine.pageBytes ??= Number(file.text.trim());
		},
	},
	{
		// getconf -a
		kind: "getconf",
		recognises: (head) =>
			/^LINK_MAX\s+\d*$/.test(first(head)) && /^_POSIX_LINK_MAX\b/.test(head.lines[1] ?? ""),
		read: (file, to) => {
			const size = /^PAGESIZE\s+(\d{4,7})\s*$/m.exec(file.text);
			if (size) to.machine.pageBytes ??= Number(size[1]);
		},
	},
	{
		kind: "dmesg",
		recognises: (head) => isMessages(head.lines),
		read: (file, to) => {
			to.machine.hz ??= ticksPerSecond(file.text);
		},
	},
	{
		kind: "trace_clock",
		recognises: (head) => only(head, /^(?=.*\[\w[\w-]*\])(?=.*\blocal\b)(?=.*\bmono\b)[\w [\]-]+$/),
		read: (file, to) => {
			to.machine.traceClock ??= /\[([\w-]+)\]/.exec(file.text)![1];
		},
	},
	{
		kind: "sysctl",
		recognises: (head) => every(head, /^[a-z]\w*(?:[./][\w.:*-]+)+ ?= ?.*$/) && head.lines.length > 1,
	},
	{
		kind: "lparcfg",
		recognises: (head) => /^lparcfg \d/.test(first(head)),
	},
	{
		kind: "clock",
		recognises: (head) =>
			head.lines.length > 0 && head.lines.every((l) => l.startsWith("{") && clockPair(l) !== null),
		read: (file, to) => {
			const { clocks, host } = readClockPairs(file.text);
			to.wallClocks.push(...clocks);
			to.machine.host ??= host;
		},
	},
	{
		kind: "clock",
		recognises: (head) => head.whole && dateAndUptime.test(head.text),
		read: (file, to) => to.wallClocks.push(...readDateAndUptime(file.text)),
	},
	{
		kind: "saved_cmdlines",
		// the same form as vmstat and other tables of names and numbers, but the number comes first, and no second one follows
		recognises: (head) =>
			every(head, savedCmdline) && head.lines.length > 1 && head.lines.some((l) => / [a-z]\S*\/\d+$/.test(l)),
		read: (file, to) => append(to.threads, readSavedCmdlines(file.text, file.moment), file, to.notes),
	},
];
