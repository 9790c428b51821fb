/** Names of system calls by number, for each machine whose traces can be read. A new machine is a new data module here. */
import { powerpc32, powerpc32Only } from "./powerpc32.ts";
import { powerpc64 } from "./powerpc64.ts";
import { x86_64 } from "./x86-64.ts";

export type SyscallTable = Readonly<Record<number, string>>;

/**
 * A 64-bit powerpc kernel may run 32-bit programs (ppc64 only; ppc64le kernels cannot). Trace events do not tell
 * which ABI a call came by, and the numbers differ in one name only (291), so one table serves both.
 */
const powerpc64WithCompat: SyscallTable = { ...powerpc32Only, ...powerpc64 };

const tables: Readonly<Record<string, SyscallTable>> = {
	ppc: powerpc32,
	ppc64: powerpc64WithCompat,
	ppc64le: powerpc64,
	x86_64,
};

/** Table of a machine by its `uname -m`; null if there is none. */
export function syscallTable(arch: string): SyscallTable | null {
	return Object.hasOwn(tables, arch) ? tables[arch]! : null;
}
