import { describe, expect, it } from "vitest";
import { catalog } from "./catalog.ts";
import { datasetTables, pathName, quoteIdentifier, tableDir } from "./layout.ts";
import type { Manifest } from "./manifest.ts";

describe("paths", () => {
	it("are hive partitions; what is unknown has hive's name for NULL", () => {
		expect(tableDir("sched", "2026-05-01", "p9", "ab")).toBe("sched/date=2026-05-01/host=p9/trace=ab");
		expect(tableDir("sched", null, null, "ab")).toBe(
			"sched/date=__HIVE_DEFAULT_PARTITION__/host=__HIVE_DEFAULT_PARTITION__/trace=ab",
		);
	});
	it.each([
		["p9.example.com", "p9.example.com"],
		["host a/b:c=d", "host-a-b-c-d"],
		["müller", "muller"],
		["../..", null],
		["", null],
		["日本", null],
		[null, null],
	])("make the name %s safe", (name, safe) => expect(pathName(name)).toBe(safe));
});

describe("tables", () => {
	const manifest = (columns: Record<string, string>) =>
		({
			trace: "t",
			date: null,
			host: null,
			tables: { odd_event: { files: ["part-0.parquet"], columns } },
		}) as unknown as Manifest;
	it("of undeclared tracepoints take the widest type of all traces", () => {
		const tables = datasetTables(
			[manifest({ n: "INTEGER", flag: "BOOLEAN" }), manifest({ n: "BIGINT", flag: "VARCHAR" })],
			catalog,
		);
		const odd = tables.find((t) => t.name === "odd_event");
		expect([...(odd?.columns ?? [])]).toEqual([
			["ts", "BIGINT"],
			["cpu", "INTEGER"],
			["utid", "INTEGER"],
			["n", "BIGINT"],
			["flag", "VARCHAR"],
		]);
	});
	it("of the schema are there without a trace", () => {
		expect(datasetTables([], catalog).map((t) => t.name)).toEqual([...catalog.keys()]);
	});
	it("cannot break out of their quotes", () => expect(quoteIdentifier('a"b')).toBe('"a""b"'));
});
