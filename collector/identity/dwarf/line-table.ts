/** Line tables: which line of which file the instruction at an address comes from (DWARF 5 and 4, section 6.2). */
import { actualForm, type DebugSections, Form, readForm } from "./forms.ts";
import { lastAtMost, type RangeTable, RangeTableBuilder } from "./range-table.ts";
import { Malformed, orNull, type Reader } from "./reader.ts";
import type { Unit } from "./units.ts";

/** Rows that are kept of one unit. The largest, linked with LTO, have some million. */
const maxRows = 1 << 22;
export const maxFiles = 1 << 18;
const maxSequences = 1 << 20;
/** PATH_MAX of Linux. */
const maxPathLength = 4096;
const maxFormats = 64;

/** A name where it stands; a directory has none itself. */
interface FileEntry {
	readonly form: number;
	readonly value: number;
	readonly directory: number;
}

interface Header {
	readonly version: number;
	readonly addressBytes: number;
	readonly minimumInstruction: number;
	readonly lineBase: number;
	readonly lineRange: number;
	/** Operands of the standard opcodes, from opcode 1. */
	readonly operands: readonly number[];
	readonly program: number;
	readonly end: number;
	readonly directories: readonly FileEntry[];
	readonly files: FileEntry[];
}

export class LineTable {
	readonly #sections: DebugSections;
	readonly #unit: Unit;
	readonly #header: Header;
	readonly #rows = new Rows();
	/** Ranges of addresses that have ascending rows; the value is the number of the sequence. */
	readonly #sequences: RangeTable;

	/** @throws Malformed */
	constructor(sections: DebugSections, unit: Unit) {
		this.#sections = sections;
		this.#unit = unit;
		this.#header = readHeader(sections, unit);
		const sequences = new RangeTableBuilder(maxSequences);
		// rows before damage are good
		orNull(() =>
			runProgram(
				sections.reader(".debug_line", this.#header.program, this.#header.end),
				this.#header,
				this.#rows,
				sequences,
			),
		);
		this.#sequences = sequences.build();
	}

	/** For bounds on memory. */
	get size(): number {
		return this.#rows.size + this.#sequences.size + this.#header.files.length;
	}

	/** File (its number) and line of an address; null outside the table. */
	find(address: number): { readonly file: number; readonly line: number } | null {
		const sequence = this.#sequences.find(address);
		return sequence === null ? null : this.#rows.find(sequence, address);
	}

	/** Path of a file by its number in the table; null if it is not known. */
	path(file: number): string | null {
		const path = orNull(() => this.#path(file));
		return path && path.length <= maxPathLength ? path : null;
	}

	#path(number: number): string | null {
		const { version, files, directories } = this.#header;
		// before DWARF 5, files and directories are counted from 1; directory 0 is the unit's own
		const first = version >= 5 ? 0 : 1;
		const file = files[number - first];
		const name = file && this.#text(file);
		if (!name) return null;
		if (name.startsWith("/")) return name;
		// since DWARF 5, directory 0 repeats the unit's own
		const own = version >= 5 && directories.length > 0 ? this.#text(directories[0]) : null;
		const base = own || this.#unit.directory;
		const directory = file.directory === 0 ? undefined : directories[file.directory - first];
		const path = directory ? join(base, this.#text(directory) ?? "") : base;
		return join(path, name);
	}

	#text({ form, value }: FileEntry): string | null {
		return this.#sections.text(".debug_line", form, value, this.#unit, this.#unit);
	}
}

function join(directory: string | null, name: string): string {
	if (!directory || name.startsWith("/")) return name;
	if (name === "") return directory;
	return directory.endsWith("/") ? directory + name : `${directory}/${name}`;
}

function readHeader(sections: DebugSections, unit: Unit): Header {
	const opened = sections.reader(".debug_line", unit.lines);
	const { length, wide } = opened.initialLength();
	const reader = sections.reader(".debug_line", opened.at, opened.at + length);
	const version = reader.u16();
	if (version < 2 || version > 5) throw new Malformed();
	let addressBytes: number = unit.addressBytes;
	if (version >= 5) {
		addressBytes = reader.u8();
		reader.u8(); // segment selectors
	}
	const headerBytes = wide ? reader.u64() : reader.u32();
	const program = reader.at + headerBytes;
	const minimumInstruction = reader.u8();
	if (version >= 4) reader.u8(); // operations of a VLIW instruction
	reader.u8(); // default_is_stmt
	const lineBase = reader.s8();
	const lineRange = reader.u8();
	const opcodes = reader.u8();
	const operands = Array.from({ length: Math.max(opcodes - 1, 0) }, () => reader.u8());
	const format = { start: 0, version, addressBytes: unit.addressBytes, wide };
	const [directories, files] =
		version >= 5
			? [readEntries(reader, format), readEntries(reader, format)]
			: [readOldDirectories(reader), readOldFiles(reader)];
	return {
		version,
		addressBytes,
		minimumInstruction,
		lineBase,
		lineRange,
		operands,
		program,
		end: reader.end,
		directories,
		files,
	};
}

function readEntries(reader: Reader, format: Parameters<typeof readForm>[2]): FileEntry[] {
	const formats = reader.u8();
	if (formats > maxFormats) throw new Malformed();
	const columns = Array.from({ length: formats }, () => ({ content: reader.uleb(), form: reader.uleb() }));
	const count = reader.uleb();
	if (count > maxFiles || (count > 0 && formats === 0)) throw new Malformed();
	return Array.from({ length: count }, () => {
		const entry = { form: 0, value: Number.NaN, directory: 0 };
		for (const { content, form } of columns) {
			const actual = actualForm(reader, form);
			const value = readForm(reader, actual, format, 0);
			if (content === 1) {
				// DW_LNCT_path
				entry.form = actual;
				entry.value = value;
			} else if (content === 2) entry.directory = value; // DW_LNCT_directory_index
		}
		return entry;
	});
}

function readOldDirectories(reader: Reader): FileEntry[] {
	const directories: FileEntry[] = [];
	for (;;) {
		const value = reader.at;
		reader.skipText();
		if (reader.at === value + 1) return directories;
		if (directories.length >= maxFiles) throw new Malformed();
		directories.push({ form: Form.string, value, directory: 0 });
	}
}

function readOldFiles(reader: Reader): FileEntry[] {
	const files: FileEntry[] = [];
	for (;;) {
		const file = readOldFile(reader);
		if (!file) return files;
		if (files.length >= maxFiles) throw new Malformed();
		files.push(file);
	}
}

function readOldFile(reader: Reader): FileEntry | null {
	const value = reader.at;
	reader.skipText();
	if (reader.at === value + 1) return null;
	const directory = reader.uleb();
	reader.uleb(); // time
	reader.uleb(); // size
	return { form: Form.string, value, directory };
}

/** Rows in the order of the program. Those that only repeat the file and line before them are left out. */
class Rows {
	#addresses = new Float64Array(256);
	#files = new Uint32Array(256);
	#lines = new Uint32Array(256);
	/** First row of each sequence, and the end of the last. */
	readonly #firsts = [0];
	size = 0;

