import { expect, test } from "vitest";
import { parseCell } from "./cell.ts";

test("a cell is TypeScript unless its first line says otherwise", () => {
	expect(parseCell("1 + 1")).toEqual({ language: "typescript", code: "1 + 1" });
	expect(parseCell("// %%sql\n1")).toMatchObject({ language: "typescript" });
});

test("a query cell knows its query and where it starts", () => {
	expect(parseCell("%%sql\nSELECT 1")).toEqual({ language: "sql", query: "SELECT 1", offset: 6, line: 1 });
	expect(parseCell("\n%%sql\n\nSELECT 1")).toEqual({
		language: "sql",
		query: "\nSELECT 1",
		offset: 7,
		line: 2,
	});
	expect(parseCell("%%sql")).toMatchObject({ language: "sql", query: "" });
});

test("variable and limit, in any order", () => {
	expect(parseCell("%%sql waits --limit 20\nSELECT 1")).toMatchObject({ name: "waits", limit: 20 });
	expect(parseCell("%%sql --limit=5 $w_1\nSELECT 1")).toMatchObject({ name: "$w_1", limit: 5 });
});

test.each([
	["%%sql --limit ten\n", /--limit wants a number of rows, not "ten"/],
	["%%sql --limit\n", /--limit wants a number/],
	["%%sql --limit 0\n", /not "0"/],
	["%%sql a b\n", /"b" is not understood/],
	["%%sql 1a\n", /"1a" is not understood/],
	["%%python\n", /%%python is not known; there is %%sql/],
])("%j is explained", (code, message) => {
	const cell = parseCell(code);
	expect(cell.language).toBe("unknown");
	expect((cell as { message: string }).message).toMatch(message);
});
