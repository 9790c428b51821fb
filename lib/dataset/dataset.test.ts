import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDuckdb } from "../duckdb/open.ts";
import { exitCode, PowerkiError } from "../schema/errors.ts";
import { type Dataset, openDataset } from "./dataset.ts";
import { makeDataset, rowsSql } from "./fixture.ts";
import { identifier } from "./fragment.ts";
import { findDataset } from "./manifests.ts";

const big = 1795600000000009489n;
let root: string;
let out: string;
let ds: Dataset;

beforeAll(async () => {
	root = await makeDataset([
		{
			trace: "aaaa000000000001",
			host: "p9",
			date: "2026-05-01",
			tables: {
				sched: [
					rowsSql("sched", [{ ts: 10, dur: 5, cpu: 0, utid: 1 }]),
					// A later part that lacks most columns.
					"SELECT 20::BIGINT AS ts, 1::INTEGER AS cpu, 7::BIGINT AS dur",
				],
				futex_wait: rowsSql("futex_wait", [{ ts: 1, uaddr: "-4611686018427387904", dur: 1 }]),
				my_tracepoint: `SELECT ${big}::BIGINT AS ts, 0::INTEGER AS cpu, 1::INTEGER AS utid, 'é' AS word`,
			},
			columns: { my_tracepoint: { word: "VARCHAR" } },
		},
		{ trace: "bbbb000000000002", tables: { sched: rowsSql("sched", [{ ts: 1, dur: 2, cpu: 3, utid: 4 }]) } },
	]);
	out = mkdtempSync(join(tmpdir(), "powerki-out-"));
	ds = await openDataset(root, { outDirs: [out] });
});
afterAll(() => {
	ds.close();
	rmSync(root, { recursive: true });
	rmSync(out, { recursive: true });
});

async function failure(work: () => Promise<unknown>): Promise<PowerkiError> {
	try {
		await work();
	} catch (error) {
		expect(error).toBeInstanceOf(PowerkiError);
		return error as PowerkiError;
	}
	throw new Error("no error came");
}

describe("tables of a dataset", () => {
	it("show every declared column, in order, also where files lack it", async () => {
		const r = await ds.sql`SELECT * FROM sched ORDER BY trace, ts`;
		expect(r.columns.map((c) => `${c.name} ${c.type}`)).toEqual([
			"trace VARCHAR",
			"ts BIGINT",
			"dur BIGINT",
			"cpu INTEGER",
			"utid INTEGER",
			"end_state VARCHAR",
			"prio INTEGER",
			"open_left BOOLEAN",
			"open_right BOOLEAN",
			"host VARCHAR",
			"date DATE",
		]);
		expect(r.rows().map((x) => [x.trace, x.ts, x.utid, x.host, x.date])).toEqual([
			["aaaa000000000001", 10n, 1, "p9", "2026-05-01"],
			["aaaa000000000001", 20n, null, "p9", "2026-05-01"],
			["bbbb000000000002", 1n, 4, null, null],
		]);
	});
	it("exist for a query even where no trace has rows", async () => {
		expect((await ds.sql`SELECT * FROM block_io`).rowCount).toBe(0);
	});
	it("include tracepoints that the schema does not know", async () => {
		expect((await ds.sql`SELECT ts, word FROM my_tracepoint`).rows()).toEqual([{ ts: big, word: "é" }]);
	});
	it("are the same through open.sql in plain DuckDB, started in the folder", async () => {
		const link = join(out, "link");
		symlinkSync(root, link);
		const plain = await openDuckdb();
		const cwd = process.cwd();
		process.chdir(link);
		try {
			const { readFileSync } = await import("node:fs");
			await plain.connection.run(readFileSync("open.sql", "utf8"));
			const r = await plain.connection.runAndReadAll("SELECT count(*), sum(dur), hex(min(utid)) FROM sched");
			expect(r.getRows()).toEqual([[3n, 14n, "0x1"]]);
		} finally {
			process.chdir(cwd);
			plain.close();
		}
	});
	it("print addresses by hex()", async () => {
		expect((await ds.sql`SELECT hex(uaddr) AS a FROM futex_wait`).rows()).toEqual([
			{ a: "0xc000000000000000" },
		]);
	});
});

