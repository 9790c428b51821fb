import type { Scope } from "../dataset/scope.ts";
import { flameGraph, type StackFrame, type WeightedStack } from "../figures/flame-graph.ts";
import { group, percent, sentence } from "../figures/numbers.ts";
import { type StackedBarRow, type StackedBarSegment, stackedBars } from "../figures/stacked-bars.ts";
import { joinTimes } from "../futex/operations.ts";
import { type StateTotal, stateTotals } from "../scheduling/cpu-time.ts";
import { type ThreadFacts, threadFacts } from "../scheduling/thread-list.ts";
import { frameLabel, isEntry, NO_STACK } from "../stacks/frames.ts";
import {
	type WaitSite,
	type WaitStack,
	type Waking,
	waitNeeds,
	waitSites,
	waitStacks,
	wakings,
} from "../stacks/waits.ts";
import { type Cause, causeNames, causeOf } from "./causes.ts";
import type { Block, Section, TableBlock, TableColumn } from "./document.ts";
import { expectedThread, expectedWait } from "./expected.ts";
import { defineReport, eventNotice, stackNotice } from "./frame.ts";
import { noneNotice, nothing } from "./nothing.ts";
import { type Pool, poolNames } from "./pools.ts";
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
	threadName,
	withTotal,
} from "./subject.ts";

const sections = {
	states: "Where does the threads' time go?",
	sites: "What do they wait in?",
	flame: "Off-CPU time by stack",
	wakers: "Who ends the waits?",
} as const;

export const waits = defineReport({
	name: "waits",
	question: "what do threads sleep on, and who wakes them?",
	linuxki: "kiwait",
	needs: waitNeeds,
	events: ["sched_switch", "sched_waking", "sched_wakeup", "sys_enter", "sys_exit", "kernel_stack"],
	where: ["thread", "process", "name"],
	definitions: ["wait", "wait function", "waker", "thread join"],
	record: ["sched_switch", "sched_waking", "sched_wakeup", "sys_enter", "sys_exit"],
	sections,
	async find(ds, scope, parameters) {
		const { top: _top, ...all } = parameters;
		const top = scope.top as number;
		const sites = recorded(await waitSites(ds, all));
		const states = recorded(await stateTotals(ds, all)).filter((s) => s.utid !== 0);
		if (sites.length === 0 || states.length === 0)
			return nothing(scope, sections, "No thread slept", "Waits of threads");
		const stacks = recorded(await waitStacks(ds, all));
		const ended = recorded(await wakings(ds, all));
		const facts = await threadFacts(ds, scope);
		const joins = (scope.manifest.tables.futex_wait?.rows ?? 0) > 0 ? await joinTimes(ds, scope) : new Map();
		const judged = sites.map((site) => judge(site, facts, joins));

		const unexpected = judged.filter((s) => s.expected === null);
		const causal = unexpected.filter((s) => s.cause !== "timer");
		const ns = total(judged);
		const expectedNs = total(judged.filter((s) => s.expected !== null));
		const groups = bySite(causal.length > 0 ? causal : unexpected.length > 0 ? unexpected : judged);
		const worst = groups[0];
		const longest = unexpected.reduce<Judged | null>(
			(a, b) => (a === null || (b.max !== "-" && (a.max === "-" || b.max > a.max)) ? b : a),
			null,
		);
		const irqs = ended.filter((w) => w.irq !== null);
		const woken = ended.filter((w) => w.waker !== null);

		const result: Section[] = [
			{
				id: "states",
				title: sections.states,
				blocks: stateBlocks(states, judged, facts, scope, top),
			},
			{ id: "sites", title: sections.sites, blocks: [siteTable(judged, scope, top)] },
			{ id: "flame", title: sections.flame, blocks: flameBlocks(stacks, facts, joins, scope) },
			{
				id: "wakers",
				title: sections.wakers,
				blocks: [
					...(woken.length + irqs.length === 0
						? [eventNotice(scope.manifest, "Wakers", ["sched_waking"], "Who ended the waits is unknown.")]
						: []),
					ended.length === 0
						? noneNotice(scope, "Ends of waits")
						: wakerTable(ended, expectedReasons(judged), joins, top),
				],
			},
		];
		return {
			title: `${worst.process} waits ${sentence(worst.ns, "ns")} in ${worst.site}${worst.cause === "other" ? "" : ` (${causeNames[worst.cause]})`}`,
			lead: [
				`${counted(worst.threads.size, "thread")} of it, ${counted(worst.n, "wait")}: ${percent(worst.ns, ns - expectedNs)} of all waiting that is not expected.`,
				`${sentence(expectedNs, "ns")} of ${sentence(ns, "ns")} is expected: idle kernel threads, the recorder, waits for the end of threads and children.`,
				worst.cause === "lock"
					? "Next: powerki report futex shows the addresses and who wakes whom."
					: worst.cause === "disk"
						? "Next: powerki report disk shows which device is slow."
						: "Next: read the stacks below, and who ends the waits.",
			].join(" "),
			keyNumbers: [
				{
					label: "waiting",
					value: ns,
					quantity: "ns",
					base: `of ${counted(new Set(judged.map((s) => s.utid)).size, "thread")} together in ${sentence(scope.window.ns, "ns")}`,
				},
				{
					label: "not expected",
					value: share(ns - expectedNs, ns),
					quantity: "percent",
					base: `of ${sentence(ns, "ns")} of waiting`,
				},
				{
					label: "on purpose",
					value: share(total(unexpected.filter((s) => s.cause === "timer")), ns),
					quantity: "percent",
					base: "sleeps in timers, not counted as a problem",
				},
				{
					label: "longest wait",
					value: longest?.max ?? "-",
					quantity: "ns",
					base:
						longest === null ? "none that is not expected" : `of ${threadName(longest)} in ${longest.site}`,
				},
				{
					label: "ended by interrupts",
					value: share(
						irqs.reduce((sum, w) => sum + w.ns, 0),
						ended.reduce((sum, w) => sum + w.ns, 0),
					),
					quantity: "percent",
					base: "of the time of all waits; the others by threads, or not ended",
				},
			],
			sections: result,
		};
	},
});

