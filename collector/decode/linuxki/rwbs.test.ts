import { describe, expect, test } from "vitest";
import { RecordMemory } from "../tracepoint/memory.ts";
import { rwbsWriter } from "./rwbs.ts";
import { SCRATCH_AT } from "./shape.ts";

const memory = new RecordMemory(new ArrayBuffer(64), true);

function letters(kernel: string | null, flags: bigint | number, sectors = 8, wide = true): string | null {
	const write = rwbsWriter(kernel, wide);
	if (write === null) return null;
	memory.u8.fill(0xa5);
	const bits = BigInt(flags);
	write(memory, 0, Number(BigInt.asIntN(32, bits)), Number(BigInt.asIntN(32, bits >> 32n)), sectors);
	const bytes = memory.u8.subarray(SCRATCH_AT, SCRATCH_AT + 8);
	expect(memory.u8[SCRATCH_AT - 1]).toBe(0xa5);
	expect(memory.u8[SCRATCH_AT + 8]).toBe(0xa5);
	const text = Buffer.from(bytes).toString("latin1");
	expect(text).toMatch(/^[A-Z]+\0+$/);
	return text.replaceAll("\0", "");
}

describe("letters of a request as the kernel shows them", () => {
	test.each([
		// seen in the captures of Linux 6.1 and 6.12
		["6.1.0-56-amd64", 0x800, "RS"],
		["6.1.0-56-amd64", 0x801, "WS"],
		["6.1.0-56-amd64", 0x9801, "WSM"],
		["6.1.0-56-amd64", 0x3000, "RM"],
		["6.1.0-56-amd64", 0x4_0002, "FF"],
		["6.1.0-56-amd64", 0x809, "NS"],
		["6.12.95", 0x10_3001, "WM"],
		["6.12.95", 0, "R"],
		["6.12.95", 3, "D"],
		["6.12.95", 5, "DE"],
		["6.12.95", 2, "F"],
		["6.12.95", 34, "N"],
		// every flag, and those without a letter
		["6.12.95", 1 | (1 << 18) | (1 << 17) | (1 << 19) | (1 << 11) | (1 << 12) | (1 << 15), "FWFASM"],
		["6.12.95", 5 | (1 << 18) | (1 << 17) | (1 << 19) | (1 << 11) | (1 << 12), "FDEFASM"],
		["6.12.95", 0 | (1 << 19), "RA"],
		// write same: a write until 5.17
		["4.18.0-553.el8", 7, "W"],
		["5.17.0", 7, "W"],
		["5.18.0", 7, "N"],
		["4.10.0", 0x801, "WS"],
		[null, 0x801, "WS"],
		["unreadable", 0x801, "WS"],
	])("%s: %i is %s", (kernel, flags, expected) => {
		expect(letters(kernel, flags)).toBe(expected);
	});

	test("4.8 and 4.9 keep the operation in the highest bits: a record with 32 of them does not tell it", () => {
		const op = (n: number) => BigInt(n) << 61n;
		expect(letters("4.9.0", op(0))).toBe("R");
		expect(letters("4.9.0", op(1) | 8n)).toBe("WS");
		expect(letters("4.9.0", op(2))).toBe("D");
		expect(letters("4.9.0", op(5) | (1n << 9n))).toBe("FF");
		expect(letters("4.8.0", op(1) | (1n << 8n) | 16n)).toBe("WFM");
		expect(letters("4.9.0", 8n, 8, false)).toBeNull();
		expect(letters("4.7.0", 1n, 8, false)).toBe("W");
	});

	test.each([
		["4.4.0", 1, 8, "W"],
		["4.4.0", 0, 8, "R"],
		["4.4.0", 0, 0, "N"],
		["4.4.0", 0x80, 8, "D"],
		["4.4.0", 0x180, 8, "DE"],
		["4.4.0", 0x31, 8, "WSM"],
		["4.4.0", 1 | (1 << 13) | (1 << 12) | 0x10, 0, "FWFS"],
		["4.4.0", 1 | (1 << 11), 8, "W"],
		["3.10.0", 1 | (1 << 12) | 0x10, 0, "FWS"],
		["3.10.0", 1 | (1 << 11), 8, "WF"],
		// whether these bits moved in this kernel is not known
		["3.10.0-1160.el7.x86_64", 1 | (1 << 11) | (1 << 12) | 0x10, 8, "WS"],
		["3.5.0", 0x31 | (1 << 11), 8, "WSM"],
		["2.6.32-754.el6.x86_64", 0x30, 8, "R"],
		["2.6.32-754.el6.x86_64", 1, 8, "W"],
	])("%s: %i with %i sectors is %s", (kernel, flags, sectors, expected) => {
		expect(letters(kernel, flags, sectors)).toBe(expected);
	});
});
