/** What the workloads counted themselves (truth.jsonl) against the tables of the captures of perf. */
import { describe, expect, it } from "vitest";
import { datasetOf, type TestDataset } from "../support/dataset.ts";
import type { TestTrace } from "../support/traces.ts";
import { besideText, captures, kallsyms, short, truths, withSymbols } from "./perf/captures.ts";
import { ownSamples } from "./perf/stacks.ts";

interface Thread {
	readonly tid: number;
	readonly comm: string;
	readonly start_ns: number;
	readonly end_ns: number;
	readonly cpu_ns: number;
	/** Voluntary and involuntary switches. */
	readonly nvcsw: number;
	readonly nivcsw: number;
	readonly schedstat_run_ns: number;
	readonly schedstat_slices: number;
}

interface Truth {
	readonly prog: string;
	readonly pid: number;
	readonly start_ns: number;
	readonly end_ns: number;
	readonly threads: readonly Thread[];
}

async function on<T>(
	trace: TestTrace,
	what: (d: TestDataset) => Promise<T>,
	options: readonly string[] = [],
): Promise<T> {
	const d = await datasetOf(trace, options);
	try {
		return await what(d);
	} finally {
		d.close();
	}
}

const known = captures.filter((t) => truths<Truth>(t).length > 0);
const named = (name: string): TestTrace => captures.find((t) => short(t) === name)!;

/** Captures that do not show the names of all threads, and why. */
const without: Readonly<Record<string, string>> = {
	"6.12-group-read":
		"without inheritance (group of counters read together): FORK alone tells of the other threads",
	"6.12-per-thread": "without inheritance (--per-thread): FORK alone",
	"6.12-period": "without inheritance (-i): FORK alone",
	"6.12-stat-record": "no events",
	"6.12-uprobe": "chain-alpha ended before the first event",
};

describe("threads of the workloads by number, name and life", () => {
	for (const trace of known)
		it(short(trace), () =>
			on(trace, async (d) => {
				const threads = await d.rows(`SELECT t.tid, t.tgid, t.first_ts, t.last_ts, t.start_known, t.end_known,
					(SELECT max(end_ts) FROM trace) AS last,
					(SELECT list(n.name) FROM thread_name n WHERE n.trace = t.trace AND n.utid = t.utid) AS names FROM thread t`);
				const missing: string[] = [];
				let after = Number.NEGATIVE_INFINITY;
				let before = Number.POSITIVE_INFINITY;
				for (const truth of truths<Truth>(trace))
					for (const t of truth.threads) {
						const lives = threads.filter(
							(o) => o.tid === t.tid && (o.names as string[] | null)?.includes(t.comm),
						);
						if (lives.length !== 1) {
							missing.push(t.comm);
							continue;
						}
						// the thread looked at the clock between its first and its last sign: that much is the trace's clock ahead
						const { start_known, end_known, first_ts, last_ts, last } = lives[0]!;
						if (start_known) after = Math.max(after, Number(first_ts) - t.start_ns);
						// one that ended after the last event has its last sign there
						if (end_known && last_ts !== last) before = Math.min(before, Number(last_ts) - t.end_ns);
					}
				if (short(trace) in without) expect(missing.length).toBeGreaterThan(0);
				else expect(missing).toEqual([]);
				// one offset fits all threads
				expect(before - after).toBeGreaterThan(0);
				if (short(trace) === "6.12-clock-mono") expect(after < 0 && before > 0).toBe(true);
			}),
		);
});

interface Kids extends Truth {
	/** pid, exit code, signal, ns before fork and after wait. */
	readonly kids: readonly (readonly [number, number, number, number, number])[];
}

