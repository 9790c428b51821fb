/**
 * Snapshots of open descriptors (lsof) beside a trace: which descriptor they may name. One from after the recording tells
 * what a descriptor means that was not replaced from then on until the end; one of which nothing tells when it was taken,
 * only what was not replaced from the begin to the end.
 */
import type { OpenFileFact, WorkingDirectoryFact } from "../side/index.ts";

/** A number that is opened again and again gets so many file numbers that may prove to be the last. */
const MAX_GENERATIONS = 256;

interface Seen {
	readonly fact: OpenFileFact;
	generations: number;
}

export class DescriptorSnapshots {
	/** By process, by descriptor. */
	readonly #before = new Map<number, Map<number, Seen>>();
	readonly #later = new Map<number, Map<number, Seen>>();

	readonly #directoryBefore = new Map<number, string>();
	readonly #directoriesAtEnd: WorkingDirectoryFact[] = [];

	constructor(facts: readonly OpenFileFact[], directories: readonly WorkingDirectoryFact[]) {
		for (const fact of directories)
			if (fact.when === "before") this.#directoryBefore.set(fact.tgid, fact.path);
			else this.#directoriesAtEnd.push(fact);
		for (const fact of facts) {
			const side = fact.when === "before" ? this.#before : this.#later;
			const own = side.get(fact.tgid) ?? new Map<number, Seen>();
			side.set(fact.tgid, own);
			// of two, the one from after the recording tells more
			if (fact.when !== "unknown" || !own.has(fact.fd)) own.set(fact.fd, { fact, generations: 0 });
		}
	}

	/** What the descriptors of a process were when the recording began. */
	before(tgid: number): OpenFileFact[] {
		return [...(this.#before.get(tgid)?.values() ?? [])].map((seen) => seen.fact);
	}

	directoryBefore(tgid: number): string | undefined {
		return this.#directoryBefore.get(tgid);
	}

	/** What the descriptor may prove to be at the end; `untouched`: it has meant the same since before the recording. */
	later(tgid: number, fd: number, untouched: boolean): OpenFileFact | null {
		const fact = this.#later.get(tgid)?.get(fd)?.fact;
		return fact !== undefined && (untouched || fact.when === "after") ? fact : null;
	}

	/** Asks for one more number for the descriptor. */
	mayWait(tgid: number, fd: number): boolean {
		const seen = this.#later.get(tgid)?.get(fd);
		return seen !== undefined && seen.generations++ < MAX_GENERATIONS;
	}

	directoriesAtEnd(): readonly WorkingDirectoryFact[] {
		return this.#directoriesAtEnd;
	}

	/** All of the end, in order of process and descriptor. */
	*atEnd(): Generator<OpenFileFact> {
		for (const own of this.#later.values()) for (const { fact } of own.values()) yield fact;
	}
}
