import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { modulePaths, packageName } from "./modules.ts";

const folder = mkdtempSync(join(tmpdir(), "powerki-modules-"));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
	["arquero", "arquero"],
	["tslab/dist/jupyter", "tslab"],
	["@duckdb/node-bindings/x.js", "@duckdb/node-bindings"],
	["./local", undefined],
	["/absolute", undefined],
	["node:fs", undefined],
])("package of %j is %j", (specifier, name) => {
	expect(packageName(specifier)).toBe(name);
});

test("packages that the notebook's folders have stay theirs, others are powerki's, powerki always is", () => {
	const root = join(folder, "installation");
	const cwd = join(folder, "work", "notebooks");
	for (const path of [
		join(root, "node_modules", "arquero"),
		join(root, "node_modules", "vega"),
		join(folder, "work", "node_modules", "vega"),
		cwd,
	])
		mkdirSync(path, { recursive: true });
	const redirect = modulePaths(cwd, root);
	const here = (rest: string) => join(cwd, "node_modules", rest);
	expect(redirect(here("arquero/package.json"))).toBe(join(root, "node_modules", "arquero", "package.json"));
	expect(redirect(here("vega/package.json"))).toBe(here("vega/package.json"));
	expect(redirect(here("powerki/package.json"))).toBe(join(root, "package.json"));
	expect(redirect(here("unknown/x"))).toBe(here("unknown/x"));
	expect(redirect("/elsewhere/file.ts")).toBe("/elsewhere/file.ts");
});
