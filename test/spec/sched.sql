-- A slice: from a switch on a CPU to the next. The first is that of the thread current in the CPU's first record;
-- after a loss nobody is known until the next switch. A thread that another switch contradicts was not known either.
-- Where PERF_RECORD_SWITCH_CPU_WIDE tells the switches (switch_record), the record of the leaving thread is the switch;
-- that of the coming one only where the leaving was not recorded before it. It tells no state, but that the thread could
-- have run on; a thread that has ended has no number (-1), but is the one that ran there.
WITH told AS (
	SELECT *, lag(leaves AND other = tid_now) OVER (PARTITION BY trace, cpu ORDER BY pos) AS known
	FROM (SELECT *, lead(tid) OVER (PARTITION BY trace, cpu ORDER BY pos) AS tid_now FROM switch_record)),
record AS (
	SELECT r.trace, r.cpu, r.ts, r.pos, r.leaves, r.preempted,
		CASE WHEN r.tid <= 0 THEN r.tid ELSE a.utid END AS own, CASE WHEN r.other = 0 THEN 0 ELSE b.utid END AS other
	FROM told r ASOF LEFT JOIN life a ON a.trace = r.trace AND a.tid = r.tid AND a.first_ts <= r.ts
	ASOF LEFT JOIN life b ON b.trace = r.trace AND b.tid = r.other AND b.first_ts <= r.ts
	WHERE r.leaves OR r.known IS DISTINCT FROM true),
switch AS (
	SELECT trace, cpu, ts, CASE WHEN leaves THEN own END AS prev, NULL AS prev_prio, NULL AS next_prio, pos,
		CASE WHEN leaves THEN other ELSE own END AS next,
		CASE WHEN leaves AND preempted AND own >= 0 THEN CASE WHEN own = 0 THEN 'R' ELSE 'R+' END END AS letter
	FROM record
	UNION ALL
	SELECT w.trace, w.cpu, w.ts, w.utid AS prev, w.prev_prio, w.next_prio, w.pos,
		CASE WHEN w.next_pid = 0 THEN 0 ELSE l.utid END AS next,
		state_letter(w.prev_state, w.trace IN (FROM raw_state)) AS letter
	FROM (SELECT *, row_number() OVER () AS pos FROM sched_switch) w
	ASOF LEFT JOIN life l ON l.trace = w.trace AND l.tid = w.next_pid AND l.first_ts <= w.ts),
-- kind: 0 first record, 1 first after a loss, 2 switch, 3 last before a loss, 4 last record
edge AS (
	SELECT trace, cpu, ts, 2 AS kind, pos, next AS utid, next_prio AS prio, prev, prev_prio, letter FROM switch
	UNION ALL
	SELECT s.trace, s.cpu, s.a, CASE s.n WHEN 1 THEN 0 ELSE 1 END, 0, CASE s.n WHEN 1 THEN r.utid END, NULL, NULL, NULL, NULL
	FROM stretch s LEFT JOIN first_record r ON r.trace = s.trace AND r.cpu = s.cpu
	WHERE s.trace IN (SELECT trace FROM switch)
	UNION ALL
	SELECT s.trace, s.cpu, s.b, CASE WHEN s.b = c.last_ts THEN 4 ELSE 3 END, 0, NULL, NULL, NULL, NULL, NULL
	FROM stretch s JOIN cpu c USING (trace, cpu)),
slice AS (
	SELECT trace, cpu, ts, kind, utid, prio,
		lead(ts) OVER w AS till, lead(kind) OVER w AS ended, lead(prev) OVER w AS left_by, lead(letter) OVER w AS letter,
		lead(prev_prio) OVER w AS left_prio
	FROM edge WINDOW w AS (PARTITION BY trace, cpu ORDER BY ts, kind, pos)),
known AS (
	SELECT s.*, s.utid IS NOT NULL AND NOT (ended = 2 AND
		CASE WHEN left_by = -1 THEN coalesce(l.end_known, false) = false ELSE left_by IS DISTINCT FROM s.utid END) AS certain
	FROM slice s LEFT JOIN thread l ON l.trace = s.trace AND l.utid = s.utid AND s.utid <> 0
	-- a CPU that is first seen by a thread's coming
	WHERE kind <= 2 AND NOT (kind = 0 AND s.utid IS NULL AND ended = 2 AND left_by IS NULL AND till = ts))
SELECT k.trace, k.ts, CASE WHEN t.clock_unit = 'ns' THEN k.till - k.ts END AS dur, k.cpu,
	CASE WHEN certain THEN utid END AS utid,
	CASE WHEN ended = 2 THEN letter END AS end_state,
	CASE WHEN certain THEN CASE WHEN kind = 2 THEN prio ELSE left_prio END END AS prio,
	kind < 2 AS open_left, ended > 2 AS open_right
FROM known k JOIN trace t USING (trace)
