/**
 * What prev_state of sched_switch means. The bits moved between kernels (X and Z changed places in 3.14; I came and
 * W, K, N went in 4.14; include/trace/events/sched.h), so the letters come from the print format of the trace itself.
 */
import type { PrevStateTable, StringPool } from "./derivation.ts";

/** Why a thread left its CPU. The order is that of `classNames`. */
export enum PrevClass {
	runnable,
	sleeping,
	disk,
	stopped,
	traced,
	parked,
	idle,
	dead,
	/** bits that the table does not explain */
	unknown,
}

/**
 * Kernels 4.14 to 7.x (fs/proc/array.c task_state_array, include/linux/sched.h TASK_REPORT): used where a trace has no
 * format for sched_switch, or one that cannot be read.
 */
export const defaultPrevState: PrevStateTable = {
	letters: new Map([
		[0x01, "S"],
		[0x02, "D"],
		[0x04, "T"],
		[0x08, "t"],
		[0x10, "X"],
		[0x20, "Z"],
		[0x40, "P"],
		[0x80, "I"],
	]),
	preempted: 0x100,
};

/** Reads the print format of sched_switch. null if it has no table of states. */
export function parsePrevState(printFormat: string): PrevStateTable | null {
	const flags = printFormat.indexOf("__print_flags(");
	if (flags === -1) return null;
	const letters = new Map<number, string>();
	for (const [, bits, letter] of printFormat.slice(flags).matchAll(/\{\s*([^{},]+?)\s*,\s*"([^"]+)"\s*\}/g)) {
		const value = constant(bits);
		if (value !== null) letters.set(value, letter);
	}
	if (letters.size === 0) return null;
	const plus = /REC->prev_state\s*&((?:(?!REC->prev_state)[^?])*)\?\s*"\+"/.exec(printFormat);
	return { letters, preempted: (plus && constant(plus[1])) || 0 };
}

/** The table of a trace: from the print format of its sched_switch, or the default where there is none (null) or it cannot be read. */
export function prevStateTable(printFormat: string | null): PrevStateTable {
	return (printFormat !== null && parsePrevState(printFormat)) || defaultPrevState;
}

/** Value of a C expression of integer constants with + - << >> & | and brackets; null if it is something else. */
function constant(text: string): number | null {
	const tokens = text.match(/0[xX][0-9a-fA-F]+|\d+|<<|>>|[-+&|()]|\S/g) ?? [];
	let at = 0;
	const primary = (): number => {
		const token = tokens[at++];
		if (token === "(") {
			const value = level(0);
			return tokens[at++] === ")" ? value : Number.NaN;
		}
		return token === undefined ? Number.NaN : Number(token);
	};
	const level = (depth: number): number => {
		if (depth === operators.length) return primary();
		let value = level(depth + 1);
		for (let apply = operators[depth][tokens[at]]; apply; apply = operators[depth][tokens[at]]) {
			at++;
			value = apply(value, level(depth + 1));
		}
		return value;
	};
	const value = level(0);
	return at === tokens.length && Number.isInteger(value) ? value : null;
}

/** Loosest first. An operand that is no number stays NaN, which the bit operators would turn into 0. */
const bits = (apply: (a: number, b: number) => number) => (a: number, b: number) =>
	Number.isNaN(a + b) ? Number.NaN : apply(a, b);
const operators: readonly Record<string, (a: number, b: number) => number>[] = [
	{ "|": bits((a, b) => a | b) },
	{ "&": bits((a, b) => a & b) },
	{ "<<": bits((a, b) => a << b), ">>": bits((a, b) => a >> b) },
	{ "+": (a, b) => a + b, "-": (a, b) => a - b },
];

/**
 * The first rule of which all letters are set decides. Old kernels combine bits: D|K is a killable disk wait,
 * T|K stopped, D|N (TASK_NOLOAD) what is called I since 4.14; x is TASK_DEAD.
 */
const rules: readonly (readonly [letters: string, is: PrevClass, shown: string])[] = [
	["X", PrevClass.dead, "X"],
	["x", PrevClass.dead, "X"],
	["Z", PrevClass.dead, "Z"],
	["t", PrevClass.traced, "t"],
	["T", PrevClass.stopped, "T"],
	["P", PrevClass.parked, "P"],
	["I", PrevClass.idle, "I"],
	["DN", PrevClass.idle, "I"],
	["D", PrevClass.disk, "D"],
	["S", PrevClass.sleeping, "S"],
];

/** TASK_FREEZABLE (0x2000) and TASK_FROZEN (0x8000), which raw states have, are below it. */
const CACHED = 0x1_0000;

/** Decodes prev_state; a table lookup for every value that kernels use. */
export class PrevStates {
	readonly #table: PrevStateTable;
	readonly #strings: StringPool;
	/** class + 1; 0 = not decoded yet */
	readonly #classes = new Uint8Array(CACHED);
	readonly #codes = new Int32Array(CACHED);

	constructor(table: PrevStateTable, strings: StringPool) {
		this.#table = table;
		this.#strings = strings;
	}

	/** Why the thread left. NaN (field not recorded) is unknown. */
	classOf(raw: number): PrevClass {
		if (!(raw >= 0 && raw < CACHED)) return this.#decode(raw)[0];
		if (this.#classes[raw] === 0) this.#fill(raw);
		return this.#classes[raw] - 1;
	}

	/** String code of R, R+, S, D, T, t, X, Z, P or I; -1 if unknown. */
	codeOf(raw: number): number {
		if (!(raw >= 0 && raw < CACHED)) return this.#code(this.#decode(raw)[1]);
		if (this.#classes[raw] === 0) this.#fill(raw);
		return this.#codes[raw];
	}

	#fill(raw: number): void {
		const [is, shown] = this.#decode(raw);
		this.#classes[raw] = is + 1;
		this.#codes[raw] = this.#code(shown);
	}

	#code(shown: string | null): number {
		return shown === null ? -1 : this.#strings.code(shown);
	}

	#decode(raw: number): readonly [PrevClass, string | null] {
		if (Number.isNaN(raw)) return [PrevClass.unknown, null];
		if (raw & this.#table.preempted) return [PrevClass.runnable, "R+"];
		if (raw === 0) return [PrevClass.runnable, "R"];
		let letters = "";
		for (const [bit, letter] of this.#table.letters) if (raw & bit) letters += letter;
		for (const [all, is, shown] of rules) {
			if ([...all].every((letter) => letters.includes(letter))) return [is, shown];
		}
		return [PrevClass.unknown, null];
	}
}
