import type { Scope } from "../dataset/scope.ts";
import { group, percent, sentence } from "../figures/numbers.ts";
import {
	type FutexKey,
	type FutexThread,
	type FutexWaker,
	type FutexWakes,
	futexNeeds,
	futexWaitsByThread,
	futexWakers,
	futexWakes,
} from "../futex/contention.ts";
import { type FutexOperation, futexHistogram, futexOperations } from "../futex/operations.ts";
import { stateTotals } from "../scheduling/cpu-time.ts";
import type { Block, KeyNumber, Section, TableBlock, TableColumn, Value } from "./document.ts";
import { defineReport, eventNotice } from "./frame.ts";
import { histogramBlocks } from "./histogram-block.ts";
import { noneNotice, nothing, present } from "./nothing.ts";
import { recorded } from "./recorded.ts";
import {
	counted,
	EXPECTED,
	expectedColumn,
	expectedLast,
	processName,
	share,
	shownOf,
	spreadCells,
	spreadColumnsOf,
	spreadWords,
	threadName,
	withTotal,
} from "./subject.ts";

const sections = {
	futexes: "Which futexes are waited for?",
	distribution: "How long are the waits?",
	threads: "Who waits?",
	wakers: "Who wakes whom?",
	wakes: "Who calls wake, and is anybody there?",
} as const;

export const futex = defineReport({
	name: "futex",
	question: "which lock, how contended, who wakes whom?",
	linuxki: "kifutex",
	needs: futexNeeds,
	events: ["sys_enter", "sys_exit", "sched_switch", "sched_waking"],
	where: ["thread", "process", "name"],
	definitions: ["futex wait", "futex address", "waker", "lock holder", "thread join"],
	record: ["sys_enter", "sys_exit", "sched_switch", "sched_waking"],
	sections,
	async find(ds, scope, parameters) {
		const { top: _top, ...all } = parameters;
		const top = scope.top as number;
		const operations = recorded(await futexOperations(ds, all));
		if (operations.length === 0) return nothing(scope, sections, "No thread called futex", "Futex calls");
		const switched = scope.manifest.tables.sched?.rows ?? 0;
		const threads = recorded(await futexWaitsByThread(ds, all));
		const wakers = switched > 0 ? recorded(await futexWakers(ds, all)) : [];
		const wakes =
			(scope.manifest.tables.futex_wake?.rows ?? 0) > 0 ? recorded(await futexWakes(ds, all)) : [];
		const bins = switched > 0 ? recorded(await futexHistogram(ds, all)) : [];
		const waits = operations.filter((o) => o.waits && !o.join);
		const joins = new Set(operations.filter((o) => o.join).map(keyOf));
		const noSwitches = eventNotice(
			scope.manifest,
			"Sleep and wakers",
			["sched_switch", "sched_waking"],
			"Whether a call slept, and who ended it, is unknown.",
		);

		const result: Section[] = [
			{ id: "futexes", title: sections.futexes, blocks: [operationTable(operations, top)] },
			{
				id: "distribution",
				title: sections.distribution,
				blocks:
					switched === 0
						? [noSwitches]
						: present(
								histogramBlocks(bins, {
									one: "call",
									many: "calls",
									what: "futex calls that began in the window and slept (without thread joins)",
									time: "waiting time",
								}),
								scope,
								"Futex calls that slept",
							),
			},
			{
				id: "threads",
				title: sections.threads,
				blocks:
					threads.length === 0 ? [noneNotice(scope, "Futex waits")] : [threadTable(threads, joins, top)],
			},
			{
				id: "wakers",
				title: sections.wakers,
				blocks:
					switched === 0
						? [noSwitches]
						: wakers.length === 0
							? [noneNotice(scope, "Futex waits that ended in a waking")]
							: [wakerTable(wakers, joins, top), holderText],
			},
			{
				id: "wakes",
				title: sections.wakes,
				blocks: wakes.length === 0 ? [noneNotice(scope, "Futex wake calls")] : [wakeTable(wakes, top)],
			},
		];
		const words =
			waits.length === 0
				? onlyJoins(operations, scope)
				: await contended(waits, operations, threads, scope, async () =>
						switched > 0 ? recorded(await stateTotals(ds, all)) : [],
					);
		return { ...words, sections: result };
	},
});

