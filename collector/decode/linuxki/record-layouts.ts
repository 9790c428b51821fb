/**
 * The records of LinuxKI's module by version: where the fields of the kernel's events lie. Version 9 is written by
 * LinuxKI 7.11. Compared field by field with an independent reader on captures of x86_64 and ppc64le, and on older versions
 * made from them, which have records 1-5, 9-12, 14-21, 24, 25, 27 and 28 (docs/linuxki.md). Offsets are those of versions 5 to 9, whose header has 40 bytes; in versions 1 and 3 it
 * has 32, and what follows it lies 8 bytes nearer.
 */
import { CPU_AT, PID_AT, SCRATCH_AT, type StackPlace, TEXT_AT } from "./shape.ts";

/** `text` and `bytes` are locators of what has no fixed place. */
export type FieldType =
	| "u8"
	| "int"
	| "u32"
	| "s64"
	| "u64"
	| `char[${number}]`
	| `u64[${number}]`
	| "text"
	| "bytes";

/** Name, type, offset. */
export type FieldLayout = readonly [name: string, type: FieldType, at: number];

export interface RecordLayout {
	readonly system: string;
	/** Name of the kernel's event. */
	readonly event: string;
	readonly fields: readonly FieldLayout[];
	/** Least bytes of a record. */
	readonly bytes: number;
	readonly stack?: StackPlace;
}

export const HEADER_BYTES = 40;
/** Bytes by which the header of versions 1 and 3 is shorter. */
const SHORTER = 8;

export const SCHED_SWITCH = 1;
export const SCHED_WAKEUP = 2;
export const BLOCK_RQ_INSERT = 3;
export const BLOCK_RQ_ISSUE = 4;
export const BLOCK_RQ_COMPLETE = 5;
export const BLOCK_RQ_ABORT = 6;
export const BLOCK_RQ_REQUEUE = 7;
export const HARDCLOCK = 8;
export const SYS_ENTER = 9;
export const SYS_EXIT = 10;
export const POWER_START = 11;
export const POWER_END = 12;
export const POWER_FREQ = 13;
export const SCHED_MIGRATE_TASK = 14;
export const IRQ_HANDLER_ENTRY = 15;
export const IRQ_HANDLER_EXIT = 16;
export const SOFTIRQ_ENTRY = 17;
export const SOFTIRQ_EXIT = 18;
export const SOFTIRQ_RAISE = 19;
export const SCSI_DISPATCH_CMD_START = 20;
export const SCSI_DISPATCH_CMD_DONE = 21;
export const LISTEN_OVERFLOW = 22;
export const STARTUP = 23;
export const CALL_FUNCTION_ENTRY = 24;
export const CALL_FUNCTION_EXIT = 25;
export const FILEMAP_FAULT = 26;
export const WORKQUEUE_QUEUE_WORK = 27;
export const WORKQUEUE_EXECUTE_START = 28;
export const TASKLET_ENQUEUE = 29;
export const CACHE_INSERT = 30;
export const CACHE_EVICT = 31;
export const MM_PAGE_ALLOC = 32;
export const MM_PAGE_FREE = 33;
export const CALL_FUNCTION_SINGLE_ENTRY = 34;
export const CALL_FUNCTION_SINGLE_EXIT = 35;

const counted = (at: number): StackPlace => ({ at, form: "counted" });
const slots = (at: number): StackPlace => ({ at, form: "slots" });

/** Both records of cpu_idle: the state is made from the record, the CPU is that of its header. */
const cpuIdle: readonly FieldLayout[] = [
	["state", "u32", SCRATCH_AT],
	["cpu_id", "int", CPU_AT],
];

const vector: readonly FieldLayout[] = [["vector", "int", 40]];
const vec: readonly FieldLayout[] = [["vec", "int", 40]];

type Records = Readonly<Record<number, RecordLayout>>;

/** A request that goes back has no size: what the record holds in its place is 0 always. */
function block(insert: RecordLayout, issue: RecordLayout, complete: RecordLayout): Records {
	const fields = complete.fields.filter(([name]) => name !== "bytes");
	return {
		[BLOCK_RQ_INSERT]: insert,
		[BLOCK_RQ_ISSUE]: issue,
		[BLOCK_RQ_COMPLETE]: complete,
		[BLOCK_RQ_ABORT]: { ...complete, event: "block_rq_abort", fields },
		[BLOCK_RQ_REQUEUE]: { ...complete, event: "block_rq_requeue", fields },
	};
}

