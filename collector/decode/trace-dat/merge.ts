/**
 * One stream out of many, in the order (ts, cpu, position): a binary heap over the CPUs. Records of the first CPU are
 * taken as long as none of the others is earlier, so that the heap is touched only when the CPU changes.
 */
export interface Ordered {
	readonly cpu: number;
	readonly ts: number;
	advance(): boolean;
}

const before = (a: Ordered, b: Ordered): boolean => a.ts < b.ts || (a.ts === b.ts && a.cpu < b.cpu);

/**
 * Streams must have been advanced to their first record. `visit` is called for each record, `ended` for each stream
 * after its last one. Yields after about `slice` records, so that the caller can let others work.
 */
export function* merge<T extends Ordered>(
	streams: readonly T[],
	visit: (stream: T) => void,
	ended: (stream: T) => void,
	slice: number,
): Generator<void> {
	const heap: T[] = [...streams];
	for (let i = (heap.length >> 1) - 1; i >= 0; i--) sift(heap, i);
	let budget = slice;
	while (heap.length > 0) {
		const top = heap[0]!;
		const rival =
			heap.length < 2 ? null : heap.length < 3 || before(heap[1]!, heap[2]!) ? heap[1]! : heap[2]!;
		const limit = rival ? rival.ts : Number.POSITIVE_INFINITY;
		const wins = rival ? top.cpu < rival.cpu : true;
		let more = true;
		do {
			visit(top);
			more = top.advance();
			budget--;
		} while (more && budget > 0 && (top.ts < limit || (wins && top.ts === limit)));
		if (!more) {
			ended(top);
			const last = heap.pop()!;
			if (heap.length > 0) heap[0] = last;
		}
		if (heap.length > 0) sift(heap, 0);
		if (budget <= 0) {
			budget = slice;
			yield;
		}
	}
}

function sift<T extends Ordered>(heap: T[], start: number): void {
	const item = heap[start]!;
	let i = start;
	for (;;) {
		let child = 2 * i + 1;
		if (child >= heap.length) break;
		if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
		if (!before(heap[child]!, item)) break;
		heap[i] = heap[child]!;
		i = child;
	}
	heap[i] = item;
}