interface Words {
	readonly title: string;
	readonly lead: string;
	readonly keyNumbers: readonly KeyNumber[];
}

function onlyJoins(operations: readonly FutexOperation[], scope: Scope): Words {
	const joins = operations.filter((o) => o.join).length;
	const wakes = operations.filter((o) => !o.waits).reduce((sum, o) => sum + o.n, 0);
	return {
		title: "No thread waited for a futex that others hold",
		lead: `${counted(joins, "futex", "futexes")} of thread joins, ${counted(wakes, "wake call")} in ${sentence(scope.window.ns, "ns")}.`,
		keyNumbers: [],
	};
}

/** The address that costs most, in words. */
async function contended(
	waits: readonly FutexOperation[],
	operations: readonly FutexOperation[],
	threads: readonly FutexThread[],
	scope: Scope,
	states: () => Promise<readonly { utid: number | null; state: string; ns: number }[]>,
): Promise<Words> {
	const total = waits.reduce((sum, o) => sum + o.ns, 0);
	const calls = waits.reduce((sum, o) => sum + o.n, 0);
	const addresses = new Map<string, FutexOperation[]>();
	for (const o of waits) addresses.set(keyOf(o), [...(addresses.get(keyOf(o)) ?? []), o]);
	const [key, worst] = [...addresses].sort((a, b) => sumOf(b[1], "ns") - sumOf(a[1], "ns"))[0];
	const main = worst.reduce((a, b) => (b.ns > a.ns ? b : a));
	const ns = sumOf(worst, "ns");
	const n = sumOf(worst, "n");
	const waiters = threads.filter((t) => keyOf(t) === key);
	const who = `${counted(waiters.length, "thread")} of ${processName({ tgid: main.space, process: main.process })}`;
	const life = (await states())
		.filter((s) => waiters.some((t) => t.utid === s.utid) && s.state !== "dead")
		.reduce((sum, s) => sum + s.ns, 0);
	const wakes = operations.filter((o) => !o.waits && keyOf(o) === key);
	const slept = worst.some((o) => o.slept === null)
		? null
		: worst.reduce((sum, o) => sum + (o.slept ?? 0), 0);
	const address = main.uaddr ?? "of futex_waitv";
	return {
		title: `${who} ${waiters.length === 1 ? "waits" : "wait"} ${sentence(ns, "ns")} for futex ${address}`,
		lead: [
			`${counted(n, "call")}${slept === null ? "" : `, of which ${group(slept)} slept`}: ${spreadWords(main)}.`,
			`It is ${percent(ns, total)} of all futex waiting that is not expected${
				life > 0
					? `, and ${percent(ns, life)} of the life of ${waiters.length === 1 ? "this thread" : `these ${counted(waiters.length, "thread")}`} in the window`
					: ""
			}.`,
			"Whether it is a lock, a condition or a timer, the caller knows: the address and its wakers are measured, a holder is inferred.",
			`Next: powerki report waits --where "${main.space === null ? `thread = ${waiters[0]?.tid ?? 0}` : `process = ${main.space}`}"`,
		].join(" "),
		keyNumbers: [
			{
				label: `waiting for ${address}`,
				value: ns,
				quantity: "ns",
				base: `of ${sentence(total, "ns")} of all futex waiting, thread joins left out`,
			},
			{
				label: "waiters at a time",
				value: scope.window.ns === 0 ? "-" : Math.round((100 * ns) / scope.window.ns) / 100,
				quantity: "number",
				base: `mean over ${sentence(scope.window.ns, "ns")}, of ${counted(waiters.length, "thread")}`,
			},
			{
				label: "calls",
				value: n,
				quantity: "count",
				base: `of ${group(calls)} that can wait; ${slept === null ? "sleep unknown" : `${group(slept)} slept`}, ${group(sumOf(worst, "eagain"))} EAGAIN`,
			},
			{
				label: "typical wait",
				value: main.p50,
				quantity: "ns",
				base: `p50 of ${counted(main.n, "call")}, ${main.op}`,
			},
			{
				label: "wake calls",
				value: wakes.reduce((sum, o) => sum + o.n, 0),
				quantity: "count",
				base: `on this address; ${group(sumOf(wakes, "woken"))} threads woken`,
			},
		],
	};
}

