import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { exitCode } from "../lib/schema/errors.ts";
import { archive, file } from "./archive/testing.ts";
import { groupInputs, openInput } from "./open-input.ts";

let root: string;
beforeEach(() => {
	root = mkdtempSync(join(tmpdir(), "powerki-input-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(name: string, content: string | Buffer): void {
	const path = join(root, name);
	mkdirSync(dirname(path), { recursive: true });
	writeFileSync(path, content);
}

const perfData = Buffer.from("PERFILE2\x68\0\0\0\0\0\0\0", "latin1");

test("a folder that is no trace stands for the archives and the folders with a trace in it", async () => {
	put("b.tgz", gzipSync(archive(file("a", "one"))));
	put("a.tar", archive(file("a", "one")));
	put("recording/data", perfData);
	put("recording/data.0", "x");
	put("kallsyms.gz", gzipSync("c000 T x\n"));
	put("notes.txt", "text");
	put("side/ps", "text");
	put(".hidden.tar", archive(file("a", "one")));
	put("deep/er/data", perfData);
	expect(await groupInputs([root])).toEqual([
		[join(root, "a.tar")],
		[join(root, "b.tgz")],
		[join(root, "recording")],
	]);
});

test("a folder that is a trace is one input, and one without any is refused as it is", async () => {
	put("recording/data", perfData);
	put("recording/a.tar", archive(file("a", "one")));
	put("empty/notes.txt", "text");
	put("folders/data/x", "text");
	const paths = ["recording", "empty", "folders", "missing"].map((n) => join(root, n));
	expect(await groupInputs(paths)).toEqual(paths.map((p) => [p]));
	expect((await openInput(paths[0]!)).format?.name).toBe("perf.data");
	for (const path of paths.slice(1))
		await expect(openInput(path)).rejects.toMatchObject({ code: exitCode.unreadable });
});
