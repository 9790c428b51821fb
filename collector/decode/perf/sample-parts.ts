/**
 * The part of a sample whose size varies, in the order of the bits of sample_type: values of counters, callchain, raw
 * data, branches, registers, stack.
 * Source: include/uapi/linux/perf_event.h (PERF_RECORD_SAMPLE) and kernel/events/core.c (perf_output_sample), Linux 7.2.
 */
import { type PerfAttr, readBit, sampleBit } from "./attr.ts";

/** Offsets in memory; -1 = the sample has none. Reused. */
export interface SampleParts {
	/** Values of counters: where they begin, how many. */
	values: number;
	valueCount: number;
	chain: number;
	chainWords: number;
	raw: number;
	rawBytes: number;
	/** Registers of the user: 0 = not recorded (a kernel thread). */
	registers: number;
	registerCount: number;
	/** Copy of the user's stack: what of it was recorded. */
	stack: number;
	stackBytes: number;
	cgroup: number;
}

export function noParts(): SampleParts {
	return {
		values: -1,
		valueCount: 0,
		chain: -1,
		chainWords: 0,
		raw: -1,
		rawBytes: 0,
		registers: -1,
		registerCount: 0,
		stack: -1,
		stackBytes: 0,
		cgroup: -1,
	};
}

/** PERF_SAMPLE_REGS_ABI_32. */
const ABI_32 = 1;

/** Finds the parts from `at` on; false where one reaches beyond the record. */
export function findParts(
	attr: PerfAttr,
	view: DataView,
	littleEndian: boolean,
	at: number,
	end: number,
	out: SampleParts,
): boolean {
	const type = attr.sampleType;
	const le = littleEndian;
	out.values = out.chain = out.raw = out.registers = out.stack = out.cgroup = -1;
	let abi = 0;
	/** A count of 64 bits; beyond the record for what cannot be. */
	const count = (): number => {
		if (at + 8 > end) return -1;
		const lo = view.getUint32(le ? at : at + 4, le);
		const hi = view.getUint32(le ? at + 4 : at, le);
		at += 8;
		return hi === 0 && lo <= end - at ? lo : -1;
	};
	if (type & sampleBit.read) {
		const group = (attr.readFormat & readBit.group) !== 0;
		const n = group ? count() : 1;
		if (n < 0) return false;
		if (attr.readFormat & readBit.enabled && group) at += 8;
		if (attr.readFormat & readBit.running && group) at += 8;
		out.values = at;
		out.valueCount = n;
		at += n * valueBytes(attr);
		if (!group) at += 8 * bits(attr.readFormat & (readBit.enabled | readBit.running));
		if (at > end) return false;
	}
	if (type & sampleBit.callchain) {
		const n = count();
		if (n < 0 || at + 8 * n > end) return false;
		out.chain = at;
		out.chainWords = n;
		at += 8 * n;
	}
	if (type & sampleBit.raw) {
		if (at + 4 > end) return false;
		const size = view.getUint32(at, le);
		if (size > end - at - 4) return false;
		out.raw = at + 4;
		out.rawBytes = size;
		at += 4 + size;
	}
	if (type & sampleBit.branchStack) {
		const n = count();
		if (n < 0) return false;
		at += (attr.branchHwIndex ? 8 : 0) + 24 * n + (attr.branchCounters ? 8 * n : 0);
		if (at > end) return false;
	}
	if (type & sampleBit.regsUser) {
		const n = registers(attr.regsUser);
		if (n < 0) return false;
		// those of a 32-bit program are not unwound
		out.registers = n === 0 || abi === ABI_32 ? -1 : at;
		out.registerCount = n;
		at += 8 * n;
		if (at > end) return false;
	}
	if (type & sampleBit.stackUser) {
		const n = count();
		if (n < 0 || at + n > end) return false;
		if (n > 0) {
			out.stack = at;
			at += n;
			// how much of it the kernel could copy
			if (at + 8 > end) return false;
			const [lo, hi] = [view.getUint32(le ? at : at + 4, le), view.getUint32(le ? at + 4 : at, le)];
			at += 8;
			out.stackBytes = hi === 0 ? Math.min(n, lo) : n;
		}
	}
	if (type & (sampleBit.weight | sampleBit.weightStruct)) at += 8;
	if (type & sampleBit.dataSrc) at += 8;
	if (type & sampleBit.transaction) at += 8;
	if (type & sampleBit.regsIntr) {
		const n = registers(attr.regsIntr);
		if (n < 0) return false;
		at += 8 * n;
	}
	if (type & sampleBit.physAddr) at += 8;
	if (type & sampleBit.cgroup) {
		if (at + 8 > end) return false;
		out.cgroup = at;
	}
	return true;

	/** Registers that follow: none where the word before them says that there is no such context. */
	function registers(mask: readonly [number, number]): number {
		if (at + 8 > end) return -1;
		abi = view.getUint32(le ? at : at + 4, le);
		at += 8;
		return abi === 0 ? 0 : bits(mask[0]) + bits(mask[1]);
	}
}

/** Bytes of one value with its id and its lost count. */
export function valueBytes(attr: PerfAttr): number {
	return 8 * (1 + bits(attr.readFormat & (readBit.id | readBit.lost)));
}

function bits(mask: number): number {
	let n = 0;
	for (let m = mask >>> 0; m !== 0; m &= m - 1) n++;
	return n;
}

/** Parts that are passed over, as a note says them. */
export function skippedParts(attr: PerfAttr): string[] {
	const parts: [number, string][] = [
		[sampleBit.branchStack, "branch stacks"],
		[sampleBit.weight | sampleBit.weightStruct, "weights"],
		[sampleBit.dataSrc, "data sources"],
		[sampleBit.transaction, "transactions"],
		[sampleBit.regsIntr, "registers at the interrupt"],
		[sampleBit.physAddr, "physical addresses"],
		[sampleBit.dataPageSize | sampleBit.codePageSize, "page sizes"],
		[sampleBit.aux, "AUX data"],
	];
	const skipped = parts.filter(([mask]) => (attr.sampleType & mask) !== 0).map(([, name]) => name);
	if (attr.sampleType & sampleBit.regsUser && !(attr.sampleType & sampleBit.stackUser))
		skipped.push("user registers");
	return skipped;
}
