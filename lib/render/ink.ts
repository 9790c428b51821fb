/** Colour and weight on a terminal. No meaning hangs on them: text without them says the same. */
export interface Ink {
	bold(text: string): string;
	/** For labels, lines and NULL. */
	dim(text: string): string;
	/** A colour of the 256. */
	colour(code: number, text: string): string;
}

export const plain: Ink = { bold: (t) => t, dim: (t) => t, colour: (_, t) => t };

const sgr =
	(on: string, off: string) =>
	(text: string): string =>
		`\u001b[${on}m${text}\u001b[${off}m`;

export const coloured: Ink = {
	bold: sgr("1", "22"),
	dim: sgr("2", "22"),
	colour: (code, text) => sgr(`38;5;${code}`, "39")(text),
};

export interface Terminal {
	/** Columns to fill. */
	readonly width: number;
	readonly ink: Ink;
	/** Its encoding has no box-drawing characters. */
	readonly ascii: boolean;
	/** A person's screen, not a file or pipe. */
	readonly isTerminal: boolean;
}

/** 100 columns where nobody watches, so that what is saved does not depend on a window; else at most 120. */
export function terminalOf(
	stream: { readonly isTTY?: boolean; readonly columns?: number },
	env: Readonly<Record<string, string | undefined>> = process.env,
): Terminal {
	const isTerminal = stream.isTTY === true;
	const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || "";
	return {
		// A terminal of unknown size says 0.
		width: isTerminal ? Math.min(stream.columns || 100, 120) : 100,
		// https://no-color.org: any value but the empty one
		ink: isTerminal && !env.NO_COLOR && env.TERM !== "dumb" ? coloured : plain,
		ascii: isTerminal && locale !== "" && !/utf-?8/i.test(locale),
		isTerminal,
	};
}
