import { describe, expect, it } from "vitest";
import { type FlameGraphModel, flameGraph, type WeightedStack } from "./flame-graph.ts";

const words = { title: "t", subtitle: "s", alt: "a" };
const graph = (stacks: readonly WeightedStack[], unit = "ns") => flameGraph({ ...words, stacks, unit });
const modelOf = (stacks: readonly WeightedStack[], unit = "ns") =>
	graph(stacks, unit).interactive!.model as FlameGraphModel;
const stack = (names: string, weight: number): WeightedStack => ({
	frames: names.split(" ").map((name) => ({ name })),
	weight,
});

/** In every frame the children lie inside it, side by side, and are not more than it. */
function checkNesting({ frames, total }: FlameGraphModel): void {
	const end = new Map<number, number>();
	const rows = new Map<number, number>();
	for (const [i, frame] of frames.entries()) {
		const parent = frames[frame.parent];
		expect(frame.depth).toBe(parent ? parent.depth + 1 : 0);
		expect(frame.start).toBeGreaterThanOrEqual((end.get(frame.parent) ?? parent?.start ?? 0) - 1e-6);
		expect(frame.start + frame.weight).toBeLessThanOrEqual(
			(parent ? parent.start + parent.weight : total) + 1e-6,
		);
		end.set(frame.parent, frame.start + frame.weight);
		rows.set(frame.parent, (rows.get(frame.parent) ?? 0) + frame.weight);
		expect(frame.parent).toBeLessThan(i);
	}
	expect(rows.get(-1)).toBeCloseTo(total, 6);
}

describe("flameGraph", () => {
	it("adds up equal stacks, siblings by name, root first", () => {
		const model = modelOf([stack("p b c", 3), stack("p a", 2), stack("p b c", 4), stack("p b", 1)]);
		expect(model.total).toBe(10);
		expect(model.frames.map((f) => [f.name, f.depth, f.start, f.weight, f.count])).toEqual([
			["p", 0, 0, 10, 4],
			["a", 1, 0, 2, 1],
			["b", 1, 2, 8, 3],
			["c", 2, 2, 7, 2],
		]);
		checkNesting(model);
	});

	it("keeps one name of two kinds apart, and recursion as it is", () => {
		const model = modelOf([
			{
				frames: [
					{ name: "read", kind: "user" },
					{ name: "read", kind: "kernel" },
				],
				weight: 1,
			},
			{ frames: [{ name: "read", kind: "kernel" }], weight: 2 },
		]);
		expect(model.frames.map((f) => [f.kind, f.depth, f.weight])).toEqual([
			["kernel", 0, 2],
			["user", 0, 1],
			["kernel", 1, 1],
		]);
	});

	it("does not leave out what has no stack", async () => {
		const figure = graph([{ frames: [], weight: 5 }, stack("p", 5)]);
		expect(figure.text(80)).toMatch(/50\.0.% {2}\[no stack: none was recorded\]/);
		expect(await figure.svg()).toContain("s-hatch");
		expect((figure.interactive!.model as FlameGraphModel).total).toBe(10);
	});

	it("stays below 5000 rectangles and 1 MB, and the sums stay", async () => {
		const stacks = Array.from({ length: 20_000 }, (_, i) =>
			stack(`p${i % 7} f${i % 400} g${i}`, 1 + (i % 13)),
		);
		const figure = graph(stacks);
		const model = figure.interactive!.model as FlameGraphModel;
		expect(model.total).toBe(stacks.reduce((sum, s) => sum + s.weight, 0));
		checkNesting(model);
		expect(model.frames.length).toBeLessThan(5000);
		const merged = model.frames.filter((f) => f.kind === "merged");
		expect(merged.length).toBeGreaterThan(0);
		// Children and the box for the small ones make up what is below a frame.
		model.frames.forEach((f, i) => {
			const below = model.frames.filter((c) => c.parent === i);
			if (f.depth === 0) expect(below.reduce((s, c) => s + c.weight, 0)).toBeCloseTo(f.weight, 6);
		});
		const svg = await figure.svg();
		expect(svg.match(/<rect/g)!.length).toBeLessThan(5000);
		expect(svg.length + JSON.stringify(model).length).toBeLessThan(1_000_000);
	});

	it("is the same for stacks in another order", async () => {
		const stacks = [stack("p b c", 3), stack("p a", 2), stack("q x y z", 4)];
		expect(await graph(stacks).svg()).toBe(await graph([...stacks].reverse()).svg());
	});

	it("shows hostile names as text", async () => {
		const name = `<script>alert(1)</script>]]>"'&\u0000\u001b[31m\u202e`;
		const figure = graph([{ frames: [{ name, kind: "lock" }], weight: 1e9 }]);
		const svg = await figure.svg();
		expect(svg).not.toContain("<script");
		expect(svg).toContain("&lt;script&gt;alert(1)&lt;/script&gt;]]&gt;&quot;&#39;&amp;\\x00\\x1b[31m\\u202e");
		expect(svg + figure.text(200)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u202e]/);
		expect(figure.text(200)).toContain(`<script>alert(1)</script>]]>"'&\\x00`);
	});

	it("fits the terminal, with wide names too", () => {
		const text = graph([stack("进程进程进程进程进程进程进程进程 线程", 10)]).text(40);
		expect(text).toContain("…");
		expect(text.split("\n")[1]).toMatch(/ 线程$/);
	});

	it("keeps the tail of names that begin alike", async () => {
		const names = [
			"a_function_with_a_long_name_1",
			"a_function_with_a_long_name_2",
			"one_that_is_unlike_the_others",
		];
		const svg = await flameGraph({
			...words,
			unit: "ns",
			width: 300,
			stacks: names.map((n) => stack(n, 1)),
		}).svg();
		const labels = [...svg.matchAll(/<text [^>]*>([^<]*)</g)].map((m) => m[1]);
		expect(labels).toEqual(["…_long_name_1", "…_long_name_2", "one_that_is_…"]);
	});

	it("counts samples", () => {
		expect(modelOf([stack("p a", 3), stack("p b", 4)], "samples").frames[0]).toMatchObject({
			weight: 7,
			count: 7,
		});
		expect(graph([stack("p a", 3)], "samples").text(80)).toMatch(/^3 {2}100.% {2}p/);
	});
	it("weighs what an event counts, and tells how many samples that were", async () => {
		const figure = flameGraph({
			stacks: [{ frames: [{ name: "p" }], weight: 12_345, count: 3 }],
			unit: "cycles",
			counted: "samples",
			title: "t",
			subtitle: "s",
			alt: "a",
		});
		expect((await figure.svg()).replaceAll("\u202f", " ")).toContain("p: 12 345 cycles, 100 %, 3 samples");
	});

	it("refuses what it cannot draw", () => {
		expect(() => graph([])).toThrow(RangeError);
		expect(() => graph([stack("p", 0)])).toThrow("show a notice");
		expect(() => graph([stack("p", -1)])).toThrow(RangeError);
		expect(() => graph([stack("p", Number.NaN)])).toThrow(RangeError);
	});
});
