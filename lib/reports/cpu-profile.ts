import type { Scope } from "../dataset/scope.ts";
import { fieldsOf } from "../dataset/where.ts";
import { flameGraph, type StackFrame, type WeightedStack } from "../figures/flame-graph.ts";
import { group, percent, sentence } from "../figures/numbers.ts";
import { type SegmentName, type StackedBarRow, stackedBars } from "../figures/stacked-bars.ts";
import { type ThreadFacts, threadFacts } from "../scheduling/thread-list.ts";
import { CallTree } from "../stacks/call-tree.ts";
import { fileName, frameLabel, isEntry, NO_STACK } from "../stacks/frames.ts";
import {
	type CpuProfile,
	type FunctionProfile,
	functionTotals,
	type ModeWeights,
	type ModuleProfile,
	moduleTotals,
	type ProcessProfile,
	type Profile,
	type ProfileStack,
	processTotals,
	profileByCpu,
	profileStacks,
	type ThreadProfile,
	threadTotals,
	type UnnamedModule,
	unnamedModules,
} from "../stacks/profile.ts";
import { type ProfileParameters, profileNeeds, type SampleEvent, type Weighted } from "../stacks/sampled.ts";
import type { Block, KeyNumber, NoticeBlock, Quantity, TableBlock, TableColumn } from "./document.ts";
import { expectedThread } from "./expected.ts";
import { defineReport } from "./frame.ts";
import { nothing } from "./nothing.ts";
import { poolNames } from "./pools.ts";
import { recorded } from "./recorded.ts";
import {
	counted,
	EXPECTED,
	expectedColumn,
	expectedLast,
	processName,
	share,
	shownOf,
	threadName,
	withTotal,
} from "./subject.ts";

const sections = {
	consumers: "Which processes and threads?",
	functions: "Which functions?",
	modes: "User, kernel, hypervisor, idle",
	cpus: "And by CPU?",
	flame: "On-CPU time by stack",
	names: "What has no name, and why?",
	sampling: "How was it sampled?",
} as const;

export const cpuProfile = defineReport({
	name: "cpu-profile",
	question: "where does CPU time go?",
	linuxki: "kiprof",
	needs: profileNeeds,
	events: ["cpu_sample"],
	where: ["thread", "process", "name", "cpu"],
	definitions: ["cpu sample", "self and callees", "interrupts off"],
	record: ["cpu_sample"],
	takesEvent: true,
	sections,
	async find(ds, scope, parameters: ProfileParameters) {
		const { top: _top, ...all } = parameters;
		const top = scope.top as number;
		const sampled = recorded(await profileStacks(ds, all));
		const { event, rows: stacks } = sampled;
		if (event.busy.samples + event.idle.samples === 0)
			return nothing(scope, sections, "Nothing was sampled", `Samples of ${event.event}`);
		const processes = processTotals(stacks);
		const threads = threadTotals(stacks);
		const cpus = recorded(await profileByCpu(ds, all)).rows;
		const facts = await threadFacts(ds, scope);
		const unnamed = await unnamedModules(ds, scope, stacks);
		const functions = functionTotals(stacks);
		const busy = event.busy.weight;
		const expected = expectedProcesses(threads, facts);
		const first = processes.find((p) => !expected.has(processKey(p))) ?? processes[0];
		const hot = first === undefined ? null : hottest(stacks, first);
		const unnamedSelf = functions
			.filter((f) => !f.named && f.kind !== null)
			.reduce((sum, f) => sum + f.self.weight, 0);
		const stackless = functions.find((f) => f.kind === null)?.self.weight ?? 0;
		const kernel = functions
			.filter((f) => f.kind === "kernel" || f.kind === "module")
			.reduce((sum, f) => sum + f.self.weight, 0);
		const doubtful = summed(stacks.filter((s) => s.doubtful));

		return {
			title:
				first === undefined
					? "The sampled CPUs were idle"
					: `${processName(first)} uses ${percent(first.weight, busy)} of the ${what(event)}${hot === null ? "" : `, ${percent(hot.weight, first.weight)} of that ${hot.place}`}`,
			lead: [
				`${counted(event.busy.samples, "sample")} of ${event.event} in threads, ${amount(busy, event)}; ${counted(event.idle.samples, "sample")} in idle CPUs, which count nowhere.`,
				sampled.others.length === 0
					? ""
					: `Also sampled: ${sampled.others.map((o) => o.event).join(", ")} (--event).`,
				unnamedSelf + stackless > 0.2 * busy
					? `${percent(unnamedSelf + stackless, busy)} of it has no name of a function: the section “${sections.names}” says why.`
					: "Next: read the flame graph from the root, or see who waits instead of running: powerki report waits.",
			]
				.filter((s) => s !== "")
				.join(" "),
			keyNumbers: keyNumbers(event, first, hot, kernel, unnamedSelf + stackless, doubtful),
			sections: [
				{
					id: "consumers",
					title: sections.consumers,
					blocks:
						busy === 0
							? [idleNotice(event)]
							: [processTable(processes, event, expected, top), threadTable(threads, event, facts, top)],
				},
				{
					id: "functions",
					title: sections.functions,
					blocks:
						busy === 0
							? [idleNotice(event)]
							: functions.every((f) => f.kind === null)
								? [stackNotice(functions[0]!, event)]
								: [
										selfTable(functions, event, top),
										totalTable(functions, event, top),
										moduleTable(moduleTotals(stacks), event, top),
									],
				},
				{ id: "modes", title: sections.modes, blocks: modeBlocks(threads, stacks, event) },
				{ id: "cpus", title: sections.cpus, blocks: cpuBlocks(cpus, event, scope) },
				{
					id: "flame",
					title: sections.flame,
					blocks: busy === 0 ? [idleNotice(event)] : flameBlocks(stacks, event, scope, first),
				},
				{
					id: "names",
					title: sections.names,
					blocks: nameBlocks(unnamed, functions, event, unnamedSelf),
				},
				{
					id: "sampling",
					title: sections.sampling,
					blocks: samplingBlocks(sampled, doubtful, scope),
				},
			],
		};
	},
});

