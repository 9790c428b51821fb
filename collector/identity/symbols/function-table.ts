/**
 * Functions of an ELF file by address, out of its symbol tables.
 *
 * Which of several names of one address is shown follows what perf prints: a symbol with a size, then not weak, then
 * global, then fewer leading underscores, then the longer name; equal ones by their bytes.
 */
import { Truncated } from "../../decode/bytes.ts";
import { decodeText } from "../../decode/tracepoint/interner.ts";
import type { BinaryFunction } from "../binary.ts";
import {
	type Elf,
	EM_PPC64,
	type Section,
	SHF_EXECINSTR,
	SHT_DYNSYM,
	SHT_NOBITS,
	SHT_SYMTAB,
} from "./elf.ts";

const STT_NOTYPE = 0;
const STT_FUNC = 2;
const STT_GNU_IFUNC = 10;
const STB_LOCAL = 0;
const STB_WEAK = 2;
const STV_INTERNAL = 1;
const STV_HIDDEN = 2;
const SHN_UNDEF = 0;
const SHN_LORESERVE = 0xff00;
/** The section's number does not fit. */
const SHN_XINDEX = 0xffff;

/** 24 bytes each in the file: of a table beyond this, the rest is left out. */
const maxFunctions = 8_000_000;
const chunkEntries = 32768;
/** C++ names of templates reach some kilobytes; longer ones are cut. */
const maxNameBytes = 16384;

interface Names {
	readonly elf: Elf;
	readonly section: Section;
}

/** Where the functions of an ELFv1 file begin: its symbols are addresses of descriptors in .opd. */
class Descriptors {
	readonly #elf: Elf;
	readonly #section: Section;
	constructor(elf: Elf, section: Section) {
		this.#elf = elf;
		this.#section = section;
	}
	/** Descriptor: entry point, TOC pointer, environment (64-bit PowerPC ELF ABI 1.9, 3.2.2). */
	entry(address: number): number | null {
		const at = address - this.#section.address;
		if (at < 0 || at + 8 > this.#section.bytes) return null;
		const entry = this.#elf.words(this.#elf.readSection(this.#section, at, 8)).u64(0);
		return entry > 0 ? entry : null;
	}
	static of(elf: Elf): Descriptors | null {
		const opd =
			elf.machine === EM_PPC64 && elf.sections.find((s) => s.name === ".opd" && s.type !== SHT_NOBITS);
		return opd ? new Descriptors(elf, opd) : null;
	}
}

/** Grows as symbols come. */
class Columns {
	count = 0;
	start = new Float64Array(1024);
	/** First address behind it; equal to start where the table has no size. */
	end = new Float64Array(1024);
	/** End of its section. */
	limit = new Float64Array(1024);
	nameAt = new Uint32Array(1024);
	names = new Uint8Array(1024);
	/** Smaller is better: bit 1 weak, bit 0 local. */
	binding = new Uint8Array(1024);

	add(start: number, bytes: number, limit: number, nameAt: number, names: number, binding: number): void {
		if (this.count === this.start.length) {
			for (const column of ["start", "end", "limit", "nameAt", "names", "binding"] as const) {
				const old = this[column];
				const grown = new (old.constructor as new (length: number) => typeof old)(old.length * 2);
				grown.set(old);
				(this as Record<string, unknown>)[column] = grown;
			}
		}
		const i = this.count++;
		this.start[i] = start;
		this.end[i] = start + bytes;
		this.limit[i] = limit;
		this.nameAt[i] = nameAt;
		this.names[i] = names;
		this.binding[i] = binding;
	}
}

export class FunctionTable {
	readonly #names: Names[] = [];
	readonly #columns = new Columns();
	/** Indexes into the columns, one for each start, in order of address. */
	#order: Uint32Array = new Uint32Array(0);
	/** Position in order of the nearest function before that ends behind this one; -1 if none. */
	#enclosing: Int32Array = new Int32Array(0);