interface Placed {
	readonly cause: Cause;
	/** Wait function, else system call, else state, in words. */
	readonly site: string;
}

interface Judged extends WaitSite, Placed {
	/** Why it is expected; null if it is not. */
	readonly expected: string | null;
}

function placed<T extends WaitSite | WaitStack>(
	wait: T,
	facts: ReadonlyMap<number, ThreadFacts>,
): T & Placed {
	const kernelThread = facts.get(wait.utid ?? -1)?.kernelThread === true;
	return {
		...wait,
		site:
			wait.waitFunction ??
			wait.syscall ??
			(kernelThread ? `the kernel (${wait.state})` : `state ${wait.state}`),
		cause: causeOf({ ...wait, kernelThread }),
	};
}

function judge(
	site: WaitSite,
	facts: ReadonlyMap<number, ThreadFacts>,
	joins: ReadonlyMap<number, number>,
): Judged {
	return {
		...placed(site, facts),
		expected: expectedWait(facts.get(site.utid ?? -1), site, joins.get(site.utid ?? -1) ?? 0),
	};
}

const total = (rows: readonly { readonly ns: number }[]): number => rows.reduce((sum, r) => sum + r.ns, 0);

interface SiteGroup {
	readonly process: string;
	readonly site: string;
	readonly cause: Cause;
	readonly threads: Set<number | null>;
	n: number;
	ns: number;
}

function bySite(
	sites: readonly (Placed & Pick<WaitSite, "utid" | "tgid" | "process" | "n" | "ns">)[],
): SiteGroup[] {
	const map = new Map<string, SiteGroup>();
	for (const s of sites) {
		const process = processName(s);
		const key = `${process}\0${s.site}\0${s.cause}`;
		const g = map.get(key) ?? {
			process,
			site: s.site,
			cause: s.cause,
			threads: new Set<number | null>(),
			n: 0,
			ns: 0,
		};
		g.threads.add(s.utid);
		g.n += s.n;
		g.ns += s.ns;
		map.set(key, g);
	}
	return [...map.values()].sort((a, b) => b.ns - a.ns);
}

