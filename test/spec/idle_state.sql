-- A stay in an idle state: from cpu_idle with a state to the next cpu_idle of that CPU, or to what is last observed of
-- it. A CPU that leaves a state which it was not seen to enter was idle from where its observation began.
WITH event AS (
	SELECT i.trace, i.cpu_id AS cpu, i.ts, i.state, s.a, s.b, s.n
	FROM cpu_idle i JOIN stretch s ON s.trace = i.trace AND s.cpu = i.cpu_id AND i.ts BETWEEN s.a AND s.b),
ordered AS (
	SELECT *, lead(ts) OVER w AS till, row_number() OVER w AS k FROM event
	WINDOW w AS (PARTITION BY trace, cpu, n ORDER BY ts)),
stay AS (
	SELECT trace, cpu, ts, coalesce(till, b) AS till, state, false AS open_left, till IS NULL AS open_right
	FROM ordered WHERE state <> 4294967295
	UNION ALL
	SELECT trace, cpu, a, ts, NULL, true, false FROM ordered WHERE k = 1 AND state = 4294967295 AND ts > a)
SELECT s.trace, s.ts, CASE WHEN t.clock_unit = 'ns' THEN s.till - s.ts END AS dur, s.cpu, s.state::INTEGER AS state,
	i.name, s.open_left, s.open_right
FROM stay s JOIN trace t USING (trace) LEFT JOIN idle_name i ON i.state = s.state
