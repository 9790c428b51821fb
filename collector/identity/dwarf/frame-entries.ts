/**
 * Entries of call frame information: which rules hold for which addresses.
 * .debug_frame: DWARF 5, section 6.4.1. .eh_frame and .eh_frame_hdr: Linux Standard Base 5.0, Core, sections 10.6 and
 * 10.5 (pointer encodings: 10.5.1).
 */
import type { ElfSections } from "../symbols/elf.ts";
import { lastAtMost } from "./range-table.ts";
import { Malformed, orNull, Reader } from "./reader.ts";

/** What entries of functions have in common (CIE). */
export interface CommonEntry {
	readonly codeAlignment: number;
	readonly dataAlignment: number;
	readonly returnColumn: number;
	/** Encoding of addresses in the entries. */
	readonly pointers: number;
	/** Entries have augmentation data of stated length. */
	readonly augmented: boolean;
	/** The "caller" was interrupted, not left by a call. */
	readonly signal: boolean;
	readonly addressBytes: number;
	readonly segmentBytes: number;
	/** Place of the instructions in the section. */
	readonly program: number;
	readonly programEnd: number;
}

/** Rules of the addresses [start, end) (FDE). */
export interface FrameEntry {
	readonly common: CommonEntry;
	readonly start: number;
	readonly end: number;
	readonly program: number;
	readonly programEnd: number;
}

/** Kept entries that others refer to; a program has a handful. */
const maxCommonEntries = 1024;
/** Browsers have a million functions. */
const maxEntries = 1 << 21;

export class FrameEntries {
	readonly #section: Buffer;
	readonly #address: number;
	readonly #elf: ElfSections;
	/** .eh_frame, not .debug_frame */
	readonly #eh: boolean;
	readonly #common = new Map<number, CommonEntry | null>();
	#index: { readonly starts: Float64Array; readonly entries: Float64Array } | null = null;

	constructor(elf: ElfSections, section: { readonly bytes: Buffer; readonly address: number }, eh: boolean) {
		this.#elf = elf;
		this.#section = section.bytes;
		this.#address = section.address;
		this.#eh = eh;
	}

