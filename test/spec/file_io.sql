-- Calls on descriptors that are not only of sockets, and have their row not in socket_io: there they stand where the
-- descriptor is known to be a socket, which SQL does not follow.
SELECT trace, ts, dur, utid, fd, syscall, file_op AS op, bytes, asked, position, error, running_ns, runnable_ns, blocked_ns,
	unknown_ns, open_left, open_right
FROM descriptor_io d WHERE NOT socket AND NOT EXISTS (
	SELECT 1 FROM socket_io s WHERE s.trace = d.trace AND s.utid = d.utid AND s.ts = d.ts AND s.syscall = d.syscall)