describe("forks, renames and ends of pk_forkstorm", () => {
	for (const name of ["6.12-ns-cgroup", "7.2-cgroup-ns"])
		it(name, () =>
			on(named(name), async (d) => {
				const [truth] = truths<Kids>(named(name));
				const rows =
					await d.rows(`SELECT t.tid, t.tgid, t.start_known, t.end_known, t.last_ts - t.first_ts AS life, p.tid AS parent,
						(SELECT list(n.name ORDER BY n.ts NULLS FIRST) FROM thread_name n WHERE n.trace = t.trace AND n.utid = t.utid) AS names
					FROM thread t LEFT JOIN thread p ON p.trace = t.trace AND p.utid = t.parent_utid`);
				for (const [k, [pid, , , fork, wait]] of truth!.kids.entries()) {
					const kid = rows.filter((r) => r.tid === pid);
					expect(kid.map((r) => [r.tgid, r.parent, r.start_known, r.end_known])).toEqual([
						[pid, truth!.pid, true, true],
					]);
					expect(Number(kid[0]!.life)).toBeLessThan(wait - fork);
					expect(kid[0]!.names).toEqual(["pk_forkstorm", `fs-kid-${k}`, "exe", `fs-leaf-${k}`]);
				}
				for (const t of truth!.threads) {
					const own = rows.filter((r) => r.tid === t.tid);
					expect(own.map((r) => [r.tgid, r.parent, r.start_known, r.end_known])).toEqual([
						[truth!.pid, truth!.pid, true, true],
					]);
					const base = t.comm.slice(0, -1);
					expect(own[0]!.names).toEqual(["pk_forkstorm", `${base}a`, `${base}b`, `${base}c`]);
				}
			}),
		);
});

interface Errors extends Truth {
	readonly nr: Readonly<Record<string, number>>;
	readonly [call: string]: unknown;
}

describe("failing system calls of pk_errs by number and result", () => {
	const failures = [
		["openat", "ENOENT"],
		["read", "EAGAIN"],
		["close", "EBADF"],
		["wait4", "ECHILD"],
		["write", "EFAULT"],
		["getdents64", "ENOTDIR"],
	] as const;
	for (const name of ["6.12-trace-record", "7.2-trace-record", "6.12-clock-mono", "x86-syscalls"])
		it(name, () =>
			on(named(name), async (d) => {
				const [truth] = truths<Errors>(named(name));
				const rows =
					await d.rows(`SELECT s.ts, s.dur, s.nr, s.name, s.error FROM syscall s JOIN thread t USING (trace, utid)
					WHERE t.tid = ${truth!.pid} AND s.ret < 0`);
				const calls = (nr: number, error: string) => rows.filter((r) => r.nr === nr && r.error === error);
				for (const [call, error] of failures) {
					const own = calls(truth!.nr[call]!, error);
					expect([call, own.length]).toEqual([call, truth![`${call}_${error}`]]);
					expect(own.every((r) => r.name === call)).toBe(true);
				}
				expect(calls(1023, "ENOSYS").length).toBe(truth!.nr1023_ENOSYS);
				// what the kernel gives to the signal's return, which makes EINTR of it
				const sleeps = calls(truth!.nr.clock_nanosleep!, "ERESTART_RESTARTBLOCK");
				expect(sleeps.length).toBe(truth!.nanosleep_EINTR);
				// each waits for the timer of 3 ms
				for (const r of sleeps) expect(Number(r.dur)).toBeGreaterThan(2_500_000);
				if (name === "6.12-clock-mono") {
					const [{ start_ns, end_ns }] = truth!.threads as readonly [Thread];
					for (const r of rows.filter((r) => r.nr !== truth!.nr.rt_sigreturn)) {
						expect(Number(r.ts)).toBeGreaterThan(start_ns);
						expect(Number(r.ts) + Number(r.dur)).toBeLessThan(end_ns);
					}
				}
			}),
		);
});

interface Faults extends Truth {
	readonly pages: number;
	readonly page_size: number;
	readonly write_area: readonly [string, string];
	readonly zero_area: readonly [string, string];
	readonly child: number;
}

