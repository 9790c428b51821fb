import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, expect, test } from "vitest";
import { exitCode, Interrupted } from "../lib/schema/errors.ts";
import { withStandardInput } from "./standard-input.ts";

const root = mkdtempSync(join(tmpdir(), "powerki-stdin-"));
afterAll(() => rmSync(root, { recursive: true }));
const never = new AbortController().signal;

/** Folders of the dataset that a reader would not expect. */
const leftovers = (dataset: string): string[] =>
	readdirSync(dataset).filter((n) => n.startsWith(".collect-"));

test("what comes in is a file while the work is done, and gone after it", async () => {
	const dataset = join(root, "a");
	const seen = await withStandardInput(
		Readable.from([Buffer.from("PERF"), Buffer.from("ILE2")]),
		dataset,
		never,
		async (path) => [path, readFileSync(path, "utf8")],
	);
	expect(seen[1]).toBe("PERFILE2");
	expect(existsSync(seen[0]!)).toBe(false);
	expect(leftovers(dataset)).toEqual([]);
});

test("and gone when the work fails", async () => {
	const dataset = join(root, "b");
	await expect(
		withStandardInput(Readable.from(["x"]), dataset, never, () => Promise.reject(new Error("no trace"))),
	).rejects.toThrow("no trace");
	expect(leftovers(dataset)).toEqual([]);
});

test("an interrupt while it comes in leaves nothing", async () => {
	const dataset = join(root, "c");
	const stop = new AbortController();
	const endless = new Readable({ read() {} });
	endless.push("PERFILE2");
	const run = withStandardInput(endless, dataset, stop.signal, () => Promise.resolve());
	setTimeout(() => stop.abort(), 50);
	await expect(run).rejects.toThrow(Interrupted);
	expect(leftovers(dataset)).toEqual([]);
});

test("a terminal is refused", async () => {
	const terminal = Object.assign(Readable.from([]), { isTTY: true });
	await expect(
		withStandardInput(terminal, join(root, "d"), never, () => Promise.resolve()),
	).rejects.toMatchObject({ code: exitCode.usage });
});
