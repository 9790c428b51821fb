import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { exitCode, PowerkiError } from "../schema/errors.ts";
import { TRACES_DIRECTORY } from "../schema/layout.ts";
import { type Manifest, parseManifest } from "../schema/manifest.ts";

/**
 * The folder of a dataset: the given one; else the nearest that has `_traces`, from the working directory
 * upwards; else `$POWERKI_DATASET`. Absolute.
 * @throws PowerkiError (unreadable, or usage where none was named and none is found)
 */
export function findDataset(
	path?: string,
	cwd: string = process.cwd(),
	env: NodeJS.ProcessEnv = process.env,
): string {
	if (path !== undefined) return checked(resolve(cwd, path), "");
	for (let dir = resolve(cwd); ; dir = dirname(dir)) {
		if (isDataset(dir)) return dir;
		if (dir === dirname(dir)) break;
	}
	const named = env.POWERKI_DATASET;
	if (named !== undefined && named !== "") return checked(resolve(cwd, named), " ($POWERKI_DATASET)");
	throw new PowerkiError(exitCode.usage, "no dataset given", [
		`neither ${resolve(cwd)} nor a folder above it holds a dataset, and $POWERKI_DATASET is not set`,
		"name one (--dataset DIR), or make one: powerki collect TRACE --out DIR",
	]);
}

function isDataset(dir: string): boolean {
	return existsSync(join(dir, TRACES_DIRECTORY));
}

function checked(dir: string, from: string): string {
	if (isDataset(dir)) return dir;
	const stat = statSync(dir, { throwIfNoEntry: false });
	const why =
		stat === undefined
			? "it does not exist"
			: stat.isDirectory()
				? `it has no folder ${TRACES_DIRECTORY}`
				: "it is a file; a trace becomes a dataset by: powerki collect TRACE --out DIR";
	throw new PowerkiError(exitCode.unreadable, `no dataset at ${dir}${from}`, [why]);
}

/**
 * The manifests of a dataset, ordered by date, host and start, unknown ones last.
 * @throws PowerkiError (unreadable) if one cannot be read
 */
export function readManifests(root: string): Manifest[] {
	const dir = join(root, TRACES_DIRECTORY);
	const manifests: Manifest[] = [];
	for (const name of readdirSync(dir)) {
		// A dot-name is a manifest that is being written.
		if (!name.endsWith(".json") || name.startsWith(".")) continue;
		const path = join(dir, name);
		const manifest = parseManifest(readFileSync(path, "utf8"), path);
		if (`${manifest.trace}.json` !== name)
			throw new PowerkiError(exitCode.unreadable, `${path} is the manifest of another trace`, [
				`it names trace ${manifest.trace}`,
			]);
		manifests.push(manifest);
	}
	const key = (m: Manifest) =>
		[m.date ?? "~", m.host ?? "~", String(m.window?.start ?? "~").padStart(20, "0"), m.trace].join(" ");
	return manifests.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
