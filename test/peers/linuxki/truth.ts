/**
 * What the workload of an archive counted itself (truth.json), as queries over the tables. Each part of the workload
 * begins with a prctl that names the main thread: its calls lie between one and the next, whatever the trace's clock.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collected, openDataset, type TestDataset } from "../../support/dataset.ts";
import type { TestTrace } from "../../support/traces.ts";
import { type Named, truthOf } from "./actors.ts";

/** Loopback addresses and ports are told by LinuxKI's own records only. */
export function workloadOf(trace: TestTrace, addresses: boolean): void {
	const truth = truthOf(trace);
	const of = <K extends string>(actor: K) => truth.filter((a): a is Named<K> => a.actor === actor);
	let d: TestDataset;
	beforeAll(async () => {
		d = await openDataset(await collected(trace));
	});
	afterAll(() => d?.close());

	/** Calls of a thread between the prctl that names it `comm` and the next; utid and ts by tid. */
	async function part(tid: number, which: number): Promise<string> {
		const marks = await d.rows(`SELECT s.ts FROM syscall s JOIN thread t USING (utid)
			WHERE t.tid = ${tid} AND s.name = 'prctl' ORDER BY s.ts`);
		const from = marks[which]!.ts as bigint;
		const to = marks[which + 1]!.ts as bigint;
		return `t.tid = ${tid} AND s.ts > ${from} AND s.ts < ${to}`;
	}
	const number = async (sql: string): Promise<number> => Number((await d.row(`SELECT (${sql}) AS n`)).n);
	const calls = (where: string, table = "syscall") =>
		`SELECT count(*) FROM ${table} s JOIN thread t USING (utid) WHERE ${where}`;

	describe.each(of("misc"))("misc", (a) => {
		it("calls and errors", async () => {
			const own = await part(a.tid, 0);
			const seen = {
				nanosleep_alpha: await number(calls(`${own} AND s.name IN ('nanosleep', 'clock_nanosleep')`)),
				open_ENOENT: await number(calls(`${own} AND s.name = 'openat' AND s.error = 'ENOENT'`)),
				close_EBADF: await number(calls(`${own} AND s.name = 'close' AND s.error = 'EBADF'`)),
				recv_EAGAIN: await number(calls(`${own} AND s.name IN ('recv', 'recvfrom') AND s.error = 'EAGAIN'`)),
				poll_timeout: await number(calls(`${own} AND s.name = 'poll' AND s.ret = 0`)),
				epoll_timeout: await number(calls(`${own} AND s.name = 'epoll_wait' AND s.ret = 0`)),
				fork_exec: await number(calls(`${own} AND s.name IN ('clone', 'fork') AND s.ret > 0`)),
			};
			expect(seen).toEqual({
				nanosleep_alpha: a.nanosleep_alpha,
				open_ENOENT: a.open_ENOENT,
				close_EBADF: a.close_EBADF,
				recv_EAGAIN: a.recv_EAGAIN,
				poll_timeout: a.poll_timeout,
				epoll_timeout: a.epoll_timeout,
				fork_exec: a.fork_exec,
			});
		});
		it("its children are threads of their own, in the module's records processes of their own", async () => {
			const children = await d.rows(`SELECT t.tid, t.tgid FROM thread t WHERE t.name = 'true'`);
			expect(children.length).toBe(a.fork_exec);
			if (addresses) for (const c of children) expect(c.tgid).toBe(c.tid);
		});
	});

	describe.each(of("log"))("log", (a) => {
		const which = of("misc").some((m) => m.tid === a.tid) ? 1 : 0;
		it("writes and syncs of the file by descriptor: calls, bytes, time", async () => {
			const own = `${await part(a.tid, which)} AND s.fd = ${a.fd}`;
			const row = await d.row(`SELECT
				count(*) FILTER (s.op = 'write') AS writes, sum(s.bytes) FILTER (s.op = 'write') AS bytes,
				count(*) FILTER (s.op = 'sync') AS syncs, sum(s.dur) FILTER (s.op = 'sync') AS sync_ns,
				max(s.dur) FILTER (s.op = 'sync') AS sync_max
				FROM file_io s JOIN thread t USING (utid) WHERE ${own}`);
			expect([Number(row.writes), Number(row.bytes), Number(row.syncs)]).toEqual([
				a.write,
				a.bytes,
				a.fdatasync,
			]);
			// the program's clock is read outside the call
			expect(Number(row.sync_ns)).toBeLessThanOrEqual(a.fdatasync_ns);
			expect(Number(row.sync_max)).toBeLessThanOrEqual(a.fdatasync_max_ns);
			expect(Number(row.sync_ns)).toBeGreaterThan(0.8 * a.fdatasync_ns);
		});
		it.skipIf(!addresses)("the file has its name, and no other call of the descriptor has", async () => {
			const rows = await d.rows(`SELECT DISTINCT f.path FROM file_io s JOIN thread t USING (utid)
				LEFT JOIN file f USING (file_id) WHERE ${await part(a.tid, which)} AND s.fd = ${a.fd} AND s.op <> 'open'`);
			expect(rows.map((r) => r.path)).toEqual([a.file]);
		});
	});

	describe.each(of("dread"))("dread", (a) => {
		const which = of("misc").some((m) => m.tid === a.tid) ? 2 : 1;
		it("direct reads: calls, bytes, name", async () => {
			const row = await d.row(`SELECT count(*) AS reads, sum(s.bytes) AS bytes, list(DISTINCT f.path) AS paths
				FROM file_io s JOIN thread t USING (utid) LEFT JOIN file f USING (file_id)
				WHERE ${await part(a.tid, which)} AND s.fd = ${a.fd} AND s.syscall = 'pread64'`);
			expect([Number(row.reads), Number(row.bytes)]).toEqual([a.pread, a.bytes]);
			if (addresses) expect(row.paths).toEqual([a.dev]);
		});
	});

	describe.each(of("convoy"))("convoy $comm", (a) => {
		it("waits and wakes on its word", async () => {
			const uaddr = BigInt.asIntN(64, BigInt(a.uaddr));
			const own = `t.tid = ${a.tid} AND s.uaddr = ${uaddr}`;
			const wait =
				await d.row(`SELECT count(*) AS n, count(*) FILTER (s.outcome = 'EAGAIN') AS eagain, max(s.dur) AS max
				FROM futex_wait s JOIN thread t USING (utid) WHERE ${own}`);
			const wake = await d.row(`SELECT count(*) AS n, coalesce(sum(s.woken), 0) AS woken
				FROM futex_wake s JOIN thread t USING (utid) WHERE ${own}`);
			expect([Number(wait.n), Number(wait.eagain), Number(wake.n), Number(wake.woken)]).toEqual([
				a.wait_calls,
				a.wait_eagain,
				a.wake_calls,
				a.woken,
			]);
			expect(Number(wait.max ?? 0)).toBeLessThanOrEqual(a.max_wait_ns);
		});
	});

	describe.each([...of("tcp"), ...of("udp"), ...of("unix")])("$actor", (a) => {
		it("messages and bytes of both ends", async () => {
			const end = async (tid: number, fd: number, op: string) => {
				const row = await d.row(`SELECT count(*) AS calls, sum(s.bytes) AS bytes
					FROM socket_io s JOIN thread t USING (utid) WHERE t.tid = ${tid} AND s.fd = ${fd} AND s.op = '${op}'`);
				return [Number(row.calls), Number(row.bytes)];
			};
			expect(await end(a.w_tid, a.w_fd, "send")).toEqual([a.sends, a.sent]);
			expect(await end(a.r_tid, a.r_fd, "recv")).toEqual([a.recvs, a.recvd]);
		});
		it.skipIf(!addresses)(
			"both ends by address; nothing of another socket with the same descriptor",
			async () => {
				const pairs = async (tid: number, fd: number) =>
					(
						await d.rows(`SELECT DISTINCT k.family, k.local_port, k.remote_port FROM socket_io s
						JOIN thread t USING (utid) LEFT JOIN socket k USING (socket_id)
						WHERE t.tid = ${tid} AND s.fd = ${fd} AND s.bytes > 0`)
					).map((r) => [r.family, r.local_port, r.remote_port]);
				const writer = await pairs(a.w_tid, a.w_fd);
				const reader = await pairs(a.r_tid, a.r_fd);
				if (a.actor === "tcp") {
					expect(writer).toEqual([["inet", a.w_port, a.r_port]]);
					expect(reader).toEqual([["inet", a.r_port, a.w_port]]);
				} else if (a.actor === "udp") {
					for (const [family, local] of writer) expect([family, local]).toEqual(["inet", a.w_port]);
					// the reader is not connected and passes no buffer for the address: the recorder tells nothing of it
					for (const [family] of reader) expect(["inet", null]).toContain(family);
				} else {
					expect(writer).toEqual([["unix", null, null]]);
					expect(reader).toEqual([["unix", null, null]]);
				}
			},
		);
	});

	describe.each(of("spin"))("spin $comm", (a) => {
		it("CPU time by switches is the thread's own, and little more", async () => {
			const ns = await number(
				`SELECT sum(s.dur) FROM sched s JOIN thread t USING (utid) WHERE t.tid = ${a.tid}`,
			);
			// kiinfo's RunTime is the same sum to the µs, also where it is below what the thread's own clock counted
			expect(ns).toBeGreaterThan(0.98 * a.cpu_ns);
			expect(ns).toBeLessThan(1.1 * a.cpu_ns + 60e6);
		});
		it("is named", async () => {
			expect((await d.row(`SELECT name FROM thread WHERE tid = ${a.tid}`)).name).toBe(a.comm);
		});
	});

	describe.each(of("fifo"))("fifo", (a) => {
		it("sleeps", async () => {
			expect(await number(calls(`t.tid = ${a.tid} AND s.name IN ('nanosleep', 'clock_nanosleep')`))).toBe(
				a.nanosleeps,
			);
		});
	});
}