describe("values in a query", () => {
	it("are bound with their types", async () => {
		const r =
			await ds.sql`SELECT ${1} AS i, ${2 ** 40} AS b, ${big} AS n, ${0.5} AS d, ${"a'b"} AS s, ${null} AS z, ${true} AS t`;
		expect(r.rows()).toEqual([{ i: 1, b: 2n ** 40n, n: big, d: 0.5, s: "a'b", z: null, t: true }]);
	});
	it("may be lists, of mixed integer widths too", async () => {
		const r =
			await ds.sql`SELECT ts FROM sched WHERE ts = ANY(${[1, 20n, 2 ** 50]}) AND trace NOT IN ${["x"]} ORDER BY ts`;
		expect(r.column("ts")).toEqual(BigInt64Array.of(1n, 20n));
	});
	it("never become part of the text", async () => {
		const evil = "' OR 1=1 --";
		expect((await ds.sql`SELECT * FROM sched WHERE trace = ${evil}`).rowCount).toBe(0);
	});
	it("take names by identifier()", async () => {
		expect((await ds.sql`SELECT count(*) AS n FROM ${identifier("sched")}`).rows()).toEqual([{ n: 3n }]);
	});
	it("are counted", async () => {
		expect((await failure(() => ds.query("SELECT ?"))).message).toBe(
			"the query has 1 marks (?) and 0 values",
		);
	});
});

describe("a result", () => {
	it("becomes an arquero table over typed arrays", async () => {
		const t = await (await ds.sql`SELECT ts, cpu, utid FROM sched ORDER BY ts`).toArquero();
		expect(t.numRows()).toBe(3);
		expect(t.array("ts", BigInt64Array)).toEqual(BigInt64Array.of(1n, 10n, 20n));
		expect(Array.from(t.array("utid") as Iterable<unknown>)).toEqual([4, 1, null]);
	});
	it("gives BIGINT as numbers on request", async () => {
		const t = await (await ds.sql`SELECT ts FROM sched ORDER BY ts`).toArquero({ bigint: "number" });
		expect(t.array("ts")).toEqual([1, 10, 20]);
	});
	it("becomes a small Danfo frame with NaN for unknown numbers", async () => {
		const df = await (await ds.sql`SELECT ts, utid, trace FROM sched ORDER BY ts`).toDanfo(2);
		expect(df.shape).toEqual([2, 3]);
		expect(df.values).toEqual([
			[1, 4, "bbbb000000000002"],
			[10, 1, "aaaa000000000001"],
		]);
	});
	it("stops at the limit and says so", async () => {
		const r = await ds.query("SELECT range AS x FROM range(10000000000)", [], { limit: 3 });
		expect([r.rowCount, r.truncated]).toEqual([3, true]);
		expect((await ds.query("SELECT 1", [], { limit: 1 })).truncated).toBe(false);
	});
	it("comes in pieces where it is large", async () => {
		let n = 0;
		for await (const piece of ds.batches("SELECT range AS x FROM range(10000)")) n += piece.rowCount;
		expect(n).toBe(10000);
	});
	it("keeps structure: lists, structs, dates, wide integers", async () => {
		expect(
			(await ds.sql`SELECT [1, NULL] AS l, {a: 1} AS s, DATE '2026-01-02' AS d, 1::HUGEINT AS h`).rows(),
		).toEqual([{ l: [1, null], s: { a: 1 }, d: "2026-01-02", h: 1n }]);
	});
	it("keeps values across chunks when a NULL comes late", async () => {
		const r =
			await ds.sql`SELECT CASE WHEN range = 5000 THEN NULL ELSE range END AS x FROM range(5001) ORDER BY range`;
		expect(r.column("x").length).toBe(5001);
		expect([r.column("x")[0], r.column("x")[4999], r.column("x")[5000]]).toEqual([0n, 4999n, null]);
	});
});