interface ThreadLife {
	readonly thread: StateTotal;
	readonly states: Map<string, number>;
	/** Waiting by cause, sleeping and disk. */
	readonly causes: Map<Cause, number>;
	/** Waiting that is neither expected nor on purpose, ns. */
	waiting: number;
	readonly expected: string | null;
}

function lives(
	states: readonly StateTotal[],
	judged: readonly Judged[],
	facts: ReadonlyMap<number, ThreadFacts>,
): ThreadLife[] {
	const map = new Map<number | null, ThreadLife>();
	for (const s of states) {
		const thread = facts.get(s.utid ?? -1);
		const life = map.get(s.utid) ?? {
			thread: s,
			states: new Map<string, number>(),
			causes: new Map<Cause, number>(),
			waiting: 0,
			expected: expectedThread(thread) ?? (thread?.kernelThread === true ? "kernel thread" : null),
		};
		life.states.set(s.state, s.ns);
		map.set(s.utid, life);
	}
	for (const site of judged) {
		const life = map.get(site.utid);
		if (life === undefined) continue;
		const cause = site.expected === null ? site.cause : "timer";
		life.causes.set(cause, (life.causes.get(cause) ?? 0) + site.ns);
		if (cause !== "timer") life.waiting += site.ns;
	}
	const ordered = [...map.values()].sort(
		(a, b) => b.waiting - a.waiting || awake(b) - awake(a) || (a.thread.utid ?? -1) - (b.thread.utid ?? -1),
	);
	return expectedLast(ordered, (l) => l.expected !== null);
}

const stateOf = (l: ThreadLife, ...states: readonly string[]): number =>
	states.reduce((sum, s) => sum + (l.states.get(s) ?? 0), 0);
const awake = (l: ThreadLife): number => stateOf(l, "running", "runnable");

const causes: readonly Cause[] = ["lock", "disk", "peer", "memory", "other", "timer"];

function stateBlocks(
	states: readonly StateTotal[],
	judged: readonly Judged[],
	facts: ReadonlyMap<number, ThreadFacts>,
	scope: Scope,
	top: number,
): Block[] {
	const all = lives(states, judged, facts);
	const shown = shownOf(
		all.filter((l) => l.expected === null),
		top,
	).slice(0, top);
	const blocks: Block[] = [];
	if (shown.length > 0 && scope.window.ns > 0) {
		const waiting = shown.reduce((sum, l) => sum + l.waiting, 0);
		const lived = shown.reduce((sum, l) => sum + lifeOf(l), 0);
		const title = `${percent(waiting, lived)} of the time of ${counted(shown.length, "thread")} is waiting for something`;
		blocks.push({
			kind: "figure",
			figure: stackedBars({
				title,
				subtitle: `time of each thread in the window of ${sentence(scope.window.ns, "ns")}, the most waiting first; hatched: before its start, after its end, or unknown`,
				alt: `${title}. ${shown.map((l) => `${threadName(l.thread)} waits ${sentence(l.waiting, "ns")}`).join(", ")}`,
				rows: shown.map((l) => lifeBar(l, scope)),
				rowTitle: "thread",
				noteTitle: "waits",
			}),
		});
	}
	blocks.push(stateTable(all, top));
	return blocks;
}

const lifeOf = (l: ThreadLife): number =>
	[...l.states].reduce((sum, [state, ns]) => sum + (state === "dead" ? 0 : ns), 0);

function lifeBar(l: ThreadLife, scope: Scope): StackedBarRow {
	const waited = causes.reduce((sum, c) => sum + (l.causes.get(c) ?? 0), 0);
	// Stopped, traced, parked: states that are no waits of its own.
	const rest = Math.max(0, lifeOf(l) - awake(l) - stateOf(l, "unknown") - waited);
	const segments: StackedBarSegment[] = [
		{ name: "running", value: stateOf(l, "running") },
		{ name: "runnable", value: stateOf(l, "runnable") },
		...causes.map((c) => ({ name: c, value: (l.causes.get(c) ?? 0) + (c === "other" ? rest : 0) })),
		{ name: "unknown", value: stateOf(l, "unknown") },
	];
	const sum = segments.reduce((s, x) => s + x.value, 0);
	return {
		label: threadName(l.thread),
		segments,
		total: Math.max(scope.window.ns, sum),
		note: percent(l.waiting, lifeOf(l)),
	};
}

