/** Which of many ranges of addresses holds an address. */

/** Index of the last of `count` ascending values that is not above `value`; -1 if all are. */
export function lastAtMost(count: number, at: (i: number) => number, value: number): number {
	let low = 0;
	let high = count;
	while (low < high) {
		const middle = Math.floor((low + high) / 2);
		if (at(middle) <= value) low = middle + 1;
		else high = middle;
	}
	return low - 1;
}

/**
 * Ranges nest and repeat: code that the linker dropped stays described, mostly from address 0. More than these before an
 * address are not looked at.
 */
const maxLookedAt = 64;

export class RangeTable {
	constructor(
		private readonly starts: Float64Array,
		private readonly ends: Float64Array,
		private readonly values: Float64Array,
	) {}

	get size(): number {
		return this.starts.length;
	}

	/** Value of the range that holds the address: of several, the one that starts last. */
	find(address: number): number | null {
		const last = lastAtMost(this.starts.length, (i) => this.starts[i], address);
		for (let i = last; i >= 0 && i > last - maxLookedAt; i--)
			if (address < this.ends[i]) return this.values[i];
		return null;
	}
}

export class RangeTableBuilder {
	readonly #ranges: { readonly start: number; readonly end: number; readonly value: number }[] = [];

	constructor(private readonly limit: number) {}

	/** Empty ranges, and those beyond the limit, are left out. */
	add(start: number, end: number, value: number): void {
		if (end > start && this.#ranges.length < this.limit) this.#ranges.push({ start, end, value });
	}

	build(): RangeTable {
		const sorted = this.#ranges.sort((a, b) => a.start - b.start || b.end - a.end);
		return new RangeTable(
			Float64Array.from(sorted, (r) => r.start),
			Float64Array.from(sorted, (r) => r.end),
			Float64Array.from(sorted, (r) => r.value),
		);
	}
}
