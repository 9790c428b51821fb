/**
 * The kernelspec: how Jupyter starts the kernel (jupyter_client, docs/kernels.rst, "Kernel specs"). Its folder is
 * written by us, so that no Python is needed to install it.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";
import { packageRoot } from "../../lib/schema/versions.ts";
import { kernelName } from "../run/notebook.ts";

/** The program that the kernelspec starts. */
export function protocolProgram(): string {
	return join(packageRoot(), "dist", "kernel", "protocol.js");
}

/** Content of kernel.json. Absolute paths: Jupyter's PATH may lack this Node, and native modules want the same one. */
export function kernelspec(): Record<string, unknown> {
	return {
		argv: [process.execPath, protocolProgram(), "{connection_file}"],
		display_name: "powerki",
		language: "typescript",
		// A signal would go to the session process too, whatever it does.
		interrupt_mode: "message",
		env: {},
		metadata: { debugger: false },
	};
}

const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="12" fill="#17212b"/><rect x="10" y="14" width="44" height="9" fill="#3a86e6"/><rect x="10" y="27" width="15" height="6" fill="#ffb22b"/><rect x="29" y="27" width="25" height="9" fill="#3a86e6"/><rect x="10" y="41" width="28" height="4" fill="#fb632f"/><rect x="42" y="41" width="12" height="9" fill="#3a86e6"/></svg>
`;

/** Folder of the kernelspec below a folder of Jupyter's data path. */
export function specFolder(dataFolder: string): string {
	return join(dataFolder, "kernels", kernelName);
}

/**
 * Writes the kernelspec; one that is there is replaced.
 * @param dataFolder a folder of Jupyter's data path, such as PREFIX/share/jupyter
 * @returns its folder
 * @throws PowerkiError (environment) without permission
 */
export function writeKernelspec(dataFolder: string): string {
	const folder = specFolder(dataFolder);
	try {
		mkdirSync(folder, { recursive: true });
		writeFileSync(join(folder, "kernel.json"), `${JSON.stringify(kernelspec(), null, 1)}\n`);
		writeFileSync(join(folder, "logo-svg.svg"), logo);
	} catch (error) {
		throw new PowerkiError(
			exitCode.environment,
			`the kernel cannot be installed in ${folder}: ${(error as Error).message}`,
			["choose another place: --user, or --prefix DIR"],
			{ cause: error },
		);
	}
	return folder;
}

/** Removes the kernelspec. False if none is there. */
export function removeKernelspec(dataFolder: string): boolean {
	const folder = specFolder(dataFolder);
	if (!existsSync(join(folder, "kernel.json"))) return false;
	rmSync(folder, { recursive: true });
	return true;
}

export type InstalledSpec =
	| { readonly folder: string; readonly state: "current" }
	| { readonly folder: string; readonly state: "broken"; readonly why: string };

/** The kernelspec in a folder of the data path, and whether it starts this powerki; undefined if none is there. */
export function installedSpec(dataFolder: string): InstalledSpec | undefined {
	const folder = specFolder(dataFolder);
	const file = join(folder, "kernel.json");
	if (!existsSync(file)) return undefined;
	let argv: unknown;
	try {
		argv = (JSON.parse(readFileSync(file, "utf8")) as { argv?: unknown }).argv;
	} catch (error) {
		return { folder, state: "broken", why: `kernel.json is not JSON: ${(error as Error).message}` };
	}
	if (!Array.isArray(argv) || argv.length < 2)
		return { folder, state: "broken", why: "kernel.json has no argv" };
	for (const path of argv.slice(0, 2) as string[])
		if (!existsSync(path)) return { folder, state: "broken", why: `${path} does not exist` };
	if (argv[1] !== protocolProgram())
		return { folder, state: "broken", why: `it starts another powerki: ${argv[1]}` };
	return { folder, state: "current" };
}

/** Jupyter's data folder of the user (jupyter_core 5, paths.py, jupyter_data_dir). */
export function userDataFolder(
	env: NodeJS.ProcessEnv = process.env,
	platform: string = process.platform,
): string {
	if (env.JUPYTER_DATA_DIR) return env.JUPYTER_DATA_DIR;
	if (platform === "darwin") return join(homedir(), "Library", "Jupyter");
	return join(env.XDG_DATA_HOME || join(homedir(), ".local", "share"), "jupyter");
}

/** Jupyter's data folder below a prefix: an environment's sys.prefix, /usr/local, ... */
export function prefixDataFolder(prefix: string): string {
	return join(prefix, "share", "jupyter");
}