	reader(at = 0, end = this.#section.length): Reader {
		return new Reader(this.#section, this.#elf.littleEndian, at, end);
	}

	/** Entry that covers an address. Malformed ones do not. */
	find(address: number): FrameEntry | null {
		const table = this.#searchTable();
		if (table) {
			const entry = this.#entryAt(table.lookUp(address));
			if (entry && covers(entry, address)) return entry;
		}
		// a table may be stale or incomplete: only its hits are taken
		this.#index ??= this.#buildIndex();
		const { starts, entries } = this.#index;
		const at = lastAtMost(starts.length, (i) => starts[i], address);
		const entry = at < 0 ? null : this.#entryAt(entries[at]);
		return entry && covers(entry, address) ? entry : null;
	}

	#table: SearchTable | null | undefined;

	#searchTable(): SearchTable | null {
		if (this.#table === undefined)
			this.#table = this.#eh ? orNull(() => SearchTable.open(this.#elf, this.#address)) : null;
		return this.#table;
	}

	#entryAt(at: number | null): FrameEntry | null {
		return at === null ? null : orNull(() => this.#entry(at));
	}

	#buildIndex() {
		const found: { start: number; at: number }[] = [];
		// some linkers end .eh_frame of each input by an entry of length 0: go on behind it
		for (let at = 0; at + 4 <= this.#section.length && found.length < maxEntries; ) {
			const next = orNull(() => {
				const reader = this.reader(at);
				const { length } = reader.initialLength();
				return reader.at + length;
			});
			if (next === null || !(next <= this.#section.length)) break;
			const entry = this.#entryAt(at);
			if (entry) found.push({ start: entry.start, at });
			at = next;
		}
		found.sort((a, b) => a.start - b.start || a.at - b.at);
		return {
			starts: Float64Array.from(found, (e) => e.start),
			entries: Float64Array.from(found, (e) => e.at),
		};
	}

	/** null where no entry of a function is. */
	#entry(at: number): FrameEntry | null {
		const reader = this.#open(at);
		if (!reader) return null;
		const idAt = reader.reader.at;
		const id = reader.wide ? reader.reader.u64() : reader.reader.u32();
		if (isCommon(id, this.#eh, reader.wide)) return null;
		// .eh_frame counts back from the pointer itself
		const common = this.#commonAt(this.#eh ? idAt - id : id);
		if (!common) return null;
		const body = reader.reader;
		body.skip(common.segmentBytes);
		const start = this.pointer(body, common.pointers, common);
		// the length has the same width without being relative
		const length = this.pointer(body, common.pointers & 0x0f, common);
		if (start === null || length === null || !(length > 0)) return null;
		if (common.augmented) {
			const bytes = body.uleb();
			body.skip(bytes);
		}
		return { common, start, end: start + length, program: body.at, programEnd: body.end };
	}

	#open(at: number): { reader: Reader; wide: boolean } | null {
		const reader = this.reader(at);
		const { length, wide } = reader.initialLength();
		if (length === 0) return null;
		return { reader: this.reader(reader.at, reader.at + length), wide };
	}

	#commonAt(at: number): CommonEntry | null {
		let common = this.#common.get(at);
		if (common === undefined) {
			common = orNull(() => this.#readCommon(at));
			if (this.#common.size >= maxCommonEntries) this.#common.clear();
			this.#common.set(at, common);
		}
		return common;
	}

	#readCommon(at: number): CommonEntry | null {
		const opened = this.#open(at);
		if (!opened) return null;
		const { reader, wide } = opened;
		const id = wide ? reader.u64() : reader.u32();
		if (!isCommon(id, this.#eh, wide)) return null;
		const version = reader.u8();
		if (version !== 1 && version !== 3 && version !== 4) return null;
		const augmentation = reader.text();
		let addressBytes: number = this.#elf.addressBytes;
		let segmentBytes = 0;
		if (version === 4) {
			addressBytes = reader.u8();
			segmentBytes = reader.u8();
			if ((addressBytes !== 4 && addressBytes !== 8) || segmentBytes > 8) return null;
		}
		// gcc 2: a pointer to its exception table follows
		if (augmentation.startsWith("eh")) reader.skip(addressBytes);
		const codeAlignment = reader.uleb();
		const dataAlignment = reader.sleb();
		const returnColumn = version === 1 ? reader.u8() : reader.uleb();
		const common = { codeAlignment, dataAlignment, returnColumn, addressBytes, segmentBytes };
		const augmented = augmentation.startsWith("z");
		let pointers = 0;
		let signal = false;
		let program = reader.at;
		if (augmented) {
			const bytes = reader.uleb();
			program = reader.at + bytes;
			const data = this.reader(reader.at, program);
			for (const letter of augmentation.slice(1)) {
				if (letter === "R") pointers = data.u8();
				else if (letter === "S") signal = true;
				else if (letter === "L") data.u8();
				else if (letter === "P") this.pointer(data, data.u8(), common);
				// the place of what follows an unknown letter is unknown
				else if (letter !== "B") break;
			}
		} else if (augmentation !== "" && augmentation !== "eh") return null;
		if (program > reader.end) return null;
		return { ...common, pointers, augmented, signal, program, programEnd: reader.end };
	}

	/** An encoded pointer (DW_EH_PE_…), which is taken; null if it is omitted or relative to what is not known. */
	pointer(reader: Reader, encoding: number, common: { readonly addressBytes: number }): number | null {
		return readPointer(reader, encoding, common.addressBytes, { section: this.#address });
	}
}

function isCommon(id: number, eh: boolean, wide: boolean): boolean {
	// exact: 2^64 - 1 and 2^64 are the same double
	return eh ? id === 0 : id === (wide ? 2 ** 64 : 0xffffffff);
}

function covers(entry: FrameEntry, address: number): boolean {
	return address >= entry.start && address < entry.end;
}

/** `section`: address of the section that is read, `data`: what DW_EH_PE_datarel is relative to. */
function readPointer(
	reader: Reader,
	encoding: number,
	addressBytes: number,
	bases: { readonly section: number; readonly data?: number },
): number | null {
	if (encoding === 0xff) return null; // DW_EH_PE_omit
	const place = bases.section + reader.at;
	if ((encoding & 0x70) === 0x50) {
		// DW_EH_PE_aligned
		reader.skip((addressBytes - (place % addressBytes)) % addressBytes);
		return reader.unsigned(addressBytes);
	}
	const value = readEncoded(reader, encoding & 0x0f, addressBytes);
	// what is at an indirect address only the running program knows
	if (encoding & 0x80) return null;
	switch (encoding & 0x70) {
		case 0x00:
			return value;
		case 0x10:
			return wrap(place + value, addressBytes);
		case 0x30:
			return bases.data === undefined ? null : wrap(bases.data + value, addressBytes);
		default:
			return null;
	}
}

/** Sums of 32-bit addresses wrap. */
function wrap(address: number, addressBytes: number): number {
	return addressBytes === 4 ? address >>> 0 : address;
}

function readEncoded(reader: Reader, format: number, addressBytes: number): number {
	switch (format) {
		case 0x00: // DW_EH_PE_absptr
			return reader.unsigned(addressBytes);
		case 0x01:
			return reader.uleb();
		case 0x02:
			return reader.u16();
		case 0x03:
			return reader.u32();
		case 0x04:
			return reader.u64();
		case 0x08: // DW_EH_PE_signed
			return addressBytes === 8 ? reader.s64() : reader.s32();
		case 0x09:
			return reader.sleb();
		case 0x0a:
			return reader.s16();
		case 0x0b:
			return reader.s32();
		case 0x0c:
			return reader.s64();
		default:
			throw new Malformed();
	}
}

/** .eh_frame_hdr: first addresses of functions, sorted, and where their entries are. */
class SearchTable {
	private constructor(
		private readonly reader: Reader,
		private readonly address: number,
		private readonly frames: number,
		private readonly first: number,
		private readonly count: number,
	) {}

	/** null if there is none, or none that can be searched. @throws Malformed */
	static open(elf: ElfSections, frames: number): SearchTable | null {
		const section = elf.section(".eh_frame_hdr");
		if (!section) return null;
		const reader = new Reader(section.bytes, elf.littleEndian);
		if (reader.u8() !== 1) return null;
		const framesEncoding = reader.u8();
		const countEncoding = reader.u8();
		const tableEncoding = reader.u8();
		const bases = { section: section.address, data: section.address };
		readPointer(reader, framesEncoding, elf.addressBytes, bases);
		const count = readPointer(reader, countEncoding, elf.addressBytes, bases);
		// what all linkers write: DW_EH_PE_datarel | DW_EH_PE_sdata4
		if (count === null || tableEncoding !== 0x3b) return null;
		if (!(reader.at + count * 8 <= section.bytes.length)) return null;
		return new SearchTable(reader, section.address, frames, reader.at, count);
	}

	/** Place of the entry in .eh_frame. */
	lookUp(address: number): number | null {
		const at = (i: number) => {
			this.reader.seek(this.first + 8 * i);
			return this.address + this.reader.s32();
		};
		const found = lastAtMost(this.count, at, address);
		if (found < 0) return null;
		this.reader.seek(this.first + 8 * found + 4);
		return this.address + this.reader.s32() - this.frames;
	}
}