function idleNotice(event: SampleEvent): NoticeBlock {
	return {
		kind: "notice",
		reason: "none",
		title: "CPU time of threads: none",
		text: `All ${counted(event.idle.samples, "sample")} of ${event.event} hit idle CPUs.`,
	};
}

/** What the weights are, in words. */
const what = ({ unit }: SampleEvent): string => (unit === "ns" ? "CPU time" : unit);

/** A weight in words: "1.42 s of CPU time", "12 300 000 cycles". */
function amount(weight: number, { unit }: SampleEvent): string {
	return unit === "ns" ? `${sentence(weight, "ns")} of CPU time` : `${group(weight)} ${unit}`;
}

const quantityOf = ({ unit }: SampleEvent): Quantity => (unit === "ns" ? "ns" : "count");

function summed(rows: readonly Weighted[]): Weighted {
	return {
		samples: rows.reduce((sum, r) => sum + r.samples, 0),
		weight: rows.reduce((sum, r) => sum + r.weight, 0),
	};
}

const processKey = (p: { readonly tgid: number | null; readonly process: string | null }): string =>
	`${p.tgid} ${p.process}`;

interface Place {
	/** With its preposition. */
	readonly place: string;
	readonly weight: number;
}

/** Where a process is most of its time, by self; addresses without a name count together, as one place. */
function hottest(stacks: readonly ProfileStack[], process: ProcessProfile): Place {
	const key = processKey(process);
	const own = functionTotals(
		stacks.filter((s) => processKey(s) === key).map((s) => ({ ...s, frames: s.frames.slice(-1) })),
	);
	const weightOf = (rows: readonly FunctionProfile[]) => rows.reduce((sum, f) => sum + f.self.weight, 0);
	const places = [
		...own.filter((f) => f.named).map((f) => ({ place: `in ${f.name}`, weight: f.self.weight })),
		{
			place: "in functions without a name",
			weight: weightOf(own.filter((f) => !f.named && f.kind !== null)),
		},
		{ place: "without a stack", weight: weightOf(own.filter((f) => f.kind === null)) },
	];
	return places.reduce((a, b) => (b.weight > a.weight ? b : a));
}