	/**
	 * @param tables files whose functions are wanted, with the kind of table to read of each
	 * @param code file that has the contents of .opd (debug files do not)
	 */
	constructor(tables: readonly { readonly elf: Elf; readonly dynamic: boolean }[], code: Elf) {
		const descriptors = Descriptors.of(code);
		for (const { elf, dynamic } of tables) {
			const section = symbolTable(elf, dynamic);
			// what can be read of a damaged table is used
			if (section) ignoreTruncation(() => this.#read(elf, section, descriptors));
		}
		this.#arrange();
	}

	get size(): number {
		return this.#order.length;
	}

	/** Functions in order of address: for tests, which ask for all. */
	*[Symbol.iterator](): Generator<BinaryFunction> {
		for (const i of this.#order) yield this.#function(i);
	}

	find(address: number): BinaryFunction | null {
		const { start, end } = this.#columns;
		let low = 0;
		let high = this.#order.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (start[this.#order[middle]] <= address) low = middle + 1;
			else high = middle;
		}
		for (let i = low - 1; i >= 0; i = this.#enclosing[i]) {
			const found = this.#order[i];
			if (address < end[found]) return this.#function(found);
		}
		return null;
	}

	#function(i: number): BinaryFunction {
		return { name: this.#name(i), start: this.#columns.start[i], end: this.#columns.end[i] };
	}

	#read(elf: Elf, section: Section, descriptors: Descriptors | null): void {
		const entryBytes = elf.addressBytes === 8 ? 24 : 16;
		const strings = elf.sections[section.link];
		if (!strings || section.entryBytes !== entryBytes) return;
		const names = this.#names.push({ elf, section: strings }) - 1;
		const wide = elf.addressBytes === 8;
		const count = Math.floor(section.bytes / entryBytes);
		for (let from = 0; from < count && this.#columns.count < maxFunctions; from += chunkEntries) {
			const entries = Math.min(chunkEntries, count - from);
			const chunk = elf.words(elf.readSection(section, from * entryBytes, entries * entryBytes));
			for (let at = 0; at < entries * entryBytes; at += entryBytes) {
				const info = chunk.buffer[at + (wide ? 4 : 12)];
				const type = info & 15;
				if (type !== STT_FUNC && type !== STT_GNU_IFUNC && type !== STT_NOTYPE) continue;
				const inside = chunk.u16(at + (wide ? 6 : 14));
				if (inside === SHN_UNDEF || (inside >= SHN_LORESERVE && inside !== SHN_XINDEX)) continue;
				const binding = info >> 4;
				let bytes = wide ? chunk.u64(at + 16) : chunk.u32(at + 8);
				if (type === STT_NOTYPE) {
					// labels of assembler code, and the linker's stubs (ppc64: 000000e6.plt_call.memcmp)
					const visibility = chunk.buffer[at + (wide ? 5 : 13)] & 3;
					if (visibility === STV_HIDDEN || visibility === STV_INTERNAL) continue;
					bytes = 0;
				}
				const home = elf.sections[inside === SHN_XINDEX ? -1 : inside];
				let start: number | null = chunk.address(at + (wide ? 8 : 4));
				let limit = home ? home.address + home.bytes : Number.POSITIVE_INFINITY;
				if (home?.name === ".opd" && descriptors) {
					start = descriptors.entry(start);
					const text = start === null ? undefined : elf.sections.find((s) => isCode(s) && covers(s, start!));
					if (!text) continue;
					limit = text.address + text.bytes;
				} else if (home && !isCode(home)) continue;
				if (start === null || start > Number.MAX_SAFE_INTEGER || start >= limit) continue;
				// a size that leaves the section is wrong, the start need not be
				if (start + bytes > limit || start + bytes > Number.MAX_SAFE_INTEGER) bytes = 0;
				const worse = (binding === STB_WEAK ? 2 : 0) | (binding === STB_LOCAL ? 1 : 0);
				this.#columns.add(start, bytes, limit, chunk.u32(at), names, worse);
			}
		}
	}