/** Version 9. */
const version9: Records = {
	[SCHED_SWITCH]: {
		system: "sched",
		event: "sched_switch",
		fields: [
			["prev_comm", "char[16]", 48],
			["prev_pid", "int", PID_AT],
			["prev_prio", "int", 88],
			["prev_state", "s64", 64],
			["next_pid", "int", 92],
			["next_prio", "int", 104],
			["next_tgid", "int", 96],
			["next_policy", "u32", 100],
			["syscallno", "s64", 40],
			["irq_time", "u64", 72],
			["softirq_time", "u64", 80],
			["stealtime", "u64", 128],
			["total_vm", "u64", 112],
			["total_rss", "u64", 120],
		],
		bytes: 144,
		stack: counted(136),
	},
	[SCHED_WAKEUP]: {
		system: "sched",
		event: "sched_wakeup",
		fields: [
			["pid", "int", 40],
			["prio", "int", 44],
			["success", "int", 52],
			["target_cpu", "int", 48],
		],
		bytes: 56,
	},
	...block(
		{
			system: "block",
			event: "block_rq_insert",
			fields: [
				["dev", "u32", 40],
				["sector", "u64", 48],
				["nr_sector", "u32", 64],
				["bytes", "u32", 68],
				["rwbs", "char[8]", SCRATCH_AT],
				["cmd_flags", "u64", 56],
				["cmd_type", "u32", 72],
				["async_in_flight", "int", 76],
				["sync_in_flight", "int", 80],
			],
			bytes: 88,
		},
		{
			system: "block",
			event: "block_rq_issue",
			fields: [
				["dev", "u32", 40],
				["sector", "u64", 48],
				["nr_sector", "u32", 72],
				["bytes", "u32", 76],
				["rwbs", "char[8]", SCRATCH_AT],
				["cmd_flags", "u64", 56],
				["start_time_ns", "u64", 64],
				["cmd_type", "u32", 80],
				["async_in_flight", "int", 84],
				["sync_in_flight", "int", 88],
			],
			bytes: 96,
		},
		{
			system: "block",
			event: "block_rq_complete",
			fields: [
				["dev", "u32", 40],
				["sector", "u64", 48],
				["nr_sector", "u32", 80],
				["bytes", "u32", 84],
				["rwbs", "char[8]", SCRATCH_AT],
				["cmd_flags", "u64", 56],
				["start_time_ns", "u64", 64],
				["io_start_time_ns", "u64", 72],
				["cmd_type", "u32", 88],
				["async_in_flight", "int", 92],
				["sync_in_flight", "int", 96],
			],
			bytes: 104,
		},
	),
	[SYS_ENTER]: {
		system: "raw_syscalls",
		event: "sys_enter",
		fields: [
			["id", "int", 40],
			["args", "u64[6]", 48],
			["path", "text", TEXT_AT],
			["is32bit", "int", 44],
		],
		bytes: 96,
	},
	[SYS_EXIT]: {
		system: "raw_syscalls",
		event: "sys_exit",
		fields: [
			["id", "int", 40],
			["ret", "s64", 48],
			["is32bit", "int", 44],
		],
		bytes: 56,
	},
	[POWER_START]: { system: "power", event: "cpu_idle", fields: cpuIdle, bytes: 56 },
	[POWER_END]: { system: "power", event: "cpu_idle", fields: cpuIdle, bytes: 40 },
	[POWER_FREQ]: {
		system: "power",
		event: "cpu_frequency",
		fields: [
			["state", "u64", 48],
			["cpu_id", "u64", 56],
		],
		bytes: 64,
	},
	[SCHED_MIGRATE_TASK]: {
		system: "sched",
		event: "sched_migrate_task",
		fields: [
			["pid", "int", 40],
			["prio", "int", 44],
			["orig_cpu", "int", 48],
			["dest_cpu", "int", 52],
		],
		bytes: 64,
		stack: counted(56),
	},
	[IRQ_HANDLER_ENTRY]: {
		system: "irq",
		event: "irq_handler_entry",
		fields: [
			["irq", "int", 40],
			["name", "char[16]", 44],
		],
		bytes: 64,
	},
	[IRQ_HANDLER_EXIT]: {
		system: "irq",
		event: "irq_handler_exit",
		fields: [
			["irq", "int", 40],
			["ret", "int", 44],
		],
		bytes: 48,
	},
	[SOFTIRQ_ENTRY]: { system: "irq", event: "softirq_entry", fields: vec, bytes: 48 },
	[SOFTIRQ_EXIT]: { system: "irq", event: "softirq_exit", fields: vec, bytes: 48 },
	[SOFTIRQ_RAISE]: {
		system: "irq",
		event: "softirq_raise",
		fields: [...vec, ["name", "char[16]", 44]],
		bytes: 64,
	},
	[SCSI_DISPATCH_CMD_START]: {
		system: "scsi",
		event: "scsi_dispatch_cmd_start",
		fields: [
			["host_no", "u32", 40],
			["channel", "u32", 44],
			["id", "u32", 48],
			["lun", "u32", 52],
			["opcode", "u32", 56],
			["cmd_len", "u32", 60],
			["data_sglen", "u32", 64],
			["prot_sglen", "u32", 68],
			["prot_op", "u8", 72],
			["cmnd", "bytes", TEXT_AT],
		],
		bytes: 80,
	},
	[SCSI_DISPATCH_CMD_DONE]: {
		system: "scsi",
		event: "scsi_dispatch_cmd_done",
		fields: [
			["host_no", "u32", 40],
			["channel", "u32", 44],
			["id", "u32", 48],
			["lun", "u32", 52],
			["result", "int", 56],
			["opcode", "u32", 60],
			["cmd_len", "u32", 64],
			["data_sglen", "u32", 68],
			["prot_sglen", "u32", 72],
			["prot_op", "u8", 76],
			["cmnd", "bytes", TEXT_AT],
		],
		bytes: 80,
	},
	[STARTUP]: {
		system: "linuxki",
		event: "startup",
		fields: [
			["wall_sec", "s64", 40],
			["wall_nsec", "s64", 48],
			["tracemask", "u64", 56],
			["features", "u64", 64],
		],
		bytes: 72,
	},
	[LISTEN_OVERFLOW]: {
		system: "sock",
		event: "listen_overflow",
		fields: [["sk_flags", "u64", 40]],
		bytes: 48,
	},
	[CALL_FUNCTION_ENTRY]: { system: "irq_vectors", event: "call_function_entry", fields: vector, bytes: 48 },
	[CALL_FUNCTION_EXIT]: { system: "irq_vectors", event: "call_function_exit", fields: vector, bytes: 48 },
	[FILEMAP_FAULT]: {
		system: "filemap",
		event: "filemap_fault",
		fields: [
			["mm", "u64", 40],
			["address", "u64", 48],
		],
		bytes: 56,
	},
	[WORKQUEUE_QUEUE_WORK]: {
		system: "workqueue",
		event: "workqueue_queue_work",
		fields: [
			["function", "u64", 40],
			["cpu", "int", 48],
		],
		bytes: 56,
	},
	[WORKQUEUE_EXECUTE_START]: {
		system: "workqueue",
		event: "workqueue_execute_start",
		fields: [["function", "u64", 40]],
		bytes: 48,
	},
	[TASKLET_ENQUEUE]: {
		system: "irq",
		event: "tasklet_enqueue",
		fields: [
			["hi", "u64", 40],
			["function", "u64", 48],
			["arg", "u64", 56],
		],
		bytes: 64,
	},
	[CACHE_INSERT]: {
		system: "filemap",
		event: "mm_filemap_add_to_page_cache",
		fields: [
			["page", "u64", 40],
			["i_ino", "u64", 56],
			["index", "u64", 64],
			["s_dev", "u32", 48],
		],
		bytes: 72,
	},
	[CACHE_EVICT]: {
		system: "filemap",
		event: "mm_filemap_delete_from_page_cache",
		fields: [
			["page", "u64", 40],
			["i_ino", "u64", 56],
			["index", "u64", 64],
			["s_dev", "u32", 48],
		],
		bytes: 80,
		stack: counted(72),
	},
	[MM_PAGE_ALLOC]: {
		system: "kmem",
		event: "mm_page_alloc",
		fields: [
			["pfn", "u64", 40],
			["order", "u32", 48],
			["gfp_flags", "u32", 52],
			["migratetype", "int", 56],
		],
		bytes: 72,
		stack: counted(64),
	},
	[MM_PAGE_FREE]: {
		system: "kmem",
		event: "mm_page_free",
		fields: [
			["pfn", "u64", 40],
			["order", "u32", 48],
		],
		bytes: 64,
		stack: counted(56),
	},
	[CALL_FUNCTION_SINGLE_ENTRY]: {
		system: "irq_vectors",
		event: "call_function_single_entry",
		fields: vector,
		bytes: 48,
	},
	[CALL_FUNCTION_SINGLE_EXIT]: {
		system: "irq_vectors",
		event: "call_function_single_exit",
		fields: vector,
		bytes: 48,
	},
};