/** Processes of which every sampled thread is the recorder. */
function expectedProcesses(
	threads: readonly ThreadProfile[],
	facts: ReadonlyMap<number, ThreadFacts>,
): ReadonlySet<string> {
	const isExpected = (t: ThreadProfile) => expectedThread(facts.get(t.utid ?? -1)) !== null;
	const others = new Set(threads.filter((t) => !isExpected(t)).map(processKey));
	return new Set(
		threads
			.filter(isExpected)
			.map(processKey)
			.filter((p) => !others.has(p)),
	);
}

function keyNumbers(
	event: SampleEvent,
	first: ProcessProfile | undefined,
	hot: Place | null,
	kernel: number,
	unnamed: number,
	doubtful: Weighted,
): KeyNumber[] {
	const busy = event.busy.weight;
	return [
		{
			label: event.unit === "ns" ? "CPU time" : event.unit,
			value: busy,
			quantity: quantityOf(event),
			base: `${counted(event.busy.samples, "sample")} of threads; idle: ${group(event.idle.samples)}`,
		},
		...(first === undefined || hot === null
			? []
			: [
					{
						label: hot.place,
						value: share(hot.weight, first.weight),
						quantity: "percent" as const,
						base: `of ${amount(first.weight, event)} in ${processName(first)}`,
					},
				]),
		{
			label: "kernel functions",
			value: share(kernel, busy),
			quantity: "percent",
			base: `of all ${what(event)}, by the function that was hit`,
		},
		{
			label: "without a name",
			value: share(unnamed, busy),
			quantity: "percent",
			base: "the function that was hit is an address, or there is no stack",
		},
		{
			label: "doubtful stacks",
			value: share(doubtful.samples, event.busy.samples),
			quantity: "percent",
			base: `of ${counted(event.busy.samples, "sample")}: the second frame may be false`,
		},
	];
}

// --- who

/** In the order of the tables, with the head of a column. */
const modes: readonly (readonly [mode: string, label: string])[] = [
	["user", "user"],
	["kernel", "kernel"],
	["hypervisor", "hypervisor"],
	["guest user", "guest user"],
	["guest kernel", "guest kernel"],
	["unknown", "mode unknown"],
];

/** Segments of a bar, each of one or several modes. */
const segmentModes: readonly (readonly [segment: SegmentName, modes: readonly string[]])[] = [
	["user", ["user"]],
	["system", ["kernel"]],
	["hypervisor", ["hypervisor"]],
	["other", ["guest user", "guest kernel"]],
	["unknown", ["unknown"]],
];

function modeSum(rows: readonly { readonly modes: ModeWeights }[]): Record<string, number> {
	const sum: Record<string, number> = {};
	for (const row of rows)
		for (const [mode, weight] of Object.entries(row.modes)) sum[mode] = (sum[mode] ?? 0) + weight;
	return sum;
}

function modeColumns(rows: readonly { readonly modes: ModeWeights }[], event: SampleEvent): TableColumn[] {
	const present = modeSum(rows);
	return modes
		.filter(([mode]) => (present[mode] ?? 0) > 0)
		.map(([mode, label]) => ({ key: mode, label, quantity: quantityOf(event) }));
}

const modeCells = (row: { readonly modes: ModeWeights }): Record<string, number> =>
	Object.fromEntries(modes.map(([mode]) => [mode, row.modes[mode] ?? 0]));

function weightColumns(event: SampleEvent): TableColumn[] {
	return [
		{ key: "weight", label: what(event), quantity: quantityOf(event), bar: "max" },
		{ key: "share", label: "share", quantity: "percent" },
		{ key: "samples", label: "samples", quantity: "count" },
	];
}

const weightCells = (row: Weighted, event: SampleEvent) => ({
	weight: row.weight,
	share: share(row.weight, event.busy.weight),
	samples: row.samples,
});

