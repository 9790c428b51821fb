/** By the built command line, as a user runs it. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { powerki } from "../../test/support/cli.ts";
import { bundledTrace } from "../../test/support/traces.ts";

const folder = mkdtempSync(join(tmpdir(), "powerki-run-"));
const env = { ...process.env, XDG_CACHE_HOME: join(folder, "cache"), POWERKI_DATASET: "" };
const trace = bundledTrace("cases/lock-convoy/sick").path;
afterAll(() => rmSync(folder, { recursive: true }));

function notebook(name: string, ...sources: string[]): string {
	const file = join(folder, name);
	const cells = sources.map((source, index) => ({
		cell_type: "code",
		metadata: index === 0 ? { tags: ["parameters"] } : {},
		source,
		outputs: [],
		execution_count: null,
	}));
	writeFileSync(file, JSON.stringify({ cells, metadata: {}, nbformat: 4, nbformat_minor: 5 }));
	return file;
}

const run = (file: string, ...more: string[]) =>
	powerki(["notebook", "run", file, "--dataset", trace, ...more], { env });

describe("powerki notebook run", () => {
	const file = notebook(
		"good.ipynb",
		"let top = 3;",
		"%%sql threads\nSELECT tid, name FROM thread ORDER BY tid",
		"console.log(top, threads.rowCount > 5); top * 2",
	);
	const out = join(folder, "good.out.ipynb");
	let first: string;
	beforeAll(async () => {
		const ran = await run(file, "--out", out, "-p", "top=21");
		expect(ran).toMatchObject({ code: 0, stdout: "" });
		expect(ran.stderr).toContain("collected trace.dat");
		first = readFileSync(out, "utf8");
	});

	it("runs all cells with the parameters, on a trace that it collects", () => {
		const cells = JSON.parse(first).cells;
		expect(cells.map((c: { execution_count: number }) => c.execution_count)).toEqual([1, null, 2, 3]);
		expect(cells[3].outputs.map((o: { text?: string[] }) => o.text)).toEqual([["21 true\n"], undefined]);
		expect(cells[3].outputs[1]).toMatchObject({ data: { "text/plain": ["42"] }, execution_count: 3 });
	});

	it("collects nothing twice and gives the same bytes", async () => {
		const again = await run(file, "--out", out, "-p", "top=21");
		expect(again.stderr).not.toContain("collected");
		expect(readFileSync(out, "utf8")).toBe(first);
	});

	it("says which cell failed, with its line, and writes no file", async () => {
		const bad = notebook("bad.ipynb", "1", "%%sql\nSELECT count(*),\n  sum(duration)\nFROM futex_wait");
		const ran = await run(bad, "--out", join(folder, "bad.out.ipynb"));
		expect(ran.code).toBe(6);
		const lines = ran.stderr.split("\n");
		expect(lines[0]).toBe("error: cell 2 failed, no file was written");
		const at = lines.findIndex((line) => /bad\.ipynb, cell 2, line 3: {4}sum\(duration\)$/.test(line));
		expect(lines[at + 1]!.indexOf("^")).toBe(lines[at]!.indexOf("duration"));
		expect(existsSync(join(folder, "bad.out.ipynb"))).toBe(false);
	});

	it("tells a type error and a thrown error by the line of the cell", async () => {
		const typed = await run(notebook("typed.ipynb", "0", 'const a = 1;\nconst b: number = "x";'));
		expect(typed.code).toBe(6);
		expect(typed.stderr).toMatch(/cell 2, line 2: {2}const b: number/);
		const thrown = await run(
			notebook("thrown.ipynb", "0", 'function f() {\n  throw new Error("boom");\n}\nf();'),
		);
		expect(thrown.stderr).toMatch(/Error: boom\n.*cell 2, line 2: {4}throw new Error/);
	});

	it("is stopped by Ctrl-C within a loop and leaves nothing", async () => {
		const endless = notebook("endless.ipynb", "0", "while (true) {}");
		const ran = await powerki(
			["notebook", "run", endless, "--dataset", trace, "--out", join(folder, "endless.out.ipynb")],
			{
				env,
				killAfter: 4000,
				killSignal: "SIGINT",
			},
		);
		expect(ran.code).toBe(130);
		expect(existsSync(join(folder, "endless.out.ipynb"))).toBe(false);
	});

	it("refuses a folder that is not there before it runs anything else away", async () => {
		const ran = await run(file, "--out", join(folder, "nowhere", "x.ipynb"));
		expect(ran.code).toBe(5);
		expect(ran.stderr).toContain("there is no folder");
	});
});
