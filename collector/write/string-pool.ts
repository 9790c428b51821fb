import type { StringPool } from "../derive/derivation.ts";

/** Strings of one trace by code, in order of first sight. */
export class Strings implements StringPool {
	readonly #codes = new Map<string, number>();
	readonly #texts: string[] = [];

	get size(): number {
		return this.#texts.length;
	}

	code(text: string): number {
		let code = this.#codes.get(text);
		if (code === undefined) {
			code = this.#texts.length;
			this.#codes.set(text, code);
			this.#texts.push(text);
		}
		return code;
	}

	text(code: number): string {
		const text = this.#texts[code];
		if (text === undefined) throw new RangeError(`no string has code ${code}`);
		return text;
	}
}
