import { describe, expect, it } from "vitest";
import { SqlResult } from "../dataset/result.ts";
import { exampleReport, hostileNames } from "./example-report.ts";
import { renderReport, renderSql } from "./notebook.ts";

const html = async (
	bundle: ReturnType<typeof renderSql> | ReturnType<typeof renderReport>,
): Promise<string> => (await bundle)["text/html"] as string;

describe("a result in a notebook", () => {
	const result = new SqlResult(
		[
			{ name: "comm", type: "VARCHAR" },
			{ name: "n", type: "BIGINT" },
		],
		2,
		false,
		[["$a$ <b>", null], BigInt64Array.from([12_345n, 1n])],
	);
	it("is a table that reads without style, and text", async () => {
		const bundle = renderSql(result);
		expect((bundle["text/html"] as string).replaceAll("\u202f", "_")).toMatchInlineSnapshot(`
			"<div class="powerki-result mathjax_ignore tex2jax_ignore" style="overflow-x:auto"><table><caption style="text-align:left">2 rows</caption>
			<thead><tr><th scope="col" style="text-align:left">comm<br><small style="font-weight:normal">VARCHAR</small></th><th scope="col" style="text-align:right">n<br><small style="font-weight:normal">BIGINT</small></th></tr></thead>
			<tbody>
			<tr><td style="text-align:left"><span>$</span>a<span>$</span> &lt;b&gt;</td><td style="text-align:right">12_345</td></tr>
			<tr><td style="text-align:left;opacity:.6">NULL</td><td style="text-align:right">1</td></tr>
			</tbody></table></div>"
		`);
		expect(bundle["text/plain"]).toMatch(/^┌─[\s\S]*─┘$/);
	});
	it("shows fifty rows and says of how many", async () => {
		const many = (truncated: boolean) =>
			new SqlResult([{ name: "n", type: "INTEGER" }], 12_000, truncated, [new Int32Array(12_000)]);
		expect((await html(renderSql(many(false)))).match(/<td/g)).toHaveLength(50);
		expect(await html(renderSql(many(false)))).toContain("50 of 12\u202f000 rows");
		expect(await html(renderSql(many(true)))).toContain("50 of 12\u202f000 or more rows");
	});
	it.each(hostileNames)("shows %s as text", async (name) => {
		const column = { name, type: "VARCHAR" };
		const markup = await html(renderSql(new SqlResult([column], 1, false, [[name]])));
		expect(markup).not.toMatch(/<(script|img|style|a)\b/);
		expect(markup.match(/<[a-z][^>]*>/g)!.join("")).not.toMatch(/onerror|onmouseover|javascript/);
	});
});

describe("a report in a notebook", () => {
	it("has the words of the terminal beside its markup", async () => {
		const bundle = await renderReport(exampleReport);
		expect(bundle["text/plain"]).toContain("Record them: powerki record --events block");
		expect(bundle["text/html"]).toContain("Record them:");
		expect(bundle["text/html"]).not.toContain("<script>alert");
		expect(bundle["text/html"]).not.toContain("<img src=x");
	});
});
