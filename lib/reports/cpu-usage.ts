import { observedCpus } from "../dataset/observed.ts";
import type { Scope } from "../dataset/scope.ts";
import { fieldsOf } from "../dataset/where.ts";
import { percent, sentence } from "../figures/numbers.ts";
import { type SegmentName, type StackedBarRow, stackedBars } from "../figures/stacked-bars.ts";
import {
	type ClassRow,
	type CoreUsage,
	type CpuClass,
	type CpuTime,
	type CpuUsage,
	coreUsage,
	cpuClasses,
	cpuTime,
	cpuTimeNeeds,
	type ProcessUsage,
	type ThreadUsage,
	usageByCpu,
	usageByProcess,
	usageByThread,
} from "../scheduling/cpu-time.ts";
import { threadFacts } from "../scheduling/thread-list.ts";
import type { Block, Section, TableBlock, TableColumn, Value } from "./document.ts";
import { expectedThread } from "./expected.ts";
import { defineReport, eventNotice } from "./frame.ts";
import { nothing } from "./nothing.ts";
import { recorded } from "./recorded.ts";
import {
	counted,
	EXPECTED,
	expectedColumn,
	processName,
	share,
	shownOf,
	threadName,
	withTotal,
} from "./subject.ts";

const sections = {
	cpus: "What do the CPUs do?",
	cores: "And the cores?",
	processes: "Which processes use the CPU time?",
	threads: "Which threads?",
	splits: "User, system, interrupts",
} as const;

export const cpuUsage = defineReport({
	name: "cpu-usage",
	question: "which threads, CPUs, cores burn time, as what?",
	linuxki: "kiall, kipid",
	needs: cpuTimeNeeds,
	events: [
		"sched_switch",
		"sys_enter",
		"sys_exit",
		"irq_handler_entry",
		"softirq_entry",
		"timer_interrupt_entry",
		"doorbell_entry",
	],
	where: ["thread", "process", "name", "cpu"],
	definitions: ["cpu time", "core"],
	record: [
		"sched_switch",
		"sys_enter",
		"sys_exit",
		"irq_handler_entry",
		"irq_handler_exit",
		"softirq_entry",
		"softirq_exit",
	],
	sections,
	async find(ds, scope, parameters) {
		const { top: _top, ...all } = parameters;
		const top = scope.top as number;
		const time = recorded(await cpuTime(ds, all));
		if (time.cells.length === 0)
			return nothing(
				scope,
				sections,
				"What the CPUs did is unknown: no switch of threads happened",
				"Switches of threads",
			);
		const facts = await threadFacts(ds, scope);
		const cpus = usageByCpu(time);
		const processes = usageByProcess(time).filter((p) => used(p) > 0);
		const threads = usageByThread(time).filter((t) => used(t) > 0);
		const fields = scope.where === undefined ? new Set() : fieldsOf(scope.where);
		// Under a condition on threads the others' time is no part of the cells.
		const whole = [...fields].every((f) => f === "cpu");
		const cores = whole ? recorded(await coreUsage(ds, all)) : null;
		const observed = whole
			? cpus.reduce((sum, c) => sum + c.totalNs, 0)
			: (await observedCpus(ds, scope)).reduce((sum, c) => sum + c.observedNs, 0);
		const sum = summed(cpus);
		const busy = used(sum);
		const core = cores?.some((c) => c.cpus.length > 1) ? cores : null;

		const result: Section[] = [
			{
				id: "cpus",
				title: sections.cpus,
				blocks: [...(whole ? [cpuFigure(cpus, scope, busy, observed)] : []), cpuTable(cpus, time)],
			},
			{ id: "cores", title: sections.cores, blocks: [coreBlock(cores, cpus)] },
			{ id: "processes", title: sections.processes, blocks: [processTable(processes, time, observed, top)] },
			{
				id: "threads",
				title: sections.threads,
				blocks: [threadTable(threads, time, scope, top, (t) => expectedThread(facts.get(t.utid ?? -1)))],
			},
			{ id: "splits", title: sections.splits, blocks: splitBlocks(time, scope, sum) },
		];
		const first = processes[0];
		const hot = threads[0];
		const busiest = cpus.reduce((a, b) => (busyShare(b) > busyShare(a) ? b : a));
		return {
			title:
				first === undefined
					? `The CPUs are ${percent(busy, observed)} busy, with interrupts alone`
					: whole
						? `The CPUs are ${percent(busy, observed)} busy, and ${processName(first)} uses ${percent(used(first), busy)} of that`
						: `${processName(first)} uses ${sentence(used(first), "ns")} of CPU time, ${percent(used(first), observed)} of what there is`,
			lead: [
				`${cpuSeconds(busy)} of ${cpuSeconds(observed)} observed on ${counted(scope.manifest.cpus.length, "CPU")}.`,
				time.splits.system
					? `Of the busy time ${percent(sum.times.user, busy)} is user, ${percent(sum.times.system, busy)} system, ${percent(sum.times.hardirq + sum.times.softirq, busy)} interrupts and softirqs.`
					: "System calls were not recorded: busy time is not split into user and system.",
				hot === undefined
					? ""
					: `The busiest thread is ${threadName(hot)}: ${sentence(used(hot), "ns")}, ${percent(used(hot), scope.window.ns)} of one CPU.`,
				"Next: powerki report run-queue shows who waits for a CPU.",
			]
				.filter((s) => s !== "")
				.join(" "),
			keyNumbers: [
				{
					label: "busy",
					value: share(busy, observed),
					quantity: "percent",
					base: `of ${cpuSeconds(observed)}`,
				},
				{
					label: time.splits.system ? "user" : "busy time",
					value: time.splits.system ? sum.times.user : busy,
					quantity: "ns",
					base: `of ${cpuSeconds(busy)} busy`,
				},
				...(time.splits.system
					? [
							{
								label: "system",
								value: sum.times.system,
								quantity: "ns" as const,
								base: `of ${cpuSeconds(busy)} busy; kernel threads included`,
							},
						]
					: []),
				{
					label: "busiest CPU",
					value: busyShare(busiest),
					quantity: "percent",
					base: `CPU ${busiest.cpu}, of its observed time`,
				},
				...(core === null
					? [
							{
								label: "threads that ran",
								value: threads.length,
								quantity: "count" as const,
								base: `of ${counted(processes.length, "process", "processes")}`,
							},
						]
					: [
							{
								label: "busiest core",
								value: Math.max(...core.map((c) => share(c.busyNs, c.observedNs) as number)),
								quantity: "percent" as const,
								base: `of ${counted(core.length, "core")} with ${core[0].cpus.length} hardware threads each`,
							},
						]),
			],
			sections: result,
		};
	},
});

