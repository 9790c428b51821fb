import { describe, expect, test } from "vitest";
import { KernelSymbols } from "./kallsyms.ts";

const parse = (text: string) => KernelSymbols.parse(Buffer.from(text));
const at = (symbols: KernelSymbols, address: string) => {
	const hex = address.padStart(16, "0");
	return symbols.lookup(Number.parseInt(hex.slice(8), 16), Number.parseInt(hex.slice(0, 8), 16));
};

const core = `c000000000274de8 T sys_futex
c000000000274de8 T __se_sys_futex
c000000000274f80 t futex_init
c0000000ffffff00 t below
c000000100000080 T above
`;
// in the order of each module's own symbol table, which is not sorted
const modules = `c0080000008f3a70 t virtblk_prep_rq.isra.0	[virtio_blk]
c0080000008f3000 t virtblk_map_queues	[virtio_blk]
c0080000008f9000 d virtblk_name	[virtio_blk]
c00800000049a000 t ext4_map_blocks	[ext4]
`;

describe("kernel symbols", () => {
	test("an address inside a function has its name and the distance", () => {
		expect(at(parse(core), "c000000000274e9c")).toEqual({ symbol: "sys_futex", offset: 0xb4, module: null });
	});

	test("of two names at one address the first in the file is shown, as the kernel prints it", () => {
		expect(at(parse(core), "c000000000274de8")?.symbol).toBe("sys_futex");
		const swapped = core.split("\n");
		[swapped[0], swapped[1]] = [swapped[1], swapped[0]];
		expect(at(parse(swapped.join("\n")), "c000000000274de8")?.symbol).toBe("__se_sys_futex");
	});

	test("addresses are compared as unsigned 64-bit numbers", () => {
		const symbols = parse(core);
		expect(at(symbols, "c000000100000010")).toEqual({ symbol: "below", offset: 0x110, module: null });
		expect(at(symbols, "c000000100000084")).toEqual({ symbol: "above", offset: 4, module: null });
		expect(symbols.lookup(0x00274e9c | 0, 0xc0000000 | 0)?.symbol).toBe("sys_futex");
		expect(at(symbols, "7fff12345678")).toBeNull();
	});

	test("modules are sorted, named in brackets, and their data bounds their functions", () => {
		const symbols = parse(core + modules);
		expect(at(symbols, "c0080000008f3a80")).toEqual({
			symbol: "virtblk_prep_rq.isra.0",
			offset: 16,
			module: "[virtio_blk]",
		});
		expect(at(symbols, "c0080000008f3004")?.symbol).toBe("virtblk_map_queues");
		expect(symbols.modules).toEqual(["[virtio_blk]", "[ext4]"]);
		expect([symbols.coreCount, symbols.moduleCount]).toEqual([5, 4]);
	});

	test("far behind the last function of a module an address has no name", () => {
		const symbols = parse(core + modules);
		expect(at(symbols, "c00800000049a100")?.symbol).toBe("ext4_map_blocks");
		expect(at(symbols, "c0080000004ba000")).toBeNull();
		expect(at(symbols, "c000000200000000")).toBeNull();
	});

	test("absolute symbols of x86 do not name low addresses", () => {
		const symbols = parse(
			"0000000000000000 A fixed_percpu_data\n0000000000001000 A cpu_debug_store\nffffffff81000000 T _text\n",
		);
		expect(symbols.size).toBe(1);
		expect(at(symbols, "1008")).toBeNull();
		expect(at(symbols, "ffffffff81000004")?.symbol).toBe("_text");
	});

	test("a table without addresses is known as hidden, not as symbols at zero", () => {
		const symbols = parse(
			"0000000000000000 T _stext\n0000000000000000 t do_futex\n0000000000000000 t ext4_map_blocks\t[ext4]\n",
		);
		expect([symbols.hidden, symbols.size]).toEqual([true, 0]);
		expect(at(symbols, "0")).toBeNull();
	});

	test("an empty or foreign text is an empty table, and one line without newline is read", () => {
		expect(parse("").size).toBe(0);
		expect(parse("hello world\n\n#!/bin/sh\nc0 t short\n").size).toBe(0);
		expect(at(parse("c000000000274de8 T sys_futex"), "c000000000274de8")?.symbol).toBe("sys_futex");
	});

	test("merged tables take the core of the first that has one, and all modules of the first that has any", () => {
		const whole = parse(core + modules);
		const own = parse(
			"c00800000050a000 t ext4_map_blocks\t[ext4]\nc008000000600000 t jbd2_log_wait_commit\t[jbd2]\n",
		);
		const merged = KernelSymbols.merge([own, whole]);
		expect(at(merged, "c00800000050a010")).toEqual({
			symbol: "ext4_map_blocks",
			offset: 16,
			module: "[ext4]",
		});
		expect(at(merged, "c000000000274e9c")?.symbol).toBe("sys_futex");
		expect(at(merged, "c0080000008f3a80")).toBeNull();
		expect(merged.modules).toEqual(["[ext4]", "[jbd2]"]);
		expect(KernelSymbols.merge([whole, own])).toBe(whole);
		expect(KernelSymbols.merge([]).size).toBe(0);
	});

	test("a table of another boot is told by where the modules were loaded", () => {
		const symbols = parse(core + modules);
		const loaded = (ext4: number, blk: number) => [
			{ name: "ext4", bytes: 0x1000, hi: 0xc0080000, lo: ext4 },
			{ name: "virtio_blk", bytes: 0x9000, hi: 0xc0080000, lo: blk },
		];
		expect(symbols.fitsModules(loaded(0x0049a000, 0x008f3000))).toBe(true);
		expect(symbols.fitsModules(loaded(0x0069a000, 0x00af3000))).toBe(false);
		expect(symbols.fitsModules([])).toBe(true);
		const without = symbols.withoutModules();
		expect(at(without, "c0080000008f3a80")).toBeNull();
		expect(at(without, "c000000000274e9c")?.symbol).toBe("sys_futex");
	});

	test("100 000 symbols are parsed and found", () => {
		let text = "";
		for (let i = 0; i < 100_000; i++)
			text += `c0000000${(i * 64).toString(16).padStart(8, "0")} t function_${i}\n`;
		const symbols = parse(text);
		expect(symbols.size).toBe(100_000);
		for (let i = 0; i < 100_000; i += 997)
			expect(symbols.lookup(i * 64 + 12, 0xc0000000)).toEqual({
				symbol: `function_${i}`,
				offset: 12,
				module: null,
			});
	});
});
