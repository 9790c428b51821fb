import { expect, test } from "vitest";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";
import type { CellMap } from "./cell-map.ts";
import { thrownError, typeError } from "./errors.ts";

/** A map that adds 10 to each line, and knows nothing of line 99. */
const maps = new Map([
	[
		"powerki-cell-4-1",
		{
			lines: Array.from({ length: 30 }, (_, i) => `line ${i + 1}`),
			position: (line: number, column: number) => (line === 99 ? undefined : { line: line + 10, column }),
		} as unknown as CellMap,
	],
]);

test("only frames of cells are shown, the innermost with its line", () => {
	const error = new TypeError("broken");
	error.stack = [
		"TypeError: broken",
		"    at library (/somewhere/node_modules/x.js:1:2)",
		"    at inner (powerki-cell-4-1:2:3)",
		"    at async powerki-cell-4-1:5:1",
		"    at powerki-cell-4-1:99:3",
		"    at Script.runInThisContext (node:vm:137:12)",
	].join("\n");
	expect(thrownError(error, maps)).toEqual({
		ename: "TypeError",
		evalue: "broken",
		traceback: [
			"TypeError: broken",
			"  at inner, cell [4] line 12:3",
			"    line 12",
			"      ^",
			"  at cell [4] line 15:1",
		],
	});
});

test("an error for users shows its details, and no cause that they name already", () => {
	const error = new PowerkiError(exitCode.usage, "no such trace", ["choose one"], {
		cause: new Error("inner"),
	});
	expect(thrownError(error, new Map()).traceback).toEqual(["PowerkiError: no such trace", "  choose one"]);
});

test("causes of other errors are told", () => {
	expect(thrownError(new Error("outer", { cause: new RangeError("inner") }), new Map()).traceback).toEqual([
		"Error: outer",
		"caused by RangeError: inner",
	]);
});

test.each([
	["text", "'text'"],
	[undefined, "undefined"],
	[null, "null"],
	[{ a: 1 }, "{ a: 1 }"],
])("%o can be thrown", (value, text) => {
	expect(thrownError(value, new Map())).toEqual({
		ename: "Thrown",
		evalue: text,
		traceback: [`Thrown: ${text}`],
	});
});

test("a type error with its explanation below, tabs kept under the caret", () => {
	const at = {
		start: { offset: 6, line: 1, character: 5 },
		end: { offset: 7, line: 1, character: 6 },
		category: 1,
	};
	const error = typeError("first\n\tlet x: A = b", [
		{ ...at, code: 2322, messageText: "B is no A." },
		{ ...at, code: 2326, messageText: "Types of 'p' differ." },
	]);
	expect(error).toEqual({
		ename: "TypeScriptError",
		evalue: "2:6 - B is no A.",
		traceback: [
			"TypeScriptError: the cell does not compile",
			"2:6 - B is no A. (TS2322)",
			"    \tlet x: A = b",
			"    \t    ^",
			"  Types of 'p' differ.",
		],
	});
});
