import { expect, it } from "vitest";
import { NONE, Sequences } from "./sequences.ts";

it("compares the numbers of each CPU of a file with those before, whatever comes between", () => {
	const s = new Sequences();
	expect(s.missing(3, 10, 1000)).toBe(NONE);
	expect(s.missing(3, 11, 1000)).toBe(NONE);
	expect(s.missing(0, 500, 1000)).toBe(NONE);
	expect(s.missing(3, 15, 2000)).toBe(3);
	expect(s.missing(0, 501, 2000)).toBe(NONE);
	expect(s.missing(4095, 7, 2000)).toBe(NONE);
	expect(s.missing(0, 504, 3000)).toBe(2);
	expect(s.missing(3, 16, 3000)).toBe(NONE);
	expect(s.missing(4095, 6, 3000)).toBeNaN();
});
