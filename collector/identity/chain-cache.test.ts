import { expect, test } from "vitest";
import { ChainCache } from "./chain-cache.ts";

test("a chain is known by its words and the version of its address space", () => {
	const cache = new ChainCache();
	const pairs = Int32Array.of(1, 2, 3, 4);
	cache.add(5, pairs, 2, 99, 7);
	expect(cache.find(5, pairs, 2, 99)).toBe(7);
	expect(cache.find(6, pairs, 2, 99)).toBeUndefined();
	expect(cache.find(5, pairs, 1, 99)).toBeUndefined();
	// equal hashes
	expect(cache.find(5, Int32Array.of(1, 2, 3, 5), 2, 99)).toBeUndefined();
});

test("a full cache begins anew", () => {
	const cache = new ChainCache();
	const pairs = new Int32Array(2);
	for (let i = 0; i < 200_000; i++) {
		pairs[0] = i;
		cache.add(0, pairs, 1, i, i);
	}
	expect(cache.find(0, pairs, 1, 199_999)).toBe(199_999);
	pairs[0] = 0;
	expect(cache.find(0, pairs, 1, 0)).toBeUndefined();
});
