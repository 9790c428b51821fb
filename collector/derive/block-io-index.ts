/** Finds open I/Os by device, sector and operation. Chains of slots in typed arrays; nothing is allocated per entry. */
export class SlotIndex {
	#heads: Int32Array;
	#next: Int32Array;
	#dev: Float64Array;
	#sector: Float64Array;
	#op: Uint8Array;
	#entries = 0;

	constructor(slots: number) {
		this.#heads = new Int32Array(256).fill(-1);
		this.#next = new Int32Array(slots);
		this.#dev = new Float64Array(slots);
		this.#sector = new Float64Array(slots);
		this.#op = new Uint8Array(slots);
	}

	/** First slot that may have the key; go on with `after`. -1 = none. */
	first(dev: number, sector: number, op: number): number {
		return this.#match(this.#heads[this.#bucket(dev, sector, op)]!, dev, sector, op);
	}

	/** The next slot with the same key. */
	after(slot: number): number {
		return this.#match(this.#next[slot]!, this.#dev[slot]!, this.#sector[slot]!, this.#op[slot]!);
	}

	add(slot: number, dev: number, sector: number, op: number): void {
		if (slot >= this.#next.length) this.#growSlots(slot);
		if (this.#entries >= this.#heads.length * 2) this.#rehash();
		this.#dev[slot] = dev;
		this.#sector[slot] = sector;
		this.#op[slot] = op;
		const bucket = this.#bucket(dev, sector, op);
		this.#next[slot] = this.#heads[bucket]!;
		this.#heads[bucket] = slot;
		this.#entries++;
	}

	remove(slot: number): void {
		const bucket = this.#bucket(this.#dev[slot]!, this.#sector[slot]!, this.#op[slot]!);
		let at = this.#heads[bucket]!;
		if (at === slot) this.#heads[bucket] = this.#next[slot]!;
		else {
			while (this.#next[at] !== slot) at = this.#next[at]!;
			this.#next[at] = this.#next[slot]!;
		}
		this.#entries--;
	}

	#match(slot: number, dev: number, sector: number, op: number): number {
		let at = slot;
		while (at >= 0 && (this.#sector[at] !== sector || this.#dev[at] !== dev || this.#op[at] !== op)) {
			at = this.#next[at]!;
		}
		return at;
	}

	#bucket(dev: number, sector: number, op: number): number {
		// Sectors are mostly multiples of 8: multiply, then take high bits. Sectors beyond 2^32 matter too.
		const high = Math.floor(sector / 4_294_967_296);
		let h = Math.imul(
			(sector | 0) ^ Math.imul(high, 0x85eb_ca6b) ^ Math.imul(dev | 0, 0xc2b2_ae35) ^ op,
			0x9e37_79b1,
		);
		h ^= h >>> 15;
		return h & (this.#heads.length - 1);
	}

	#rehash(): void {
		const slots: number[] = [];
		for (const head of this.#heads) for (let at = head; at >= 0; at = this.#next[at]!) slots.push(at);
		this.#heads = new Int32Array(this.#heads.length * 4).fill(-1);
		for (const slot of slots) {
			const bucket = this.#bucket(this.#dev[slot]!, this.#sector[slot]!, this.#op[slot]!);
			this.#next[slot] = this.#heads[bucket]!;
			this.#heads[bucket] = slot;
		}
	}

	#growSlots(slot: number): void {
		const length = Math.max(slot + 1, this.#next.length * 2);
		const next = new Int32Array(length);
		next.set(this.#next);
		const dev = new Float64Array(length);
		dev.set(this.#dev);
		const sector = new Float64Array(length);
		sector.set(this.#sector);
		const op = new Uint8Array(length);
		op.set(this.#op);
		this.#next = next;
		this.#dev = dev;
		this.#sector = sector;
		this.#op = op;
	}
}
