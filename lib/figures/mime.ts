/** A figure as a Jupyter MIME bundle. */
import type { MimeBundle } from "../schema/mime.ts";
import type { Figure } from "./figure.ts";
import { flameGraphModule } from "./flame-graph.client.ts";
import { fonts, notebookThemeCss } from "./palette.ts";
import { escapeMarkup, fnv1a, withTitle } from "./svg-element.ts";
import { ellipsis, printable } from "./text.ts";

/** Columns of text/plain: what a terminal has that is not told otherwise. */
const COLUMNS = 100;

/**
 * A Vega-Lite figure has no text/html: JupyterLab would prefer it to the chart. The others are HTML that works without
 * its script; where the notebook is not trusted, style, script and picture go and the caption and the text stay.
 */
export async function figureBundle(figure: Figure): Promise<MimeBundle> {
	const text = figure.text(COLUMNS);
	const svg = await figure.svg();
	const bundle: MimeBundle = {
		"text/plain": [figure.title, figure.subtitle]
			.map((line) => ellipsis(printable(line), COLUMNS))
			.concat(text)
			.join("\n"),
		"image/svg+xml": withTitle(svg, figure.title, figure.subtitle),
	};
	if (figure.vegaLite) bundle["application/vnd.vegalite.v5+json"] = figure.vegaLite;
	else bundle["text/html"] = figureHtml(figure, svg, text);
	return bundle;
}

const modules: Readonly<Record<NonNullable<Figure["interactive"]>["module"], () => string>> = {
	flamegraph: flameGraphModule,
};

/**
 * The figure as HTML without outside references: caption, picture, text folded, and the script of an interactive one.
 * @param svg what figure.svg() gave
 * @param text what figure.text() gave
 */
export function figureHtml(figure: Figure, svg: string, text: string): string {
	const name = fnv1a(svg + figure.title);
	const selector = `.pki-output[data-figure="${name}"]`;
	// MathJax typesets $…$ in outputs unless a class forbids it: dollars are frequent in command lines.
	return (
		`<div class="pki-output mathjax_ignore tex2jax_ignore" data-figure="${name}">` +
		`<style>${notebookThemeCss(selector)}${selector}{font:14px/1.5 ${fonts.sans}}${selector} pre{font:12px/1.3 ${fonts.mono};overflow:auto}</style>` +
		`<p><strong>${escapeMarkup(figure.title)}</strong><br>${escapeMarkup(figure.subtitle)}</p>` +
		`<div class="pki-picture">${svg}</div>` +
		`${figure.interactive ? script(figure.interactive, selector) : ""}` +
		`<details><summary>As text</summary><pre>${escapeLines(text)}</pre></details></div>`
	);
}

const escapeLines = (text: string): string => text.split("\n").map(escapeMarkup).join("\n");

/**
 * The model as data right after the picture, and a module that reads it: a page whose policy forbids inline scripts
 * drops the module and starts the picture from the data by its own. The output may be put into the page after its
 * script runs: it is looked for until it is there.
 */
function script({ module, model }: NonNullable<Figure["interactive"]>, selector: string): string {
	return (
		`<script type="application/json" data-pki-model="${module}">${scriptJson(model)}</script>` +
		`<script type="module">${modules[module]()}\n` +
		`let tries = 0;\n` +
		`(function start() {\n` +
		`	const found = document.querySelectorAll(${scriptJson(`${selector} > .pki-picture`)});\n` +
		`	if (found.length === 0 && tries++ < 100) setTimeout(start, 50);\n` +
		`	for (const el of found) {\n` +
		`		const data = el.parentElement.querySelector("script[data-pki-model]");\n` +
		`		if (el.dataset.started || !data) continue;\n` +
		`		el.dataset.started = "1";\n` +
		`		render({ model: JSON.parse(data.textContent), el });\n` +
		`	}\n` +
		`})();</script>`
	);
}

/** JSON inside a script element: no text in it can end the element or open a comment. */
function scriptJson(value: unknown): string {
	return JSON.stringify(value).replace(
		/[<>&\u2028\u2029]/g,
		(ch) => `\\u${ch.charCodeAt(0).toString(16).padStart(4, "0")}`,
	);
}
