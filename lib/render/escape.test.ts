import { describe, expect, it } from "vitest";
import { escapeHtml, html, raw, scriptJson } from "./escape.ts";

describe("HTML from templates", () => {
	it("takes what is put in as text, also in attributes", () => {
		const name = `"><img src=x onerror='pwned()'>&`;
		expect(html`<b title="${name}">${name}</b>`.text).toBe(
			'<b title="&quot;&gt;&lt;img src=x onerror=&#39;pwned()&#39;&gt;&amp;">&quot;&gt;&lt;img src=x onerror=&#39;pwned()&#39;&gt;&amp;</b>',
		);
	});

	it("keeps markup made by templates, in lists too, and leaves out what is not there", () => {
		expect(
			html`<ul>${["a", "<"].map((t) => html`<li>${t}</li>`)}${null}${false}${undefined}${0}</ul>`.text,
		).toBe("<ul><li>a</li><li>&lt;</li>0</ul>");
		expect(html`${raw("<br>")}${12n}`.text).toBe("<br>12");
	});

	it("makes visible what would act unseen, but for line ends and tabs", () => {
		expect(escapeHtml("a\u001b[31m\n\tb\u202ec\u0000")).toBe("a\\x1b[31m\n\tb\\u202ec\\x00");
	});

	it("writes JSON that cannot end its script element", () => {
		const value = { name: "</script><!--<script>&\u2028", n: 1 };
		const text = scriptJson(value).text;
		expect(text).not.toMatch(/[<>&\u2028]/);
		expect(JSON.parse(text)).toEqual(value);
	});
});