function processTable(
	processes: readonly ProcessProfile[],
	event: SampleEvent,
	expected: ReadonlySet<string>,
	top: number,
): TableBlock {
	const isExpected = (p: ProcessProfile) => expected.has(processKey(p));
	const ordered = expectedLast(processes, isExpected);
	return {
		kind: "table",
		caption: `a row is a process; ${counted(processes.length, "process", "processes")}, the most ${what(event)} first; idle is not in it; expected: the recorder`,
		...withTotal(
			[
				{ key: "process", label: "process", quantity: "name" },
				...expectedColumn(ordered.some(isExpected)),
				...weightColumns(event),
				{ key: "threads", label: "threads", quantity: "count" },
				...modeColumns(processes, event),
			],
			{
				rows: ordered.map((p) => ({
					process: processName(p),
					...weightCells(p, event),
					threads: p.threads,
					...modeCells(p),
					note: isExpected(p) ? EXPECTED : "",
				})),
				top,
				sums: ["weight", "samples", "threads", ...modes.map(([mode]) => mode)],
				total: { share: 100 },
				row: "process",
				rowPlural: "processes",
			},
		),
		expected: shownOf(ordered, top).flatMap((p, i) => (isExpected(p) ? [i] : [])),
	};
}

function threadTable(
	threads: readonly ThreadProfile[],
	event: SampleEvent,
	facts: ReadonlyMap<number, ThreadFacts>,
	top: number,
): TableBlock {
	const isExpected = (t: ThreadProfile) => expectedThread(facts.get(t.utid ?? -1)) !== null;
	const ordered = expectedLast(threads, isExpected);
	return {
		kind: "table",
		caption: `a row is a thread in which samples were taken; ${counted(threads.length, "thread")}`,
		...withTotal(
			[
				{ key: "thread", label: "thread", quantity: "name" },
				...expectedColumn(ordered.some(isExpected)),
				...weightColumns(event),
				...modeColumns(threads, event),
			],
			{
				rows: ordered.map((t) => ({
					thread: threadName(t),
					...weightCells(t, event),
					...modeCells(t),
					note: isExpected(t) ? EXPECTED : "",
				})),
				top,
				sums: ["weight", "samples", ...modes.map(([mode]) => mode)],
				total: { share: 100 },
				row: "thread",
			},
		),
		expected: shownOf(ordered, top).flatMap((t, i) => (isExpected(t) ? [i] : [])),
		query: `SELECT name, tid, mode, count(*) AS samples, sum(coalesce(ns, period)) AS weight FROM thread_sample WHERE event = '${event.event.replaceAll("'", "''")}' AND utid <> 0 GROUP BY ALL ORDER BY weight DESC`,
	};
}

// --- where

/** Where a function or module is at home. */
function home(row: { readonly kind: FunctionProfile["kind"]; readonly module: string | null }): string {
	if (row.kind === null) return "";
	if (row.module !== null) return fileName(row.module);
	return row.kind === "user" ? "not mapped" : "kernel";
}

function selfTable(functions: readonly FunctionProfile[], event: SampleEvent, top: number): TableBlock {
	const own = functions.filter((f) => f.self.weight > 0 || f.self.samples > 0);
	return {
		kind: "table",
		caption: `by what they used themselves: a row is a function; ${counted(own.length, "function")}; “with callees” is the time in it or in what it called, once for each sample`,
		...withTotal(
			[
				{ key: "name", label: "function", quantity: "code" },
				{ key: "module", label: "in", quantity: "name" },
				{ key: "self", label: "self", quantity: quantityOf(event), bar: "max" },
				{ key: "share", label: "self share", quantity: "percent" },
				{ key: "total", label: "with callees", quantity: quantityOf(event) },
				{ key: "samples", label: "samples", quantity: "count" },
			],
			{
				rows: own.map((f) => ({
					name: f.name,
					module: home(f),
					self: f.self.weight,
					share: share(f.self.weight, event.busy.weight),
					total: f.total.weight,
					samples: f.self.samples,
				})),
				top,
				sums: ["self", "samples"],
				total: { share: 100, total: "-", module: "" },
				row: "function",
			},
		),
	};
}