/** Before version 9: cmd_flags has 32 bits, and stands behind the sizes. */
const block7 = block(
	{
		system: "block",
		event: "block_rq_insert",
		fields: [...blockHead7(), ["async_in_flight", "int", 72], ["sync_in_flight", "int", 76]],
		bytes: 80,
	},
	{
		system: "block",
		event: "block_rq_issue",
		fields: [
			...blockHead7(),
			["start_time_ns", "u64", 72],
			["async_in_flight", "int", 80],
			["sync_in_flight", "int", 84],
		],
		bytes: 88,
	},
	{
		system: "block",
		event: "block_rq_complete",
		fields: [
			...blockHead7(),
			["start_time_ns", "u64", 72],
			["io_start_time_ns", "u64", 80],
			["async_in_flight", "int", 88],
			["sync_in_flight", "int", 92],
		],
		bytes: 96,
	},
);

function blockHead7(): readonly FieldLayout[] {
	return [
		["dev", "u32", 40],
		["sector", "u64", 48],
		["nr_sector", "u32", 56],
		["bytes", "u32", 60],
		["rwbs", "char[8]", SCRATCH_AT],
		["cmd_flags", "u32", 68],
		["cmd_type", "u32", 64],
	];
}

const version7: Records = { ...version9, ...block7 };

