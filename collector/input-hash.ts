/** SHA-256 of the files of an input, in steps: the decoding thread takes them while it would wait for the writer. */
import { createHash, type Hash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";

const STEP = 1024 * 1024;

export class InputHash {
	readonly #left: string[];
	readonly #digests: string[] = [];
	readonly #buffer = Buffer.allocUnsafe(STEP);
	#open: { readonly fd: number; readonly hash: Hash } | null = null;

	constructor(paths: readonly string[]) {
		this.#left = [...paths].reverse();
	}

	/** Hashes the next MiB; false where nothing is left. */
	step(): boolean {
		if (!this.#open) {
			const path = this.#left.pop();
			if (path === undefined) return false;
			this.#open = { fd: openSync(path, "r"), hash: createHash("sha256") };
		}
		const { fd, hash } = this.#open;
		const bytes = readSync(fd, this.#buffer, 0, STEP, null);
		if (bytes > 0) hash.update(this.#buffer.subarray(0, bytes));
		else {
			closeSync(fd);
			this.#digests.push(hash.digest("hex"));
			this.#open = null;
		}
		return true;
	}

	/** Hashes what is left; 64 lower-case hex digits for each file. */
	digests(): readonly string[] {
		while (this.step());
		return this.#digests;
	}
}
