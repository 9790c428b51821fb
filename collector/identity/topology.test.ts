import { expect, test } from "vitest";
import {
	readCpuinfo,
	readLscpu,
	readLscpuTable,
	readNodeFolders,
	readNumactl,
	readTopology,
} from "../side/cpus.ts";
import { onlineCpus, parseCpuList, resolveCpus } from "./topology.ts";

const smt2 = `cpu0 core_id=0 package=0 siblings=0-1
cpu1 core_id=0 package=0 siblings=0-1
cpu8 core_id=8 package=0 siblings=8-9
cpu9 core_id=8 package=0 siblings=8-9
`;
const lscpu = (
	cpus: number,
	list: string,
	threads: number,
	arch = "ppc64le",
) => `Architecture:            ${arch}
CPU(s):                  ${cpus}
On-line CPU(s) list:     ${list}
Model name:              POWER9 (architected), altivec supported
Thread(s) per core:      ${threads}
Core(s) per socket:      ${cpus / threads}
Socket(s):               1
NUMA node(s):            1
NUMA node0 CPU(s):       ${list}
`;

test("core numbers are kept as they are, threads are counted inside the core", () => {
	expect(readTopology(smt2)).toEqual([
		{ cpu: 0, core: 0, socket: 0, node: undefined, smtThread: 0 },
		{ cpu: 1, core: 0, socket: 0, node: undefined, smtThread: 1 },
		{ cpu: 8, core: 8, socket: 0, node: undefined, smtThread: 0 },
		{ cpu: 9, core: 8, socket: 0, node: undefined, smtThread: 1 },
	]);
	// siblings say which thread it is even when another is off-line
	expect(readTopology("cpu3 core_id=0 siblings=0,1,3\n")[0].smtThread).toBe(2);
	// without siblings the CPUs of a core are counted
	expect(readTopology("cpu4 core_id=4 package=-1\ncpu5 core_id=4 package=-1\n")).toMatchObject([
		{ cpu: 4, smtThread: 0, socket: undefined },
		{ cpu: 5, smtThread: 1 },
	]);
});

test("lscpu -e tells node, socket and core", () => {
	const table =
		"CPU NODE SOCKET CORE L1d:L1i ONLINE\n  0    0      0    0 0:0        yes\n  1    0      0    0 0:0        yes\n  4    1      0    1 1:1        yes\n";
	expect(readLscpuTable(table)).toEqual([
		{ cpu: 0, core: 0, socket: 0, node: 0, smtThread: 0 },
		{ cpu: 1, core: 0, socket: 0, node: 0, smtThread: 1 },
		{ cpu: 4, core: 1, socket: 0, node: 1, smtThread: 0 },
	]);
	expect(readLscpuTable("CPU CORE ONLINE\n0 0 yes\n1 - no\n").map((c) => c.cpu)).toEqual([0]);
	expect(readLscpuTable("CPU SOCKET CORE ONLINE\n0 - 0 yes\n")).toMatchObject([
		{ cpu: 0, socket: undefined, core: 0 },
	]);
});

test("the summary of lscpu gives cores on POWER, whose threads are numbered next to each other", () => {
	expect(readLscpu(lscpu(4, "0,1,8,9", 2)).map((c) => [c.cpu, c.core, c.smtThread, c.node])).toEqual([
		[0, 0, 0, 0],
		[1, 0, 1, 0],
		[8, 8, 0, 0],
		[9, 8, 1, 0],
	]);
	// x86 numbers the second threads after all first ones: nothing is guessed
	expect(readLscpu(lscpu(4, "0-3", 2, "x86_64"))[1]).toEqual({
		cpu: 1,
		socket: 0,
		node: 0,
		model: "POWER9 (architected), altivec supported",
	});
	// SMT off on a machine of eight threads a core
	expect(readLscpu(lscpu(3, "0,8,16", 1)).map((c) => [c.cpu, c.core, c.smtThread])).toEqual([
		[0, 0, 0],
		[8, 8, 0],
		[16, 16, 0],
	]);
	// neighbours of two cores, the first thread of one off-line
	expect(readLscpu(lscpu(4, "1-4", 2))[1].core).toBeUndefined();
	// threads switched off in the middle of cores
	expect(readLscpu(lscpu(4, "0,2,8,10", 2))[1].core).toBeUndefined();
});

