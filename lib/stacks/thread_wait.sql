-- thread_wait: one wait of a thread: asleep, in disk wait, stopped, traced or parked; off the CPU and not runnable
-- trace: trace
-- ts: start [stamp]
-- dur: length [ns]
-- utid: thread that waits [id]
-- tid: thread id
-- tgid: process id
-- name: thread name
-- process_name: process name
-- state: sleeping, disk, stopped, traced, parked or idle (kernel threads that do not count as load)
-- syscall: system call in which it waits; NULL if none or not recorded
-- wait_function: kernel function in which it waits; NULL without a recorded stack or its symbols
-- stack_id: kernel stack; NULL if not recorded [id]
-- user_stack_id: user stack from which it waits; NULL if not recorded [id]
-- waker_utid: thread that ended the wait; NULL if none, unknown, or an interrupt did [id]
-- waker_tid: its thread id
-- waker_name: its name
-- waker_irq: interrupt that ended the wait; NULL otherwise
-- open_left: the wait began before it could be seen
-- open_right: the wait had not ended when it could last be seen
SELECT s.trace, s.ts, s.dur, s.utid, i.tid, i.tgid, i.name, i.process_name, s.state, s.syscall, f.wait_function,
	s.blocked_stack_id AS stack_id, s.blocked_user_stack_id AS user_stack_id, s.waker_utid, w.tid AS waker_tid, w.name AS waker_name, s.waker_irq,
	s.open_left, s.open_right
FROM thread_state s
LEFT JOIN thread_info i ON i.trace = s.trace AND i.utid = s.utid
LEFT JOIN thread_info w ON w.trace = s.trace AND w.utid = s.waker_utid
LEFT JOIN wait_function f ON f.trace = s.trace AND f.stack_id = s.blocked_stack_id
WHERE s.state IN ('sleeping', 'disk', 'stopped', 'traced', 'parked', 'idle')
