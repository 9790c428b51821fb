-- Calls that only sockets have, and the other calls on descriptors that have no row in file_io.
SELECT trace, ts, dur, utid, fd, syscall, socket_op AS op, bytes, asked, error, running_ns, runnable_ns, blocked_ns, unknown_ns,
	open_left, open_right
FROM descriptor_io d WHERE socket OR NOT EXISTS (
	SELECT 1 FROM file_io f WHERE f.trace = d.trace AND f.utid = d.utid AND f.ts = d.ts AND f.syscall = d.syscall)
