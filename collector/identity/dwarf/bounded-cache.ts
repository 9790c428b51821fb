/** What was worked out and may be needed again, up to a total cost; the oldest goes first. */
export class BoundedCache<Value> {
	readonly #values = new Map<number, { readonly value: Value; readonly cost: number }>();
	#total = 0;

	constructor(
		private readonly limit: number,
		private readonly costOf: (value: Value) => number = () => 1,
	) {}

	get(key: number, make: () => Value): Value {
		const kept = this.#values.get(key);
		if (kept) return kept.value;
		const value = make();
		const cost = this.costOf(value);
		for (const [oldest, { cost }] of this.#values) {
			if (this.#total <= this.limit) break;
			this.#values.delete(oldest);
			this.#total -= cost;
		}
		this.#values.set(key, { value, cost });
		this.#total += cost;
		return value;
	}
}
