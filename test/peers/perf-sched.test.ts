/**
 * perf sched timehist -s and perf sched latency against the tables sched and thread_state: the prints of the guests' own
 * perf, and of a perf at hand where it reads the capture.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { datasetOf, type TestDataset } from "../support/dataset.ts";
import { perfTrace, type TestTrace } from "../support/traces.ts";
import { besideText } from "./perf/captures.ts";
import { perf, perfVersion } from "./perf/program.ts";

interface Timehist {
	readonly tid: number;
	/** perf has forgotten the thread with its EXIT record, and counts the slices that end afterwards alone. */
	readonly exited: boolean;
	/** Slices, and in ms with three digits cut off: their sum, the shortest, the mean, the longest. */
	readonly numbers: readonly string[];
}

const timehistLine =
	/^\s*(\S.*)\[(\d+)\]\s+-?\d+\s+(\d+)\s+(\d+\.\d{3})\s+(\d+\.\d{3})\s+(\d+\.\d{3})\s+(\d+\.\d{3})\s+\d+\.\d\d\s+\d+$/;

const timehist = (lines: readonly string[]): Timehist[] =>
	lines.flatMap((line) => {
		const m = timehistLine.exec(line);
		return m ? [{ tid: Number(m[2]), exited: m[1] === `:${m[2]}`, numbers: m.slice(3, 8) }] : [];
	});

/** "CPU  0 idle for      4.741  msec" */
const idle = (lines: readonly string[]): Readonly<Record<string, string>> =>
	Object.fromEntries(
		lines.flatMap((line) => {
			const m = /^\s*CPU\s+(\d+) idle for\s+(\d+\.\d{3})\s+msec/.exec(line);
			return m ? [[m[1]!, m[2]!]] : [];
		}),
	);

interface Latency {
	readonly tid: number;
	/** ms. */
	readonly runtime: string;
	readonly count: number;
	/** ms. */
	readonly average: string;
	readonly longest: string;
	/** Seconds with six digits; of the longest. */
	readonly from: string;
	readonly to: string;
}

const latencyLine =
	/^\s*\S.*:(\d+)\s+\|\s+(\d+\.\d{3}) ms \|\s+(\d+) \| avg:\s+(\d+\.\d{3}) ms \| max:\s+(\d+\.\d{3}) ms \| max start:\s*(\d+\.\d{6}) s \| max end:\s*(\d+\.\d{6}) s/;

const latency = (lines: readonly string[]): Latency[] =>
	lines.flatMap((line) => {
		const m = latencyLine.exec(line);
		return m
			? [
					{
						tid: Number(m[1]),
						runtime: m[2]!,
						count: Number(m[3]),
						average: m[4]!,
						longest: m[5]!,
						from: m[6]!,
						to: m[7]!,
					},
				]
			: [];
	});

/** ns as ms: what perf cuts off after the µs. */
const cut = (ns: number): string =>
	`${Math.floor(ns / 1e6)}.${String(Math.floor((ns % 1e6) / 1e3)).padStart(3, "0")}`;

const rounded = (ns: number): string => (ns / 1e6).toFixed(3);
/** ns as seconds: what perf cuts off after the µs. */
const seconds = (ns: bigint): string =>
	`${ns / 1_000_000_000n}.${String((ns / 1000n) % 1_000_000n).padStart(6, "0")}`;

interface Source {
	readonly name: string;
	readonly timehist: (trace: TestTrace) => readonly string[] | null;
	readonly latency: (trace: TestTrace) => readonly string[] | null;
}

const stored = (file: string) => (trace: TestTrace) => besideText(trace, file)?.split("\n") ?? null;
const asked =
	(...args: string[]) =>
	(trace: TestTrace) =>
		perf(["sched", ...args, "-i", trace.path]);

const print: Source = {
	name: "the guest's own perf",
	timehist: stored("timehist.txt"),
	latency: stored("latency.txt"),
};
const program: Source = {
	name: "perf",
	timehist: asked("timehist", "-s"),
	latency: asked("latency"),
};

/**
 * Wake-ups whose thread ran at once by a clock that stood still (the emulated x86 at 474.473499301): perf counts them as
 * delays of 0, a runnable interval without length is no row of thread_state.
 */
const withoutLength: Readonly<Record<string, Readonly<Record<number, number>>>> = {
	"x86-perf-sched": { 154: 17, 156: 16 },
};

const cases = [
	{ name: "6.12-sched-record", source: print },
	{ name: "7.2-sched-record", source: print },
	{ name: "6.12-sched-record", source: program },
	{ name: "x86-perf-sched", source: program },
].map((c) => ({ ...c, by: c.source.name }));

