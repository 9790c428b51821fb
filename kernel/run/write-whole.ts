import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { wholeFile } from "../../lib/render/output.ts";
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
 * Writes a file whole or not at all, and flushes it to the disk.
 * @throws PowerkiError (environment): no such folder, no permission, disk full
 */
export async function writeWhole(file: string, content: string): Promise<void> {
	await wholeFile(file, async (part) => {
		const handle = await open(part, "wx");
		try {
			await handle.writeFile(content);
			await handle.sync();
		} finally {
			await handle.close();
		}
	});
}
