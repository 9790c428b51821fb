import type { ThreadRef } from "../dataset/thread-ref.ts";
import { group, percent, sentence } from "../figures/numbers.ts";
import { stateTotals } from "../scheduling/cpu-time.ts";
import {
	type RunQueueCpu,
	type RunQueueHolder,
	type RunQueueThread,
	runQueueByCpu,
	runQueueByThread,
	runQueueHolders,
	runQueueNeeds,
	runQueueTotal,
} from "../scheduling/run-queue.ts";
import { runQueueHistogram } from "../scheduling/run-queue-histogram.ts";
import type { Block, Section } from "./document.ts";
import { defineReport } from "./frame.ts";
import { histogramBlocks } from "./histogram-block.ts";
import { nothing, present } from "./nothing.ts";
import { recorded } from "./recorded.ts";
import {
	counted,
	processName,
	share,
	spreadCells,
	spreadColumnsOf,
	threadName,
	withTotal,
} from "./subject.ts";

const sections = {
	distribution: "How long are the waits?",
	threads: "Who waits for a CPU?",
	holders: "Who has the CPU meanwhile?",
	cpus: "On which CPU's queue?",
} as const;

export const runQueue = defineReport({
	name: "run-queue",
	question: "who waited for a CPU, and who had it?",
	linuxki: "kirunq",
	needs: runQueueNeeds,
	events: ["sched_switch", "sched_waking", "sched_wakeup", "sched_wakeup_new", "sched_migrate_task"],
	where: ["thread", "process", "name", "cpu"],
	definitions: ["run-queue wait", "who had the CPU"],
	record: ["sched_switch", "sched_waking", "sched_wakeup", "sched_wakeup_new"],
	sections,
	async find(ds, scope, parameters) {
		const { top: _top, ...all } = parameters;
		const top = scope.top as number;
		const total = recorded(await runQueueTotal(ds, all));
		const threads = recorded(await runQueueByThread(ds, all));
		const waiting = threads.filter((t) => t.ns > 0 || t.n > 0);
		if (waiting.length === 0) return nothing(scope, sections, "Nobody waited for a CPU", "Waits for a CPU");
		const cpus = recorded(await runQueueByCpu(ds, all));
		const pairs = recorded(await runQueueHolders(ds, all));
		const bins = recorded(await runQueueHistogram(ds, all));
		// Conditions on the CPU choose waits; the time that the threads ran is theirs, wherever.
		const states = scope.where === undefined ? recorded(await stateTotals(ds, all)) : [];

		const processes = byProcess(waiting);
		const worst = processes[0];
		const holders = byHolder(pairs);
		const others = holders.filter((h) => h.kind === "thread");
		const holding = others.reduce((sum, h) => sum + h.ns, 0);
		const idle = holders.find((h) => h.kind === "idle")?.ns ?? 0;
		const ran = states
			.filter((s) => s.state === "running" && worst.utids.has(s.utid))
			.reduce((sum, s) => sum + s.ns, 0);
		const longest = waiting.find((t) => t.max === total.max);

		const result: Section[] = [
			{
				id: "distribution",
				title: sections.distribution,
				blocks: present(
					histogramBlocks(bins, {
						one: "wait",
						many: "waits",
						what: "waits for a CPU that began in the window",
						time: "waiting time",
					}),
					scope,
					"Waits for a CPU that began in the window",
				),
			},
			{ id: "threads", title: sections.threads, blocks: [threadTable(waiting, top, total)] },
			{ id: "holders", title: sections.holders, blocks: holderTables(holders, pairs, top, total.ns) },
			{ id: "cpus", title: sections.cpus, blocks: [cpuTable(cpus, total)] },
		];
		return {
			title: `${worst.name} waits ${sentence(worst.ns, "ns")} for a CPU, ${percent(worst.ns, total.ns)} of all waiting for a CPU`,
			lead: [
				`${counted(worst.utids.size, "thread")} of it ${worst.utids.size === 1 ? "waits" : "wait"} ${counted(worst.n, "time")}${
					ran > 0
						? ` and ${worst.utids.size === 1 ? "runs" : "run"} ${sentence(ran, "ns")}: ${sentence((worst.ns / ran) * 100e6, "ns")} of waiting for each 100 ms on a CPU`
						: ""
				}.`,
				`Of all waiting time another thread has the CPU for ${percent(holding, total.ns)}, ${
					others.length === 0 ? "nobody most of it" : `${others[0].name} most of it`
				}; for ${percent(idle, total.ns)} the CPU is still idle.`,
				"Next: powerki report waits shows what the threads wait for besides a CPU.",
			].join(" "),
			keyNumbers: [
				{
					label: "waiting for a CPU",
					value: total.ns,
					quantity: "ns",
					base: `of ${counted(waiting.length, "thread")} in ${sentence(scope.window.ns, "ns")}`,
				},
				{
					label: "waits",
					value: total.n,
					quantity: "count",
					base: `${group(total.woken)} after a waking, ${group(total.preempted)} after losing the CPU or at the start`,
				},
				{
					label: "typical wait",
					value: total.p50,
					quantity: "ns",
					base: `p50 of ${counted(total.n, "wait")}`,
				},
				{ label: "slow wait", value: total.p99, quantity: "ns", base: `p99 of ${counted(total.n, "wait")}` },
				{
					label: "longest wait",
					value: total.max,
					quantity: "ns",
					base: longest === undefined ? "" : `of ${threadName(longest)}`,
				},
			],
			sections: result,
		};
	},
});

