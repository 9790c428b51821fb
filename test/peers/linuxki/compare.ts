/**
 * Every line that kiinfo -kitrace prints against the rows of the event tables: time, CPU, thread, fields, stacks, and what
 * kiinfo derives itself (times in softirqs, interrupts, system calls, block requests). Lines of one event are in the
 * order of time, as rows are: the n-th line is the n-th row.
 */
import type { ResultRow, TestDataset, Value } from "../../support/dataset.ts";
import { type PrintedEvent, pairs } from "./kitrace.ts";

/** Where a line and a row differ: what, and both sides. */
export interface Difference {
	readonly what: string;
	readonly printed: string;
	readonly row: string;
}

/** A value of a row; of no column, undefined. */
type Cell = Value | undefined;
/** Told of what differs. */
type Differ = (what: string, printed: string, row: string) => void;

interface Frame {
	readonly address: bigint;
	readonly name: string | null;
	readonly symbol: string | null;
}
export interface Stacks {
	of(id: Cell): readonly Frame[];
}

/** Frames of every stack, leaf first, named as kiinfo does: symbol+0xoffset, modules behind the symbol. */
export async function stacksOf(d: TestDataset): Promise<Stacks> {
	const rows = await d.rows(`SELECT s.stack_id, f.address, f.symbol, f."offset", f.module, s.kind
		FROM (SELECT stack_id, kind, unnest(frames) AS frame_id, generate_subscripts(frames, 1) AS k FROM stack) s
		JOIN frame f USING (frame_id) WHERE f.inlined IS NOT TRUE ORDER BY s.stack_id, s.k`);
	const stacks = new Map<number, Frame[]>();
	for (const r of rows) {
		const list = stacks.get(Number(r.stack_id)) ?? [];
		const module = r.kind === "kernel" && r.module !== null ? r.module : "";
		list.push({
			address: BigInt.asUintN(64, r.address as bigint),
			symbol: r.symbol as string | null,
			name: r.symbol === null ? null : `${r.symbol}${module}+0x${(r.offset as bigint).toString(16)}`,
		});
		stacks.set(Number(r.stack_id), list);
	}
	return { of: (id) => (id === null ? [] : (stacks.get(Number(id)) ?? [])) };
}

interface Check {
	readonly table: string;
	/** Columns besides ts, cpu, tid, tgid; `e` is the event table. */
	readonly select: string;
	readonly join?: string;
	/** Which lines are of this table, where it has several events. */
	readonly where?: string;
	fields(line: PrintedEvent, row: ResultRow, differ: Differ, stacks: Stacks): void;
}

const hex = (v: Cell): string => `0x${BigInt.asUintN(64, BigInt(v as bigint)).toString(16)}`;

/** kiinfo prints times as seconds with six digits. */
const seconds = (ns: Cell): string => (Number(ns) / 1e9).toFixed(6);
const near = (printed: string, ns: Cell): boolean => Math.abs(Number(printed) * 1e9 - Number(ns)) <= 1000;

/** Bits of prev_state as kiinfo names them, whatever the kernel means by them; bits above have no name there. */
const stateBits: readonly (readonly [bit: number, name: string])[] = [
	[0x100, "WAKING|"],
	[0x80, "WAKEKILL|"],
	[0x20, "EXIT|"],
	[0x10, "ZOMB|"],
	[0x2, "SSLEEP"],
	[0x1, "SLEEP"],
];

function stateName(raw: number): string {
	if (raw === 0) return "RUN";
	return stateBits.map(([bit, name]) => (raw & bit ? name : "")).join("");
}

/** What is printed of a numeric field, against a column. */
function number(p: ReadonlyMap<string, string>, key: string, value: Cell, differ: Differ): void {
	const printed = p.get(key);
	if (printed === undefined) return;
	if (value === null || value === undefined) differ(`${key} is NULL`, printed, "NULL");
	else if (BigInt(printed) !== BigInt(value as bigint)) differ(key, printed, String(value));
}

const named = (frames: readonly Frame[]): string[] => frames.map((f) => f.name ?? hex(f.address));

