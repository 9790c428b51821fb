/** What of an archive was not taken, counted by cause: one note a cause, with the first names. */
import type { Note } from "../decode/source.ts";
import { shownName } from "./member-path.ts";

/** Causes in the order of their notes; `many` follows the number of members. */
const causes = {
	name: {
		kind: "archive-name",
		what: "have a name that leads elsewhere or is none (absolute, with .., too long)",
	},
	depth: { kind: "archive-name", what: "lie too deep in folders" },
	link: { kind: "archive-link", what: "are links, which are not followed" },
	device: { kind: "archive-special", what: "are devices or pipes" },
	other: { kind: "archive-special", what: "are of a type that is not known" },
	again: { kind: "archive-duplicate", what: "are there already (the first counts)" },
	clash: {
		kind: "archive-duplicate",
		what: "have a place that is taken: a folder where a file is, or the like",
	},
	sparse: { kind: "archive-sparse", what: "have a map of holes that makes no sense" },
	size: { kind: "archive-large", what: "say that they are larger than an archive may unpack to" },
} as const;

export type Cause = keyof typeof causes;

/** Names in the text of a note. */
const NAMED = 3;

export class Refusals {
	readonly #counted = new Map<Cause, { count: number; readonly names: string[]; readonly offset: number }>();

	add(cause: Cause, name: string, offset: number): void {
		const known = this.#counted.get(cause);
		if (!known) this.#counted.set(cause, { count: 1, names: [shownName(name)], offset });
		else {
			known.count++;
			if (known.names.length < NAMED) known.names.push(shownName(name));
		}
	}

	/** @param source name of the archive */
	notes(source: string): Note[] {
		return (Object.keys(causes) as Cause[]).flatMap((cause): Note[] => {
			const found = this.#counted.get(cause);
			if (!found) return [];
			const { kind, what } = causes[cause];
			const { count, names, offset } = found;
			const more = count > names.length ? ` and ${count - names.length} more` : "";
			return [
				{
					severity: "warning",
					kind,
					source,
					offset,
					count,
					text: `members left out, since they ${what}: ${names.map((n) => `“${n}”`).join(", ")}${more}`,
				},
			];
		});
	}
}
