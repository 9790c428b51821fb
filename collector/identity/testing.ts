/** A program and call chains for tests. */
import type { Binaries, Binary, FrameState, SourcePlace } from "./binary.ts";

const EM_PPC64 = 21;

export interface ProgramOptions {
	/** Name -> [start, end). */
	readonly functions: Readonly<Record<string, readonly [number, number]>>;
	/** Instruction words by address; `nop` elsewhere. */
	readonly words?: Readonly<Record<number, number>>;
	/** Call frame information by address; none at all where it is not given. */
	readonly frames?: Readonly<Record<number, FrameState>>;
	readonly places?: Readonly<Record<number, SourcePlace>>;
}

const nop = 0x60000000;

/** A program whose file offsets are its addresses less `base`. */
export function program(options: ProgramOptions, base = 0): Binary {
	return {
		file: "/symbols/prog",
		machine: EM_PPC64,
		littleEndian: true,
		addressOf: (offset) => base + offset,
		function: (address) => {
			for (const [name, [start, end]] of Object.entries(options.functions))
				if (address >= start && address < end) return { name, start, end };
			return null;
		},
		word: (address) => options.words?.[address] ?? nop,
		frames: options.frames
			? { stateAt: (address) => options.frames?.[address] ?? null, step: () => null }
			: null,
		place: (address) => options.places?.[address] ?? null,
	};
}

/** Binaries that know the programs by their paths, and JITs' functions by process and address. */
export function binaries(
	programs: Readonly<Record<string, Binary>>,
	jit: Binaries["jit"] = () => null,
): Binaries & { states(): { module: string; buildId: null; state: string }[] } {
	return {
		find: (module) => programs[module] ?? null,
		jit,
		states: () => [],
	};
}

/** `bl to` at `at`. */
export function bl(at: number, to: number): number {
	return (0x48000001 | ((to - at) & 0x03fffffc)) >>> 0;
}

/** `b to` at `at`. */
export function b(at: number, to: number): number {
	return (0x48000000 | ((to - at) & 0x03fffffc)) >>> 0;
}
