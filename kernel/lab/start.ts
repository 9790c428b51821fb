/** `powerki start` (npm start): from nothing to the first notebook. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { findDataset } from "../../lib/dataset/manifests.ts";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";
import { packageRoot } from "../../lib/schema/versions.ts";
import { collectIntoCache, isTrace } from "../run/dataset.ts";
import { browserOpener, openBrowser } from "./browser.ts";
import { findLab, makeLab } from "./environment.ts";
import { freePort, startServer } from "./server.ts";
import { workspace } from "./workspace.ts";

export interface StartOptions {
	/** Default 8888; the next free one where it is taken. */
	readonly port?: number;
	/** false: opens no browser. */
	readonly browser?: boolean;
	readonly signal: AbortSignal;
}

/** JupyterLab's own. */
const defaultPort = 8888;

/**
 * Collects what needs it, prepares JupyterLab, opens 00-start-here, and stays until the signal.
 * @param paths traces, or one dataset; none: the dataset around, $POWERKI_DATASET, or the trace that powerki brings
 * @returns the exit code
 * @throws PowerkiError: environment (no Python, no network), and those of the collector
 */
export async function start(paths: readonly string[], options: StartOptions): Promise<number> {
	const { signal } = options;
	const say = (label: string, text: string) => process.stderr.write(`${label.padEnd(9)}${text}\n`);
	const dataset = await datasetOf(paths, signal);
	say("dataset", dataset);
	const lab = (await findLab(signal)) ?? (await makeLab(signal, (text) => process.stderr.write(`${text}\n`)));
	say("lab", `JupyterLab ${lab.version}, ${lab.program}`);
	const { root, first, copied } = workspace();
	if (copied.length > 0) say("copied", `${copied.length} notebooks to ${root}`);
	const wanted = options.port ?? defaultPort;
	const port = await freePort(wanted);
	if (port !== wanted) say("port", `${wanted} is taken, using ${port}`);
	const server = await startServer({ lab, root, port, dataset, signal });
	try {
		const url = `${server.url}/lab/tree/${first}?token=${server.token}`;
		process.stdout.write(`${url}\n`);
		showBrowser(url, port, options.browser !== false, say);
		say("stop", "Ctrl-C");
		await Promise.race([server.ended, aborted(signal)]);
	} finally {
		await server.stop();
	}
	if (signal.aborted) {
		say("stopped", "JupyterLab and its kernels have ended");
		return exitCode.done;
	}
	throw new PowerkiError(exitCode.environment, "JupyterLab ended by itself", [
		"its log ends with:",
		...server.logTail().map((line) => `  ${line}`),
	]);
}

async function datasetOf(paths: readonly string[], signal: AbortSignal): Promise<string> {
	if (paths.length === 0) {
		try {
			return findDataset();
		} catch (error) {
			// A dataset that is named and not there is a mistake to tell, not to pass over.
			if (!(error instanceof PowerkiError) || error.code !== exitCode.usage) throw error;
		}
		const bundled = bundledTrace();
		process.stderr.write(
			`no trace given: showing the one that powerki brings (${basename(join(bundled, ".."))})\n`,
		);
		return collectIntoCache([bundled], signal);
	}
	const traces = paths.filter(isTrace);
	if (traces.length === paths.length) return collectIntoCache(traces, signal);
	if (paths.length === 1) return findDataset(paths[0]);
	const other = paths.find((path) => !isTrace(path));
	throw new PowerkiError(exitCode.usage, `${other} is not a trace file`, [
		"start takes traces, or one dataset",
	]);
}

/** The trace that comes with powerki, for a first look. */
export function bundledTrace(): string {
	const path = join(packageRoot(), "test", "traces", "6.12-4k-mixed", "trace.dat");
	if (!existsSync(path))
		throw new PowerkiError(exitCode.environment, `the trace that powerki brings is missing: ${path}`, [
			"install powerki again, or name a trace: powerki start TRACE",
		]);
	return path;
}

function showBrowser(
	url: string,
	port: number,
	wanted: boolean,
	say: (label: string, text: string) => void,
): void {
	if (!wanted) return;
	const opener = browserOpener();
	if (opener !== undefined) {
		openBrowser(opener, url);
		say("browser", "opened; if nothing appears, open the address above");
		return;
	}
	say("browser", "there is no screen here: open the address above yourself");
	if (process.env.SSH_CONNECTION)
		say("", `from your own machine first: ssh -L ${port}:127.0.0.1:${port} THIS-HOST`);
}

function aborted(signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		if (signal.aborted) resolve();
		else signal.addEventListener("abort", () => resolve(), { once: true });
	});
}