function stateTable(all: readonly ThreadLife[], top: number): TableBlock {
	const ns = (key: string, label: string, doc?: string): TableColumn => ({
		key,
		label,
		quantity: "ns",
		...(doc === undefined ? {} : { doc }),
	});
	const states = { still: ["stopped", "traced", "parked", "idle"], unknown: ["unknown"] };
	const present = (key: keyof typeof states, column: TableColumn) =>
		all.some((l) => stateOf(l, ...states[key]) > 0) ? [column] : [];
	return {
		kind: "table",
		caption: `a row is a thread; ${counted(all.length, "thread")}, the most waiting that is not expected first; its states sum to its life in the window; expected: kernel threads, the recorder`,
		...withTotal(
			[
				{ key: "thread", label: "thread", quantity: "name" },
				...expectedColumn(all.some((l) => l.expected !== null)),
				ns("running", "on CPU"),
				ns("runnable", "run queue"),
				ns("sleeping", "sleeping", "State S: woken by an event or a signal"),
				ns("disk", "disk wait", "State D: uninterruptible"),
				...present("still", ns("still", "other", "Stopped, traced, parked, or idle (I)")),
				...present("unknown", ns("unknown", "unknown", "Its state was not seen")),
				ns("life", "life"),
			],
			{
				rows: all.map((l) => ({
					thread: threadName(l.thread),
					running: stateOf(l, "running"),
					runnable: stateOf(l, "runnable"),
					sleeping: stateOf(l, "sleeping"),
					disk: stateOf(l, "disk"),
					still: stateOf(l, ...states.still),
					unknown: stateOf(l, "unknown"),
					life: lifeOf(l),
					note: l.expected === null ? "" : EXPECTED,
				})),
				top,
				sums: ["running", "runnable", "sleeping", "disk", "still", "unknown", "life"],
				row: "thread",
			},
		),
		expected: shownOf(all, top).flatMap((l, i) => (l.expected === null ? [] : [i])),
		query: "SELECT name, tid, state, n, ns FROM thread_time ORDER BY ns DESC",
	};
}

function siteTable(judged: readonly Judged[], scope: Scope, top: number): TableBlock {
	const ordered = expectedLast(
		expectedLast(judged, (s) => s.cause === "timer"),
		(s) => s.expected !== null,
	);
	const stacks = judged.some((s) => s.waitFunction !== null);
	return {
		kind: "table",
		caption: `a row is a thread and where it waits${stacks ? "" : (scope.manifest.tables.syscall?.rows ?? 0) > 0 ? " (system calls: no kernel stacks)" : " (neither stacks nor system calls were recorded)"}; ${counted(judged.length, "row")}, the most time first; sleeps on purpose and expected waits last`,
		...withTotal(
			[
				{ key: "thread", label: "thread", quantity: "name" },
				{ key: "site", label: "waits in", quantity: "code" },
				...(stacks ? [{ key: "syscall", label: "system call", quantity: "code" as const }] : []),
				{ key: "cause", label: "for", quantity: "text" },
				...spreadColumnsOf("waits"),
			],
			{
				rows: ordered.map((s) => ({
					thread: threadName(s),
					site: s.site,
					syscall: s.syscall ?? "",
					cause: s.expected === null ? causeNames[s.cause] : `${s.expected}, ${EXPECTED}`,
					...spreadCells(s, s.ns),
				})),
				top,
				sums: ["n", "total"],
				row: "row",
			},
		),
		expected: shownOf(ordered, top).flatMap((s, i) => (s.expected === null ? [] : [i])),
		query:
			"SELECT name, wait_function, syscall, state, count(*) AS waits, sum(dur) AS total_ns, max(dur) AS max_ns FROM thread_wait GROUP BY ALL ORDER BY total_ns DESC",
	};
}

