/**
 * Builds dist/: the command line, the library, and the processes and threads they start. Node 20 runs no TypeScript,
 * so `npm ci` calls this (script prepare). Declarations for notebook cells come from the TypeScript compiler.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";
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

const tsc = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.types.json"], { cwd: root, stdio: "inherit" });
if (tsc.status !== 0) process.exit(1);
