import { describe, expect, it } from "vitest";
import { harmlessHtml } from "./harmless.ts";

describe("HTML of outputs in a published page", () => {
	it("keeps what only shows", () => {
		const table =
			'<table class="powerki-result"><tr><th scope="col" style="text-align:right">n<br><small>BIGINT</small></th></tr><tr><td>&lt;script&gt;</td></tr></table>';
		expect(harmlessHtml(table)).toBe(table);
		const links =
			'<a href="https://example.org/?a=1&amp;b=2">x</a><a href="#part">y</a><img src="data:image/png;base64,AAAA" alt="z">';
		expect(harmlessHtml(links)).toBe(links);
		const svg =
			'<svg viewBox="0 0 1 1" role="img" aria-label="a &quot;b&quot;"><path d="M0 0" fill="none"/></svg>';
		expect(harmlessHtml(svg)).toBe(svg);
		const styled =
			'<svg class="pki-figure"><style>.pki-figure text{fill:var(--pki-text,#17212b)}</style><text x="1">a</text></svg>';
		expect(harmlessHtml(styled)).toBe(styled);
	});

	it("keeps models of interactive figures, which are data", () => {
		const model =
			'<div class="pki-picture"></div><script type="application/json" data-pki-model="flamegraph">{"name":"\\u003c/script\\u003e"}</script>';
		expect(harmlessHtml(model)).toBe(model);
	});

	it("drops the style that the page has already", () => {
		expect(harmlessHtml("<style data-pki>.pki{color:red}</style><b>x</b>")).toBe("<b>x</b>");
	});

	it.each([
		["<script>pwned()</script>"],
		["<SCRIPT SRC=//evil></SCRIPT >"],
		["<script>pwned()"],
		['<script type="application/json" data-pki-model="x">{}</script><script>pwned()</script>'],
		["<scr<script></script>ipt>pwned()</script>"],
		["<iframe srcdoc='<script>pwned()</script>'></iframe>"],
		["<object data=javascript:pwned()></object>"],
		["<meta http-equiv=refresh content='0;url=javascript:pwned()'>"],
		["<base href=//evil/>"],
		["<link rel=stylesheet href=//evil>"],
		["<form action=javascript:pwned()><button>x</button></form>"],
		["<svg><set attributeName=href to=javascript:pwned()></svg>"],
		["<svg><animate attributeName=href values=javascript:pwned() /></svg>"],
	])("lets no element act: %s", (markup) => {
		const left = harmlessHtml(markup).replace(/<script type="application\/json"[^>]*>[^<]*<\/script>/g, "");
		expect(left).not.toMatch(/<\/?(script|iframe|object|meta|base|link|form|set|animate)/i);
	});

	it.each([
		["<img src=x onerror=pwned()>"],
		['<img src="x" onerror="pwned()">'],
		["<svg/onload=pwned()>"],
		["<svg\nonload\n=\npwned()>"],
		["<a href=javascript:pwned()>x</a>"],
		['<a href=" java&#x73;cript:pwned()">x</a>'],
		['<a href="java&Tab;script&colon;pwned()">x</a>'],
		["<a xlink:href='javascript:pwned()'>x</a>"],
		["<a href='data:text/html,<script>pwned()</script>'>x</a>"],
		["<img src=https.evil/x>"],
		['<p style="background:url(//evil/x)">x</p>'],
		["<p style='position:fixed;inset:0'>x</p>"],
		['<b title=">" onclick="pwned()">x</b>'],
		['<b title="a"onclick="pwned()">x</b>'],
		["<x y=`z onclick=pwned()>"],
		['<img src="x"onerror=pwned()>'],
		['<p/style="background:url(//evil)"/onclick=pwned()>'],
		["<svg><animate attributeName=href values=javascript:pwned()>"],
		["<style>@import '//evil/x'</style>"],
		[
			"<style>p{background:u\\72l(//evil)}</style>"
				.replace("<style>", "<p style='")
				.replace("</style>", "'>"),
		],
		['<p style="background:u&#92;72l(//evil/x)">'],
		["<style>p{background:url(//evil/x)}</style>"],
		["<img src=https://evil/x srcset=//evil/y>"],
		["<svg><use href='data:image/svg+xml,evil'></use><image href='//evil/x'/></svg>"],
		["<style>@import '//evil/x'; b{background:url(//evil)}</style>"],
		["<style>b{background:\\75rl(//evil)}</style>"],
		["<svg><style><img src=x onerror=pwned()></style></svg>"],
	])("takes away what acts in an element: %s", (markup) => {
		expect(harmlessHtml(markup)).not.toMatch(/pwned|evil|fixed/);
	});

	it.each([
		["<img src=x onerror=pwned() <b>"],
		['<img title="a onerror=pwned()>'],
		["<img src=x onerror=pwned()"],
		["<?php pwned() ?> <!doctype html> <![CDATA[x]]>"],
	])("shows as text what browsers would repair: %s", (markup) => {
		expect(harmlessHtml(markup)).not.toMatch(/<(?!\/?b>)/);
	});

	it.each([
		["a tag that never ends", "<img src=x onerror=pwned() <b>x</b>"],
		["a quote that never ends", '<img title="a onerror=pwned()>'],
		["an end of input", "<img src=x onerror=pwned()"],
		["an end of a style in quotes", '<style><a title="</style><img src=x onerror=pwned()>"></style>'],
		["a style that never ends", "<style>*{display:none}"],
		["a declaration", "<!doctype x [<img onerror=pwned()>"],
		["a processing instruction", "<?x <svg onload=pwned()>?>"],
	])("reads as text what browsers could read in another way: %s", (_, markup) => {
		// What is a tag for a browser begins with "<" and a letter.
		for (const tag of harmlessHtml(markup).match(/<[a-z!?][^>]*/gi) ?? [])
			expect(tag).not.toMatch(/pwned|style|!|\?/);
	});

	it("keeps rules of pictures, and places in them", () => {
		const svg =
			'<svg viewBox="0 0 9 9"><style>.a text{fill:var(--pki-text)}</style><defs><pattern id="h"></pattern></defs><rect class="a" width="9" height="9" fill="url(#h)"/></svg>';
		expect(harmlessHtml(svg)).toBe(svg);
	});

	it("lets no comment swallow what follows", () => {
		expect(harmlessHtml("a<!-- b --><!-- c")).toBe("a&lt;!-- c");
	});
});
