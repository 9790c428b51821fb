-- futex_between: one address of shared futexes on which a thread of one process was woken by one of another
-- trace: trace
-- uaddr: address [address]
SELECT f.trace, f.uaddr
FROM futex_wait f
JOIN thread_info i ON i.trace = f.trace AND i.utid = f.utid
JOIN thread_info w ON w.trace = f.trace AND w.utid = f.waker_utid
WHERE f.shared AND f.outcome = 'woken' AND w.tgid <> i.tgid
GROUP BY f.trace, f.uaddr
