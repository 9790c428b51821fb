/** The machine's Chromium, driven by playwright-core: no browser is downloaded. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { repository } from "../support/traces.ts";

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export function launch(): Promise<Browser> {
	const program = process.env.CHROMIUM ?? places.find((path) => existsSync(path));
	if (program === undefined) throw new Error("no Chromium here: apt-get install chromium, or set CHROMIUM");
	// In a container, and as root, Chromium's own sandbox cannot start.
	return chromium.launch({ executablePath: program, args: ["--no-sandbox"] });
}

/** Path for a screenshot; the folder is not part of the project. */
export function artifact(name: string): string {
	const folder = join(repository, "artifacts");
	mkdirSync(folder, { recursive: true });
	return join(folder, name);
}
