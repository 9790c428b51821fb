-- futex_wake_call: one futex call that wakes or requeues, with names and the address that identifies the futex
-- trace: trace
-- ts: sys_enter [stamp]
-- dur: length [ns]
-- utid: waker [id]
-- tid: thread id
-- tgid: process id
-- name: thread name
-- process_name: process name
-- space: process id whose address space the address belongs to; NULL where it is used between processes (inferred: a shared
--   futex counts as its process's own unless a thread was woken on the address by another process; mappings are not recorded)
-- shared: not FUTEX_PRIVATE: it may be shared between processes
-- uaddr: address [address]
-- op: operation
-- asked: how many to wake; NULL for UNLOCK_PI
-- woken: how many were woken; NULL on error or if not ended
-- error: name of the error; NULL if none
SELECT f.trace, f.ts, f.dur, f.utid, i.tid, i.tgid, i.name, i.process_name,
	CASE WHEN f.shared AND b.uaddr IS NOT NULL THEN NULL ELSE i.tgid END AS space, f.shared, f.uaddr, f.op, f.asked, f.woken, f.error
FROM futex_wake f
LEFT JOIN thread_info i ON i.trace = f.trace AND i.utid = f.utid
LEFT JOIN futex_between b ON b.trace = f.trace AND b.uaddr = f.uaddr
