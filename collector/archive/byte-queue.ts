/** Bytes that come in chunks, taken in the sizes that a reader needs. */
export class ByteQueue {
	readonly #chunks: AsyncIterator<Uint8Array>;
	#chunk: Uint8Array = new Uint8Array(0);
	#at = 0;
	#position = 0;

	constructor(chunks: AsyncIterable<Uint8Array>) {
		this.#chunks = chunks[Symbol.asyncIterator]();
	}

	/** Bytes taken so far. */
	get position(): number {
		return this.#position;
	}

	/** The next bytes, `most` at most, at least one; null at the end. Valid until the next call. */
	async some(most: number): Promise<Uint8Array | null> {
		while (this.#at === this.#chunk.length) {
			const next = await this.#chunks.next();
			if (next.done) return null;
			this.#chunk = next.value;
			this.#at = 0;
		}
		const part = this.#chunk.subarray(this.#at, this.#at + most);
		this.#at += part.length;
		this.#position += part.length;
		return part;
	}

	/** So many bytes as a copy; fewer only at the end. */
	async take(bytes: number): Promise<Buffer> {
		const taken = Buffer.alloc(bytes);
		let at = 0;
		while (at < bytes) {
			const part = await this.some(bytes - at);
			if (part === null) break;
			taken.set(part, at);
			at += part.length;
		}
		return taken.subarray(0, at);
	}

	/** Passes over so many bytes. Returns how many were there. */
	async skip(bytes: number): Promise<number> {
		let left = bytes;
		while (left > 0) {
			const part = await this.some(left);
			if (part === null) break;
			left -= part.length;
		}
		return bytes - left;
	}

	/** No more is wanted: lets the source close what it has open. */
	async close(): Promise<void> {
		await this.#chunks.return?.();
	}
}
