/** Symbols of user programs: which file a mapping is, its functions, and the functions of JITs. */
export { demangle } from "./demangle.ts";
export type { ElfSections } from "./elf.ts";
export { type BinaryState, type BinarySymbols, openBinaries } from "./find.ts";
