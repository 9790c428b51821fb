import { expect, it } from "vitest";
import { NameCounts } from "./name-counts.ts";

it("counts every name, also those that an object has already", () => {
	const counts = new NameCounts();
	for (const name of ["a", "__proto__", "toString", "a"]) counts.add(name, 2);
	expect(Object.entries(counts.toRecord())).toEqual([
		["a", 4],
		["__proto__", 2],
		["toString", 2],
	]);
});