function totalTable(functions: readonly FunctionProfile[], event: SampleEvent, top: number): TableBlock {
	const ordered = functions
		.filter((f) => f.kind !== null && !isEntry(f))
		.sort((a, b) => b.total.weight - a.total.weight || a.self.weight - b.self.weight);
	return {
		kind: "table",
		caption: `with what they called: a row is a function; the times overlap and add up to nothing; without the kernel's system call entry`,
		columns: [
			{ key: "name", label: "function", quantity: "code" },
			{ key: "module", label: "in", quantity: "name" },
			{ key: "total", label: "with callees", quantity: quantityOf(event), bar: "max" },
			{ key: "share", label: "share", quantity: "percent" },
			{ key: "self", label: "self", quantity: quantityOf(event) },
			{ key: "samples", label: "samples", quantity: "count" },
		],
		rows: ordered.slice(0, top).map((f) => ({
			name: f.name,
			module: home(f),
			total: f.total.weight,
			share: share(f.total.weight, event.busy.weight),
			self: f.self.weight,
			samples: f.total.samples,
		})),
		available: ordered.length,
	};
}

function moduleTable(modules: readonly ModuleProfile[], event: SampleEvent, top: number): TableBlock {
	const own = modules.filter((m) => m.self.samples > 0);
	return {
		kind: "table",
		caption: "by program, library, kernel module, of the function that was hit",
		...withTotal(
			[
				{ key: "module", label: "in", quantity: "name" },
				{ key: "self", label: "self", quantity: quantityOf(event), bar: "max" },
				{ key: "share", label: "self share", quantity: "percent" },
				{ key: "total", label: "with callees", quantity: quantityOf(event) },
				{ key: "samples", label: "samples", quantity: "count" },
			],
			{
				rows: own.map((m) => ({
					module: m.kind === null ? NO_STACK : (m.module ?? home(m)),
					self: m.self.weight,
					share: share(m.self.weight, event.busy.weight),
					total: m.total.weight,
					samples: m.self.samples,
				})),
				top,
				sums: ["self", "samples"],
				total: { share: 100, total: "-" },
				row: "module",
			},
		),
	};
}

// --- as what

function modeBlocks(
	threads: readonly ThreadProfile[],
	stacks: readonly ProfileStack[],
	event: SampleEvent,
): Block[] {
	// The mode is that of the interrupt, the stack that of the interrupted: a late or emulated interrupt parts them.
	const odd = summed(
		stacks.filter((s) => s.mode === "kernel" && s.stackId === null && s.frames.at(-1)?.kind === "user"),
	);
	const table = modeTable(threads, event);
	if (odd.samples === 0) return [table];
	return [
		table,
		{
			kind: "notice",
			reason: "not-computable",
			title: `Mode: doubtful for ${percent(odd.samples, event.busy.samples)} of the samples`,
			text: `${counted(odd.samples, "sample")} ${odd.samples === 1 ? "is" : "are"} marked as kernel and ${odd.samples === 1 ? "has" : "have"} only a user stack: the functions tell better than the mode where the time went.`,
		},
	];
}

function modeTable(threads: readonly ThreadProfile[], event: SampleEvent): TableBlock {
	const sum = modeSum(threads);
	const all = event.busy.weight + event.idle.weight;
	const rows = [
		...modes
			.filter(([mode]) => (sum[mode] ?? 0) > 0)
			.map(([mode, label]) => ({
				mode: label,
				weight: sum[mode]!,
				share: share(sum[mode]!, event.busy.weight),
				all: share(sum[mode]!, all),
			})),
		...(event.idle.samples > 0
			? [{ mode: "idle", weight: event.idle.weight, share: "-", all: share(event.idle.weight, all) }]
			: []),
	];
	return {
		kind: "table",
		caption: `where the CPU was when it was sampled, all CPUs together; idle: the idle threads, ${counted(event.idle.samples, "sample")}`,
		columns: [
			{ key: "mode", label: "mode", quantity: "text" },
			{ key: "weight", label: event.unit === "ns" ? "time" : event.unit, quantity: quantityOf(event) },
			{ key: "share", label: "of busy", quantity: "percent" },
			{ key: "all", label: "of all samples", quantity: "percent", bar: "100" },
		],
		rows,
		available: rows.length,
		...(rows.length > 1
			? { total: { mode: "all", weight: all, share: share(event.busy.weight, event.busy.weight), all: 100 } }
			: {}),
	};
}

const cpuName = ({ cpu }: CpuProfile): string => (cpu === null ? "unknown CPU" : `CPU ${cpu}`);

/** Above this many CPUs the table alone is shown. */
const mostBars = 64;

