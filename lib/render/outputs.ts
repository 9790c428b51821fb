/** Outputs of code cells (nbformat 4) in a published page. */
import { html, type Markup, raw } from "./escape.ts";
import { harmlessHtml } from "./harmless.ts";
import type { HeadingIds } from "./heading-ids.ts";
import { markdownHtml } from "./markdown.ts";

/** Text as one string, or in the lines of a notebook file. */
type Text = string | readonly string[];

export type NotebookOutput =
	| { readonly output_type: "stream"; readonly name: string; readonly text: Text }
	| {
			readonly output_type: "display_data" | "execute_result";
			readonly data: Readonly<Record<string, unknown>>;
			readonly metadata?: Readonly<Record<string, unknown>>;
	  }
	| {
			readonly output_type: "error";
			readonly ename: string;
			readonly evalue: string;
			readonly traceback: readonly string[];
	  };

/** The richest form that a file can hold comes first. A chart shows its picture: Vega itself is not in the file. */
const forms: readonly {
	readonly mime: string;
	show(data: string, alt: string, ids: HeadingIds): Markup;
}[] = [
	{ mime: "text/html", show: (data) => html`<div class="result">${raw(harmlessHtml(data))}</div>` },
	{ mime: "image/svg+xml", show: (data) => html`<div class="svg">${raw(harmlessHtml(data))}</div>` },
	...["image/png", "image/jpeg", "image/gif"].map((mime) => ({
		mime,
		show: (data: string, alt: string) =>
			html`<img src="data:${mime};base64,${data.replace(/\s/g, "")}" alt="${alt}">`,
	})),
	{ mime: "text/markdown", show: (data, _, ids) => html`<div>${markdownHtml(data, ids)}</div>` },
	{ mime: "text/plain", show: (data) => html`<pre>${withoutColour(data)}</pre>` },
];

export function outputHtml(output: NotebookOutput, ids: HeadingIds): Markup | null {
	switch (output.output_type) {
		case "stream":
			return html`<pre class="${output.name === "stderr" ? "stderr" : "stdout"}">${withoutColour(joined(output.text))}</pre>`;
		case "error":
			return html`<pre class="error">${withoutColour(output.traceback.join("\n") || `${output.ename}: ${output.evalue}`)}</pre>`;
		case "display_data":
		case "execute_result": {
			const { data, metadata = {} } = output;
			const form = forms.find((f) => typeof data[f.mime] === "string" || Array.isArray(data[f.mime]));
			if (form === undefined) return null;
			const own = metadata[form.mime] as { alt?: unknown } | undefined;
			const alt = typeof own?.alt === "string" ? own.alt : joined((data["text/plain"] as Text) ?? "");
			return form.show(joined(data[form.mime] as Text), alt, ids);
		}
	}
}

const joined = (text: Text): string => (typeof text === "string" ? text : text.join(""));

/** Colours for a terminal. */
function withoutColour(text: string): string {
	return text.replace(/\u001b\[[0-9;]*[A-Za-z]/g, "");
}
