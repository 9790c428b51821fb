import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

let known: Readonly<Record<string, string>> | null = null;

/** The folder that holds powerki's package.json, wherever this file was bundled to. */
export function packageRoot(): string {
	for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
		const file = join(folder, "package.json");
		if (existsSync(file) && (JSON.parse(readFileSync(file, "utf8")) as { name?: string }).name === "powerki")
			return folder;
		if (folder === dirname(folder)) throw new Error("powerki's package.json is missing");
	}
}

/** Program to version: what wrote a dataset or a report. */
export function versions(): Readonly<Record<string, string>> {
	if (!known) {
		const own = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as {
			version: string;
			dependencies: Record<string, string>;
		};
		known = { powerki: own.version, duckdb: own.dependencies["@duckdb/node-bindings"]! };
	}
	return known;
}
