import { describe, expect, it } from "vitest";
import { lintSql } from "./lint.ts";

const rules = (sql: string) => lintSql(sql).map((p) => p.rule);

describe("the lint accepts", () => {
	it.each([
		"SELECT trace, sum(dur) AS ns FROM sched GROUP BY trace",
		"SELECT CAST(a AS DOUBLE) / b AS q, 1e0 / b AS r FROM t",
		"SELECT lead(ts) OVER (PARTITION BY trace, cpu ORDER BY ts, kind) AS n FROM t",
		"SELECT f.symbol FROM stack s CROSS JOIN UNNEST(s.frames) WITH ORDINALITY AS u(frame_id, depth) JOIN frame f ON f.frame_id = u.frame_id",
		"SELECT x FROM (SELECT a + 1 AS x FROM t) q GROUP BY x",
		"WITH q AS (SELECT 1 AS a) SELECT count(*) FILTER (WHERE a > 1) AS n FROM q",
		"SELECT 'a::b & c' AS t, x -- y::z\nFROM t",
		"SELECT a || b AS c, sum(ts - lag_ts) AS d FROM t GROUP BY a || b",
		"SELECT x FROM (VALUES (1), (2)) AS v(x)",
	])("%s", (sql) => expect(lintSql(sql)).toEqual([]));
});

describe("the lint refuses", () => {
	it.each([
		["SELECT a::BIGINT FROM t", "operator"],
		["SELECT a FROM t QUALIFY x = 1", "word"],
		["SELECT a, count(*) FROM t GROUP BY ALL", "group"],
		["SELECT a + 1 AS x, count(*) AS n FROM t GROUP BY x", "group"],
		["SELECT sum(x) / count(x) AS m FROM t", "division"],
		["SELECT greatest(a, b) FROM t", "word"],
		["SELECT concat(a, b) FROM t", "word"],
		["SELECT a FROM t LIMIT 3 OFFSET 4", "limit"],
		["SELECT a[1] FROM t", "operator"],
		["SELECT median(a) FROM t", "function"],
		["SELECT quantile_disc(a, 0.5) FROM t", "function"],
		["SELECT list_sort(a) FROM t", "function"],
		["SELECT a & 1 FROM t", "operator"],
		["SELECT sum(s.ts) FROM s", "sum"],
		["SELECT sum(wake_ts) FROM s", "sum"],
		["SELECT row_number() OVER (ORDER BY ts) FROM t", "window"],
		["FROM t SELECT a", "from"],
		["SELECT unnest(a) FROM t", "unnest"],
		["SELECT a FROM t;", "operator"],
		["SELECT a FROM t WHERE date = '2026-01-01'", "date"],
		["SELECT a FROM t ASOF JOIN u ON t.x >= u.x", "word"],
	])("%s", (sql, rule) => expect(rules(sql)).toEqual([rule]));
	it("with the line", () => expect(lintSql("SELECT a,\n b::INT\nFROM t")[0].line).toBe(2));
});
