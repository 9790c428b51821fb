-- cpu_slice: one slice of a thread on a CPU, with names; idle included
-- trace: trace
-- ts: start [stamp]
-- dur: length; NULL where the clock does not count time [ns]
-- cpu: CPU
-- core: core of the CPU; NULL without topology
-- utid: thread; NULL while unknown (after lost events) [id]
-- tid: thread id
-- tgid: process id
-- name: thread name
-- process_name: process name
-- idle: the CPU is idle
-- end_state: state in which the thread left the CPU
-- prio: kernel priority
SELECT s.trace, s.ts, s.dur, s.cpu, c.core, s.utid, i.tid, i.tgid, i.name, i.process_name,
	s.utid = 0 AS idle, s.end_state, s.prio
FROM sched s
LEFT JOIN thread_info i ON i.trace = s.trace AND i.utid = s.utid
LEFT JOIN cpu c ON c.trace = s.trace AND c.cpu = s.cpu
