/** The folder of notebooks that JupyterLab shows. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";
import { packageRoot } from "../../lib/schema/versions.ts";
import { writable } from "./environment.ts";

export interface Workspace {
	/** Folder that JupyterLab shows. */
	readonly root: string;
	/** The first notebook, relative to it. */
	readonly first: string;
	/** Notebooks that were copied now. */
	readonly copied: readonly string[];
}

const firstNotebook = "00-start-here.ipynb";

/**
 * In a checkout the project itself. An installed package is no place to work in (the next install replaces it, or it
 * is read-only): its notebooks are copied to powerki-notebooks in the current folder, or at home; those that are there
 * already are the user's and stay.
 */
export function workspace(cwd: string = process.cwd()): Workspace {
	const root = packageRoot();
	const own = join(root, "notebooks");
	if (existsSync(join(root, "powerki.ts")) && writable(own))
		return { root, first: `notebooks/${firstNotebook}`, copied: [] };
	const folder = join(writable(cwd) ? cwd : homedir(), "powerki-notebooks");
	const copied: string[] = [];
	try {
		mkdirSync(folder, { recursive: true });
		for (const name of readdirSync(own)) {
			if (!name.endsWith(".ipynb") || existsSync(join(folder, name))) continue;
			// A copy of the file would be as read-only as the package.
			writeFileSync(join(folder, name), readFileSync(join(own, name)));
			copied.push(name);
		}
	} catch (error) {
		throw new PowerkiError(
			exitCode.environment,
			`the notebooks cannot be copied to ${folder}: ${(error as Error).message}`,
			["start from a folder that you may write in"],
			{ cause: error },
		);
	}
	return { root: folder, first: firstNotebook, copied };
}
