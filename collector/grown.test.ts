import { expect, it } from "vitest";
import { grown } from "./grown.ts";

it("keeps type and numbers, and fills the rest", () => {
	expect(grown(Int32Array.of(1, 2), 4, -1)).toEqual(Int32Array.of(1, 2, -1, -1));
	expect(grown(Uint16Array.of(7), 2)).toEqual(Uint16Array.of(7, 0));
	expect(grown(Float64Array.of(1, 2, 3).subarray(1), 3, Number.NaN)).toEqual(
		Float64Array.of(2, 3, Number.NaN),
	);
});
