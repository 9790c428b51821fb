/** Values of attributes, by their form (DWARF 5, sections 7.5.5 and 7.5.6; DW_FORM_GNU_…). */
import type { ElfSections } from "../symbols/elf.ts";
import { Malformed, Reader } from "./reader.ts";

/** What the size and meaning of values depend on. Offsets count from the section's begin. */
export interface UnitFormat {
	readonly start: number;
	readonly version: number;
	readonly addressBytes: 4 | 8;
	/** The 64-bit format: offsets have 8 bytes. */
	readonly wide: boolean;
}

/** Where the unit's parts of sections of indexed values begin. */
export interface UnitBases {
	readonly stringOffsets: number;
	readonly addresses: number;
	readonly rangeLists: number;
}

export const Form = {
	addr: 0x01,
	block2: 0x03,
	block4: 0x04,
	data2: 0x05,
	data4: 0x06,
	data8: 0x07,
	string: 0x08,
	block: 0x09,
	block1: 0x0a,
	data1: 0x0b,
	flag: 0x0c,
	sdata: 0x0d,
	strp: 0x0e,
	udata: 0x0f,
	refAddr: 0x10,
	ref1: 0x11,
	ref2: 0x12,
	ref4: 0x13,
	ref8: 0x14,
	refUdata: 0x15,
	indirect: 0x16,
	secOffset: 0x17,
	exprloc: 0x18,
	flagPresent: 0x19,
	strx: 0x1a,
	addrx: 0x1b,
	refSup4: 0x1c,
	strpSup: 0x1d,
	data16: 0x1e,
	lineStrp: 0x1f,
	refSig8: 0x20,
	implicitConst: 0x21,
	loclistx: 0x22,
	rnglistx: 0x23,
	refSup8: 0x24,
	strx1: 0x25,
	strx2: 0x26,
	strx3: 0x27,
	strx4: 0x28,
	addrx1: 0x29,
	addrx2: 0x2a,
	addrx3: 0x2b,
	addrx4: 0x2c,
	gnuAddrIndex: 0x1f01,
	gnuStrIndex: 0x1f02,
	gnuRefAlt: 0x1f20,
	gnuStrpAlt: 0x1f21,
} as const;

/** Bytes that a value takes; -1 where they depend on the value. @throws Malformed for unknown forms */
export function formBytes(form: number, unit: UnitFormat): number {
	const offset = unit.wide ? 8 : 4;
	switch (form) {
		case Form.flagPresent:
		case Form.implicitConst:
			return 0;
		case Form.data1:
		case Form.flag:
		case Form.ref1:
		case Form.strx1:
		case Form.addrx1:
			return 1;
		case Form.data2:
		case Form.ref2:
		case Form.strx2:
		case Form.addrx2:
			return 2;
		case Form.strx3:
		case Form.addrx3:
			return 3;
		case Form.data4:
		case Form.ref4:
		case Form.refSup4:
		case Form.strx4:
		case Form.addrx4:
			return 4;
		case Form.data8:
		case Form.ref8:
		case Form.refSup8:
		case Form.refSig8:
			return 8;
		case Form.data16:
			return 16;
		case Form.addr:
			return unit.addressBytes;
		case Form.refAddr:
			// DWARF 2 gave it the size of an address
			return unit.version === 2 ? unit.addressBytes : offset;
		case Form.strp:
		case Form.lineStrp:
		case Form.strpSup:
		case Form.secOffset:
		case Form.gnuRefAlt:
		case Form.gnuStrpAlt:
			return offset;
		case Form.block1:
		case Form.block2:
		case Form.block4:
		case Form.block:
		case Form.exprloc:
		case Form.string:
		case Form.sdata:
		case Form.udata:
		case Form.refUdata:
		case Form.indirect:
		case Form.strx:
		case Form.addrx:
		case Form.loclistx:
		case Form.rnglistx:
		case Form.gnuAddrIndex:
		case Form.gnuStrIndex:
			return -1;
		default:
			throw new Malformed();
	}
}

/**
 * Takes a value. References are places in .debug_info, strings places of their text or their index, addresses themselves
 * or their index; NaN for what is not followed: blocks, supplementary files, type signatures.
 * @throws Malformed
 */
