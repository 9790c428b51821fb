/**
 * User registers of perf samples by DWARF number.
 * perf: arch/x86/include/uapi/asm/perf_regs.h, arch/powerpc/include/uapi/asm/perf_regs.h (Linux 6.12).
 * DWARF: System V ABI for AMD64, section 3.6.2; 64-Bit ELF V2 ABI for Power, section 2.4.
 */

/** DWARF numbers by perf's bit; null for what call frame information does not follow. */
const numbers: Readonly<Record<string, { readonly dwarf: readonly (number | null)[]; readonly pc: number }>> =
	(() => {
		const none = (count: number) => Array.from({ length: count }, () => null);
		const range = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);
		// r0-r31, nip, msr, orig_r3, ctr, link
		const ppc64 = { dwarf: [...range(0, 32), ...none(4), 65], pc: 32 };
		// ax, bx, cx, dx, si, di, bp, sp, ip, flags, cs, ss, ds, es, fs, gs, r8-r15
		const x86 = { dwarf: [0, 3, 2, 1, 4, 5, 6, 7, 16, ...none(7), ...range(8, 8)], pc: 8 };
		return { ppc64: ppc64, ppc64le: ppc64, x86_64: x86 };
	})();

/**
 * Registers of a sample (PERF_SAMPLE_REGS_USER of the 64-bit ABI).
 * @param arch machine as uname says: ppc64, ppc64le, x86_64
 * @param maskLow sample_regs_user, bits 0-31
 * @param maskHigh bits 32-63
 * @param values in ascending order of the bits
 * @returns null for other machines, and without a program counter
 */
export function dwarfRegisters(
	arch: string,
	maskLow: number,
	maskHigh: number,
	values: ArrayLike<bigint>,
): { readonly registers: Map<number, bigint>; readonly pc: bigint } | null {
	const machine = Object.hasOwn(numbers, arch) ? numbers[arch] : null;
	if (!machine) return null;
	const registers = new Map<number, bigint>();
	let pc: bigint | null = null;
	for (let bit = 0, next = 0; bit < 64 && next < values.length; bit++) {
		if ((((bit < 32 ? maskLow : maskHigh) >>> (bit & 31)) & 1) === 0) continue;
		const value = values[next++];
		if (bit === machine.pc) pc = value;
		const number = machine.dwarf[bit] ?? null;
		if (number !== null) registers.set(number, value);
	}
	return pc === null ? null : { registers, pc };
}