function cpuBlocks(cpus: readonly CpuProfile[], event: SampleEvent, scope: Scope): Block[] {
	if (cpus.every((c) => c.cpu === null))
		return [
			{
				kind: "notice",
				reason: "not-recorded",
				title: "CPUs: not recorded",
				text: "The samples do not tell on which CPU they were taken.",
				remedy: `perf record -a -g -e ${event.event} -F 99, or with --sample-cpu for one process`,
			},
		];
	const fields = scope.where === undefined ? new Set() : fieldsOf(scope.where);
	// Under a condition on threads the others' time is no part of the bars; other events than time have no window.
	const whole = event.unit === "ns" && [...fields].every((f) => f === "cpu");
	const blocks: Block[] = [];
	if (whole && cpus.length > 1 && cpus.length <= mostBars && scope.window.ns > 0) {
		const busiest = cpus.reduce((a, b) => (b.weight > a.weight ? b : a));
		const title = `${cpuName(busiest)} has the most samples of threads: ${sentence(busiest.weight, "ns")} of CPU time`;
		blocks.push({
			kind: "figure",
			figure: stackedBars({
				title,
				subtitle: `sampled time of each CPU in the window of ${sentence(scope.window.ns, "ns")}; hatched: not sampled`,
				alt: `${title}. ${cpus.map((c) => `${cpuName(c)} ${sentence(c.weight, "ns")}`).join(", ")}`,
				rows: cpus.map((c): StackedBarRow => {
					const segments = [
						...segmentModes.map(([name, of]) => ({
							name,
							value: of.reduce((sum, mode) => sum + (c.modes[mode] ?? 0), 0),
						})),
						{ name: "idle" as const, value: c.idle.weight },
					];
					const sum = segments.reduce((s, x) => s + x.value, 0);
					return {
						label: cpuName(c),
						segments,
						total: Math.max(scope.window.ns, sum),
						note: percent(c.weight, sum),
					};
				}),
				labels: { system: "kernel", other: "guest" },
				rowTitle: "CPU",
				noteTitle: "busy",
			}),
		});
	}
	blocks.push({
		kind: "table",
		caption: `a row is a CPU on which samples were taken; ${counted(cpus.length, "CPU")}`,
		...withTotal(
			[
				{ key: "cpu", label: "CPU", quantity: "text" },
				{ key: "weight", label: what(event), quantity: quantityOf(event), bar: "max" },
				{ key: "busy", label: "busy", quantity: "percent", doc: "Of its samples, without idle" },
				...modeColumns(cpus, event),
				{ key: "idle", label: "idle", quantity: quantityOf(event) },
				{ key: "samples", label: "samples", quantity: "count" },
				{ key: "idleSamples", label: "idle samples", quantity: "count" },
			],
			{
				rows: cpus.map((c) => ({
					cpu: c.cpu === null ? "unknown" : String(c.cpu),
					weight: c.weight,
					busy: share(c.samples, c.samples + c.idle.samples),
					...modeCells(c),
					idle: c.idle.weight,
					samples: c.samples,
					idleSamples: c.idle.samples,
				})),
				// A machine has few enough to show them all.
				top: Math.max(cpus.length, 1),
				sums: ["weight", "idle", "samples", "idleSamples", ...modes.map(([mode]) => mode)],
				total: { busy: share(event.busy.samples, event.busy.samples + event.idle.samples) },
				row: "CPU",
			},
		),
	});
	return blocks;
}

// --- the graph

function flameBlocks(
	stacks: readonly ProfileStack[],
	event: SampleEvent,
	scope: Scope,
	first: ProcessProfile | undefined,
): Block[] {
	const { weight } = event.busy;
	const withStack = summed(stacks.filter((s) => s.frames.length > 0));
	const threads = new Set(stacks.map((s) => s.utid)).size;
	const title = `${percent(first?.weight ?? 0, weight)} of the ${what(event)} is ${first === undefined ? "nobody's" : processName(first)}`;
	return [
		{
			kind: "figure",
			figure: flameGraph({
				title,
				subtitle: `width: ${what(event)}, ${event.unit === "ns" ? sentence(weight, "ns") : group(weight)} of ${counted(threads, "thread")} in ${sentence(scope.window.ns, "ns")}, root on top: process, thread, user and kernel functions; without idle; folded: the kernel's system call entry`,
				alt: `${title}. ${percent(withStack.weight, weight)} has a stack`,
				unit: event.unit,
				counted: "samples",
				stacks: paths(stacks),
			}),
		},
	];
}

