-- What the specifications share.

-- Who has a thread number when: the life that began last.
CREATE TEMP TABLE life AS
SELECT trace, tid, utid, first_ts FROM thread WHERE tid <> 0 AND first_ts IS NOT NULL;

-- Lost intervals that lie between two records of their CPU.
CREATE TEMP TABLE gap AS
SELECT l.trace, l.cpu, l.ts, l.ts + l.dur AS till
FROM lost l JOIN cpu c USING (trace, cpu) WHERE l.ts + l.dur > c.first_ts AND l.ts < c.last_ts;

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

-- State in which a thread left its CPU. `raw`: the bits are those of the thread itself (LinuxKI's module), not those that
-- the tracepoint of sched_switch makes of them (include/linux/sched.h, include/trace/events/sched.h, Linux 6.1).
CREATE TEMP MACRO state_letter(state, raw) AS CASE
	WHEN state & 255 = 0 AND NOT raw THEN CASE WHEN state & 256 <> 0 THEN 'R+' ELSE 'R' END
	WHEN raw AND state = 0 THEN 'R'
	WHEN raw AND state & (16 + 128) <> 0 THEN 'X'
	WHEN raw AND state & 1026 = 1026 THEN 'I'
	WHEN state & 1 <> 0 THEN 'S'
	WHEN state & 2 <> 0 THEN 'D'
	WHEN state & 4 <> 0 THEN 'T'
	WHEN state & 8 <> 0 THEN 't'
	WHEN state & 16 <> 0 THEN 'X'
	WHEN state & 32 <> 0 THEN 'Z'
	WHEN state & 64 <> 0 THEN 'P'
	WHEN NOT raw THEN 'I' END;

-- Traces whose prev_state is raw.
CREATE TEMP TABLE raw_state AS SELECT trace FROM trace WHERE format = 'linuxki' AND format_version <> '0';
