/**
 * The letters of rwbs out of the cmd_flags of a request, which LinuxKI records instead. What the kernel's own block
 * events show is blk_fill_rwbs (kernel/trace/blktrace.c): F for a flush before, the operation, F for FUA, A read ahead,
 * S sync, M metadata, and before 4.8 E for a secure discard at the end. The numbers of the bits moved between kernels:
 * include/linux/blk_types.h, and for 4.8 and 4.9 REQ_OP_SHIFT in include/linux/blkdev.h.
 */
import type { RecordMemory } from "../tracepoint/memory.ts";
import { kernelVersion, version } from "./kernel-release.ts";
import { SCRATCH_AT } from "./shape.ts";

type Bits = readonly (readonly [bit: number, letter: string])[];

interface Generation {
	/** First kernel with it. */
	readonly since: number;
	/** Operations by number: `bits` bits from bit `at` on. null: the bits `write` and `discard` tell the operation. */
	readonly op: { readonly at: number; readonly bits: number; readonly letters: readonly string[] } | null;
	/** null where it is not certain. */
	readonly preflush: number | null;
	readonly discard: number | null;
	/** Flags whose letters follow the operation, in this order. */
	readonly flags: Bits;
}

/** Linux 4.10 to 6.12; REQ_ATOMIC has a letter only in kernels for which there is no LinuxKI. */
const modern = {
	preflush: 18,
	discard: null,
	flags: [
		[17, "F"],
		[19, "A"],
		[11, "S"],
		[12, "M"],
	],
} as const;

/** The operation of number 4 (zone report) and those without a letter of their own are N. */
const operations = ["R", "W", "F", "D", "N", "DE", "N", "N"] as const;
const WRITE_SAME = 7;

/** Newest first. */
const generations: readonly Generation[] = [
	{ since: version(5, 18), op: { at: 0, bits: 8, letters: operations }, ...modern },
	{
		since: version(4, 10),
		// REQ_OP_WRITE_SAME went in 5.18
		op: { at: 0, bits: 8, letters: operations.map((letters, op) => (op === WRITE_SAME ? "W" : letters)) },
		...modern,
	},
	{
		since: version(4, 8),
		op: { at: 61, bits: 3, letters: ["R", "W", "D", "DE", "W", "F", "N", "N"] },
		preflush: 9,
		discard: null,
		flags: [
			[8, "F"],
			[10, "A"],
			[3, "S"],
			[4, "M"],
		],
	},
	{
		since: version(3, 18),
		op: null,
		preflush: 13,
		discard: 7,
		flags: [
			[12, "F"],
			[4, "S"],
			[5, "M"],
			[8, "E"],
		],
	},
	{
		since: version(3, 7),
		op: null,
		preflush: 12,
		discard: 7,
		flags: [
			[11, "F"],
			[4, "S"],
			[5, "M"],
			[8, "E"],
		],
	},
	{
		since: version(3, 2),
		op: null,
		preflush: null,
		discard: 7,
		flags: [
			[4, "S"],
			[5, "M"],
		],
	},
	{ since: 0, op: null, preflush: null, discard: null, flags: [] },
];

/**
 * 3.10 of Red Hat 7 has features of later kernels; whether bit 11 became that of the integrity payload there (3.18) is
 * not known, so that neither flush bit is read.
 */
const vendorKernel = /\.el[67]/;

function generationOf(release: string | null): Generation {
	const kernel = kernelVersion(release);
	const found = generations.find((g) => kernel === null || kernel >= g.since)!;
	if (found.op !== null || !vendorKernel.test(release ?? "")) return found;
	return { ...found, preflush: null, flags: found.flags.filter(([, letter]) => letter !== "F") };
}

/** Writes the letters, NUL padded, to SCRATCH_AT of the record at `p`. */
export type RwbsWriter = (
	memory: RecordMemory,
	p: number,
	/** Halves of cmd_flags */
	low: number,
	high: number,
	/** Bytes of the request */
	bytes: number,
) => void;

/**
 * `wide`: the record has all 64 bits of cmd_flags. null where it lacks the operation, which 4.8 and 4.9 keep in the
 * highest bits. A kernel that is not known is taken for a recent one.
 */
export function rwbsWriter(release: string | null, wide: boolean): RwbsWriter | null {
	const { op, preflush, discard, flags } = generationOf(release);
	if (op !== null && op.at >= 32 && !wide) return null;
	const codes = flags.map(([bit, letter]) => [1 << bit, letter.charCodeAt(0)] as const);
	const before = preflush === null ? 0 : 1 << preflush;
	const discards = discard === null ? 0 : 1 << discard;
	const operation = (low: number, high: number, bytes: number): string => {
		if (op !== null) {
			const number = ((op.at >= 32 ? high : low) >>> (op.at & 31)) & ((1 << op.bits) - 1);
			return op.letters[number] ?? "N";
		}
		if (low & 1) return "W";
		if (low & discards) return "D";
		return bytes > 0 ? "R" : "N";
	};
	return ({ u8 }, p, low, high, bytes) => {
		let at = p + SCRATCH_AT;
		const end = at + 8;
		if (low & before) u8[at++] = 70;
		const letters = operation(low, high, bytes);
		for (let k = 0; k < letters.length; k++) u8[at++] = letters.charCodeAt(k);
		for (const [mask, code] of codes) if (low & mask) u8[at++] = code;
		u8.fill(0, at, end);
	};
}
