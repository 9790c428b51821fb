-- Interrupts and softirqs of each CPU as one stack: entries and exits nest, a loss empties it. `level` counts both;
-- an exit without entry began before its stretch, an entry without exit had not ended when the stretch did.
CREATE TEMP TABLE interrupt AS
WITH event AS (
	SELECT trace, cpu, ts, utid, 'handler' AS kind, irq AS num, name, NULL AS ret, 1 AS step FROM irq_handler_entry
	UNION ALL SELECT trace, cpu, ts, utid, 'handler', irq, NULL, ret, -1 FROM irq_handler_exit
	UNION ALL SELECT trace, cpu, ts, utid, 'entry', NULL, 'entry', NULL, 1 FROM irq_entry
	UNION ALL SELECT trace, cpu, ts, utid, 'entry', NULL, 'entry', NULL, -1 FROM irq_exit
	UNION ALL SELECT trace, cpu, ts, utid, 'timer', NULL, 'timer', NULL, 1 FROM timer_interrupt_entry
	UNION ALL SELECT trace, cpu, ts, utid, 'timer', NULL, 'timer', NULL, -1 FROM timer_interrupt_exit
	UNION ALL SELECT trace, cpu, ts, utid, 'doorbell', NULL, 'doorbell', NULL, 1 FROM doorbell_entry
	UNION ALL SELECT trace, cpu, ts, utid, 'doorbell', NULL, 'doorbell', NULL, -1 FROM doorbell_exit
	UNION ALL SELECT trace, cpu, ts, utid, 'softirq', vec, NULL, NULL, 1 FROM softirq_entry
	UNION ALL SELECT trace, cpu, ts, utid, 'softirq', vec, NULL, NULL, -1 FROM softirq_exit),
placed AS (
	SELECT e.*, s.n, s.a, s.b FROM event e JOIN stretch s ON s.trace = e.trace AND s.cpu = e.cpu AND e.ts BETWEEN s.a AND s.b),
summed AS (
	-- at one stamp what ends is before what begins: an interrupt takes longer than a tick of the clock
	SELECT *, sum(step) OVER (PARTITION BY trace, cpu, n ORDER BY ts, step ROWS UNBOUNDED PRECEDING) AS after FROM placed),
leveled AS (
	SELECT *, after - least(min(after) OVER (PARTITION BY trace, cpu, n), 0) + CASE step WHEN 1 THEN -1 ELSE 0 END AS level
	FROM summed),
paired AS (
	SELECT *, lead(step) OVER w AS next_step, lead(ts) OVER w AS next_ts, lead(ret) OVER w AS next_ret, lag(step) OVER w AS last_step
	FROM leveled WINDOW w AS (PARTITION BY trace, cpu, n, level ORDER BY ts, step))
SELECT trace, cpu, n, level::INTEGER AS level, kind, num, name, utid,
	CASE step WHEN 1 THEN ts ELSE a END AS ts,
	CASE step WHEN 1 THEN coalesce(next_ts, b) ELSE ts END AS till,
	CASE step WHEN 1 THEN next_ret ELSE ret END AS ret,
	step = -1 AS open_left, step = 1 AND next_step IS NULL AS open_right
FROM paired WHERE step = 1 OR last_step IS DISTINCT FROM 1;

-- What each holds directly inside.
CREATE TEMP TABLE nested AS
SELECT o.trace, o.cpu, o.n, o.level, o.ts, o.till, sum(i.till - i.ts) AS ns
FROM interrupt o JOIN interrupt i ON i.trace = o.trace AND i.cpu = o.cpu AND i.n = o.n AND i.level = o.level + 1
	AND i.ts >= o.ts AND i.till <= o.till
GROUP BY ALL;
