/**
 * What the collector asks of a program or library. Addresses are virtual addresses of the ELF file, as numbers: user
 * programs lie below 2^53. A place in memory is brought there by its mapping: file offset -> addressOf().
 */

export interface BinaryFunction {
	/** As the symbol table has it, not demangled. */
	readonly name: string;
	/** ELFv2: the global entry point. */
	readonly start: number;
	/** First address behind it. */
	readonly end: number;
}

export interface InlinedCall {
	/** Function that was inlined, demangled as far as the debug information tells. */
	readonly name: string;
	/** Where the code at the address comes from, inside it. */
	readonly file: string | null;
	readonly line: number | null;
}

export interface SourcePlace {
	/** Of the function that was not inlined. */
	readonly file: string | null;
	readonly line: number | null;
	/** Innermost first. */
	readonly inlined: readonly InlinedCall[];
}

/**
 * Where the caller's address is at one instruction of a POWER function, by its call frame information.
 * `saved`: the return address has been stored in the caller's frame, the link register may hold anything;
 * `frame`: the function has made a frame of its own.
 */
export interface FrameState {
	readonly saved: boolean;
	readonly frame: boolean;
}

/** Rules to find a caller's registers, from .eh_frame or .debug_frame. */
export interface CallFrames {
	/** null where no entry covers the address. */
	stateAt(address: number): FrameState | null;
	/**
	 * Registers of the caller: `registers` by DWARF number (ppc64: 0-31 GPR, 65 LR; x86_64: 0-16, 16 = return address),
	 * read through `read` (8 bytes of memory; null = not known). null where no entry covers the address or a needed value
	 * is unknown.
	 */
	step(
		address: number,
		registers: ReadonlyMap<number, bigint>,
		read: (address: bigint) => bigint | null,
	): {
		readonly registers: Map<number, bigint>;
		/** 0 = this was the outermost frame. */
		readonly returnAddress: bigint;
		readonly cfa: bigint;
		/** The caller was interrupted: returnAddress is its own instruction, not one behind a call. */
		readonly signal?: boolean;
	} | null;
}

export interface Binary {
	/** File that was read. */
	readonly file: string;
	/** e_machine, such as EM_PPC64 = 21 or EM_X86_64 = 62. */
	readonly machine: number;
	readonly littleEndian: boolean;
	/** Virtual address of a place in the file, by its PT_LOAD segments; null outside them. */
	addressOf(fileOffset: number): number | null;
	function(address: number): BinaryFunction | null;
	/** Instruction word at an address; null outside code. */
	word(address: number): number | null;
	readonly frames: CallFrames | null;
	/** null without debug information for the address. */
	place(address: number): SourcePlace | null;
}

export interface Binaries {
	/**
	 * The file of a mapping by its path and build-id (hex; null = not recorded), or of a JIT's memory by its process;
	 * null if there is none or it is of another build. Answers are kept.
	 */
	find(module: string, buildId: string | null): Binary | null;
	/** Function in memory without a file, by the perf-PID.map of the process; null if none covers it. */
	jit(tgid: number, address: bigint): { readonly name: string; readonly offset: number } | null;
}
