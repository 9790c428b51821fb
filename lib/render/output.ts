/** Where text goes: standard output, or a file that is there whole or not at all. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { exitCode, PowerkiError } from "../schema/errors.ts";

/** Collected before it is written: a call of write for each row is slow. */
const CHUNK = 1 << 16;

/** Writes to a stream as fast as its reader takes it. */
export class TextOutput {
	private pending = "";

	constructor(private readonly stream: NodeJS.WritableStream) {}

	/** @returns a promise to wait for where the reader is slower; else undefined */
	write(text: string): Promise<unknown> | undefined {
		this.pending += text;
		return this.pending.length < CHUNK ? undefined : this.flush();
	}

	async flush(): Promise<void> {
		const text = this.pending;
		this.pending = "";
		if (text !== "" && !this.stream.write(text)) await once(this.stream, "drain");
	}
}

/**
 * Runs `work` on the name of a part file beside `file` and renames it when the work is done; if it fails, nothing is
 * left and what was there before stays.
 * @throws PowerkiError (environment): no such folder, no permission, disk full
 */
export async function wholeFile<T>(file: string, work: (part: string) => Promise<T>): Promise<T> {
	const path = resolve(file);
	const part = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString("hex")}.tmp`);
	try {
		const result = await work(part);
		await rename(part, path);
		return result;
	} catch (error) {
		await rm(part, { force: true });
		throw error instanceof PowerkiError ? error : cannotWrite(file, error as NodeJS.ErrnoException);
	}
}

const reasons: Readonly<Record<string, (folder: string) => string>> = {
	ENOENT: (folder) => `there is no folder ${folder}`,
	ENOTDIR: (folder) => `${folder} is no folder`,
	ENOSPC: (folder) => `no space left on ${folder}`,
	EACCES: (folder) => `no permission to write in ${folder}`,
	EPERM: (folder) => `no permission to write in ${folder}`,
	EROFS: (folder) => `${folder} is read-only`,
	EISDIR: () => "it is a folder",
};

function cannotWrite(file: string, error: NodeJS.ErrnoException): unknown {
	if (error.code === undefined) return error;
	const why = reasons[error.code]?.(dirname(resolve(file))) ?? error.message;
	return new PowerkiError(
		exitCode.environment,
		`${file} cannot be written: ${why}`,
		["nothing was written"],
		{ cause: error },
	);
}

/** Gives `work` an output into a new file, as wholeFile. */
export function textFile<T>(file: string, work: (output: TextOutput) => Promise<T>): Promise<T> {
	return wholeFile(file, async (part) => {
		const stream = createWriteStream(part, { flags: "wx" });
		try {
			await once(stream, "open");
			const output = new TextOutput(stream);
			const result = await work(output);
			await output.flush();
			stream.end();
			await once(stream, "close");
			return result;
		} finally {
			stream.destroy();
		}
	});
}
