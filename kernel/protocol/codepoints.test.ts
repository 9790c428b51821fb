import { expect, test } from "vitest";
import { toCodePoints, toUtf16 } from "./codepoints.ts";

test.each([
	["abc", 2, 2],
	["😀b", 1, 2],
	["a😀😀b", 3, 5],
	["é", 1, 1],
	["", 0, 0],
])("in %j code point %i is UTF-16 offset %i", (text, points, units) => {
	expect(toUtf16(text, points)).toBe(units);
	expect(toCodePoints(text, units)).toBe(points);
});

test("a position beyond the end is the end", () => {
	expect(toUtf16("a😀", 9)).toBe(3);
	expect(toCodePoints("a😀", 9)).toBe(2);
});
