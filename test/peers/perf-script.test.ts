/** Every sample of every capture against perf script: time, CPU, thread, name, event, period, address and fields. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { datasetOf, type ResultRow, type TestDataset } from "../support/dataset.ts";
import { besideText, captures, short } from "./perf/captures.ts";
import { perfVersion } from "./perf/program.ts";
import { type PrintedSample, parseScript, printedSamples, taskRecords } from "./perf/script.ts";

/** Captures of which this perf prints no samples, and why. */
const unreadable = (name: string): boolean => name.startsWith("7.2-") || name === "6.12-stat-record";

/**
 * Samples whose thread perf names otherwise, by cause:
 * `exited`: perf forgets a thread with its EXIT record and calls it by its number; it runs on until its last switch.
 * `released`: the thread's number is gone as well (__task_pid_nr_ns gives 0, perf_event_pid_type -1; Linux 6.12,
 * kernel/events/core.c): for its last switch prev_pid and prev_comm tell who it is, elsewhere nothing does.
 * `worker`: perf's start record has what /proc says, the name with the work queue (wq_worker_comm, kernel/workqueue.c);
 * its events have comm.
 * `nextFile`: the next file of a series begins with the names from when it was opened; its first samples are older.
 */
const namedOtherwise: Readonly<Record<string, Readonly<Record<string, number>>>> = {
	"6.12-cycles-fp": { released: 1, exited: 2 },
	"6.12-lock-contention": { exited: 8 },
	"6.12-multi-callers": { released: 1, exited: 3 },
	"6.12-ns-cgroup": { exited: 1 },
	"6.12-overwrite": { released: 6, exited: 2, worker: 2 },
	"6.12-sched-record": { exited: 8, worker: 5 },
	"6.12-sched-switch-g": { released: 6, exited: 5, worker: 1 },
	"6.12-switch-output": { exited: 2, worker: 12, nextFile: 77 },
	"x86-perf-sched": { exited: 9 },
	"x86-sched-switch": { exited: 4, worker: 3 },
};

/** The name of a thread at a time, by the tables. */
async function names(d: TestDataset): Promise<(tid: number, ts: bigint) => string | null> {
	const rows = await d.rows(`SELECT t.tid, n.ts, n.name FROM thread t JOIN thread_name n USING (trace, utid)
		ORDER BY n.ts NULLS FIRST`);
	return (tid, ts) => {
		if (tid === 0) return "swapper";
		const last = rows.filter((n) => n.tid === tid && (n.ts === null || (n.ts as bigint) <= ts)).at(-1);
		return (last?.name as string | undefined) ?? null;
	};
}