/** What kiinfo leaves out at the top of a stack. */
const plumbing =
	/^(?:__schedule|schedule|schedule_timeout|io_schedule_timeout|schedule_hrtimeout_range_clock|__cond_resched)\+/;

/** Symbols of the kernel that share an address with another one, which we show. */
const sameAddress: Readonly<Record<string, string>> = {
	__end_soft_masked: "ret_from_fork_scv",
	__x64_sys_pause: "__do_sys_pause",
};

/** kiinfo knows no weak symbols (type W of kallsyms): it names the function before. */
const weak: Readonly<Record<string, string>> = { "parse_early_param+0x87": "arch_call_rest_init+0xa" };

/** libc gives its functions several names: without what they differ in. */
const plain = (symbol: string): string =>
	symbol.replace(/^_+(?:libc_|IO_(?:new_)?)?/, "").replace(/(?:_impl|64)(?=\+|$)/, "");

/** Entries of exceptions on POWER: the word behind them is scratch, which kiinfo shows. */
const exception = /^\w+_common_(?:virt|real)\+/;

function same(printed: readonly string[], ours: readonly string[]): boolean {
	const renamed = printed.map((name) => name.replace(/^\w+/, (symbol) => sameAddress[symbol] ?? symbol));
	return renamed.length === ours.length && renamed.every((name, k) => name === ours[k]);
}

/**
 * Equal but for what kiinfo does to all stacks: it shows the word behind an exception, and zeros; where a call is the last
 * instruction of a function it names the function behind (offset 0); and it knows no weak symbols.
 */
function likely(printed: readonly string[], ours: readonly string[]): boolean {
	const top = (names: readonly string[]): readonly string[] =>
		names.filter((name, k) => k > 4 || (!plumbing.test(name) && !name.includes("[likit]")));
	const ownTop = top(ours);
	const theirs = top(printed)
		.filter((_, k, all) => k === 0 || !exception.test(all[k - 1]!))
		.filter((name) => name !== "(nil)")
		.map((name) => weak[name] ?? name);
	return (
		theirs.length === ownTop.length &&
		theirs.every((name, k) => same([name], [ownTop[k]!]) || name.endsWith("+0x0"))
	);
}

/** The kernel and the user part of a printed stack. */
function printedStack(text: string): { kernel: string[]; user: string[] } {
	const start = text.search(/(?:^| )(?:[\w.]+(?:\[\w+\])?\+0x[0-9a-f]+| ?\| )/);
	if (start < 0) return { kernel: [], user: [] };
	const [kernel, user] = text.slice(start).split(/ ?\| /);
	const words = (part: string | undefined): string[] =>
		(part ?? "").split(/\s+/).filter((w) => w !== "" && !/^\w+=/.test(w));
	return { kernel: words(kernel), user: words(user) };
}

function kernelFrames(printed: readonly string[], frames: readonly Frame[], differ: Differ): void {
	const ours = named(frames);
	if (same(printed, ours)) return;
	// kiinfo leaves out how a thread comes to sleep
	const left = ours.length - printed.length;
	if (left > 0 && same(printed, ours.slice(left)) && ours.slice(0, left).every((name) => plumbing.test(name)))
		differ("kernel stack without schedule", printed[0] ?? "", ours[0]!);
	else if (printed[0]?.includes("[likit]") && same(printed.slice(1), ours))
		differ("kernel stack with the recorder's probe", printed[0], ours[0] ?? "");
	else if (likely(printed, ours))
		differ("kernel stack with scratch, or named otherwise", printed.join(" "), ours.join(" "));
	else differ("kernel stack", printed.join(" "), ours.join(" "));
}

