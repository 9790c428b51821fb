/**
 * SHA-256 of the files of an input, beside the import. Large ones are hashed by a thread of their own: decoding and
 * writing each fill one already, and which of them is behind depends on the trace.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { packageRoot } from "../lib/schema/versions.ts";
import { fileHash } from "./file-hash.ts";

/** Bytes from which on a thread is worth its start. */
const LARGE = 16 * 1024 * 1024;

/** 64 lower-case hex digits for each file. Rejects when the signal comes. */
export async function inputHashes(paths: readonly string[], signal?: AbortSignal): Promise<string[]> {
	if (paths.reduce((sum, path) => sum + statSync(path).size, 0) < LARGE) return paths.map(fileHash);
	const worker = new Worker(join(packageRoot(), "dist", "collector-hash-worker.js"), { workerData: paths });
	return new Promise<string[]>((resolve, reject) => {
		const stop = (): void => {
			reject(signal?.reason);
			void worker.terminate();
		};
		signal?.addEventListener("abort", stop, { once: true });
		worker.once("message", resolve).once("error", reject);
		worker.once("exit", () => signal?.removeEventListener("abort", stop));
	});
}
