/**
 * Published pages as a reader gets them: from a file, without network, light and dark, wide and narrow.
 * Run by: npx tsx test/browser/published.ts [DATASET] (needs Chromium). Screenshots go to artifacts/.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { powerki } from "../support/cli.ts";
import { bundledTrace, repository } from "../support/traces.ts";
import { artifact, clickBox, launch } from "./browser.ts";
import { Checks } from "./check.ts";

const checks = new Checks("browser published");
const folder = mkdtempSync(join(tmpdir(), "powerki-published-"));
const trace = bundledTrace("6.12-4k-mixed").path;
const dataset = process.argv[2] ?? trace;
const hash = createHash("sha256").update(readFileSync(trace)).digest("hex");

/** A notebook, and a report without one. */
const pages = [
	{ name: "00-start-here", what: join(repository, "notebooks", "00-start-here.ipynb"), flame: true },
	{ name: "waits", what: "waits", flame: true },
	{ name: "run-queue", what: "run-queue", flame: false },
];

await checks.run(async () => {
	const browser = await launch();
	try {
		for (const page of pages) {
			const file = join(folder, `${page.name}.html`);
			const made = await powerki(["publish", page.what, "--dataset", dataset, "--out", file]);
			checks.check(`${page.name}: is published`, made.code === 0, made.stderr);
			if (made.code === 0) await read(browser, page.name, file, page.flame);
		}
	} finally {
		await browser.close();
		rmSync(folder, { recursive: true, force: true });
	}
});

async function read(browser: Browser, name: string, file: string, flame: boolean): Promise<void> {
	const size = readFileSync(file).length;
	checks.check(`${name}: is below 5 MB`, size < 5e6, size);
	for (const scheme of ["light", "dark"] as const) {
		const context = await browser.newContext({
			viewport: { width: 1280, height: 800 },
			colorScheme: scheme,
			offline: true,
		});
		const page = await context.newPage();
		const errors: string[] = [];
		const requests: string[] = [];
		page.on("console", (message) => {
			if (message.type() === "error" || message.type() === "warning") errors.push(message.text());
		});
		page.on("pageerror", (error) => errors.push(error.message));
		page.on("request", (request) => requests.push(request.url()));
		const begin = performance.now();
		await page.goto(pathToFileURL(file).href);
		const seconds = (performance.now() - begin) / 1000;
		console.log(`${name}, ${scheme}: opened in ${seconds.toFixed(2)} s`);
		checks.check(`${name}, ${scheme}: has one h1`, (await page.locator("h1").count()) === 1);
		checks.check(`${name}, ${scheme}: states the trace's SHA-256`, (await page.getByText(hash).count()) > 0);
		const again = page.getByText(/powerki publish .* --dataset /).last();
		checks.check(`${name}, ${scheme}: states the command that makes it`, (await again.count()) > 0);
		checks.check(`${name}, ${scheme}: shows a table`, (await page.locator("table tbody tr").count()) > 3);
		checks.check(
			`${name}, ${scheme}: shows a picture`,
			(await page.locator("svg[role=img], [role=img] svg, figure svg").count()) > 0,
		);
		await page.screenshot({ path: artifact(`published-${name}-${scheme}.png`), fullPage: true });
		await page.screenshot({ path: artifact(`published-${name}-${scheme}-fold.png`) });
		if (flame) {
			const frames = page.locator(".pki-flame g.frame");
			const drawn = await frames.count();
			await clickBox(page);
			checks.check(`${name}, ${scheme}: the flame graph answers to a click`, (await frames.count()) < drawn, [
				drawn,
				await frames.count(),
			]);
		}
		await page.setViewportSize({ width: 500, height: 800 });
		const wide = await page.evaluate<number>(
			"document.documentElement.scrollWidth - document.documentElement.clientWidth",
		);
		checks.check(`${name}, ${scheme}: does not scroll sideways at 500 px`, wide <= 0, wide);
		if (scheme === "light")
			await page.screenshot({ path: artifact(`published-${name}-narrow.png`), fullPage: true });
		checks.check(`${name}, ${scheme}: asks for nothing`, requests.length === 1, requests);
		checks.check(`${name}, ${scheme}: has no error in the console`, errors.length === 0, errors);
		await context.close();
	}
}
