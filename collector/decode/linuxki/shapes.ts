/** The records of one recording as events of the kernel: version of the recorder, kernel and machine decide. */
import type { PrevStateTable } from "../../derive/derivation.ts";
import { syscallTable } from "../../derive/syscall-tables/index.ts";
import type { EventFormat, Field } from "../tracepoint/format.ts";
import type { RecordMemory } from "../tracepoint/memory.ts";
import { version as kernel, kernelVersion } from "./kernel-release.ts";
import {
	CALL_FUNCTION_ENTRY,
	CALL_FUNCTION_EXIT,
	CALL_FUNCTION_SINGLE_ENTRY,
	CALL_FUNCTION_SINGLE_EXIT,
	type CallPlaces,
	type FieldLayout,
	HARDCLOCK,
	type HardclockPlaces,
	POWER_END,
	POWER_START,
	type RecordLayout,
	versions,
} from "./record-layouts.ts";
import { rwbsWriter } from "./rwbs.ts";
import { FLAGS_AT, PID_AT, SCRATCH_AT, type Shape, TEXT_AT } from "./shape.ts";

export * from "./record-layouts.ts";

export interface Facts {
	/** As uname -m says it; "" if unknown. */
	readonly arch: string;
	/** Release of the kernel; null if unknown. */
	readonly kernel: string | null;
	/** CONFIG_HZ of the kernel; null if unknown. */
	readonly hz: number | null;
}

export interface Layout {
	readonly headerBytes: 32 | 40;
	/** tgid of the current thread in the header, -1: it has none. */
	readonly tgidAt: number;
	/** By id of the record; undefined where it is no event of the kernel, or not known. */
	readonly shapes: readonly (Shape | undefined)[];
	readonly prevState: PrevStateTable;
	readonly hardclock: HardclockPlaces;
	readonly calls: CallPlaces;
}

type Fix = NonNullable<Shape["fix"]>;

/** `version`: the version word of the chunks, one that `versions` has. */
export function shapesOf(version: number, facts: Facts): Layout {
	const { headerBytes, tgidAt, records, hardclock, calls } = versions[version]!;
	const shapes: (Shape | undefined)[] = [];
	const formats = new Map<string, EventFormat>();
	for (const [key, record] of Object.entries(records)) {
		const id = Number(key);
		const fields = record.fields.filter((field) => isKnown(field, record, facts));
		let format = formats.get(record.event);
		if (format === undefined) {
			format = formatOf(id, record, fields);
			formats.set(record.event, format);
		}
		shapes[id] = {
			format,
			bytes: record.bytes,
			stack: record.stack ?? null,
			fix: fixOf(id, record, headerBytes, calls, facts),
		};
	}
	return { headerBytes, tgidAt, shapes, prevState: prevStateOf(facts.kernel), hardclock, calls };
}

/** Name of the event that the records of an id are; null where they are none, or the id is not known. */
export function eventOf(id: number): string | null {
	if (id === HARDCLOCK) return "hardclock";
	return versions[9]!.records[id]?.event ?? null;
}

/** Names of the events whose records a mask of the startup record switches on (bit = id). */
export function eventsOfMask(mask: bigint): string[] {
	const names = new Set<string>();
	for (let id = 1; id < 64; id++) {
		if (((mask >> BigInt(id)) & 1n) === 0n) continue;
		const event = eventOf(writtenAs[id] ?? id);
		if (event !== null) names.add(event);
	}
	return [...names];
}

/** The module has one probe for the two pairs, which writes the ids of the first. */
const writtenAs: Readonly<Record<number, number>> = {
	[CALL_FUNCTION_SINGLE_ENTRY]: CALL_FUNCTION_ENTRY,
	[CALL_FUNCTION_SINGLE_EXIT]: CALL_FUNCTION_EXIT,
};

/**
 * Values that a record has room for, but that this kernel does not give, or in a unit that nothing tells: they have no
 * column.
 * - cmd_type of requests went in 4.11; requests in flight are not counted since 4.18 in what the module reads.
 * - Times out of kcpustat are ns since 4.11 (before, jiffies, ns or ticks of the timebase, by the configuration);
 *   irq_time and softirq_time are multiplied as if they were jiffies, which needs HZ to be undone.
 */
const conditions: Readonly<Record<string, (k: number | null, facts: Facts) => boolean>> = {
	cmd_type: (k) => k !== null && k < kernel(4, 11),
	async_in_flight: (k) => k !== null && k < kernel(4, 18),
	sync_in_flight: (k) => k !== null && k < kernel(4, 18),
	irq_time: (k, { hz }) => k !== null && k >= kernel(4, 11) && isRate(hz),
	softirq_time: (k, { hz }) => k !== null && k >= kernel(4, 11) && isRate(hz),
	stealtime: (k) => k !== null && k >= kernel(4, 11),
};

