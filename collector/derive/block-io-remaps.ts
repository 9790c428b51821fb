import { SlotIndex } from "./block-io-index.ts";

/** Remaps that wait for the lower bio to be queued: mirrors queue theirs later, from another thread. Older ones are overwritten. */
const PENDING = 1024;

/** What block_bio_remap and block_rq_remap have told: which upper I/O the next I/O at a place continues. */
export class PendingRemaps {
	readonly #index = new SlotIndex(PENDING);
	readonly #used = new Uint8Array(PENDING);
	readonly #parent = new Int32Array(PENDING);
	readonly #io = new Int32Array(PENDING);
	#next = 0;
	/** Slot and io of the upper I/O that `take` found */
	parent = -1;
	io = -1;

	put(dev: number, sector: number, op: number, parent: number, io: number): void {
		const at = this.#next;
		this.#next = (at + 1) % PENDING;
		if (this.#used[at] === 1) this.#index.remove(at);
		this.#used[at] = 1;
		this.#parent[at] = parent;
		this.#io[at] = io;
		this.#index.add(at, dev, sector, op);
	}

	/** Takes out the remap to a place, into `parent` and `io`; false if there is none. */
	take(dev: number, sector: number, op: number): boolean {
		const at = this.#index.first(dev, sector, op);
		if (at < 0) return false;
		this.#index.remove(at);
		this.#used[at] = 0;
		this.parent = this.#parent[at]!;
		this.io = this.#io[at]!;
		return true;
	}
}
