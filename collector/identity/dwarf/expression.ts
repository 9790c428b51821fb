/**
 * DWARF expressions of call frame information: a stack of 64-bit words (DWARF 5, section 2.5). Operators that need the
 * program's own memory map, threads or types are not known here: their value is unknown.
 */
import { Malformed, type Reader } from "./reader.ts";

export interface ExpressionContext {
	readonly registers: ReadonlyMap<number, bigint>;
	readonly addressBytes: 4 | 8;
	readonly littleEndian: boolean;
	/** 8 bytes of memory; null = not known. */
	read(address: bigint): bigint | null;
}

const maxSteps = 1000;
const maxDepth = 64;

const binary: Readonly<Record<number, (a: bigint, b: bigint) => bigint>> = {
	26: (a, b) => a & b, // DW_OP_and
	27: (a, b) => (b === 0n ? unknown() : signed(a) / signed(b)), // DW_OP_div
	28: (a, b) => a - b, // DW_OP_minus
	29: (a, b) => (b === 0n ? unknown() : a % b), // DW_OP_mod
	30: (a, b) => a * b, // DW_OP_mul
	33: (a, b) => a | b, // DW_OP_or
	34: (a, b) => a + b, // DW_OP_plus
	36: (a, b) => (b < 64n ? a << b : 0n), // DW_OP_shl
	37: (a, b) => (b < 64n ? a >> b : 0n), // DW_OP_shr
	38: (a, b) => signed(a) >> (b < 64n ? b : 63n), // DW_OP_shra
	39: (a, b) => a ^ b, // DW_OP_xor
	41: (a, b) => truth(a === b), // DW_OP_eq
	42: (a, b) => truth(signed(a) >= signed(b)), // DW_OP_ge
	43: (a, b) => truth(signed(a) > signed(b)), // DW_OP_gt
	44: (a, b) => truth(signed(a) <= signed(b)), // DW_OP_le
	45: (a, b) => truth(signed(a) < signed(b)), // DW_OP_lt
	46: (a, b) => truth(a !== b), // DW_OP_ne
};

class Unknown extends Error {}

function unknown(): never {
	throw new Unknown();
}
const signed = (a: bigint) => BigInt.asIntN(64, a);
const truth = (is: boolean) => (is ? 1n : 0n);

/**
 * Value of the expression between the reader's position and its end, beginning with `initial` on the stack; null if it
 * needs what is not known.
 * @throws Malformed
 */
export function evaluate(reader: Reader, initial: bigint | null, context: ExpressionContext): bigint | null {
	try {
		return run(reader, initial === null ? [] : [initial], context);
	} catch (error) {
		if (error instanceof Unknown) return null;
		throw error;
	}
}

function run(reader: Reader, stack: bigint[], context: ExpressionContext): bigint {
	const start = reader.at;
	const push = (value: bigint) => {
		if (stack.length >= maxDepth) throw new Malformed();
		stack.push(BigInt.asUintN(64, value));
	};
	const pop = (): bigint => {
		const value = stack.pop();
		if (value === undefined) throw new Malformed();
		return value;
	};
	const pick = (index: number) => {
		if (index >= stack.length) throw new Malformed();
		push(stack[stack.length - 1 - index]);
	};
	const register = (number: number) => context.registers.get(number) ?? unknown();
	const load = (bytes: number) => {
		// memory is known in words of 8 bytes
		const word = context.read(pop()) ?? unknown();
		if (bytes < 1 || bytes > 8) throw new Malformed();
		push(context.littleEndian ? BigInt.asUintN(8 * bytes, word) : word >> BigInt(64 - 8 * bytes));
	};
	for (let steps = 0; reader.at < reader.end; steps++) {
		if (steps === maxSteps) throw new Malformed();
		const op = reader.u8();
		const operator = binary[op];
		if (operator) {
			const b = pop();
			push(operator(pop(), b));
		} else if (op >= 0x30 && op <= 0x4f) push(BigInt(op - 0x30));
		else if (op >= 0x70 && op <= 0x8f) push(register(op - 0x70) + reader.lebBits(true));
		else
			switch (op) {
				case 0x06: // DW_OP_deref
					load(context.addressBytes);
					break;
				case 0x08: // DW_OP_const1u …
					push(BigInt(reader.u8()));
					break;
				case 0x09:
					push(BigInt(reader.s8()));
					break;
				case 0x0a:
					push(BigInt(reader.u16()));
					break;
				case 0x0b:
					push(BigInt(reader.s16()));
					break;
				case 0x0c:
					push(BigInt(reader.u32()));
					break;
				case 0x0d:
					push(BigInt(reader.s32()));
					break;
				case 0x0e:
				case 0x0f:
					push(reader.bits64());
					break;
				case 0x10: // DW_OP_constu
					push(reader.lebBits(false));
					break;
				case 0x11: // DW_OP_consts
					push(reader.lebBits(true));
					break;
				case 0x12: // DW_OP_dup
					pick(0);
					break;
				case 0x13: // DW_OP_drop
					pop();
					break;
				case 0x14: // DW_OP_over
					pick(1);
					break;
				case 0x15: // DW_OP_pick
					pick(reader.u8());
					break;
				case 0x16: {
					// DW_OP_swap
					const [a, b] = [pop(), pop()];
					push(a);
					push(b);
					break;
				}
				case 0x17: {
					// DW_OP_rot: the top becomes the third
					const [a, b, c] = [pop(), pop(), pop()];
					push(a);
					push(c);
					push(b);
					break;
				}
				case 0x19: {
					// DW_OP_abs
					const a = signed(pop());
					push(a < 0n ? -a : a);
					break;
				}
				case 0x1f: // DW_OP_neg
					push(-pop());
					break;
				case 0x20: // DW_OP_not
					push(~pop());
					break;
				case 0x23: // DW_OP_plus_uconst
					push(pop() + reader.lebBits(false));
					break;
				case 0x28: // DW_OP_bra
				case 0x2f: {
					// DW_OP_skip
					const distance = reader.s16();
					if (op === 0x2f || pop() !== 0n) {
						if (reader.at + distance < start) throw new Malformed();
						reader.seek(reader.at + distance);
					}
					break;
				}
				case 0x92: // DW_OP_bregx
					push(register(reader.uleb()) + reader.lebBits(true));
					break;
				case 0x94: // DW_OP_deref_size
					load(reader.u8());
					break;
				case 0x96: // DW_OP_nop
					break;
				default:
					unknown();
			}
	}
	return pop();
}
