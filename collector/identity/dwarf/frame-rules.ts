/** Call frame instructions: the rules that hold at one address of a function (DWARF 5, section 6.4.2; DW_CFA_GNU_…). */
import type { CommonEntry, FrameEntries, FrameEntry } from "./frame-entries.ts";
import { Malformed, type Reader } from "./reader.ts";

/** How the caller's value of a register is found. Expressions are told by the place of their block. */
export const Rule = {
	undefined: 1,
	same: 2,
	/** In memory at CFA + value. */
	offset: 3,
	/** CFA + value. */
	valueOffset: 4,
	/** In another register. */
	register: 5,
	/** In memory at the value of an expression. */
	expression: 6,
	valueExpression: 7,
} as const;

/**
 * Columns that are followed: general registers and return addresses of ppc64 (0-31, 65) and x86_64 (0-16). 67 holds the
 * interrupted address in the signal trampolines of powerpc (arch/powerpc/kernel/vdso/sigtramp64.S, Linux 6.12).
 */
const columns = 68;

export interface RegisterRule {
	readonly kind: number;
	readonly value: number;
}

export class Rules {
	/** CFA = register + offset, or the value of an expression. */
	cfaRegister = -1;
	cfaOffset = 0;
	/** Place of the expression's block; -1 = CFA by register. */
	cfaExpression = -1;
	readonly #columns: Map<number, RegisterRule>;

	constructor(columns: ReadonlyMap<number, RegisterRule> = new Map()) {
		this.#columns = new Map(columns);
	}

