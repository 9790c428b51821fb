import { describe, expect, it } from "vitest";
import { merge, type Ordered } from "./merge.ts";

class Stream implements Ordered {
	#at = -1;
	constructor(
		readonly cpu: number,
		readonly stamps: readonly number[],
	) {}
	get ts(): number {
		return this.stamps[this.#at]!;
	}
	get position(): number {
		return this.#at;
	}
	advance(): boolean {
		return ++this.#at < this.stamps.length;
	}
}

function order(lists: readonly (readonly number[])[], slice = 1000): { seen: string[]; ended: number[] } {
	const streams = lists.map((l, cpu) => new Stream(cpu, l)).filter((s) => s.advance());
	const seen: string[] = [];
	const ended: number[] = [];
	for (const _ of merge(
		streams,
		(s) => seen.push(`${s.ts}/${s.cpu}/${s.position}`),
		(s) => ended.push(s.cpu),
		slice,
	));
	return { seen, ended };
}

describe("merge", () => {
	it("goes by time, then CPU, then position", () => {
		expect(order([[1, 3, 3], [2, 3], [], [3]]).seen).toEqual([
			"1/0/0",
			"2/1/0",
			"3/0/1",
			"3/0/2",
			"3/1/1",
			"3/3/0",
		]);
	});

	it("tells the end of each stream once, when its last record has passed", () => {
		expect(order([[1, 9], [2], [3, 4]]).ended).toEqual([1, 2, 0]);
	});

	it("does not depend on the size of its slices", () => {
		const lists = Array.from({ length: 40 }, (_, cpu) =>
			Array.from({ length: 50 }, (_, k) => Math.floor((k * 7 + cpu * 13) / 5)),
		);
		const whole = order(lists);
		for (const slice of [1, 2, 7]) expect(order(lists, slice)).toEqual(whole);
		expect(whole.seen.length).toBe(2000);
	});

	it("keeps the position of a CPU whose clock steps back", () => {
		expect(order([[5, 4], [6]]).seen).toEqual(["5/0/0", "4/0/1", "6/1/0"]);
	});
});
