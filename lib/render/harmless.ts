/**
 * Takes from the HTML of a cell's output what could act in a published page. The page's policy forbids it already; but
 * not every viewer of a mail attachment knows policies, and what it blocks it reports as errors.
 *
 * What stays is written anew from what was understood: a tag or an attribute that a browser could read in another way
 * than this does is text, or gone.
 */

/** Data of interactive figures: JSON, never run as it is. */
const model = /<script type="application\/json" data-pki-model="[a-z]+">[^<]*<\/script>/;
/** The page has this style already. */
const pageStyle = /<style data-pki>[^<]*<\/style>/;
const style = /<style\b[^>]*>[\s\S]*?<\/style\s*>/;
/** Rules of a picture. Without "<" no browser sees an element in it; without escapes it says what it does. */
const plainStyle = /^<style>[^<\\]*<\/style>$/;
const comment = /<!--[\s\S]*?-->/;
const script = /<script\b[\s\S]*?<\/script\s*>/;
const closing = /<\/[a-z][\w:-]*\s*>/;
const opening = /<[a-z][\w:-]*(?=[\s/>])(?:[^<>"']|"[^"]*"|'[^']*')*>/;

/** The alternatives in this order; a "<" that begins none of them is text. */
const pieces = new RegExp(
	[model, pageStyle, style, comment, script, closing, opening]
		.map((p) => `(${p.source})`)
		.concat("<")
		.join("|"),
	"gi",
);

export function harmlessHtml(markup: string): string {
	return markup.replace(
		pieces,
		(
			whole,
			isModel: string | undefined,
			isPageStyle: string | undefined,
			isStyle: string | undefined,
			isComment: string | undefined,
			isScript: string | undefined,
			isClosing: string | undefined,
			isOpening: string | undefined,
		) => {
			if (isModel !== undefined) return whole;
			if (isPageStyle !== undefined || isComment !== undefined || isScript !== undefined) return "";
			if (isStyle !== undefined) return plainStyle.test(whole) && !reachesOut(whole) ? whole : "";
			if (isClosing !== undefined) return active.test(whole) ? "" : whole;
			if (isOpening !== undefined) return active.test(whole) ? "" : rewritten(whole);
			return "&lt;";
		},
	);
}

/** They run, fetch, move the page elsewhere, change attributes, or swallow what follows. */
const active =
	/^<\/?(?:script|style|iframe|frame|frameset|object|embed|applet|base|meta|link|form|plaintext|xmp|noembed|noscript|noframes|template|textarea|title|html|head|body|portal|listing|math|foreignobject|set|animate\w*|discard|handler|audio|video|source|track)(?![\w:-])/i;

/** CSS that fetches something, or code of old browsers. A place in the same picture may be named. */
function reachesOut(css: string): boolean {
	return /@import|expression|image-set|url\s*\(\s*(?!["']?#)/i.test(css);
}

/** The tag from its attributes, each in quotes. */
function rewritten(tag: string): string {
	const name = /^<[a-z][\w:-]*/i.exec(tag)![0];
	const end = /\/>$/.test(tag) ? "/>" : ">";
	const attributes = [
		...tag.slice(name.length).matchAll(/([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>=`]+)))?/g),
	];
	return `${name}${attributes
		.map(([, key, ...values]) =>
			attribute(
				name,
				key!,
				values.find((v) => v !== undefined),
			),
		)
		.join("")}${end}`;
}

/** What a click opens, and what is loaded without one. */
const links = /^(?:href|xlink:href)$/i;
const loads = /^(?:src|action|formaction|data|poster|srcset|background|ping|from|to|values|cite|longdesc)$/i;

function attribute(tag: string, name: string, value: string | undefined): string {
	if (!/^[a-z][\w:.-]*$/i.test(name) || /^(?:on.*|srcdoc|is|slot)$/i.test(name)) return "";
	if (value === undefined) return ` ${name}`;
	const meant = decoded(value).replace(/[\u0000-\u0020]/g, "");
	// A picture refers to its parts by href too, and <image href> loads: only a link of text leads out of the page.
	if (links.test(name) && !(tag.toLowerCase() === "<a" ? /^(?:https?:|mailto:|#)/i : /^#/).test(meant))
		return "";
	if (loads.test(name) && !/^data:image\/(?:png|jpeg|gif|webp)[;,]/i.test(meant)) return "";
	if (/^style$/i.test(name) && (reachesOut(meant) || /\\|position:fixed/i.test(meant))) return "";
	return ` ${name}="${value.replaceAll('"', "&quot;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")}"`;
}

/** Characters behind entities; names of entities that letters of a scheme have do not exist, but for colon and blanks. */
function decoded(text: string): string {
	return text
		.replace(/&#x([0-9a-f]+);?/gi, (_, hex: string) => character(Number.parseInt(hex, 16)))
		.replace(/&#(\d+);?/g, (_, digits: string) => character(Number(digits)))
		.replace(/&colon;/gi, ":")
		.replace(/&(?:Tab|NewLine);/gi, "")
		.replace(/&bsol;/gi, "\\")
		.replace(/&(?:lpar);/gi, "(")
		.replace(/&amp;/gi, "&");
}

function character(code: number): string {
	return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "";
}