interface ProcessWaits {
	readonly name: string;
	readonly utids: Set<number | null>;
	ns: number;
	n: number;
}

function byProcess(threads: readonly RunQueueThread[]): ProcessWaits[] {
	const map = new Map<string, ProcessWaits>();
	for (const t of threads) {
		const name = t.tgid === null ? threadName(t) : processName(t);
		const p = map.get(name) ?? { name, utids: new Set<number | null>(), ns: 0, n: 0 };
		p.utids.add(t.utid);
		p.ns += t.ns;
		p.n += t.n;
		map.set(name, p);
	}
	return [...map.values()].sort((a, b) => b.ns - a.ns);
}

interface Holder {
	readonly kind: RunQueueHolder["kind"];
	readonly name: string;
	readonly tid: number | null;
	readonly process: string;
	ns: number;
}

function byHolder(pairs: readonly RunQueueHolder[]): Holder[] {
	const map = new Map<string, Holder>();
	for (const p of pairs) {
		const key = `${p.kind} ${p.holder?.utid}`;
		const h = map.get(key) ?? {
			kind: p.kind,
			name: p.holder === null ? (p.kind === "idle" ? "idle" : "unknown") : threadName(p.holder),
			tid: p.holder?.tid ?? null,
			process: p.holder === null ? "" : processName(p.holder),
			ns: 0,
		};
		h.ns += p.ns;
		map.set(key, h);
	}
	return [...map.values()].sort((a, b) => b.ns - a.ns || (a.name < b.name ? -1 : 1));
}

type Total = Omit<RunQueueCpu, "cpu">;

function threadTable(threads: readonly RunQueueThread[], top: number, total: Total): Block {
	const columns = [
		{ key: "thread", label: "thread", quantity: "name" as const },
		{ key: "tid", label: "tid", quantity: "code" as const },
		...spreadColumnsOf("waits"),
		{
			key: "preempted",
			label: "not woken",
			quantity: "count" as const,
			doc: "Waits after losing the CPU, and of new threads",
		},
	];
	return {
		kind: "table",
		caption: `a row is a thread that waited for a CPU; ${counted(threads.length, "thread")}, the most waiting time first`,
		sortedBy: "total",
		...withTotal(columns, {
			rows: threads.map((t) => ({
				thread: t.utid === 0 ? "idle" : (t.name ?? "unknown"),
				tid: t.tid,
				...spreadCells(t, t.ns),
				preempted: t.preempted,
			})),
			top,
			sums: ["n", "total", "preempted"],
			total: spreadCells(total, total.ns),
			row: "thread",
		}),
		query:
			"SELECT name, tid, count(*) AS waits, sum(dur) AS total_ns, max(dur) AS max_ns FROM run_queue_wait GROUP BY ALL ORDER BY total_ns DESC",
	};
}

function holderTables(
	holders: readonly Holder[],
	pairs: readonly RunQueueHolder[],
	top: number,
	all: number,
): Block[] {
	const part = { key: "share", label: "share", quantity: "percent" as const };
	const time = { key: "ns", label: "time", quantity: "ns" as const, bar: "max" as const };
	return [
		{
			kind: "table",
			caption: `a row is who had the CPU while others waited for it; ${counted(holders.length, "row")} sum to the waiting time; “idle” is the time that the CPU took to switch to the woken thread`,
			sortedBy: "ns",
			...withTotal(
				[
					{ key: "holder", label: "had the CPU", quantity: "name" },
					{ key: "process", label: "process", quantity: "name" },
					time,
					part,
				],
				{
					rows: holders.map((h) => ({
						holder: h.name,
						process: h.process,
						ns: h.ns,
						share: share(h.ns, all),
					})),
					top,
					sums: ["ns"],
					total: { share: share(all, all) },
					row: "holder",
				},
			),
		},
		{
			kind: "table",
			caption: `a row is a waiter and who had its CPU meanwhile; ${counted(pairs.length, "pair")}`,
			sortedBy: "ns",
			...withTotal(
				[
					{ key: "waiter", label: "waits", quantity: "name" },
					{ key: "holder", label: "had the CPU", quantity: "name" },
					{ key: "waits", label: "waits", quantity: "count" },
					time,
					part,
				],
				{
					rows: pairs.map((p) => ({
						waiter: threadName(p.waiter),
						holder: holderName(p.kind, p.holder),
						waits: p.waits,
						ns: p.ns,
						share: share(p.ns, all),
					})),
					top,
					// a wait may have had several holders: waits do not add up
					sums: ["ns"],
					total: { share: share(all, all) },
					row: "pair",
				},
			),
		},
	];
}

const holderName = (kind: RunQueueHolder["kind"], holder: ThreadRef | null): string =>
	holder === null ? kind : threadName(holder);

function cpuTable(cpus: readonly RunQueueCpu[], total: Total): Block {
	return {
		kind: "table",
		caption: "a row is the CPU on whose run queue the threads waited",
		...withTotal([{ key: "cpu", label: "CPU", quantity: "text" }, ...spreadColumnsOf("waits")], {
			rows: cpus.map((c) => ({ cpu: c.cpu === null ? null : String(c.cpu), ...spreadCells(c, c.ns) })),
			top: cpus.length,
			sums: ["n", "total"],
			total: spreadCells(total, total.ns),
			row: "CPU",
		}),
	};
}
