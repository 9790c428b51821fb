/**
 * perf_event_attr: what one event of a recording counts, and what its samples carry.
 * Source: include/uapi/linux/perf_event.h, Linux 7.2. The structure has grown from 64 to 144 bytes; what a file's
 * attributes do not have is 0, and what is not known here is skipped.
 */

/** Bits of sample_type. */
export const sampleBit = {
	ip: 1 << 0,
	tid: 1 << 1,
	time: 1 << 2,
	addr: 1 << 3,
	read: 1 << 4,
	callchain: 1 << 5,
	id: 1 << 6,
	cpu: 1 << 7,
	period: 1 << 8,
	streamId: 1 << 9,
	raw: 1 << 10,
	branchStack: 1 << 11,
	regsUser: 1 << 12,
	stackUser: 1 << 13,
	weight: 1 << 14,
	dataSrc: 1 << 15,
	identifier: 1 << 16,
	transaction: 1 << 17,
	regsIntr: 1 << 18,
	physAddr: 1 << 19,
	aux: 1 << 20,
	cgroup: 1 << 21,
	dataPageSize: 1 << 22,
	codePageSize: 1 << 23,
	weightStruct: 1 << 24,
} as const;

/** Bits of read_format. */
export const readBit = { enabled: 1, running: 2, id: 4, group: 8, lost: 16 } as const;

/** attr.type. */
export const attrType = {
	hardware: 0,
	software: 1,
	tracepoint: 2,
	hwCache: 3,
	raw: 4,
	breakpoint: 5,
} as const;

/** Numbers of the bits of the flags word. */
const flagBit = {
	inherit: 1,
	excludeUser: 4,
	excludeKernel: 5,
	freq: 10,
	sampleIdAll: 18,
	useClockid: 25,
	contextSwitch: 26,
	writeBackward: 27,
} as const;

export interface PerfAttr {
	readonly type: number;
	readonly config: bigint;
	readonly sampleType: number;
	readonly readFormat: number;
	/** sample_period, or sample_freq where `freq`. */
	readonly period: number;
	readonly freq: boolean;
	readonly sampleIdAll: boolean;
	readonly contextSwitch: boolean;
	readonly excludeUser: boolean;
	readonly excludeKernel: boolean;
	/** CLOCK_* of the stamps; null = the scheduler's clock. */
	readonly clockid: number | null;
	/** Masks of the registers in a sample, as two halves. */
	readonly regsUser: readonly [lo: number, hi: number];
	readonly regsIntr: readonly [lo: number, hi: number];
	readonly stackUser: number;
	/** A branch stack has a word before its entries (PERF_SAMPLE_BRANCH_HW_INDEX), words after them (COUNTERS). */
	readonly branchHwIndex: boolean;
	readonly branchCounters: boolean;
}

/** PERF_ATTR_SIZE_VER0: no kernel has written less. */
export const MIN_ATTR = 64;

/** The attribute in `bytes`, which are its own and no more. null where they are too few. */
export function parseAttr(bytes: Buffer, littleEndian: boolean): PerfAttr | null {
	if (bytes.length < MIN_ATTR) return null;
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	const u32 = (at: number): number => (at + 4 <= bytes.length ? view.getUint32(at, littleEndian) : 0);
	const u64 = (at: number): bigint => (at + 8 <= bytes.length ? view.getBigUint64(at, littleEndian) : 0n);
	const halves = (at: number): readonly [number, number] => {
		const v = u64(at);
		return [Number(BigInt.asIntN(32, v)), Number(BigInt.asIntN(32, v >> 32n))];
	};
	const flags = u64(40);
	// C bit fields begin at the low end of the word on little-endian machines, at the high end on big-endian ones
	const flag = (bit: number): boolean => ((flags >> BigInt(littleEndian ? bit : 63 - bit)) & 1n) === 1n;
	const branch = u64(72);
	return {
		type: u32(0),
		config: u64(8),
		sampleType: Number(u64(24) & 0x7fff_ffffn),
		readFormat: Number(u64(32) & 0x7fff_ffffn),
		period: Number(u64(16)),
		freq: flag(flagBit.freq),
		sampleIdAll: flag(flagBit.sampleIdAll),
		contextSwitch: flag(flagBit.contextSwitch),
		excludeUser: flag(flagBit.excludeUser),
		excludeKernel: flag(flagBit.excludeKernel),
		clockid: flag(flagBit.useClockid) && bytes.length >= 96 ? view.getInt32(92, littleEndian) : null,
		regsUser: halves(80),
		regsIntr: halves(96),
		stackUser: u32(88),
		branchHwIndex: ((branch >> 17n) & 1n) === 1n,
		branchCounters: ((branch >> 19n) & 1n) === 1n,
	};
}

