/** Counts by names that come from a trace: none of them means anything to us, not even `__proto__`. */
export class NameCounts {
	readonly #counts = new Map<string, number>();

	add(name: string, count: number): void {
		this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
	}

	toRecord(): Record<string, number> {
		return Object.fromEntries(this.#counts);
	}
}