const version5: Records = {
	...version7,
	[SCHED_SWITCH]: {
		...without(version7[SCHED_SWITCH]!, "stealtime"),
		bytes: 136,
		stack: counted(128),
	},
	[STARTUP]: { ...without(version7[STARTUP]!, "tracemask", "features"), bytes: 56 },
};

/** What is known of the shorter header. How the records of the page cache, the page allocator and
 * call_function looked then is not. */
const version3: Records = {
	...others(
		version5,
		[
			CALL_FUNCTION_ENTRY,
			CALL_FUNCTION_EXIT,
			CACHE_INSERT,
			CACHE_EVICT,
			MM_PAGE_ALLOC,
			MM_PAGE_FREE,
			CALL_FUNCTION_SINGLE_ENTRY,
			CALL_FUNCTION_SINGLE_EXIT,
		],
		moved,
	),
	[SCHED_SWITCH]: {
		system: "sched",
		event: "sched_switch",
		fields: [
			["prev_comm", "char[16]", 40],
			["prev_pid", "int", PID_AT],
			["prev_prio", "int", 80],
			["prev_state", "s64", 56],
			["next_pid", "int", 84],
			["next_prio", "int", 96],
			["next_tgid", "int", 88],
			["next_policy", "u32", 92],
			["syscallno", "s64", 32],
			["irq_time", "u64", 64],
			["softirq_time", "u64", 72],
			["total_vm", "u64", 232],
			["total_rss", "u64", 240],
		],
		bytes: 248,
		stack: slots(104),
	},
	[SCHED_MIGRATE_TASK]: {
		...moved(version5[SCHED_MIGRATE_TASK]!),
		bytes: 176,
		stack: slots(48),
	},
};

