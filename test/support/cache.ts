/** A folder that outlives a test run, for what is costly to make: datasets by trace and build. */
import { mkdirSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

export function cacheFolder(): string {
	const folder = join(tmpdir(), `powerki-test-cache-${userInfo().uid}`);
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	return folder;
}
