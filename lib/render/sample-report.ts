/** A report with real figures around names of one's choice; for the tests of pages. */
import { flameGraph } from "../figures/flame-graph.ts";
import { histogram } from "../figures/histogram.ts";
import { stackedBars } from "../figures/stacked-bars.ts";
import { timeline } from "../figures/timeline.ts";
import type { Block, Report, Statement, TableBlock, Value } from "../reports/document.ts";

export const sampleStatement: Statement = {
	traces: [
		{
			trace: "28736db526debc57",
			source: "trace.dat",
			sha256: "28736db526debc5715ef9b52b5dc10a1fbbb1ee4ca36c5ed0aa2c8bb5f2c5a13",
			machine: "powerlab, ppc64le POWER9 (architected), 4 CPUs, pages of 4 KiB",
			kernel: "6.12.95+deb12-powerpc64le",
			clock: "mono, ns; offset to wall time: unknown",
			startTs: 299118080224n,
			endTs: 301533913446n,
			events: 19771n,
			lostEvents: null,
			cpusSeen: 4,
			unobserved: [{ cpu: 2, observedPercent: 43.21 }],
		},
	],
	versions: { powerki: "0.1.0", duckdb: "1.5.6", definitions: "1" },
	parameters: { window: "0.128607..2.140076", top: "10" },
	definitions: {
		"run queue": "Time from waking, or from losing the CPU, to the next switch to the thread.",
		percentile: "Nearest rank: a value that was observed.",
	},
	command: "powerki report run-queue --dataset demo --window 0.128607..2.140076",
};

const sampleTable: TableBlock = {
	kind: "table",
	caption: "A row is a thread; the threads with the longest waits",
	columns: [
		{ key: "name", label: "thread", quantity: "name" },
		{ key: "tid", label: "tid", quantity: "name" },
		{ key: "n", label: "waits", quantity: "count" },
		{ key: "ns", label: "total", quantity: "ns", bar: "max" },
		{ key: "share", label: "of its time", quantity: "percent", bar: "100" },
		{ key: "p99", label: "p99", quantity: "ns", doc: "from 100 waits on" },
		{ key: "at", label: "longest at", quantity: "stamp" },
		{ key: "where", label: "where", quantity: "code" },
	],
	rows: [
		row("order-w3", 243, 166, 713458918, 32.9, 8504791, 1668601234n, 0x1012b200n),
		row("order-w0", 240, 167, 644247287, 29.6, 8976055, 1369203456n, "futex_wait_queue"),
		row("migration/0", 17, 19771, 11918, 0.04, "-", 340200000n, null),
		row("unknown thread", null, 0, 0, 0, null, null, "-"),
	],
	sortedBy: "ns",
	total: { n: 20104, ns: 1357718123, share: 62.5 },
	available: 24,
	query: "SELECT name, count(*) FROM run_queue_wait WHERE dur < 5 AND name <> '<x>' GROUP BY 1",
};

function row(
	name: Value,
	tid: Value,
	n: Value,
	ns: Value,
	share: Value,
	p99: Value,
	at: Value,
	where: Value,
): Record<string, Value> {
	return { name, tid: tid === null ? null : String(tid), n, ns, share, p99, at, where };
}

const notices: readonly Block[] = [
	{
		kind: "notice",
		reason: "not-recorded",
		title: "Disk I/O: not recorded",
		text: "The trace has no block_rq_issue, block_rq_complete. This is not “no activity”.",
		remedy: "powerki record --events block",
	},
	{
		kind: "notice",
		reason: "none",
		title: "Lock contention in the kernel: none",
		text: "contention_begin was recorded for 2.011 s on 4 of 4 CPUs and did not happen.",
	},
	{
		kind: "notice",
		reason: "filtered",
		title: "No thread matches",
		text: "name = “order-w9” matches none of 24 threads; nearest: order-w0 … order-w5.",
	},
	{
		kind: "notice",
		reason: "lost",
		title: "Lost events: cpu 2 was blind for 31 ms",
		text: "300.412 … 300.443 s, unknown number of events.",
	},
];