function flameBlocks(
	stacks: readonly WaitStack[],
	facts: ReadonlyMap<number, ThreadFacts>,
	joins: ReadonlyMap<number, number>,
	scope: Scope,
): Block[] {
	const futexNs = new Map<number | null, number>();
	for (const s of stacks) if (s.syscall === "futex") futexNs.set(s.utid, (futexNs.get(s.utid) ?? 0) + s.ns);
	const isExpected = (s: WaitStack) =>
		expectedWait(
			facts.get(s.utid ?? -1),
			// Joins are known by thread and system call, not by stack.
			s.syscall === "futex" ? { ...s, ns: futexNs.get(s.utid) ?? s.ns } : s,
			joins.get(s.utid ?? -1) ?? 0,
		) !== null;
	const kept = stacks.filter((s) => !isExpected(s) && s.ns > 0);
	const left = stacks.filter(isExpected);
	const withStack = kept.filter((s) => s.stackId !== null);
	const withUser = kept.filter((s) => s.userStackId !== null);
	const blocks: Block[] = [];
	if (withStack.length === 0) blocks.push(stackNotice(scope.manifest));
	if (kept.length === 0) {
		if (blocks.length === 0) blocks.push(noneNotice(scope, "Waits that are not expected"));
		return blocks;
	}
	const pools = poolNames(kept);
	const ns = total(kept);
	const groups = bySite(kept.map((s) => placed(s, facts)));
	const worst = groups.find((g) => g.cause !== "timer") ?? groups[0];
	const title = `${percent(worst.ns, ns)} of the waiting time is ${worst.process} in ${worst.site}`;
	blocks.push({
		kind: "figure",
		figure: flameGraph({
			title,
			subtitle: `width: time asleep, ${sentence(ns, "ns")} of ${counted(new Set(kept.map((s) => s.utid)).size, "thread")} in ${sentence(scope.window.ns, "ns")}, root on top; left out as expected: ${sentence(total(left), "ns")} of ${counted(new Set(left.map((s) => s.utid)).size, "thread")}; folded: scheduler, system call entry`,
			alt: `${title}. ${sentence(total(withStack), "ns")} of ${sentence(ns, "ns")} has a kernel stack${withUser.length === 0 ? "" : `, ${sentence(total(withUser), "ns")} a user stack`}`,
			unit: "ns",
			stacks: kept.map((s): WeightedStack => ({ frames: path(s, pools), weight: s.ns, count: s.n })),
		}),
		data: functionTable(kept, ns),
	});
	return blocks;
}

function path(s: WaitStack, pools: ReadonlyMap<number | null, Pool>): StackFrame[] {
	const frames: StackFrame[] = s.frames
		.filter((f) => !f.plumbing && !isEntry(f))
		.map((f) => ({
			name: frameLabel(f),
			kind:
				f.kind !== "user" && f.name === s.waitFunction && causeOf({ ...s, kernelThread: false }) === "lock"
					? "lock"
					: f.kind,
		}));
	const inside: StackFrame[] =
		s.stackId !== null
			? frames
			: [
					...frames,
					{ name: s.syscall === null ? `state ${s.state}` : `${s.syscall} (system call)`, kind: "kernel" },
					{ name: NO_STACK, kind: "kernel" },
				];
	const pool = pools.get(s.utid);
	return [
		{ name: pool?.process ?? processName(s), kind: "process" },
		{ name: pool?.thread ?? threadName(s), kind: "thread" },
		...inside,
	];
}

