import { existsSync } from "node:fs";
import Module from "node:module";
import { dirname, join, sep } from "node:path";

/**
 * Where cells find modules. A notebook lies anywhere, often outside of every package: what its own folders do
 * not have comes from powerki's installation (powerki itself, arquero, danfojs-node, duckdb, vega, tslab ...),
 * for running (Node's resolution) as for types (TypeScript's file system).
 */

/** Packages that powerki brings inside itself (build.mjs): danfojs-node. */
const VENDOR = join("dist", "vendor");

/** Package of a bare specifier: `a/b` -> `a`, `@s/a/b` -> `@s/a`; undefined for relative, absolute and node: ones. */
export function packageName(specifier: string): string | undefined {
	const match = /^(@[\w.~-]+\/[\w.~-]+|[\w~-][\w.~-]*)(?:\/|$)/.exec(specifier);
	return match?.[1];
}

/** Whether a folder `node_modules/<name>` stands in `folder` or above it. */
function installedAbove(folder: string, name: string): boolean {
	for (let at = folder; ; at = dirname(at)) {
		if (existsSync(join(at, "node_modules", name))) return true;
		if (dirname(at) === at) return false;
	}
}

/** Where powerki's own installation has the package: npm may put it beside powerki or below it. */
function ownFolder(root: string, name: string): string | undefined {
	if (name === "powerki") return root;
	const vendored = join(root, VENDOR, name);
	if (existsSync(vendored)) return vendored;
	for (let at = root; ; at = dirname(at)) {
		const folder = join(at, "node_modules", name);
		if (existsSync(folder)) return folder;
		if (dirname(at) === at) return undefined;
	}
}

/**
 * Redirects paths below `cwd/node_modules/<package>` to powerki's installation for packages that the notebook's
 * folders do not have. `powerki` always is the running one: two copies would not share their datasets.
 */
export function modulePaths(cwd: string, root: string): (path: string) => string {
	const base = `${join(cwd, "node_modules")}${sep}`;
	const known = new Map<string, string | undefined>();
	const target = (name: string): string | undefined => {
		if (!known.has(name)) {
			const own = name === "powerki" || !installedAbove(cwd, name);
			known.set(name, own ? ownFolder(root, name) : undefined);
		}
		return known.get(name);
	};
	return (path) => {
		if (!path.startsWith(base)) return path;
		const rest = path.slice(base.length);
		const name = rest.startsWith("@") && !rest.includes("/") ? rest : packageName(rest);
		if (name === undefined) return path;
		const folder = target(name);
		return folder === undefined ? path : join(folder, rest.slice(name.length));
	};
}

interface NodeModule {
	_resolveFilename(request: string, parent: unknown, ...rest: unknown[]): string;
}

/** Lets `require` and `import` in cells fall back to powerki's own installation. */
export function installModuleFallback(root: string): void {
	const node = Module as unknown as NodeModule;
	const resolve = node._resolveFilename;
	// A parent as Node wants one: only its name and its search folders are read.
	const file = join(root, "package.json");
	const own = { id: file, filename: file, paths: [join(root, VENDOR), ...nodeModulesAbove(root)] };
	node._resolveFilename = function (request, parent, ...rest) {
		const name = packageName(request);
		if (name === "powerki") return resolve.call(this, request, own);
		try {
			return resolve.call(this, request, parent, ...rest);
		} catch (error) {
			if (name === undefined) throw error;
			try {
				return resolve.call(this, request, own);
			} catch {
				throw error;
			}
		}
	};
}

function nodeModulesAbove(folder: string): string[] {
	const paths: string[] = [];
	for (let at = folder; ; at = dirname(at)) {
		paths.push(join(at, "node_modules"));
		if (dirname(at) === at) return paths;
	}
}
