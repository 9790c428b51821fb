import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The folder of powerki itself: the nearest one above `from` whose package.json has that name. The same from a
 * source file, a bundle and a chunk of a bundle, wherever the build puts them.
 */
export function ownRoot(from: string = import.meta.url): string {
	let folder = dirname(realpathSync(fileURLToPath(from)));
	for (;;) {
		const file = join(folder, "package.json");
		if (existsSync(file) && JSON.parse(readFileSync(file, "utf8")).name === "powerki") return folder;
		const parent = dirname(folder);
		if (parent === folder) throw new Error(`no package.json of powerki above ${fileURLToPath(from)}`);
		folder = parent;
	}
}

/** The program of the session process, as the build makes it. */
export function sessionProgram(): string {
	return join(ownRoot(), "dist", "kernel", "session.js");
}
