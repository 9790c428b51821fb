import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import type { Figure } from "./figure.ts";
import { flameGraphModule } from "./flame-graph.client.ts";
import { flameGraph } from "./flame-graph.ts";
import { histogramOf } from "./histogram.ts";
import { figureBundle } from "./mime.ts";
import { stackedBars } from "./stacked-bars.ts";
import { timeline } from "./timeline.ts";

const hostile = `</script><img src=x onerror=alert(1)>]]>"'&$x$\u0000\u001b[31m\u2028`;
const words = { title: hostile, subtitle: hostile, alt: hostile };

const figures: Readonly<Record<string, Figure>> = {
	histogram: histogramOf([1, 2, 3], { ...words, unit: "ns", counted: hostile }),
	bars: stackedBars({
		...words,
		rows: [{ label: hostile, total: 2, segments: [{ name: "user", value: 1 }], note: hostile }],
		labels: { user: hostile },
		rowTitle: hostile,
		noteTitle: hostile,
	}),
	timeline: timeline({
		...words,
		from: 0,
		to: 10,
		lanes: [
			{
				label: hostile,
				intervals: [{ start: 0, dur: 9, state: "running", label: hostile }],
				marks: [{ at: 1, label: hostile }],
			},
		],
	}),
	"flame graph": flameGraph({ ...words, unit: "ns", stacks: [{ frames: [{ name: hostile }], weight: 5 }] }),
};

