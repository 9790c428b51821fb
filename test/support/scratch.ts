import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll } from "vitest";

/** A folder that is removed after the tests of the file. */
export function scratch(): string {
	const folder = mkdtempSync(join(tmpdir(), "powerki-test-"));
	afterAll(() => rmSync(folder, { recursive: true, force: true }));
	return folder;
}

/** Every file under a folder by relative path, hidden ones too. */
export function filesUnder(folder: string): string[] {
	const list = (f: string): string[] =>
		readdirSync(f, { withFileTypes: true }).flatMap((e) =>
			e.isDirectory() ? list(join(f, e.name)) : [relative(folder, join(f, e.name))],
		);
	return list(folder).sort();
}

/** SHA-256 of every file under a folder. */
export function digests(folder: string): Record<string, string> {
	return Object.fromEntries(
		filesUnder(folder).map((f) => [
			f,
			createHash("sha256")
				.update(readFileSync(join(folder, f)))
				.digest("hex"),
		]),
	);
}