/** The thread of a printed sample: for a switch of one whose number is released, the one that leaves. */
function threadOf(s: PrintedSample): number {
	if (s.tid !== -1 || s.event !== "sched:sched_switch") return s.tid;
	const m = /(?: prev_pid=(\d+) |^.*?:(\d+) \[)/.exec(s.fields)!;
	return Number(m[1] ?? m[2]);
}

/** Values of the parts of a printed text that the pattern names, with what the columns need. */
function parts(pattern: RegExp, text: string): Readonly<Record<string, string>> {
	const m = pattern.exec(text);
	if (!m) throw new Error(`perf printed fields that the test does not read: ${text}`);
	return m.groups as Record<string, string>;
}

const address = (hex: string): string => String(BigInt.asIntN(64, BigInt(`0x${hex.replace(/^0x/, "")}`)));

/** LCB_F_… of include/trace/events/lock.h, Linux 6.12. */
const contention: Readonly<Record<string, number>> = {
	SPIN: 1,
	READ: 2,
	WRITE: 4,
	RT: 8,
	PERCPU: 16,
	MUTEX: 32,
};

/** Letters of prev_state as the format prints them, Linux 6.1-6.12, include/trace/events/sched.h. */
const states: Readonly<Record<string, number>> = {
	S: 1,
	D: 2,
	T: 4,
	t: 8,
	X: 16,
	Z: 32,
	P: 64,
	I: 128,
};
const PREEMPTED = 256;

function stateBits(letters: string): string {
	let bits = 0;
	for (const letter of letters.split("|"))
		if (letter.replace("+", "") !== "R") bits |= states[letter.replace("+", "")]!;
	return String(bits | (letters.endsWith("+") ? PREEMPTED : 0));
}

/** The bits that libtraceevent's plugin for sched prints (libtraceevent 1.7): its letters are older than the kernel's. */
const PLUGIN_STATES = "SDTtZXxW";

function pluginBits(letters: string): string {
	let bits = 0;
	for (const letter of letters) if (letter !== "R") bits |= 1 << PLUGIN_STATES.indexOf(letter);
	return String(bits);
}

/** One way in which perf prints the fields of an event. */
interface Fields {
	readonly pattern: RegExp;
	/** Columns of the event's table. */
	readonly columns: readonly string[];
	/** The same as SQL, where the print does not have all of the value. */
	readonly own: Readonly<Record<string, string>>;
	/** The same from perf's print. */
	readonly theirs: (text: string) => readonly string[];
}

/** Fields whose columns have the names of the printed ones. */
function named(
	pattern: RegExp,
	more: Readonly<Record<string, (text: string) => string>> = {},
	own: Readonly<Record<string, string>> = {},
): Fields {
	const columns = [...pattern.source.matchAll(/\(\?<(\w+)>/g)].map((m) => m[1]!);
	return {
		pattern,
		columns,
		own,
		theirs: (text) => {
			const found = parts(pattern, text);
			return columns.map((c) => (more[c] ? more[c]!(found[c]!) : found[c]!));
		},
	};
}

const bare = (n: string): string => String(Number(n));
const woken = named(/^comm=(?<comm>.*) pid=(?<pid>\d+) prio=(?<prio>\d+) target_cpu=(?<target_cpu>\d+)$/, {
	target_cpu: bare,
});

const wokenByPlugin = named(
	/^(?<comm>.*):(?<pid>\d+) \[(?<prio>\d+)\](?: success=1)? CPU:(?<target_cpu>\d+)$/,
	{
		target_cpu: bare,
	},
);

/** By the event's format, and by libtraceevent's plugins where they are installed. */
const fieldsOf: Readonly<Record<string, Fields | readonly Fields[]>> = {
	"sched:sched_switch": [
		named(
			/^prev_comm=(?<prev_comm>.*) prev_pid=(?<prev_pid>\d+) prev_prio=(?<prev_prio>\d+) prev_state=(?<prev_state>\S+) ==> next_comm=(?<next_comm>.*) next_pid=(?<next_pid>\d+) next_prio=(?<next_prio>\d+)$/,
			{ prev_state: stateBits },
		),
		named(
			/^(?<prev_comm>.*):(?<prev_pid>\d+) \[(?<prev_prio>\d+)\] (?<prev_state>\S+) ==> (?<next_comm>.*):(?<next_pid>\d+) \[(?<next_prio>\d+)\]$/,
			{ prev_state: pluginBits },
			// preempted is R
			{ prev_state: "e.prev_state & 255" },
		),
	],
	"sched:sched_waking": woken,
	"sched:sched_wakeup": [woken, wokenByPlugin],
	"sched:sched_wakeup_new": [woken, wokenByPlugin],
	"sched:sched_stat_runtime": named(
		/^comm=(?<comm>.*) pid=(?<pid>\d+) runtime=(?<runtime>\d+) \[ns\](?: vruntime=\d+ \[ns\])?$/,
	),
	"sched:sched_migrate_task": named(
		/^comm=(?<comm>.*) pid=(?<pid>\d+) prio=(?<prio>\d+) orig_cpu=(?<orig_cpu>\d+) dest_cpu=(?<dest_cpu>\d+)$/,
	),
	"sched:sched_process_fork": named(
		/^comm=(?<parent_comm>.*) pid=(?<parent_pid>\d+) child_comm=(?<child_comm>.*) child_pid=(?<child_pid>\d+)$/,
	),
	"raw_syscalls:sys_enter": named(/^NR (?<id>-?\d+) \((?<args>[0-9a-f, ]+)\)$/, {
		args: (text) => text.split(", ").map(address).join(" "),
	}),
	"raw_syscalls:sys_exit": named(/^NR (?<id>-?\d+) = (?<ret>-?\d+)$/, {
		ret: (n) => String(BigInt.asIntN(64, BigInt(n))),
	}),
	"lock:contention_begin": named(/^0x(?<lock_addr>[0-9a-f]+) \(flags=(?<flags>\S+)\)$/, {
		lock_addr: address,
		flags: (text) => String(text.split("|").reduce((n, f) => n | contention[f]!, 0)),
	}),
	"lock:contention_end": named(/^0x(?<lock_addr>[0-9a-f]+) \(ret=(?<ret>-?\d+)\)$/, { lock_addr: address }),
	"probe:vfs_read": named(/^\((?<__probe_ip>[0-9a-f]+)\)$/, { __probe_ip: address }),
	"probe_pk_chains:beta_leaf": named(/^\((?<__probe_ip>[0-9a-f]+)\)$/, { __probe_ip: address }),
	"probe_pk_chains:beta_leaf__return": named(
		/^\((?<__probe_func>[0-9a-f]+) <- (?<__probe_ret_ip>[0-9a-f]+)\)$/,
		{ __probe_func: address, __probe_ret_ip: address },
	),
};

const isTracepoint = (event: string): boolean => event in fieldsOf;
const tableOf = (event: string): string => event.slice(event.indexOf(":") + 1);

const text = (values: readonly unknown[]): string =>
	values.map((v) => (Array.isArray(v) ? v.join(" ") : String(v))).join("|");

/** Elements of `a` beyond those in `b`, as multisets. */
function difference(a: readonly string[], b: readonly string[]): string[] {
	const left = new Map<string, number>();
	for (const x of b) left.set(x, (left.get(x) ?? 0) + 1);
	return a.filter((x) => {
		const n = left.get(x) ?? 0;
		if (n > 0) left.set(x, n - 1);
		return n === 0;
	});
}

const same = (own: readonly string[], theirs: readonly string[]) => {
	expect({
		samples: own.length,
		missing: difference(theirs, own).slice(0, 5),
		surplus: difference(own, theirs).slice(0, 5),
	}).toEqual({ samples: theirs.length, missing: [], surplus: [] });
};

describe
	.skipIf(perfVersion === null)
	.each(captures.filter((t) => !unreadable(short(t))).map((trace) => ({ name: short(trace), trace })))(
	"$name, sample by sample, as perf script prints it",
	({ name, trace }) => {
		let d: TestDataset;
		let printed: readonly PrintedSample[];
		let events: readonly string[];
		beforeAll(async () => {
			d = await datasetOf(trace);
			printed = trace.paths.flatMap((path) => {
				const answer = printedSamples(path);
				if (answer === null) throw new Error(`perf ${perfVersion} cannot read ${name}`);
				return answer;
			});
			events = [...new Set(printed.map((s) => s.event))].sort();
		});
		afterAll(() => d?.close());

		it("all samples of events that are no tracepoints: time, CPU, thread, event, period, address", async () => {
			const own = await d.rows(
				`SELECT s.ts, s.cpu, t.tgid, t.tid, s.event, s.period, s.ip
				FROM cpu_sample s JOIN thread t USING (trace, utid)`,
			);
			same(
				own.map((r) => text(Object.values(r))),
				printed
					.filter((s) => !isTracepoint(s.event))
					.map((s) => text([s.ts, s.cpu, s.pid, s.tid, s.event, s.period, s.ip])),
			);
		});

		it("names: what perf calls the thread of a sample is its name at that time", async () => {
			const nameAt = await names(d);
			const exits = new Map(
				trace.paths.flatMap((path) => taskRecords(path, "EXIT").map((r) => [r.tid, r.ts] as const)),
			);
			const found: Record<string, number> = {};
			const wrong: string[] = [];
			for (const s of printed) {
				const own = nameAt(s.tid, s.ts);
				if (own === s.comm) continue;
				const kind =
					s.comm === ":-1" && s.tid === -1
						? "released"
						: s.comm === `:${s.tid}` && s.ts >= (exits.get(s.tid) ?? Number.POSITIVE_INFINITY)
							? "exited"
							: own?.startsWith("kworker/") && s.comm.startsWith(`${own}-`)
								? "worker"
								: trace.paths.length > 1 && s.comm === "pipe-ping" && own === "bash"
									? "nextFile"
									: null;
				if (kind === null) wrong.push(`${s.ts} ${s.tid}: ${s.comm}, ours ${own}`);
				else found[kind] = (found[kind] ?? 0) + 1;
			}
			expect({ wrong: wrong.slice(0, 5), count: wrong.length }).toEqual({ wrong: [], count: 0 });
			expect(found).toEqual(namedOtherwise[name] ?? {});
		});

		it("all samples of tracepoints: time, CPU, thread, fields", async () => {
			for (const event of events.filter(isTracepoint)) {
				const prints = printed.filter((s) => s.event === event);
				const ways = [fieldsOf[event]!].flat();
				const { columns, theirs, own: sql } = ways.find((w) => w.pattern.test(prints[0]!.fields)) ?? ways[0]!;
				const own = await d.rows(
					`SELECT e.ts, e.cpu, t.tid, ${columns.map((c) => sql[c] ?? `e.${c}`).join(", ")}
					FROM "${tableOf(event)}" e JOIN thread t USING (trace, utid)`,
				);
				same(
					own.map((r: ResultRow) => text(Object.values(r))),
					prints.map((s) => text([s.ts, s.cpu, threadOf(s), ...theirs(s.fields)])),
				);
			}
		});
	},
);

/** Samples in stored prints that are not whole. */
const cutOff: Readonly<Record<string, number>> = { "6.12-cpu-clock-dwarf": 2, "7.2-dwarf": 15 };

describe.each(
	captures
		.filter((t) => besideText(t, "script.txt") !== null)
		.map((trace) => ({ name: short(trace), trace })),
)("$name, sample by sample, as the guest's own perf printed it", ({ name, trace }) => {
	it("all samples: µs, CPU, thread, name, event, period", async () => {
		const printed = parseScript(besideText(trace, "script.txt")!.split("\n"));
		const d = await datasetOf(trace);
		try {
			const nameAt = await names(d);
			const own: string[] = [];
			for (const table of new Set(
				printed.map((s) => (isTracepoint(s.event) ? tableOf(s.event) : "cpu_sample")),
			)) {
				const sampled = table === "cpu_sample";
				const rows =
					await d.rows(`SELECT e.ts, e.cpu, t.tid, t.end_known, ${sampled ? "e.event, e.period" : `'${table}' AS event, 1 AS period`}
					FROM "${table}" e JOIN thread t USING (trace, utid)`);
				for (const r of rows) {
					const [ts, tid] = [r.ts as bigint, r.tid as number];
					own.push(text([ts / 1000n, r.cpu, tid, nameAt(tid, ts), r.event, r.period]));
				}
			}
			const theirs = printed.map((s) => {
				const tid = threadOf(s);
				// a thread that perf has forgotten, and kworkers: see namedOtherwise
				const comm =
					s.comm.startsWith(":") || s.comm.startsWith("kworker/") ? nameAt(tid, s.ts + 999n) : s.comm;
				return text([
					s.ts / 1000n,
					s.cpu,
					tid,
					comm,
					isTracepoint(s.event) ? tableOf(s.event) : s.event,
					s.period,
				]);
			});
			// tables are in order of time, and so is the print
			same(own.slice(0, cutOff[name] ?? own.length), theirs);
		} finally {
			d.close();
		}
	});
});
