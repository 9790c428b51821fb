/** What was seen of each CPU while records went by. */
import type { CpuWindow } from "./source.ts";

/** Times in ns since the base. */
export interface CpuSeen {
	readonly cpu: number;
	readonly first: number;
	last: number;
	events: number;
	/** Lost events, as far as counted. */
	lost: number;
	gaps: number;
	unknownGaps: number;
}

export function newCpu(cpu: number, ts: number): CpuSeen {
	return { cpu, first: ts, last: ts, events: 0, lost: 0, gaps: 0, unknownGaps: 0 };
}

export function cpuWindows(seen: readonly CpuSeen[], at: (ts: number) => bigint): CpuWindow[] {
	return seen.map((c) => ({
		cpu: c.cpu,
		first: at(c.first),
		last: at(c.last),
		events: c.events,
		lostEvents: c.unknownGaps > 0 ? null : c.lost,
	}));
}

export function lostOf(seen: readonly CpuSeen[]): { gaps: number; events: number; unknownGaps: number } {
	const sum = (key: "gaps" | "lost" | "unknownGaps"): number => seen.reduce((total, c) => total + c[key], 0);
	return { gaps: sum("gaps"), events: sum("lost"), unknownGaps: sum("unknownGaps") };
}
