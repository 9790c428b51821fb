/** Weights of paths, merged by equal beginnings: small for many stacks, which differ only near their leaves. */
export class CallTree {
	private readonly names: string[] = [];
	private readonly numbers = new Map<string, number>();
	/** By node; node 0 is the root above all paths. */
	private name = new Int32Array(1024);
	private firstChild = new Int32Array(1024);
	private nextSibling = new Int32Array(1024);
	private own = new Float64Array(1024);
	private nodes = 1;
	/** Node by (parent, name), open addressing; 0 is free, since the root is nobody's child. */
	private table = new Int32Array(4096);
	private parent = new Int32Array(1024);

	/** Number of a name, for `add`. */
	number(name: string): number {
		const known = this.numbers.get(name);
		if (known !== undefined) return known;
		this.numbers.set(name, this.names.length);
		return this.names.push(name) - 1;
	}

	/** Adds a weight to the path of these names, root first. */
	add(path: readonly number[], weight: number): void {
		let node = 0;
		for (const name of path) node = this.child(node, name);
		this.own[node]! += weight;
	}

	/** Paths with a weight of their own, by names in the order of code units. */
	*paths(separator: string): Generator<{ readonly path: string; readonly weight: number }, void, void> {
		const open: { readonly node: number; readonly path: string }[] = [{ node: 0, path: "" }];
		for (let at = open.pop(); at !== undefined; at = open.pop()) {
			const { node, path } = at;
			if (this.own[node]! > 0) yield { path, weight: this.own[node]! };
			const children: number[] = [];
			for (let c = this.firstChild[node]!; c !== 0; c = this.nextSibling[c]!) children.push(c);
			// The last one in is the first one out.
			children.sort((a, b) => (this.nameOf(a) < this.nameOf(b) ? 1 : -1));
			for (const c of children)
				open.push({
					node: c,
					path: node === 0 ? this.nameOf(c) : `${path}${separator}${this.nameOf(c)}`,
				});
		}
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
		this.own = larger(this.own, new Float64Array(size));
	}
}
