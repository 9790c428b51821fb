-- One rate of a CPU: from cpu_frequency for it to the next, or to what is last observed of the trace.
SELECT f.trace, f.ts,
	CASE WHEN t.clock_unit = 'ns' THEN coalesce(lead(f.ts) OVER w, t.end_ts) - f.ts END AS dur,
	f.cpu_id AS cpu, f.state AS khz, false AS open_left, lead(f.ts) OVER w IS NULL AS open_right
FROM cpu_frequency f JOIN trace t USING (trace)
WINDOW w AS (PARTITION BY f.trace, f.cpu_id ORDER BY f.ts)