describe("page faults of pk_pf", () => {
	it("each page of each area once, by data address (6.12-data-addr)", () =>
		on(named("6.12-data-addr"), async (d) => {
			const [truth] = truths<Faults>(named("6.12-data-addr"));
			const pages = async (tid: number, [from, to]: readonly [string, string]) => {
				const rows = await d.rows(`SELECT s.data_address // ${truth!.page_size} AS page, count(*) AS n
					FROM cpu_sample s JOIN thread t USING (trace, utid) WHERE s.event = 'page-faults' AND t.tid = ${tid}
						AND s.data_address >= ${BigInt(from)} AND s.data_address < ${BigInt(to)} GROUP BY page`);
				return { pages: rows.length, faults: rows.reduce((sum, r) => sum + Number(r.n), 0) };
			};
			const once = { pages: truth!.pages, faults: truth!.pages };
			expect(await pages(truth!.pid, truth!.write_area)).toEqual(once);
			expect(await pages(truth!.pid, truth!.zero_area)).toEqual(once);
			expect(await pages(truth!.child, truth!.write_area)).toEqual(once);
			expect((await pages(truth!.child, truth!.zero_area)).faults).toBe(0);
		}));

	it("at least as many as it made, and all of them minor (6.12-multi-event)", () =>
		on(named("6.12-multi-event"), async (d) => {
			const [truth] = truths<Faults>(named("6.12-multi-event"));
			const rows = await d.rows("SELECT event, sum(period) AS n FROM cpu_sample GROUP BY event");
			const sum = (event: string) => Number(rows.find((r) => r.event === event)!.n);
			for (const event of ["page-faults", "minor-faults"])
				expect(sum(event)).toBeGreaterThanOrEqual(3 * truth!.pages);
			// both count the same faults, each is read when its own period is full
			expect(Math.abs(sum("page-faults") - sum("minor-faults"))).toBeLessThan(10);
		}));
});

describe("switches of the workloads' threads", () => {
	/** Before and after the part that the thread counts: the start of the thread, its exit. */
	const atEdges = 3;
	for (const name of [
		"6.12-sched-switch-g",
		"6.12-sched-record",
		"6.12-overwrite",
		"7.2-sched-record",
		"x86-sched-switch",
		"x86-perf-sched",
	])
		it(name, () =>
			on(named(name), async (d) => {
				const ends =
					await d.rows(`SELECT t.tid, s.end_state AS state, count(*) AS n FROM sched s JOIN thread t USING (trace, utid)
					WHERE NOT s.open_right GROUP BY t.tid, state`);
				const count = (tid: number, ...of: readonly string[]) =>
					ends
						.filter((r) => r.tid === tid && of.includes(r.state as string))
						.reduce((sum, r) => sum + Number(r.n), 0);
				for (const { threads } of truths<Truth>(named(name)))
					for (const t of threads) {
						expect([t.comm, count(t.tid, "S")]).toEqual([t.comm, t.nvcsw]);
						const preempted = count(t.tid, "R", "R+");
						expect(preempted).toBeGreaterThanOrEqual(t.nivcsw);
						expect(preempted).toBeLessThanOrEqual(t.nivcsw + atEdges);
						expect([t.comm, count(t.tid, "X", "Z")]).toEqual([t.comm, 1]);
					}
			}),
		);
});

interface Jit extends Truth {
	/** Name, address, bytes, calls. */
	readonly functions: readonly (readonly [string, string, number, number])[];
}

describe("functions in anonymous memory have the names of the JIT's map", () => {
	for (const [name, samples] of [
		["6.12-jit-map", { jit_first: 75, jit_second: 75 }],
		["x86-jit", { jit_first: 12, jit_second: 23 }],
	] as const)
		it(name, () =>
			on(named(name), async (d) => {
				const [truth] = truths<Jit>(named(name));
				const found: Record<string, number> = {};
				for (const { user } of await ownSamples(d)) {
					const leaf = user[0];
					if (leaf === undefined) continue;
					const at = truth!.functions.find(
						([, start, bytes]) =>
							leaf.address >= BigInt(start) && leaf.address < BigInt(start) + BigInt(bytes),
					);
					expect(leaf.symbol?.startsWith("jit_") === true ? leaf.symbol : undefined).toBe(at?.[0]);
					if (at) found[at[0]] = (found[at[0]] ?? 0) + 1;
				}
				expect(found).toEqual(samples);
			}),
		);
});