function sumOf(operations: readonly FutexOperation[], key: "ns" | "n" | "eagain" | "woken"): number {
	return operations.reduce((sum, o) => sum + (o[key] ?? 0), 0);
}

const keyOf = (f: FutexKey): string => `${f.space} ${f.shared} ${f.uaddr}`;

const addressColumn: TableColumn = { key: "futex", label: "futex", quantity: "code" };

const addressOf = (f: FutexKey): string => f.uaddr ?? "futex_waitv";

function operationTable(operations: readonly FutexOperation[], top: number): TableBlock {
	const ordered = expectedLast(operations, (o) => o.join);
	const addresses = [...new Set(ordered.map(keyOf))];
	const kept = new Set(addresses.length <= top + 1 ? addresses : addresses.slice(0, top));
	const columns: TableColumn[] = [
		addressColumn,
		{ key: "op", label: "operation", quantity: "name" },
		{ key: "threads", label: "threads", quantity: "count" },
		{ key: "n", label: "calls", quantity: "count" },
		{ key: "slept", label: "slept", quantity: "count", doc: "Calls in which the thread slept" },
		{ key: "eagain", label: "EAGAIN", quantity: "count", doc: "The value had changed already: no wait" },
		...spreadColumnsOf("calls").filter((c) => ["total", "p50", "p99", "max"].includes(c.key)),
	];
	const cells = (o: FutexOperation): Record<string, Value> => ({
		futex: addressOf(o),
		op: o.join ? `${o.op} join` : o.op,
		threads: o.threads,
		...spreadCells(o, o.ns),
		// an operation that wakes cannot sleep or fail with EAGAIN
		slept: o.waits ? o.slept : "-",
		eagain: o.waits ? o.eagain : "-",
	});
	const processes = new Set(operations.map((o) => processName({ tgid: o.space, process: o.process })));
	const shown = ordered.filter((o) => kept.has(keyOf(o)));
	const hidden = ordered.filter((o) => !kept.has(keyOf(o)));
	const sums = (of: readonly FutexOperation[]): Record<string, Value> => ({
		n: of.reduce((sum, o) => sum + o.n, 0),
		slept: addedUp(of, "slept"),
		eagain: addedUp(of, "eagain"),
		total: of.reduce((sum, o) => sum + o.ns, 0),
		max: of.reduce((most, o) => Math.max(most, o.max === "-" ? 0 : o.max), 0),
	});
	const others = {
		futex: `${group(addresses.length - kept.size)} other futexes`,
		process: "",
		op: "",
		threads: "-",
		p50: "-",
		p99: "-",
		...sums(hidden),
	};
	return {
		kind: "table",
		caption: `a row is one operation on one futex; ${counted(addresses.length, "futex", "futexes")} of ${counted(processes.size, "process", "processes")}, the most waiting time first${operations.some((o) => o.join) ? "; join: pthread_join waits for the end of a thread, expected" : ""}`,
		columns:
			processes.size > 1
				? [columns[0], { key: "process", label: "process", quantity: "name" }, ...columns.slice(1)]
				: columns,
		rows: [
			...shown.map((o) => ({ ...cells(o), process: processName({ tgid: o.space, process: o.process }) })),
			...(hidden.length === 0 ? [] : [others]),
		],
		...(hidden.length === 0 ? {} : { others: true }),
		total: { futex: "all", ...sums(operations) },
		available: operations.length,
		expected: shown.flatMap((o, i) => (o.join ? [i] : [])),
		query:
			"SELECT hex(uaddr) AS futex, op, outcome, count(*) AS calls, sum(dur) AS total_ns, max(dur) AS max_ns FROM futex_call GROUP BY ALL ORDER BY total_ns DESC",
	};
}

