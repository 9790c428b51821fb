-- The futex calls that wake or requeue. The requeueing ones return woken plus requeued, and wake first.
WITH call AS (
	SELECT *, args[2] & 127 AS number, args[2] & 127 IN (3, 4, 12) AS requeues FROM syscall WHERE name = 'futex' AND args IS NOT NULL),
typed AS (
	SELECT *,
		CASE WHEN number <> 7 THEN CASE WHEN args[3] & 4294967295 >= 2147483648 THEN (args[3] & 4294967295) - 4294967296 ELSE args[3] & 4294967295 END END AS asked,
		CASE WHEN args[4] & 4294967295 >= 2147483648 THEN (args[4] & 4294967295) - 4294967296 ELSE args[4] & 4294967295 END AS "limit"
	FROM call)
SELECT trace, ts, dur, utid, args[1] AS uaddr,
	CASE number WHEN 1 THEN 'WAKE' WHEN 3 THEN 'REQUEUE' WHEN 4 THEN 'CMP_REQUEUE' WHEN 5 THEN 'WAKE_OP' WHEN 7 THEN 'UNLOCK_PI'
		WHEN 10 THEN 'WAKE_BITSET' ELSE 'CMP_REQUEUE_PI' END AS op,
	args[2] & 128 = 0 AS shared, asked,
	CASE WHEN number <> 7 AND ret >= 0 THEN ret END AS woken,
	CASE WHEN requeues AND ret >= 0 THEN greatest(ret - asked, 0) END AS requeued,
	CASE WHEN requeues THEN "limit" END AS requeue_limit,
	CASE WHEN requeues OR number = 5 THEN args[5] END AS uaddr2,
	ret, error, open_left, open_right
FROM typed WHERE number IN (1, 3, 4, 5, 7, 10, 12)
