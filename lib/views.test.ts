import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "./dataset/dataset.ts";
import { makeDataset } from "./dataset/fixture.ts";
import { lintSql } from "./dataset/lint.ts";
import { openDataset, topicViews } from "./index.ts";
import { catalog } from "./schema/catalog.ts";

let root: string;
let ds: Dataset;
beforeAll(async () => {
	root = await makeDataset([]);
	ds = await openDataset(root);
});
afterAll(() => {
	ds.close();
	rmSync(root, { recursive: true });
});

/** Types that Trino, Arrow and Arquero share with DuckDB. */
const sharedTypes = new Set([
	"BIGINT",
	"INTEGER",
	"DOUBLE",
	"BOOLEAN",
	"VARCHAR",
	"DATE",
	"BIGINT[]",
	"INTEGER[]",
	"VARCHAR[]",
]);

describe.each(topicViews.map((v) => [v.name, v] as const))("view %s", (name, view) => {
	it("documents exactly its columns, in order, with shared types", async () => {
		const described = (await ds.query(`DESCRIBE ${name}`)).rows();
		expect(view.columns.map((c) => c.name)).toEqual(described.map((d) => d.column_name));
		for (const d of described) expect(sharedTypes, `${name}.${d.column_name}`).toContain(d.column_type);
	});
	it("is in the SQL that DuckDB and Trino share", () => {
		expect(lintSql(view.select)).toEqual([]);
	});
	it("has no name of a table", () => {
		expect(catalog.has(name)).toBe(false);
	});
	it("keeps traces apart: trace is its first column", () => {
		if (view.columns.some((c) => c.name === "trace")) expect(view.columns[0].name).toBe("trace");
		else expect(name).toBe("wait_plumbing");
	});
	it("gives a column that the schema declares the unit of the schema", () => {
		const units = new Map<string, Set<string>>();
		for (const table of catalog.values())
			for (const [column, { unit }] of Object.entries(table.columns))
				units.set(column, (units.get(column) ?? new Set()).add(unit ?? ""));
		for (const c of view.columns) {
			const declared = units.get(c.name);
			if (declared !== undefined && !declared.has("")) expect(declared, c.name).toContain(c.unit ?? "");
		}
	});
});
