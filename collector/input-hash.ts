/** SHA-256 of an input file, in steps: the decoding thread takes them while it would wait for the writer. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";

const STEP = 1024 * 1024;

export class InputHash {
	readonly #fd: number;
	readonly #hash = createHash("sha256");
	readonly #buffer = Buffer.allocUnsafe(STEP);
	#done = false;

	constructor(path: string) {
		this.#fd = openSync(path, "r");
	}

	/** Hashes the next MiB; false where nothing is left. */
	step(): boolean {
		if (this.#done) return false;
		const bytes = readSync(this.#fd, this.#buffer, 0, STEP, null);
		if (bytes > 0) this.#hash.update(this.#buffer.subarray(0, bytes));
		else {
			this.#done = true;
			closeSync(this.#fd);
		}
		return !this.#done;
	}

	/** Hashes what is left; 64 lower-case hex digits. To be called once. */
	digest(): string {
		while (this.step());
		return this.#hash.digest("hex");
	}
}