test("cpuinfo of POWER and of x86", () => {
	const power = readCpuinfo(
		"processor\t: 0\ncpu\t\t: POWER9 (architected), altivec supported\nclock\t\t: 1000.000000MHz\n\nprocessor\t: 1\ncpu\t\t: POWER9 (architected), altivec supported\n\ntimebase\t: 512000000\nplatform\t: pSeries\nmodel\t\t: IBM pSeries\nmachine\t\t: CHRP IBM pSeries\n",
	);
	expect(power).toMatchObject({ timebaseHz: 512000000, platform: "pSeries", model: "IBM pSeries" });
	expect(power.cpus.map((c) => [c.cpu, c.model, c.core])).toEqual([
		[0, "POWER9 (architected), altivec supported", undefined],
		[1, "POWER9 (architected), altivec supported", undefined],
	]);
	const x86 = readCpuinfo(
		"processor\t: 0\nmodel\t\t: 85\nmodel name\t: Xeon\nphysical id\t: 0\ncore id\t\t: 3\n\nprocessor\t: 1\nmodel name\t: Xeon\nphysical id\t: 0\ncore id\t\t: 3\n\n",
	);
	expect(x86.model).toBeUndefined();
	expect(x86.cpus).toEqual([
		{ cpu: 0, model: "Xeon", socket: 0, core: 3, smtThread: 0 },
		{ cpu: 1, model: "Xeon", socket: 0, core: 3, smtThread: 1 },
	]);
});

test("files of a machine with another number of CPUs are left out", () => {
	const eight = readTopology(
		Array.from({ length: 8 }, (_, i) => `cpu${i} core_id=${i & 4} siblings=${i & 4}-${(i & 4) + 3}`).join(
			"\n",
		),
	);
	const sources = [
		{ path: "cpuinfo", rank: 2, detail: 3, cpus: readLscpu(lscpu(4, "0-3", 1)) },
		{ path: "smt-topology", rank: 2, detail: 0, cpus: eight },
		{ path: "smt-lscpu", rank: 2, detail: 2, cpus: readLscpu(lscpu(8, "0-7", 4)) },
	];
	expect(resolveCpus(sources, 4).map((c) => c.core)).toEqual([0, 1, 2, 3]);
	expect(resolveCpus(sources, 8).map((c) => [c.core, c.smtThread, c.model?.slice(0, 6)])[5]).toEqual([
		4,
		1,
		"POWER9",
	]);
	expect(resolveCpus(sources, 16)).toEqual([]);
	expect(resolveCpus(sources)).toHaveLength(8);
});

test("core numbers of two kinds of file are not mixed", () => {
	const cpus = resolveCpus([
		{
			path: "lscpu-e",
			rank: 0,
			detail: 1,
			cpus: [
				{ cpu: 0, core: 0, smtThread: 0, node: 1 },
				{ cpu: 1, core: 1, smtThread: 0, node: 1 },
			],
		},
		{
			path: "topology",
			rank: 0,
			detail: 0,
			cpus: [
				{ cpu: 0, core: 0, smtThread: 0 },
				{ cpu: 1, core: 8, smtThread: 0 },
			],
		},
	]);
	expect(cpus).toEqual([
		{ cpu: 0, core: 0, smtThread: 0, node: 1, socket: undefined, model: undefined },
		{ cpu: 1, core: 8, smtThread: 0, node: 1, socket: undefined, model: undefined },
	]);
});

const source = (path: string, cpus: ReturnType<typeof readLscpu>, partial = false) => ({
	path,
	rank: 0,
	detail: partial ? 4 : 2,
	cpus,
	...(partial ? { partial } : {}),
});

