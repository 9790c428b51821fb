/**
 * ELF files: header, segments, sections, build-id. Only what is asked for is read from the file (debug files have
 * gigabytes), and every offset and count is checked: the file may be hostile.
 *
 * System V ABI, chapters 4 and 5; section compression: gABI, "Section Compression" (SHF_COMPRESSED).
 */
import { inflateSync } from "node:zlib";
import { type Bytes, Truncated } from "../../decode/bytes.ts";
import { decompressor } from "../../decode/compression.ts";

/** What readers of debug information ask of an ELF file. */
export interface ElfSections {
	/** e_machine, such as EM_PPC64 = 21 or EM_X86_64 = 62. */
	readonly machine: number;
	readonly littleEndian: boolean;
	readonly addressBytes: 4 | 8;
	/** Content (expanded if compressed) and virtual address of a section; null if absent, without content or damaged. */
	section(name: string): { readonly bytes: Buffer; readonly address: number } | null;
}

export interface Segment {
	readonly type: number;
	readonly flags: number;
	readonly offset: number;
	readonly address: number;
	readonly fileBytes: number;
	readonly memoryBytes: number;
	/** At least 1. */
	readonly alignment: number;
}

export interface Section {
	readonly name: string;
	readonly type: number;
	readonly flags: number;
	readonly address: number;
	readonly offset: number;
	readonly bytes: number;
	readonly link: number;
	readonly entryBytes: number;
}

export const PT_LOAD = 1;
export const PT_NOTE = 4;
export const PF_X = 1;
export const SHT_SYMTAB = 2;
export const SHT_NOTE = 7;
export const SHT_NOBITS = 8;
export const SHT_DYNSYM = 11;
export const SHF_EXECINSTR = 4;
const SHF_COMPRESSED = 0x800;
export const EM_PPC64 = 21;

/** The file is no ELF file, or one that this reader does not take. */
export class NotElf extends Error {}

/** Programs with -ffunction-sections that were linked with -r have most: some ten thousand. */
const maxSections = 1 << 20;
const maxSegments = 1 << 12;
const maxNoteBytes = 1 << 20;
/** Larger sections are not read: .debug_info of a browser. An import has less than 1 GiB for all. */
const maxSectionBytes = 256 << 20;
/** Unsigned numbers in the byte order of a file. */
export class Words {
	constructor(
		readonly buffer: Buffer,
		readonly littleEndian: boolean,
		readonly addressBytes: 4 | 8,
	) {}
	u16(at: number): number {
		return this.littleEndian ? this.buffer.readUInt16LE(at) : this.buffer.readUInt16BE(at);
	}
	u32(at: number): number {
		return this.littleEndian ? this.buffer.readUInt32LE(at) : this.buffer.readUInt32BE(at);
	}
	/** Not exact from 2^53 on, which no size or address of a user program reaches. */
	u64(at: number): number {
		const first = this.u32(at);
		const second = this.u32(at + 4);
		return this.littleEndian ? second * 2 ** 32 + first : first * 2 ** 32 + second;
	}
	/** An address, or a size of the same width. */
	address(at: number): number {
		return this.addressBytes === 8 ? this.u64(at) : this.u32(at);
	}
}

export class Elf implements ElfSections {
	readonly machine: number;
	readonly littleEndian: boolean;
	readonly addressBytes: 4 | 8;
	readonly flags: number;
	readonly segments: readonly Segment[];
	/** Empty if the file has none, or if they cannot be read (a file that was cut). */
	readonly sections: readonly Section[];
	readonly #bytes: Bytes;