	add(address: number, file: number, line: number): void {
		const first = this.#firsts[this.#firsts.length - 1];
		let at = this.size;
		if (at > first) {
			const before = at - 1;
			// of several rows of one address, the last counts
			if (this.#addresses[before] === address) at = before;
			else if (this.#files[before] === file && this.#lines[before] === line) return;
			// not ascending: no row can be found
			else if (this.#addresses[before] > address) throw new Malformed();
		}
		if (at >= maxRows) throw new Malformed();
		if (at >= this.#addresses.length) this.#grow();
		this.#addresses[at] = address;
		this.#files[at] = file;
		this.#lines[at] = line;
		this.size = at + 1;
	}

	/** Ends the sequence. */
	close(): { readonly number: number; readonly start: number } | null {
		const first = this.#firsts[this.#firsts.length - 1];
		if (first === this.size) return null;
		this.#firsts.push(this.size);
		return { number: this.#firsts.length - 2, start: this.#addresses[first] };
	}

	find(sequence: number, address: number): { readonly file: number; readonly line: number } | null {
		const first = this.#firsts[sequence];
		const count = this.#firsts[sequence + 1] - first;
		const row = first + lastAtMost(count, (i) => this.#addresses[first + i], address);
		return row < first ? null : { file: this.#files[row], line: this.#lines[row] };
	}

	#grow(): void {
		const capacity = 2 * this.#addresses.length;
		const grown = <T extends Float64Array | Uint32Array>(from: T, to: T): T => {
			to.set(from);
			return to;
		};
		this.#addresses = grown(this.#addresses, new Float64Array(capacity));
		this.#files = grown(this.#files, new Uint32Array(capacity));
		this.#lines = grown(this.#lines, new Uint32Array(capacity));
	}
}

function runProgram(reader: Reader, header: Header, rows: Rows, sequences: RangeTableBuilder): void {
	const { minimumInstruction, lineBase, lineRange, operands, addressBytes } = header;
	const opcodeBase = operands.length + 1;
	let address = 0;
	let file = 1;
	let line = 1;
	const row = () => rows.add(address, file, line);
	const special = (adjusted: number) => {
		if (lineRange === 0) throw new Malformed();
		address += Math.floor(adjusted / lineRange) * minimumInstruction;
		return lineBase + (adjusted % lineRange);
	};
	while (reader.at < reader.end) {
		const opcode = reader.u8();
		if (opcode >= opcodeBase) {
			line += special(opcode - opcodeBase);
			row();
			continue;
		}
		switch (opcode) {
			case 0: {
				const bytes = reader.uleb();
				const next = reader.at + bytes;
				if (bytes === 0) break;
				switch (reader.u8()) {
					case 1: {
						// DW_LNE_end_sequence
						const sequence = rows.close();
						if (sequence) sequences.add(sequence.start, address, sequence.number);
						address = 0;
						file = 1;
						line = 1;
						break;
					}
					case 2: // DW_LNE_set_address
						address = reader.unsigned(bytes - 1 === 4 || bytes - 1 === 8 ? bytes - 1 : addressBytes);
						break;
					case 3: {
						// DW_LNE_define_file
						const defined = readOldFile(reader);
						if (defined && header.files.length < maxFiles) header.files.push(defined);
						break;
					}
				}
				reader.seek(next);
				break;
			}
			case 1: // DW_LNS_copy
				row();
				break;
			case 2: // DW_LNS_advance_pc
				address += reader.uleb() * minimumInstruction;
				break;
			case 3: // DW_LNS_advance_line
				line += reader.sleb();
				break;
			case 4: // DW_LNS_set_file
				file = reader.uleb();
				break;
			case 8: // DW_LNS_const_add_pc
				special(255 - opcodeBase);
				break;
			case 9: // DW_LNS_fixed_advance_pc
				address += reader.u16();
				break;
			default:
				// the others, and those that are not known, change nothing here
				for (let i = 0; i < operands[opcode - 1]; i++) reader.uleb();
		}
	}
}
