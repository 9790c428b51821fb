/** By the built command line, as a user runs it. */
import { createHash } from "node:crypto";
import {
	copyFileSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { powerki } from "../../test/support/cli.ts";
import { bundledTrace } from "../../test/support/traces.ts";

const folder = mkdtempSync(join(tmpdir(), "powerki-publish-"));
const env = { ...process.env, XDG_CACHE_HOME: join(folder, "cache"), POWERKI_DATASET: "" };
const trace = bundledTrace("cases/lock-convoy/sick").path;
afterAll(() => rmSync(folder, { recursive: true }));

const notebook = join(folder, "tour.ipynb");
writeFileSync(
	notebook,
	JSON.stringify({
		cells: [
			{ cell_type: "markdown", metadata: {}, source: "# Who runs?" },
			{ cell_type: "code", metadata: { tags: ["parameters"] }, source: "let least = 5;", outputs: [] },
			{
				cell_type: "code",
				metadata: {},
				source: `import { sql } from "powerki";\nawait sql\`SELECT name FROM thread WHERE tid > \${least} ORDER BY tid\``,
				outputs: [],
			},
			{ cell_type: "raw", metadata: {}, source: "for another converter" },
		],
		metadata: {},
		nbformat: 4,
		nbformat_minor: 5,
	}),
);

const publish = (what: string, out: string, ...more: string[]) =>
	powerki(["publish", what, "--dataset", trace, "--out", out, ...more], { env });

describe("powerki publish", () => {
	it("makes a page of a notebook that ends with what it was made from", async () => {
		const out = join(folder, "page.html");
		const ran = await publish(notebook, out, "-p", "least=100");
		expect(ran).toMatchObject({ code: 0, stdout: "" });
		const page = readFileSync(out, "utf8");
		expect(page.includes(">Who runs?</h1>")).toBe(true);
		expect(page.includes("orderd")).toBe(true);
		expect(page.includes("for another converter")).toBe(false);
		const statement = page.slice(page.lastIndexOf("Statement</h2>"));
		expect(statement).toContain(createHash("sha256").update(readFileSync(trace)).digest("hex"));
		expect(statement).toContain("least = 100");
		expect(statement).toContain(
			"powerki publish tour.ipynb --dataset trace.dat -p least=100 --out tour.html",
		);
		// Where it was made, and by whom, is nobody's business.
		expect(page.includes(folder)).toBe(false);
	});

	it("gives the same bytes for the same trace, wherever it lies", async () => {
		const pages: Buffer[] = [];
		for (const place of ["here", "there"]) {
			mkdirSync(join(folder, place));
			const copy = join(folder, place, "trace.dat");
			copyFileSync(trace, copy);
			const out = join(folder, place, "page.html");
			const ran = await powerki(["publish", notebook, "--dataset", copy, "--out", out], { env });
			expect(ran.code).toBe(0);
			pages.push(readFileSync(out));
		}
		expect(pages[0]!.equals(pages[1]!)).toBe(true);
	});

	it("leaves the code out when asked", async () => {
		const out = join(folder, "plain.html");
		expect((await publish(notebook, out, "--hide-code")).code).toBe(0);
		expect(readFileSync(out, "utf8").includes("SELECT name")).toBe(false);
	});

	it("leaves the old page as it is when a cell fails", async () => {
		const bad = join(folder, "bad.ipynb");
		writeFileSync(bad, readFileSync(notebook, "utf8").replace("SELECT name", "SELECT nothing"));
		const out = join(folder, "old.html");
		writeFileSync(out, "old");
		const ran = await publish(bad, out);
		expect(ran.code).toBe(6);
		expect(ran.stderr).toContain("error: cell 2 failed, no file was written");
		expect(readFileSync(out, "utf8")).toBe("old");
	});

	it("names the reports, and a report's parameters, where one is wrong", async () => {
		const wrong = await publish("futx", join(folder, "x.html"));
		expect(wrong.code).toBe(2);
		expect(wrong.stderr).toContain("did you mean: futex");
		const parameter = await publish("futex", join(folder, "x.html"), "-p", "bottom=1");
		expect(parameter.code).toBe(2);
		expect(parameter.stderr).toContain("window");
		expect(existsSync(join(folder, "x.html"))).toBe(false);
	});
});
