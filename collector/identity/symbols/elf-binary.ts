/** One program or library: the file that is mapped, and what its debug file and its .gnu_debugdata add. */
import { Truncated } from "../../decode/bytes.ts";
import type { Binary, BinaryFunction, CallFrames, SourcePlace } from "../binary.ts";
import { openCallFrames, openPlaces } from "../dwarf/index.ts";
import { type Elf, type ElfSections, PF_X, PT_LOAD, type Segment, SHT_NOBITS } from "./elf.ts";
import { FunctionTable, symbolTable } from "./function-table.ts";

export interface BinaryParts {
	/** File that was found for the mapping; a debug file when no other was. */
	readonly file: string;
	readonly elf: Elf;
	/** Debug file of the same build; null if there is none. */
	readonly debug: { readonly file: string; readonly elf: Elf } | null;
	/** Symbols packed into the file (.gnu_debugdata); asked for when there is no other table of all symbols. */
	packedSymbols(): Elf | null;
}

export class ElfBinary implements Binary {
	readonly file: string;
	readonly machine: number;
	readonly littleEndian: boolean;
	readonly #elf: Elf;
	readonly #parts: BinaryParts;
	readonly #segments: readonly Segment[];
	readonly #hasCode: boolean;
	#functions: FunctionTable | undefined;
	#places: { readonly open: ReturnType<typeof openPlaces> } | undefined;
	#frames: { readonly open: CallFrames | null } | undefined;

	constructor(parts: BinaryParts) {
		this.#parts = parts;
		this.#elf = parts.elf;
		this.file = parts.file;
		this.machine = parts.elf.machine;
		this.littleEndian = parts.elf.littleEndian;
		this.#segments = loadSegments(parts.elf);
		this.#hasCode = hasCode(parts.elf);
	}

	get functions(): FunctionTable {
		this.#functions ??= this.#readFunctions();
		return this.#functions;
	}

	/** File that has the symbols: that of the program, or its debug file. */
	get symbolFile(): string {
		const { elf, debug } = this.#parts;
		return debug && !symbolTable(elf, false) ? debug.file : this.file;
	}

	#readFunctions(): FunctionTable {
		const { elf, debug } = this.#parts;
		const complete = [elf, debug?.elf].find((e) => e && symbolTable(e, false));
		if (complete) return new FunctionTable([{ elf: complete, dynamic: false }], elf);
		// the packed table leaves out what the dynamic one has
		const packed = this.#parts.packedSymbols();
		return new FunctionTable(
			[{ elf, dynamic: true }, ...(packed ? [{ elf: packed, dynamic: false }] : [])],
			elf,
		);
	}

	addressOf(fileOffset: number): number | null {
		const holds = (s: Segment) => fileOffset >= s.offset && fileOffset < s.offset + s.fileBytes;
		const segment =
			this.#segments.find((s) => holds(s) && s.flags & PF_X) ?? this.#segments.find(holds) ?? null;
		return segment && fileOffset - segment.offset + segment.address;
	}

	function(address: number): BinaryFunction | null {
		return this.functions.find(address);
	}

	word(address: number): number | null {
		if (!this.#hasCode) return null;
		const segment = this.#elf.segments.find(
			(s) =>
				s.type === PT_LOAD &&
				(s.flags & PF_X) !== 0 &&
				address >= s.address &&
				address + 4 <= s.address + s.fileBytes,
		);
		return segment ? this.#elf.word(address - segment.address + segment.offset) : null;
	}

	get frames(): CallFrames | null {
		this.#frames ??= { open: openCallFrames(this.sections) };
		return this.#frames.open;
	}

	place(address: number): SourcePlace | null {
		this.#places ??= { open: openPlaces(this.sections) };
		return this.#places.open?.place(address) ?? null;
	}

	/** What the debug information is read from: sections of the file itself, and those that its debug file has more. */
	get sections(): ElfSections {
		const { elf, debug } = this.#parts;
		return {
			machine: elf.machine,
			littleEndian: elf.littleEndian,
			addressBytes: elf.addressBytes,
			section: (name) => elf.section(name) ?? debug?.elf.section(name) ?? null,
		};
	}
}

/** No code begins with so many zeros. */
const searchedForCode = 65_536;

/**
 * Debug files keep the sections of code without their contents. So do the symbol files of LinuxKI's archives, sparse
 * files whose sections are holes but for the symbols: what is read there is zeros.
 */
export function hasCode(elf: Elf): boolean {
	const text = elf.sections.find((s) => s.name === ".text");
	if (!text) return true;
	if (text.type === SHT_NOBITS) return false;
	try {
		for (let at = 0, step = 256; at < text.bytes && at < searchedForCode; at += step) {
			const bytes = elf.readSection(text, at, Math.min(step, text.bytes - at));
			if (bytes.some((byte) => byte !== 0)) return true;
		}
	} catch (error) {
		if (error instanceof Truncated) return true;
		throw error;
	}
	return text.bytes === 0;
}

/**
 * PT_LOAD segments. objcopy --only-keep-debug takes the contents out and their file offsets with them; where only such
 * a file is at hand, the offsets are those that linkers give: the smallest behind the segment before that is equal to
 * the address modulo the alignment (System V ABI, "Program Header": p_vaddr and p_offset are congruent modulo p_align).
 * Programs with several segments of code have holes between them (node): those behind the first are left out.
 */
export function loadSegments(elf: Elf): readonly Segment[] {
	const loads = elf.segments.filter((s) => s.type === PT_LOAD);
	const emptied = loads.some((s) => s.flags & PF_X && s.fileBytes === 0 && s.memoryBytes > 0);
	if (!emptied || hasCode(elf)) return loads;
	let end = 0;
	const placed = loads.map((s) => {
		const distance = (s.address - end) % s.alignment;
		const offset = end + (distance < 0 ? distance + s.alignment : distance);
		end = offset + s.memoryBytes;
		return { ...s, offset, fileBytes: s.memoryBytes };
	});
	return placed.slice(0, placed.findIndex((s) => s.flags & PF_X) + 1);
}
