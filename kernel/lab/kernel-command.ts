/** `powerki kernel install` and `uninstall`. */
import { resolve } from "node:path";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";
import {
	prefixDataFolder,
	removeKernelspec,
	specFolder,
	userDataFolder,
	writeKernelspec,
} from "./kernelspec.ts";
import { findProgram, run } from "./process.ts";

/** Where: for the user (default), below a prefix, or in the active Python environment. */
export interface Place {
	readonly user?: boolean;
	readonly prefix?: string;
	readonly sysPrefix?: boolean;
}

/** @returns the exit code */
export async function install(place: Place): Promise<number> {
	const folder = writeKernelspec(await dataFolder(place));
	process.stderr.write(
		`installed ${folder}\n  choose "powerki" in JupyterLab's launcher; VS Code sees it after a reload\n`,
	);
	return exitCode.done;
}

/** @returns the exit code */
export async function uninstall(place: Place): Promise<number> {
	const data = await dataFolder(place);
	if (!removeKernelspec(data))
		throw new PowerkiError(exitCode.unreadable, `the kernel is not installed in ${specFolder(data)}`, [
			"name the place where it is: --user, --prefix DIR, --sys-prefix",
		]);
	process.stderr.write(`removed ${specFolder(data)}\n`);
	return exitCode.done;
}

async function dataFolder(place: Place): Promise<string> {
	const given = [place.user, place.prefix, place.sysPrefix].filter((p) => p !== undefined && p !== false);
	if (given.length > 1)
		throw new PowerkiError(exitCode.usage, "name one place: --user, --prefix DIR or --sys-prefix", []);
	if (place.prefix !== undefined) return prefixDataFolder(resolve(place.prefix));
	if (place.sysPrefix) return prefixDataFolder(await sysPrefix());
	return userDataFolder();
}

async function sysPrefix(): Promise<string> {
	const python = findProgram("python3") ?? findProgram("python");
	if (python === undefined)
		throw new PowerkiError(
			exitCode.environment,
			"there is no python3 in PATH, so no environment to install into",
			["use --user, or --prefix DIR"],
		);
	const said = await run(python, ["-c", "import sys; print(sys.prefix)"], { timeout: 30_000 });
	if (said.code !== 0)
		throw new PowerkiError(
			exitCode.environment,
			`${python} does not run`,
			said.stderr.trim().split("\n").slice(-2),
		);
	return said.stdout.trim();
}