/** Names of clocks by CLOCK_* number, as trace clocks are called where both have one. */
const clockNames: Readonly<Record<number, string>> = {
	0: "realtime",
	1: "mono",
	4: "mono_raw",
	7: "boot",
	11: "tai",
};

/** The clock of perf without -k: sched_clock. Not comparable with any CLOCK_*. */
const PERF_CLOCK = "perf";

/**
 * Clock of a recording's stamps, and the wall clock minus it (ns; null if unknown); `told` is what the header says of that.
 */
export function clockOf(
	attrs: readonly PerfAttr[],
	told: bigint | null,
): { readonly name: string; readonly wallOffset: bigint | null } {
	const clockid = attrs.find((a) => a.clockid !== null)?.clockid ?? null;
	if (clockid === null) return { name: PERF_CLOCK, wallOffset: told };
	return { name: clockNames[clockid] ?? `clock ${clockid}`, wallOffset: clockid === REALTIME ? 0n : told };
}

const REALTIME = 0;

/** PERF_COUNT_SW_DUMMY: the event that only brings mappings and names. */
export function isDummy(attr: PerfAttr): boolean {
	return attr.type === attrType.software && attr.config === 9n;
}

const hardware = [
	"cycles",
	"instructions",
	"cache-references",
	"cache-misses",
	"branches",
	"branch-misses",
	"bus-cycles",
	"stalled-cycles-frontend",
	"stalled-cycles-backend",
	"ref-cycles",
];
const software = [
	"cpu-clock",
	"task-clock",
	"page-faults",
	"context-switches",
	"cpu-migrations",
	"minor-faults",
	"major-faults",
	"alignment-faults",
	"emulation-faults",
	"dummy",
	"bpf-output",
	"cgroup-switches",
];
const caches = ["L1-dcache", "L1-icache", "LLC", "dTLB", "iTLB", "branch", "node"];
const cacheOps = ["loads", "stores", "prefetches"];

/** A name for an event that the file does not name. */
export function attrName(attr: PerfAttr): string {
	const config = Number(attr.config & 0xffff_ffffn);
	const own = (): string => {
		switch (attr.type) {
			case attrType.hardware:
				return hardware[config & 0xff] ?? `hardware 0x${attr.config.toString(16)}`;
			case attrType.software:
				return software[config] ?? `software ${config}`;
			case attrType.tracepoint:
				return `tracepoint ${config}`;
			case attrType.hwCache: {
				const cache = caches[config & 0xff];
				const op = cacheOps[(config >> 8) & 0xff];
				if (cache === undefined || op === undefined) return `cache 0x${attr.config.toString(16)}`;
				return `${cache}-${op}${((config >> 16) & 0xff) === 1 ? "-misses" : ""}`;
			}
			case attrType.breakpoint:
				return "mem";
			default:
				return `${attr.type === attrType.raw ? "r" : `pmu ${attr.type} 0x`}${attr.config.toString(16)}`;
		}
	};
	const only =
		attr.excludeKernel && !attr.excludeUser ? ":u" : attr.excludeUser && !attr.excludeKernel ? ":k" : "";
	return own() + only;
}

/** The event counts nanoseconds of CPU time: its periods are a duration. */
export function countsTime(attr: PerfAttr): boolean {
	return attr.type === attrType.software && (attr.config === 0n || attr.config === 1n);
}
