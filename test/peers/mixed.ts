/**
 * The mixed captures: numbers of expected.json (counted from trace-cmd's text) and what the workloads counted
 * themselves, as queries over our tables. Each uses the counting rule that test/traces/README.md gives.
 */
import { constants } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { datasetOf, type TestDataset } from "../support/dataset.ts";
import { besideJson, type TestTrace } from "../support/traces.ts";
import { type MixedExpected, type TruthLine, truthLines } from "./expected.ts";

/** Operation numbers of include/uapi/linux/futex.h. */
const futexOps: Readonly<Record<string, number>> = {
	WAIT: 0,
	WAKE: 1,
	REQUEUE: 3,
	CMP_REQUEUE: 4,
	WAKE_OP: 5,
	LOCK_PI: 6,
	UNLOCK_PI: 7,
	TRYLOCK_PI: 8,
	WAIT_BITSET: 9,
	WAKE_BITSET: 10,
	WAIT_REQUEUE_PI: 11,
	CMP_REQUEUE_PI: 12,
	LOCK_PI2: 13,
};

/** Events of single calls are named after the kernel's function, not after the call. */
const eventNames: Readonly<Record<string, string>> = {
	newuname: "uname",
	llseek: "_llseek",
	newfstatat: "newfstatat",
};

const futexCalls = `SELECT trace, ts, utid, uaddr, op, shared, ret, outcome AS error FROM futex_wait
	UNION ALL SELECT trace, ts, utid, uaddr, op, shared, ret, error FROM futex_wake`;

type Counts = Record<string, number>;

