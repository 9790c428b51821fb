/** Where a dataset is asked for, a trace file will do: it is collected once, into the user's cache. */
import { createHash } from "node:crypto";
import { mkdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join, resolve } from "node:path";
import { findDataset } from "../../lib/dataset/manifests.ts";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";

/** $XDG_CACHE_HOME/powerki, or ~/.cache/powerki (XDG Base Directory Specification 0.8). */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
	const base = env.XDG_CACHE_HOME;
	// The specification ignores relative paths.
	return join(base?.startsWith("/") ? base : join(homedir(), ".cache"), "powerki");
}

/**
 * The folder of the dataset that is meant: the given dataset; the given trace, collected when it is not yet; without
 * a path what lib/dataset finds. Progress and a damaged trace are told on stderr.
 * @throws PowerkiError of the collector, or (unreadable, usage) where there is no dataset
 */
export async function resolveDataset(path: string | undefined, signal?: AbortSignal): Promise<string> {
	if (path === undefined) return findDataset();
	return isTrace(path) ? collectIntoCache([path], signal) : findDataset(path);
}

/**
 * Collects traces into one dataset of the user's cache; what is there already is not collected again.
 * @returns its folder
 * @throws PowerkiError of the collector, or (environment) where the cache cannot be made
 */
export async function collectIntoCache(traces: readonly string[], signal?: AbortSignal): Promise<string> {
	const out = datasetFolder(traces);
	const { collectOne } = await import("../../collector/collect.ts");
	const { Progress } = await import("../../collector/progress.ts");
	try {
		mkdirSync(join(out, ".."), { recursive: true });
	} catch (error) {
		throw new PowerkiError(
			exitCode.environment,
			`the cache ${cacheFolder()} cannot be made: ${(error as Error).message}`,
			[
				"choose another place with XDG_CACHE_HOME, or collect the trace yourself: powerki collect TRACE --out DIR",
			],
			{ cause: error },
		);
	}
	const progress = new Progress(process.stderr);
	try {
		for (const trace of traces) {
			const collected = await collectOne([trace], {
				out,
				onProgress: (p) => progress.show(p),
				...(signal === undefined ? {} : { signal }),
			});
			progress.clear();
			if (!collected.unchanged) process.stderr.write(`collected ${basename(trace)} into ${out}\n`);
			if (collected.code === exitCode.damaged)
				process.stderr.write(
					`warning: ${basename(trace)} is damaged; what is missing stands in import_note\n`,
				);
		}
	} finally {
		progress.clear();
	}
	return out;
}

/** Is it something to collect, not a dataset? What does not exist is neither. */
export function isTrace(path: string): boolean {
	return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** A folder of its own for each set of traces; a file that changed is another trace. */
function datasetFolder(traces: readonly string[]): string {
	const hash = createHash("sha256");
	for (const path of traces) {
		const stat = statSync(path, { bigint: true });
		hash.update(`${resolve(path)}\0${stat.size}\0${stat.mtimeNs}\0`);
	}
	const name = basename(traces[0]!).replace(/[^A-Za-z0-9._-]/g, "_");
	return join(cacheFolder(), "datasets", `${name}-${hash.digest("hex").slice(0, 12)}`);
}