	#arrange(): void {
		const { count, start, end, limit, binding } = this.#columns;
		const all = new Uint32Array(count).map((_, i) => i);
		all.sort((a, b) => start[a] - start[b] || a - b);
		// one name for each start
		let kept = 0;
		for (let i = 0; i < count; ) {
			let best = all[i];
			let next = i + 1;
			for (; next < count && start[all[next]] === start[best]; next++)
				if (this.#isBetter(all[next], best)) best = all[next];
			all[kept++] = best;
			i = next;
		}
		// without a size it reaches to the next one; labels inside a function are no functions
		let used = 0;
		let covered = 0;
		for (let i = 0; i < kept; i++) {
			const at = all[i];
			if (end[at] === start[at]) {
				if (start[at] < covered) continue;
				end[at] = Math.min(i + 1 < kept ? start[all[i + 1]] : Number.POSITIVE_INFINITY, limit[at]);
				if (end[at] === Number.POSITIVE_INFINITY) continue;
			} else covered = Math.max(covered, end[at]);
			all[used++] = at;
		}
		this.#order = all.slice(0, used);
		this.#enclosing = new Int32Array(used);
		for (let i = 0; i < used; i++) {
			let j = i - 1;
			while (j >= 0 && end[this.#order[j]] <= end[this.#order[i]]) j = this.#enclosing[j];
			this.#enclosing[i] = j;
		}
		// only needed until here
		this.#columns.limit = new Float64Array(0);
		this.#columns.binding = binding.slice(0, 0);
	}

	#isBetter(a: number, b: number): boolean {
		const { start, end, binding } = this.#columns;
		const sized = Number(end[a] > start[a]) - Number(end[b] > start[b]);
		if (sized !== 0) return sized > 0;
		if (binding[a] !== binding[b]) return binding[a] < binding[b];
		const [nameA, nameB] = [this.#name(a), this.#name(b)];
		const underscores = leadingUnderscores(nameA) - leadingUnderscores(nameB);
		if (underscores !== 0) return underscores < 0;
		return nameA.length === nameB.length ? nameA < nameB : nameA.length > nameB.length;
	}

	#name(i: number): string {
		const { elf, section } = this.#names[this.#columns.names[i]];
		const at = this.#columns.nameAt[i];
		let bytes: Buffer = Buffer.alloc(0);
		for (let take = 64; ; take = Math.min(take * 4, maxNameBytes)) {
			take = Math.min(take, section.bytes - at);
			if (take <= 0) return "";
			const read = ignoreTruncation(() => elf.readSection(section, at, take));
			if (!read) return "";
			const end = read.indexOf(0);
			bytes = end < 0 ? read : read.subarray(0, end);
			if (end >= 0 || take === maxNameBytes || at + take >= section.bytes) break;
		}
		const name = decodeText(bytes);
		// the version of a dynamic symbol (memcpy@@GLIBC_2.17) is no part of the function's name
		const version = name.indexOf("@", 1);
		const plain = version < 0 ? name : name.slice(0, version);
		// ELFv1: the code of foo is called .foo by old tools
		return elf.machine === EM_PPC64 && /^\.[A-Za-z_]/.test(plain) ? plain.slice(1) : plain;
	}
}

const isCode = (s: Section) => (s.flags & SHF_EXECINSTR) !== 0;
const covers = (s: Section, address: number) => address >= s.address && address < s.address + s.bytes;

/** The table of all symbols, or that of the dynamic linker. */
export function symbolTable(elf: Elf, dynamic: boolean): Section | null {
	const type = dynamic ? SHT_DYNSYM : SHT_SYMTAB;
	return elf.sections.find((s) => s.type === type && s.bytes > 0) ?? null;
}

function leadingUnderscores(name: string): number {
	let n = 0;
	while (name[n] === "_") n++;
	return n;
}

function ignoreTruncation<T>(read: () => T): T | null {
	try {
		return read();
	} catch (error) {
		if (error instanceof Truncated) return null;
		throw error;
	}
}
