-- What the specifications share.

-- Who has a thread number when: the life that began last.
CREATE TEMP TABLE life AS
SELECT trace, tid, utid, first_ts FROM thread WHERE tid <> 0 AND first_ts IS NOT NULL;

-- Lost intervals that lie between two records of their CPU.
CREATE TEMP TABLE gap AS
SELECT l.trace, l.cpu, l.ts, l.ts + l.dur AS till
FROM lost l JOIN cpu c USING (trace, cpu) WHERE l.ts + l.dur > c.first_ts;

-- Stretches of a CPU's records without loss.
CREATE TEMP TABLE stretch AS
WITH edge AS (
	SELECT trace, cpu, first_ts AS ts, true AS opens FROM cpu WHERE first_ts IS NOT NULL
	UNION ALL SELECT trace, cpu, till, true FROM gap),
closing AS (
	SELECT trace, cpu, ts FROM gap UNION ALL SELECT trace, cpu, last_ts FROM cpu WHERE first_ts IS NOT NULL)
SELECT e.trace, e.cpu, e.ts AS a, min(c.ts) AS b,
	row_number() OVER (PARTITION BY e.trace, e.cpu ORDER BY e.ts) AS n
FROM edge e JOIN closing c ON c.trace = e.trace AND c.cpu = e.cpu AND c.ts >= e.ts
GROUP BY e.trace, e.cpu, e.ts;
