/**
 * The way of a new user: `npm start`, the first notebook, Run All Cells, Ctrl-C. Screenshots go to artifacts/.
 * Run by: npx tsx test/browser/lab.ts (needs Chromium and Python 3; the first run prepares JupyterLab).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Page } from "playwright-core";
import { artifact, clickBox, launch } from "./browser.ts";
import { Checks } from "./check.ts";
import { alive, npmStart } from "./npm-start.ts";

const checks = new Checks("browser lab");
const cache = mkdtempSync(join(tmpdir(), "powerki-browser-"));

await checks.run(async () => {
	const started = await npmStart(["--port", "18888"], {
		...process.env,
		XDG_CACHE_HOME: cache,
		POWERKI_DATASET: "",
		// The theme is switched: the user's own settings stay as they are.
		JUPYTER_CONFIG_DIR: join(cache, "jupyter-config"),
	});
	try {
		checks.check(
			"npm start collects the trace that powerki brings",
			/^collected trace\.dat/m.test(started.said()),
			started.said(),
		);
		const browser = await launch();
		try {
			// High enough that the whole notebook is drawn: Lab skips what is not in view.
			const page = await browser.newPage({ viewport: { width: 1280, height: 4200 } });
			const errors: string[] = [];
			page.on("pageerror", (error) => errors.push(error.message));
			await tour(page, started.url);
			checks.check("no uncaught error in the page", errors.length === 0, errors);
		} finally {
			await browser.close();
		}
		const processes = started.processes();
		checks.check("the kernel runs below npm start", processes.length >= 4, processes);
		await Promise.race([started.interrupt(), setTimeout(20_000)]);
		// Kernels see that their server has gone within a second.
		for (let i = 0; i < 30 && processes.some(alive); i++) await setTimeout(100);
		checks.check("Ctrl-C is answered", /^stopped /m.test(started.said()), started.said());
		checks.check("Ctrl-C leaves no process behind", !processes.some(alive), processes.filter(alive));
	} finally {
		started.kill();
		rmSync(cache, { recursive: true, force: true });
	}
});

async function tour(page: Page, url: string): Promise<void> {
	const begin = performance.now();
	await page.goto(url);
	await page.waitForSelector(".jp-NotebookPanel .jp-CodeCell", { timeout: 60_000 });
	checks.check("00-start-here is open", (await page.title()).includes("00-start-her"), await page.title());
	// The status bar: before the kernel has answered, Lab would ask which one to take.
	await page.getByText("powerki | Idle", { exact: true }).waitFor({ timeout: 60_000 });
	console.log(`       kernel idle ${((performance.now() - begin) / 1000).toFixed(1)} s after opening`);
	await page.getByRole("menuitem", { name: "Run", exact: true }).first().click();
	await page.getByText("Run All Cells", { exact: true }).click();
	const codeCells = await page.locator(".jp-NotebookPanel .jp-CodeCell").count();
	const finished = async () =>
		(await page.locator(".jp-CodeCell .jp-InputPrompt").allTextContents()).filter((text) =>
			/\[\d+\]/.test(text),
		).length;
	const until = Date.now() + 120_000;
	while ((await finished()) < codeCells && Date.now() < until) await setTimeout(200);
	console.log(`       all cells ran ${((performance.now() - begin) / 1000).toFixed(1)} s after opening`);
	checks.check(`all ${codeCells} code cells ran`, (await finished()) === codeCells, await finished());
	await setTimeout(1500);
	const outputs = page.locator(".jp-NotebookPanel .jp-OutputArea-output");
	const failed = await page
		.locator(
			'.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"], .jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"]',
		)
		.allTextContents();
	checks.check("no cell failed, nothing on stderr", failed.length === 0, failed);
	checks.check("a table is shown", (await outputs.locator("table tbody tr").count()) > 3);
	checks.check(
		"a Vega-Lite chart is drawn",
		(await outputs.locator(".vega-embed canvas, .vega-embed svg").count()) > 0,
	);
	const frames = outputs.locator(".pki-flame g.frame");
	const drawn = await frames.count();
	checks.check("a flame graph is drawn", drawn > 20, drawn);
	await page.screenshot({ path: artifact("lab-light.png") });
	await clickBox(page);
	checks.check("the flame graph answers to a click", (await frames.count()) < drawn, await frames.count());
	await page.screenshot({ path: artifact("lab-clicked.png") });
	await page.getByRole("menuitem", { name: "Settings", exact: true }).first().click();
	await page.getByText("Theme", { exact: true }).hover();
	await page.getByText("JupyterLab Dark", { exact: true }).click();
	await setTimeout(1500);
	await page.screenshot({ path: artifact("lab-dark.png") });
}
