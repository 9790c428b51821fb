-- A thread runs in its slices (sched.sql). Between two slices it is runnable if it left as R; otherwise it waits until
-- the first waking, then is runnable. A waking that came in the slice itself ends the wait at once where no other
-- follows before it is queued or runs. Before its first slice it is runnable from its creation or its first waking, and
-- unknown before that. After a loss on its CPU, or the CPU's last record, it is unknown until something tells. A thread
-- that a CPU's first record shows may have been there for long: from its last sign on it is unknown.
WITH flagged AS (
	-- The flags of a record are in no table. Where they alone tell of an interrupt, whose own events were not recorded,
	-- the specification has to take the word of the derivation.
	SELECT DISTINCT trace, utid, waking_ts AS ts, waker_irq AS told FROM thread_state
	WHERE waker_irq IN ('hard interrupt', 'softirq')),
slice AS (
	SELECT s.trace, s.utid, s.cpu, s.ts AS a, s.ts + s.dur AS b, s.end_state, s.open_left, s.open_right,
		lead(s.ts) OVER w AS next_a, lag(s.ts + s.dur) OVER w AS last_b, lead(s.cpu) OVER w AS next_cpu,
		row_number() OVER w AS k, lead(s.open_left) OVER w AS next_open
	FROM sched s WHERE s.utid <> 0
	WINDOW w AS (PARTITION BY s.trace, s.utid ORDER BY s.ts, s.ts + s.dur)),
-- a gap lies between slices, before the first, after the last, or is a whole life without slices
gap AS (
	SELECT s.trace, s.utid, s.b AS a, coalesce(s.next_a,
			CASE WHEN t.end_known AND (s.end_state IN ('X', 'Z') OR s.trace IN (SELECT trace FROM switch_record))
				THEN greatest(t.last_ts, s.b) ELSE w.end_ts END) AS b,
		s.next_a IS NULL AS last, s.a AS slice_a, s.next_cpu, s.next_open IS TRUE AS comes_unseen,
		CASE
			WHEN s.open_right THEN 'unknown'
			-- PERF_RECORD_SWITCH does not tell in what state a thread left, but that it had ended (no number any more)
			WHEN s.end_state IS NULL AND (s.trace, s.cpu, s.b) NOT IN
				(SELECT (trace, cpu, ts) FROM switch_record WHERE leaves AND tid = -1) THEN 'unknown'
			WHEN s.end_state IN ('R', 'R+') THEN 'runnable'
			WHEN s.end_state = 'S' THEN 'sleeping' WHEN s.end_state = 'D' THEN 'disk' WHEN s.end_state = 'T' THEN 'stopped'
			WHEN s.end_state = 't' THEN 'traced' WHEN s.end_state = 'P' THEN 'parked' WHEN s.end_state = 'I' THEN 'idle'
			ELSE 'dead'
		END AS begins, s.cpu AS left_cpu, false AS open_left
	FROM slice s JOIN thread t USING (trace, utid) JOIN trace w USING (trace)
	UNION ALL
	SELECT t.trace, t.utid, t.first_ts, coalesce(s.a, CASE WHEN t.end_known THEN t.last_ts ELSE w.end_ts END), s.a IS NULL, NULL, s.cpu, s.open_left IS TRUE,
		-- what is created is runnable, if it comes to run or is told to be queued
		CASE WHEN t.start_known AND (s.a IS NOT NULL AND NOT s.open_left OR EXISTS (
			SELECT 1 FROM queued q WHERE q.trace = t.trace AND q.utid = t.utid)) THEN 'new' ELSE 'unknown' END, NULL, NOT t.start_known
	FROM thread t JOIN trace w USING (trace) LEFT JOIN slice s ON s.trace = t.trace AND s.utid = t.utid AND s.k = 1
	WHERE t.utid <> 0 AND t.first_ts IS NOT NULL AND t.trace IN (SELECT trace FROM sched)),
first_waking AS (
	SELECT g.trace, g.utid, g.a, min(w.ts) AS ts, count(*) AS n, min(w.pos) AS pos
	FROM gap g JOIN waking w ON w.trace = g.trace AND w.utid = g.utid AND w.ts >= g.a AND w.ts <= g.b AND (g.last OR w.ts < g.b OR g.a = g.b)
	GROUP BY ALL),
remembered AS (
	SELECT g.trace, g.utid, g.a, max(w.ts) AS ts
	FROM gap g JOIN waking w ON w.trace = g.trace AND w.utid = g.utid AND w.ts >= g.slice_a AND w.ts < g.a
	WHERE g.slice_a IS NOT NULL GROUP BY ALL),
