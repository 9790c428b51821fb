import { describe, expect, it } from "vitest";
import { CallTree } from "./call-tree.ts";

/** A fixed sequence: the same test each time. */
function randomOf(seed: number): (n: number) => number {
	let state = seed;
	return (n) => {
		state = (state * 48271) % 2147483647;
		return state % n;
	};
}
const key = (path: readonly number[]) => path.join(";");

describe("a call tree", () => {
	it("keeps the weight and the count of many paths", () => {
		const tree = new CallTree();
		const random = randomOf(1);
		const expected = new Map<string, readonly [number, number]>();
		for (let i = 1; i <= 20_000; i++) {
			const path = Array.from({ length: 1 + random(8) }, () => tree.number(`f${random(50)}`));
			tree.add(path, i, 2);
			const [weight, count] = expected.get(key(path)) ?? [0, 0];
			expected.set(key(path), [weight + i, count + 2]);
		}
		const found = new Map<string, readonly [number, number]>();
		for (const { path, weight, count } of tree.paths()) found.set(key(path), [weight, count]);
		expect(found).toEqual(expected);
	});
	it("is sorted by name", () => {
		const tree = new CallTree();
		const names = ["b", "a", "c"];
		for (const n of names) tree.add([tree.number(n)], 1);
		expect([...tree.paths()].map((p) => p.weight)).toEqual([1, 1, 1]);
		const order: string[] = [];
		for (const { path } of tree.paths()) order.push(names[path[0]!]!);
		expect(order).toEqual(["a", "b", "c"]);
	});
	it("takes a path as deep as a recursion may be", () => {
		const tree = new CallTree();
		tree.add(Array(100_000).fill(tree.number("f")), 7);
		for (const { path, weight } of tree.paths()) expect([path.length, weight]).toEqual([100_000, 7]);
	});
	it("gives the heaviest places and one for the others, which sum to all", () => {
		const tree = new CallTree();
		const [main, hot] = [tree.number("main"), tree.number("hot")];
		tree.add([main, hot], 1000);
		for (let i = 0; i < 50; i++) tree.add([main, tree.number(`cold${i}`)], 1, 3);
		const kept: [string, number, number, boolean][] = [];
		for (const { path, weight, count, rest } of tree.paths(10)) kept.push([key(path), weight, count, rest]);
		expect(kept).toEqual([
			["0", 50, 150, true],
			["0;1", 1000, 1, false],
		]);
	});
});
