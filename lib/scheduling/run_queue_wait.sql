-- run_queue_wait: one wait of a thread for a CPU: it could run and did not
-- trace: trace
-- ts: start: woken, preempted or new [stamp]
-- dur: length [ns]
-- cpu: CPU on whose run queue it waits; NULL if unknown
-- utid: thread that waits [id]
-- tid: thread id
-- tgid: process id
-- name: thread name
-- process_name: process name
-- preempted: it was not woken but lost its CPU (or is new)
-- waking_ts: when its waking began; NULL if preempted [stamp]
-- wake_ts: when it was put on the run queue; NULL if not recorded [stamp]
-- waker_utid: thread that woke it; NULL if none or unknown [id]
-- waker_name: name of that thread
-- waker_irq: interrupt that woke it; NULL otherwise
SELECT s.trace, s.ts, s.dur, s.cpu, s.utid, i.tid, i.tgid, i.name, i.process_name,
	s.waking_ts IS NULL AS preempted, s.waking_ts, s.wake_ts, s.waker_utid, w.name AS waker_name, s.waker_irq
FROM thread_state s
LEFT JOIN thread_info i ON i.trace = s.trace AND i.utid = s.utid
LEFT JOIN thread_info w ON w.trace = s.trace AND w.utid = s.waker_utid
WHERE s.state = 'runnable'
