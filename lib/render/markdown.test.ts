import { describe, expect, it } from "vitest";
import { HeadingIds } from "./heading-ids.ts";
import { markdownHtml } from "./markdown.ts";

const show = (source: string, ids = new HeadingIds()) => markdownHtml(source, ids).text.trim();

describe("text cells", () => {
	it("show markup instead of obeying it", () => {
		expect(show("<script>pwned()</script> <b>x</b>")).toBe(
			"<p>&lt;script&gt;pwned()&lt;/script&gt; &lt;b&gt;x&lt;/b&gt;</p>",
		);
	});

	it("keep links that work from a mail attachment, and the words of the others", () => {
		expect(show("[a](https://example.org/?x=1&y=2) [b](run-queue.ipynb) [c](javascript:pwned())")).toBe(
			'<p><a href="https://example.org/?x=1&amp;y=2" rel="noopener noreferrer">a</a> b [c](javascript:pwned())</p>',
		);
	});

	it("have one title in a page; each heading has its own id", () => {
		const ids = new HeadingIds();
		expect(show("# Waits\n\n## What & who?", ids)).toBe(
			'<h1 id="waits">Waits</h1>\n<h2 id="what-who" data-toc>What &amp; who?</h2>',
		);
		expect(show("# Waits\n### 等", ids)).toBe(
			'<h2 id="waits-2" data-toc>Waits</h2>\n<h3 id="part" data-toc>等</h3>',
		);
	});

	it("show pictures that the notebook holds, and no others", () => {
		expect(
			markdownHtml('![a "b"](attachment:x.png) ![c](https://example.org/y.png)', new HeadingIds(), {
				"x.png": { "image/png": "AAAA" },
			}).text,
		).toBe('<p><img src="data:image/png;base64,AAAA" alt="a &quot;b&quot;"> [picture: c]</p>\n');
	});
});
