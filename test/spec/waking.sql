-- What wakes a thread: sched_waking, or sched_wakeup in a trace without it; by whom: the innermost interrupt that is
-- open on the waking CPU, else the thread that was current there.
CREATE TEMP TABLE waking AS
WITH told AS (
	SELECT trace, cpu, ts, utid AS by, pid, target_cpu, row_number() OVER () AS pos FROM sched_waking
	UNION ALL
	SELECT trace, cpu, ts, utid, pid, target_cpu, row_number() OVER () FROM sched_wakeup
	WHERE trace NOT IN (SELECT trace FROM sched_waking)),
target AS (
	SELECT w.*, l.utid FROM told w ASOF JOIN life l ON l.trace = w.trace AND l.tid = w.pid AND l.first_ts <= w.ts),
inside AS (
	SELECT t.trace, t.cpu, t.pos, arg_max(
		CASE i.kind
			WHEN 'softirq' THEN 'softirq ' || list_extract(['HI', 'TIMER', 'NET_TX', 'NET_RX', 'BLOCK', 'IRQ_POLL', 'TASKLET', 'SCHED', 'HRTIMER', 'RCU'], i.num + 1)
			WHEN 'handler' THEN 'irq ' || i.num || coalesce(' ' || i.name, '')
			ELSE i.kind
		END, i.level) AS irq
	FROM target t JOIN interrupt i ON i.trace = t.trace AND i.cpu = t.cpu AND i.ts <= t.ts AND t.ts < i.till
	GROUP BY ALL)
SELECT t.trace, t.utid, t.ts, t.pos, t.target_cpu, CASE WHEN i.irq IS NULL THEN t.by END AS waker_utid, i.irq AS waker_irq
FROM target t LEFT JOIN inside i ON i.trace = t.trace AND i.cpu = t.cpu AND i.pos = t.pos;

-- When a thread was put on a run queue, and on which.
CREATE TEMP TABLE queued AS
WITH told AS (
	SELECT trace, ts, pid, target_cpu FROM sched_wakeup UNION ALL SELECT trace, ts, pid, target_cpu FROM sched_wakeup_new)
SELECT w.trace, l.utid, w.ts, w.target_cpu AS cpu
FROM told w ASOF JOIN life l ON l.trace = w.trace AND l.tid = w.pid AND l.first_ts <= w.ts;
