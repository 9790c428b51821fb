-- Slices where switches were recorded for single threads: all of these tell when they leave a CPU, but another that
-- comes there tells nothing. A slice begins with a record of a thread on a CPU whose thread is not known (since when it
-- runs is unknown then), or with the switch that brings a thread which has shown itself before. It ends with the thread's
-- switch, or its last record before it ended. Between, the CPU is unknown. A record up to 50 us behind its thread's switch
-- was written while that went on. `record`: every event of a thread with its CPU.
WITH shown AS (
	SELECT trace, utid, min(ts) AS ts FROM record WHERE utid > 0 GROUP BY ALL),
switch AS (
	SELECT w.trace, w.cpu, w.ts, w.utid, w.prev_prio,
		CASE WHEN s.ts < w.ts THEN s.utid END AS next, CASE WHEN s.ts < w.ts THEN w.next_prio END AS next_prio,
		state_letter(w.prev_state, false) AS letter
	FROM (SELECT * FROM sched_switch WHERE trace IN (SELECT trace FROM record)) w
	ASOF LEFT JOIN life l ON l.trace = w.trace AND l.tid = w.next_pid AND l.first_ts <= w.ts
	LEFT JOIN shown s ON s.trace = w.trace AND s.utid = l.utid),
-- what: 1 a thread shows itself, 2 it leaves by a switch, 3 it has ended
seen AS (
	SELECT r.trace, r.cpu, r.ts, 1 AS what, r.utid, r.utid AS current, NULL AS letter, NULL AS prev_prio, NULL AS prio
	FROM record r ASOF LEFT JOIN switch w ON w.trace = r.trace AND w.cpu = r.cpu AND w.ts < r.ts
	WHERE NOT coalesce(w.utid = r.utid AND w.next IS DISTINCT FROM r.utid AND r.ts - w.ts <= 50000, false)
	UNION ALL SELECT trace, cpu, ts, 1, utid, utid, NULL, NULL, NULL FROM switch
	UNION ALL SELECT trace, cpu, ts, 2, utid, next, letter, prev_prio, next_prio FROM switch
	UNION ALL
	SELECT t.trace, arg_max(r.cpu, r.ts), any_value(t.last_ts), 3, t.utid, NULL, NULL, NULL, NULL
	FROM thread t JOIN record r USING (trace, utid) WHERE t.end_known GROUP BY t.trace, t.utid),
ordered AS (
	SELECT *, lag(current) OVER w AS before, row_number() OVER w AS k
	FROM seen WINDOW w AS (PARTITION BY trace, cpu ORDER BY ts, what)),
-- the last edge is the CPU's last record
edge AS (
	SELECT trace, cpu, ts, k, what, utid, current, letter, prev_prio, prio, before FROM ordered
	WHERE k = 1 OR what = 2 OR what = 3 OR before IS DISTINCT FROM utid
	UNION ALL SELECT trace, cpu, last_ts, NULL, 4, NULL, NULL, NULL, NULL, NULL, NULL FROM cpu
	WHERE first_ts IS NOT NULL AND trace IN (SELECT trace FROM record)),
slice AS (
	SELECT *, lead(ts) OVER w AS till, lead(what) OVER w AS ended, lead(letter) OVER w AS end_state,
		lead(utid) OVER w AS left_by, lead(prev_prio) OVER w AS left_prio
	FROM edge WINDOW w AS (PARTITION BY trace, cpu ORDER BY ts, k NULLS LAST))
SELECT trace, ts, till - ts AS dur, cpu, CASE WHEN ended = 1 AND left_by <> current THEN NULL ELSE current END AS utid,
	end_state, CASE WHEN what = 2 THEN prio WHEN ended = 2 THEN left_prio END AS prio,
	what <> 2 AS open_left, ended <> 2 AS open_right
FROM slice WHERE what < 4
-- of a CPU whose thread is not known nothing is told at an instant
AND NOT (current IS NULL AND till = ts AND ended <> 2)
