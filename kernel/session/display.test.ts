import { table } from "arquero";
import { expect, test } from "vitest";
import { SqlResult } from "../../lib/dataset/result.ts";
import { displaySymbol } from "../../lib/schema/mime.ts";
import { givenBundle, toBundle } from "./display.ts";
import { maxFormBytes, maxTextLength } from "./limits.ts";

test.each([
	[42, "42"],
	["text", "'text'"],
	[{ a: 1n, b: [undefined, null] }, "{ a: 1n, b: [ undefined, null ] }"],
])("%o is shown as text", async (value, text) => {
	expect(await toBundle(value)).toEqual({ "text/plain": text });
});

test("a value's own form comes first, also when it is made later", async () => {
	const value = {
		[displaySymbol]: async () => ({ "text/plain": "p", "application/json": { n: 1n, big: 2n ** 63n } }),
	};
	expect(await toBundle(value)).toEqual({
		"text/plain": "p",
		"application/json": { n: 1, big: "9223372036854775808" },
	});
});

test("a query result is a table, names from the trace escaped", async () => {
	const result = new SqlResult([{ name: "name", type: "VARCHAR" }], 1, false, [
		["<img src=x onerror=alert(1)>"],
	]);
	const bundle = await toBundle(result);
	expect(bundle["text/html"]).toContain("&lt;img");
	expect(bundle["text/html"]).not.toContain("<img");
	expect(bundle["text/plain"]).toContain("<img");
});

test("an arquero table shows 50 rows, in its order, and says how many there are", async () => {
	const rows = table({ n: Array.from({ length: 1234 }, (_, i) => i) }).filter(
		(d: { n: number }) => d.n % 2 === 0,
	);
	const text = (await toBundle(rows))["text/plain"].split("\n");
	expect(text).toHaveLength(52);
	expect(text[2].trim()).toBe("2");
	expect(text[51]).toBe("50 of 617 rows");
});

test("what is too large is cut or left out, and said", async () => {
	const text = await toBundle("x".repeat(maxTextLength + 100));
	expect(text["text/plain"].length).toBeLessThan(maxTextLength + 200);
	const form = givenBundle({ "text/html": "x".repeat(maxFormBytes + 1), "text/plain": "small" });
	expect(form["text/html"]).toBeUndefined();
	expect(form["text/plain"]).toMatch(/^small\n\[text\/html left out: 8\.0 MB/);
});

test("bytes are base64", () => {
	expect(givenBundle({ "image/png": new Uint8Array([1, 2, 3]) })).toEqual({
		"text/plain": "<image/png>",
		"image/png": "AQID",
	});
});

test("rows of plain values are a table; other lists are text", async () => {
	expect(
		(
			await toBundle([
				{ tid: 1, name: "a" },
				{ tid: 20, name: null },
			])
		)["text/plain"],
	).toBe("tid  name\n  1  a\n 20\n2 rows");
	expect(await toBundle([{ tid: 1, list: [] }])).toEqual({ "text/plain": "[ { tid: 1, list: [] } ]" });
	expect(await toBundle([])).toEqual({ "text/plain": "[]" });
});

test("what was not recorded says so, and how to get it", async () => {
	const answer = {
		kind: "not-recorded",
		what: "Disk I/O",
		cause: "recording",
		events: ["block_rq_issue"],
		certain: true,
		remedy: "trace-cmd record -e block",
	};
	expect(await toBundle(answer)).toEqual({
		"text/plain":
			"Disk I/O: not recorded (block_rq_issue was not switched on).\nTo get it: trace-cmd record -e block",
	});
});
