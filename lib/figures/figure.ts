/** A figure: what every renderer needs to show it, made once. */
export interface Figure {
	/** The answer, with its number ("98 % of the time somebody waits, mostly two at once"). */
	readonly title: string;
	/** What is drawn, unit, n, window. */
	readonly subtitle: string;
	/** For a reader who does not see it: the answer and the main numbers. */
	readonly alt: string;
	/** Vega-Lite, only features of 5.6 (what JupyterLab bundles); the data is inside, at most 5000 rows. */
	readonly vegaLite?: object;
	/** A static picture: text is text, light and dark by CSS variables. Made from vegaLite where that is given. */
	svg(): Promise<string>;
	/** For the terminal; at most `width` columns. */
	text(width: number): string;
	/** One ES module `export function render({model, el})`, for a figure that answers to clicks; the same in notebook and file. */
	readonly interactive?: { readonly module: "flamegraph"; readonly model: unknown };
}
