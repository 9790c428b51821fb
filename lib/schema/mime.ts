/**
 * How a value shows itself in a notebook: a MIME bundle, as Jupyter's display_data has it.
 * A value that has a method under this symbol is displayed by what the method returns (Deno's convention).
 */
export const displaySymbol: unique symbol = Symbol.for("Jupyter.display") as never;

/** MIME type to content: text as a string, JSON types as an object. Always has text/plain. */
export interface MimeBundle {
	"text/plain": string;
	[mime: string]: unknown;
}

export interface Displayable {
	[displaySymbol](): MimeBundle | Promise<MimeBundle>;
}

export function isDisplayable(value: unknown): value is Displayable {
	return (
		typeof value === "object" &&
		value !== null &&
		typeof (value as Partial<Displayable>)[displaySymbol] === "function"
	);
}
