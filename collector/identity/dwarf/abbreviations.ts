/** Which attributes, in which forms, the entries of a unit have (DWARF 5, section 7.5.3). */
import { actualForm, Form, formBytes, readForm, type UnitFormat } from "./forms.ts";
import { Malformed, type Reader } from "./reader.ts";

export interface Abbreviation {
	readonly tag: number;
	readonly children: boolean;
	/** For each attribute: name, form, value of DW_FORM_implicit_const. */
	readonly attributes: readonly number[];
	/** Bytes of an entry behind its code; -1 if they depend on its values. */
	readonly bytes: number;
}

/** The largest programs, linked with LTO, need some thousand. */
const maxAbbreviations = 1 << 15;
const maxAttributes = 1 << 18;

/** Read as far as codes are asked for: to find a unit, its first entry is enough. */
export class Abbreviations {
	readonly #reader: Reader;
	readonly #unit: UnitFormat;
	readonly #byCode = new Map<number, Abbreviation>();
	#attributes = 0;
	#ended = false;

	/** @param reader of .debug_abbrev, at the unit's table */
	constructor(reader: Reader, unit: UnitFormat) {
		this.#reader = reader;
		this.#unit = unit;
	}

	/** @throws Malformed if there is none */
	get(code: number): Abbreviation {
		for (;;) {
			const found = this.#byCode.get(code);
			if (found) return found;
			if (this.#ended) throw new Malformed();
			this.#readNext();
		}
	}

	#readNext(): void {
		// ended, should it fail
		this.#ended = true;
		const reader = this.#reader;
		const code = reader.uleb();
		if (code === 0) return;
		const tag = reader.uleb();
		const children = reader.u8() !== 0;
		const attributes: number[] = [];
		let bytes = 0;
		for (;;) {
			const name = reader.uleb();
			const form = reader.uleb();
			if (name === 0 && form === 0) break;
			const implicit = form === Form.implicitConst ? reader.sleb() : 0;
			attributes.push(name, form, implicit);
			if (++this.#attributes > maxAttributes) throw new Malformed();
			const size = formBytes(form, this.#unit);
			bytes = bytes < 0 || size < 0 ? -1 : bytes + size;
		}
		this.#byCode.set(code, { tag, children, attributes, bytes });
		this.#ended = this.#byCode.size >= maxAbbreviations;
	}
}

/** Goes behind an entry whose code was taken. @throws Malformed */
export function skipEntry(reader: Reader, abbreviation: Abbreviation, unit: UnitFormat): void {
	if (abbreviation.bytes >= 0) {
		reader.skip(abbreviation.bytes);
		return;
	}
	const { attributes } = abbreviation;
	for (let i = 0; i < attributes.length; i += 3)
		readForm(reader, actualForm(reader, attributes[i + 1]), unit, 0);
}

/** An attribute with its form. */
export interface Attribute {
	readonly form: number;
	readonly value: number;
}

const followed = {
	name: 0x03,
	stmtList: 0x10,
	lowPc: 0x11,
	highPc: 0x12,
	compDir: 0x1b,
	origin: 0x31,
	specification: 0x47,
	ranges: 0x55,
	callFile: 0x58,
	callLine: 0x59,
	linkageName: 0x6e,
	strOffsetsBase: 0x72,
	addrBase: 0x73,
	rnglistsBase: 0x74,
} as const;

/** DW_AT_MIPS_linkage_name, DW_AT_GNU_addr_base: before they were standard. */
const aliases = { linkageName: 0x2007, addrBase: 0x2133 } as const;

export type AttributeName = keyof typeof followed;

const slotOf = Object.fromEntries(Object.keys(followed).map((name, slot) => [name, slot])) as Record<
	AttributeName,
	number
>;

const slots: ReadonlyMap<number, number> = new Map(
	[...Object.entries(followed), ...Object.entries(aliases)].map(([name, at]) => [
		at,
		slotOf[name as AttributeName],
	]),
);

/** The attributes of one entry that matter here. */
export class Entry {
	tag = 0;
	children = false;
	/** By slot; form 0 = the entry has no such attribute. */
	readonly #forms = Object.keys(followed).map(() => 0);
	readonly #values = Object.keys(followed).map(() => 0);

	/** Takes an entry whose code was taken. @throws Malformed */
	read(reader: Reader, abbreviation: Abbreviation, unit: UnitFormat): void {
		this.#forms.fill(0);
		this.tag = abbreviation.tag;
		this.children = abbreviation.children;
		const { attributes } = abbreviation;
		for (let i = 0; i < attributes.length; i += 3) {
			const form = actualForm(reader, attributes[i + 1]);
			const value = readForm(reader, form, unit, attributes[i + 2]);
			const slot = slots.get(attributes[i]);
			if (slot === undefined) continue;
			this.#forms[slot] = form;
			this.#values[slot] = value;
		}
	}

	/** null if the entry has none. */
	get(name: AttributeName): Attribute | null {
		const slot = slotOf[name];
		const form = this.#forms[slot];
		return form === 0 ? null : { form, value: this.#values[slot] };
	}

	/** A number, or NaN if the entry has none. */
	number(name: AttributeName): number {
		const slot = slotOf[name];
		return this.#forms[slot] === 0 ? Number.NaN : this.#values[slot];
	}
}

export const Tag = {
	classType: 0x02,
	lexicalBlock: 0x0b,
	compileUnit: 0x11,
	structureType: 0x13,
	unionType: 0x17,
	inlinedSubroutine: 0x1d,
	module: 0x1e,
	subprogram: 0x2e,
	interfaceType: 0x38,
	namespace: 0x39,
	partialUnit: 0x3c,
	skeletonUnit: 0x4a,
} as const;
