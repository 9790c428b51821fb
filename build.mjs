/**
 * Builds dist/: the command line, the library, and the processes and threads they start. Node 20 runs no TypeScript,
 * so `npm ci` calls this (script prepare). Declarations for notebook cells come from the TypeScript compiler.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL(".", import.meta.url));
rmSync(`${root}dist`, { recursive: true, force: true });

await build({
	absWorkingDir: root,
	entryPoints: {
		powerki: "powerki.ts",
		lib: "lib/index.ts",
		"collector-worker": "collector/worker.ts",
		"collector-hash-worker": "collector/hash-worker.ts",
		"kernel/protocol": "kernel/protocol/main.ts",
		"kernel/session": "kernel/session/main.ts",
	},
	outdir: "dist",
	bundle: true,
	splitting: true,
	format: "esm",
	platform: "node",
	target: "node20",
	packages: "external",
	loader: { ".sql": "text" },
	chunkNames: "chunks/[name]-[hash]",
	sourcemap: true,
	logLevel: "warning",
});
chmodSync(`${root}dist/powerki.js`, 0o755);

// danfojs-node asks for packages that only this checkout's overrides make installable (see package.json), so that an
// installed powerki brings it as one file, with its declarations, as a package of its own below dist/vendor.
const danfo = "node_modules/danfojs-node";
const vendor = `${root}dist/vendor/danfojs-node`;
const original = JSON.parse(readFileSync(`${root}${danfo}/package.json`, "utf8"));
await build({
	absWorkingDir: root,
	entryPoints: ["danfojs-node"],
	outfile: `${vendor}/index.js`,
	bundle: true,
	format: "cjs",
	platform: "node",
	target: "node20",
	minify: true,
	legalComments: "inline",
	external: ["plotly.js-dist-min"],
	logLevel: "error",
});
cpSync(`${root}${danfo}`, vendor, {
	recursive: true,
	filter: (file) => statSync(file).isDirectory() || file.endsWith(".d.ts") || /LICENSE/i.test(file),
});
writeFileSync(
	`${vendor}/package.json`,
	`${JSON.stringify({ name: "danfojs-node", version: original.version, license: original.license, main: "index.js", types: original.types }, null, "\t")}\n`,
);

const tsc = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.types.json"], {
	cwd: root,
	stdio: "inherit",
});
if (tsc.status !== 0) process.exit(1);
