/** The name nearest to a mistyped one, if it is near enough to be what was meant; "did you mean". */
export function nearest(name: string, candidates: Iterable<string>): string | null {
	const wanted = name.toLowerCase();
	let best: string | null = null;
	// A third of the letters may be wrong.
	let limit = Math.max(1, Math.floor(wanted.length / 3)) + 1;
	for (const candidate of candidates) {
		const d = distance(wanted, candidate.toLowerCase(), limit);
		if (d < limit) {
			limit = d;
			best = candidate;
		}
	}
	return best;
}

/** Edits (insert, delete, replace, swap of neighbours) from a to b; at least `limit` where it is not less. */
function distance(a: string, b: string, limit: number): number {
	if (Math.abs(a.length - b.length) >= limit) return limit;
	let before: number[] = [];
	let above = Array.from({ length: b.length + 1 }, (_, j) => j);
	for (let i = 1; i <= a.length; i++) {
		const row = [i];
		for (let j = 1; j <= b.length; j++) {
			row[j] = Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
			if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
				row[j] = Math.min(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
	}
	return above[b.length];
}