export function mixedOf(trace: TestTrace): void {
	const expected = besideJson<MixedExpected>(trace, "expected.json");
	const truth = truthLines(trace);
	let d: TestDataset;
	/** Trace clock minus CLOCK_MONOTONIC, ns: zero but for clocks with an offset of their own. */
	let offset = 0n;
	beforeAll(async () => {
		d = await datasetOf(trace);
		if (d.manifests[0]!.clock.name === "local") offset = BigInt(expected.clock_minus_mono_ns_from_marks[0]);
	});
	afterAll(() => d?.close());

	const counts = async (sql: string): Promise<Counts> =>
		Object.fromEntries((await d.rows(sql)).map((r) => [String(r.k), Number(r.n)]));
	const number = async (sql: string): Promise<number> => Number((await d.row(`SELECT (${sql}) AS n`)).n);
	const device = (column: string) => `(${column} >> 20) || ',' || (${column} & 1048575)`;

	describe("as expected.json has it", () => {
		it("window of the trace and of each CPU, records of each CPU", async () => {
			expect(await d.row("SELECT start_ts, end_ts FROM trace")).toEqual({
				start_ts: BigInt(expected.first_ts),
				end_ts: BigInt(expected.last_ts),
			});
			const own = (await d.rows("SELECT cpu, first_ts, last_ts, events FROM cpu ORDER BY cpu")).map((r) => [
				String(r.cpu),
				Number(r.first_ts),
				Number(r.last_ts),
				Number(r.events),
			]);
			expect(own).toEqual(
				Object.entries(expected.window_by_cpu).map(([cpu, [a, b]]) => [
					cpu,
					a,
					b,
					expected.events_by_cpu[cpu],
				]),
			);
		});

		it("switches by raw prev_state", async () => {
			expect(await counts("SELECT prev_state AS k, count(*) AS n FROM sched_switch GROUP BY k")).toEqual(
				expected.switch_prev_state_raw,
			);
		});

		it("the stack triggers of the recording: every kernel stack is that of its switch or request", async () => {
			// recorded with -R 'stacktrace if prev_state != 0' on sched_switch, in 6.12-4k-mixed on block_rq_issue too
			const stacks = expected.events_by_type.kernel_stack ?? 0;
			const own = await number(`SELECT (SELECT count(*) FROM sched_switch WHERE stack_id IS NOT NULL)
				+ (SELECT count(*) FROM block_rq_issue WHERE stack_id IS NOT NULL)`);
			expect(own).toBe(stacks);
			expect(
				await number("SELECT count(*) FROM sched_switch WHERE (prev_state <> 0) <> (stack_id IS NOT NULL)"),
			).toBe(stacks === 0 ? await number("SELECT count(*) FROM sched_switch WHERE prev_state <> 0") : 0);
		});

		it("time on a CPU by thread, to the nanosecond", async () => {
			// sums over the switches of a CPU: what follows the last switch does not count there
			const own =
				await counts(`SELECT CASE WHEN s.utid = 0 THEN 'idle' || s.cpu ELSE t.tid::VARCHAR END AS k, sum(s.dur) AS n
				FROM sched s JOIN thread t USING (trace, utid) WHERE NOT s.open_right GROUP BY k`);
			const theirs: Counts = {};
			for (const [key, ns] of Object.entries(expected.on_cpu_ns_by_tid)) {
				const tid = key.split(" ")[0]!;
				theirs[tid] = (theirs[tid] ?? 0) + ns;
			}
			expect(Object.fromEntries(Object.keys(theirs).map((k) => [k, own[k]]))).toEqual(theirs);
		});

		it("switches out by thread", async () => {
			const own = await counts(`SELECT t.tid || ' (' || w.prev_comm || ')' AS k, count(*) AS n
				FROM sched_switch w JOIN thread t USING (trace, utid) GROUP BY k`);
			const byTid = (c: Readonly<Counts>): Counts => {
				const out: Counts = {};
				for (const [k, n] of Object.entries(c)) out[k.split(" ")[0]!] = (out[k.split(" ")[0]!] ?? 0) + n;
				return out;
			};
			const theirs = byTid(expected.switches_out_by_tid);
			const all = byTid(own);
			expect(Object.fromEntries(Object.keys(theirs).map((k) => [k, all[k]]))).toEqual(theirs);
			const slices =
				await counts(`SELECT t.tid AS k, count(*) AS n FROM sched s JOIN thread t USING (trace, utid)
				WHERE NOT s.open_right GROUP BY k`);
			expect(Object.fromEntries(Object.keys(theirs).map((k) => [k, slices[k]]))).toEqual(theirs);
		});

		it("time on a CPU in each thread's own window, exactly; the thread's own clock within 5 ms", async () => {
			const windows = new Map<string, { start_ns: number; end_ns: number }>();
			for (const line of truth)
				for (const t of line.threads ?? [])
					windows.set(`${line.prog} ${line.phase ?? "seq"} ${t.tid} ${t.comm} ${t.cpu_ns}`, t);
			const wrong: unknown[] = [];
			let compared = 0;
			for (const e of expected.thread_truth_vs_trace) {
				const w = windows.get(`${e.prog} ${e.phase} ${e.tid} ${e.comm} ${e.cpu_ns_truth}`);
				if (w === undefined) throw new Error(`truth.jsonl has no window of ${e.prog} ${e.comm}`);
				const [a, b] = [BigInt(w.start_ns) + offset, BigInt(w.end_ns) + offset];
				const own = await number(`SELECT coalesce(sum(least(s.ts + s.dur, ${b}) - greatest(s.ts, ${a})), 0)
					FROM sched s JOIN thread t USING (trace, utid)
					WHERE t.tid = ${e.tid} AND s.ts < ${b} AND s.ts + s.dur > ${a}`);
				compared++;
				if (own !== e.on_cpu_ns_trace) wrong.push({ ...e, own });
				else if (Math.abs(own - e.cpu_ns_truth) > 5e6) wrong.push({ ...e, own });
			}
			expect(wrong).toEqual([]);
			expect(compared).toBeGreaterThan(50);
		});

		it("block requests and bytes by device, operation and event", async () => {
			const own =
				await d.rows(`SELECT ${device("dev")} || ' ' || rwbs || ' block_rq_issue' AS k, count(*) AS n, sum(bytes) AS bytes
					FROM block_rq_issue GROUP BY k
				UNION ALL SELECT ${device("dev")} || ' ' || rwbs || ' block_rq_complete', count(*), sum(nr_sector) * 512
					FROM block_rq_complete GROUP BY 1`);
			expect(Object.fromEntries(own.map((r) => [r.k, [Number(r.n), Number(r.bytes)]]))).toEqual(
				expected.block,
			);
		});

		it("requests and bytes of block_io by device and operation are those issued", async () => {
			const own =
				await d.rows(`SELECT ${device("dev")} || ' ' || op AS k, count(*) AS n, sum(bytes) AS bytes FROM block_io
				WHERE issued_ts IS NOT NULL AND merged_into IS NULL GROUP BY k`);
			const theirs: Record<string, [number, number]> = {};
			for (const [key, [n, bytes]] of Object.entries(expected.block)) {
				const [dev, rwbs, event] = key.split(" ") as [string, string, string];
				if (event !== "block_rq_issue") continue;
				// FF is a flush; F before another letter asks for a flush before the data
				const op = rwbs === "FF" ? "F" : rwbs.replace(/^F(?=[WRD])/, "")[0]!;
				const sum = theirs[`${dev} ${op}`] ?? [0, 0];
				theirs[`${dev} ${op}`] = [sum[0] + n, sum[1] + bytes];
			}
			expect(Object.fromEntries(own.map((r) => [r.k, [Number(r.n), Number(r.bytes)]]))).toEqual(theirs);
		});

		it("time from issue to completion by device, requests with data", async () => {
			const own =
				await d.rows(`SELECT ${device("dev")} AS k, count(*) AS n, sum(service_ns) AS ns, max(service_ns) AS most
				FROM block_io WHERE bytes > 0 AND service_ns IS NOT NULL AND merged_into IS NULL GROUP BY k`);
			expect(Object.fromEntries(own.map((r) => [r.k, [Number(r.n), Number(r.ns), Number(r.most)]]))).toEqual(
				expected.block_latency_ns_sum_by_dev,
			);
		});

		it("futex calls by address and operation", async () => {
			const own = await d.rows(`SELECT hex(uaddr) AS uaddr, op, count(*) AS n FROM (${futexCalls})
				WHERE uaddr IS NOT NULL GROUP BY ALL`);
			expect(
				Object.fromEntries(own.map((r) => [`${r.uaddr} op${futexOps[r.op as string]}`, Number(r.n)])),
			).toEqual(expected.futex_enter_by_uaddr_op);
		});

		it("futex calls by address, operation and result", async () => {
			const own: Counts = {};
			for (const r of await d.rows(
				`SELECT hex(uaddr) AS uaddr, op, ret FROM (${futexCalls}) WHERE ret IS NOT NULL AND uaddr IS NOT NULL`,
			)) {
				const key = `${r.uaddr} op${futexOps[r.op as string]}`;
				// a wait gives 0 or an error, which events of single calls show as a positive number on POWER8
				const waits = /^(LOCK|WAIT)/.test(r.op as string);
				const raw = waits && (r.ret as bigint) > 0n ? -(r.ret as bigint) : (r.ret as bigint);
				const k = `${key} ${raw < 0n ? raw : ">=0"}`;
				own[k] = (own[k] ?? 0) + 1;
			}
			const theirs: Counts = {};
			for (const [key, n] of Object.entries(expected.futex_exit_by_uaddr_op_ret)) {
				const k = key.replace(/ (\d+)$/, " >=0");
				theirs[k] = (theirs[k] ?? 0) + n;
			}
			expect(own).toEqual(theirs);
		});

		it("system calls entered, by number", async () => {
			const rows = await d.rows(
				"SELECT nr::VARCHAR AS nr, name, count(*) AS n FROM syscall WHERE args IS NOT NULL GROUP BY ALL",
			);
			const own: Counts = {};
			for (const key of Object.keys(expected.syscall_enter_by_nr)) {
				const name = eventNames[key] ?? key;
				own[key] = rows
					.filter((r) => (/^\d+$/.test(key) ? r.nr === key : r.name === name))
					.reduce((sum, r) => sum + Number(r.n), 0);
			}
			expect(own).toEqual(expected.syscall_enter_by_nr);
			const total = Object.values(expected.syscall_enter_by_nr).reduce((a, b) => a + b, 0);
			expect(rows.reduce((sum, r) => sum + Number(r.n), 0)).toBe(total);
		});

		it("failed system calls, by number and result", async (context) => {
			// per-syscall events on POWER8 show errors as positive numbers: expected.json has none then
			if (Object.keys(expected.syscall_errors_by_nr_ret).length === 0) return context.skip();
			const own =
				await counts(`SELECT CASE WHEN nr = 172 THEN 'rt_sigreturn' ELSE nr::VARCHAR END || ' ' || ret AS k, count(*) AS n
				FROM syscall WHERE ret BETWEEN -4095 AND -1 GROUP BY k`);
			// rt_sigreturn exits under the number of the call that the signal interrupted
			for (const [k, n] of Object.entries(own)) {
				if (!k.startsWith("rt_sigreturn ")) continue;
				const as = `248 ${k.split(" ")[1]}`;
				own[as] = (own[as] ?? 0) + n;
				delete own[k];
			}
			expect(own).toEqual(expected.syscall_errors_by_nr_ret);
			expect(
				await number(
					"SELECT count(*) FROM syscall WHERE error IS NULL AND ret BETWEEN -4095 AND -1 AND nr <> 172",
				),
			).toBe(0);
		});

		it("signals generated, renames, forks and exits", async () => {
			expect(await counts("SELECT sig AS k, count(*) AS n FROM signal_generate GROUP BY k")).toEqual(
				expected.signals_generated_by_number,
			);
			expect(await number("SELECT count(*) FROM task_rename")).toBe(expected.task_renames);
			expect(await number("SELECT count(*) FROM thread WHERE start_known")).toBe(
				expected.events_by_type.sched_process_fork,
			);
			expect(await number("SELECT count(*) FROM thread WHERE end_known")).toBe(
				expected.events_by_type.sched_process_exit,
			);
		});
	});

	describe("as the workloads counted", () => {
		const line = (
			prog: string,
			phase: "seq" | "parallel" = "seq",
			more: (l: TruthLine) => boolean = () => true,
		): TruthLine => {
			const found = truth.find((l) => l.prog === prog && (l.phase ?? "seq") === phase && more(l));
			if (found === undefined) throw new Error(`truth.jsonl has no ${prog} (${phase})`);
			return found;
		};
		/** utids of the threads that a workload lists, its main thread included. */
		const threadsOf = (l: TruthLine): string => {
			const tids = [
				l.pid,
				...(l.threads ?? []).map((t) => t.tid),
				...(l.child === undefined ? [] : [l.child]),
			];
			return `(SELECT utid FROM thread WHERE tid IN (${[...new Set(tids)].join(", ")}))`;
		};
		const byTid = (tid: number): string => `(SELECT utid FROM thread WHERE tid = ${tid})`;
		const address = (text: string): string => BigInt.asIntN(64, BigInt(text)).toString();
		const futex = (l: TruthLine, uaddr: string, more: string): Promise<number> =>
			number(
				`SELECT count(*) FROM (${futexCalls}) WHERE utid IN ${threadsOf(l)} AND uaddr = ${address(uaddr)} AND ${more}`,
			);
		const calls = (utids: string, name: string, more = "true"): Promise<number> =>
			number(`SELECT count(*) FROM syscall WHERE utid IN ${utids} AND name = '${name}' AND ${more}`);

		it("convoy: waits, wakes, threads woken and refused waits on the contended address", async () => {
			const l = line("pk_convoy");
			expect(await futex(l, l.uaddr, "op = 'WAIT'")).toBe(l.futex_wait_calls);
			expect(await futex(l, l.uaddr, "op = 'WAKE'")).toBe(l.futex_wake_calls);
			expect(await futex(l, l.uaddr, "op = 'WAIT' AND error = 'EAGAIN'")).toBe(l.futex_wait_eagain);
			expect(
				await number(
					`SELECT sum(woken) FROM futex_wake WHERE utid IN ${threadsOf(l)} AND uaddr = ${address(l.uaddr)}`,
				),
			).toBe(l.futex_woken);
		});

		it("convoy: waits and wakes by thread", async () => {
			const l = line("pk_convoy");
			for (const t of l.per_thread as {
				tid: number;
				wait_calls: number;
				wait_ok: number;
				wake_calls: number;
				woken: number;
			}[]) {
				const mine = `utid IN ${byTid(t.tid)} AND uaddr = ${address(l.uaddr)}`;
				expect({
					tid: t.tid,
					waits: await number(`SELECT count(*) FROM futex_wait WHERE ${mine}`),
					woke: await number(`SELECT count(*) FROM futex_wait WHERE ${mine} AND outcome = 'woken'`),
					wakes: await number(`SELECT count(*) FROM futex_wake WHERE ${mine}`),
					woken: await number(`SELECT coalesce(sum(woken), 0) FROM futex_wake WHERE ${mine}`),
				}).toEqual({ tid: t.tid, waits: t.wait_calls, woke: t.wait_ok, wakes: t.wake_calls, woken: t.woken });
			}
		});

		it("futexops: each operation and its outcome", async () => {
			const l = line("pk_futexops");
			expect(await futex(l, l.timeout.uaddr, "op = 'WAIT' AND error = 'ETIMEDOUT'")).toBe(
				l.timeout.etimedout,
			);
			expect(await futex(l, l.stale.uaddr, "op = 'WAIT' AND error = 'EAGAIN'")).toBe(l.stale.eagain);
			expect(await futex(l, l.bitset.uaddr, "op = 'WAIT_BITSET' AND error = 'ETIMEDOUT'")).toBe(
				l.bitset.etimedout,
			);
			expect(await futex(l, l.wake_nobody.uaddr, "op = 'WAKE' AND ret = 0")).toBe(l.wake_nobody.zero);
			expect(await futex(l, l.pi.uaddr, "op = 'LOCK_PI'")).toBe(l.pi.lock_pi_calls);
			expect(await futex(l, l.pi.uaddr, "op = 'UNLOCK_PI'")).toBe(l.pi.unlock_pi_calls);
			expect(
				await futex(l, l.requeue.uaddr, `op = 'CMP_REQUEUE' AND ret = ${l.requeue.cmp_requeue_ret}`),
			).toBe(1);
			expect(
				await number(
					`SELECT sum(woken) FROM futex_wake WHERE op = 'CMP_REQUEUE' AND utid IN ${threadsOf(l)}`,
				),
			).toBe(l.requeue.cmp_requeue_ret);
			expect(await futex(l, l.shared.uaddr, "op = 'WAKE' AND shared")).toBe(l.shared.wake_calls);
		});

		it("logwr: writes and fdatasyncs, alone and in parallel", async () => {
			for (const phase of ["seq", "parallel"] as const) {
				const l = line("pk_logwr", phase);
				expect(await calls(threadsOf(l), "fdatasync")).toBe(l.fdatasync_calls);
				expect(await calls(threadsOf(l), "write", `ret > 0 AND args[1] = ${l.fd}`)).toBe(l.write_calls);
				expect(
					await number(
						`SELECT sum(ret) FROM syscall WHERE utid IN ${threadsOf(l)} AND name = 'write' AND args[1] = ${l.fd}`,
					),
				).toBe(l.write_bytes);
			}
		});

		it("dio: calls, and requests queued to the device by the thread", async () => {
			const [major, minor] = [254, 32];
			for (const l of truth.filter((t) => t.prog === "pk_dio")) {
				expect(await calls(threadsOf(l), l.mode === "write" ? "pwrite64" : "pread64")).toBe(l.calls);
				const device = `dev = ${(major << 20) | minor} AND utid IN ${threadsOf(l)}`;
				expect(await number(`SELECT count(*) FROM block_bio_queue WHERE ${device}`)).toBe(l.calls);
				expect(
					await d.row(
						`SELECT count(*) AS n, sum(bytes)::BIGINT AS bytes FROM block_io WHERE ${device} AND merged_into IS NULL`,
					),
				).toEqual({ n: BigInt(l.calls), bytes: BigInt(l.bytes) });
			}
		});

		it("dio: the program saw its calls take no less time than the trace's system calls did", async () => {
			for (const l of truth.filter((t) => t.prog === "pk_dio")) {
				const ns = await number(
					`SELECT sum(dur) FROM syscall WHERE utid IN ${threadsOf(l)} AND name = '${l.mode === "write" ? "pwrite64" : "pread64"}'`,
				);
				expect(ns).toBeGreaterThan(0);
				expect(ns).toBeLessThanOrEqual(l.sum_ns);
			}
		});

		it("pipepp: reads and writes on the pipes of both threads", async () => {
			for (const phase of ["seq", "parallel"] as const) {
				const l = line("pk_pipepp", phase);
				for (const [tid, fds] of [
					[l.pid, l.fd_parent],
					[l.child, l.fd_child],
				] as [number, [number, number]][]) {
					const io = (name: string) =>
						calls(byTid(tid), name, `args[1] IN (${fds.join(", ")}) AND ret = ${l.bytes_each}`);
					expect([tid, await io("read"), await io("write")]).toEqual([tid, l.reads_each, l.writes_each]);
				}
			}
		});

		it("net: sends and receives by thread", async () => {
			const l = line("pk_net");
			for (const t of l.threads!) {
				const n = (family: string[]) =>
					number(
						`SELECT count(*) FROM syscall WHERE utid IN ${byTid(t.tid)} AND name IN (${family.map((f) => `'${f}'`).join(", ")}) AND ret > 0`,
					);
				expect([t.comm, await n(["send", "sendto"]), await n(["recv", "recvfrom"])]).toEqual([
					t.comm,
					l.count,
					l.count,
				]);
			}
		});

		it("errs: each failing call", async () => {
			const l = line("pk_errs");
			const failing: [string, string, number][] = [
				["openat", "ENOENT", l.openat_ENOENT],
				["read", "EAGAIN", l.read_EAGAIN],
				["close", "EBADF", l.close_EBADF],
				["wait4", "ECHILD", l.wait4_ECHILD],
				["write", "EFAULT", l.write_EFAULT],
				["getdents64", "ENOTDIR", l.getdents64_ENOTDIR],
			];
			// events of single calls, entered by sc, have the error as a positive number that nothing tells from a result
			const raw = d.manifests[0]!.eventCounts.sys_exit !== undefined;
			for (const [name, error, n] of failing) {
				const failed = raw ? `error = '${error}'` : `ret = ${constants.errno[error as "ENOENT"]}`;
				expect([name, error, await calls(threadsOf(l), name, failed)]).toEqual([name, error, n]);
			}
			// -514 ERESTARTNOHAND, -516 ERESTART_RESTARTBLOCK: what the kernel keeps to itself shows in the trace
			const interrupted = raw
				? "error IN ('EINTR', 'ERESTARTNOHAND', 'ERESTART_RESTARTBLOCK')"
				: "ret IN (4, 514, 516)";
			expect(await calls(threadsOf(l), "clock_nanosleep", interrupted)).toBe(l.nanosleep_EINTR);
		});

		it("aio: submits and waits", async () => {
			const l = line("pk_aio");
			expect(await calls(threadsOf(l), "io_submit")).toBe(l.aio.io_submit_calls);
			expect(await calls(threadsOf(l), "io_getevents")).toBe(l.aio.io_getevents_calls);
			expect(await calls(threadsOf(l), "io_uring_enter")).toBe(l.io_uring.io_uring_enter_calls);
		});

		it("sleeper: sleeps, timer reads and signals", async () => {
			const l = line("pk_sleeper");
			expect(await calls(threadsOf(l), "clock_nanosleep", "ret = 0 AND nr = 248")).toBe(l.nanosleep_calls);
			expect(
				await number(`SELECT count(*) FROM signal_deliver WHERE sig = 14 AND utid IN ${threadsOf(l)}`),
			).toBe(l.sigalrm);
		});

		it("poll: waits, those that found something, those that timed out", async () => {
			const l = line("pk_poll");
			const waiter = byTid(l.pid);
			for (const [name, t] of [
				["poll", l.poll],
				["epoll_wait", l.epoll_wait],
			] as const) {
				expect([name, await calls(waiter, name)]).toEqual([name, t.calls]);
				expect([name, await calls(waiter, name, "ret > 0")]).toEqual([name, t.ready_calls]);
				expect([name, await calls(waiter, name, "ret = 0")]).toEqual([name, t.timeouts]);
			}
			expect(await calls(waiter, "epoll_ctl")).toBe(l.epoll_ctl_calls);
		});

		it("forkstorm: the children, their end and their parent", async () => {
			const l = line("pk_forkstorm");
			const kids = `tid IN (${(l.kids as [number][]).map((k) => k[0]).join(", ")})`;
			expect(
				await d.row(`SELECT count(*) AS n, count(*) FILTER (end_known) AS ended, count(*) FILTER (parent_utid IN ${byTid(l.pid)}) AS of_parent
					FROM thread WHERE ${kids}`),
			).toEqual({ n: BigInt(l.forks), ended: BigInt(l.forks), of_parent: BigInt(l.forks) });
		});

		it("tidreuse: one thread number, three lives, each with its own name, calls and time", async () => {
			const l = line("pk_tidreuse");
			const lives = await d.rows(`SELECT t.name, t.first_ts, t.last_ts, t.start_known, t.end_known,
					(SELECT count(*) FROM syscall s WHERE s.utid = t.utid AND s.name = 'write' AND s.ret = 10) AS writes
				FROM thread t WHERE t.tid = ${l.tid} ORDER BY t.first_ts`);
			expect(lives.map((r) => [r.name, Number(r.writes), r.start_known, r.end_known])).toEqual(
				(l.life as { comm: string; writes: number }[]).map((g) => [g.comm, g.writes, true, true]),
			);
			for (const [i, g] of (l.life as { from_ns: number; to_ns: number }[]).entries()) {
				expect(lives[i]!.first_ts as bigint).toBeGreaterThanOrEqual(BigInt(g.from_ns) + offset);
				expect(lives[i]!.first_ts as bigint).toBeLessThanOrEqual(BigInt(g.to_ns) + offset);
			}
		});

		it("hog: the FIFO thread is never behind another of its CPU for longer than its own bursts", async () => {
			const l = line("pk_hog");
			const fifo = l.threads!.find((t) => t.comm.startsWith("hog-fifo"))!;
			const { prio } = await d.row(`SELECT min(prio) AS prio FROM sched WHERE utid IN ${byTid(fifo.tid)}`);
			// user priority 20 of SCHED_FIFO is kernel priority 99 - 20
			expect(prio).toBe(99 - l.fifo_prio);
			expect(
				await number(
					`SELECT count(DISTINCT cpu) FROM sched WHERE prio = ${prio} AND utid IN ${byTid(fifo.tid)}`,
				),
			).toBe(1);
		});
	});
}
