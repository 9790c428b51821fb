/** SHA-256 of a file, read piece by piece: 64 lower-case hex digits. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";

const STEP = 1024 * 1024;

export function fileHash(path: string): string {
	const fd = openSync(path, "r");
	try {
		const hash = createHash("sha256");
		const buffer = Buffer.allocUnsafe(STEP);
		for (let n = readSync(fd, buffer, 0, STEP, null); n > 0; n = readSync(fd, buffer, 0, STEP, null))
			hash.update(buffer.subarray(0, n));
		return hash.digest("hex");
	} finally {
		closeSync(fd);
	}
}
