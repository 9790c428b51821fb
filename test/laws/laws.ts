/**
 * Laws that hold for every dataset. A law is a query that returns the rows that break it, with enough of each row to
 * find it in the trace.
 */
import { catalog } from "../../lib/schema/catalog.ts";
import { quoteIdentifier } from "../../lib/schema/layout.ts";

export interface Law {
	readonly title: string;
	/** Tables without which the law says nothing. */
	readonly needs: readonly string[];
	readonly sql: string;
}

/** Intervals of derived tables: all have ts and dur. */
const intervals = [...catalog.values()].filter(
	(t) => t.kind === "derived" && t.columns.ts !== undefined && t.columns.dur !== undefined,
);

/** Stamps of one trace end here; derived rows and events alike. */
const window = "SELECT trace, start_ts, end_ts FROM trace";

/** The sched slices of each CPU and its lost intervals, clipped to what the CPU recorded, in order. */
const cpuTiles = `
WITH tile AS (
	SELECT trace, cpu, ts AS a, ts + dur AS b, 'slice' AS what FROM sched
	UNION ALL
	SELECT l.trace, l.cpu, greatest(l.ts, c.first_ts), least(l.ts + l.dur, c.last_ts), 'lost'
	FROM lost l JOIN cpu c USING (trace, cpu)
	WHERE l.ts + l.dur > c.first_ts AND l.ts < c.last_ts AND l.trace IN (SELECT trace FROM sched)),
ordered AS (
	SELECT *, lag(b) OVER (PARTITION BY trace, cpu ORDER BY a, b) AS before FROM tile)`;

