/** HTML from template strings: what is put in is text, unless it is markup made here. */
import { printable } from "../figures/text.ts";

export class Markup {
	constructor(readonly text: string) {}
	toString(): string {
		return this.text;
	}
}

export type Insert = Markup | string | number | bigint | null | undefined | false | readonly Insert[];

const entities: Readonly<Record<string, string>> = {
	"&": "&amp;",
	"<": "&lt;",
	">": "&gt;",
	'"': "&quot;",
	"'": "&#39;",
};

/** For content and for quoted attributes. Characters that are not seen but act are made visible. */
export function escapeHtml(text: string): string {
	return text
		.split(/([\n\t])/)
		.map((part) => (part === "\n" || part === "\t" ? part : printable(part)))
		.join("")
		.replace(/[&<>"']/g, (ch) => entities[ch]);
}

/** Markup that is already safe. */
export function raw(text: string): Markup {
	return new Markup(text);
}

function insert(value: Insert): string {
	if (value === null || value === undefined || value === false) return "";
	if (value instanceof Markup) return value.text;
	if (Array.isArray(value)) return value.map(insert).join("");
	return escapeHtml(String(value));
}

/** `` html`<b title="${text}">${text}</b>` ``: attributes must be quoted. */
export function html(strings: TemplateStringsArray, ...inserts: Insert[]): Markup {
	let text = strings[0];
	inserts.forEach((value, i) => {
		text += insert(value) + strings[i + 1];
	});
	return new Markup(text);
}

/** JSON for a script element that holds data: no text in it can end the element or open a comment. */
export function scriptJson(value: unknown): Markup {
	return new Markup(
		JSON.stringify(value)
			.replaceAll("<", "\\u003c")
			.replaceAll(">", "\\u003e")
			.replaceAll("&", "\\u0026")
			.replaceAll("\u2028", "\\u2028")
			.replaceAll("\u2029", "\\u2029"),
	);
}
