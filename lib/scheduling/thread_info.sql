-- thread_info: one thread's life, with the name of its process
-- trace: trace
-- utid: identity of the thread in the trace; 0 is the idle threads [id]
-- tid: thread id
-- tgid: process id; NULL if unknown
-- name: last known name
-- process_name: name of the process; the thread's own name where the process is unknown
-- kernel_thread: kernel thread; NULL if unknown
SELECT t.trace, t.utid, t.tid, t.tgid, t.name, coalesce(p.name, t.name) AS process_name, t.kernel_thread
FROM thread t
LEFT JOIN (
	-- A process id that was used again has several rows: the latest known.
	SELECT trace, tgid, max_by(name, coalesce(leader_utid, -1)) AS name
	FROM process
	GROUP BY trace, tgid
) p ON p.trace = t.trace AND p.tgid = t.tgid