export function readForm(reader: Reader, form: number, unit: UnitFormat, implicit: number): number {
	switch (form) {
		case Form.implicitConst:
			return implicit;
		case Form.flagPresent:
			return 1;
		case Form.string: {
			const { at } = reader;
			reader.skipText();
			return at;
		}
		case Form.sdata:
			return reader.sleb();
		case Form.udata:
		case Form.strx:
		case Form.addrx:
		case Form.loclistx:
		case Form.rnglistx:
		case Form.gnuAddrIndex:
		case Form.gnuStrIndex:
			return reader.uleb();
		case Form.refUdata:
			return unit.start + reader.uleb();
		case Form.ref1:
		case Form.ref2:
		case Form.ref4:
		case Form.ref8:
			return unit.start + reader.unsigned(formBytes(form, unit));
		case Form.block1:
			reader.skip(reader.u8());
			return Number.NaN;
		case Form.block2:
			reader.skip(reader.u16());
			return Number.NaN;
		case Form.block4:
			reader.skip(reader.u32());
			return Number.NaN;
		case Form.block:
		case Form.exprloc:
			reader.skip(reader.uleb());
			return Number.NaN;
		case Form.data16:
		case Form.refSig8:
		case Form.refSup4:
		case Form.refSup8:
		case Form.strpSup:
		case Form.gnuRefAlt:
		case Form.gnuStrpAlt:
			reader.skip(formBytes(form, unit));
			return Number.NaN;
		case Form.strx3:
		case Form.addrx3:
			return reader.u24();
		case Form.indirect:
			throw new Malformed();
		default:
			return reader.unsigned(formBytes(form, unit));
	}
}

/** A form that stands before its value. @throws Malformed */
export function actualForm(reader: Reader, form: number): number {
	if (form !== Form.indirect) return form;
	const actual = reader.uleb();
	// one that names another, or has its value elsewhere, has no meaning here
	if (actual === Form.indirect || actual === Form.implicitConst) throw new Malformed();
	return actual;
}

type SectionName =
	| ".debug_info"
	| ".debug_abbrev"
	| ".debug_line"
	| ".debug_line_str"
	| ".debug_str"
	| ".debug_str_offsets"
	| ".debug_addr"
	| ".debug_aranges"
	| ".debug_ranges"
	| ".debug_rnglists";

/** Sections, read when first asked for and kept. */
export class DebugSections {
	readonly #elf: ElfSections;
	readonly #read = new Map<SectionName, Buffer | null>();

	constructor(elf: ElfSections) {
		this.#elf = elf;
	}

	/** null if the file has none. */
	bytes(name: SectionName): Buffer | null {
		let bytes = this.#read.get(name);
		if (bytes === undefined) {
			bytes = this.#elf.section(name)?.bytes ?? null;
			this.#read.set(name, bytes);
		}
		return bytes;
	}

	/** @throws Malformed also if the section is missing */
	reader(name: SectionName, at: number, end?: number): Reader {
		const bytes = this.bytes(name);
		if (!bytes) throw new Malformed();
		return new Reader(bytes, this.#elf.littleEndian, at, end);
	}

	/** Text of a string attribute, whose value may stand in `section` itself; null where it is not known. */
	text(section: SectionName, form: number, value: number, unit: UnitFormat, bases: UnitBases): string | null {
		switch (form) {
			case Form.string:
				return this.reader(section, value).text();
			case Form.strp:
				return this.reader(".debug_str", value).text();
			case Form.lineStrp:
				return this.reader(".debug_line_str", value).text();
			case Form.strx:
			case Form.strx1:
			case Form.strx2:
			case Form.strx3:
			case Form.strx4:
			case Form.gnuStrIndex: {
				const bytes = unit.wide ? 8 : 4;
				const offset = this.reader(".debug_str_offsets", bases.stringOffsets + value * bytes).unsigned(bytes);
				return this.reader(".debug_str", offset).text();
			}
			default:
				return null;
		}
	}

	/** Address of an attribute; null if it is none. */
	address(form: number, value: number, unit: UnitFormat, bases: UnitBases): number | null {
		switch (form) {
			case Form.addr:
				return value;
			case Form.addrx:
			case Form.addrx1:
			case Form.addrx2:
			case Form.addrx3:
			case Form.addrx4:
			case Form.gnuAddrIndex:
				return this.indexedAddress(value, unit, bases);
			default:
				return null;
		}
	}

	indexedAddress(index: number, unit: UnitFormat, bases: UnitBases): number {
		const at = bases.addresses + index * unit.addressBytes;
		return this.reader(".debug_addr", at).unsigned(unit.addressBytes);
	}
}
