import { describe, expect, it } from "vitest";
import { PerfMap } from "./perf-map.ts";

const map = (...lines: string[]) => PerfMap.parse(Buffer.from(lines.join("\n")));

describe("perf-PID.map", () => {
	it("names the functions of a JIT, in any order, with blanks in their names", () => {
		const m = map("7f65da62b100 6 jit_second", "7f65da62b000 10 Lcom/example/Main;::run (I)V", "");
		expect(m.size).toBe(2);
		expect(m.find(0x7f65da62b00fn)).toEqual({ name: "Lcom/example/Main;::run (I)V", offset: 15 });
		expect(m.find(0x7f65da62b010n)).toBeNull();
		expect(m.find(0x7f65da62b100n)).toEqual({ name: "jit_second", offset: 0 });
		expect(m.find(0x7f65da62afffn)).toBeNull();
	});

	it("is read with 0x, with carriage returns and in capitals; other lines are left out", () => {
		const m = map(
			"0xABC0 0x10 f\r",
			"garbage",
			"zz 10 g",
			"1000 0 empty",
			"1000 10 ",
			"ffffffffffffffff 10 beyond",
		);
		expect(m.size).toBe(1);
		expect(m.find(0xabc8n)).toEqual({ name: "f", offset: 8 });
	});

	it("has the later of two functions where they overlap", () => {
		const m = map("1000 100 old", "1040 20 new", "1050 8 newest", "1100 100 other", "10f0 20 across");
		const at = (address: bigint) => m.find(address);
		expect(at(0x103fn)).toEqual({ name: "old", offset: 0x3f });
		expect(at(0x1040n)).toEqual({ name: "new", offset: 0 });
		expect(at(0x1050n)).toEqual({ name: "newest", offset: 0 });
		expect(at(0x1058n)).toEqual({ name: "new", offset: 0x18 });
		expect(at(0x1060n)).toEqual({ name: "old", offset: 0x60 });
		expect(at(0x10f0n)).toEqual({ name: "across", offset: 0 });
		expect(at(0x110fn)).toEqual({ name: "across", offset: 0x1f });
		expect(at(0x1110n)).toEqual({ name: "other", offset: 0x10 });
		expect(at(0x1200n)).toBeNull();
	});

	it("replaced from end to end has only the last functions", () => {
		const m = map("1000 100 a", "1000 100 b", "1000 100 c");
		expect(m.find(0x1080n)?.name).toBe("c");
	});

	it("agrees with looking at every line", () => {
		let seed = 1;
		const random = (n: number) => {
			seed = (seed * 48271) % 2147483647;
			return seed % n;
		};
		const functions = Array.from({ length: 300 }, (_, i) => ({
			start: random(1000),
			bytes: 1 + random(60),
			name: `f${i}`,
		}));
		const m = map(...functions.map((f) => `${f.start.toString(16)} ${f.bytes.toString(16)} ${f.name}`));
		for (let a = 0; a < 1100; a++) {
			const last = functions.findLast((f) => a >= f.start && a < f.start + f.bytes);
			expect(m.find(BigInt(a))).toEqual(last ? { name: last.name, offset: a - last.start } : null);
		}
	});
});