/** @param names of threads; default: tame ones */
export function sampleReport(names: readonly string[] = ["order-w3", "order-w0", "swapper/0"]): Report {
	const figures: readonly Block[] = [
		{
			kind: "figure",
			figure: stackedBars({
				title: "Each thread waits longer than it runs",
				subtitle: "Share of 2.011 s by state, one row a thread.",
				alt: `${names[0]}: 27 % on CPU, 33 % asleep on the lock.`,
				rowTitle: "thread",
				noteTitle: "on CPU",
				labels: { lock: `lock of ${names[0]}` },
				rows: names.map((label, i) => ({
					label,
					total: 1000,
					segments: [
						{ name: "running", value: 270 },
						{ name: "runnable", value: 60 },
						{ name: "lock", value: 330 - 20 * i },
						{ name: "timer", value: 300 },
					],
					note: "27.0 %",
				})),
			}),
			data: { ...sampleTable, rows: names.map((name) => ({ ...sampleTable.rows[0], name })) },
		},
		{
			kind: "figure",
			figure: histogram({
				title: "Half of the waits end within 5 µs",
				subtitle: "1001 waits for a CPU; logarithmic bins.",
				alt: "1001 waits; 700 of 2 to 5 µs.",
				counted: "waits",
				unit: "ns",
				bins: [
					{ from: 1000, to: 2000, count: 300, total: 450_000 },
					{ from: 2000, to: 5000, count: 700, total: 2_100_000 },
					{ from: 5000, to: 10_000, count: 0, total: 0 },
					{ from: 10_000_000, to: 20_000_000, count: 1, total: 15_000_000 },
				],
			}),
		},
		{
			kind: "figure",
			figure: timeline({
				title: "The lock goes from hand to hand",
				subtitle: "60 ms around the longest wait.",
				alt: "Three threads take turns on the lock.",
				from: 0,
				to: 60e6,
				lanes: names.map((label, i) => ({
					label,
					intervals: [
						{ start: 0, dur: (8 + i) * 1e6, state: "lock" },
						{ start: (8 + i) * 1e6, dur: 1e6, state: "runnable" },
						{ start: (9 + i) * 1e6, dur: 30e6, state: "running", label },
						{ start: (39 + i) * 1e6, dur: 10e6, state: "timer" },
					],
				})),
			}),
		},
		{
			kind: "figure",
			figure: flameGraph({
				title: "63 % of the sleep is futex_wait",
				subtitle: "Time asleep by stack, 2.0 s of 3 threads; total 1.00 s.",
				alt: "futex_wait 63 %, do_nanosleep 30 %, no stack 7 %.",
				unit: "ns",
				stacks: names.flatMap((name, i) => [
					{
						frames: [
							{ name: "orderd", kind: "process" as const },
							{ name, kind: "thread" as const },
							{ name: "main", kind: "user" as const },
							{ name: "sys_futex", kind: "kernel" as const },
							{ name: "futex_wait", kind: "kernel" as const },
							{ name: "0x1012b200", kind: "lock" as const },
						],
						weight: 210e6 + i,
					},
					{
						frames: [
							{ name: "orderd", kind: "process" as const },
							{ name, kind: "thread" as const },
							{ name: "do_nanosleep", kind: "kernel" as const },
						],
						weight: 100e6,
					},
					{
						frames: [
							{ name: "orderd", kind: "process" as const },
							{ name, kind: "thread" as const },
							{ name: "[no stack: not recorded]" },
						],
						weight: 23e6,
					},
				]),
			}),
		},
	];
	return {
		name: "run-queue",
		title: `${names[0]} is slow because six threads wait for one lock, not for CPU or disk`,
		lead: "They spend 30.2 % of their time (3.64 s) waiting for futex 0x1012b200, in 914 waits of 4.26 ms (p50) to 10.4 ms (max).\nNext: shorten what is done under the lock.",
		keyNumbers: [
			{ label: "Lock wait", value: 3643209456, quantity: "ns", base: "30.2 % of six threads’ time" },
			{ label: "CPU idle", value: 57.4, quantity: "percent", base: "of 8.05 CPU·s" },
			{ label: "Work rate", value: 414.06, quantity: "per_second", base: "one nanosleep a round" },
			{ label: "Waker", value: names[0], quantity: "name", base: "most often" },
			{ label: "Lost", value: null, quantity: "count", base: "cpu 2" },
		],
		recorded: {
			seen: ["sched_switch 3252", "sched_waking 1717"],
			none: ["contention_begin"],
			missing: ["stacks", "block I/O"],
		},
		sections: [
			{
				id: "threads",
				title: `Who waits: ${names[0]}`,
				blocks: [
					{ kind: "text", text: "The workers sleep on one lock." },
					{
						...sampleTable,
						rows: [
							...names.map((name, i) => ({ ...sampleTable.rows[i % 4], name })),
							...sampleTable.rows.slice(2),
						],
					},
				],
			},
			{ id: "figures", title: "Where the time goes", blocks: figures },
			{ id: "nothing", title: "What there is nothing to show of", blocks: notices },
			{ id: "limits", title: "Limits", blocks: [{ kind: "text", text: "Emulated machine." }] },
		],
		notes: [`10 system calls were running at the start; comm ${names[0]}`],
		statement: sampleStatement,
	};
}
