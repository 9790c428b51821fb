import { defineConfig } from "vitest/config";

/** `.sql` files are modules whose default export is their text, as in the bundles (esbuild's loader "text"). */
const sqlAsText = {
	name: "sql-as-text",
	enforce: "pre" as const,
	transform(code: string, id: string) {
		if (!id.split("?")[0].endsWith(".sql")) return null;
		return { code: `export default ${JSON.stringify(code)};`, map: null };
	},
};

const roots = ["*.test.ts", "collector", "docs", "lib", "kernel", "notebooks", "test"];
const tests = (ending: string) => roots.map((r) => (r.includes(".") ? r : `${r}/**/*${ending}`));

export default defineConfig({
	plugins: [sqlAsText],
	test: {
		// A test may collect the trace that it reads: generous, since a busy machine is no failure.
		testTimeout: 120_000,
		hookTimeout: 120_000,
		projects: [
			{
				extends: true,
				test: {
					name: "fast",
					include: tests(".test.ts"),
					exclude: ["**/node_modules/**", "**/*.slow.test.ts"],
				},
			},
			{
				extends: true,
				test: { name: "slow", include: tests(".slow.test.ts"), testTimeout: 1_800_000, hookTimeout: 600_000 },
			},
		],
	},
});
