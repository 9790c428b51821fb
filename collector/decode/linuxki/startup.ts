/** The startup record (id 23): what was recorded, and the wall clock. Written once, by the CPU that switched the tracing on. */
import type { RecordMemory } from "../tracepoint/memory.ts";

export interface Startup {
	/** Wall time minus the clock of the records, ns; null where the record is too short or tells no time. */
	readonly wallOffset: bigint | null;
	/** Bit n: records of id n. null before version word 7. */
	readonly mask: bigint | null;
	/** What was left out on purpose, in words. */
	readonly filters: readonly string[];
	/** Only some threads were recorded. */
	readonly perTask: boolean;
}

/** Features that leave records out; 0x80, the counters of the processor, adds some. */
const filters: readonly { readonly bit: number; readonly what: string; readonly task?: true }[] = [
	{ bit: 0x01, what: "threads", task: true },
	{ bit: 0x02, what: "processes", task: true },
	{ bit: 0x04, what: "devices" },
	{ bit: 0x08, what: "CPUs" },
	{ bit: 0x10, what: "families of processes", task: true },
	{ bit: 0x20, what: "system calls of 32-bit programs" },
	{ bit: 0x40, what: "system calls of 64-bit programs" },
];

const SECOND = 1_000_000_000n;

/** First version whose record tells more than the time. */
const WITH_MASK = 7;

/** The record at `p`, whose bytes end at `end`: i64 seconds, i64 ns, u64 mask, u64 features behind the header. */
export function readStartup(
	{ view }: RecordMemory,
	p: number,
	end: number,
	headerBytes: number,
	version: number,
): Startup {
	const at = p + headerBytes;
	const long = (place: number): bigint | null =>
		at + place + 8 <= end ? view.getBigInt64(at + place, true) : null;
	const seconds = long(0) ?? 0n;
	const ns = long(8) ?? -1n;
	// year 2514: stamps in ns end soon after
	const sane = seconds > 0n && seconds < 1n << 34n && ns >= 0n && ns < SECOND;
	const mask = version >= WITH_MASK ? long(16) : null;
	const features = version >= WITH_MASK ? Number((long(24) ?? 0n) & 0xffffn) : 0;
	const on = filters.filter((f) => (features & f.bit) !== 0);
	return {
		wallOffset: sane ? seconds * SECOND + ns - view.getBigInt64(p, true) : null,
		mask: mask === null ? null : BigInt.asUintN(64, mask),
		filters: on.map((f) => f.what),
		perTask: on.some((f) => f.task),
	};
}
