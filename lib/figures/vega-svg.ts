/**
 * Vega-Lite to SVG without a browser and without canvas. vega is loaded when a chart is drawn: it is large, and its
 * top-level await keeps any module that imports it statically out of notebook cells.
 */
import { fonts, surfaces, tones } from "./palette.ts";
import { fnv1a, svgDocument } from "./svg-element.ts";

export const vegaLiteSchema = "https://vega.github.io/schema/vega-lite/v5.json";

/** The look of axes and texts in the SVG. JupyterLab draws the same specification with its own theme's colours. */
const config = {
	font: fonts.sans,
	background: null,
	view: { stroke: null },
	axis: {
		labelFontSize: 11.5,
		titleFontSize: 11.5,
		titleFontWeight: "normal",
		labelColor: surfaces.text2.light,
		titleColor: surfaces.text2.light,
		gridColor: surfaces.grid.light,
		domainColor: surfaces.line.light,
		tickColor: surfaces.line.light,
	},
	header: { labelFontSize: 11.5, labelColor: surfaces.text2.light },
	legend: { labelFontSize: 11.5, labelColor: surfaces.text2.light, title: null },
	title: { color: surfaces.text.light, subtitleColor: surfaces.text2.light, anchor: "start" },
	text: { fontSize: 11.5 },
};

export interface CompiledChart {
	readonly spec: object;
	/** What Vega-Lite complains about; a chart of ours has none (a test holds it). */
	readonly warnings: readonly string[];
}

export async function compileVegaLite(spec: object): Promise<CompiledChart> {
	const { compile } = await import("vega-lite");
	const warnings: string[] = [];
	const logger = {
		level: () => logger,
		error: (...args: readonly unknown[]) => {
			throw new Error(args.join(" "));
		},
		warn: (...args: readonly unknown[]) => {
			warnings.push(args.join(" "));
			return logger;
		},
		info: () => logger,
		debug: () => logger,
	};
	const compiled = compile(spec as Parameters<typeof compile>[0], {
		config: config as never,
		logger: logger as never,
	});
	return { spec: compiled.spec, warnings };
}

/** Colours in the drawing become the palette's variables: attributes lose against CSS, so a rule for each is enough. */
function colourCss(body: string): string {
	const names = new Map<string, string>();
	// A colour that two names share is the same in both themes where a chart uses it (running and user).
	for (const [name, tone] of Object.entries(tones)) if (!names.has(tone.light)) names.set(tone.light, name);
	const used = [...new Set([...body.matchAll(/(fill|stroke)="(#[0-9a-f]{6})"/g)].map((m) => m[0]))].sort();
	const rules = (theme: "light" | "dark"): string =>
		used
			.map((attribute) => {
				const [property, hex] = attribute.slice(0, -1).split('="') as [string, string];
				const name = names.get(hex);
				return name
					? `.pki-figure [${attribute}]{${property}:var(--pki-${name},${tones[name]![theme]})}`
					: "";
			})
			.join("");
	return `${rules("light")}@media screen and (prefers-color-scheme:dark){${rules("dark")}}`;
}

/**
 * Draws a Vega-Lite specification. The same specification gives the same bytes.
 * @throws Error if the specification is not valid
 */
export async function vegaLiteSvg(spec: object, alt: string): Promise<string> {
	const compiled = await compileVegaLite(spec);
	const vega = await import("vega");
	const view = new vega.View(vega.parse(compiled.spec as Parameters<typeof vega.parse>[0]), {
		renderer: "none",
		logLevel: vega.Error,
	});
	const drawn = await view.toSVG();
	view.finalize();
	const root = /^<svg[^>]*? width="([\d.]+)" height="([\d.]+)"[^>]*>/.exec(drawn);
	if (!root) throw new Error("vega drew no SVG");
	const body = stableIds(drawn.slice(root[0].length, drawn.lastIndexOf("</svg>")));
	return svgDocument({
		width: Number(root[1]),
		height: Number(root[2]),
		alt,
		body,
		css: colourCss(body),
	});
}

/** vega numbers its clip paths and gradients through the whole process; here each drawing starts at 0. */
function stableIds(body: string): string {
	const ids = new Map<string, string>();
	const hash = fnv1a(body.replace(/\b(clip|gradient_)\d+/g, "$1"));
	return body.replace(/\b(id="|url\(#)((?:clip|gradient_)\d+)/g, (_, before: string, id: string) => {
		if (!ids.has(id)) ids.set(id, `pki-${hash}-${ids.size}`);
		return `${before}${ids.get(id)}`;
	});
}
