import { expect, it } from "vitest";
import { RecentEvents } from "./recent.ts";

const SWITCH = 0;
const ISSUE = 1;
const SOFTIRQ = 2;
const LEAF = 7;

it("a stack belongs to the event before it", () => {
	const recent = new RecentEvents(2);
	recent.push(1, SWITCH, 10, 5);
	recent.push(0, ISSUE, 20, 5);
	expect(recent.rows[recent.claim(1, 5, LEAF)]).toBe(10);
	expect(recent.lastKind).toBe(SWITCH);
	// once only
	expect(recent.claim(1, 5, LEAF)).toBe(-1);
});

it("an interrupt in between does not get the stack once the first frame is known", () => {
	const recent = new RecentEvents(1);
	for (let row = 0; row < 5; row++) {
		recent.push(0, ISSUE, row, 5);
		recent.claim(0, 5, LEAF);
	}
	recent.push(0, ISSUE, 100, 5);
	for (let k = 0; k < 20; k++) recent.push(0, SOFTIRQ, k, 5);
	expect(recent.rows[recent.claim(0, 5, LEAF)]).toBe(100);
	expect(recent.lastKind).toBe(ISSUE);
});

it("the stack of another thread is not taken, and a known first frame goes to no other kind of event", () => {
	const recent = new RecentEvents(1);
	recent.push(0, SWITCH, 1, 5);
	expect(recent.claim(0, 6, LEAF)).toBe(-1);
	for (let row = 0; row < 5; row++) {
		recent.push(0, ISSUE, row, 5);
		recent.claim(0, 5, LEAF + 1);
	}
	recent.push(0, SOFTIRQ, 9, 5);
	expect(recent.claim(0, 5, LEAF + 1)).toBe(-1);
});
