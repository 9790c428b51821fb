import { expect, test } from "vitest";
import { perfMapFormat } from "./perf-map.ts";

const recognises = (...lines: string[]) =>
	perfMapFormat.recognises({ text: lines.join("\n"), lines, whole: true });

test("a JIT's map is start, size and name on each line", () => {
	expect(recognises("7f65da62b000 6 jit_first", "7f65da62b100 1a0 Lcom/example/Main;::run (I)V")).toBe(true);
	expect(recognises("0x7f65da62b000 0x6 jit_first")).toBe(true);
	// twelve bytes each, not symbols of type c
	expect(recognises("3fff8b163000 c jit_first", "3fff8b163100 c jit_second")).toBe(true);
});

test("tables of symbols, of counters, of names, and mappings are something else", () => {
	for (const line of [
		"c000000000000000 T _stext",
		"0000000010001234 d value",
		"nr_free_pages 123",
		"1234 bash",
		"7f0000000000-7f0000001000 r-xp 00000000 08:01 123 /bin/prog",
		"ext4 1130496 1 - Live 0xc008000001a70000",
		"   8       0 sda 5 0 40",
		"",
	])
		expect([line, recognises(line)]).toEqual([line, false]);
	expect(recognises()).toBe(false);
});