/** Places in the graph that are given to it: more than it draws, and few enough for any number of stacks. */
const mostPlaces = 20_000;

/** Frames of a stack in the graph; of a deeper one the part before the innermost is left out. */
const deepest = 500;
const left: StackFrame = { name: "… (frames left out)", kind: "thread" };

/** The stacks as the graph shows them: alike ones merged, what is too light to be seen in one box for each place. */
function paths(stacks: readonly ProfileStack[]): WeightedStack[] {
	const pools = poolNames(stacks);
	const tree = new CallTree();
	const shown: StackFrame[] = [];
	const numberOf = (frame: StackFrame): number => {
		const number = tree.number(`${frame.name}\0${frame.kind}`);
		shown[number] ??= frame;
		return number;
	};
	// Frames are shared by the stacks of a trace.
	const known = new Map<ProfileStack["frames"][number], number>();
	for (const s of stacks) {
		const pool = pools.get(s.utid);
		const path = [
			numberOf({ name: pool?.process ?? processName(s), kind: "process" }),
			numberOf({ name: pool?.thread ?? threadName(s), kind: "thread" }),
		];
		if (s.frames.length === 0)
			path.push(numberOf({ name: NO_STACK, kind: s.mode === "user" ? "user" : "kernel" }));
		for (const frame of s.frames) {
			let number = known.get(frame);
			if (number === undefined) {
				number = isEntry(frame) ? -1 : numberOf({ name: frameLabel(frame), kind: frame.kind });
				known.set(frame, number);
			}
			if (number >= 0) path.push(number);
		}
		// A recursion without end would be deeper than any graph.
		if (path.length > deepest) path.splice(deepest - 2, path.length - deepest + 1, numberOf(left));
		tree.add(path, s.weight, s.samples);
	}
	const made: WeightedStack[] = [];
	const light: StackFrame = { name: "… (too small to draw)", kind: "thread" };
	for (const { path, weight, count, rest } of tree.paths(mostPlaces))
		made.push({ frames: [...path.map((n) => shown[n]!), ...(rest ? [light] : [])], weight, count });
	return made;
}

// --- what is missing

/** What the states of the table of files mean for a reader, and what to do. */
const remedies: Readonly<Record<string, string>> = {
	"not found": "give the folder that has the file: powerki collect --symbols DIR",
	"other build":
		"a file was found, but its build-id is not the one that ran; give that one: powerki collect --symbols DIR",
	"no symbols": "the file is stripped; give its debug symbols: powerki collect --symbols DIR",
	unreadable: "the file was found and cannot be read",
	"no file": "memory without a file, such as code made at run time, which perf-PID.map would name",
	named: "the file has symbols, but none for these addresses",
	"no kernel symbol": "give the file kallsyms of the same boot: powerki collect --side PATH",
	"not mapped": "the frame is false, or the mapping was not recorded",
};

function statesOf({ kind, module, states }: UnnamedModule): readonly string[] {
	if (kind !== "user") return ["no kernel symbol"];
	if (module === null) return ["not mapped"];
	return states.length === 0 ? ["unknown"] : states;
}

function stackNotice({ self }: FunctionProfile, event: SampleEvent): NoticeBlock {
	return {
		kind: "notice",
		reason: "not-recorded",
		title: `Stacks: not recorded with ${counted(self.samples, "sample")}`,
		text: `${percent(self.weight, event.busy.weight)} of the ${what(event)} has no stack, so its functions are unknown.`,
		remedy: `perf record -a -g -e ${event.event} -F 99`,
	};
}

