import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { MemoryBytes, Truncated } from "../../decode/bytes.ts";
import { Elf, NotElf } from "./elf.ts";
import { loadSegments } from "./elf-binary.ts";
import { buildElf, packer, SHF_COMPRESSED } from "./testing.ts";

const read = (bytes: Buffer) => new Elf(new MemoryBytes(bytes));
const id = "0123456789abcdef0123456789abcdef01234567";

describe("an ELF file", () => {
	for (const addressBytes of [4, 8] as const)
		for (const littleEndian of [false, true])
			it(`of ${addressBytes * 8} bits, ${littleEndian ? "little" : "big"} endian, has its machine, segments, sections and build-id`, () => {
				const content = Buffer.from("some content");
				const elf = read(
					buildElf({
						addressBytes,
						littleEndian,
						machine: 20,
						shift: 0x400,
						buildId: id,
						sections: [{ name: ".debug_str", content, address: 0x77 }],
					}),
				);
				expect(elf).toMatchObject({ machine: 20, littleEndian, addressBytes });
				expect(elf.segments[0]).toEqual({
					type: 1,
					flags: 5,
					offset: 0xc00,
					address: 0x1000,
					fileBytes: 0x1000,
					memoryBytes: 0x1000,
					alignment: 0x1000,
				});
				expect(elf.section(".debug_str")).toEqual({ bytes: content, address: 0x77 });
				expect(elf.section(".debug_info")).toBeNull();
				expect(elf.buildId()).toBe(id);
			});

	it("expands compressed sections, of the format and of older GNU tools", () => {
		const content = Buffer.from("again and again ".repeat(100));
		const packed = deflateSync(content);
		const { u32, u64 } = packer(true, 8);
		const size = packer(false, 8).u64(content.length);
		const elf = read(
			buildElf({
				sections: [
					{
						name: ".debug_info",
						flags: SHF_COMPRESSED,
						content: Buffer.concat([u32(1), u32(0), u64(content.length), u64(1), packed]),
					},
					{ name: ".zdebug_line", content: Buffer.concat([Buffer.from("ZLIB"), size, packed]) },
					{
						name: ".debug_str",
						flags: SHF_COMPRESSED,
						content: Buffer.concat([u32(1), u32(0), u64(2 ** 40), u64(1), packed]),
					},
				],
			}),
		);
		expect(elf.section(".debug_info")?.bytes).toEqual(content);
		expect(elf.section(".debug_line")?.bytes).toEqual(content);
		// a size that is not true, or more than is read
		expect(elf.section(".debug_str")).toBeNull();
	});

	it("is refused when it is something else, or cut before its segments end", () => {
		expect(() => read(Buffer.from("#!/bin/sh\n".repeat(10)))).toThrow(NotElf);
		expect(() => read(Buffer.alloc(10))).toThrow(NotElf);
		expect(() => read(buildElf({}).subarray(0, 100))).toThrow(Truncated);
	});

	it("has no sections when it is cut before them", () => {
		const whole = buildElf({ buildId: id });
		const cut = read(whole.subarray(0, whole.length - 1));
		expect(cut.sections).toEqual([]);
		// the segment of notes tells the build-id all the same
		expect(cut.buildId()).toBe(id);
	});

	it("without its contents gets the places in the file that a linker gives", () => {
		const text = { address: 0x10650, bytes: Buffer.alloc(0x100) };
		expect(loadSegments(read(buildElf({ text, emptied: "objcopy" })))).toMatchObject([
			{ offset: 0x650, address: 0x10650, fileBytes: 0x100 },
		]);
	});
});