it("a uprobe and its return: as many as pk_chains sleeps, at the function and behind the call", () =>
	on(named("6.12-uprobe"), async (d) => {
		const [truth] = truths<
			Truth & { readonly sleeps: number; readonly functions: Readonly<Record<string, string>> }
		>(named("6.12-uprobe"));
		// the local entry point (ELFv2) is two instructions behind the global one
		const entry = BigInt(truth!.functions.beta_leaf!) + 8n;
		const beta = truth!.threads.find((t) => t.comm === "chain-beta")!.tid;
		const hits = await d.rows(
			`SELECT t.tid, e.ts, e.__probe_ip AS ip FROM beta_leaf e JOIN thread t USING (trace, utid) ORDER BY e.ts`,
		);
		const returns = await d.rows(
			`SELECT t.tid, e.ts, e.__probe_func AS ip FROM beta_leaf__return e JOIN thread t USING (trace, utid) ORDER BY e.ts`,
		);
		for (const rows of [hits, returns])
			expect(rows.map((r) => [r.tid, r.ip])).toEqual(
				Array.from({ length: truth!.sleeps }, () => [beta, entry]),
			);
		// each sleeps 3 ms in between
		for (const [k, hit] of hits.entries())
			expect(Number((returns[k]!.ts as bigint) - (hit.ts as bigint))).toBeGreaterThan(3_000_000);
	}));

it("a kprobe: the reads of pk_pipepp", () =>
	on(named("6.12-kprobe"), async (d) => {
		const [truth] = truths<Truth & { readonly reads_each: number }>(named("6.12-kprobe"));
		// from the name on a thread reads its schedstat, then the pipe, then its schedstat again (pk_begin, pk_end)
		for (const t of truth!.threads) {
			const { n } = await d.row(`SELECT count(*) AS n FROM vfs_read e JOIN thread t USING (trace, utid)
				JOIN thread_name c ON c.trace = e.trace AND c.utid = e.utid AND c.name = '${t.comm}' WHERE t.tid = ${t.tid} AND e.ts >= c.ts`);
			expect([t.comm, Number(n)]).toEqual([t.comm, truth!.reads_each + 2]);
		}
	}));

/** LCB_F_… of include/trace/events/lock.h, Linux 6.12, as perf lock contention names them. */
const lockTypes: Readonly<Record<number, string>> = {
	2: "rwsem:R",
	3: "rwlock:R",
	4: "rwsem:W",
	5: "rwlock:W",
	32: "mutex",
	33: "mutex",
};

it("lock contention: as perf lock contention prints it, by type and caller", () => {
	const trace = named("6.12-lock-contention");
	// "2     71.00 ms     44.27 ms     35.50 ms      rwsem:W   unlink_file_vma_batch_process+0x44"
	const line = /^\s*(\d+)\s+([\d.]+) (ms|us)\s+([\d.]+) (ms|us)\s+([\d.]+) (ms|us)\s+(\S+)\s+(\S+)$/;
	const theirs = besideText(trace, "contention.txt")!
		.split("\n")
		.flatMap((l) => {
			const m = line.exec(l);
			return m
				? [
						{
							count: Number(m[1]),
							total: `${m[2]} ${m[3]}`,
							longest: `${m[4]} ${m[5]}`,
							type: m[8]!,
							caller: m[9]!,
						},
					]
				: [];
		});
	expect(theirs.reduce((sum, t) => sum + t.count, 0)).toBe(13);
	const skipped = kallsyms(trace) === null;
	return on(
		trace,
		async (d) => {
			const stacks =
				await d.rows(`SELECT s.stack_id, f.symbol, f.offset FROM (SELECT trace, stack_id, unnest(frames) AS frame_id,
				generate_subscripts(frames, 1) AS k FROM stack WHERE kind = 'kernel') s JOIN frame f USING (trace, frame_id) ORDER BY s.stack_id, s.k`);
			const rows = await d.rows(`SELECT b.flags, b.stack_id, (SELECT min(e.ts) FROM contention_end e
					WHERE e.trace = b.trace AND e.utid = b.utid AND e.lock_addr = b.lock_addr AND e.ts >= b.ts) - b.ts AS ns
				FROM contention_begin b`);
			const callers = new Set(theirs.map((t) => t.caller));
			const groups = new Map<string, number[]>();
			for (const r of rows) {
				const caller = stacks
					.filter((f) => f.stack_id === r.stack_id)
					.map((f) => `${f.symbol}+0x${Number(f.offset ?? 0).toString(16)}`)
					.find((c) => callers.has(c));
				const key = `${lockTypes[Number(r.flags)]} ${caller}`;
				groups.set(key, [...(groups.get(key) ?? []), Number(r.ns)]);
			}
			const printed = (ns: number) =>
				ns >= 1e6 ? `${(ns / 1e6).toFixed(2)} ms` : `${(ns / 1e3).toFixed(2)} us`;
			expect([...groups.keys()].sort()).toEqual(
				[...new Set(theirs.map((t) => `${t.type} ${t.caller}`))].sort(),
			);
			for (const [key, waits] of groups) {
				// perf groups by the whole stack: a caller may have a group of several waits, and others of one
				const lines = theirs.filter((t) => `${t.type} ${t.caller}` === key);
				let rest = waits;
				for (const { count, total } of lines.filter((t) => t.count === 1)) {
					const at = rest.findIndex((ns) => printed(ns) === total);
					expect([key, count, at >= 0]).toEqual([key, 1, true]);
					rest = rest.filter((_, k) => k !== at);
				}
				const sums =
					rest.length === 0
						? []
						: [[rest.length, printed(rest.reduce((x, y) => x + y)), printed(Math.max(...rest))]];
				expect(lines.filter((t) => t.count > 1).map((t) => [t.count, t.total, t.longest])).toEqual(sums);
			}
		},
		skipped ? [] : withSymbols(trace),
	);
});