/** Sum over the operations that wait; unknown if it is for one of them. */
function addedUp(operations: readonly FutexOperation[], key: "slept" | "eagain"): number | null | "-" {
	const waiting = operations.filter((o) => o.waits);
	if (waiting.length === 0) return "-";
	return waiting.some((o) => o[key] === null) ? null : waiting.reduce((sum, o) => sum + (o[key] ?? 0), 0);
}

function threadTable(threads: readonly FutexThread[], joins: ReadonlySet<string>, top: number): TableBlock {
	const isJoin = (t: FutexThread) => joins.has(keyOf(t));
	const columns: TableColumn[] = [
		{ key: "thread", label: "thread", quantity: "name" },
		addressColumn,
		...expectedColumn(threads.some(isJoin)),
		...spreadColumnsOf("calls"),
	];
	const ordered = expectedLast(threads, isJoin);
	return {
		kind: "table",
		caption: `a row is a thread and a futex that it waited for; ${counted(threads.length, "row")}, the most time first; thread joins are expected: last`,
		...withTotal(columns, {
			rows: ordered.map((t) => ({
				thread: threadName(t),
				futex: addressOf(t),
				...spreadCells(t, t.ns),
				note: isJoin(t) ? EXPECTED : "",
			})),
			top,
			sums: ["n", "total"],
			row: "row",
		}),
		expected: shownOf(ordered, top).flatMap((t, i) => (isJoin(t) ? [i] : [])),
	};
}

function wakerTable(wakers: readonly FutexWaker[], joins: ReadonlySet<string>, top: number): TableBlock {
	const isJoin = (w: FutexWaker) => joins.has(keyOf(w));
	const all = wakers.reduce((sum, w) => sum + (isJoin(w) ? 0 : w.ns), 0);
	const ordered = expectedLast(wakers, isJoin);
	return {
		kind: "table",
		caption: `a row is a waiter, its futex and who ended the waits; ${counted(wakers.length, "row")}; calls that began in the window and slept; thread joins are expected: last, and no part of the shares`,
		...withTotal(
			[
				{ key: "waiter", label: "waits", quantity: "name" },
				{ key: "waker", label: "woken by", quantity: "name" },
				addressColumn,
				...expectedColumn(wakers.some(isJoin)),
				{ key: "n", label: "calls", quantity: "count" },
				{ key: "ns", label: "time", quantity: "ns", bar: "max" },
				{ key: "share", label: "share", quantity: "percent" },
			],
			{
				rows: ordered.map((w) => ({
					waiter: threadName(w.waiter),
					waker: w.waker === null ? (w.irq ?? "not seen") : threadName(w.waker),
					futex: addressOf(w),
					n: w.n,
					ns: w.ns,
					share: isJoin(w) ? "-" : share(w.ns, all),
					note: isJoin(w) ? EXPECTED : "",
				})),
				top,
				sums: ["n", "ns"],
				row: "row",
			},
		),
		expected: shownOf(ordered, top).flatMap((w, i) => (isJoin(w) ? [i] : [])),
	};
}

const holderText: Block = {
	kind: "text",
	text: "That a waker held the lock is inferred: futex calls show who waits and who wakes, a thread that takes a free lock makes no call.",
};

function wakeTable(wakes: readonly FutexWakes[], top: number): TableBlock {
	return {
		kind: "table",
		caption: `a row is a thread and a futex on which it called wake; ${counted(wakes.length, "row")}, the most calls first; “woke nobody” costs a system call for nothing`,
		sortedBy: "calls",
		...withTotal(
			[
				{ key: "thread", label: "thread", quantity: "name" },
				addressColumn,
				{ key: "calls", label: "wake calls", quantity: "count", bar: "max" },
				{ key: "woken", label: "woken", quantity: "count" },
				{ key: "empty", label: "woke nobody", quantity: "count" },
				{ key: "errors", label: "errors", quantity: "count" },
			],
			{
				rows: wakes.map((w) => ({
					thread: threadName(w),
					futex: addressOf(w),
					calls: w.calls,
					woken: w.woken,
					empty: w.empty,
					errors: w.errors,
				})),
				top,
				sums: ["calls", "woken", "empty", "errors"],
				row: "row",
			},
		),
	};
}