export const laws: readonly Law[] = [
	{
		title: "2: the slices of a CPU follow each other without gap or overlap, but for lost intervals",
		needs: ["sched"],
		sql: `${cpuTiles} SELECT * FROM ordered WHERE before IS NOT NULL AND a <> before ORDER BY cpu, a`,
	},
	{
		title: "2: the slices of a CPU cover all from its first to its last record",
		needs: ["sched"],
		sql: `${cpuTiles},
			hull AS (SELECT trace, cpu, min(a) AS a, max(b) AS b FROM ordered GROUP BY trace, cpu)
			SELECT c.trace, c.cpu, c.first_ts, c.last_ts, h.a, h.b
			FROM cpu c LEFT JOIN hull h USING (trace, cpu)
			JOIN trace t ON t.trace = c.trace AND t.clock_unit = 'ns'
			WHERE c.first_ts IS NOT NULL AND c.trace IN (SELECT trace FROM sched) AND (h.a IS DISTINCT FROM c.first_ts OR h.b IS DISTINCT FROM c.last_ts)`,
	},
	{
		title: "2: a thread is on one CPU at a time",
		needs: ["sched"],
		sql: `WITH s AS (
				SELECT trace, utid, cpu, ts, ts + dur AS b, lag(ts + dur) OVER w AS before, lag(cpu) OVER w AS other
				FROM sched WHERE utid <> 0 AND dur > 0 WINDOW w AS (PARTITION BY trace, utid ORDER BY ts, ts + dur))
			SELECT * FROM s WHERE before > ts`,
	},
	{
		title: "3: the states of a thread follow each other without gap or overlap",
		needs: ["thread_state"],
		sql: `WITH s AS (
				SELECT trace, utid, state, ts, dur, lag(ts + dur) OVER (PARTITION BY trace, utid ORDER BY ts, ts + dur) AS before
				FROM thread_state WHERE dur IS NOT NULL)
			SELECT * FROM s WHERE before IS NOT NULL AND before <> ts`,
	},
	{
		title: "3: a thread runs, by its states, as long as its slices are",
		needs: ["thread_state", "sched"],
		sql: `WITH a AS (SELECT trace, utid, sum(dur) AS ns FROM thread_state WHERE state = 'running' GROUP BY trace, utid),
				b AS (SELECT trace, utid, sum(dur) AS ns FROM sched WHERE utid <> 0 GROUP BY trace, utid)
			SELECT trace, utid, a.ns AS running, b.ns AS slices FROM a FULL JOIN b USING (trace, utid)
			WHERE coalesce(a.ns, 0) <> coalesce(b.ns, 0)`,
	},
	{
		title: "3: a thread's states begin no earlier and end no later than its observed life",
		needs: ["thread_state"],
		sql: `SELECT s.trace, s.utid, min(s.ts) AS a, max(s.ts + s.dur) AS b, any_value(t.first_ts) AS first_ts, any_value(w.end_ts) AS end_ts
			FROM thread_state s JOIN thread t USING (trace, utid) JOIN trace w ON w.trace = s.trace
			GROUP BY s.trace, s.utid HAVING min(s.ts) < any_value(t.first_ts) OR max(s.ts + s.dur) > any_value(w.end_ts)`,
	},
	{
		title: "4: running, runnable, blocked and unknown time of a system call are its duration",
		needs: ["syscall"],
		sql: `SELECT trace, ts, utid, name, dur, running_ns, runnable_ns, blocked_ns, unknown_ns FROM syscall
			WHERE dur IS NOT NULL AND running_ns + runnable_ns + blocked_ns + unknown_ns IS DISTINCT FROM dur`,
	},
	{
		title: "4: queue and service time of a block request are its total time",
		needs: ["block_io"],
		sql: `SELECT trace, io, ts, queue_ns, service_ns, total_ns FROM block_io
			WHERE queue_ns IS NOT NULL AND service_ns IS NOT NULL AND queue_ns + service_ns IS DISTINCT FROM total_ns`,
	},
	{
		title: "4: the times of a block request are the differences of its stamps",
		needs: ["block_io"],
		sql: `SELECT trace, io, queued_ts, issued_ts, completed_ts, queue_ns, service_ns, total_ns
			FROM block_io JOIN trace USING (trace) WHERE clock_unit = 'ns' AND merged_into IS NULL
			AND (queue_ns IS DISTINCT FROM issued_ts - queued_ts OR service_ns IS DISTINCT FROM completed_ts - issued_ts
				OR total_ns IS DISTINCT FROM completed_ts - queued_ts)`,
	},
	{
		title: "4: a futex call sleeps no longer than it lasts",
		needs: ["futex_wait"],
		sql: "SELECT trace, ts, utid, dur, slept_ns FROM futex_wait WHERE slept_ns > dur OR slept_ns < 0",
	},
	{
		title: "4: every call in file_io and socket_io has its row in syscall, and one only",
		needs: ["syscall", "file_io", "socket_io"],
		sql: `WITH io AS (
				SELECT trace, utid, ts, dur, syscall, error, bytes, running_ns + runnable_ns + blocked_ns + unknown_ns AS parts FROM file_io
				UNION ALL
				SELECT trace, utid, ts, dur, syscall, error, bytes, running_ns + runnable_ns + blocked_ns + unknown_ns FROM socket_io),
			a AS (SELECT trace, utid, ts, syscall AS name, dur, error, parts, coalesce(bytes, 0) AS bytes, count(*) AS n FROM io GROUP BY ALL),
			b AS (SELECT trace, utid, ts, name, dur, error, count(*) AS n, bool_or(ret >= 0) AS worked, list(ret) AS rets FROM syscall GROUP BY ALL)
			SELECT a.*, b.n AS calls, b.rets FROM a LEFT JOIN b ON b.trace = a.trace AND b.utid = a.utid AND b.ts = a.ts AND b.name = a.name
				AND b.dur IS NOT DISTINCT FROM a.dur AND b.error IS NOT DISTINCT FROM a.error
			WHERE b.n IS NULL OR a.n > b.n OR a.parts IS DISTINCT FROM a.dur OR (a.bytes <> 0 AND NOT list_contains(b.rets, a.bytes))`,
	},
	{
		title: "4: a file has a source where it has a path, and no inode without a source",
		needs: ["file"],
		sql: "SELECT * FROM file WHERE source IS NULL AND (path IS NOT NULL OR inode IS NOT NULL OR type IS NOT NULL)",
	},
	{
		title: "4: an interrupt's own time is no more than its duration, and not negative",
		needs: ["irq", "softirq"],
		sql: `SELECT * FROM (SELECT trace, ts, cpu, kind, dur, self_ns FROM irq
				UNION ALL SELECT trace, ts, cpu, 'softirq', dur, self_ns FROM softirq) WHERE self_ns < 0 OR self_ns > dur`,
	},
	...intervals.map((t) => ({
		title: `5: ${t.name} has no negative duration`,
		needs: [t.name],
		sql: `SELECT trace, ts, dur FROM ${t.name} WHERE dur < 0`,
	})),
	...intervals.map((t) => ({
		title: `5: ${t.name} lies in the window of the trace`,
		needs: [t.name],
		sql: `SELECT x.trace, x.ts, x.dur, w.start_ts, w.end_ts FROM ${t.name} x JOIN (${window}) w USING (trace)
			WHERE x.ts < w.start_ts OR x.ts + coalesce(x.dur, 0) > w.end_ts`,
	})),
	...[...catalog.values()].flatMap((t) =>
		Object.entries(t.columns)
			.filter(([, column]) => column.ref !== undefined)
			.map(([name, column]) => {
				const [table, key] = column.ref!.split(".") as [string, string];
				return {
					title: `5: ${t.name}.${name} finds its row in ${table}`,
					needs: [t.name],
					sql: `SELECT x.trace, x.${quoteIdentifier(name)} FROM ${quoteIdentifier(t.name)} x
						WHERE x.${quoteIdentifier(name)} IS NOT NULL
						AND (x.trace, x.${quoteIdentifier(name)}) NOT IN (SELECT (trace, ${key}) FROM ${table} WHERE ${key} IS NOT NULL)
						LIMIT 20`,
				};
			}),
	),
	{
		title: "5: every frame of a stack finds its row",
		needs: ["stack"],
		sql: `SELECT trace, stack_id, f FROM (SELECT trace, stack_id, unnest(frames) AS f FROM stack)
			WHERE (trace, f) NOT IN (SELECT (trace, frame_id) FROM frame)`,
	},
	{
		title: "5: keys of identity tables are unique",
		needs: ["thread"],
		sql: `SELECT * FROM (
			SELECT 'thread' AS t, trace, utid AS k, count(*) AS n FROM thread GROUP BY ALL
			UNION ALL SELECT 'stack', trace, stack_id, count(*) FROM stack GROUP BY ALL
			UNION ALL SELECT 'frame', trace, frame_id, count(*) FROM frame GROUP BY ALL
			UNION ALL SELECT 'cpu', trace, cpu, count(*) FROM cpu GROUP BY ALL
			UNION ALL SELECT 'file', trace, file_id, count(*) FROM file GROUP BY ALL
			UNION ALL SELECT 'socket', trace, socket_id, count(*) FROM socket GROUP BY ALL
			UNION ALL SELECT 'device', trace, dev, count(*) FROM device GROUP BY ALL) WHERE n > 1`,
	},
	{
		title: "5: a thread whose creation was told twice is one thread",
		needs: ["thread"],
		sql: `SELECT a.trace, a.tid, a.utid, a.name, a.first_ts, b.utid AS other, b.first_ts AS other_first_ts
			FROM thread a JOIN thread b ON b.trace = a.trace AND b.tid = a.tid AND b.utid > a.utid
			WHERE a.tid <> 0 AND a.start_known AND b.start_known AND NOT a.end_known AND b.first_ts - a.last_ts < 1000000
			AND a.trace IN (SELECT trace FROM trace WHERE clock_unit = 'ns')`,
	},
	{
		title: "5: two lives of one thread number do not overlap",
		needs: ["thread"],
		sql: `WITH t AS (SELECT trace, tid, utid, first_ts, lag(last_ts) OVER (PARTITION BY trace, tid ORDER BY first_ts) AS before
				FROM thread WHERE tid <> 0 AND first_ts IS NOT NULL)
			SELECT * FROM t WHERE before > first_ts`,
	},
	{
		title: "5: every mapped file with frames finds its row, which counts their addresses",
		needs: ["frame", "dso"],
		sql: `SELECT f.trace, f.module, f.build_id, count(*) AS n, count(f.symbol) AS symbols, any_value(b.frames) AS frames, any_value(b.named) AS named
			FROM frame f LEFT JOIN dso b
			ON b.trace = f.trace AND b.module = f.module AND b.build_id IS NOT DISTINCT FROM f.build_id
			WHERE f.module IS NOT NULL AND (f.module NOT LIKE '[%' OR f.module = '[vdso]') AND f.inlined IS DISTINCT FROM true GROUP BY ALL
			HAVING any_value(b.frames) IS DISTINCT FROM count(*) OR any_value(b.named) IS DISTINCT FROM count(f.symbol)`,
	},
	{
		title:
			"5: every record lies between the first and the last of its CPU, and the CPUs' records, and samples that name no CPU, are all there are",
		needs: ["trace"],
		sql: `WITH of_cpu AS (SELECT trace, sum(events) AS n, min(first_ts) AS a, max(last_ts) AS b FROM cpu GROUP BY trace),
				apart AS (SELECT trace, count(*) AS n, min(ts) AS a, max(ts) AS b FROM cpu_sample WHERE cpu IS NULL GROUP BY trace)
			SELECT t.trace, t.events, c.n AS of_cpus, s.n AS apart, t.start_ts, c.a AS first, s.a AS first_apart, t.end_ts, c.b AS last, s.b AS last_apart
			FROM trace t LEFT JOIN of_cpu c USING (trace) LEFT JOIN apart s USING (trace)
			WHERE t.events <> coalesce(c.n, 0) + coalesce(s.n, 0)
				OR t.start_ts IS DISTINCT FROM least(c.a, s.a) OR t.end_ts IS DISTINCT FROM greatest(c.b, s.b)`,
	},
	{
		title: "5: samples either all name their CPU or none does",
		needs: ["cpu_sample"],
		sql: `SELECT trace, count(*) AS n, count(cpu) AS with_cpu, any_value(events) AS events FROM cpu_sample s JOIN trace USING (trace)
			GROUP BY trace HAVING count(cpu) NOT IN (0, count(*))`,
	},
	{
		title: "5: a sample stands for no negative time, and for as much time as its clock counted",
		needs: ["cpu_sample"],
		sql: "SELECT trace, ts, event, period, ns FROM cpu_sample WHERE period < 0 OR ns <> period",
	},
];