test("a machine whose CPUs are numbered with holes", () => {
	const sources = [source("lscpu", readLscpu(lscpu(3, "0,8,16", 1)))];
	const seen = new Set([0, 16]);
	// counted by the recorder as on-line, by the highest number, or as possible
	for (const count of [3, 17, 128]) {
		expect(resolveCpus(sources, count, seen).map((c) => [c.cpu, c.core])).toEqual([
			[0, 0],
			[8, 8],
			[16, 16],
		]);
		expect(onlineCpus(sources, count, seen)).toEqual([0, 8, 16]);
	}
	expect(resolveCpus(sources, 2, seen)).toEqual([]);
});

test("two CPUs are on-line of 128 that are possible", () => {
	const sources = [
		source("lscpu", readLscpu(lscpu(2, "0-1", 2))),
		source(
			"nodes",
			Array.from({ length: 128 }, (_, cpu) => ({ cpu, node: cpu >> 6 })),
			true,
		),
	];
	expect(onlineCpus(sources, 128, new Set([0, 1]))).toEqual([0, 1]);
	expect(resolveCpus(sources, 128, new Set([0, 1])).slice(0, 2)).toMatchObject([
		{ cpu: 0, core: 0, smtThread: 0, node: 0 },
		{ cpu: 1, core: 0, smtThread: 1, node: 0 },
	]);
});

test("a file that lacks a CPU with records is of another machine", () => {
	const sources = [source("lscpu", readLscpu(lscpu(4, "0-3", 2)))];
	expect(resolveCpus(sources, 8, new Set([0, 5]))).toEqual([]);
	expect(onlineCpus(sources, 8, new Set([0, 5]))).toBeNull();
	expect(resolveCpus(sources, 8, new Set([0, 3]))).toHaveLength(4);
	// where one file speaks of the trace's number, those that do not are of another machine
	const both = [...sources, source("lscpu-8", readLscpu(lscpu(8, "0-7", 4)))];
	expect(resolveCpus(both, 8, new Set([0, 3])).map((c) => c.core)).toEqual([0, 0, 0, 0, 4, 4, 4, 4]);
});

test("numactl and the folders of sysfs tell the nodes and not which CPUs there are", () => {
	const numactl = readNumactl(
		"available: 2 nodes (0,8)\nnode 0 cpus: 0 1 2\nnode 0 size: 1460 MB\nnode 8 cpus:\nnode 8 size: 0 MB\nnode distances:\nnode   0   8 \n",
	);
	expect(numactl).toEqual([
		{ cpu: 0, node: 0 },
		{ cpu: 1, node: 0 },
		{ cpu: 2, node: 0 },
	]);
	const folders = readNodeFolders(
		"/sys/devices/system/node/node0:\ncpu0\ncpulist\ncpumap\n\n/sys/devices/system/node/node0/power:\ncpu7\n\n/sys/devices/system/node/node8:\ncpu1\n0-1\n",
	);
	expect(folders).toEqual([
		{ cpu: 0, node: 0 },
		{ cpu: 1, node: 8 },
	]);
	const sources = [source("numa_info", numactl, true)];
	expect(onlineCpus(sources, 3, new Set([0]))).toBeNull();
	expect(resolveCpus(sources, 3, new Set([0])).map((c) => c.node)).toEqual([0, 0, 0]);
});

test("numbers that no machine has are left out", () => {
	const [cpu] = resolveCpus([
		source("x", [
			{ cpu: 0, core: 1e12, socket: 0 },
			{ cpu: 1e9, core: 0 },
		]),
	]);
	expect(cpu).toEqual({ cpu: 0, core: undefined, socket: 0 });
	expect(parseCpuList("0-8000,0-8000,0-8000")).toBeNull();
});

test("CPU lists", () => {
	expect(parseCpuList("0-3,8,10-11")).toEqual([0, 1, 2, 3, 8, 10, 11]);
	expect(parseCpuList("")).toBeNull();
	expect(parseCpuList("all")).toBeNull();
});
