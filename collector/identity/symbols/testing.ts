/** Small ELF files for tests. */
import {
	EM_PPC64,
	PF_X,
	PT_LOAD,
	PT_NOTE,
	SHF_EXECINSTR,
	SHT_DYNSYM,
	SHT_NOBITS,
	SHT_NOTE,
	SHT_SYMTAB,
} from "./elf.ts";

const SHT_PROGBITS = 1;
const SHT_STRTAB = 3;
export const SHF_COMPRESSED = 0x800;

const symbolTypes = { none: 0, object: 1, function: 2, ifunc: 10 } as const;
const bindings = { local: 0, global: 1, weak: 2 } as const;

export interface TestSymbol {
	readonly name: string;
	readonly at: number;
	readonly bytes?: number;
	readonly type?: keyof typeof symbolTypes;
	readonly binding?: keyof typeof bindings;
	readonly hidden?: boolean;
	/** Of the section that it lies in; .text if not given, null: it is defined elsewhere. */
	readonly section?: string | null;
}

export interface TestSection {
	readonly name: string;
	readonly type?: number;
	readonly flags?: number;
	readonly address?: number;
	readonly content: Buffer;
	readonly link?: string;
	readonly entryBytes?: number;
}

export interface TestElf {
	readonly addressBytes?: 4 | 8;
	readonly littleEndian?: boolean;
	readonly machine?: number;
	/** Code: its address; the place in the file is below the address by `shift`. */
	readonly text?: { readonly address: number; readonly bytes: Buffer };
	/** Difference of address and place in the file, for the segment of the code. */
	readonly shift?: number;
	readonly symbols?: readonly TestSymbol[];
	readonly dynamic?: readonly TestSymbol[];
	/** Hex. */
	readonly buildId?: string;
	readonly sections?: readonly TestSection[];
	/** A debug file, as objcopy --only-keep-debug or eu-strip leaves it: the latter keeps the segments as they were. */
	readonly emptied?: "objcopy" | "eu-strip";
}