queue AS (
	SELECT g.trace, g.utid, g.a, min(q.ts) AS ts, arg_min(q.cpu, q.ts) AS cpu
	FROM gap g JOIN queued q ON q.trace = g.trace AND q.utid = g.utid AND q.ts >= g.a AND q.ts <= g.b GROUP BY ALL),
split AS (
	SELECT g.*, q.ts AS wake_ts, q.cpu AS queue_cpu,
		CASE
			WHEN g.begins IN ('runnable', 'new', 'dead') THEN NULL
			-- queued, or running again, without a waking since it left: the remembered one counts
			WHEN g.begins <> 'unknown' AND r.ts IS NOT NULL AND (f.ts IS NULL OR q.ts < f.ts) AND (q.ts IS NOT NULL OR NOT g.last) THEN r.ts
			ELSE f.ts
		END AS waking_ts,
		CASE g.begins WHEN 'unknown' THEN f.ts WHEN 'dead' THEN NULL WHEN 'runnable' THEN g.a WHEN 'new' THEN g.a
			ELSE CASE WHEN r.ts IS NOT NULL AND (f.ts IS NULL OR q.ts < f.ts) AND (q.ts IS NOT NULL OR NOT g.last) THEN g.a ELSE f.ts END
		END AS runnable_from
	FROM gap g
	LEFT JOIN first_waking f ON f.trace = g.trace AND f.utid = g.utid AND f.a = g.a
	LEFT JOIN remembered r ON r.trace = g.trace AND r.utid = g.utid AND r.a = g.a
	LEFT JOIN queue q ON q.trace = g.trace AND q.utid = g.utid AND q.a = g.a),
woken AS (
	SELECT s.*, w.target_cpu, CASE WHEN f.told IS NULL THEN w.waker_utid END AS waker_utid, coalesce(f.told, w.waker_irq) AS waker_irq
	FROM split s LEFT JOIN waking w ON w.trace = s.trace AND w.utid = s.utid AND w.ts = s.waking_ts
	LEFT JOIN flagged f ON f.trace = s.trace AND f.utid = s.utid AND f.ts = s.waking_ts),
piece AS (
	SELECT trace, utid, a AS ts, b AS till, 'running' AS state, cpu, NULL AS waker_utid, NULL AS waker_irq, NULL AS waking_ts,
		NULL AS wake_ts, false AS blocked, open_left, open_right
	FROM slice
	UNION ALL
	SELECT trace, utid, a, coalesce(runnable_from, b), CASE WHEN comes_unseen AND runnable_from IS NULL THEN 'unknown' ELSE begins END, NULL,
		CASE WHEN begins <> 'unknown' THEN waker_utid END, CASE WHEN begins <> 'unknown' THEN waker_irq END,
		CASE WHEN begins <> 'unknown' THEN waking_ts END, NULL, begins NOT IN ('unknown', 'dead') AND NOT (comes_unseen AND runnable_from IS NULL), open_left, last AND runnable_from IS NULL AND begins <> 'dead'
	FROM woken WHERE begins NOT IN ('runnable', 'new')
	UNION ALL
	SELECT trace, utid, runnable_from, b, CASE WHEN comes_unseen THEN 'unknown' ELSE 'runnable' END,
		-- a waking that came while the thread still ran does not tell where it is queued
		CASE WHEN comes_unseen THEN NULL WHEN waking_ts < a THEN queue_cpu ELSE coalesce(queue_cpu, target_cpu, left_cpu) END,
		CASE WHEN NOT comes_unseen THEN waker_utid END, CASE WHEN NOT comes_unseen THEN waker_irq END, CASE WHEN NOT comes_unseen THEN waking_ts END,
		CASE WHEN NOT comes_unseen AND (waking_ts IS NOT NULL OR begins = 'new') THEN wake_ts END, false, false, last
	FROM woken WHERE runnable_from IS NOT NULL)
SELECT p.trace, p.ts, CASE WHEN t.clock_unit = 'ns' THEN p.till - p.ts END AS dur, p.utid, p.state, p.cpu,
	p.waker_utid, p.waker_irq, p.waking_ts, p.wake_ts, w.stack_id AS blocked_stack_id, w.user_stack_id AS blocked_user_stack_id,
	CASE WHEN p.blocked THEN c.name END AS syscall, p.open_left, p.open_right
FROM piece p JOIN trace t USING (trace)
LEFT JOIN sched_switch w ON p.blocked AND w.trace = p.trace AND w.utid = p.utid AND w.ts = p.ts
LEFT JOIN syscall c ON p.blocked AND c.trace = p.trace AND c.utid = p.utid AND c.ts <= p.ts AND (p.ts < c.ts + c.dur OR c.open_right AND p.ts <= c.ts + c.dur)
WHERE NOT (p.till = p.ts AND (p.state = 'unknown' OR p.state = 'runnable' AND NOT p.open_right))