function functionTable(kept: readonly WaitStack[], ns: number): TableBlock {
	const map = new Map<string, { site: string; n: number; ns: number; threads: Set<number | null> }>();
	for (const s of kept) {
		const site = s.waitFunction ?? (s.syscall === null ? `state ${s.state}` : `${s.syscall} (system call)`);
		const g = map.get(site) ?? { site, n: 0, ns: 0, threads: new Set<number | null>() };
		g.n += s.n;
		g.ns += s.ns;
		g.threads.add(s.utid);
		map.set(site, g);
	}
	const rows = [...map.values()].sort((a, b) => b.ns - a.ns);
	return {
		kind: "table",
		caption: "a row is a wait function (the system call where there is no stack), of the waits in the graph",
		sortedBy: "ns",
		...withTotal(
			[
				{ key: "site", label: "waits in", quantity: "code" },
				{ key: "threads", label: "threads", quantity: "count" },
				{ key: "n", label: "waits", quantity: "count" },
				{ key: "ns", label: "time", quantity: "ns", bar: "max" },
				{ key: "share", label: "share", quantity: "percent" },
			],
			{
				rows: rows.map((r) => ({
					site: r.site,
					threads: r.threads.size,
					n: r.n,
					ns: r.ns,
					share: share(r.ns, ns),
				})),
				top: 50,
				sums: ["n", "ns"],
				total: { share: share(ns, ns) },
				row: "function",
			},
		),
	};
}

/** Why nearly all waits of a thread are expected; threads without an entry also wait for something else. */
function expectedReasons(judged: readonly Judged[]): ReadonlyMap<number | null, string> {
	const waited = new Map<number | null, number>();
	const by = new Map<number | null, Map<string, number>>();
	for (const s of judged) {
		waited.set(s.utid, (waited.get(s.utid) ?? 0) + s.ns);
		if (s.expected === null) continue;
		const reasons = by.get(s.utid) ?? new Map<string, number>();
		reasons.set(s.expected, (reasons.get(s.expected) ?? 0) + s.ns);
		by.set(s.utid, reasons);
	}
	const found = new Map<number | null, string>();
	for (const [utid, reasons] of by)
		for (const [reason, ns] of reasons) if (ns >= 0.9 * (waited.get(utid) ?? 0)) found.set(utid, reason);
	return found;
}

function wakerTable(
	ended: readonly Waking[],
	reasons: ReadonlyMap<number | null, string>,
	joins: ReadonlyMap<number, number>,
	top: number,
): TableBlock {
	const expected = (w: Waking): string | null => {
		const reason = reasons.get(w.woken.utid) ?? null;
		const join = joins.get(w.woken.utid ?? -1) ?? 0;
		return reason ?? (join > 0 && Math.abs(join - w.ns) <= 0.1 * w.ns ? "join" : null);
	};
	// Interrupts end sleeps on purpose, mostly: what threads do to each other comes first.
	const ordered = expectedLast(
		expectedLast(ended, (w) => w.waker === null),
		(w) => expected(w) !== null,
	);
	const all = total(ended.filter((w) => expected(w) === null));
	return {
		kind: "table",
		caption: `a row is a thread that slept and who ended its waits; ${counted(ended.length, "row")} of ${group(ended.reduce((sum, w) => sum + w.n, 0))} ended waits, the most time first; those that an interrupt ended, and expected ones, last; share of the time that is not expected`,
		...withTotal(
			[
				{ key: "woken", label: "sleeps", quantity: "name" },
				{ key: "waker", label: "woken by", quantity: "name" },
				...expectedColumn(ended.some((w) => expected(w) !== null)),
				{ key: "n", label: "waits", quantity: "count" },
				{ key: "ns", label: "time", quantity: "ns", bar: "max" },
				{ key: "share", label: "share", quantity: "percent" },
			],
			{
				rows: ordered.map((w) => {
					const why = expected(w);
					return {
						woken: threadName(w.woken),
						waker: w.waker !== null ? threadName(w.waker) : (w.irq ?? (w.n === 0 ? "not ended" : "not seen")),
						n: w.n,
						ns: w.ns,
						share: why === null ? share(w.ns, all) : "-",
						note: why === null ? "" : EXPECTED,
					};
				}),
				top,
				sums: ["n", "ns"],
				row: "row",
			},
		),
		expected: shownOf(ordered, top).flatMap((w, i) => (expected(w) === null ? [] : [i])),
	};
}