export const checks: Readonly<Record<string, Check>> = {
	sched_switch: {
		table: "sched_switch",
		select: "e.*",
		fields(line, row, differ, stacks) {
			const p = pairs(line.text);
			number(p, "next_pid", row.next_pid!, differ);
			number(p, "next_prio", row.next_prio!, differ);
			if (p.get("prio") !== "n/a") number(p, "prio", row.prev_prio!, differ);
			if (p.get("next_tgid") !== "n/a") number(p, "next_tgid", row.next_tgid ?? null, differ);
			number(p, "vss", row.total_vm ?? null, differ);
			number(p, "rss", row.total_rss ?? null, differ);
			if (p.get("state") !== "n/a") {
				const printed = /state=(\S*)/.exec(line.text)![1]!;
				const name = stateName(Number(row.prev_state));
				if (name !== printed) differ("state", printed, name);
			}
			const { kernel, user } = printedStack(line.text.replace(/^.*?(?:rss=\d+|policy=\S*) ?/, ""));
			kernelFrames(kernel, stacks.of(row.stack_id!), differ);
			userFrames(user, stacks.of(row.user_stack_id ?? null), differ);
		},
	},
	sched_wakeup: wakeup("sched_wakeup"),
	sched_wakeup_new: wakeup("sched_wakeup_new"),
	sched_migrate_task: {
		table: "sched_migrate_task",
		select: "e.*",
		fields(line, row, differ, stacks) {
			const p = pairs(line.text);
			number(p, "target_pid", row.pid!, differ);
			number(p, "target_prio", row.prio!, differ);
			number(p, "orig_cpu", row.orig_cpu!, differ);
			number(p, "dest_cpu", row.dest_cpu!, differ);
			kernelFrames(
				printedStack(line.text.replace(/^.*?dest_cpu=\d+ ?/, "")).kernel,
				stacks.of(row.stack_id!),
				differ,
			);
		},
	},
	softirq_raise: vector("softirq_raise"),
	softirq_entry: vector("softirq_entry"),
	softirq_exit: vector(
		"softirq_exit",
		`LEFT JOIN softirq i ON i.cpu = e.cpu AND i.ts + i.dur = e.ts AND i.vec = e.vec AND NOT i.open_left`,
	),
	call_function_entry: vector("call_function_entry", undefined, "vector"),
	call_function_exit: vector("call_function_exit", undefined, "vector"),
	call_function_single_entry: vector("call_function_single_entry", undefined, "vector"),
	call_function_single_exit: vector("call_function_single_exit", undefined, "vector"),
	irq_handler_entry: {
		table: "irq_handler_entry",
		select: "e.*",
		fields(line, row, differ) {
			const [, irq, name] = /^irq=(\d+) name=(.*)$/.exec(line.text)!;
			if (Number(irq) !== row.irq) differ("irq", irq!, String(row.irq));
			if (name!.trim() !== row.name) differ("name", name!.trim(), String(row.name));
		},
	},
	irq_handler_exit: {
		table: "irq_handler_exit",
		select: "e.*, i.dur AS took",
		join: `LEFT JOIN irq i ON i.cpu = e.cpu AND i.ts + i.dur = e.ts AND i.irq = e.irq AND i.kind = 'handler' AND NOT i.open_left`,
		fields(line, row, differ) {
			const p = pairs(line.text);
			number(p, "irq", row.irq!, differ);
			if ((p.get("ret") === "handled") !== (row.ret === 1))
				differ("ret", p.get("ret") ?? "", String(row.ret));
			took(p, row, differ);
		},
	},
	block_rq_insert: block("block_rq_insert"),
	block_rq_issue: block("block_rq_issue"),
	block_rq_complete: block(
		"block_rq_complete",
		`LEFT JOIN block_io b ON b.completed_ts = e.ts AND b.dev = e.dev AND b.merged_into IS NULL
			AND (b.sector = e.sector OR (b.sector IS NULL AND e.nr_sector = 0))`,
		", b.queue_ns, b.service_ns",
	),
	hardclock: {
		table: "cpu_sample",
		select: "e.*",
		where: "e.event = 'hardclock'",
		fields(line, row, differ, stacks) {
			const state = pairs(line.text).get("state")!;
			const ours =
				row.tid === 0 ? "IDLE" : row.mode === "user" ? "USER" : row.mode === "kernel" ? "SYS" : "NULL";
			if (state !== ours) differ(`state ${state} is ${ours}`, state, ours);
			// kiinfo prints no stack of idle threads and of user code
			if (state !== "SYS") return;
			const printed = printedStack(line.text.replace(/^state=\w+ ?/, ""));
			const frames = named(stacks.of(row.stack_id!));
			const cut = printed.kernel.length - frames.length;
			if (cut >= 0 && same(printed.kernel.slice(cut), frames)) {
				if (cut > 0) differ("kernel stack cut", printed.kernel.join(" "), frames.join(" "));
			} else if (/^arch_local_irq_restore\+/.test(frames[0] ?? "") && same(printed.kernel, frames.slice(1)))
				differ("kernel stack without arch_local_irq_restore", printed.kernel.join(" "), frames.join(" "));
			else differ("kernel stack", printed.kernel.join(" "), frames.join(" "));
			userFrames(printed.user, stacks.of(row.user_stack_id!), differ);
		},
	},
	print: {
		table: "print",
		select: "e.*",
		fields(line, row, differ) {
			if (`${line.text}\n` !== row.buf) differ("text", line.text, String(row.buf));
		},
	},
	power_start: idle("state <> 4294967295"),
	power_end: idle("state = 4294967295"),
	workqueue_queue_work: work("workqueue_queue_work"),
	workqueue_execute_start: work("workqueue_execute_start"),
	scsi_dispatch_cmd_start: scsi("scsi_dispatch_cmd_start"),
	scsi_dispatch_cmd_done: scsi("scsi_dispatch_cmd_done"),
	sys_enter: {
		table: "sys_enter",
		select: "e.*",
		fields(line, row, differ) {
			if (line.call!.nr !== row.id) differ("number", String(line.call!.nr), String(row.id));
			const args = row.args as unknown as readonly bigint[];
			// of the arguments those are compared that are printed as plain numbers
			const words = line.text.replace(/ (?:filename:|pollfd\[|iocb\[).*$/, "").match(/\S+=\S*/g) ?? [];
			for (const [k, word] of words.entries()) {
				const value = word.slice(word.indexOf("=") + 1);
				if (k >= 6 || !/^(?:0x[0-9a-f]+|0|-?[1-9]\d*)$/.test(value)) continue;
				const printed = BigInt.asUintN(64, BigInt(value));
				const ours = BigInt.asUintN(64, args[k]!);
				const low = 0xffff_ffffn;
				if (printed !== ours && (printed & low) !== (ours & low))
					differ(`argument ${k} of ${line.call!.name}`, value, hex(args[k]!));
			}
			const path = / filename: (.*)$/.exec(` ${line.text}`)?.[1] ?? null;
			if (path !== (row.path ?? null)) differ("path", String(path), String(row.path));
		},
	},
	sys_exit: {
		table: "sys_exit",
		select:
			"e.*, c.dur AS took, s.family, s.type, s.local_address, s.local_port, s.remote_address, s.remote_port",
		join: `LEFT JOIN syscall c ON c.utid = e.utid AND c.ts + c.dur = e.ts AND c.nr = e.id AND NOT c.open_left
			LEFT JOIN socket_io o ON o.utid = e.utid AND o.ts + o.dur = e.ts
			LEFT JOIN socket s USING (socket_id)`,
		fields(line, row, differ) {
			if (line.call!.nr !== row.id) differ("number", String(line.call!.nr), String(row.id));
			const value = /^ret=([^/\s]*)/.exec(line.text)![1]!;
			const ret = BigInt(value.startsWith("-0x") ? `-${BigInt(value.slice(1))}` : value);
			if (BigInt.asUintN(64, ret) !== BigInt.asUintN(64, row.ret as bigint))
				differ("ret", value, String(row.ret));
			const begun = /syscallbeg=\s*([\d.]+)/.exec(line.text)?.[1];
			if (begun !== undefined) {
				if (row.took === null) differ("duration is NULL", begun, "NULL");
				else if (!near(begun, row.took!)) differ("duration", begun, seconds(row.took!));
			}
			const family = / family=(\S*)/.exec(line.text)?.[1];
			if (family === undefined) return;
			const end = (address: Cell, port: Cell): string => (address === null ? "" : `${address}:${port}`);
			const local = / L=(\S*)/.exec(line.text)?.[1] ?? "";
			const remote = / R=(\S*)/.exec(line.text)?.[1] ?? "";
			const ours = `${end(row.local_address, row.local_port)} ${end(row.remote_address, row.remote_port)}`;
			if (`${local} ${remote}` !== ours) differ("socket", `${local} ${remote}`, ours);
		},
	},
};

function userFrames(printed: readonly string[], frames: readonly Frame[], differ: Differ): void {
	const equal = (words: readonly string[]): boolean =>
		words.length === frames.length &&
		words.every((word, k) => {
			const bare = word.replace(/^\[[^\]]*\]:/, "");
			const f = frames[k]!;
			return bare.startsWith("0x")
				? BigInt(bare) === f.address
				: f.name !== null && plain(bare) === plain(f.name);
		});
	if (equal(printed)) return;
	// POWER: the second word is scratch of the last callee; kiinfo shows it, and zeros as words
	const judged = printed.filter(
		(word, k) => k !== 1 && word !== "0x0" && word !== "(nil)" && !(k > 0 && word === printed[0] && k < 3),
	);
	if (equal(judged)) differ("user stack with its second word", printed.join(" "), "");
	else differ("user stack", printed.join(" "), named(frames).join(" "));
}

function took(p: ReadonlyMap<string, string>, row: ResultRow, differ: Differ): void {
	const printed = /irqtm=/.test([...p.keys()].join("=")) ? p.get("irqtm") : undefined;
	if (printed === undefined || row.took === null || row.took === undefined) return;
	if (!near(printed, row.took)) differ("irqtm", printed, seconds(row.took));
}

function wakeup(table: string): Check {
	return {
		table,
		select: "e.*",
		fields(line, row, differ) {
			const p = pairs(line.text);
			number(p, "target_pid", row.pid!, differ);
			number(p, "prio", row.prio!, differ);
			number(p, "target_cpu", row.target_cpu!, differ);
			number(p, "success", row.success ?? null, differ);
		},
	};
}

function vector(table: string, join?: string, column = "vec"): Check {
	return {
		table,
		select: join ? "e.*, i.dur AS took" : "e.*",
		...(join ? { join } : {}),
		fields(line, row, differ) {
			const p = pairs(line.text);
			number(p, "vec", row[column]!, differ);
			took(p, row, differ);
		},
	};
}

/** Names of operations and flags as kiinfo prints them; bits of Linux 6.1, include/linux/blk_types.h. */
const operations: Readonly<Record<number, string>> = { 0: "read", 1: "write", 2: "flush", 9: "write_zero" };
const flagBits: Readonly<Record<string, number>> = {
	SYNC: 11,
	META: 12,
	PRIO: 13,
	NOMERGE: 14,
	IDLE: 15,
	FUA: 17,
	PREFLUSH: 18,
	RAHEAD: 19,
	BACKGROUND: 20,
};

function block(table: string, join?: string, more = ""): Check {
	return {
		table,
		select: `e.*${more}`,
		...(join ? { join } : {}),
		fields(line, row, differ) {
			const p = pairs(line.text);
			number(p, "dev_t", row.dev!, differ);
			number(p, "sector", BigInt.asUintN(64, row.sector as bigint), differ);
			if (row.bytes !== undefined && row.bytes !== null) number(p, "len", row.bytes, differ);
			else number(p, "len", BigInt(row.nr_sector as bigint) * 512n, differ);
			number(p, "async", row.async_in_flight ?? null, differ);
			number(p, "sync", row.sync_in_flight ?? null, differ);
			if (row.cmd_flags !== undefined && row.cmd_flags !== null) {
				const flags = BigInt(row.cmd_flags as bigint);
				const op = operations[Number(flags & 0xffn)] ?? `op ${flags & 0xffn}`;
				if (p.get("wr") !== op) differ("wr", p.get("wr") ?? "", op);
				const printed = p.get("flags")!;
				const bits = printed.startsWith("0x")
					? BigInt(printed)
					: printed.split("|").reduce((sum, f) => sum | (1n << BigInt(flagBits[f] ?? 60)), 0n);
				if (bits !== (flags >> 8n) << 8n) differ("flags", printed, hex(flags));
			}
			const svtm = /svtm=\s*([\d.]+)/.exec(line.text)?.[1];
			if (svtm === undefined) return;
			const which =
				BigInt(row.nr_sector as bigint) === 0n
					? ` of ${row.rwbs}, empty`
					: row.sector === 0n
						? " at sector 0"
						: "";
			if (row.service_ns === null || row.service_ns === undefined)
				differ(`svtm is NULL${which}`, svtm, "NULL");
			else if (!near(svtm, row.service_ns)) differ(`svtm${which}`, svtm, seconds(row.service_ns));
			const qtm = /qtm=\s*([\d.]+)/.exec(line.text)![1]!;
			if (row.queue_ns !== null && row.queue_ns !== undefined && !near(qtm, row.queue_ns))
				differ("qtm", qtm, seconds(row.queue_ns));
		},
	};
}

function idle(where: string): Check {
	return {
		table: "cpu_idle",
		select: "e.*",
		where,
		fields(line, row, differ) {
			number(pairs(line.text), "state", row.state!, differ);
		},
	};
}

function work(table: string): Check {
	return {
		table,
		select: "e.*",
		fields(line, row, differ) {
			const p = pairs(line.text);
			if (p.has("target_cpu")) number(p, "target_cpu", row.cpu_arg!, differ);
		},
	};
}

function scsi(table: string): Check {
	return {
		table,
		select: "e.*",
		fields(line, row, differ) {
			const p = pairs(line.text);
			const path = `${row.host_no}:${row.channel}:${row.id}:${row.lun}`;
			if (p.get("path") !== path) differ("path", p.get("path") ?? "", path);
			for (const key of ["cmd_len", "data_sglen", "prot_sglen", "prot_op", "result"])
				if (row[key] !== undefined && row[key] !== null) number(p, key, row[key]!, differ);
			const bytes = /cmd=\[([0-9a-f ]+)\]/.exec(line.text)![1]!.replaceAll(" ", "");
			if (bytes !== String(row.cmnd)) differ("cmnd", bytes, String(row.cmnd));
		},
	};
}

export interface Origins {
	/** ns of the first record (in ftrace mode of the first marker), and of the startup record (null without one). */
	readonly first: bigint;
	readonly startup: bigint | null;
}

/** All differences of the lines of one event, and how many lines were compared, each with its row. */
export async function compare(
	d: TestDataset,
	event: string,
	lines: readonly PrintedEvent[],
	origins: Origins,
	stacks: Stacks,
): Promise<{ compared: number; differences: (Difference & { line: PrintedEvent })[] }> {
	const check = checks[event];
	if (!check) throw new Error(`the test does not know the event ${event} that kiinfo prints`);
	const rows = await d.rows(`SELECT e.ts, e.cpu, t.tid, t.tgid, ${check.select}
		FROM ${check.table} e LEFT JOIN thread t ON t.utid = e.utid ${check.join ?? ""}
		${check.where ? `WHERE ${check.where}` : ""} ORDER BY e.ts, e.cpu`);
	const differences: (Difference & { line: PrintedEvent })[] = [];
	let skipped = 0;
	let compared = 0;
	for (const [k, row] of rows.entries()) {
		const line = lines[k - skipped];
		if (line === undefined) {
			differences.push({ what: "not printed", printed: "", row: String(row.ts), line: lines.at(-1)! });
			continue;
		}
		const differ = (what: string, printed: string, ours: string): void => {
			differences.push({ what, printed, row: ours, line });
		};
		const origin = line.started && origins.startup !== null ? origins.startup : origins.first;
		const us = Number((row.ts as bigint) - origin) / 1000;
		if (Math.round(us) < line.us && rows.length - skipped > lines.length) {
			skipped++;
			differ("not printed", "", String(us));
			continue;
		}
		compared++;
		if (Math.abs(us - line.us) > 1) differ("time", String(line.us), String(us));
		if (line.cpu !== row.cpu) differ("cpu", String(line.cpu), String(row.cpu));
		if (line.pid === -1) differ("pid -1", "-1", String(row.tid));
		else if (line.pid !== row.tid) differ("pid", String(line.pid), String(row.tid));
		if (line.tgid > 0 && line.tgid !== row.tgid) differ("tgid", String(line.tgid), String(row.tgid));
		check.fields(line, row, differ, stacks);
	}
	return { compared, differences };
}
