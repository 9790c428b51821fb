import { describe, expect, it } from "vitest";
import { MemoryBytes } from "../../decode/bytes.ts";
import { Elf } from "./elf.ts";
import { FunctionTable } from "./function-table.ts";
import { buildElf, packer, type TestElf, type TestSymbol } from "./testing.ts";

function tableOf(spec: TestElf): FunctionTable {
	const elf = new Elf(new MemoryBytes(buildElf(spec)));
	return new FunctionTable([{ elf, dynamic: false }], elf);
}
const table = (symbols: TestSymbol[], spec: TestElf = {}) => tableOf({ ...spec, symbols });
const names = (functions: FunctionTable) => [...functions].map((f) => f.name);

describe("functions of a symbol table", () => {
	for (const addressBytes of [4, 8] as const)
		for (const littleEndian of [false, true])
			it(`cover their size and no more (${addressBytes * 8} bits, ${littleEndian ? "little" : "big"} endian)`, () => {
				const t = table(
					[
						{ name: "second", at: 0x1100, bytes: 0x20, binding: "local" },
						{ name: "first", at: 0x1000, bytes: 0x40 },
						{ name: "value", at: 0x1080, bytes: 8, type: "object" },
						{ name: "elsewhere", at: 0x1090, bytes: 8, section: null },
						{ name: "resolver", at: 0x1200, bytes: 4, type: "ifunc" },
					],
					{ addressBytes, littleEndian, machine: 20 },
				);
				expect(names(t)).toEqual(["first", "second", "resolver"]);
				expect(t.find(0xfff)).toBeNull();
				expect(t.find(0x1000)).toEqual({ name: "first", start: 0x1000, end: 0x1040 });
				expect(t.find(0x103f)?.name).toBe("first");
				expect(t.find(0x1040)).toBeNull();
				expect(t.find(0x111f)?.name).toBe("second");
				expect(t.find(0x1120)).toBeNull();
			});

	it("without a size reach to the next one, or to the end of their section", () => {
		const t = table([
			{ name: "a", at: 0x1000 },
			{ name: "b", at: 0x1800 },
		]);
		expect(t.find(0x17ff)?.name).toBe("a");
		expect(t.find(0x1fff)?.name).toBe("b");
		expect(t.find(0x2000)).toBeNull();
	});

	it("have the name that perf prints: sized, not weak, global, few underscores, long", () => {
		const chosen = (...symbols: Omit<TestSymbol, "at">[]) =>
			table(symbols.map((s) => ({ at: 0x1000, bytes: 8, ...s }))).find(0x1000)?.name;
		expect(chosen({ name: "longer_without_size", bytes: 0 }, { name: "sized" })).toBe("sized");
		expect(chosen({ name: "clone", binding: "weak" }, { name: "__clone" })).toBe("__clone");
		expect(chosen({ name: "local_one", binding: "local" }, { name: "other" })).toBe("other");
		expect(chosen({ name: "weak", binding: "weak" }, { name: "__GI_weak", binding: "local" })).toBe(
			"__GI_weak",
		);
		expect(chosen({ name: "___open64" }, { name: "__open" }, { name: "__libc_open64" })).toBe(
			"__libc_open64",
		);
		expect(chosen({ name: "bbb" }, { name: "aaa" })).toBe("aaa");
	});

	it("may lie in one another", () => {
		const t = table([
			{ name: "outer", at: 0x1000, bytes: 0x100 },
			{ name: "inner", at: 0x1010, bytes: 0x10 },
			{ name: "another", at: 0x1030, bytes: 0x10 },
		]);
		expect([0x1008, 0x1018, 0x1028, 0x1038, 0x1048, 0x1100].map((a) => t.find(a)?.name)).toEqual([
			"outer",
			"inner",
			"outer",
			"another",
			"outer",
			undefined,
		]);
	});

	it("are also the linker's stubs and the labels that nothing covers, but no hidden ones", () => {
		const t = table([
			{ name: "sized", at: 0x1000, bytes: 0x20 },
			{ name: "inside", at: 0x1010, type: "none" },
			{ name: "00000017.plt_call.memcmp", at: 0x1020, type: "none", binding: "local" },
			{ name: ".annobin_start", at: 0x1024, type: "none", binding: "local", hidden: true },
		]);
		expect(names(t)).toEqual(["sized", "00000017.plt_call.memcmp"]);
		expect(t.find(0x1010)?.name).toBe("sized");
	});

	it("have names without the version of a dynamic symbol, and bytes that are no UTF-8 as \\xNN", () => {
		const t = table([
			{ name: "memcpy@@GLIBC_2.17", at: 0x1000, bytes: 4 },
			{ name: "caf\xc3\xa9", at: 0x1010, bytes: 4 },
			{ name: "caf\xe9", at: 0x1020, bytes: 4 },
			{ name: "n".repeat(5000), at: 0x1030, bytes: 4 },
		]);
		expect(names(t)).toEqual(["memcpy", "café", "caf\\xE9", "n".repeat(5000)]);
	});

	it("of ELFv1 begin where their descriptor says", () => {
		const { u64 } = packer(false, 8);
		const t = table(
			[
				{ name: "main", at: 0x3000, bytes: 0x40, section: ".opd" },
				{ name: ".old", at: 0x1100, bytes: 0x10 },
				{ name: "nowhere", at: 0x3018, bytes: 0x10, section: ".opd" },
				{ name: "beyond", at: 0x9000, bytes: 0x10, section: ".opd" },
			],
			{
				littleEndian: false,
				sections: [
					{
						name: ".opd",
						address: 0x3000,
						content: Buffer.concat([0x1040, 0x8000, 0, 0x7777, 0x8000, 0].map(u64)),
					},
				],
			},
		);
		expect([...t]).toEqual([
			{ name: "main", start: 0x1040, end: 0x1080 },
			{ name: "old", start: 0x1100, end: 0x1110 },
		]);
	});

	it("with wrong sizes and strings are kept as far as they make sense", () => {
		const t = table([
			{ name: "huge", at: 0x1000, bytes: 2 ** 50 },
			{ name: "outside", at: 0x9000, bytes: 8 },
			{ name: "fine", at: 0x1800, bytes: 8 },
		]);
		expect([...t]).toEqual([
			{ name: "huge", start: 0x1000, end: 0x1800 },
			{ name: "fine", start: 0x1800, end: 0x1808 },
		]);
	});
});
