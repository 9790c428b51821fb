import { describe, expect, test } from "vitest";
import { canCall } from "./calls.ts";
import { b, bl, program } from "./testing.ts";

const bctrl = 0x4e800421;
const bctr = 0x4e800420;
const mtctrR12 = 0x7d8903a6;
const mtctrR10 = 0x7d4903a6;

const functions = {
	caller: [0x1000, 0x1100],
	callee: [0x2000, 0x2100],
	other: [0x3000, 0x3100],
	stub: [0x4000, 0x4020],
} as const;

function reaches(words: Record<number, number>): boolean {
	const binary = program({ functions, words });
	return canCall({ binary, at: 0x1010 }, { binary, at: 0x2040 }, true);
}

describe("the instruction before a return address", () => {
	test("calls the function below it, at its global or its local entry", () => {
		expect(reaches({ 4108: bl(0x100c, 0x2000) })).toBe(true);
		expect(reaches({ 4108: bl(0x100c, 0x2008) })).toBe(true);
	});

	test("is no call, or a call of another function: the address is stale", () => {
		expect(reaches({})).toBe(false);
		expect(reaches({ 4108: b(0x100c, 0x2000) })).toBe(false);
		expect(reaches({ 4108: bl(0x100c, 0x3000) })).toBe(false);
		// bcl 20,31,$+4 reads the program counter
		expect(reaches({ 4108: 0x429f0005 })).toBe(false);
	});

	test("calls through a register, or something without a name: it may be any function", () => {
		expect(reaches({ 4108: bctrl })).toBe(true);
		expect(reaches({ 4108: bl(0x100c, 0x9000) })).toBe(true);
	});

	test("calls a linker's stub", () => {
		expect(reaches({ 4108: bl(0x100c, 0x4000), 16396: mtctrR12, 16400: bctr })).toBe(true);
	});

	test("calls a function that ends in a jump to the one below", () => {
		const call = bl(0x100c, 0x3000);
		expect(reaches({ 4108: call, 12416: b(0x3080, 0x2008) })).toBe(true);
		expect(reaches({ 4108: call, 12416: b(0x3080, 0x3000) })).toBe(false);
		// through a pointer
		expect(reaches({ 4108: call, 12412: mtctrR12, 12416: bctr })).toBe(true);
		// a jump table
		expect(reaches({ 4108: call, 12412: mtctrR10, 12416: bctr })).toBe(false);
	});

	test("calls into another file only through a stub or a jump", () => {
		const library = program({ functions: { open: [0x500, 0x600] } });
		const binary = program({
			functions,
			words: { 4108: bl(0x100c, 0x3000), 4124: bl(0x101c, 0x4000), 16400: bctr },
		});
		const below = { binary: library, at: 0x520 };
		expect(canCall({ binary, at: 0x1010 }, below, true)).toBe(false);
		expect(canCall({ binary, at: 0x1020 }, below, true)).toBe(true);
	});
});
