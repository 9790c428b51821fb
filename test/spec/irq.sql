-- One interrupt: the part of the stack of interrupts.sql that are no softirqs.
SELECT i.trace, i.ts, CASE WHEN t.clock_unit = 'ns' THEN i.till - i.ts END AS dur,
	CASE WHEN t.clock_unit = 'ns' THEN i.till - i.ts - coalesce(x.ns, 0) END AS self_ns,
	i.cpu, i.kind, i.num AS irq, i.name, i.level AS depth, i.ret, i.utid, i.open_left, i.open_right
FROM interrupt i JOIN trace t USING (trace)
LEFT JOIN nested x ON x.trace = i.trace AND x.cpu = i.cpu AND x.n = i.n AND x.level = i.level AND x.ts = i.ts AND x.till = i.till
WHERE i.kind <> 'softirq'