const isRate = (hz: number | null): hz is number => hz !== null && hz > 0 && hz <= 1e9;

function isKnown([name]: FieldLayout, record: RecordLayout, facts: Facts): boolean {
	if (name === "rwbs") return rwbsWriter(facts.kernel, isWide(record)) !== null;
	return conditions[name]?.(kernelVersion(facts.kernel), facts) ?? true;
}

const isWide = (record: RecordLayout): boolean =>
	record.fields.some(([name, type]) => name === "cmd_flags" && type === "u64");

/** Size, sign and C type of what is one integer. */
const integers = {
	u8: [1, false, "unsigned char"],
	int: [4, true, "int"],
	u32: [4, false, "unsigned int"],
	s64: [8, true, "long"],
	u64: [8, false, "unsigned long"],
} as const;

function fieldOf([name, type, offset]: FieldLayout): Field {
	const field = { name, offset, relative: false };
	if (type === "text" || type === "bytes") {
		const [kind, ctype] =
			type === "text"
				? (["loc-chars", "__data_loc char[]"] as const)
				: (["loc-data", "__data_loc u8[]"] as const);
		return { ...field, ctype, size: 4, signed: false, kind, element: 1, count: 0 };
	}
	if (type in integers) {
		const [size, signed, ctype] = integers[type as keyof typeof integers];
		return { ...field, ctype, size, signed, kind: "integer", element: size, count: 1 };
	}
	const count = Number(/\d+/.exec(type.slice(type.indexOf("[")))![0]);
	return type.startsWith("char")
		? { ...field, ctype: type, size: count, signed: true, kind: "chars", element: 1, count }
		: {
				...field,
				ctype: `unsigned long[${count}]`,
				size: count * 8,
				signed: false,
				kind: "array",
				element: 8,
				count,
			};
}

function formatOf(id: number, record: RecordLayout, fields: readonly FieldLayout[]): EventFormat {
	return {
		system: record.system,
		name: record.event,
		id,
		common: [fieldOf(["common_pid", "int", PID_AT]), fieldOf(["common_flags", "u8", FLAGS_AT])],
		fields: fields.map(fieldOf),
		printFmt: "",
	};
}

function fixOf(
	id: number,
	record: RecordLayout,
	headerBytes: number,
	calls: CallPlaces,
	facts: Facts,
): Fix | null {
	const at = (name: string): number => record.fields.find((f) => f[0] === name)![2];
	if (id === POWER_START) return idleState(headerBytes + 8);
	if (id === POWER_END) return leaveIdle;
	switch (record.event) {
		case "sched_switch":
			return interruptTimes(record, facts);
		case "sys_enter":
			return unwrittenArguments(at("id"), calls, facts.arch);
		case "scsi_dispatch_cmd_start":
		case "scsi_dispatch_cmd_done":
			return scsiCommand(at("cmd_len"), at("prot_op") + 1);
	}
	return record.system === "block" ? letters(at("cmd_flags"), at("nr_sector"), record, facts) : null;
}

function idleState(stateAt: number): Fix {
	return ({ view, littleEndian }, p) =>
		view.setUint32(
			p + SCRATCH_AT,
			view.getUint32(p + stateAt + (littleEndian ? 0 : 4), littleEndian),
			littleEndian,
		);
}

/** PWR_EVENT_EXIT of include/trace/events/power.h. */
const leaveIdle: Fix = ({ view }, p) => view.setUint32(p + SCRATCH_AT, 0xffff_ffff);

function letters(flagsAt: number, sectorsAt: number, record: RecordLayout, facts: Facts): Fix | null {
	const wide = isWide(record);
	const write = rwbsWriter(facts.kernel, wide);
	if (write === null) return null;
	return (memory, p) => {
		const { view, littleEndian } = memory;
		const first = view.getInt32(p + flagsAt, littleEndian);
		const second = wide ? view.getInt32(p + flagsAt + 4, littleEndian) : 0;
		const sectors = view.getUint32(p + sectorsAt, littleEndian);
		if (wide && !littleEndian) write(memory, p, second, first, sectors);
		else write(memory, p, first, second, sectors);
	};
}

