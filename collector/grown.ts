type Numbers = Float64Array | Int32Array | Int8Array | Uint8Array | Uint16Array;

/** A copy of the array with `length` numbers, no fewer than it has; those behind its own are `value`. */
export function grown<A extends Numbers>(array: A, length: number, value = 0): A {
	const larger = new (array.constructor as new (length: number) => A)(length);
	larger.set(array as never);
	if (value !== 0) larger.fill(value, array.length);
	return larger;
}