/** Time in which something ran, ns; what is unknown is neither busy nor idle. */
const used = (r: ClassRow): number => r.busyNs - r.times.unknown;

const busyShare = (r: ClassRow): number => share(used(r), r.totalNs) as number;

/** "8.05 CPU·s": time of several CPUs is no time on the clock. */
const cpuSeconds = (ns: number): string => sentence(ns, "ns").replace(/(\u202f)(?=\S+$)/, "$1CPU·");

function summed(rows: readonly ClassRow[]): ClassRow {
	const times = Object.fromEntries(
		cpuClasses.map((c) => [c, rows.reduce((sum, r) => sum + r.times[c], 0)]),
	) as Record<CpuClass, number>;
	return {
		times,
		busyNs: rows.reduce((sum, r) => sum + r.busyNs, 0),
		totalNs: rows.reduce((sum, r) => sum + r.totalNs, 0),
	};
}

const segmentOf: Readonly<Record<CpuClass, SegmentName>> = {
	user: "user",
	system: "system",
	busy: "running",
	hardirq: "hardirq",
	softirq: "softirq",
	unknown: "unknown",
	idle: "idle",
};

type Place = Pick<CpuUsage, "socket" | "core"> & { readonly cpu?: number };

const coreNumber = (c: Place): number => c.core ?? c.cpu ?? 0;

/** By socket, core and CPU. */
const inOrder = (cpus: readonly CpuUsage[]): CpuUsage[] =>
	[...cpus].sort(
		(a, b) => (a.socket ?? 0) - (b.socket ?? 0) || coreNumber(a) - coreNumber(b) || a.cpu - b.cpu,
	);

/** How a core is called: "3", in a machine of several sockets "1/3", as x86 counts the cores of each socket from 0. */
function coreNames(places: readonly Place[]): (c: Place) => string {
	const several = new Set(places.map((c) => c.socket)).size > 1;
	return (c) => (several && c.socket !== null ? `${c.socket}/${coreNumber(c)}` : String(coreNumber(c)));
}

/** Above this many CPUs a bar is a core. */
const mostBars = 32;

