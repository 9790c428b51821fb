import { expect, test } from "vitest";
import { dwarfRegisters } from "./perf-registers.ts";

const upTo = (count: number) => Array.from({ length: count }, (_, i) => BigInt(100 + i));

test("x86_64: perf's ax, bx, cx, dx are 0, 3, 2, 1 of DWARF; ip is the return column", () => {
	// as perf record asks for: all but ds, es, fs, gs
	const { registers, pc } = dwarfRegisters("x86_64", 0xff0fff, 0, upTo(20))!;
	expect([0, 3, 2, 1, 4, 5, 6, 7, 16].map((n) => registers.get(n))).toEqual(upTo(9));
	expect(pc).toBe(108n);
	expect([8, 15].map((n) => registers.get(n))).toEqual([112n, 119n]);
	expect(registers.size).toBe(17);
});

test("ppc64le: 32 registers, nip, and the link register behind ctr", () => {
	// r0-r31 and nip, msr, orig_r3, ctr, link, xer, ccr, softe, trap, dar, dsisr, sier, mmcra
	const { registers, pc } = dwarfRegisters("ppc64le", 0xffffffff, 0x1fff, upTo(45))!;
	expect(registers.get(1)).toBe(101n);
	expect(registers.get(31)).toBe(131n);
	expect(pc).toBe(132n);
	expect(registers.get(65)).toBe(136n);
	expect(registers.size).toBe(33);
});

test("values follow the bits that were asked for", () => {
	const { registers, pc } = dwarfRegisters("ppc64le", 0x2, 0x11, [7n, 8n, 9n])!;
	expect([...registers]).toEqual([
		[1, 7n],
		[65, 9n],
	]);
	expect(pc).toBe(8n);
});

test("null without the program counter, and for other machines", () => {
	expect(dwarfRegisters("x86_64", 0xff, 0, upTo(8))).toBeNull();
	expect(dwarfRegisters("aarch64", 0xffffffff, 1, upTo(33))).toBeNull();
	expect(dwarfRegisters("toString", 0xffffffff, 1, upTo(33))).toBeNull();
});
