import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exitCode } from "../../lib/schema/errors.ts";
import { openInput, type PackedInput } from "../open-input.ts";
import type { ExpandOptions } from "./expand.ts";
import { archive, file, folder } from "./testing.ts";
import { type Unpacked, unpack } from "./unpack.ts";

let root: string;
beforeEach(() => {
	root = mkdtempSync(join(tmpdir(), "powerki-unpack-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const traceDat = Buffer.from("\x17\x08\x44tracing7\0", "latin1");
const perfData = Buffer.from("PERFILE2\x68\0\0\0\0\0\0\0", "latin1");
const series = "perf.data.2026112511064075";

async function opened(name: string, bytes: Buffer, options: ExpandOptions = {}): Promise<Unpacked> {
	const path = join(root, name);
	writeFileSync(path, bytes);
	const input = await openInput(path);
	expect(input.packing).not.toBeNull();
	return unpack(input as PackedInput, join(root, "folder"), options);
}

/** Paths of a result below the folder. */
const below = (paths: readonly string[]): string[] =>
	paths.map((p) => p.slice(join(root, "folder").length + 1));

describe("the trace in an archive", () => {
	const found: Record<string, [Buffer, format: string, files: string[], side: string]> = {
		"a file at the top, side files beside it": [
			archive(file("ps", "  PID"), file("trace.dat", traceDat), file("side/lscpu", "x")),
			"trace.dat",
			["trace.dat"],
			"trace.dat",
		],
		"the archive's own folder": [
			archive(folder("./"), file("./data", perfData), file("./data.0", "x")),
			"perf.data",
			["data", "data.0"],
			"",
		],
		"one folder at the top": [
			archive(file("readme", "text"), file("rec/data", perfData), file("rec/data.0", "x")),
			"perf.data",
			["rec/data", "rec/data.0"],
			"rec",
		],
		"two folders down": [
			archive(file("a/b/trace.dat", traceDat)),
			"trace.dat",
			["a/b/trace.dat"],
			"a/b/trace.dat",
		],
		"a folder that is named as a file of a format": [
			archive(file("data/trace.dat", traceDat)),
			"trace.dat",
			["data/trace.dat"],
			"data/trace.dat",
		],
	};
	for (const [what, [bytes, format, files, side]] of Object.entries(found))
		test(what, async () => {
			const trace = await opened("a.tar", bytes);
			expect([trace.format.name, below(trace.files), below([trace.path])]).toEqual([format, files, [side]]);
			expect(trace.notes).toEqual([]);
		});

	const refused: Record<string, [Buffer, RegExp[]]> = {
		"none at all": [
			archive(
				file("notes.txt", "text"),
				file("b", ""),
				...Array.from({ length: 9 }, (_, k) => file(`c${k}`)),
			),
			[/^it looks like: tar archive with notes.txt, b, c0, c1, c2 and 6 more$/, /^readable: /],
		],
		"three folders down": [
			archive(file("a/b/c/trace.dat", traceDat)),
			[/tar archive with a\/b\/c\/trace.dat$/],
		],
		"an archive in the archive": [
			archive(file("a.tar", archive(file("trace.dat", traceDat)))),
			[/with a.tar$/],
		],
		several: [
			archive(file("a/trace.dat", traceDat), file("b/trace.dat", traceDat)),
			[/^they are: a\/trace.dat, b\/trace.dat$/, /^unpack it/],
		],
		"a damaged archive without one": [
			archive(file("a", "x")).subarray(0, 700),
			[/tar archive with a$/, /^the archive ends within a member/],
		],
	};
	for (const [what, [bytes, details]] of Object.entries(refused))
		test(`is refused: ${what}`, async () => {
			await expect(opened("a.tar", bytes)).rejects.toMatchObject({
				code: exitCode.unreadable,
				details: expect.arrayContaining(details.map((d) => expect.stringMatching(d))),
			});
		});

	test("files of perf record --switch-output that are not of one recording are several traces", async () => {
		const bytes = archive(file(series, perfData), file(`${series.slice(0, -1)}6`, perfData));
		await expect(opened("a.tar", bytes)).rejects.toMatchObject({ code: exitCode.unreadable });
	});

	test("what was refused and what is damaged comes with it", async () => {
		const bytes = gzipSync(
			archive(file("../x", "evil"), file("trace.dat", traceDat), file("later", "x".repeat(3000))),
		);
		const trace = await opened("a.tgz", bytes.subarray(0, bytes.length - 20));
		expect(below(trace.files)).toEqual(["trace.dat"]);
		expect(trace.notes.map((n) => n.severity)).toEqual(["error", "warning"]);
	});
});

describe("a compressed trace", () => {
	test("is unpacked, and has its side files beside the compressed file", async () => {
		const trace = await opened("trace.dat.gz", gzipSync(traceDat));
		expect([trace.format.name, below(trace.files), trace.path]).toEqual([
			"trace.dat",
			["trace.dat"],
			join(root, "trace.dat.gz"),
		]);
		expect(readFileSync(trace.files[0]!).equals(traceDat)).toBe(true);
	});

	test("zstd: whole, and with an end that is missing", async () => {
		const frame = (content: Buffer): Buffer => {
			// a frame with one raw block (RFC 8878): single segment, size in 4 bytes, no checksum
			const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0, 0, 0, 0]);
			head.writeUInt32LE(content.length, 5);
			head.writeUIntLE((content.length << 3) | 1, 9, 3);
			return Buffer.concat([head, content]);
		};
		const bytes = Buffer.concat([frame(traceDat), frame(Buffer.from("more"))]);
		const trace = await opened("t.zst", bytes);
		expect(readFileSync(trace.files[0]!, "latin1")).toBe(`${traceDat.toString("latin1")}more`);
		expect([below(trace.files), trace.notes]).toEqual([["t"], []]);
		rmSync(join(root, "folder"), { recursive: true });
		const cut = await opened("t.zst", bytes.subarray(0, bytes.length - 2));
		expect(readFileSync(cut.files[0]!, "latin1")).toBe(`${traceDat.toString("latin1")}mo`);
		expect(cut.notes).toMatchObject([{ severity: "error", kind: "archive-damaged" }]);
		rmSync(join(root, "folder"), { recursive: true });
		const archived = await opened("t.tar.zst", frame(archive(file("trace.dat", traceDat))));
		expect(below(archived.files)).toEqual(["trace.dat"]);
	});

	test("is bounded as archives are", async () => {
		const bytes = gzipSync(Buffer.concat([traceDat, Buffer.alloc(4 << 20)]));
		await expect(opened("trace.dat.gz", bytes, { maxExpand: 1 << 20 })).rejects.toMatchObject({
			code: exitCode.unreadable,
			message: "trace.dat.gz: unpacks to more than 1.00 MiB",
		});
	});

	const others: Record<string, [Buffer, RegExp]> = {
		"a text": [gzipSync("hello there"), /gzip-compressed data, inside: text \(starts with “hello there”\)/],
		nothing: [gzipSync(""), /gzip-compressed data that cannot be unpacked|an empty file/],
		"damage at its beginning": [
			Buffer.concat([gzipSync("x").subarray(0, 10), Buffer.alloc(100, 0xff)]),
			/gzip-compressed data that cannot be unpacked \(the compressed data is damaged: invalid block type\)/,
		],
	};
	for (const [what, [bytes, looks]] of Object.entries(others))
		test(`of another kind is told by what is inside: ${what}`, async () => {
			const path = join(root, "x.gz");
			writeFileSync(path, bytes);
			await expect(openInput(path)).rejects.toMatchObject({
				code: exitCode.unreadable,
				details: expect.arrayContaining([expect.stringMatching(looks)]),
			});
		});
});
