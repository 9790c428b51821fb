import { type CpuFact, numberThreads, parseCpuList } from "../identity/topology.ts";

/** Lines `cpu0 core_id=0 package=0 siblings=0-1`, collected from /sys/devices/system/cpu/cpuN/topology. */
export const topologyLine = /^cpu(\d+)((?: +[a-z_]+=\S*)+)\s*$/;

export function readTopology(text: string): CpuFact[] {
	const cpus: CpuFact[] = [];
	for (const line of text.split("\n")) {
		const match = topologyLine.exec(line);
		if (!match) continue;
		const values = new Map(
			match[2]
				.trim()
				.split(/ +/)
				.map((pair) => pair.split("=", 2) as [string, string]),
		);
		const number = (...names: string[]) => {
			const value = names.map((n) => values.get(n)).find((v) => v !== undefined);
			// the kernel says -1 where it does not know (no package on some POWER machines)
			return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
		};
		const fact: CpuFact = { cpu: Number(match[1]) };
		fact.core = number("core_id", "core");
		fact.socket = number("package", "physical_package_id", "socket");
		fact.node = number("node");
		const siblings = parseCpuList(values.get("siblings") ?? values.get("thread_siblings_list") ?? "");
		if (siblings?.includes(fact.cpu)) fact.smtThread = siblings.indexOf(fact.cpu);
		cpus.push(fact);
	}
	return numberThreads(cpus);
}

/** `lscpu -e`: a table whose columns depend on the machine; a missing value is "-". With -a it has off-line CPUs too. */
export function readLscpuTable(text: string): CpuFact[] {
	const [head, ...rows] = text.split("\n").filter((l) => l.trim() !== "");
	const columns = head.trim().split(/\s+/);
	const at = (name: string) => columns.indexOf(name);
	const [cpu, node, socket, core, online] = ["CPU", "NODE", "SOCKET", "CORE", "ONLINE"].map(at);
	const cpus: CpuFact[] = [];
	for (const row of rows) {
		const cells = row.trim().split(/\s+/);
		const number = (i: number) => (i >= 0 && /^\d+$/.test(cells[i] ?? "") ? Number(cells[i]) : undefined);
		const n = number(cpu);
		if (n !== undefined && cells[online] !== "no")
			cpus.push({ cpu: n, core: number(core), socket: number(socket), node: number(node) });
	}
	return numberThreads(cpus);
}

/** The `Name: value` lines of lscpu. */
export function lscpuFields(text: string): Map<string, string> {
	const fields = new Map<string, string>();
	for (const line of text.split("\n")) {
		const colon = line.indexOf(":");
		if (colon > 0) fields.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
	}
	return fields;
}

/**
 * The summary of lscpu. It has no core numbers; on POWER the threads of a core are numbered next to each other
 * (arch/powerpc/include/asm/cputhreads.h), so cores follow from the on-line list and the threads per core. The core is
 * named after its first thread, as core_id is under KVM and PowerVM.
 */
export function readLscpu(text: string): CpuFact[] {
	const fields = lscpuFields(text);
	const online = parseCpuList(fields.get("On-line CPU(s) list") ?? "") ?? [];
	const perCore = Number(fields.get("Thread(s) per core") ?? Number.NaN);
	const model = fields.get("Model name");
	const cpus: CpuFact[] = online.map((cpu) => ({ cpu, model }));
	const neighbours =
		perCore === 1 ||
		(/^ppc/.test(fields.get("Architecture") ?? "") &&
			online.length % perCore === 0 &&
			online.every((cpu, i) => (i % perCore === 0 ? cpu % perCore === 0 : cpu === online[i - 1] + 1)));
	if (neighbours)
		for (const [i, fact] of cpus.entries()) {
			fact.core = online[i - (i % perCore)];
			fact.smtThread = i % perCore;
		}
	if (fields.get("Socket(s)") === "1") for (const fact of cpus) fact.socket = 0;
	for (const [name, value] of fields) {
		const node = /^NUMA node(\d+) CPU\(s\)$/.exec(name);
		if (!node) continue;
		const members = new Set(parseCpuList(value) ?? []);
		for (const fact of cpus) if (members.has(fact.cpu)) fact.node = Number(node[1]);
	}
	return cpus;
}

/** Nodes alone: what `numactl --hardware` says, "node 0 cpus: 0 1 2". A node of memory has no CPUs. */
export const numactlHeading = /^available: \d+ nodes? \([\d,-]+\)$/;

export function readNumactl(text: string): CpuFact[] {
	return nodeFacts(function* () {
		for (const line of text.split("\n")) {
			const row = /^node (\d{1,5}) cpus:((?: \d{1,5})+)\s*$/.exec(line);
			if (row) for (const cpu of row[2].trim().split(" ")) yield [Number(cpu), Number(row[1])];
		}
	});
}

/** Nodes alone: `ls -R` of the nodes in sysfs, whose folders have a link for each of their CPUs, on-line or not. */
export const nodeFolder = /^\/sys\/devices\/system\/node\/node(\d{1,5}):$/;

export function readNodeFolders(text: string): CpuFact[] {
	return nodeFacts(function* () {
		let node: number | null = null;
		for (const line of text.split("\n")) {
			const heading = nodeFolder.exec(line);
			if (heading) node = Number(heading[1]);
			else if (line === "") node = null;
			const cpu = /^cpu(\d{1,5})$/.exec(line);
			if (cpu && node !== null) yield [Number(cpu[1]), node];
		}
	});
}

function nodeFacts(pairs: () => Iterable<[cpu: number, node: number]>): CpuFact[] {
	const nodes = new Map<number, number>();
	for (const [cpu, node] of pairs()) if (!nodes.has(cpu)) nodes.set(cpu, node);
	return [...nodes].map(([cpu, node]) => ({ cpu, node }));
}

export interface CpuInfo {
	cpus: CpuFact[];
	timebaseHz?: number;
	platform?: string;
	model?: string;
}

/** /proc/cpuinfo of POWER (arch/powerpc/kernel/setup-common.c, show_cpuinfo) and of x86 (arch/x86/kernel/cpu/proc.c). */
export function readCpuinfo(text: string): CpuInfo {
	const info: CpuInfo = { cpus: [] };
	let fact: CpuFact | null = null;
	for (const line of text.split("\n")) {
		const colon = line.indexOf(":");
		if (colon < 0) {
			// an empty line ends a processor; POWER's machine lines follow the last one
			if (line.trim() === "") fact = null;
			continue;
		}
		const name = line.slice(0, colon).trim();
		const value = line.slice(colon + 1).trim();
		if (name === "processor" && /^\d+$/.test(value)) {
			fact = { cpu: Number(value) };
			info.cpus.push(fact);
		} else if (fact) {
			if (name === "cpu" || name === "model name") fact.model = value;
			else if (name === "physical id" && /^\d+$/.test(value)) fact.socket = Number(value);
			else if (name === "core id" && /^\d+$/.test(value)) fact.core = Number(value);
		} else if (name === "timebase" && /^\d+$/.test(value)) info.timebaseHz = Number(value);
		else if (name === "platform") info.platform = value;
		else if (name === "model" || (name === "machine" && info.model === undefined)) info.model = value;
	}
	numberThreads(info.cpus);
	return info;
}