	copy(): Rules {
		const copy = new Rules(this.#columns);
		copy.cfaRegister = this.cfaRegister;
		copy.cfaOffset = this.cfaOffset;
		copy.cfaExpression = this.cfaExpression;
		return copy;
	}

	/** undefined where nothing is stated: by the ABI. */
	get(column: number): RegisterRule | undefined {
		return this.#columns.get(column);
	}

	set(column: number, kind: number, value: number): void {
		if (column < columns) this.#columns.set(column, { kind, value });
	}

	/** Back to what another says. */
	restore(column: number, from: Rules): void {
		const rule = from.get(column);
		if (rule) this.#columns.set(column, rule);
		else this.#columns.delete(column);
	}
}

/** Compilers nest by one, at the epilogues. */
const maxRemembered = 64;
/** Functions of a megabyte of code have some ten thousand bytes of instructions. */
const maxProgramBytes = 1 << 20;

/**
 * Rules at an address inside the entry.
 * @throws Malformed
 */
export function rulesAt(entries: FrameEntries, entry: FrameEntry, address: number): Rules {
	const { common } = entry;
	if (
		entry.programEnd - entry.program > maxProgramBytes ||
		common.programEnd - common.program > maxProgramBytes
	)
		throw new Malformed();
	let initial = initialRules.get(common);
	if (!initial) {
		initial = run(
			entries,
			common,
			entries.reader(common.program, common.programEnd),
			new Rules(),
			null,
			0,
			0,
		);
		initialRules.set(common, initial);
	}
	const reader = entries.reader(entry.program, entry.programEnd);
	return run(entries, common, reader, initial.copy(), initial, entry.start, address);
}

/** What the instructions of the common entries give. */
const initialRules = new WeakMap<CommonEntry, Rules>();

/** Runs until the instructions end or their location passes the address. */
function run(
	entries: FrameEntries,
	common: CommonEntry,
	reader: Reader,
	first: Rules,
	initial: Rules | null,
	start: number,
	address: number,
): Rules {
	const { codeAlignment, dataAlignment } = common;
	const remembered: Rules[] = [];
	let rules = first;
	let location = start;
	const restore = (column: number) => {
		if (!initial) throw new Malformed();
		rules.restore(column, initial);
	};
	const cfa = (register: number, offset: number) => {
		rules.cfaRegister = register;
		rules.cfaOffset = offset;
		rules.cfaExpression = -1;
	};
	const block = () => {
		const { at } = reader;
		const bytes = reader.uleb();
		reader.skip(bytes);
		return at;
	};
	while (reader.at < reader.end) {
		const op = reader.u8();
		const low = op & 0x3f;
		let advance = 0;
		switch (op & 0xc0) {
			case 0x40: // DW_CFA_advance_loc
				advance = low;
				break;
			case 0x80: // DW_CFA_offset
				rules.set(low, Rule.offset, reader.uleb() * dataAlignment);
				break;
			case 0xc0: // DW_CFA_restore
				restore(low);
				break;
			default:
				switch (low) {
					case 0x00: // DW_CFA_nop
						break;
					case 0x01: {
						// DW_CFA_set_loc
						const to = entries.pointer(reader, common.pointers, common);
						if (to === null) throw new Malformed();
						if (initial && to > address) return rules;
						location = to;
						break;
					}
					case 0x02: // DW_CFA_advance_loc1
						advance = reader.u8();
						break;
					case 0x03:
						advance = reader.u16();
						break;
					case 0x04:
						advance = reader.u32();
						break;
					case 0x1d: // DW_CFA_MIPS_advance_loc8
						advance = reader.u64();
						break;
					case 0x05: // DW_CFA_offset_extended
						rules.set(reader.uleb(), Rule.offset, reader.uleb() * dataAlignment);
						break;
					case 0x06: // DW_CFA_restore_extended
						restore(reader.uleb());
						break;
					case 0x07: // DW_CFA_undefined
						rules.set(reader.uleb(), Rule.undefined, 0);
						break;
					case 0x08: // DW_CFA_same_value
						rules.set(reader.uleb(), Rule.same, 0);
						break;
					case 0x09: // DW_CFA_register
						rules.set(reader.uleb(), Rule.register, reader.uleb());
						break;
					case 0x0a: // DW_CFA_remember_state
						if (remembered.length >= maxRemembered) throw new Malformed();
						remembered.push(rules.copy());
						break;
					case 0x0b: {
						// DW_CFA_restore_state
						const state = remembered.pop();
						if (!state) throw new Malformed();
						rules = state;
						break;
					}
					case 0x0c: // DW_CFA_def_cfa
						cfa(reader.uleb(), reader.uleb());
						break;
					case 0x0d: // DW_CFA_def_cfa_register
						cfa(reader.uleb(), rules.cfaOffset);
						break;
					case 0x0e: // DW_CFA_def_cfa_offset
						cfa(rules.cfaRegister, reader.uleb());
						break;
					case 0x0f: // DW_CFA_def_cfa_expression
						rules.cfaExpression = block();
						break;
					case 0x10: // DW_CFA_expression
						rules.set(reader.uleb(), Rule.expression, block());
						break;
					case 0x11: // DW_CFA_offset_extended_sf
						rules.set(reader.uleb(), Rule.offset, reader.sleb() * dataAlignment);
						break;
					case 0x12: // DW_CFA_def_cfa_sf
						cfa(reader.uleb(), reader.sleb() * dataAlignment);
						break;
					case 0x13: // DW_CFA_def_cfa_offset_sf
						cfa(rules.cfaRegister, reader.sleb() * dataAlignment);
						break;
					case 0x14: // DW_CFA_val_offset
						rules.set(reader.uleb(), Rule.valueOffset, reader.uleb() * dataAlignment);
						break;
					case 0x15: // DW_CFA_val_offset_sf
						rules.set(reader.uleb(), Rule.valueOffset, reader.sleb() * dataAlignment);
						break;
					case 0x16: // DW_CFA_val_expression
						rules.set(reader.uleb(), Rule.valueExpression, block());
						break;
					case 0x2d: // DW_CFA_GNU_window_save, DW_CFA_AARCH64_negate_ra_state
						break;
					case 0x2e: // DW_CFA_GNU_args_size
						reader.uleb();
						break;
					case 0x2f: // DW_CFA_GNU_negative_offset_extended
						rules.set(reader.uleb(), Rule.offset, -reader.uleb() * dataAlignment);
						break;
					default:
						throw new Malformed();
				}
		}
		if (advance > 0) {
			location += advance * codeAlignment;
			if (initial && location > address) return rules;
		}
	}
	return rules;
}
