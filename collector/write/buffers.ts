/**
 * Memory of columns, used again: the writer gives the buffers of a written batch back. New large buffers cost page
 * faults and make the garbage collector work. What a buffer held before is still in it.
 */
const pools = new Map<number, ArrayBuffer[]>();
let pooled = 0;

/** Smaller ones are not worth keeping. */
const SMALLEST = 16 * 1024;
/** Bytes kept at most. */
const LIMIT = 64 * 1024 * 1024;

export function takeBuffer(bytes: number): ArrayBuffer {
	const buffer = pools.get(bytes)?.pop();
	if (!buffer) return new ArrayBuffer(bytes);
	pooled -= bytes;
	return buffer;
}

export function giveBuffer(buffer: ArrayBuffer): void {
	const bytes = buffer.byteLength;
	if (bytes < SMALLEST || pooled + bytes > LIMIT) return;
	let pool = pools.get(bytes);
	if (!pool) {
		pool = [];
		pools.set(bytes, pool);
	}
	pool.push(buffer);
	pooled += bytes;
}