function cpuFigure(cpus: readonly CpuUsage[], scope: Scope, busy: number, observed: number): Block {
	const bar = (label: string, of: readonly CpuUsage[]): StackedBarRow => {
		const sum = summed(of);
		return {
			label,
			segments: cpuClasses.map((c) => ({ name: segmentOf[c], value: sum.times[c] })),
			total: Math.max(scope.window.ns * of.length, sum.totalNs, 1),
			note: percent(used(sum), sum.totalNs),
		};
	};
	const coreName = coreNames(cpus);
	const byCore = new Map<string, CpuUsage[]>();
	for (const c of inOrder(cpus)) {
		const of = byCore.get(coreName(c));
		if (of === undefined) byCore.set(coreName(c), [c]);
		else of.push(c);
	}
	const grouped = cpus.length > mostBars;
	const ordered = [...byCore];
	const rows = grouped
		? ordered.map(([core, of]) => bar(`core ${core}`, of))
		: ordered.flatMap(([core, of]) =>
				of.map((c) => bar(c.core === null ? `CPU ${c.cpu}` : `CPU ${c.cpu} core ${core}`, [c])),
			);
	const busiest = cpus.reduce((a, b) => (busyShare(b) > busyShare(a) ? b : a));
	const title = `The CPUs are ${percent(busy, observed)} busy; the busiest is CPU ${busiest.cpu} with ${percent(used(busiest), busiest.totalNs)}`;
	return {
		kind: "figure",
		figure: stackedBars({
			title,
			subtitle: `time of each ${grouped ? "core" : "CPU"} in the window of ${sentence(scope.window.ns, "ns")}; hatched: not observed`,
			alt: `${title}. ${cpus.map((c) => `CPU ${c.cpu} ${percent(used(c), c.totalNs)}`).join(", ")}`,
			rows: [...rows, ...(rows.length > 1 ? [bar("all", cpus)] : [])],
			rowTitle: grouped ? "core" : "CPU",
			noteTitle: "busy",
		}),
	};
}

/** Classes that occur, in the order of the figure; a class that is not split off is left out. */
function classColumns(time: CpuTime, without: readonly CpuClass[] = []): TableColumn[] {
	return cpuClasses
		.filter((c) => !without.includes(c) && time.cells.some((cell) => cell.class === c))
		.map((c) => ({ key: c, label: c, quantity: "ns" }));
}

const classCells = (r: ClassRow): Record<string, Value> => ({ ...r.times });

function cpuTable(cpus: readonly CpuUsage[], time: CpuTime): TableBlock {
	const coreName = coreNames(cpus);
	const columns: TableColumn[] = [
		{ key: "cpu", label: "CPU", quantity: "text" },
		...(cpus.some((c) => c.core !== null) ? [{ key: "core", label: "core", quantity: "text" as const }] : []),
		{ key: "share", label: "busy", quantity: "percent", bar: "100", doc: "Of the observed time" },
		...classColumns(time),
		{ key: "observed", label: "observed", quantity: "ns" },
	];
	return {
		kind: "table",
		caption: "a row is a CPU (hardware thread); its times sum to what was observed of it",
		...withTotal(columns, {
			rows: cpus.map((c) => ({
				cpu: String(c.cpu),
				core: c.core === null ? null : coreName(c),
				share: busyShare(c),
				...classCells(c),
				observed: c.totalNs,
			})),
			top: cpus.length,
			sums: [...cpuClasses, "observed"],
			total: { share: busyShare(summed(cpus)) },
			row: "CPU",
		}),
		query: "SELECT cpu, name, sum(dur) AS ns FROM cpu_slice GROUP BY ALL ORDER BY cpu, ns DESC",
	};
}

function coreBlock(cores: readonly CoreUsage[] | null, cpus: readonly CpuUsage[]): Block {
	if (cores === null)
		return {
			kind: "notice",
			reason: "filtered",
			title: "Cores: not given under a condition on threads",
			text: "A core is busy while any of its CPUs is, whichever thread runs there.",
			remedy: "leave out --where, or give a condition on cpu alone",
		};
	if (cpus.every((c) => c.core === null))
		return {
			kind: "notice",
			reason: "not-computable",
			title: "Cores: unknown",
			text: "The trace does not tell which CPUs share a core. With SMT a core with one busy thread of eight reads 12.5 % by CPU and 100 % by core.",
			remedy:
				"collect it again with the machine's topology: lscpu -p=CPU,CORE,SOCKET,NODE > topology; powerki collect TRACE --side topology",
		};
	if (cores.every((c) => c.cpus.length === 1))
		return {
			kind: "text",
			text: "Each core runs one hardware thread: the numbers by core are those by CPU.",
		};
	const coreName = coreNames(cores);
	return {
		kind: "table",
		caption:
			"a row is a core: busy while any of its hardware threads runs a thread (interrupts during idle do not count)",
		...withTotal(
			[
				{ key: "core", label: "core", quantity: "text" },
				{ key: "cpus", label: "CPUs", quantity: "text" },
				{ key: "share", label: "busy", quantity: "percent", bar: "100" },
				{ key: "busy", label: "busy", quantity: "ns" },
				{ key: "observed", label: "observed", quantity: "ns" },
			],
			{
				rows: cores.map((c) => ({
					core: coreName(c),
					cpus: c.cpus.join(" "),
					share: share(c.busyNs, c.observedNs),
					busy: c.busyNs,
					observed: c.observedNs,
				})),
				top: cores.length,
				sums: ["busy", "observed"],
				total: {
					share: share(
						cores.reduce((sum, c) => sum + c.busyNs, 0),
						cores.reduce((sum, c) => sum + c.observedNs, 0),
					),
				},
				row: "core",
			},
		),
	};
}