/** Tags in their order, and no text between them that begins one: what a strict XML reader needs. */
function checkXml(svg: string): void {
	const open: string[] = [];
	for (const [tag, close, name, empty] of svg.matchAll(/<(\/?)([\w:-]+)(?:\s+[\w:-]+="[^"<]*")*\s*(\/?)>/g)) {
		expect(["script", "img", "foreignObject", "iframe", "a"], tag).not.toContain(name);
		if (close) expect(open.pop()).toBe(name);
		else if (!empty) open.push(name!);
	}
	expect(open).toEqual([]);
	const text = svg
		.replace(/<style>.*?<\/style>/gs, "")
		.replace(/<\/?[\w:-]+(?:\s+[\w:-]+="[^"<]*")*\s*\/?>/g, "");
	expect(text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;|quot;|#39;)/);
}

describe.each(Object.entries(figures))("the bundle of a %s", (_, figure) => {
	it("has what JupyterLab shows and what other viewers can", async () => {
		const bundle = await figureBundle(figure);
		expect(Object.keys(bundle).sort()).toEqual(
			[
				"text/plain",
				"image/svg+xml",
				figure.vegaLite ? "application/vnd.vegalite.v5+json" : "text/html",
			].sort(),
		);
		expect(await figureBundle(figure)).toEqual(bundle);
		expect(JSON.stringify(bundle).length).toBeLessThan(1_000_000);
	});

	it("keeps hostile names as text", async () => {
		const bundle = await figureBundle(figure);
		const svg = bundle["image/svg+xml"] as string;
		checkXml(svg);
		expect(svg).toMatch(/^<svg [^>]*role="img" aria-label="&lt;\/script&gt;/);
		for (const content of [bundle["text/plain"], svg, (bundle["text/html"] as string) ?? ""])
			expect(content).not.toMatch(/[\u0000\u001b\u2028]/);
		const html = (bundle["text/html"] as string) ?? "";
		expect(html).not.toContain("<img");
		if (html === "") return;
		// MathJax leaves elements of this class alone; the whole output is in one.
		expect(html).toMatch(/^<div class="pki-output mathjax_ignore tex2jax_ignore"/);
		expect(html.match(/<\/script>/g) ?? []).toHaveLength(figure.interactive ? 2 : 0);
		expect(html.indexOf("<svg")).toBeLessThan(html.indexOf("<details"));
	});
});

describe("the picture alone", () => {
	it("breaks long titles instead of cutting them", async () => {
		const title = "a long answer with its number ".repeat(12).trim();
		const figure = stackedBars({
			...words,
			title,
			rows: [{ label: "0", total: 1, segments: [{ name: "user", value: 1 }] }],
		});
		const svg = (await figureBundle(figure))["image/svg+xml"] as string;
		const lines = [...svg.matchAll(/font-weight:600">([^<]*)</g)].map((m) => m[1]!);
		expect(lines.join(" ")).toBe(title);
		for (const line of lines) expect(line.length).toBeLessThanOrEqual(112);
	});
});

/** As much of a DOM as the module uses; text is only ever set as text. */
class FakeElement {
	readonly children: FakeElement[] = [];
	readonly attributes: Record<string, string> = {};
	readonly listeners: Record<string, (event: object) => void> = {};
	readonly dataset: Record<string, string> = {};
	textContent = "";
	value = "";
	disabled = false;
	clientWidth = 1000;
	constructor(readonly name: string) {}
	setAttribute(key: string, value: unknown): void {
		this.attributes[key] = String(value);
	}
	appendChild(child: FakeElement): void {
		this.children.push(child);
	}
	replaceChildren(): void {
		this.children.length = 0;
	}
	addEventListener(type: string, listener: (event: object) => void): void {
		this.listeners[type] = listener;
	}
	all(name: string): FakeElement[] {
		return [...(this.name === name ? [this] : []), ...this.children.flatMap((c) => c.all(name))];
	}
	closest(): FakeElement {
		return this;
	}
}

describe("the flame graph's module", async () => {
	const source = flameGraphModule();
	const { render } = (await import(
		/* @vite-ignore */ `data:text/javascript;base64,${Buffer.from(source).toString("base64")}`
	)) as { render(input: { model: unknown; el: FakeElement }): void };
	const figure = flameGraph({
		...words,
		unit: "ns",
		stacks: [
			{ frames: [{ name: "p" }, { name: "read" }, { name: "read" }], weight: 60 },
			{ frames: [{ name: "p" }, { name: "wait" }], weight: 30, count: 3 },
			{ frames: [{ name: "q" }, { name: hostile }], weight: 10 },
		],
	});
	const start = () => {
		const el = new FakeElement("div");
		(globalThis as { document?: unknown }).document = {
			createElement: (name: string) => new FakeElement(name),
			createElementNS: (_: string, name: string) => new FakeElement(name),
		};
		render({ model: JSON.parse(JSON.stringify(figure.interactive!.model)), el });
		const [svg, search, whole, status, line] = ["svg", "input", "button", "span", "p"].map(
			(n) => el.all(n)[0]!,
		);
		const frames = () => svg!.all("g");
		const named = (name: string) => frames().find((g) => g.children[0]!.textContent.startsWith(`${name}:`))!;
		const press = (key: string) =>
			svg!.listeners.keydown!({ key, preventDefault() {}, stopPropagation() {} });
		const find = (text: string) => {
			search!.value = text;
			search!.listeners.input!({});
		};
		const width = (name: string) => Number(named(name).all("rect")[0]!.attributes.width);
		return { svg: svg!, whole: whole!, status: status!, line: line!, frames, named, press, find, width };
	};

	it("never makes markup from names", () => {
		expect(source).not.toMatch(/innerHTML|outerHTML|insertAdjacent|document\.write|eval\(/);
		expect(source).not.toMatch(/<\/?script/);
	});

	it("enlarges by click and goes back by button", () => {
		const { svg, whole, frames, named, width } = start();
		expect(frames()).toHaveLength(6);
		expect(width("p")).toBe(899);
		expect(whole.disabled).toBe(true);
		svg.listeners.click!({ target: named("wait") });
		expect(frames().map((g) => g.children[0]!.textContent.split(":")[0])).toEqual(["p", "wait"]);
		expect(width("wait")).toBe(999);
		expect(whole.disabled).toBe(false);
		whole.listeners.click!({});
		expect(frames()).toHaveLength(6);
	});

	it("goes by keys and says where it is", () => {
		const { press, line, frames } = start();
		press("ArrowDown");
		expect(line.textContent).toBe("p: 90\u202fns, 90.0\u202f%, 4 times");
		press("ArrowDown");
		press("ArrowRight");
		expect(line.textContent).toBe("wait: 30\u202fns, 30.0\u202f%, 3 times");
		press("Enter");
		expect(frames()).toHaveLength(2);
		press("Escape");
		expect(frames()).toHaveLength(6);
		press("ArrowUp");
		expect(line.textContent).toMatch(/^p:/);
	});

	it("says what share the matches have, nested ones once", () => {
		const { find, status, frames } = start();
		find("READ");
		expect(status.textContent).toBe("60.0\u202f% of the time shown");
		expect(frames().filter((g) => g.attributes.class!.includes("found"))).toHaveLength(2);
		find("nothing");
		expect(status.textContent).toBe("0\u202f% of the time shown");
		find("");
		expect(status.textContent).toBe("");
	});
});
