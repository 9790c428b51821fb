/**
 * Takes from the HTML of a cell's output what could act in a published page. The page's policy forbids it already; but
 * not every viewer of a mail attachment knows policies, and what it blocks it reports as errors.
 */

/** They run, fetch, move the page elsewhere, or swallow what follows. */
const active =
	/<(?=\/?(?:script|iframe|frame|frameset|object|embed|applet|base|meta|link|form|plaintext|xmp|noembed|noscript|noframes|template|textarea|title|html|head|body|portal)(?![\w-]))/gi;

const model = /<script type="application\/json" data-pki-model="[a-z]+">[^<]*<\/script>/g;

export function harmlessHtml(markup: string): string {
	const models: readonly string[] = markup.match(model) ?? [];
	// Between the models of interactive figures, which are data.
	return markup
		.split(model)
		.map((part, i) => clean(part) + (models[i] ?? ""))
		.join("");
}

function clean(part: string): string {
	return (
		part
			.replace(/<!--[\s\S]*?-->/g, "")
			.replaceAll("<!--", "&lt;!--")
			// The page has this style already.
			.replace(/<style data-pki>[^<]*<\/style>/g, "")
			.replace(/<script\b[\s\S]*?<\/script\s*>/gi, "")
			.replace(active, "&lt;")
			.replace(/<[a-z](?:[^<>"']|"[^"]*"|'[^']*')*>/gi, withoutActions)
	);
}

function withoutActions(tag: string): string {
	return tag.replace(
		/([\s/"'])([\w:.-]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)/g,
		(whole, before: string, name: string, _, quoted: string) => {
			if (/^on|^srcdoc$|^style$/i.test(name) && !isPlainStyle(name, quoted)) return before;
			if (/^(?:href|src|xlink:href|action|formaction|data|poster|srcset|background)$/i.test(name))
				return reachesNothing(quoted) ? whole : before;
			return whole;
		},
	);
}

/** A style may set colours and sizes; it may not fetch, nor cover the page. */
function isPlainStyle(name: string, quoted: string): boolean {
	return (
		name.toLowerCase() === "style" &&
		!/url\s*\(|expression|@import|position\s*:\s*fixed/i.test(decoded(quoted))
	);
}

/** A link to be clicked, a place in this page, or a picture that the text holds. */
function reachesNothing(quoted: string): boolean {
	const url = decoded(quoted)
		.replace(/^["']|["']$/g, "")
		.replace(/[\u0000-\u0020]/g, "");
	return /^(?:https?:|mailto:|#|data:image\/(?:png|jpeg|gif|webp|svg\+xml)[;,])/i.test(url);
}

/** Characters behind entities; names of entities that letters of a scheme have do not exist, but for colon and blanks. */
function decoded(text: string): string {
	return text
		.replace(/&#x([0-9a-f]+);?/gi, (_, hex: string) => character(Number.parseInt(hex, 16)))
		.replace(/&#(\d+);?/g, (_, digits: string) => character(Number(digits)))
		.replace(/&colon;/gi, ":")
		.replace(/&(?:Tab|NewLine);/gi, "")
		.replace(/&amp;/gi, "&");
}

function character(code: number): string {
	return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "";
}
