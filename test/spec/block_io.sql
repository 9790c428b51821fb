-- A request: from the first sight of its bio (queue), its getrq or insert, to issue and completion, by (dev, sector).
-- Merged bios are rows of their own. Flushes have no sector: the n-th issue of a device pairs with its n-th completion.
-- This is about the main fields; remapped, requeued and partly completed requests are tested beside the derivation.
WITH issue AS (
	SELECT trace, dev, sector, nr_sector, bytes, rwbs, ts, utid, cpu, stack_id,
		row_number() OVER (PARTITION BY trace, dev, CASE WHEN rwbs LIKE 'FF%' OR nr_sector = 0 THEN -1 ELSE sector END, nr_sector ORDER BY ts) AS k
	FROM block_rq_issue),
done AS (
	SELECT trace, dev, sector, nr_sector, error, ts,
		row_number() OVER (PARTITION BY trace, dev, CASE WHEN sector = -1 THEN -1 ELSE sector END, nr_sector ORDER BY ts) AS k
	FROM block_rq_complete WHERE nr_sector > 0 OR sector = -1),
request AS (
	SELECT i.*, d.ts AS completed_ts, d.error
	FROM issue i LEFT JOIN done d ON d.trace = i.trace AND d.dev = i.dev AND d.nr_sector = i.nr_sector AND d.k = i.k
		AND d.sector = CASE WHEN i.nr_sector = 0 THEN -1 ELSE i.sector END)
SELECT trace, dev, CASE WHEN nr_sector > 0 THEN sector END AS sector, bytes,
	CASE WHEN nr_sector = 0 THEN 'F' ELSE regexp_extract(rwbs, '^F?([A-Z])', 1) END AS op,
	utid AS issuer_utid, ts AS issued_ts, completed_ts, completed_ts - ts AS service_ns, error
FROM request
