/** Larger numbers are damage: the kernel's NR_CPUS is 8192 at most. */
export const MAX_CPUS = 65_536;
