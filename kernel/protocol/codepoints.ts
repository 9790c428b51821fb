/** Jupyter counts Unicode code points (since protocol 5.2), JavaScript UTF-16 units. */

/** UTF-16 offset of the code point at `position`; the end of the text if it is beyond. */
export function toUtf16(text: string, position: number): number {
	let at = 0;
	for (let n = 0; n < position && at < text.length; n++)
		at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
	return at;
}

/** Code points before the UTF-16 offset. */
export function toCodePoints(text: string, offset: number): number {
	let n = 0;
	for (let at = 0; at < offset && at < text.length; n++)
		at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
	return n;
}
