import { expect, test } from "vitest";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";
import { rowType } from "./row-type.ts";
import { sqlCellError } from "./sql-error.ts";

test("the place becomes one of the cell, with the whole line", () => {
	const cell = "%%sql\nSELECT tid,\n  nmae FROM thread";
	const error = new PowerkiError(exitCode.usage, "column nmae not found", [
		"LINE 2:   nmae FROM thread",
		"          ^",
		'did you mean "name"?',
	]);
	expect(sqlCellError(error, cell, 1)).toEqual({
		ename: "SqlError",
		evalue: "3:3 - column nmae not found",
		traceback: [
			"SqlError: 3:3 - column nmae not found",
			"      nmae FROM thread",
			"      ^",
			'  did you mean "name"?',
		],
	});
});

test("a line that DuckDB shortened is found in the cell", () => {
	const line = `SELECT ${"a".repeat(100)}, bad FROM t`;
	const error = new PowerkiError(exitCode.usage, "no bad", [
		"LINE 1: ...aaaa, bad FROM t",
		`${" ".repeat("LINE 1: ...aaaa, ".length)}^`,
	]);
	expect(sqlCellError(error, `%%sql\n${line}`, 1).evalue).toBe(`2:${line.indexOf("bad") + 1} - no bad`);
});

test("an error without a place keeps its words", () => {
	const error = new PowerkiError(exitCode.engine, "out of memory", ["filter more"]);
	expect(sqlCellError(error, "%%sql\nSELECT 1", 1).traceback).toEqual([
		"SqlError: out of memory",
		"  filter more",
	]);
});

test("columns of a result as the type of a row", () => {
	const columns = [
		{ name: "ts", type: "BIGINT" },
		{ name: "count(*)", type: "DOUBLE" },
		{ name: "frames", type: "VARCHAR[]" },
		{ name: "s", type: "STRUCT(a INTEGER)" },
	];
	expect(rowType(columns)).toBe(
		'{ "ts": bigint | null; "count(*)": number | null; "frames": readonly (string | null)[]; "s": unknown | null }',
	);
});
