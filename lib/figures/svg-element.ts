/** Own SVG documents: text is text, colours are CSS variables that a page may set, with light and dark as fallback. */
import { fonts, tones } from "./palette.ts";
import { printable, wrap } from "./text.ts";

const entities: Readonly<Record<string, string>> = {
	"&": "&amp;",
	"<": "&lt;",
	">": "&gt;",
	'"': "&quot;",
	"'": "&#39;",
};

/** Text for content and attributes of SVG and HTML; what acts instead of being read is made visible. */
export function escapeMarkup(text: string): string {
	return printable(text).replace(/[&<>"']/g, (ch) => entities[ch]!);
}

/** A length with at most two decimals, without needless zeros. */
export function length(value: number): string {
	return String(Math.round(value * 100) / 100);
}

/** `var(--pki-running,#1f66c1)`: the page's colour, else the one of the theme. */
export function colour(name: string, theme: "light" | "dark"): string {
	const tone = tones[name];
	if (!tone) throw new RangeError(`colour: the palette has no "${name}"`);
	return `var(--pki-${name},${tone[theme]})`;
}

/**
 * Rules for classes "f-<name>" (fill) and "s-<name>" (stroke) that the body uses, light and dark. Standalone, the SVG
 * follows the reader's preference; inside a page that sets the variables, it follows the page.
 */
function colourRules(body: string): string {
	const used = [...new Set([...body.matchAll(/\b([fs])-([a-z0-9-]+)/g)].map((m) => m[0]))]
		.filter((name) => tones[name.slice(2)])
		.sort();
	const rules = (theme: "light" | "dark"): string =>
		used
			.map(
				(name) =>
					`.pki-figure .${name}{${name.startsWith("f-") ? "fill" : "stroke"}:${colour(name.slice(2), theme)}}`,
			)
			.join("");
	return `${rules("light")}@media screen and (prefers-color-scheme:dark){${rules("dark")}}`;
}

export interface SvgDocument {
	readonly width: number;
	readonly height: number;
	readonly alt: string;
	/** Markup; everything from traces already escaped. */
	readonly body: string;
	/** More CSS, each rule beginning with .pki-figure. */
	readonly css?: string;
}

/** role=img with the alt text as its label; scales down with its column. */
export function svgDocument({ width, height, alt, body, css = "" }: SvgDocument): string {
	const w = length(width);
	const h = length(height);
	return (
		`<svg xmlns="http://www.w3.org/2000/svg" class="pki-figure" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" ` +
		`role="img" aria-label="${escapeMarkup(alt)}" style="max-width:100%;height:auto">` +
		`<style>.pki-figure text{font:11.5px ${fonts.sans};font-variant-numeric:tabular-nums}` +
		`.pki-figure text.mono{font-family:${fonts.mono}}${colourRules(body)}${css}</style>${body}</svg>`
	);
}

/** Average width of a character of the 11.5 px text, rounded up. */
export const CHARACTER = 6.8;
const TITLE_CHARACTER = 9;

const ROOT = /^<svg [^>]*? width="([\d.]+)" height="([\d.]+)"[^>]*>/;

/** The figure's SVG with title and subtitle above it, for places that show the picture alone. */
export function withTitle(svg: string, title: string, subtitle: string): string {
	const root = ROOT.exec(svg);
	if (!root) throw new Error("withTitle: not a document of svgDocument");
	const [width, height] = [Number(root[1]), Number(root[2])];
	const titles = wrap(printable(title), Math.floor(width / TITLE_CHARACTER));
	const subtitles = wrap(printable(subtitle), Math.floor(width / CHARACTER));
	const top = 8 + titles.length * 19 + subtitles.length * 17 + 6;
	const label = /aria-label="([^"]*)"/.exec(root[0])?.[1] ?? "";
	const nested = svg.replace(
		ROOT,
		`<svg class="pki-figure" y="${top}" width="${length(width)}" height="${length(height)}" viewBox="0 0 ${length(width)} ${length(height)}">`,
	);
	const body =
		`<rect class="f-card" width="${length(width)}" height="${length(height + top)}"/>` +
		titles
			.map(
				(line, i) =>
					`<text class="f-text" x="2" y="${17 + i * 19}" style="font-size:15px;font-weight:600">${escapeMarkup(line)}</text>`,
			)
			.join("") +
		subtitles
			.map(
				(line, i) =>
					`<text class="f-text2" x="2" y="${17 + titles.length * 19 + i * 17}">${escapeMarkup(line)}</text>`,
			)
			.join("");
	// The label is escaped already: put in as it is.
	return svgDocument({ width, height: height + top, alt: "", body: body + nested }).replace(
		'aria-label=""',
		() => `aria-label="${label}"`,
	);
}

/**
 * Hatching of a rectangle as one path, cut to it: "not seen", always and only. No pattern, hence no id that could
 * meet another figure's on the same page.
 */
export function hatch(x: number, y: number, width: number, height: number, step = 6): string {
	let d = "";
	// Lines that fall from upper right to lower left: points whose distances from left and top add up to `sum`.
	for (let sum = step / 2; sum < width + height; sum += step) {
		const left = Math.max(0, sum - height);
		const right = Math.min(width, sum);
		d += `M${length(x + left)} ${length(y + sum - left)}L${length(x + right)} ${length(y + sum - right)}`;
	}
	return (
		`<path class="s-hatch" fill="none" d="${d}"/>` +
		`<rect class="s-hatch" fill="none" stroke-width=".5" x="${length(x + 0.25)}" y="${length(y + 0.25)}" ` +
		`width="${length(Math.max(0, width - 0.5))}" height="${length(Math.max(0, height - 0.5))}"/>`
	);
}

/** FNV-1a, 32 bits: a name that is the same in every run and tells the pictures of one page apart. */
export function fnv1a(text: string): string {
	let hash = 0x811c9dc5;
	for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
	return (hash >>> 0).toString(16).padStart(8, "0");
}