/** The bytes of an ELF file: headers, code, sections. Segments: one for the code, one for the build-id. */
export function buildElf(elf: TestElf): Buffer {
	const {
		addressBytes = 8,
		littleEndian = true,
		machine = EM_PPC64,
		// code, not a hole: files whose code is all zeros are symbol files
		text = { address: 0x1000, bytes: Buffer.alloc(0x1000, "60000000", "hex") },
		shift = 0,
		emptied,
	} = elf;
	const wide = addressBytes === 8;
	const pack = packer(littleEndian, addressBytes);
	const textAt = text.address - shift;
	const sections: TestSection[] = [
		{ name: "", type: 0, content: Buffer.alloc(0) },
		{
			name: ".text",
			type: emptied ? SHT_NOBITS : SHT_PROGBITS,
			flags: 2 | SHF_EXECINSTR,
			address: text.address,
			content: text.bytes,
		},
		...(elf.sections ?? []),
	];
	if (elf.buildId !== undefined) {
		const id = Buffer.from(elf.buildId, "hex");
		const note = Buffer.concat([pack.u32(4), pack.u32(id.length), pack.u32(3), Buffer.from("GNU\0"), id]);
		sections.push({ name: ".note.gnu.build-id", type: SHT_NOTE, flags: 2, content: note });
	}
	for (const [symbols, name, strings, type] of [
		[elf.symbols, ".symtab", ".strtab", SHT_SYMTAB],
		[elf.dynamic, ".dynsym", ".dynstr", SHT_DYNSYM],
	] as const) {
		if (!symbols) continue;
		const names = stringTable(symbols.map((s) => s.name));
		const entries = symbols.map((s) => {
			const home = s.section === null ? 0 : sections.findIndex((x) => x.name === (s.section ?? ".text"));
			const info = Buffer.from([
				(bindings[s.binding ?? "global"] << 4) | symbolTypes[s.type ?? "function"],
				s.hidden ? 2 : 0,
			]);
			const start = pack.u32(names.at(s.name));
			const value = pack.address(s.at);
			const size = pack.address(s.bytes ?? 0);
			return Buffer.concat(
				wide ? [start, info, pack.u16(home), value, size] : [start, value, size, info, pack.u16(home)],
			);
		});
		const entryBytes = wide ? 24 : 16;
		const content = Buffer.concat([Buffer.alloc(entryBytes), ...entries]);
		sections.push({ name, type, content, link: strings, entryBytes });
		sections.push({ name: strings, type: SHT_STRTAB, content: names.bytes });
	}
	const sectionNames = stringTable([...sections.map((s) => s.name), ".shstrtab"]);
	sections.push({ name: ".shstrtab", type: SHT_STRTAB, content: sectionNames.bytes });

	const headerBytes = wide ? 64 : 52;
	const segmentBytes = wide ? 56 : 32;
	let end = headerBytes + 2 * segmentBytes;
	const parts: { at: number; content: Buffer }[] = [];
	const places = sections.map((section) => {
		if (section.type === SHT_NOBITS || section.content.length === 0) return end;
		const at = section.name === ".text" ? textAt : Math.ceil(end / 8) * 8;
		parts.push({ at, content: section.content });
		end = Math.max(end, at + section.content.length);
		return at;
	});
	const sectionsAt = Math.ceil(end / 8) * 8;
	const sectionHeaders = sections.map((s, i) =>
		Buffer.concat([
			pack.u32(sectionNames.at(s.name)),
			pack.u32(s.type ?? SHT_PROGBITS),
			pack.address(s.flags ?? 0),
			pack.address(s.address ?? 0),
			pack.address(places[i]),
			pack.address(s.content.length),
			pack.u32(s.link ? sections.findIndex((x) => x.name === s.link) : 0),
			pack.u32(0),
			pack.address(1),
			pack.address(s.entryBytes ?? 0),
		]),
	);
	const note = sections.findIndex((s) => s.type === SHT_NOTE);
	const segments = [
		[
			PT_LOAD,
			PF_X | 4,
			emptied === "objcopy" ? 0 : textAt,
			text.address,
			emptied === "objcopy" ? 0 : text.bytes.length,
			text.bytes.length,
			0x1000,
		],
		note < 0
			? [0, 0, 0, 0, 0, 0, 0]
			: [PT_NOTE, 4, places[note], 0, sections[note].content.length, sections[note].content.length, 4],
	].map(([type, flags, offset, address, fileBytes, memoryBytes, alignment]) => {
		const [o, v, f, m] = [offset, address, fileBytes, memoryBytes].map(pack.address);
		return Buffer.concat(
			wide
				? [pack.u32(type), pack.u32(flags), o, v, v, f, m, pack.address(alignment)]
				: [pack.u32(type), o, v, v, f, m, pack.u32(flags), pack.u32(alignment)],
		);
	});
	const header = Buffer.concat([
		Buffer.from([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, littleEndian ? 1 : 2, 1, 0]),
		Buffer.alloc(8),
		pack.u16(3),
		pack.u16(machine),
		pack.u32(1),
		pack.address(text.address),
		pack.address(headerBytes),
		pack.address(sectionsAt),
		pack.u32(0),
		...[headerBytes, segmentBytes, 2, wide ? 64 : 40, sections.length, sections.length - 1].map(pack.u16),
	]);
	const out = Buffer.alloc(sectionsAt + sections.length * (wide ? 64 : 40));
	Buffer.concat([header, ...segments]).copy(out);
	for (const { at, content } of parts) content.copy(out, at);
	Buffer.concat(sectionHeaders).copy(out, sectionsAt);
	return out;
}

export function packer(littleEndian: boolean, addressBytes: 4 | 8) {
	const number = (bytes: number) => (value: number) => {
		const buffer = Buffer.alloc(8);
		if (littleEndian) buffer.writeBigUInt64LE(BigInt(value));
		else buffer.writeBigUInt64BE(BigInt(value));
		return littleEndian ? buffer.subarray(0, bytes) : buffer.subarray(8 - bytes);
	};
	return { u16: number(2), u32: number(4), u64: number(8), address: number(addressBytes) };
}

function stringTable(names: readonly string[]): { bytes: Buffer; at(name: string): number } {
	const at = new Map<string, number>([["", 0]]);
	let bytes = Buffer.alloc(1);
	for (const name of names) {
		if (at.has(name)) continue;
		at.set(name, bytes.length);
		bytes = Buffer.concat([bytes, Buffer.from(name, "latin1"), Buffer.alloc(1)]);
	}
	return { bytes, at: (name) => at.get(name)! };
}
