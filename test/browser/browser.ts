/** The machine's Chromium, driven by playwright-core: no browser is downloaded. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
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

/** Clicks the first box of a flame graph that is not the whole: the others but its ancestors go. */
export async function clickBox(page: Page): Promise<void> {
	const boxes = page.locator(".pki-flame g.frame rect");
	const widths = await page.evaluate<number[]>(
		'[...document.querySelectorAll(".pki-flame g.frame rect")].map((box) => box.getBoundingClientRect().width)',
	);
	const whole = Math.max(...widths);
	await boxes.nth(widths.findIndex((width) => width > 30 && width < whole / 2)).click({ force: true });
}
