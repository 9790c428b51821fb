import type { SideNote, SideText } from "./side-files.ts";

/** Facts of one kind that are kept of all side files together; a machine with more descriptors or threads is beyond any seen. */
export const maxFacts = 1 << 20;

/**
 * Adds what a file tells, up to a bound that no file can pass; says so where it is reached. (push(...facts) takes its
 * arguments from the stack: some 100,000 of them end the process.)
 */
export function append<T>(
	to: T[],
	facts: Iterable<T>,
	file: SideText,
	notes: SideNote[],
	limit: number = maxFacts,
): void {
	for (const fact of facts) {
		if (to.length >= limit) {
			notes.push({
				severity: "warning",
				kind: "side-file-many",
				source: file.path,
				text: `tells more than the ${limit} facts of its kind that are kept; the rest is not used`,
			});
			return;
		}
		to.push(fact);
	}
}
