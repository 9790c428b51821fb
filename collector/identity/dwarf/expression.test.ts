import { expect, test } from "vitest";
import { evaluate } from "./expression.ts";
import { Malformed, Reader } from "./reader.ts";
import { bytes, sleb, u8, u16, u32, u64, uleb } from "./testing.ts";

const context = {
	registers: new Map([
		[1, 0x1000n],
		[40, 7n],
	]),
	addressBytes: 8 as const,
	littleEndian: true,
	read: (address: bigint) => (address === 0x1010n ? 0x8877665544332211n : null),
};
const value = (...code: Buffer[]) => evaluate(new Reader(bytes(...code), true), null, context);
const minus = (n: bigint) => BigInt.asUintN(64, -n);

test("constants of all sizes, signed ones extended to 64 bits", () => {
	expect(value(u8(0x30 + 31))).toBe(31n);
	expect(value(u8(0x08, 200))).toBe(200n);
	expect(value(u8(0x09, -2))).toBe(minus(2n));
	expect(value(u8(0x0a), u16(65535))).toBe(65535n);
	expect(value(u8(0x0b), u16(-3))).toBe(minus(3n));
	expect(value(u8(0x0c), u32(2 ** 32 - 1))).toBe(0xffffffffn);
	expect(value(u8(0x0d), u32(-4))).toBe(minus(4n));
	expect(value(u8(0x0e), u64(-1n))).toBe(2n ** 64n - 1n);
	expect(value(u8(0x10), uleb(300))).toBe(300n);
	expect(value(u8(0x11), sleb(-300))).toBe(minus(300n));
});

test("registers and memory", () => {
	expect(value(u8(0x71), sleb(-16))).toBe(0xff0n);
	expect(value(u8(0x92, 40), sleb(1))).toBe(8n);
	expect(value(u8(0x71), sleb(16), u8(0x06))).toBe(0x8877665544332211n);
	expect(value(u8(0x71), sleb(16), u8(0x94, 2))).toBe(0x2211n);
});

test("arithmetic is of 64 bits; division and comparison are signed, mod is not", () => {
	const both = (a: number, b: number, op: number) => value(u8(0x09, a, 0x09, b, op));
	expect(both(7, -2, 0x1b)).toBe(minus(3n));
	expect(both(5, 7, 0x1c)).toBe(minus(2n));
	expect(both(-1, 10, 0x1d)).toBe((2n ** 64n - 1n) % 10n);
	expect(both(-1, 2, 0x1e)).toBe(minus(2n));
	expect(both(-1, 60, 0x25)).toBe(15n);
	expect(both(-16, 2, 0x26)).toBe(minus(4n));
	expect(both(1, 64, 0x24)).toBe(0n);
	expect(both(-1, 1, 0x2d)).toBe(1n);
	expect(both(-1, 1, 0x2a)).toBe(0n);
	expect(value(u8(0x09, -5, 0x19))).toBe(5n);
	expect(value(u8(0x35, 0x1f, 0x20))).toBe(4n);
	expect(value(u8(0x35, 0x23), uleb(1000))).toBe(1005n);
});

test("the stack: dup, drop, over, pick, swap, rot", () => {
	expect(value(u8(0x33, 0x12, 0x22))).toBe(6n);
	expect(value(u8(0x33, 0x34, 0x13))).toBe(3n);
	expect(value(u8(0x33, 0x34, 0x14, 0x1c))).toBe(1n);
	expect(value(u8(0x33, 0x34, 0x35, 0x15, 2))).toBe(3n);
	expect(value(u8(0x33, 0x34, 0x16, 0x1c))).toBe(1n);
	// 1 2 3 -> 3 1 2
	expect(value(u8(0x31, 0x32, 0x33, 0x17))).toBe(2n);
	expect(value(u8(0x31, 0x32, 0x33, 0x17, 0x13))).toBe(1n);
	expect(value(u8(0x31, 0x32, 0x33, 0x17, 0x13, 0x13))).toBe(3n);
});

test("branches", () => {
	const choose = (flag: number) => value(u8(0x30 + flag, 0x28), u16(4), u8(0x35, 0x2f), u16(1), u8(0x36));
	expect(choose(0)).toBe(5n);
	expect(choose(1)).toBe(6n);
});

test("what is not known has no value", () => {
	expect(value(u8(0x72, 0))).toBeNull();
	expect(value(u8(0x30, 0x06))).toBeNull();
	expect(value(u8(0x31, 0x30, 0x1b))).toBeNull();
	// DW_OP_addr, DW_OP_call_frame_cfa
	expect(value(u8(0x03), u64(0))).toBeNull();
	expect(value(u8(0x9c))).toBeNull();
});

test("empty stacks, endless loops, cut operands and jumps outside are malformed", () => {
	for (const code of [
		u8(),
		u8(0x22),
		u8(0x31, 0x15, 1),
		u8(0x0c, 1, 2),
		bytes(u8(0x2f), u16(-3)),
		bytes(u8(0x31, 0x12, 0x28), u16(-4), u8(0x31)),
		bytes(u8(0x2f), u16(-4)),
		bytes(u8(0x2f), u16(1)),
		Buffer.alloc(65, 0x31),
		Buffer.concat([u8(0x10), Buffer.alloc(12, 0x80)]),
	])
		expect(() => value(code), code.toString("hex")).toThrow(Malformed);
});
