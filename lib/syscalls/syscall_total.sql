-- syscall_total: calls of one system call over the whole trace
-- trace: trace
-- name: system call; its number where the table of the machine does not have it
-- n: calls
-- errors: calls that failed
-- ns: sum of their lengths [ns]
-- max_ns: the longest [ns]
-- running_ns: part on a CPU [ns]
-- runnable_ns: part waiting for a CPU [ns]
-- blocked_ns: part asleep [ns]
-- unknown_ns: part in which the state of the thread is unknown [ns]
SELECT trace, coalesce(name, CAST(nr AS VARCHAR)) AS name, count(*) AS n, count(error) AS errors,
	CAST(sum(dur) AS BIGINT) AS ns, max(dur) AS max_ns, CAST(sum(running_ns) AS BIGINT) AS running_ns,
	CAST(sum(runnable_ns) AS BIGINT) AS runnable_ns, CAST(sum(blocked_ns) AS BIGINT) AS blocked_ns,
	CAST(sum(unknown_ns) AS BIGINT) AS unknown_ns
FROM syscall
GROUP BY trace, coalesce(name, CAST(nr AS VARCHAR))
