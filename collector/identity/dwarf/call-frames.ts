/**
 * From a function's registers to its caller's, by call frame information.
 * Register numbers: 64-Bit ELF V2 ABI for Power, section 2.4; System V ABI for AMD64, section 3.6.2.
 */
import type { CallFrames, FrameState } from "../binary.ts";
import type { ElfSections } from "../symbols/elf.ts";
import { evaluate } from "./expression.ts";
import { FrameEntries, type FrameEntry } from "./frame-entries.ts";
import { Rule, type Rules, rulesAt } from "./frame-rules.ts";
import { orNull } from "./reader.ts";

/** The caller of a function. */
export interface Caller {
	readonly registers: Map<number, bigint>;
	/** 0 where the information says that there is none: the outermost frame. */
	readonly returnAddress: bigint;
	readonly cfa: bigint;
	/** The caller was interrupted: `returnAddress` is the instruction that it will run, not one behind a call. */
	readonly signal?: boolean;
}

/** What is known of a machine's registers; others have no call frames here. */
const machines: Readonly<
	Record<
		number,
		{ readonly stackPointer: number; readonly emptyFrame: number; readonly registers: readonly number[] }
	>
> = {
	// EM_PPC64: the link register holds the return address, CFA = r1 at entry
	21: { stackPointer: 1, emptyFrame: 0, registers: [...Array(32).keys(), 65] },
	// EM_X86_64: the call pushed the return address
	62: { stackPointer: 7, emptyFrame: 8, registers: [...Array(17).keys()] },
};

interface Row {
	readonly entries: FrameEntries;
	readonly entry: FrameEntry;
	readonly rules: Rules;
}

/** What holds without a rule: functions keep registers, or nobody asks for them. */
const sameValue = { kind: Rule.same, value: 0 };

/** Rules of sampled addresses are asked for again and again. */
const maxRows = 4096;

/** null if the file has no call frame information, or is for a machine whose registers are not known. */
export function openCallFrames(elf: ElfSections): CallFrames | null {
	const machine = machines[elf.machine];
	if (!machine) return null;
	const sources = ([".eh_frame", ".debug_frame"] as const).flatMap((name) => {
		const section = elf.section(name);
		return section && section.bytes.length > 0 ? [new FrameEntries(elf, section, name === ".eh_frame")] : [];
	});
	return sources.length > 0 ? new Frames(elf, machine, sources) : null;
}

class Frames implements CallFrames {
	readonly #elf: ElfSections;
	readonly #machine: (typeof machines)[number];
	readonly #sources: readonly FrameEntries[];
	readonly #rows = new Map<number, Row | null>();

	constructor(elf: ElfSections, machine: (typeof machines)[number], sources: readonly FrameEntries[]) {
		this.#elf = elf;
		this.#machine = machine;
		this.#sources = sources;
	}

	stateAt(address: number): FrameState | null {
		const row = this.#row(address);
		if (!row) return null;
		const { rules, entry } = row;
		const kind = rules.get(entry.common.returnColumn)?.kind;
		const { stackPointer, emptyFrame } = this.#machine;
		return {
			saved: kind === Rule.offset || kind === Rule.expression,
			frame: rules.cfaExpression >= 0 || rules.cfaRegister !== stackPointer || rules.cfaOffset !== emptyFrame,
		};
	}

	step(
		address: number,
		registers: ReadonlyMap<number, bigint>,
		read: (address: bigint) => bigint | null,
	): Caller | null {
		const row = this.#row(address);
		return row && orNull(() => this.#step(row, registers, read));
	}

	#row(address: number): Row | null {
		let row = this.#rows.get(address);
		if (row === undefined) {
			row = this.#findRow(address);
			if (this.#rows.size >= maxRows) this.#rows.clear();
			this.#rows.set(address, row);
		}
		return row;
	}

	#findRow(address: number): Row | null {
		for (const entries of this.#sources) {
			const entry = entries.find(address);
			const rules = entry && orNull(() => rulesAt(entries, entry, address));
			if (rules) return { entries, entry, rules };
		}
		return null;
	}

	#step(
		{ entries, entry, rules }: Row,
		registers: ReadonlyMap<number, bigint>,
		read: (address: bigint) => bigint | null,
	): Caller | null {
		const { littleEndian, addressBytes } = this.#elf;
		const context = { registers, read, littleEndian, addressBytes };
		const expression = (block: number, initial: bigint | null) => {
			const reader = entries.reader(block);
			const bytes = reader.uleb();
			return evaluate(entries.reader(reader.at, reader.at + bytes), initial, context);
		};
		const base = rules.cfaExpression < 0 ? registers.get(rules.cfaRegister) : undefined;
		const cfa =
			rules.cfaExpression >= 0
				? expression(rules.cfaExpression, null)
				: base === undefined
					? null
					: word(base + BigInt(rules.cfaOffset));
		if (cfa === null) return null;

		const value = (column: number): bigint | null => {
			const { kind, value: stated } = rules.get(column) ?? sameValue;
			switch (kind) {
				case Rule.undefined:
					return null;
				case Rule.offset:
					return read(word(cfa + BigInt(stated)));
				case Rule.valueOffset:
					return word(cfa + BigInt(stated));
				case Rule.register:
					return registers.get(stated) ?? null;
				case Rule.expression: {
					const at = expression(stated, cfa);
					return at === null ? null : read(at);
				}
				case Rule.valueExpression:
					return expression(stated, cfa);
				default:
					return registers.get(column) ?? null;
			}
		};
		const { returnColumn, signal } = entry.common;
		const outermost = rules.get(returnColumn)?.kind === Rule.undefined;
		const returnAddress = outermost ? 0n : value(returnColumn);
		if (returnAddress === null) return null;

		const caller = new Map<number, bigint>();
		const { stackPointer, registers: columns } = this.#machine;
		for (const column of columns) {
			if (column === returnColumn) continue;
			// without a rule, the caller's stack pointer is the CFA by its definition
			const known = column === stackPointer && !rules.get(column) ? cfa : value(column);
			if (known !== null) caller.set(column, known);
		}
		caller.set(returnColumn, returnAddress);
		return { registers: caller, returnAddress, cfa, signal };
	}
}

const word = (value: bigint) => BigInt.asUintN(64, value);
