/** Text cells of notebooks as HTML. Markup in the text is shown, not obeyed. */
import MarkdownIt from "markdown-it";
import { escapeHtml, type Markup, raw } from "./escape.ts";
import type { HeadingIds } from "./heading-ids.ts";

/** Pictures of a text cell: name -> MIME type -> base64. */
export type Attachments = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A link that works from a mail attachment; others (to notebooks beside this one) become plain text. */
const outside = /^(?:https?:|mailto:|#)/i;
const picture = /^data:image\/(?:png|jpeg|gif|webp|svg\+xml)[;,]/i;

/**
 * @param ids gives ids to headings: the first of level 1 is the title of the page, later ones are of level 2
 */
export function markdownHtml(source: string, ids: HeadingIds, attachments: Attachments = {}): Markup {
	const md = new MarkdownIt({ html: false, linkify: false });
	const { rules } = md.renderer;
	rules.heading_open = (tokens, i) => {
		const level = ids.level(Number(tokens[i].tag.slice(1)));
		tokens[i].tag = `h${level}`;
		for (let k = i + 1; k < tokens.length; k++)
			if (tokens[k].type === "heading_close") {
				tokens[k].tag = `h${level}`;
				break;
			}
		return `<h${level} id="${ids.next(tokens[i + 1].content)}"${level === 2 || level === 3 ? " data-toc" : ""}>`;
	};
	rules.link_open = (tokens, i) => {
		const href = String(tokens[i].attrGet("href") ?? "");
		if (outside.test(href)) return `<a href="${escapeHtml(href)}" rel="noopener noreferrer">`;
		// Its end must know.
		for (let k = i + 1, depth = 1; k < tokens.length; k++) {
			if (tokens[k].type === "link_open") depth++;
			if (tokens[k].type === "link_close" && --depth === 0) {
				tokens[k].hidden = true;
				break;
			}
		}
		return "";
	};
	rules.link_close = (tokens, i) => (tokens[i].hidden ? "" : "</a>");
	rules.image = (tokens, i) => {
		const alt = tokens[i].content;
		const src = resolve(String(tokens[i].attrGet("src") ?? ""), attachments);
		return picture.test(src)
			? `<img src="${escapeHtml(src)}" alt="${escapeHtml(alt)}">`
			: `[picture: ${escapeHtml(alt)}]`;
	};
	return raw(md.render(source));
}

function resolve(src: string, attachments: Attachments): string {
	if (!src.startsWith("attachment:")) return src;
	const [mime, data] = Object.entries(attachments[decodeURIComponent(src.slice(11))] ?? {})[0] ?? ["", ""];
	return `data:${mime};base64,${data}`;
}