/** Undoes the multiplication by 1e9 / HZ (an integer division in C). */
function interruptTimes(record: RecordLayout, facts: Facts): Fix | null {
	const times = record.fields.filter(
		(field) => (field[0] === "irq_time" || field[0] === "softirq_time") && isKnown(field, record, facts),
	);
	if (times.length === 0) return null;
	const factor = Math.floor(1e9 / facts.hz!);
	const offsets = times.map(([, , at]) => at);
	return ({ view, littleEndian }, p) => {
		for (const at of offsets) {
			const high = view.getUint32(p + at + (littleEndian ? 4 : 0), littleEndian);
			const low = view.getUint32(p + at + (littleEndian ? 0 : 4), littleEndian);
			if (high === 0 && low === 0) continue;
			if (high < 0x20_0000) {
				// below 2^53: exact
				const ns = Math.floor((high * 0x1_0000_0000 + low) / factor);
				const upper = Math.floor(ns / 0x1_0000_0000);
				view.setUint32(p + at + (littleEndian ? 4 : 0), upper, littleEndian);
				view.setUint32(p + at + (littleEndian ? 0 : 4), ns - upper * 0x1_0000_0000, littleEndian);
			} else
				view.setBigUint64(p + at, view.getBigUint64(p + at, littleEndian) / BigInt(factor), littleEndian);
		}
	};
}

/**
 * Arguments that the module writes of the calls whose paths, blocks and sets it copies; of others it writes six. What
 * stands in the places of the rest is left from an older record. None of these calls has more arguments of meaning but
 * ppoll, whose fifth is the size of the signal mask.
 */
const writtenArguments: Readonly<Record<string, number>> = {
	open: 3,
	creat: 3,
	access: 3,
	stat: 3,
	lstat: 3,
	statfs: 3,
	unlink: 3,
	execve: 3,
	io_submit: 3,
	poll: 3,
	openat: 4,
	unlinkat: 4,
	ppoll: 4,
	select: 5,
};

const ARGUMENTS = 6;
/** Above the number of any call in `writtenArguments`, on every machine. */
const MAX_CALLS = 1024;

/** Zeroes the arguments that were not written. Of a 32-bit task all six are. */
function unwrittenArguments(numberAt: number, { argsAt, is32bitAt }: CallPlaces, arch: string): Fix | null {
	// by number of the call; 0: all were written
	const counts = new Uint8Array(MAX_CALLS);
	for (const [number, name] of Object.entries(syscallTable(arch) ?? {}))
		if (Object.hasOwn(writtenArguments, name)) counts[Number(number)] = writtenArguments[name]!;
	if (counts.every((count) => count === 0)) return null;
	return ({ view, u8, littleEndian }: RecordMemory, p: number) => {
		const number = view.getInt32(p + numberAt, littleEndian);
		if (!(number >= 0 && number < MAX_CALLS)) return;
		const count = counts[number]!;
		if (count === 0) return;
		if (is32bitAt !== null && view.getInt32(p + is32bitAt, littleEndian) !== 0) return;
		u8.fill(0, p + argsAt + 8 * count, p + argsAt + 8 * ARGUMENTS);
	};
}

/** Points the locator at the bytes of the command, which lie behind the fixed part. */
function scsiCommand(lengthAt: number, commandAt: number): Fix {
	return ({ view, littleEndian }, p, end) => {
		const length = view.getUint32(p + lengthAt, littleEndian);
		const fits = length > 0 && length <= 0xffff && p + commandAt + length <= end;
		view.setUint32(p + TEXT_AT, fits ? (length << 16) | commandAt : 0, littleEndian);
	};
}

/**
 * The bits of task->__state (include/linux/sched.h), which LinuxKI records as they are. A waker that is faster than the
 * record leaves TASK_WAKING alone, which has no letter: in what state the thread left is unknown then. TASK_DEAD (0x80,
 * before 4.14 0x40) is what a thread has when it leaves for ever; EXIT_DEAD and EXIT_ZOMBIE stand in exit_state, never here.
 */
const statesSince414 = new Map([
	[0x01, "S"],
	[0x02, "D"],
	[0x04, "T"],
	[0x08, "t"],
	[0x10, "X"],
	[0x20, "Z"],
	[0x40, "P"],
	[0x80, "X"],
	[0x400, "N"],
	// TASK_RTLOCK_WAIT and TASK_FROZEN are shown as D (__task_state_index, Linux 6.12)
	[0x1000, "D"],
	[0x8000, "D"],
]);
const statesBefore414 = new Map([
	[0x01, "S"],
	[0x02, "D"],
	[0x04, "T"],
	[0x08, "t"],
	[0x40, "X"],
	[0x200, "P"],
	[0x400, "N"],
]);

function prevStateOf(release: string | null): PrevStateTable {
	const k = kernelVersion(release);
	return { letters: k !== null && k < kernel(4, 14) ? statesBefore414 : statesSince414, preempted: 0 };
}
