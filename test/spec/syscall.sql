-- A call: sys_enter to the next sys_exit of the same thread. The numbers agree but for rt_sigreturn, which exits as the
-- call that the signal interrupted. A created thread's first exit (of clone, fork, vfork, clone3: 0) has no enter and is
-- no call. exit and exit_group end when the dead thread leaves its CPU, or with its last sign where that switch is not
-- recorded. A call that was open when the trace began is seen by its exit alone, and so is one whose number the kernel
-- does not have. One whose exit was not recorded (perf switches its events on one after another) is open until the next
-- enter; where no exits were recorded, how long calls last is unknown.
WITH machine AS (
	SELECT trace, CASE machine WHEN 'x86_64' THEN [56, 57, 58, 435] ELSE [2, 120, 189, 435] END AS clones,
		CASE machine WHEN 'x86_64' THEN 219 ELSE 0 END AS restart
	FROM trace),
event AS (
	SELECT trace, utid, ts, cpu, id, args, NULL::BIGINT AS ret, true AS enters FROM sys_enter
	UNION ALL SELECT trace, utid, ts, cpu, id, NULL, ret, false FROM sys_exit),
ordered AS (
	SELECT *, lead(ts) OVER w AS next_ts, lead(id) OVER w AS next_id, lead(ret) OVER w AS next_ret, lead(enters) OVER w AS next_enters,
		row_number() OVER w AS k, lag(enters) OVER w AS last_enters
	FROM event WINDOW w AS (PARTITION BY trace, utid ORDER BY ts, enters)),
death AS (
	SELECT trace, utid, min(ts) AS ts FROM sched_switch
	WHERE state_letter(prev_state, trace IN (FROM raw_state)) IN ('X', 'Z') GROUP BY ALL),
call AS (
	SELECT o.trace, o.utid, o.ts, o.cpu, o.id AS nr, o.args,
		coalesce(o.next_ts, d.ts, CASE WHEN t.end_known AND t.last_ts < w.end_ts THEN t.last_ts END, w.end_ts) AS till, o.next_ret AS ret, false AS open_left,
		coalesce(o.next_enters, d.ts IS NULL AND NOT (t.end_known AND t.last_ts < w.end_ts)) AS open_right
	FROM ordered o JOIN trace w USING (trace) JOIN thread t ON t.trace = o.trace AND t.utid = o.utid LEFT JOIN death d ON d.trace = o.trace AND d.utid = o.utid
	WHERE enters
	UNION ALL
	SELECT o.trace, o.utid, CASE WHEN k = 1 THEN w.start_ts ELSE o.ts END, o.cpu, o.id, NULL, o.ts, o.ret, true, false
	FROM ordered o JOIN machine m USING (trace) JOIN trace w USING (trace)
	WHERE NOT enters AND last_enters IS DISTINCT FROM true AND NOT (k = 1 AND o.ret = 0 AND list_contains(m.clones, o.id)))
SELECT c.trace, c.ts, CASE WHEN w.clock_unit = 'ns' AND c.trace IN (SELECT trace FROM sys_exit) THEN c.till - c.ts END AS dur,
	c.cpu, c.utid, c.nr, c.args, c.ret, c.nr = m.restart AS restarts, c.open_left,
	c.open_right OR c.trace NOT IN (SELECT trace FROM sys_exit) AS open_right
FROM call c JOIN trace w USING (trace) JOIN machine m USING (trace)
