-- io_request: one block request, with device and submitter; merged bios are rows of their own
-- trace: trace
-- ts: first sight [stamp]
-- dur: total, or what was seen of it [ns]
-- io: number of the request in the trace [id]
-- dev: device as the events have it
-- device: name such as vda, or major:minor where no side file tells
-- op: R read, W write, D discard, F flush
-- sector: first sector; NULL for a flush [sectors]
-- bytes: size [bytes]
-- utid: submitter [id]
-- tid: thread id of the submitter
-- tgid: process id of the submitter
-- name: thread name of the submitter
-- process_name: process name of the submitter
-- cpu: CPU of the first event
-- queue_ns: queued to issued; NULL if unknown [ns]
-- service_ns: issued to completed; NULL if unknown [ns]
-- total_ns: queued to completed; NULL if unknown [ns]
-- issued_ts: given to the driver; NULL if not seen [stamp]
-- completed_ts: completed; NULL if not seen [stamp]
-- error: 0 or negative errno; NULL if not completed
-- merged: it was merged into another request and has no service of its own
-- requeues: how often it went back to the queue
SELECT b.trace, b.ts, b.dur, b.io, b.dev,
	coalesce(d.name, CAST(CAST(floor(CAST(b.dev AS DOUBLE) / 1048576) AS BIGINT) AS VARCHAR) || ':'
		|| CAST(b.dev % 1048576 AS VARCHAR)) AS device,
	b.op, b.sector, b.bytes, b.utid, i.tid, i.tgid, i.name, i.process_name, b.cpu,
	b.queue_ns, b.service_ns, b.total_ns, b.issued_ts, b.completed_ts, b.error,
	b.merged_into IS NOT NULL AS merged, b.requeues
FROM block_io b
LEFT JOIN device d ON d.trace = b.trace AND d.dev = b.dev
LEFT JOIN thread_info i ON i.trace = b.trace AND i.utid = b.utid
