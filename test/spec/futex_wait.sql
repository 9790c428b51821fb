-- The futex calls that can wait (include/uapi/linux/futex.h: operation in the low seven bits, 128 private), with what
-- thread_state has of the caller within the call.
WITH call AS (
	SELECT *, args[2] & 127 AS number FROM syscall WHERE name = 'futex' AND args IS NOT NULL),
waits AS (
	SELECT c.trace, c.utid, c.ts, arg_max(s.waker_utid, s.ts) FILTER (s.waking_ts IS NOT NULL) AS any_waker,
		max(s.ts) FILTER (NOT s.open_right) AS last_ts, max(s.ts) AS last_any
	FROM call c JOIN thread_state s ON s.trace = c.trace AND s.utid = c.utid
		AND s.state IN ('sleeping', 'disk', 'stopped', 'traced', 'parked', 'idle') AND s.ts >= c.ts AND s.ts <= c.ts + c.dur
	GROUP BY ALL),
-- a wait and the runnable interval after it carry the waker; both can begin at one stamp
last AS (
	SELECT w.trace, w.utid, w.ts, s.waker_utid, s.waker_irq, s.blocked_stack_id
	FROM waits w JOIN thread_state s ON s.trace = w.trace AND s.utid = w.utid AND s.ts = w.last_any
	WHERE s.state IN ('sleeping', 'disk', 'stopped', 'traced', 'parked', 'idle'))
SELECT c.trace, c.ts, c.dur, c.utid, c.args[1] AS uaddr,
	CASE number WHEN 0 THEN 'WAIT' WHEN 6 THEN 'LOCK_PI' WHEN 9 THEN 'WAIT_BITSET' WHEN 11 THEN 'WAIT_REQUEUE_PI' ELSE 'LOCK_PI2' END AS op,
	c.args[2] & 128 = 0 AS shared,
	CASE WHEN number IN (0, 9, 11) THEN c.args[3] & 4294967295 END AS val,
	c.ret,
	-- these calls give 0 or an error: events of single calls have it as a positive number on POWER (sc)
	CASE abs(c.ret) WHEN 0 THEN 'woken' WHEN 4 THEN 'EINTR' WHEN 512 THEN 'EINTR' WHEN 513 THEN 'EINTR' WHEN 514 THEN 'EINTR'
		WHEN 516 THEN 'EINTR' WHEN 11 THEN 'EAGAIN' WHEN 110 THEN 'ETIMEDOUT' WHEN 14 THEN 'EFAULT' WHEN 22 THEN 'EINVAL'
		WHEN 3 THEN 'ESRCH' WHEN 35 THEN 'EDEADLK' END AS outcome,
	c.args[4] <> 0 AS timeout,
	CASE WHEN c.trace IN (SELECT trace FROM sched) THEN c.blocked_ns END AS slept_ns,
	l.waker_utid, l.waker_irq, l.blocked_stack_id AS stack_id, c.open_left, c.open_right
FROM call c LEFT JOIN last l ON l.trace = c.trace AND l.utid = c.utid AND l.ts = c.ts
WHERE number IN (0, 6, 9, 11, 13)
