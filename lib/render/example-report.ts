/** A report with every kind of block, and with names from a trace that would do harm; for tests. */
import type { Figure } from "../figures/figure.ts";
import type { Report, TableBlock } from "../reports/document.ts";

/** Names that a thread, file or command line of a trace can have. */
export const hostileNames = [
	"<script>alert(1)</script>",
	'"><img src=x onerror=alert(2)>',
	"[click](javascript:alert(3))",
	"</script><script>alert(4)</script>",
	"</style><style>*{display:none}",
	"$x$ and $$y$$",
	"abc\u202egpj.exe",
	"a\u001b[31m\u0007b\u0000",
	"'onmouseover='alert(5)",
	"日本語",
] as const;

const threads: TableBlock = {
	kind: "table",
	caption: "A row is a thread, 2 of 24 by time in the run queue",
	columns: [
		{ key: "name", label: "thread", quantity: "name" },
		{ key: "tid", label: "tid", quantity: "name" },
		{ key: "waits", label: "waits", quantity: "count" },
		{ key: "total", label: "total", quantity: "ns", bar: "max", doc: "sum of all waits" },
		{ key: "p99", label: "p99", quantity: "ns" },
		{ key: "share", label: "of its time", quantity: "percent", bar: "100" },
		{ key: "func", label: "wait function", quantity: "code" },
	],
	rows: [
		{
			name: "order-w0",
			tid: 240,
			waits: 12_345n,
			total: 143_800_000n,
			p99: 2_590_000,
			share: 30.25,
			func: "futex_wait_queue",
		},
		{ name: hostileNames[0], tid: 7, waits: 6, total: 400, p99: "-", share: 0.01, func: null },
	],
	sortedBy: "total",
	total: { waits: 12_351n, total: 143_800_400n },
	available: 24,
	query: "SELECT * FROM run_queue_wait ORDER BY dur DESC",
};

const figure: Figure = {
	title: `half of the waits are shorter than 4.26 ms ${hostileNames[1]}`,
	subtitle: "914 waits, log bins",
	alt: `histogram of 914 waits ${hostileNames[1]}`,
	svg: async () =>
		'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 20" role="img" aria-label="histogram of 914 waits"><rect width="50" height="20" fill="#1f66c1"/></svg>',
	text: (width) => "▇".repeat(Math.min(20, width)),
};

export const exampleReport: Report = {
	name: "run-queue",
	title: `order-w0 waits for a CPU 30.2 % of its time, behind ${hostileNames[0]}`,
	lead: '30.2 % of 2.01 s is 608 ms.\nNext: powerki report task --where "thread = 240"',
	keyNumbers: [
		{ label: "in the run queue", value: 143_800_000n, quantity: "ns", base: "of 8.05 CPU·s" },
		{ label: "waits", value: 19_771, quantity: "count", base: "of 24 threads" },
		{ label: "longest", value: null, quantity: "ns", base: "its end was not seen" },
	],
	recorded: {
		seen: ["sched_switch 3252", "sched_waking 1717"],
		none: ["contention_begin"],
		missing: ["block_rq_issue", "page faults"],
	},
	sections: [
		{
			id: "threads",
			title: "Who waits for a CPU?",
			blocks: [threads, { kind: "text", text: `Next to ${hostileNames[8]} and ${hostileNames[5]}.` }],
		},
		{
			id: "distribution",
			title: "How long are the waits?",
			blocks: [{ kind: "figure", figure, data: threads }],
		},
		{
			id: "disk",
			title: "Disk I/O",
			blocks: [
				{
					kind: "notice",
					reason: "not-recorded",
					title: "Disk I/O: not recorded",
					text: "The trace has no block_rq_issue. This is not “no activity”.",
					remedy: "powerki record --events block",
				},
			],
		},
	],
	notes: [`7 events of cpu 2 were lost while ${hostileNames[6]} ran`],
	statement: {
		traces: [
			{
				trace: "28736db526debc57",
				source: "lock-convoy/sick/trace.dat",
				sha256: "28736db526debc57000000000000000000000000000000000000000000000000",
				machine: "powerlab, ppc64le POWER9, 4 CPUs",
				kernel: "6.12.95+deb12-powerpc64le",
				clock: "mono, ns",
				startTs: 299_118_080_224n,
				endTs: 301_533_913_446n,
				events: 19_771n,
				lostEvents: 7n,
				cpusSeen: 4,
				unobserved: [{ cpu: 2, observedPercent: 61.5 }],
			},
		],
		versions: { powerki: "0.1.0", duckdb: "1.5.6" },
		parameters: { top: "2" },
		definitions: { "run-queue wait": "from waking or preemption to the switch to the thread" },
		command: "powerki report run-queue --dataset demo --top 2",
	},
};
