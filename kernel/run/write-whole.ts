import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";

/**
 * Is there a folder for the file? Asked before work that takes long.
 * @throws PowerkiError (environment)
 */
export function checkTarget(file: string): void {
	const folder = dirname(resolve(file));
	if (!existsSync(folder))
		throw new PowerkiError(exitCode.environment, `${file} cannot be written: there is no folder ${folder}`, [
			"nothing was written",
		]);
}

/**
 * Writes a file whole or not at all: under another name beside it, then renamed.
 * @throws PowerkiError (environment): no such folder, no permission, disk full
 */
export async function writeWhole(file: string, content: string): Promise<void> {
	const path = resolve(file);
	const part = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString("hex")}.tmp`);
	try {
		const handle = await open(part, "wx");
		try {
			await handle.writeFile(content);
			await handle.sync();
		} finally {
			await handle.close();
		}
		await rename(part, path);
	} catch (error) {
		await rm(part, { force: true });
		const code = (error as NodeJS.ErrnoException).code;
		const why =
			code === "ENOENT"
				? `there is no folder ${dirname(path)}`
				: code === "ENOSPC"
					? `no space left on ${dirname(path)}`
					: code === "EACCES" || code === "EPERM" || code === "EROFS"
						? `no permission to write in ${dirname(path)}`
						: (error as Error).message;
		throw new PowerkiError(
			exitCode.environment,
			`${file} cannot be written: ${why}`,
			["nothing was written"],
			{
				cause: error,
			},
		);
	}
}
