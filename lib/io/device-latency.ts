import type { Dataset } from "../dataset/dataset.ts";
import { began, type Spread, spreadColumns, spreadOf } from "../dataset/definitions.ts";
import { type Fragment, fragment, raw } from "../dataset/fragment.ts";
import type { Needs, NotRecorded } from "../dataset/needs.ts";
import { answer, type QueryParameters, type Scope, topOf } from "../dataset/scope.ts";
import { type ThreadRef, threadOf } from "../dataset/thread-ref.ts";
import { type WhereColumns, whereSql } from "../dataset/where.ts";

export const ioNeeds: Needs = { what: "Disk I/O", tables: ["block_io"] };

const fields: WhereColumns = { thread: "tid", process: "tgid", name: "name", cpu: "cpu", device: "device" };

/** Counts and times of requests that were first seen in the window; times are whole, ns. */
export interface IoMeasures {
	/** Requests to the device, without merged bios. */
	readonly n: number;
	/** Bios that were merged into other requests. */
	readonly merged: number;
	/** Bytes of the requests (merged bios are inside the requests that they joined). */
	readonly bytes: number;
	/** Requests that completed with an error. */
	readonly errors: number;
	/** Requests whose completion was not seen. */
	readonly open: number;
	/** Queued to issued. */
	readonly queue: Spread;
	/** Issued to completed. */
	readonly service: Spread;
	/** Queued to completed. */
	readonly total: Spread;
}

export interface DeviceLatency extends IoMeasures {
	readonly device: string;
	/** R, W, D, F or another first letter of rwbs. */
	readonly op: string;
}

/**
 * Latency by device and operation, the most requests first. A request belongs to the window in which it was first
 * seen. Conditions: thread, process, name (of the submitter), cpu, device.
 */
export function deviceLatency(
	ds: Dataset,
	parameters?: QueryParameters,
): Promise<DeviceLatency[] | NotRecorded> {
	return answer(ds, parameters, ioNeeds, async (scope) => {
		const rows = await requests<{ device: string; op: string }>(
			ds,
			scope,
			raw("device, op"),
			raw("device, op"),
		);
		return topOf(rows, scope.top).map((r) => ({ device: r.device, op: r.op, ...measures(r) }));
	});
}

export interface DeviceTotal extends IoMeasures {
	readonly device: string;
	/** Sum of the queue times, ns. */
	readonly queueNs: number;
	/** Sum of the service times, ns. */
	readonly serviceNs: number;
}

/** Latency by device, all operations together, the most requests first. Conditions as deviceLatency. */
export function deviceTotals(
	ds: Dataset,
	parameters?: QueryParameters,
): Promise<DeviceTotal[] | NotRecorded> {
	return answer(ds, parameters, ioNeeds, async (scope) => {
		const rows = await requests<{ device: string; queue_sum: number; service_sum: number }>(
			ds,
			scope,
			raw("device"),
			raw("device"),
		);
		return topOf(rows, scope.top).map((r) => ({
			device: r.device,
			queueNs: r.queue_sum ?? 0,
			serviceNs: r.service_sum ?? 0,
			...measures(r),
		}));
	});
}

export interface SubmitterLatency extends IoMeasures, ThreadRef {
	readonly device: string;
	readonly op: string;
}

/** Latency by submitting thread, device and operation, the most requests first. Conditions as deviceLatency. */
export function submitterLatency(
	ds: Dataset,
	parameters?: QueryParameters,
): Promise<SubmitterLatency[] | NotRecorded> {
	return answer(ds, parameters, ioNeeds, async (scope) => {
		const rows = await requests<ThreadRef & { device: string; op: string }>(
			ds,
			scope,
			raw("utid, tid, tgid, name, process_name AS process, device, op"),
			raw("utid, device, op"),
		);
		return topOf(rows, scope.top).map((r) => ({
			...threadOf(r),
			device: r.device,
			op: r.op,
			...measures(r),
		}));
	});
}

type Measured = Readonly<Record<string, unknown>>;

function measures(r: Measured): IoMeasures {
	return {
		n: Number(r.n),
		merged: Number(r.merged),
		bytes: Number(r.bytes),
		errors: Number(r.errors),
		open: Number(r.open),
		queue: spreadOf(r, "queue"),
		service: spreadOf(r, "service"),
		total: spreadOf(r, "total"),
	};
}

function requests<K>(
	ds: Dataset,
	scope: Scope,
	columns: Fragment,
	order: Fragment,
): Promise<(K & Measured)[]> {
	// A merged bio has no service of its own: it is counted, and its times are the request's.
	const own = (column: string) => `CASE WHEN NOT was_merged THEN ${column} END`;
	return ds.rows<K & Measured>(
		fragment`
SELECT ${columns}, count(*) FILTER (WHERE NOT was_merged) AS n, count(*) FILTER (WHERE was_merged) AS merged,
	CAST(coalesce(sum(bytes) FILTER (WHERE NOT was_merged), 0) AS DOUBLE) AS bytes,
	count(*) FILTER (WHERE NOT was_merged AND error <> 0) AS errors,
	count(*) FILTER (WHERE NOT was_merged AND completed_ts IS NULL) AS open,
	${spreadColumns(own("queue_ns"), "queue")}, ${spreadColumns(own("service_ns"), "service")}, ${spreadColumns(own("total_ns"), "total")}
FROM (SELECT * RENAME (merged AS was_merged) FROM io_request)
WHERE trace = ${scope.trace} AND ${began(scope.window)} AND ${whereSql(scope.where, fields)}
GROUP BY ALL ORDER BY n DESC, ${order}`,
		scope.options,
	);
}

export interface DeviceBusy {
	readonly device: string;
	/** Time in the window with at least one request at the device (issued and not completed), ns. */
	readonly busyNs: number;
	/** Sum of the requests' times at the device in the window, ns; divided by busyNs: mean depth while busy. */
	readonly inFlightNs: number;
	/** Most requests at the device at once. */
	readonly maxDepth: number;
}

/** How long each device had something to do. Conditions: device (others would leave out requests that count). */
export function deviceBusy(ds: Dataset, parameters?: QueryParameters): Promise<DeviceBusy[] | NotRecorded> {
	return answer(ds, parameters, ioNeeds, async (scope) => {
		const { window: w, trace } = scope;
		return topOf(
			await ds.rows<DeviceBusy>(
				fragment`
WITH flight AS (
	SELECT device, CASE WHEN issued_ts > ${w.start} THEN issued_ts ELSE ${w.start} END AS a, CASE WHEN completed_ts < ${w.end} THEN completed_ts ELSE ${w.end} END AS b
	FROM io_request
	WHERE trace = ${trace} AND NOT merged AND issued_ts < ${w.end} AND completed_ts > ${w.start} AND ${whereSql(scope.where, { device: "device" })}
), point AS (
	SELECT device, a AS t, 1 AS d FROM flight UNION ALL SELECT device, b, -1 FROM flight
), piece AS (
	SELECT device, lead(t) OVER o - t AS ns, sum(d) OVER o AS depth FROM point
	WINDOW o AS (PARTITION BY device ORDER BY t, d ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
SELECT device, CAST(coalesce(sum(ns) FILTER (WHERE depth > 0), 0) AS DOUBLE) AS "busyNs",
	CAST(coalesce(sum(ns * depth), 0) AS DOUBLE) AS "inFlightNs", CAST(max(depth) AS DOUBLE) AS "maxDepth"
FROM piece GROUP BY device ORDER BY "busyNs" DESC, device`,
				scope.options,
			),
			scope.top,
		);
	});
}
