import { expect, test } from "vitest";
import type { TraceSummary } from "../decode/source.ts";
import type { SideFiles } from "../side/index.ts";
import { machineRows } from "./machine-rows.ts";
import type { CpuSource } from "./topology.ts";

const cpus = (count: number, seen: number[], cpuSources: CpuSource[]) =>
	machineRows(
		{
			machine: { cpus: count },
			cpus: seen.map((cpu) => ({ cpu, first: 1n, last: 2n, events: 3 })),
		} as unknown as TraceSummary,
		{ cpuSources, devices: [], irqLines: [], counters: [] } as unknown as SideFiles,
	).find((t) => t.table === "cpu")!.rows;

const lscpu = (numbers: number[]): CpuSource => ({
	path: "lscpu",
	rank: 0,
	detail: 2,
	cpus: numbers.map((cpu) => ({ cpu, core: cpu & ~1, smtThread: cpu & 1 })),
});

test("a CPU that is possible and not on-line is none", () => {
	const rows = cpus(128, [0, 1], [lscpu([0, 1, 2])]);
	expect(rows.map((r) => [r.cpu, r.core, r.events])).toEqual([
		[0, 0, 3n],
		[1, 0, 3n],
		[2, 2, 0n],
	]);
});

test("numbers with holes are kept, whatever the recorder counts", () => {
	for (const count of [3, 17])
		expect(cpus(count, [0, 16], [lscpu([0, 8, 16])]).map((r) => r.cpu)).toEqual([0, 8, 16]);
});

test("where no file lists the CPUs, the trace's number stands, and CPUs with records are all there", () => {
	expect(cpus(3, [0], []).map((r) => r.cpu)).toEqual([0, 1, 2]);
	expect(cpus(2, [0, 8], []).map((r) => r.cpu)).toEqual([0, 1, 8]);
	expect(cpus(2 ** 32 - 1, [0], [])).toHaveLength(8192);
});
