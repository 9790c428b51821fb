import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { dataDictionary } from "./data-dictionary.ts";

test("the data dictionary is the schema's (npm run docs writes it)", () => {
	expect(readFileSync(fileURLToPath(new URL("./data-dictionary.md", import.meta.url)), "utf8")).toBe(
		dataDictionary(),
	);
});