const version1: Records = {
	...others(version3, [SCHED_MIGRATE_TASK], (record) =>
		record.system === "block"
			? { ...without(record, "async_in_flight", "sync_in_flight"), bytes: record.bytes - 8 }
			: record,
	),
	[SCHED_SWITCH]: {
		system: "sched",
		event: "sched_switch",
		fields: [
			["prev_comm", "char[16]", 40],
			["prev_pid", "int", PID_AT],
			["prev_prio", "int", 64],
			["prev_state", "s64", 56],
			["next_pid", "int", 68],
			["next_prio", "int", 80],
			["next_tgid", "int", 72],
			["next_policy", "u32", 76],
			["syscallno", "s64", 32],
		],
		bytes: 216,
		stack: slots(88),
	},
	[SYS_ENTER]: without(version3[SYS_ENTER]!, "is32bit"),
	[SYS_EXIT]: without(version3[SYS_EXIT]!, "is32bit"),
	[POWER_FREQ]: { ...without(version3[POWER_FREQ]!, "cpu_id"), bytes: 48 },
	[IRQ_HANDLER_ENTRY]: {
		system: "irq",
		event: "irq_handler_entry",
		fields: [
			["irq", "int", 32],
			["name", "char[32]", 36],
		],
		bytes: 72,
	},
};

function without(record: RecordLayout, ...names: string[]): RecordLayout {
	return { ...record, fields: record.fields.filter(([name]) => !names.includes(name)) };
}

/** The same behind the shorter header; what lies in the header stays there. */
function moved(record: RecordLayout): RecordLayout {
	return {
		...record,
		fields: record.fields.map(
			([name, type, at]): FieldLayout => [name, type, at < HEADER_BYTES ? at : at - SHORTER],
		),
		bytes: record.bytes - SHORTER,
	};
}

/** Records by id, without those of `ids`; each as `change` makes it. */
function others(
	records: Records,
	ids: readonly number[],
	change: (record: RecordLayout) => RecordLayout,
): Records {
	return Object.fromEntries(
		Object.entries(records)
			.filter(([id]) => !ids.includes(Number(id)))
			.map(([id, record]) => [id, change(record)]),
	);
}

/** The tick that LinuxKI samples by: no event of the kernel. preempt_count -1: user mode. */
export interface HardclockPlaces {
	readonly preemptCountAt: number;
	readonly stack: StackPlace;
}

/** sys_enter and sys_exit: where what was copied of their arguments begins. */
export interface CallPlaces {
	readonly argsAt: number;
	readonly retAt: number;
	/** null: not recorded. */
	readonly is32bitAt: number | null;
	/** `at`, or 32 bits at `offsetAt` that say where, 0 = nothing. */
	readonly enter: { readonly at: number } | { readonly offsetAt: number };
	readonly exitAt: number;
}

const calls9: CallPlaces = { argsAt: 48, retAt: 48, is32bitAt: 44, enter: { at: 96 }, exitAt: 56 };
const calls3: CallPlaces = { argsAt: 40, retAt: 40, is32bitAt: 36, enter: { at: 88 }, exitAt: 48 };
const calls1: CallPlaces = { ...calls3, is32bitAt: null, enter: { offsetAt: 36 } };

const hardclock9: HardclockPlaces = { preemptCountAt: 40, stack: counted(48) };
const hardclock3: HardclockPlaces = { preemptCountAt: 32, stack: slots(40) };

export interface VersionLayout {
	readonly headerBytes: 32 | 40;
	/** tgid of the current thread in the header; -1: it has none. */
	readonly tgidAt: number;
	readonly records: Records;
	readonly hardclock: HardclockPlaces;
	readonly calls: CallPlaces;
}

const long = { headerBytes: 40, tgidAt: 32, hardclock: hardclock9, calls: calls9 } as const;
const short = { headerBytes: 32, tgidAt: -1, hardclock: hardclock3 } as const;

/** By version word. */
export const versions: Readonly<Record<number, VersionLayout>> = {
	1: { ...short, records: version1, calls: calls1 },
	3: { ...short, records: version3, calls: calls3 },
	5: { ...long, records: version5 },
	7: { ...long, records: version7 },
	9: { ...long, records: version9 },
};
