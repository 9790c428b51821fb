-- thread_sample: one sample of perf, with the thread that it hit
-- trace: trace
-- ts: when it was taken [stamp]
-- cpu: CPU
-- utid: thread; 0 is the idle threads [id]
-- tid: thread id
-- tgid: process id
-- name: thread name
-- process_name: process name
-- event: what was sampled, as perf names it
-- period: events that the sample stands for
-- ns: CPU time that the sample stands for; NULL for events that do not count time [ns]
-- mode: user, kernel, hypervisor, guest kernel, guest user; NULL if not recorded
-- ip: instruction; NULL if not recorded [address]
-- interrupts_off: the sample was taken late, when interrupts were switched on again (ppc64)
-- until_function: function in which they were switched on; NULL without that
-- stack_id: kernel stack; NULL if not recorded [id]
-- user_stack_id: user stack; NULL if not recorded [id]
-- doubtful: the second frame of one of them may be false
SELECT s.trace, s.ts, s.cpu, s.utid, i.tid, i.tgid, i.name, i.process_name, s.event, s.period, s.ns, s.mode, s.ip,
	o.stack_id IS NOT NULL AS interrupts_off, o.until_function, s.stack_id, s.user_stack_id,
	coalesce(k.doubtful, FALSE) OR coalesce(u.doubtful, FALSE) AS doubtful
FROM cpu_sample s
LEFT JOIN thread_info i ON i.trace = s.trace AND i.utid = s.utid
LEFT JOIN interrupts_off o ON o.trace = s.trace AND o.stack_id = s.stack_id
LEFT JOIN stack k ON k.trace = s.trace AND k.stack_id = s.stack_id
LEFT JOIN stack u ON u.trace = s.trace AND u.stack_id = s.user_stack_id