describe.each(cases)("$name as $by prints it", ({ name, source }) => {
	let d: TestDataset;
	let trace: TestTrace;
	beforeAll(async () => {
		trace = await perfTrace(name);
		d = await datasetOf(trace);
	});
	afterAll(() => d?.close());
	const skipped = source === program && perfVersion === null;

	it.skipIf(skipped)("timehist -s: run time of each task is the sum of its slices", async () => {
		const lines = source.timehist(trace)!;
		const theirs = timehist(lines);
		expect(theirs.length).toBeGreaterThan(5);
		// Its rule: every switch ends a slice that began with the switch before on this CPU; one without a switch before
		// counts as a slice of 0.
		const slices = await d.rows(`SELECT t.tid, CASE WHEN s.open_left THEN 0 ELSE s.dur END AS dur
			FROM sched s JOIN thread t USING (trace, utid) WHERE NOT s.open_right AND t.tid <> 0 ORDER BY s.ts, s.ts + s.dur`);
		const own = theirs.map(({ tid, exited, numbers }) => {
			let lengths = slices.filter((s) => s.tid === tid).map((s) => Number(s.dur));
			if (exited) lengths = lengths.slice(-Number(numbers[0]));
			const sum = lengths.reduce((a, b) => a + b, 0);
			const values = [sum, Math.min(...lengths), sum / lengths.length, Math.max(...lengths)];
			return { tid, exited, numbers: [String(lengths.length), ...values.map(cut)] };
		});
		expect(own).toEqual(theirs);
		// no task is missing: those that ran are those that it lists
		expect([...new Set(slices.map((s) => s.tid))].sort()).toEqual(theirs.map((t) => t.tid).sort());
	});

	it.skipIf(skipped)("timehist -s: idle time of each CPU, switches, tasks, length", async () => {
		const lines = source.timehist(trace)!;
		const rows = await d.rows(`SELECT s.cpu, sum(s.dur) AS ns FROM sched s
			WHERE s.utid = 0 AND NOT s.open_left AND NOT s.open_right GROUP BY s.cpu ORDER BY s.cpu`);
		expect(Object.fromEntries(rows.map((r) => [String(r.cpu), cut(Number(r.ns))]))).toEqual(idle(lines));
		const totals = lines.join("\n");
		const listed = timehist(lines).reduce((sum, t) => sum + Number(t.numbers[0]), 0);
		const { n } = await d.row("SELECT count(*) AS n FROM sched WHERE utid = 0 AND NOT open_right");
		// it adds up what it lists, and the idle threads' slices
		expect(/Total number of context switches: (\d+)/.exec(totals)![1]).toBe(String(listed + Number(n)));
		expect(/Total number of unique tasks: (\d+)/.exec(totals)![1]).toBe(String(timehist(lines).length));
		const { window } = await d.row("SELECT max(ts) - min(ts) AS window FROM sched_switch");
		expect(/Total scheduling time \(msec\): (\d+\.\d{3})/.exec(totals)![1]).toBe(cut(Number(window)));
	});

	it.skipIf(skipped)("latency: run time, and how long each task waited for a CPU", async () => {
		const theirs = latency(source.latency(trace)!);
		expect(theirs.length).toBeGreaterThan(5);
		// Its rule: the run time that the kernel accounts, and the time from waking (a new thread: from sched_wakeup_new),
		// or from being preempted, to the next switch to the task.
		const own =
			await d.rows(`SELECT t.tid, r.runtime, count(*) AS n, sum(s.delay) AS total, max(s.delay) AS longest,
				arg_max(s.since, s.delay) AS since, arg_max(s.until, s.delay) AS until
			FROM (SELECT trace, utid, ts + dur AS until, coalesce(wake_ts, ts) AS since, ts + dur - coalesce(wake_ts, ts) AS delay
				FROM thread_state WHERE state = 'runnable' AND NOT open_left AND NOT open_right) s
			JOIN thread t USING (trace, utid)
			LEFT JOIN (SELECT pid AS tid, sum(runtime) AS runtime FROM sched_stat_runtime GROUP BY pid) r USING (tid)
			GROUP BY t.tid, r.runtime`);
		const byTid = new Map(own.map((r) => [r.tid as number, r]));
		expect(
			theirs.map(({ tid }): Latency => {
				const r = byTid.get(tid)!;
				const count = Number(r.n) + (withoutLength[name]?.[tid] ?? 0);
				return {
					tid,
					runtime: rounded(Number(r.runtime ?? 0)),
					count,
					average: rounded(Number(r.total) / count),
					longest: rounded(Number(r.longest)),
					from: seconds(r.since as bigint),
					to: seconds(r.until as bigint),
				};
			}),
		).toEqual(theirs);
		expect(byTid.size).toBe(theirs.length);
	});
});
