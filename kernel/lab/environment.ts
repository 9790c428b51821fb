/**
 * JupyterLab: the user's own where there is one, else one in a Python environment that belongs to powerki and is made
 * once, with a fixed version.
 */
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { exitCode, Interrupted, PowerkiError } from "../../lib/schema/errors.ts";
import { packageRoot } from "../../lib/schema/versions.ts";
import { cacheFolder } from "../run/dataset.ts";
import { installPython } from "./distribution.ts";
import { findProgram, run } from "./process.ts";

/** The JupyterLab of powerki's own environment: the one that the notebooks are tested with. */
export const labVersion = "4.6.6";

export interface Lab {
	/** The program jupyter-lab. */
	readonly program: string;
	readonly version: string;
	/** Folder of powerki's own environment; undefined for the user's JupyterLab. */
	readonly own: string | undefined;
}

/** Written when the making begins, and again when it is complete. */
interface Marker {
	readonly jupyterlab: string;
	readonly complete: boolean;
	readonly pid: number;
}

const markerName = "powerki.json";

/**
 * A JupyterLab that exists: of the active environment ($VIRTUAL_ENV), powerki's own, or of PATH; at least version 4.
 * Looking costs a start of Python for the user's own ones.
 */
export async function findLab(signal?: AbortSignal): Promise<Lab | undefined> {
	const active = process.env.VIRTUAL_ENV;
	const inActive = active
		? await labAt(findProgram("jupyter-lab", [join(active, "bin")]), signal)
		: undefined;
	if (inActive !== undefined) return inActive;
	const own = ownFolders().find((folder) => readMarker(folder)?.complete && usable(folder));
	if (own !== undefined) return { program: labProgram(own), version: readMarker(own)!.jupyterlab, own };
	return labAt(findProgram("jupyter-lab"), signal);
}

async function labAt(program: string | undefined, signal: AbortSignal | undefined): Promise<Lab | undefined> {
	if (program === undefined) return undefined;
	const said = await run(program, ["--version"], { timeout: 30_000, ...(signal ? { signal } : {}) });
	const version = /^(\d+)\.\S+/m.exec(said.stdout.trim());
	return said.code === 0 && version !== null && Number(version[1]) >= 4
		? { program, version: version[0], own: undefined }
		: undefined;
}

export type Python =
	| { readonly state: "ok"; readonly program: string; readonly version: string }
	| { readonly state: "missing" | "old" | "no-venv"; readonly why: string };

/** Python as JupyterLab 4.6 wants it: 3.10 or later, with the modules that make environments. */
export async function findPython(signal?: AbortSignal): Promise<Python> {
	const check = `import sys; print(".".join(map(str, sys.version_info[:3]))); import venv, ensurepip`;
	let found: Python = { state: "missing", why: "there is no python3 in PATH" };
	for (const name of ["python3", "python"]) {
		const program = findProgram(name);
		if (program === undefined) continue;
		const said = await run(program, ["-c", check], { timeout: 30_000, ...(signal ? { signal } : {}) });
		const version = /^(\d+)\.(\d+)\.\d+$/m.exec(said.stdout);
		if (version === null || Number(version[1]) < 3) continue;
		if (Number(version[2]) < 10) {
			found = { state: "old", why: `${program} is ${version[0]}, JupyterLab needs 3.10 or later` };
			continue;
		}
		if (said.code === 0) return { state: "ok", program, version: version[0] };
		// Debian keeps it in a package of its own.
		const module = /No module named '(\w+)'/.exec(said.stderr)?.[1] ?? "venv";
		found = { state: "no-venv", why: `${program} (${version[0]}) has no module ${module}` };
	}
	return found;
}

/** What to do without a fitting Python. */
export function pythonRemedy(): string[] {
	return [
		"JupyterLab needs Python 3.10 or later with its venv module; install it and start again:",
		...installPython().map((command) => `  ${command}`),
		"without it you have: powerki collect, sql, report, notebook run, publish",
	];
}

/**
 * Makes powerki's own environment.
 * @throws PowerkiError (environment) that says what is missing; Interrupted, with nothing left behind
 */
