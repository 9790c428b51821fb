-- thread_time: time of one thread in one state over the whole trace
-- trace: trace
-- utid: thread [id]
-- tid: thread id
-- tgid: process id
-- name: thread name
-- process_name: process name
-- state: running, runnable, sleeping, disk, stopped, traced, parked, idle, dead or unknown
-- n: number of intervals
-- ns: their sum [ns]
SELECT s.trace, s.utid, i.tid, i.tgid, i.name, i.process_name, s.state, count(*) AS n, CAST(sum(s.dur) AS BIGINT) AS ns
FROM thread_state s
LEFT JOIN thread_info i ON i.trace = s.trace AND i.utid = s.utid
GROUP BY s.trace, s.utid, i.tid, i.tgid, i.name, i.process_name, s.state
