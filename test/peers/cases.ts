/**
 * The planted cases: numbers that a script counted from trace-cmd's text within the window of the load, as queries
 * over our tables by the same rules (test/traces/README.md).
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { datasetOf, type TestDataset } from "../support/dataset.ts";
import { besideJson, hasBeside, type TestTrace } from "../support/traces.ts";
import type { CaseExpected } from "./expected.ts";

/** Files whose window_mono_ns is the load's; the first that fits counts. */
const truthFiles = ["truth.json", "truth.json.client", "truth.json.producer", "truth.json.0"];

/** expected.json has ms with three digits. */
const ROUNDING = 0.00051;

export function isCase(trace: TestTrace): boolean {
	return hasBeside(trace, "expected.json") && "window_s" in besideJson<object>(trace, "expected.json");
}

export function caseOf(trace: TestTrace): void {
	const expected = besideJson<CaseExpected>(trace, "expected.json");
	let d: TestDataset;
	let a: bigint;
	let b: bigint;
	beforeAll(async () => {
		d = await datasetOf(trace);
		const { start_ts, end_ts } = (await d.row("SELECT start_ts, end_ts FROM trace")) as Record<
			string,
			bigint
		>;
		[a, b] = window(start_ts!, end_ts!);
	});
	afterAll(() => d?.close());

	/** The window in ns: seconds in expected.json lost digits. */
	function window(start: bigint, end: bigint): [bigint, bigint] {
		for (const file of truthFiles) {
			if (!hasBeside(trace, file)) continue;
			const w = besideJson<{ window_mono_ns?: [number, number] }>(trace, file).window_mono_ns;
			if (w === undefined || w[0] === 0) continue;
			const [from, to] = [BigInt(w[0]), BigInt(w[1])];
			if (from >= start - 1_000_000_000n && from <= end)
				return [from > start ? from : start, to < end ? to : end];
		}
		return [BigInt(Math.round(expected.window_s[0] * 1e9)), BigInt(Math.round(expected.window_s[1] * 1e9))];
	}
	const clip = (from: string, to: string): string =>
		`sum(least(${to}, ${b}) - greatest(${from}, ${a}))::DOUBLE / 1e6`;
	const inWindow = (from: string, to: string): string => `${from} < ${b} AND ${to} > ${a}`;
	const began = (ts: string): string => `${ts} BETWEEN ${a} AND ${b}`;
	const near = (own: unknown, theirs: number): boolean => Math.abs(Number(own ?? 0) - theirs) <= ROUNDING;

	it("CPU time, switches and migrations of the busiest threads", async () => {
		const wrong: unknown[] = [];
		for (const t of expected.threads) {
			const mine = `utid IN (SELECT utid FROM thread WHERE tid = ${t.tid})`;
			const own = await d.row(`SELECT
				(SELECT ${clip("ts", "ts + dur")} FROM sched WHERE ${mine} AND NOT open_left AND ${inWindow("ts", "ts + dur")}) AS cpu_ms,
				(SELECT count(*) FROM sched WHERE ${mine} AND end_state IS NOT NULL AND ${began("ts + dur")}) AS switches,
				(SELECT count(*) FROM sched WHERE ${mine} AND end_state NOT IN ('R', 'R+') AND ${began("ts + dur")}) AS vol,
				(SELECT count(*) FROM sched_migrate_task WHERE pid = ${t.tid} AND ${began("ts")}) AS migr`);
			if (
				!near(own.cpu_ms, t.cpu_ms) ||
				Number(own.switches) !== t.switches ||
				Number(own.vol) !== t.vol ||
				Number(own.migr) !== t.migr
			)
				wrong.push({ theirs: t, own });
		}
		expect(wrong).toEqual([]);
	});

	it("sleep, disk wait and run-queue wait of the busiest threads", async () => {
		// The script knows a thread from its first switch out, ends a wait at the last sched_waking before the thread
		// runs, and lets a dead thread sleep to the end of the window. A waking that came while the thread still ran it
		// drops, so that what is runnable time by the definition of thread_state is a part of the sleep for it.
		const wrong: unknown[] = [];
		for (const t of expected.threads) {
			const of = `utid IN (SELECT utid FROM thread WHERE tid = ${t.tid})`;
			const mine = `${of} AND ${inWindow("ts", "ts + dur")}`;
			const own =
				await d.row(`WITH left_first AS (SELECT min(ts + dur) AS t FROM sched WHERE ${of} AND end_state IS NOT NULL)
				SELECT
				(SELECT ${clip("ts", "ts + dur")} FROM (SELECT ts, CASE state WHEN 'dead' THEN ${b} - ts ELSE dur END AS dur FROM thread_state
					WHERE ${of} AND state IN ('sleeping', 'idle', 'parked', 'stopped', 'traced', 'dead')) WHERE ${inWindow("ts", "ts + dur")}) AS sleep_ms,
				(SELECT ${clip("ts", "ts + dur")} FROM thread_state WHERE ${mine} AND state = 'disk') AS dsleep_ms,
				(SELECT ${clip("ts", "ts + dur")} FROM thread_state, left_first WHERE ${mine} AND state = 'runnable' AND NOT open_right AND ts >= t) AS runq_ms,
				(SELECT coalesce(${clip("ts", "ts + dur")}, 0) FROM thread_state, left_first WHERE ${mine} AND state = 'runnable' AND NOT open_right AND ts >= t AND waking_ts < ts) AS dropped_ms`);
			const rest = Number(own.runq_ms ?? 0) - Number(own.dropped_ms);
			const sum = (x: Record<"sleep_ms" | "dsleep_ms" | "runq_ms", unknown>): number =>
				Number(x.sleep_ms ?? 0) + Number(x.dsleep_ms ?? 0) + Number(x.runq_ms ?? 0);
			if (Number(own.dropped_ms) > 0) {
				if (!near(rest, t.runq_ms) || Math.abs(sum(own as never) - sum(t)) > 3 * ROUNDING)
					wrong.push({ tid: t.tid, comm: t.comm, theirs: t, own });
				continue;
			}
			for (const k of ["sleep_ms", "dsleep_ms", "runq_ms"] as const)
				if (!near(own[k], t[k])) wrong.push({ tid: t.tid, comm: t.comm, what: k, theirs: t[k], own: own[k] });
		}
		expect(wrong).toEqual([]);
	});

	it("futex calls by address", async () => {
		const wrong: unknown[] = [];
		for (const [uaddr, f] of Object.entries(expected.futex)) {
			const at = `uaddr = ${BigInt.asIntN(64, BigInt(uaddr))} AND ${began("ts")} AND NOT open_left`;
			const waits = `FROM futex_wait WHERE op IN ('WAIT', 'WAIT_BITSET') AND ${at}`;
			const own = await d.row(`SELECT
				(SELECT count(*) ${waits}) AS wait,
				(SELECT count(*) ${waits} AND ret = 0) AS ret0,
				(SELECT count(*) ${waits} AND outcome = 'EAGAIN') AS eagain,
				(SELECT count(*) ${waits} AND outcome = 'ETIMEDOUT') AS etimedout,
				(SELECT ${clip("ts", "ts + dur")} ${waits} AND NOT open_right) AS wait_ms,
				(SELECT count(*) FROM futex_wake WHERE op IN ('WAKE', 'WAKE_BITSET') AND ${at}) AS wake,
				(SELECT coalesce(sum(woken), 0) FROM futex_wake WHERE op IN ('WAKE', 'WAKE_BITSET') AND ${at}) AS woken,
				(SELECT count(DISTINCT utid) FROM (SELECT utid, op, uaddr, ts, open_left FROM futex_wait WHERE op IN ('WAIT', 'WAIT_BITSET')
					UNION ALL SELECT utid, op, uaddr, ts, open_left FROM futex_wake WHERE op IN ('WAKE', 'WAKE_BITSET')) WHERE ${at}) AS tids`);
			for (const k of ["wait", "ret0", "eagain", "etimedout", "wake", "woken", "tids"] as const)
				if (Number(own[k]) !== f[k]) wrong.push({ uaddr, what: k, theirs: f[k], own: own[k] });
			if (!near(own.wait_ms, f.wait_ms))
				wrong.push({ uaddr, what: "wait_ms", theirs: f.wait_ms, own: own.wait_ms });
		}
		expect(wrong).toEqual([]);
	});

	it("system calls by thread name and number", async (context) => {
		// a name that a thread had only for a time cannot be told from the table of calls
		const own = await d.rows(`SELECT t.name, s.nr, count(*) AS n, ${clip("s.ts", "s.ts + s.dur")} AS ms,
				count(*) FILTER (ret BETWEEN -4095 AND -1) AS failed
			FROM syscall s JOIN thread t USING (trace, utid)
			WHERE NOT s.open_left AND NOT s.open_right AND s.nr NOT IN (1, 234) AND ${began("s.ts")}
			AND s.utid NOT IN (SELECT utid FROM thread_name WHERE ts > ${a}) GROUP BY ALL`);
		const wrong: unknown[] = [];
		let compared = 0;
		const renamed = new Set(
			(
				await d.rows(
					`SELECT DISTINCT name FROM thread_name WHERE utid IN (SELECT utid FROM thread_name WHERE ts > ${a})`,
				)
			).map((r) => r.name),
		);
		for (const s of expected.syscalls) {
			if (renamed.has(s.comm)) continue;
			const r = own.find((o) => o.name === s.comm && o.nr === s.nr);
			const failed = Object.values(s.errors).reduce((x, y) => x + y, 0);
			compared++;
			if (Number(r?.n ?? 0) !== s.n || !near(r?.ms, s.ms) || Number(r?.failed ?? 0) !== failed)
				wrong.push({ theirs: s, own: r });
		}
		expect(wrong).toEqual([]);
		if (compared === 0) context.skip();
	});

	it("block requests by device", async (context) => {
		if (Object.keys(expected.block).length === 0) return context.skip();
		const wrong: unknown[] = [];
		for (const [name, e] of Object.entries(expected.block)) {
			const [major, minor] = name.split(":").map(Number) as [number, number];
			const dev = `dev = ${major * 1048576 + minor}`;
			const own = await d.row(`SELECT
				(SELECT count(*) FROM block_rq_insert WHERE ${dev} AND ${began("ts")}) AS "insert",
				(SELECT count(*) FROM block_io WHERE ${dev} AND merged_into IS NULL AND ${began("issued_ts")}) AS issue,
				(SELECT coalesce(sum(bytes), 0) FROM block_io WHERE ${dev} AND merged_into IS NULL AND ${began("issued_ts")}) AS bytes,
				(SELECT count(*) FROM block_io WHERE ${dev} AND merged_into IS NULL AND op = 'W' AND ${began("issued_ts")}) AS writes,
				(SELECT avg(service_ns) / 1e6 FROM block_io WHERE ${dev} AND bytes > 0 AND merged_into IS NULL AND ${began("completed_ts")}) AS d2c_mean_ms`);
			for (const k of ["insert", "issue", "bytes", "writes"] as const)
				if (Number(own[k]) !== e[k]) wrong.push({ name, what: k, theirs: e[k], own: own[k] });
			if (e.d2c_mean_ms !== null && !near(own.d2c_mean_ms, e.d2c_mean_ms))
				wrong.push({ name, what: "d2c_mean_ms", theirs: e.d2c_mean_ms, own: own.d2c_mean_ms });
		}
		expect(wrong).toEqual([]);
	});

	it("interrupts and softirqs by CPU", async () => {
		const rows =
			await d.rows(`SELECT 'cpu' || cpu || ' ' || name AS k, count(*) AS n, sum(dur)::DOUBLE / 1e6 AS ms FROM irq
				WHERE kind = 'handler' AND NOT open_left AND NOT open_right AND ${began("ts")} GROUP BY k
			UNION ALL SELECT 'cpu' || cpu || ' vec' || vec, count(*), sum(dur)::DOUBLE / 1e6 FROM softirq
				WHERE NOT open_left AND NOT open_right AND ${began("ts")} GROUP BY 1`);
		const own = Object.fromEntries(
			rows.map((r) => [r.k, [Number(r.n), Math.round(Number(r.ms) * 1000) / 1000]]),
		);
		expect(own).toEqual({ ...expected.irq, ...expected.softirq });
	});

	it("lock contention", async (context) => {
		if (expected.contention === undefined) return context.skip();
		const flags = await d.rows(
			`SELECT flags::VARCHAR AS k, count(*) AS n FROM contention_begin WHERE ${began("ts")} GROUP BY k`,
		);
		expect(Object.fromEntries(flags.map((r) => [r.k, Number(r.n)]))).toEqual(
			expected.contention.begin_by_flags,
		);
		const { ms } = await d.row(`WITH e AS (
				SELECT utid, ts, true AS begins FROM contention_begin UNION ALL SELECT utid, ts, false FROM contention_end),
			o AS (SELECT *, lag(ts) OVER w AS before, lag(begins) OVER w AS was FROM e WINDOW w AS (PARTITION BY utid ORDER BY ts))
			SELECT sum(ts - before)::DOUBLE / 1e6 AS ms FROM o WHERE NOT begins AND was AND ${began("ts")}`);
		expect(near(ms, expected.contention.ms), `${ms} ms, expected ${expected.contention.ms}`).toBe(true);
	});
}