describe("an error", () => {
	it("shows line and caret and the nearest column", async () => {
		const e = await failure(() => ds.query("SELECT trace,\n  utdi FROM sched"));
		expect(e.code).toBe(exitCode.usage);
		expect(e.message).toBe('referenced column "utdi" not found in FROM clause');
		expect(e.details.slice(0, 3)).toEqual([
			"LINE 2:   utdi FROM sched",
			"          ^",
			'did you mean "utid"?',
		]);
	});
	it("says whose column it is, where a name is in reach of the query but not of its FROM", async () => {
		const e = await failure(() => ds.query("SELECT (SELECT uaddr) FROM sched WHERE 'futex_wait' = ''"));
		expect(e.details).toContain('"uaddr" is a column of futex_wait');
	});
	it("names the nearest table", async () => {
		const e = await failure(() => ds.query("SELECT * FROM futex_waits"));
		expect(e.details).toContain('did you mean "futex_wait"?');
	});
	it("in a text that DuckDB cannot parse is the user's", async () => {
		const e = await failure(() => ds.query("SELEC 1"));
		expect([e.code, e.message]).toEqual([exitCode.usage, 'syntax error at or near "SELEC"']);
	});
	it("stops a running query by the signal and leaves the dataset usable", async () => {
		const stop = new AbortController();
		setTimeout(() => stop.abort(), 30);
		const e = await failure(() =>
			ds.query("SELECT count(*) FROM range(1000000000000) a", [], { signal: stop.signal }),
		);
		expect(e.code).toBe(exitCode.interrupted);
		expect((await ds.sql`SELECT 1 AS x`).rows()).toEqual([{ x: 1 }]);
	});
});

describe("what SQL may touch", () => {
	it("is not the rest of the machine", async () => {
		const e = await failure(() => ds.query("SELECT * FROM read_text('/etc/hostname')"));
		expect(e.details.join()).toMatch(/only in the dataset/);
	});
	it.each([
		"COPY (SELECT 1) TO '$'",
		"EXPLAIN ANALYZE COPY (SELECT 1) TO '$'",
		"PREPARE p AS COPY (SELECT 1) TO '$'",
		"ATTACH '$' AS d",
		"EXPORT DATABASE '$'",
	])("is not a file of the dataset: %s", async (text) => {
		const e = await failure(() => ds.query(text.replace("$", `${root}/sched/x.parquet`)));
		expect(e.message).toMatch(/may write only/);
		expect(existsSync(join(root, "sched/x.parquet"))).toBe(false);
	});
	it("cannot be widened by SET", async () => {
		await failure(() => ds.query("SET enable_external_access = true"));
		await failure(() => ds.query("SET allowed_directories = ['/']"));
	});
	it("is a directory that was named", async () => {
		expect(await ds.writeParquet("SELECT 1 AS x UNION ALL SELECT 2", join(out, "a.parquet"))).toBe(2);
		expect((await ds.query(`SELECT sum(x)::INTEGER AS s FROM '${out}/a.parquet'`)).rows()).toEqual([
			{ s: 3 },
		]);
	});
	it("is not the network: nothing is loaded from elsewhere", async () => {
		await failure(() => ds.query("INSTALL httpfs"));
	});
});

describe("finding a dataset", () => {
	it("goes upwards from the working directory, then to the environment", () => {
		expect(findDataset(undefined, join(root, "sched"), {})).toBe(root);
		expect(findDataset(undefined, out, { POWERKI_DATASET: root })).toBe(root);
	});
	it("says what is wrong", async () => {
		expect(() => findDataset(undefined, out, {})).toThrow("no dataset given");
		mkdirSync(join(out, "empty"));
		expect(() => findDataset(join(out, "empty"))).toThrow(/no dataset at/);
	});
	it("has one trace, or the user names it", async () => {
		expect(ds.manifest("p9").trace).toBe("aaaa000000000001");
		expect(ds.manifest("bb").trace).toBe("bbbb000000000002");
		expect(() => ds.manifest()).toThrow("the dataset has 2 traces: choose one");
		expect(() => ds.manifest("p8")).toThrow('the dataset has no trace "p8"');
	});
});

describe("views are made when they are named", () => {
	it("and all are there for a statement that looks at the catalog", async () => {
		const fresh = await openDataset(root);
		const names = (await fresh.query<{ name: string }>("SHOW TABLES")).rows().map((r) => r.name);
		expect(names).toEqual(expect.arrayContaining(["sched", "my_tracepoint", "import_note"]));
		fresh.close();
	});
	it("also in other letters, in quotes, and by several at once", async () => {
		const fresh = await openDataset(root);
		const counts = await Promise.all(
			[
				"SELECT 1 FROM SCHED",
				'SELECT 1 FROM "sched"',
				"WITH a AS (SELECT 1 FROM main.sched) SELECT * FROM a",
			].map(async (text) => {
				let n = 0;
				for await (const piece of fresh.batches(text)) n += piece.rowCount;
				return n + (await fresh.query(text)).rowCount;
			}),
		);
		expect(counts).toEqual([6, 6, 6]);
		fresh.close();
	});
});
