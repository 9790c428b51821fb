/**
 * Files of many processes in one: LinuxKI's collections (maps, numa_maps, stacks, proc_cgroup), where the bare name
 * /proc/PID/FILE stands before each, and what head(1) and tail(1) print of several files. A process that had gone leaves
 * its name alone. A shell's * finds the reader itself too, as self.
 */
export function procHeading(file: string): RegExp {
	return new RegExp(`^(?:==> )?/proc/(\\d+|self|thread-self)/${file}(?: <==)?$`);
}

/** What cat(1) says of a process that went while it was read, where standard error went to the same file. */
const failed = /^cat: \/proc\/[^:]+: /;

/** Whether a file begins as such a collection, and all its other lines are of the form. */
export function isProcFiles(lines: readonly string[], heading: RegExp, line: RegExp): boolean {
	return (
		heading.test(lines[0] ?? "") &&
		lines.every((l) => l === "" || heading.test(l) || line.test(l) || failed.test(l))
	);
}
