-- A slice: from a switch on a CPU to the next. The first is that of the thread current in the CPU's first record;
-- after a loss nobody is known until the next switch. A thread that another switch contradicts was not known either.
WITH switch AS (
	SELECT w.trace, w.cpu, w.ts, w.utid AS prev, w.prev_prio, w.next_prio, w.pos,
		CASE WHEN w.next_pid = 0 THEN 0 ELSE l.utid END AS next,
		CASE
			WHEN w.prev_state & 255 = 0 THEN CASE WHEN w.prev_state & 256 <> 0 THEN 'R+' ELSE 'R' END
			WHEN w.prev_state & 1 <> 0 THEN 'S'
			WHEN w.prev_state & 2 <> 0 THEN 'D'
			WHEN w.prev_state & 4 <> 0 THEN 'T'
			WHEN w.prev_state & 8 <> 0 THEN 't'
			WHEN w.prev_state & 16 <> 0 THEN 'X'
			WHEN w.prev_state & 32 <> 0 THEN 'Z'
			WHEN w.prev_state & 64 <> 0 THEN 'P'
			ELSE 'I'
		END AS letter
	FROM (SELECT *, row_number() OVER () AS pos FROM sched_switch) w ASOF LEFT JOIN life l ON l.trace = w.trace AND l.tid = w.next_pid AND l.first_ts <= w.ts),
-- kind: 0 first record, 1 first after a loss, 2 switch, 3 last before a loss, 4 last record
edge AS (
	SELECT trace, cpu, ts, 2 AS kind, pos, next AS utid, next_prio AS prio, prev, prev_prio, letter FROM switch
	UNION ALL
	SELECT s.trace, s.cpu, s.a, CASE s.n WHEN 1 THEN 0 ELSE 1 END, 0, CASE s.n WHEN 1 THEN r.utid END, NULL, NULL, NULL, NULL
	FROM stretch s LEFT JOIN first_record r ON r.trace = s.trace AND r.cpu = s.cpu
	WHERE s.trace IN (SELECT trace FROM sched_switch)
	UNION ALL
	SELECT s.trace, s.cpu, s.b, CASE WHEN s.b = c.last_ts THEN 4 ELSE 3 END, 0, NULL, NULL, NULL, NULL, NULL
	FROM stretch s JOIN cpu c USING (trace, cpu)),
slice AS (
	SELECT trace, cpu, ts, kind, utid, prio,
		lead(ts) OVER w AS till, lead(kind) OVER w AS ended, lead(prev) OVER w AS left_by, lead(letter) OVER w AS letter,
		lead(prev_prio) OVER w AS left_prio
	FROM edge WINDOW w AS (PARTITION BY trace, cpu ORDER BY ts, kind, pos)),
known AS (
	SELECT *, utid IS NOT NULL AND NOT (ended = 2 AND left_by <> utid) AS certain FROM slice WHERE kind <= 2)
SELECT k.trace, k.ts, CASE WHEN t.clock_unit = 'ns' THEN k.till - k.ts END AS dur, k.cpu,
	CASE WHEN certain THEN utid END AS utid,
	CASE WHEN ended = 2 THEN letter END AS end_state,
	CASE WHEN certain THEN CASE WHEN kind = 2 THEN prio ELSE left_prio END END AS prio,
	kind < 2 AS open_left, ended > 2 AS open_right
FROM known k JOIN trace t USING (trace)