function processTable(
	processes: readonly ProcessUsage[],
	time: CpuTime,
	observed: number,
	top: number,
): TableBlock {
	return {
		kind: "table",
		caption: `a row is a process; ${counted(processes.length, "process", "processes")} that ran, the busiest first; share of all CPU time observed; interrupts that came while a CPU was idle belong to no process`,
		sortedBy: "total",
		...withTotal(
			[
				{ key: "process", label: "process", quantity: "name" },
				{ key: "pid", label: "pid", quantity: "code" },
				{ key: "threads", label: "threads", quantity: "count" },
				{ key: "total", label: "CPU time", quantity: "ns", bar: "max" },
				{ key: "share", label: "share", quantity: "percent" },
				...classColumns(time, ["idle", "unknown"]),
			],
			{
				rows: processes.map((p) => ({
					process: p.process ?? "unknown",
					pid: p.tgid,
					threads: p.threads,
					total: used(p),
					share: share(used(p), observed),
					...classCells(p),
				})),
				top,
				sums: ["threads", "total", "share", ...cpuClasses],
				row: "process",
				rowPlural: "processes",
			},
		),
	};
}

function threadTable(
	threads: readonly ThreadUsage[],
	time: CpuTime,
	scope: Scope,
	top: number,
	expected: (t: ThreadUsage) => string | null,
): TableBlock {
	const some = threads.some((t) => expected(t) !== null);
	return {
		kind: "table",
		caption: `a row is a thread; ${counted(threads.length, "thread")} that ran, the busiest first; interrupts are those that came while it ran${some ? "; expected: the recorder" : ""}`,
		sortedBy: "total",
		...withTotal(
			[
				{ key: "thread", label: "thread", quantity: "name" },
				{ key: "tid", label: "tid", quantity: "code" },
				{ key: "process", label: "process", quantity: "name" },
				...expectedColumn(some),
				{ key: "total", label: "CPU time", quantity: "ns", bar: "max" },
				{ key: "share", label: "of one CPU", quantity: "percent" },
				...classColumns(time, ["idle", "unknown"]),
				{ key: "cpus", label: "CPUs", quantity: "text" },
			],
			{
				rows: threads.map((t) => {
					const why = expected(t);
					return {
						thread: t.utid === null ? "unknown" : (t.name ?? "unnamed"),
						tid: t.tid,
						process: t.process ?? "unknown",
						total: used(t),
						share: share(used(t), scope.window.ns),
						...classCells(t),
						cpus: t.cpus.length > 6 ? `${t.cpus.length} CPUs` : t.cpus.join(" "),
						note: why === null ? "" : EXPECTED,
					};
				}),
				top,
				sums: ["total", "share", ...cpuClasses],
				row: "thread",
			},
		),
		expected: shownOf(threads, top).flatMap((t, i) => (expected(t) === null ? [] : [i])),
	};
}

function splitBlocks(time: CpuTime, scope: Scope, sum: ClassRow): Block[] {
	const blocks: Block[] = [];
	if (!time.splits.system)
		blocks.push(
			eventNotice(
				scope.manifest,
				"User and system time",
				["sys_enter", "sys_exit"],
				"Busy time is not split.",
			),
		);
	if (!time.splits.hardirq)
		blocks.push(
			eventNotice(
				scope.manifest,
				"Interrupts",
				["irq_handler_entry", "irq_handler_exit"],
				"Their time is inside that of the thread, or of idle, that they interrupted.",
			),
		);
	if (!time.splits.softirq)
		blocks.push(
			eventNotice(
				scope.manifest,
				"Softirqs",
				["softirq_entry", "softirq_exit"],
				"Their time is inside that of the thread, or of idle, that they interrupted.",
			),
		);
	const { times } = sum;
	blocks.push({
		kind: "text",
		text: [
			...(time.splits.system
				? [
						`User ${sentence(times.user, "ns")}, system ${sentence(times.system, "ns")} (kernel threads included; page faults count as user).`,
					]
				: [
						`Busy ${sentence(times.busy, "ns")}${times.system > 0 ? `, kernel threads ${sentence(times.system, "ns")}` : ""}.`,
					]),
			...(time.splits.hardirq ? [`Interrupts ${sentence(times.hardirq, "ns")}.`] : []),
			...(time.splits.softirq ? [`Softirqs ${sentence(times.softirq, "ns")}.`] : []),
			"Hypervisor time is not split off.",
			...(times.unknown > 0
				? [`Unknown ${sentence(times.unknown, "ns")}: what ran there is not known.`]
				: []),
		].join(" "),
	});
	return blocks;
}
