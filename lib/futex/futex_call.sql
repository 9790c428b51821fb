-- futex_call: one futex call that can wait, with names and the address that identifies the futex
-- trace: trace
-- ts: sys_enter [stamp]
-- dur: length [ns]
-- utid: waiter [id]
-- tid: thread id
-- tgid: process id
-- name: thread name
-- process_name: process name
-- space: process id whose address space the address belongs to; NULL where it is used between processes (inferred: a shared
--   futex counts as its process's own unless a thread was woken on the address by another process; mappings are not recorded)
-- shared: not FUTEX_PRIVATE: it may be shared between processes
-- uaddr: address [address]
-- op: operation
-- outcome: woken, EAGAIN, ETIMEDOUT, EINTR, another error; NULL if the call has not ended
-- slept_ns: part of dur asleep; NULL where switches were not recorded [ns]
-- waker_utid: thread that ended the last wait of the call [id]
-- waker_tid: its thread id
-- waker_name: its name
-- waker_irq: interrupt that ended the last wait (timeouts)
-- stack_id: kernel stack of the wait [id]
SELECT f.trace, f.ts, f.dur, f.utid, i.tid, i.tgid, i.name, i.process_name,
	CASE WHEN f.shared AND b.uaddr IS NOT NULL THEN NULL ELSE i.tgid END AS space, f.shared, f.uaddr, f.op, f.outcome, f.slept_ns,
	f.waker_utid, w.tid AS waker_tid, w.name AS waker_name, f.waker_irq, f.stack_id
FROM futex_wait f
LEFT JOIN thread_info i ON i.trace = f.trace AND i.utid = f.utid
LEFT JOIN thread_info w ON w.trace = f.trace AND w.utid = f.waker_utid
LEFT JOIN futex_between b ON b.trace = f.trace AND b.uaddr = f.uaddr