it("bytes that pk_pipepp asks for in its pipes (6.12-switch-output, a series of four files)", () =>
	on(named("6.12-switch-output"), async (d) => {
		const [truth] = truths<
			Truth & {
				readonly child: number;
				readonly rounds: number;
				readonly bytes_each: number;
				readonly fd_parent: readonly number[];
				readonly fd_child: readonly number[];
			}
		>(named("6.12-switch-output"));
		// powerpc numbers
		const [read, write] = [3, 4];
		const calls = async (tid: number, nr: number, fd: number) => {
			const row =
				await d.row(`SELECT count(*) AS n, sum(e.args[3]) AS bytes FROM sys_enter e JOIN thread t USING (trace, utid)
				WHERE t.tid = ${tid} AND e.id = ${nr} AND e.args[1] = ${fd} AND e.args[3] = ${truth!.bytes_each}`);
			return [Number(row.n), Number(row.bytes)];
		};
		const all = [truth!.rounds, truth!.rounds * truth!.bytes_each];
		expect(await calls(truth!.pid, write, truth!.fd_parent[0]!)).toEqual(all);
		expect(await calls(truth!.pid, read, truth!.fd_parent[1]!)).toEqual(all);
		expect(await calls(truth!.child, read, truth!.fd_child[0]!)).toEqual(all);
		expect(await calls(truth!.child, write, truth!.fd_child[1]!)).toEqual(all);
	}));

describe("CPU time by samples of the CPU clock", () => {
	/** Every thread has a timer of its own that counts its time on CPUs in whole periods and keeps the rest over a switch. */
	const own = [
		"6.12-cpu-clock-fp",
		"6.12-zstd",
		"6.12-inject",
		"6.12-exclude",
		"6.12-no-buildid",
		"6.12-buildid-mmap",
		"6.12-cpu-clock-dwarf",
		"6.12-dwarf-big",
		"7.2-cpu-clock-fp",
		"7.2-latency",
		"7.2-off-cpu",
		"7.2-dwarf",
	];
	/** Timers of the CPUs: of every slice of a thread they see up to a period too much or too little. */
	const wide = ["6.12-multi-callers", "6.12-threads"];
	for (const name of [...own, ...wide])
		it(name, () =>
			on(named(name), async (d) => {
				const rows =
					await d.rows(`SELECT t.tid, sum(s.ns) AS ns, max(s.ns) AS period FROM cpu_sample s JOIN thread t USING (trace, utid)
					WHERE s.ns IS NOT NULL GROUP BY t.tid`);
				// what a thread does before and after the part that it counts itself: 0.9 ms in 6.12-sched-record, where its switches
				// were recorded
				const edges = 1_000_000;
				for (const t of truths<Truth>(named(name))[0]!.threads.filter((t) => /alpha|delta/.test(t.comm))) {
					const { ns, period } = rows.find((r) => r.tid === t.tid)!;
					// uniform errors of ±1 period a slice add up as their root mean square; three of that
					const periods = 2 + (wide.includes(name) ? 3 * Math.sqrt(t.schedstat_slices / 6) : 0);
					expect(Number(ns), t.comm).toBeGreaterThan(t.cpu_ns - periods * Number(period));
					expect(Number(ns), t.comm).toBeLessThan(t.schedstat_run_ns + edges + periods * Number(period));
				}
			}),
		);
});
