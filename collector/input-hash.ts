/** SHA-256 of the files of an input. Runs beside the decoding thread, on the thread that writes, which mostly waits. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

const STEP = 1024 * 1024;

/** 64 lower-case hex digits for each file. */
export async function inputHashes(paths: readonly string[], signal?: AbortSignal): Promise<string[]> {
	const digests: string[] = [];
	for (const path of paths) {
		const hash = createHash("sha256");
		for await (const chunk of createReadStream(path, { highWaterMark: STEP, ...(signal ? { signal } : {}) }))
			hash.update(chunk as Buffer);
		digests.push(hash.digest("hex"));
	}
	return digests;
}