function nameBlocks(
	unnamed: readonly UnnamedModule[],
	functions: readonly FunctionProfile[],
	event: SampleEvent,
	unnamedSelf: number,
): Block[] {
	const { samples, weight } = event.busy;
	const stackless = functions.find((f) => f.kind === null);
	const blocks: Block[] = [];
	if (stackless !== undefined) blocks.push(stackNotice(stackless, event));
	if (unnamed.length === 0)
		return [
			...blocks,
			{
				kind: "text",
				text:
					samples === 0
						? "There is no sample of a thread."
						: stackless === undefined
							? `Every frame of ${counted(samples, "sample")} has a name.`
							: "Every frame that was recorded has a name.",
			},
		];
	const present = [...new Set(unnamed.flatMap(statesOf))].filter((s) => s in remedies);
	return [
		...blocks,
		{
			kind: "table",
			caption: `a row is a file, or the kernel, with frames that have no name and are shown as address and file; hit: share of the samples that were in such a function, ${percent(unnamedSelf, weight)} of the ${what(event)} in all; on the stack: share of those that came through one`,
			columns: [
				{ key: "module", label: "in", quantity: "name" },
				{ key: "why", label: "why", quantity: "text" },
				{ key: "self", label: "hit", quantity: "percent" },
				{ key: "total", label: "on the stack", quantity: "percent", bar: "100" },
			],
			rows: unnamed.map((u) => ({
				module: u.module ?? home(u),
				why: statesOf(u).join(", "),
				self: share(u.self.samples, samples),
				total: share(u.total.samples, samples),
			})),
			sortedBy: "total",
			available: unnamed.length,
			query: "SELECT module, state, build_id, file, frames, named FROM dso ORDER BY frames - named DESC",
		},
		{
			kind: "text",
			text: present.map((s) => `${s.charAt(0).toUpperCase()}${s.slice(1)}: ${remedies[s]}.`).join(" "),
		},
	];
}

function samplingBlocks(
	{ event, others, rows: stacks }: Profile<ProfileStack>,
	doubtful: Weighted,
	scope: Scope,
): Block[] {
	const { samples } = event.busy;
	const late = summed(stacks.filter((s) => s.interruptsOff));
	const power = scope.manifest.machine.arch?.startsWith("ppc64") === true;
	const lines = [
		periodWords(event),
		samples === 0
			? ""
			: `By chance alone a share of 50 % of ${counted(samples, "sample")} may be off by ${percent(196 * Math.sqrt(0.25 / samples))} (95 % confidence).`,
		`${counted(doubtful.samples, "sample")} (${percent(doubtful.samples, samples)}) ${doubtful.samples === 1 ? "has" : "have"} a doubtful stack: its second frame is the link register, which may be a caller or stale.`,
		power || late.samples > 0
			? `${counted(late.samples, "sample")} (${percent(late.samples, samples)}) ${late.samples === 1 ? "was" : "were"} taken when interrupts were switched on again: time with interrupts off is seen only at their end, as “interrupts off until FUNCTION”.`
			: "",
	];
	const blocks: Block[] = [{ kind: "text", text: lines.filter((s) => s !== "").join(" ") }];
	if (others.length > 0)
		blocks.push({
			kind: "table",
			caption: "what was sampled; the first row is what this report shows, --event NAME takes another",
			columns: [
				{ key: "event", label: "event", quantity: "code" },
				{ key: "samples", label: "samples of threads", quantity: "count" },
				{ key: "idle", label: "of idle", quantity: "count" },
				{ key: "unit", label: "weighs", quantity: "text" },
			],
			rows: [event, ...others].map((e) => ({
				event: e.event,
				samples: e.busy.samples,
				idle: e.idle.samples,
				unit: e.unit === "ns" ? "CPU time" : e.unit,
			})),
			available: others.length + 1,
		});
	return blocks;
}

function periodWords({ event, period, unit }: SampleEvent): string {
	const time = unit === "ns";
	if (period === null) return `${event}: each sample counts as one, its period was not recorded.`;
	const { min, max } = period;
	if (min !== max)
		return `${event}: one sample for ${time ? `${sentence(min, "ns")} to ${sentence(max, "ns")}` : `${group(min)} to ${group(max)} ${unit}`} (perf adapts the period to the frequency that was asked for); each weighs what it stands for.`;
	if (!time) return `${event}: one sample for ${group(min)} ${unit}.`;
	return `${event}: one sample for ${sentence(min, "ns")} on a CPU that runs${min > 0 ? `, ${sentence(1e9 / min, "number")} a second` : ""}.`;
}
