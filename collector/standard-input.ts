/**
 * A trace from standard input, as of `perf record -o - | powerki collect -`. It is walked more than once, so it is kept
 * in a staging folder of the dataset while it is imported.
 */
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { exitCode, Interrupted, PowerkiError } from "../lib/schema/errors.ts";
import { environment } from "./write/environment.ts";
import { openStaging } from "./write/publish.ts";

/** The path that stands for standard input. */
export const STANDARD_INPUT = "-";

/** @throws PowerkiError (usage) where standard input is a terminal; Interrupted by the signal */
export async function withStandardInput<T>(
	input: Readable & { readonly isTTY?: boolean },
	dataset: string,
	signal: AbortSignal,
	work: (path: string) => Promise<T>,
): Promise<T> {
	if (input.isTTY)
		throw new PowerkiError(exitCode.usage, "standard input is a terminal, not a trace", [
			"pipe a trace into it: perf record -a -g -o - sleep 10 | powerki collect - --out DATASET",
		]);
	const staging = await environment(dataset, () => openStaging(dataset, signal));
	try {
		const path = join(staging, "stdin");
		await environment(dataset, async () => {
			try {
				await pipeline(input, createWriteStream(path), { signal });
			} catch (error) {
				if (signal.aborted) throw new Interrupted(["the dataset is as it was before"]);
				throw error;
			}
		});
		return await work(path);
	} finally {
		await rm(staging, { recursive: true, force: true });
	}
}