	/**
	 * @throws NotElf if the file is none
	 * @throws Truncated if its program headers lie beyond its end
	 */
	constructor(bytes: Bytes) {
		this.#bytes = bytes;
		if (bytes.size < 52) throw new NotElf("too small for an ELF header");
		const ident = bytes.read(0, Math.min(bytes.size, 64), "ELF header");
		const [bits, order] = [ident[4], ident[5]];
		if (ident.readUInt32BE(0) !== 0x7f454c46) throw new NotElf("no ELF magic");
		if ((bits !== 1 && bits !== 2) || (order !== 1 && order !== 2))
			throw new NotElf("unknown class or byte order");
		if (bits === 2 && ident.length < 64) throw new NotElf("too small for an ELF header");
		this.addressBytes = bits === 2 ? 8 : 4;
		this.littleEndian = order === 1;
		const wide = bits === 2;
		const header = this.words(ident);
		this.machine = header.u16(18);
		this.flags = header.u32(wide ? 48 : 36);
		const programHeaders = header.address(wide ? 32 : 28);
		const sectionHeaders = header.address(wide ? 40 : 32);
		const counts = wide ? 54 : 42;
		let [segmentBytes, segmentCount, sectionBytes, sectionCount, namesIndex] = [0, 2, 4, 6, 8].map((at) =>
			header.u16(counts + at),
		);
		if (segmentBytes < (wide ? 56 : 32)) segmentCount = 0;
		if (sectionBytes < (wide ? 64 : 40) || sectionHeaders === 0) sectionCount = namesIndex = 0;
		else if (sectionCount === 0 || namesIndex === 0xffff || segmentCount === 0xffff) {
			// numbers too large for the header stand in the first section header
			const first = this.#sectionHeader(
				this.words(bytes.read(sectionHeaders, sectionBytes, "section header")),
				0,
			);
			if (sectionCount === 0) sectionCount = first.bytes;
			if (namesIndex === 0xffff) namesIndex = first.link;
			if (segmentCount === 0xffff) segmentCount = first.info;
		}
		this.segments =
			segmentCount > 0 && segmentCount <= maxSegments
				? this.#readSegments(programHeaders, segmentBytes, segmentCount)
				: [];
		this.sections =
			sectionCount > 0 && sectionCount <= maxSections
				? this.#readSections(sectionHeaders, sectionBytes, sectionCount, namesIndex)
				: [];
	}

	words(buffer: Buffer): Words {
		return new Words(buffer, this.littleEndian, this.addressBytes);
	}

	#readSegments(offset: number, entryBytes: number, count: number): Segment[] {
		const all = this.words(this.#bytes.read(offset, entryBytes * count, "program headers"));
		const wide = this.addressBytes === 8;
		return Array.from({ length: count }, (_, i) => {
			const at = i * entryBytes;
			return wide
				? {
						type: all.u32(at),
						flags: all.u32(at + 4),
						offset: all.u64(at + 8),
						address: all.u64(at + 16),
						fileBytes: all.u64(at + 32),
						memoryBytes: all.u64(at + 40),
						alignment: Math.max(1, all.u64(at + 48)),
					}
				: {
						type: all.u32(at),
						flags: all.u32(at + 24),
						offset: all.u32(at + 4),
						address: all.u32(at + 8),
						fileBytes: all.u32(at + 16),
						memoryBytes: all.u32(at + 20),
						alignment: Math.max(1, all.u32(at + 28)),
					};
		});
	}

	#sectionHeader(all: Words, at: number) {
		const n = this.addressBytes;
		return {
			nameAt: all.u32(at),
			type: all.u32(at + 4),
			// flags above 32 bits are for the processor and the system
			flags: n === 8 ? all.u32(at + 8 + (this.littleEndian ? 0 : 4)) : all.u32(at + 8),
			address: all.address(at + 8 + n),
			offset: all.address(at + 8 + 2 * n),
			bytes: all.address(at + 8 + 3 * n),
			link: all.u32(at + 8 + 4 * n),
			info: all.u32(at + 12 + 4 * n),
			entryBytes: all.address(at + 16 + 5 * n),
		};
	}

	#readSections(offset: number, entryBytes: number, count: number, namesIndex: number): Section[] {
		if (offset + entryBytes * count > this.#bytes.size) return [];
		const all = this.words(this.#bytes.read(offset, entryBytes * count, "section headers"));
		const headers = Array.from({ length: count }, (_, i) => this.#sectionHeader(all, i * entryBytes));
		const table = headers[namesIndex];
		let names: Buffer = Buffer.alloc(0);
		if (table && table.type !== SHT_NOBITS && table.bytes <= maxSectionBytes && this.#holds(table))
			names = this.#bytes.read(table.offset, table.bytes, "section names");
		return headers.map(({ nameAt, info: _, ...header }) => ({ name: textAt(names, nameAt), ...header }));
	}

	#holds(range: { offset: number; bytes: number }): boolean {
		return range.offset + range.bytes <= this.#bytes.size;
	}

	/** A part of a section as it lies in the file. @throws Truncated outside the section or the file */
	readSection(section: Section, offset: number, bytes: number): Buffer {
		if (section.type === SHT_NOBITS || offset < 0 || bytes < 0 || offset + bytes > section.bytes)
			throw new Truncated(section.offset + offset, `section ${section.name}`);
		return this.#bytes.read(section.offset + offset, bytes, `section ${section.name}`);
	}

	section(name: string): { bytes: Buffer; address: number } | null {
		const section = this.sections.find((s) => s.name === name && s.type !== SHT_NOBITS);
		if (section) {
			const bytes = this.#content(section);
			return bytes && { bytes, address: section.address };
		}
		// GNU tools before 2016 packed .debug_info as .zdebug_info: "ZLIB", big-endian size, zlib data
		const old = name.startsWith(".debug_") && this.sections.find((s) => s.name === `.z${name.slice(1)}`);
		if (!old || old.bytes > maxSectionBytes || !this.#holds(old) || old.type === SHT_NOBITS) return null;
		const raw = this.readSection(old, 0, old.bytes);
		if (raw.length < 12 || raw.toString("latin1", 0, 4) !== "ZLIB") return null;
		const size = raw.readUInt32BE(4) * 2 ** 32 + raw.readUInt32BE(8);
		const bytes = expand("zlib", raw.subarray(12), size);
		return bytes && { bytes, address: old.address };
	}

	#content(section: Section): Buffer | null {
		if (section.bytes > maxSectionBytes || !this.#holds(section)) return null;
		const raw = this.readSection(section, 0, section.bytes);
		if ((section.flags & SHF_COMPRESSED) === 0) return raw;
		const header = this.words(raw);
		const headerBytes = this.addressBytes === 8 ? 24 : 12;
		if (raw.length < headerBytes) return null;
		const algorithm = ({ 1: "zlib", 2: "zstd" } as const)[header.u32(0)];
		const size = header.address(this.addressBytes === 8 ? 8 : 4);
		return algorithm ? expand(algorithm, raw.subarray(headerBytes), size) : null;
	}

	/** Hex; null if the file has none. */
	buildId(): string | null {
		// a segment of notes is there in stripped files as well; files of objcopy --only-keep-debug have it in sections alone
		for (const range of [
			...this.sections.filter((s) => s.type === SHT_NOTE),
			...this.segments
				.filter((s) => s.type === PT_NOTE)
				.map((s) => ({ offset: s.offset, bytes: s.fileBytes })),
		]) {
			if (range.bytes > maxNoteBytes || !this.#holds(range)) continue;
			const id = this.#buildIdIn(this.words(this.#bytes.read(range.offset, range.bytes, "notes")));
			if (id) return id;
		}
		return null;
	}

	#buildIdIn(notes: Words): string | null {
		const { buffer } = notes;
		for (let at = 0; at + 12 <= buffer.length; ) {
			const nameBytes = notes.u32(at);
			const bytes = notes.u32(at + 4);
			const type = notes.u32(at + 8);
			const descriptor = at + 12 + Math.ceil(nameBytes / 4) * 4;
			if (descriptor + bytes > buffer.length) return null;
			const isGnu = nameBytes === 4 && buffer.toString("latin1", at + 12, at + 16) === "GNU\0";
			// NT_GNU_BUILD_ID; 20 bytes by default, any number by --build-id=0x…
			if (isGnu && type === 3 && bytes > 0 && bytes <= 64)
				return buffer.toString("hex", descriptor, descriptor + bytes);
			at = descriptor + Math.ceil(bytes / 4) * 4;
		}
		return null;
	}

	/** The 4 bytes at a place of the file as a number; null beyond its end. */
	word(fileOffset: number): number | null {
		return fileOffset + 4 <= this.#bytes.size
			? this.words(this.#bytes.read(fileOffset, 4, "instruction")).u32(0)
			: null;
	}
}

function textAt(buffer: Buffer, at: number): string {
	if (at >= buffer.length) return "";
	const end = buffer.indexOf(0, at);
	return buffer.toString("latin1", at, end < 0 ? buffer.length : end);
}

/** null if the data is damaged or does not expand to `size` bytes. */
function expand(algorithm: "zlib" | "zstd", data: Buffer, size: number): Buffer | null {
	if (size === 0) return Buffer.alloc(0);
	if (!(size <= maxSectionBytes)) return null;
	try {
		const out =
			algorithm === "zlib" ? inflateSync(data, { maxOutputLength: size }) : decompressor("zstd")!(data, size);
		return out.length === size ? Buffer.from(out.buffer, out.byteOffset, out.length) : null;
	} catch {
		return null;
	}
}