export async function makeLab(signal: AbortSignal | undefined, say: (text: string) => void): Promise<Lab> {
	const python = await findPython(signal);
	if (python.state !== "ok")
		throw new PowerkiError(exitCode.environment, `no Python for JupyterLab: ${python.why}`, pythonRemedy());
	const folder = placeToMake();
	const marker = (complete: boolean) =>
		writeFileSync(
			join(folder, markerName),
			`${JSON.stringify({ jupyterlab: labVersion, complete, pid: process.pid } satisfies Marker)}\n`,
		);
	say(`preparing JupyterLab ${labVersion} in ${folder} (once; downloads about 60 MB, takes 250 MB)`);
	try {
		rmSync(folder, { recursive: true, force: true });
		mkdirSync(folder, { recursive: true });
		marker(false);
	} catch (error) {
		throw new PowerkiError(exitCode.environment, `${folder} cannot be made: ${(error as Error).message}`, []);
	}
	const stop = signal ? { signal } : {};
	try {
		const venv = await run(python.program, ["-m", "venv", folder], stop);
		if (venv.code !== 0)
			throw new PowerkiError(exitCode.environment, "python cannot make an environment", [
				...lastLines(venv.stderr || venv.stdout, 3),
				...pythonRemedy(),
			]);
		const pip = await run(
			join(folder, "bin", "python"),
			[
				"-m",
				"pip",
				"install",
				"--quiet",
				"--disable-pip-version-check",
				"--no-input",
				`jupyterlab==${labVersion}`,
			],
			stop,
		);
		if (pip.code !== 0) throw pipFailed(pip.stderr || pip.stdout);
		marker(true);
	} catch (error) {
		rmSync(folder, { recursive: true, force: true });
		if (error instanceof Interrupted)
			throw new Interrupted(["the unfinished Python environment was removed"]);
		throw error;
	}
	return { program: labProgram(folder), version: labVersion, own: folder };
}

/** Why pip failed, by what it printed. */
const pipReasons: readonly (readonly [RegExp, string])[] = [
	[/No space left on device/i, "the disk is full"],
	[
		/name resolution|Name or service not known|getaddrinfo|NameResolution/i,
		"no network: the name of the package index is not resolved",
	],
	[
		/Connection refused|Network is unreachable|No route to host/i,
		"no network: the package index does not answer",
	],
	[/timed out|Timeout/i, "the package index did not answer in time"],
	[/ProxyError|407 Proxy/i, "the proxy refuses the connection"],
	[/CERTIFICATE_VERIFY_FAILED|SSLError/i, "the certificate of the package index is not trusted"],
	[
		/No matching distribution|Could not find a version/i,
		`the package index has no jupyterlab ${labVersion} for this Python`,
	],
];

export function pipFailed(output: string): PowerkiError {
	const reason = pipReasons.find(([pattern]) => pattern.test(output))?.[1] ?? "pip failed";
	return new PowerkiError(exitCode.environment, `JupyterLab cannot be installed: ${reason}`, [
		...lastLines(output, 2),
		"nothing was left behind; start again when the cause is gone",
		"offline: install JupyterLab 4 where there is a network, and start with it in PATH or $VIRTUAL_ENV",
		"without it you have: powerki collect, sql, report, notebook run, publish",
	]);
}

function lastLines(text: string, n: number): string[] {
	return text
		.trim()
		.split("\n")
		.slice(-n)
		.map((line) => (line.length > 200 ? `${line.slice(0, 199)}…` : line));
}

/** Where powerki's own environment can be: in the checkout, or in the cache. */
function ownFolders(): string[] {
	return [join(packageRoot(), ".venv"), join(cacheFolder(), `jupyterlab-${labVersion}`)];
}

/** The first place that may be written and holds nothing of somebody else's. */
function placeToMake(): string {
	const [inCheckout, inCache] = ownFolders() as [string, string];
	// A package that npm installed is replaced by the next install: nothing lasting goes there.
	const checkout = existsSync(join(packageRoot(), "powerki.ts"));
	const folder = checkout && writable(dirname(inCheckout)) && ours(inCheckout) ? inCheckout : inCache;
	const marker = readMarker(folder);
	if (marker !== undefined && !marker.complete && marker.pid !== process.pid && alive(marker.pid))
		throw new PowerkiError(exitCode.environment, `another powerki prepares JupyterLab in ${folder}`, [
			"wait until it is done, then start again",
		]);
	return folder;
}

function ours(folder: string): boolean {
	return !existsSync(folder) || readMarker(folder) !== undefined;
}

function readMarker(folder: string): Marker | undefined {
	try {
		return JSON.parse(readFileSync(join(folder, markerName), "utf8")) as Marker;
	} catch {
		return undefined;
	}
}

/** Of the version that is wanted, and its Python is still there: a system upgrade takes it away. */
function usable(folder: string): boolean {
	return (
		readMarker(folder)!.jupyterlab === labVersion &&
		existsSync(join(folder, "bin", "python")) &&
		existsSync(labProgram(folder))
	);
}

function labProgram(folder: string): string {
	return join(folder, "bin", "jupyter-lab");
}

export function writable(folder: string): boolean {
	try {
		accessSync(folder, constants.W_OK);
		return true;
	} catch {
		return false;
	}
}

function alive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === "EPERM";
	}
}
