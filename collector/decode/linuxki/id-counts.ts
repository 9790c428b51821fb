/** Records by id. */

/** The module's ids are below it. */
export const IDS = 64;
/** Ids beyond them that are counted one by one: a sound file has none. */
const MAX_OTHERS = 100;

export class IdCounts {
	readonly #known = new Float64Array(IDS);
	readonly #others = new Map<number, number>();

	add(id: number): void {
		if (id >= 0 && id < IDS) {
			this.#known[id]!++;
			return;
		}
		const key = this.#others.has(id) || this.#others.size < MAX_OTHERS ? id : -1;
		this.#others.set(key, (this.#others.get(key) ?? 0) + 1);
	}

	/** [id, count] in order of id; -1 stands for more ids than are told apart. */
	*entries(): Generator<[number, number]> {
		for (const [id, n] of this.#known.entries()) if (n > 0) yield [id, n];
		yield* [...this.#others].sort(([a], [b]) => a - b);
	}
}
