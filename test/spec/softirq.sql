-- One run of one vector; raised by the first softirq_raise of the vector on the CPU since the vector ran last.
WITH run AS (
	SELECT i.*, lag(i.ts) OVER (PARTITION BY i.trace, i.cpu, i.n, i.num ORDER BY i.ts) AS last_run
	FROM interrupt i WHERE i.kind = 'softirq'),
raised AS (
	SELECT r.trace, r.cpu, r.n, r.num, r.ts, min(e.ts) AS raise_ts
	FROM run r JOIN stretch s ON s.trace = r.trace AND s.cpu = r.cpu AND s.n = r.n
	JOIN softirq_raise e ON e.trace = r.trace AND e.cpu = r.cpu AND e.vec = r.num
		AND e.ts >= s.a AND e.ts <= r.ts AND (r.last_run IS NULL OR e.ts > r.last_run)
	WHERE NOT r.open_left GROUP BY ALL)
SELECT r.trace, r.ts, CASE WHEN t.clock_unit = 'ns' THEN r.till - r.ts END AS dur,
	CASE WHEN t.clock_unit = 'ns' THEN r.till - r.ts - coalesce(x.ns, 0) END AS self_ns,
	r.cpu, r.num AS vec,
	list_extract(['HI', 'TIMER', 'NET_TX', 'NET_RX', 'BLOCK', 'IRQ_POLL', 'TASKLET', 'SCHED', 'HRTIMER', 'RCU'], r.num + 1) AS name,
	e.raise_ts, CASE WHEN t.clock_unit = 'ns' THEN r.ts - e.raise_ts END AS latency_ns,
	r.utid, r.open_left, r.open_right
FROM run r JOIN trace t USING (trace)
LEFT JOIN raised e ON e.trace = r.trace AND e.cpu = r.cpu AND e.n = r.n AND e.num = r.num AND e.ts = r.ts
LEFT JOIN nested x ON x.trace = r.trace AND x.cpu = r.cpu AND x.n = r.n AND x.level = r.level AND x.ts = r.ts AND x.till = r.till
