import { describe, expect, it } from "vitest";
import { SqlResult } from "../dataset/result.ts";
import { displayWidth } from "../figures/text.ts";
import { hostileNames } from "./example-report.ts";
import { coloured, terminalOf } from "./ink.ts";
import { boxTable, RowSample, resultTable } from "./table.ts";

const columns = [
	{ name: "name", type: "VARCHAR" },
	{ name: "waits", type: "BIGINT" },
	{ name: "total", type: "HUGEINT" },
	{ name: "mean", type: "DOUBLE" },
	{ name: "cpus", type: "INTEGER[]" },
];
const waits = new SqlResult(columns, 3, false, [
	["order-w3", "日本語", null],
	BigInt64Array.from([166n, 12_345n, -4611686018427387904n]),
	[713_458_918n, null, 0n],
	Float64Array.from([0.1 + 0.2, 4_297_945.5, 1 / 3]),
	[[0, 1], [], [2, null]],
]);
const numbers = (n: number) =>
	new SqlResult([{ name: "n", type: "BIGINT" }], n, false, [
		BigInt64Array.from({ length: n }, (_, k) => BigInt(k)),
	]);

describe("a result on the terminal", () => {
	it("has names, types, numbers to the right and grouped", () => {
		expect(resultTable(waits).replaceAll("\u202f", "_")).toMatchInlineSnapshot(`
			"┌──────────┬────────────────────────────┬─────────────┬────────────────┬───────────┐
			│ name     │                      waits │       total │           mean │ cpus      │
			│ VARCHAR  │                     BIGINT │     HUGEINT │         DOUBLE │ INTEGER[] │
			├──────────┼────────────────────────────┼─────────────┼────────────────┼───────────┤
			│ order-w3 │                        166 │ 713_458_918 │            0.3 │ [0, 1]    │
			│ 日本語   │                     12_345 │        NULL │    4_297_945.5 │ []        │
			│ NULL     │ −4_611_686_018_427_387_904 │           0 │ 0.333333333333 │ [2, NULL] │
			└──────────┴────────────────────────────┴─────────────┴────────────────┴───────────┘
			"
		`);
	});
	it("has lines of one width, also with wide characters and names that would act", () => {
		const names = new SqlResult([{ name: "comm", type: "VARCHAR" }], hostileNames.length, false, [
			hostileNames,
		]);
		const lines = resultTable(names).trimEnd().split("\n");
		expect(new Set(lines.map(displayWidth)).size).toBe(1);
		expect(lines.join("")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
		expect(lines.join("\n")).toContain("a\\x1b[31m\\x07b\\x00");
	});
	it("shows forty rows whole, of more the first twenty and the last five", () => {
		expect(resultTable(numbers(40)).split("\n").length).toBe(40 + 5 + 1);
		const text = resultTable(numbers(41));
		const shown = [...text.matchAll(/│ +(\d+|·) │/g)].map((m) => m[1]);
		expect(shown).toEqual([
			...Array.from({ length: 20 }, (_, k) => String(k)),
			"·",
			...["36", "37", "38", "39", "40"],
		]);
		expect(text).toMatch(/\n25 of 41 rows\n$/);
	});
	it("keeps the last rows of many pieces", () => {
		const sample = new RowSample();
		for (const size of [39, 3, 0, 2048, 1]) sample.add(numbers(size));
		expect(sample.count).toBe(2091);
		expect(
			sample
				.rows()
				.rows.map((r) => Number(r[0]))
				.slice(18),
		).toEqual([18, 19, 2044, 2045, 2046, 2047, 0]);
		expect(boxTable([{ name: "n", type: "BIGINT" }], sample)).toContain("25 of 2091 rows");
	});
	it("loses columns from the right and says which", () => {
		const text = resultTable(waits, { width: 40 });
		expect(Math.max(...text.split("\n").map(displayWidth))).toBeLessThanOrEqual(40);
		expect(text).toContain("not shown for lack of room: waits,\ntotal, mean, cpus");
		expect(text).toContain("│ name ");
	});
	it("cuts a long text before it loses a column", () => {
		const long = new SqlResult(
			[
				{ name: "command", type: "VARCHAR" },
				{ name: "n", type: "INTEGER" },
			],
			1,
			false,
			[["x".repeat(300)], Int32Array.from([1])],
		);
		const text = resultTable(long);
		expect(text).toMatch(/x+… │ +1 │/);
		expect(displayWidth(text.split("\n")[0]!)).toBe(100);
	});
	it("says that more rows exist than were fetched", () => {
		expect(resultTable(waits, { available: null })).toMatch(/\n3 of 3 or more rows\n$/);
	});
	it("prints a plan as it is", () => {
		const plan = new SqlResult(
			[
				{ name: "explain_key", type: "VARCHAR" },
				{ name: "explain_value", type: "VARCHAR" },
			],
			1,
			false,
			[["physical_plan"], ["┌──┐\n│x │\n└──┘\n"]],
		);
		expect(resultTable(plan)).toBe("┌──┐\n│x │\n└──┘\n");
	});
	it("draws with ASCII where the terminal has no UTF-8", () => {
		expect(resultTable(numbers(1), { ascii: true }).split("\n")[0]).toBe("+--------+");
	});
	it("has weight only, no other text, with colour", () => {
		const text = resultTable(waits, { ink: coloured });
		expect(text).toContain("\u001b[2m");
		expect(text.replace(/\u001b\[\d+m/g, "")).toBe(resultTable(waits));
	});
});

describe("a terminal", () => {
	const tty = { isTTY: true, columns: 200 };
	it("is 100 columns without colour where it is none", () => {
		const { width, ink, ascii } = terminalOf({ columns: 33 }, { LANG: "C" });
		expect([width, ink.dim("x"), ascii]).toEqual([100, "x", false]);
	});
	it("has at most 120 columns, and colour", () => {
		expect(terminalOf(tty, { TERM: "xterm", LANG: "en_US.UTF-8" })).toMatchObject({
			width: 120,
			ink: coloured,
			ascii: false,
		});
		expect([72, 0].map((columns) => terminalOf({ isTTY: true, columns }, {}).width)).toEqual([72, 100]);
	});
	it.each([[{ NO_COLOR: "1" }], [{ TERM: "dumb" }]])("has none with %o", (env) => {
		expect(terminalOf(tty, env).ink.bold("x")).toBe("x");
	});
	it("has no box drawing in another locale", () => {
		expect(terminalOf(tty, { LANG: "de_DE.UTF-8", LC_ALL: "C" }).ascii).toBe(true);
	});
});
