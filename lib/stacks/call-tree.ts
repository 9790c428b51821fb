/** Weights of paths, merged by equal beginnings: small for many stacks, which differ only near their leaves. */
export class CallTree {
	private readonly names: string[] = [];
	private readonly numbers = new Map<string, number>();
	/** By node; node 0 is the root above all paths, and a child has a greater number than its parent. */
	private name = new Int32Array(1024);
	private parent = new Int32Array(1024);
	private firstChild = new Int32Array(1024);
	private nextSibling = new Int32Array(1024);
	private weight = new Float64Array(1024);
	private count = new Float64Array(1024);
	private nodes = 1;
	/** Node by (parent, name), open addressing; 0 is free, since the root is nobody's child. */
	private table = new Int32Array(4096);

	/** Number of a name, for `add`; numbers are given from 0 on. */
	number(name: string): number {
		const known = this.numbers.get(name);
		if (known !== undefined) return known;
		this.numbers.set(name, this.names.length);
		return this.names.push(name) - 1;
	}

	/**
	 * Adds to the path of these names, root first.
	 * @param weight ≥ 0
	 */
	add(path: readonly number[], weight: number, count = 1): void {
		let node = 0;
		for (const name of path) node = this.child(node, name);
		this.weight[node]! += weight;
		this.count[node]! += count;
	}

	/**
	 * Paths that have a weight of their own, by names in the order of code units; their weights sum to all that was added.
	 * @param keep where there are more places than that in the tree, only about the heaviest `keep` come one by one, and
	 * what lies in lighter ones below a path comes as one (`rest`); default: all
	 */
	*paths(keep = Number.POSITIVE_INFINITY): Generator<WeightedPath, void, void> {
		const cut = this.nodes - 1 > keep;
		const weights = cut ? this.summed(this.weight) : this.weight;
		const counts = cut ? this.summed(this.count) : this.count;
		// Equal ones all fall, so that no more are kept.
		const least = cut ? weights.slice(1, this.nodes).sort()[this.nodes - 1 - keep]! : -1;
		const path: number[] = [];
		const open: { readonly node: number; readonly depth: number }[] = [{ node: 0, depth: 0 }];
		for (let at = open.pop(); at !== undefined; at = open.pop()) {
			const { node, depth } = at;
			path.length = Math.max(0, depth - 1);
			if (node !== 0) path.push(this.name[node]!);
			if (this.weight[node]! > 0)
				yield { path, weight: this.weight[node]!, count: this.count[node]!, rest: false };
			const children: number[] = [];
			const rest = { weight: 0, count: 0 };
			for (let c = this.firstChild[node]!; c !== 0; c = this.nextSibling[c]!)
				if (cut && weights[c]! <= least) {
					rest.weight += weights[c]!;
					rest.count += counts[c]!;
				} else children.push(c);
			if (rest.weight > 0) yield { path, ...rest, rest: true };
			// The last one in is the first one out.
			children.sort((a, b) => (this.nameOf(a) < this.nameOf(b) ? 1 : -1));
			for (const c of children) open.push({ node: c, depth: depth + 1 });
		}
	}

	/** Of each node with all below it. */
	private summed(own: Float64Array): Float64Array {
		const sums = own.slice(0, this.nodes);
		for (let node = this.nodes - 1; node > 0; node--) sums[this.parent[node]!]! += sums[node]!;
		return sums;
	}

	private nameOf(node: number): string {
		return this.names[this.name[node]!]!;
	}

	private child(parent: number, name: number): number {
		let slot = this.slot(parent, name);
		const found = this.table[slot]!;
		if (found !== 0) return found;
		if (this.nodes * 2 > this.table.length) {
			this.rehash();
			slot = this.slot(parent, name);
		}
		if (this.nodes === this.name.length) this.grow();
		const node = this.nodes++;
		this.parent[node] = parent;
		this.name[node] = name;
		this.nextSibling[node] = this.firstChild[parent]!;
		this.firstChild[parent] = node;
		this.table[slot] = node;
		return node;
	}

	/** Where (parent, name) is, or where it would be put. */
	private slot(parent: number, name: number): number {
		const mask = this.table.length - 1;
		// Knuth's multiplicative hashing, with two odd factors.
		const mixed = Math.imul(parent, 0x9e3779b1) ^ Math.imul(name, 0x85ebca6b);
		let slot = (mixed ^ (mixed >>> 15)) & mask;
		for (; ; slot = (slot + 1) & mask) {
			const node = this.table[slot]!;
			if (node === 0 || (this.parent[node] === parent && this.name[node] === name)) return slot;
		}
	}

	private rehash(): void {
		this.table = new Int32Array(this.table.length * 2);
		for (let node = 1; node < this.nodes; node++)
			this.table[this.slot(this.parent[node]!, this.name[node]!)] = node;
	}

	private grow(): void {
		const larger = <T extends Int32Array | Float64Array>(old: T, made: T): T => {
			made.set(old);
			return made;
		};
		const size = this.name.length * 2;
		this.name = larger(this.name, new Int32Array(size));
		this.parent = larger(this.parent, new Int32Array(size));
		this.firstChild = larger(this.firstChild, new Int32Array(size));
		this.nextSibling = larger(this.nextSibling, new Int32Array(size));
		this.weight = larger(this.weight, new Float64Array(size));
		this.count = larger(this.count, new Float64Array(size));
	}
}

export interface WeightedPath {
	/** Numbers of the names, root first; valid until the next one is asked for. */
	readonly path: readonly number[];
	readonly weight: number;
	readonly count: number;
	/** It is what lies in light places below the path, not at its end. */
	readonly rest: boolean;
}
