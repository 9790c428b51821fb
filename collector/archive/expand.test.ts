import { execFileSync, spawnSync } from "node:child_process";
import {
	closeSync,
	existsSync,
	ftruncateSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	openSync,
	readdirSync,
	readFileSync,
	rmSync,
	symlinkSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exitCode } from "../../lib/schema/errors.ts";
import { type Expanded, type ExpandOptions, expand } from "./expand.ts";
import { packedAs } from "./packing.ts";
import { archive, END, file, folder, GNU_MAGIC, header, longName, padded, pax, sparse } from "./testing.ts";

let root: string;
let into: string;
beforeEach(() => {
	root = mkdtempSync(join(tmpdir(), "powerki-archive-"));
	into = join(root, "into");
	mkdirSync(into);
});
afterEach(() => rmSync(root, { recursive: true }));

const path = (): string => join(root, "a.tgz");

async function unpacked(bytes: Buffer, options: ExpandOptions = {}): Promise<Expanded> {
	writeFileSync(path(), bytes);
	const packed = await packedAs(path(), bytes.subarray(0, 4096));
	return expand(path(), packed!.packing, into, options);
}

/** Everything below a folder by path; a folder is null. */
function tree(from: string): Record<string, string | null> {
	const list = (f: string, shown: string): [string, string | null][] =>
		readdirSync(f, { withFileTypes: true }).flatMap((e): [string, string | null][] => {
			const inside = join(f, e.name);
			const name = `${shown}${e.name}`;
			if (e.isDirectory()) return [[name, null], ...list(inside, `${name}/`)];
			expect([name, e.isFile(), lstatSync(inside).nlink]).toEqual([name, true, 1]);
			return [[name, readFileSync(inside, "latin1")]];
		});
	return Object.fromEntries(list(from, "").sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What is there, after checking that nothing is outside. */
function made(): Record<string, string | null> {
	expect(readdirSync(root).sort()).toEqual(["a.tgz", "into"]);
	return tree(into);
}

const notes = (e: Expanded): string[] => e.notes.map((n) => `${n.severity} ${n.kind} ${n.count ?? 1}`);

describe("members that are taken", () => {
	test("files and folders, in and out of the order of an archive of tar", async () => {
		const result = await unpacked(
			archive(folder("./"), file("./a", "one"), file("d/e/b", "two"), folder("d/"), folder("empty")),
		);
		expect(made()).toEqual({ a: "one", d: null, "d/e": null, "d/e/b": "two", empty: null });
		expect(result).toEqual({ notes: [], names: ["./a", "d/e/b"], members: 5 });
	});

	test("compressed, and in several gzip members", async () => {
		const bytes = archive(file("a", "x".repeat(5000)), file("b", "two"));
		const result = await unpacked(
			Buffer.concat([gzipSync(bytes.subarray(0, 3000)), gzipSync(bytes.subarray(3000))]),
		);
		expect(made()).toEqual({ a: "x".repeat(5000), b: "two" });
		expect(result.notes).toEqual([]);
	});

	test("V7: no magic, a folder by the end of its name, a type of NUL", async () => {
		const v7 = { magic: "\0\0\0\0\0\0\0\0", type: "\0" };
		await unpacked(archive(header({ name: "d/", ...v7 }), file("d/a", "one", v7)));
		expect(made()).toEqual({ d: null, "d/a": "one" });
	});

	test("long names: prefix of ustar, GNU's long name, path of pax", async () => {
		const long = `${"d".repeat(120)}/${"n".repeat(200)}`;
		await unpacked(
			archive(
				file("n", "ustar", { prefix: "p/q" }),
				longName(long),
				file("cut", "gnu", { magic: GNU_MAGIC }),
				pax([["path", "ü/x"]]),
				file("y", "pax"),
				file("z", "its own name again"),
			),
		);
		expect(made()).toMatchObject({ "p/q/n": "ustar", [long]: "gnu", "ü/x": "pax", z: "its own name again" });
	});

	test("a size in pax, a size in binary", async () => {
		const binary = Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
		await unpacked(
			archive(
				pax([["size", "5"]]),
				Buffer.concat([header({ name: "a", size: 0 }), padded("12345")]),
				file("b", "abc", { sizeField: binary }),
			),
		);
		expect(made()).toEqual({ a: "12345", b: "abc" });
	});

	test("what stands in front of all members, of links and of the volume is passed over", async () => {
		await unpacked(
			archive(
				file("pax_global_header", "52 comment=0123456789012345678901234567890123456789\n", { type: "g" }),
				header({ name: "label", type: "V" }),
				file("././@LongLink", "target".repeat(30), { type: "K" }),
				file("a", "one"),
			),
		);
		expect(made()).toEqual({ a: "one" });
	});

	test("bytes of a name that are not UTF-8 are escaped", async () => {
		await unpacked(archive(file(Buffer.from([0x61, 0xff]), "one")));
		expect(made()).toEqual({ "a\\xFF": "one" });
	});
});

describe("files with holes", () => {
	const part = (offset: number, text: string): [number, Buffer] => [offset, Buffer.from(text)];
	const many = Array.from({ length: 60 }, (_, k) => part(1000 * k, `part ${k}`));
	const whole = (parts: readonly [number, Buffer][], size: number): string => {
		const bytes = Buffer.alloc(size);
		for (const [at, content] of parts) content.copy(bytes, at);
		return bytes.toString("latin1");
	};

	test("type S, with its map in the header and in blocks behind it", async () => {
		const few = [part(0, "begin"), part(8192, "middle")];
		await unpacked(
			archive(
				sparse("few", [...few, part(10_000, "")], 10_000),
				sparse("many", many, 100_000),
				sparse("hole", [], 5000),
				file("after", "one"),
			),
		);
		expect(made()).toEqual({
			few: whole(few, 10_000),
			many: whole(many, 100_000),
			hole: whole([], 5000),
			after: "one",
		});
		expect(lstatSync(join(into, "many")).blocks * 512).toBeLessThan(100_000 + 4096);
	});

	test("the three ways of pax", async () => {
		const parts = [part(512, "one"), part(4096, "three"), part(9000, "")];
		const map = parts.map(([at, bytes]) => [String(at), String(bytes.length)]);
		const content = Buffer.concat(parts.map(([, bytes]) => bytes));
		const listed = padded(`${parts.length}\n${map.flat().join("\n")}\n`);
		await unpacked(
			archive(
				pax([
					["GNU.sparse.size", "9000"],
					["GNU.sparse.numblocks", "3"],
					...map.flatMap(([at, n]): [string, string][] => [
						["GNU.sparse.offset", at!],
						["GNU.sparse.numbytes", n!],
					]),
				]),
				file("v00", content),
				pax([
					["GNU.sparse.size", "9000"],
					["GNU.sparse.name", "v01"],
					["GNU.sparse.map", map.flat().join(",")],
				]),
				file("GNUSparseFile.1/v01", content),
				pax([
					["GNU.sparse.major", "1"],
					["GNU.sparse.minor", "0"],
					["GNU.sparse.name", "v10"],
					["GNU.sparse.realsize", "9000"],
				]),
				file("GNUSparseFile.1/v10", Buffer.concat([listed, content])),
				file("after", "one"),
			),
		);
		const expected = whole(parts, 9000);
		expect(made()).toEqual({ v00: expected, v01: expected, v10: expected, after: "one" });
	});

	const formats: readonly (readonly string[])[] = [
		["--format=gnu"],
		["--format=oldgnu"],
		...["0.0", "0.1", "1.0"].map((v) => ["--format=pax", `--sparse-version=${v}`]),
	];
	const gnuTar = /GNU tar/.test(spawnSync("tar", ["--version"], { encoding: "utf8" }).stdout ?? "");
	for (const format of formats)
		test.skipIf(!gnuTar)(`as GNU tar stores them: ${format.join(" ")}`, async () => {
			const from = join(root, "from");
			mkdirSync(from);
			const bytes = Buffer.from(
				whole(
					many.map(([at, b]) => [at * 64, b]),
					5_000_000,
				),
				"latin1",
			);
			// with holes on the disk, which --sparse looks for
			const fd = openSync(join(from, "image"), "wx");
			for (const [at, content] of many) writeSync(fd, content, 0, content.length, at * 64);
			ftruncateSync(fd, bytes.length);
			closeSync(fd);
			execFileSync("tar", ["-cSf", path(), ...format, "-C", from, "image"]);
			const stored = readFileSync(path());
			expect(stored.length).toBeLessThan(1_000_000);
			rmSync(from, { recursive: true });
			await unpacked(stored);
			expect(made()).toEqual({ image: bytes.toString("latin1") });
		});

	test("maps that make no sense cost the member, not those behind it", async () => {
		const result = await unpacked(
			archive(
				sparse("overlap", [part(100, "12345"), part(102, "12345")], 1000),
				sparse("behind", [part(990, "1234567890123")], 1000),
				sparse("more", [part(0, "12345")], 1000, { size: 4 }),
				file("after", "one"),
			),
		);
		expect(made()).toEqual({ after: "one" });
		expect(notes(result)).toEqual(["warning archive-sparse 3"]);
	});

	test("a map without end, a number that is none, a size that no disk has", async () => {
		const endless = sparse("endless", many, 100_000);
		for (let at = 512 + 504; at < endless.length; at += 512) endless[at] = 1;
		expect(notes(await unpacked(archive(endless, file("after", "x"))))).toEqual([
			"error archive-damaged 1",
			"warning archive-sparse 1",
		]);
		const result = await unpacked(
			archive(
				sparse("huge", [part(0, "x")], 2 ** 33 - 1),
				sparse("large", [part(0, "x")], 3 << 20),
				file("b", "x"),
			),
			{ maxExpand: 1 << 20 },
		);
		expect(notes(result)).toEqual(["warning archive-large 2"]);
		expect(made()).toMatchObject({ b: "x" });
	});

	test("many that are small in the archive are bounded together", async () => {
		const members = Array.from({ length: 20 }, (_, k) => sparse(`f${k}`, [part(0, "x")], 1 << 20));
		const result = await unpacked(archive(...members), { maxExpand: 1 << 20 });
		expect(notes(result)).toEqual(["warning archive-large 12"]);
		expect(Object.keys(made())).toHaveLength(8);
	});
});

describe("names that lead elsewhere, or nowhere", () => {
	const refused: Record<string, string | Buffer> = {
		absolute: "/etc/evil",
		"upwards at once": "../evil",
		"upwards from within": "a/../../evil",
		"upwards and back": "a/../b",
		"only upwards": "..",
		"a component of 256 bytes": "n".repeat(256),
		"thousands of characters": "n/".repeat(4000),
		"longer than any name": "n".repeat(100_000),
		"nine folders": "a/b/c/d/e/f/g/h/i",
		empty: "",
		"the folder itself": ".",
	};
	for (const [what, name] of Object.entries(refused))
		test(what, async () => {
			const result = await unpacked(archive(longName(name), file("short", "evil"), file("b", "two")));
			expect(made()).toEqual({ b: "two" });
			expect(notes(result)).toEqual(["warning archive-name 1"]);
			expect(result.notes[0]!.text).toContain("“");
			expect(result.notes[0]!.text.length).toBeLessThan(300);
		});

	test("a NUL in a path of pax", async () => {
		const result = await unpacked(archive(pax([["path", "a\0b"]]), file("a", "one")));
		expect(made()).toEqual({});
		expect(notes(result)).toEqual(["warning archive-name 1"]);
		expect(result.notes[0]!.text).toContain("a\\x00b");
	});

	test("and are refused for folders as for files", async () => {
		const result = await unpacked(archive(folder("../evil/"), folder("/tmp/evil/")));
		expect(made()).toEqual({});
		expect(notes(result)).toEqual(["warning archive-name 2"]);
	});
});

describe("members that are no plain files", () => {
	test("links are not made, and not gone through", async () => {
		const secret = join(root, "into", "..", "secret");
		const result = await unpacked(
			archive(
				header({ name: "out", type: "2", target: ".." }),
				file("out/secret", "written"),
				header({ name: "hard", type: "1", target: "/etc/passwd" }),
				header({ name: "loop", type: "2", target: "loop" }),
				file("loop", "a file"),
			),
		);
		expect(existsSync(secret)).toBe(false);
		expect(made()).toEqual({ out: null, "out/secret": "written", loop: "a file" });
		expect(notes(result)).toEqual(["warning archive-link 3"]);
		expect(result.notes[0]!.text).toContain("“out”, “hard”, “loop”");
	});

	test("a link that is there already is not written through", async () => {
		const outside = join(root, "into", "outside");
		writeFileSync(join(into, "target"), "untouched");
		symlinkSync("target", outside);
		const result = await unpacked(archive(file("outside", "written")));
		expect(readFileSync(join(into, "target"), "utf8")).toBe("untouched");
		expect(notes(result)).toEqual(["warning archive-duplicate 1"]);
	});

	test("devices, pipes, unknown types", async () => {
		const types = ["3", "4", "6", "M", "z"].map((type) => header({ name: `t${type}`, type }));
		const result = await unpacked(archive(...types, file("after", "one")));
		expect(made()).toEqual({ after: "one" });
		expect(notes(result)).toEqual(["warning archive-special 3", "warning archive-special 2"]);
	});

	test("their sizes are not believed", async () => {
		await unpacked(archive(header({ name: "l", type: "2", size: 5000, target: "x" }), file("after", "one")));
		expect(made()).toEqual({ after: "one" });
	});
});

describe("members in each other's way", () => {
	test("of one name the first counts", async () => {
		const result = await unpacked(archive(file("a", "first"), file("a", "second"), file("./a", "third")));
		expect(made()).toEqual({ a: "first" });
		expect(notes(result)).toEqual(["warning archive-duplicate 2"]);
	});

	test("a folder where a file is, a file where a folder is", async () => {
		const result = await unpacked(
			archive(file("a", "file"), file("a/b", "below"), folder("a/"), folder("d/"), file("d", "file")),
		);
		expect(made()).toEqual({ a: "file", d: null });
		expect(notes(result)).toEqual(["warning archive-duplicate 3"]);
	});

	test("names that differ in case or normalisation are two, or the first where the file system knows one", async () => {
		const names = ["Data", "data", "\u00e9", "e\u0301"];
		const result = await unpacked(archive(...names.map((name, k) => file(name, `${k}`))));
		const there = made();
		expect(Object.values(there).every((content) => content !== null)).toBe(true);
		expect(Object.keys(there).length + (result.notes[0]?.count ?? 0)).toBe(4);
		expect(Object.values(there)).toEqual(expect.arrayContaining(["0", "2"]));
	});
});

describe("damage", () => {
	const damaged = "error archive-damaged 1";

	test("a header with a wrong checksum: what came before stays, what follows is not looked for", async () => {
		const bytes = archive(file("a", "one"), file("b", "two"), file("c", "three"));
		bytes[1024] ^= 1;
		const result = await unpacked(bytes);
		expect(made()).toEqual({ a: "one" });
		expect(result.notes).toMatchObject([
			{ severity: "error", offset: 1024, text: expect.stringMatching(/checksum is wrong, at byte 1024;/) },
		]);
	});

	test("the first header is damaged: an archive without members", async () => {
		const bytes = archive(file("a", "one"));
		bytes[0] ^= 1;
		const result = await unpacked(bytes);
		expect(made()).toEqual({});
		expect(notes(result)).toEqual([damaged]);
		expect(result.members).toBe(0);
	});

	const sizes: Record<string, Buffer> = {
		"a negative size": Buffer.alloc(12, 0xff),
		"a size of 2^94": Buffer.from([0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
		"a size in letters": Buffer.from("12345678abc\0"),
	};
	for (const [what, sizeField] of Object.entries(sizes))
		test(what, async () => {
			const result = await unpacked(archive(file("a", "one"), file("b", "two", { sizeField })));
			expect(made()).toEqual({ a: "one" });
			expect(result.notes).toMatchObject([
				{ severity: "error", text: expect.stringMatching(/its size is no number/) },
			]);
		});

	test("a member that says it is larger than the archive keeps what there is", async () => {
		const result = await unpacked(archive(file("a", "one"), file("b", "two", { size: 1_000_000 })));
		expect(Object.keys(made())).toEqual(["a", "b"]);
		expect(readFileSync(join(into, "b"), "latin1")).toBe(`two${"\0".repeat(509 + 1024)}`);
		expect(result.notes).toMatchObject([
			{ severity: "error", offset: 1024, text: expect.stringContaining("“b” has 1536 of 1000000 bytes") },
		]);
	});

	test("a member that says it is smaller: its content is no header", async () => {
		const result = await unpacked(archive(file("a", "x".repeat(2000), { size: 3 }), file("b", "two")));
		expect(made()).toEqual({ a: "xxx" });
		expect(notes(result)).toEqual([damaged]);
	});

	test("extended headers that are none, or too large", async () => {
		for (const records of ["nonsense", "99 path=a\n", "9 size=-1\n", "20 size=1e99999999\n"]) {
			const result = await unpacked(archive(file("x", records, { type: "x" }), file("a", "one")));
			expect([records, notes(result)]).toEqual([records, [damaged]]);
		}
		const result = await unpacked(
			archive(file("x", Buffer.alloc(5 << 20, "1"), { type: "x" }), file("a", "one")),
		);
		expect(notes(result)).toEqual([damaged]);
		expect(made()).toEqual({});
	});

	test("no end mark", async () => {
		expect(notes(await unpacked(file("a", "one")))).toEqual([damaged]);
		expect(made()).toEqual({ a: "one" });
	});

	test("something behind the end mark", async () => {
		const result = await unpacked(Buffer.concat([archive(file("a", "one")), archive(file("b", "two"))]));
		expect(made()).toEqual({ a: "one" });
		expect(notes(result)).toEqual(["warning archive-behind 1"]);
	});

	const content = (k: number): string =>
		Array.from({ length: 700 }, (_, i) => ((i * 7919 * (k + 3)) % 9973).toString(36)).join();
	const members = [0, 1, 2, 3, 4].map((k) => file(`f${k}`, content(k)));
	const whole = archive(...members, sparse("s", [[4096, Buffer.from("part")]], 100_000));
	for (const [kind, bytes] of [
		["tar", whole],
		["tar.gz", gzipSync(whole)],
	] as const)
		test(`a ${kind} cut off anywhere gives the first members and says so`, async () => {
			let most = 0;
			for (let k = 1; k < 40; k++) {
				const length = Math.floor(((bytes.length - (kind === "tar" ? END.length : 0)) * k) / 40);
				if (length < 600) continue;
				rmSync(into, { recursive: true });
				mkdirSync(into);
				const result = await unpacked(bytes.subarray(0, length));
				expect([length, notes(result)]).toEqual([length, [damaged]]);
				const there = Object.entries(made());
				for (const [n, [name, text]] of there.entries())
					if (n < there.length - 1)
						expect([length, name, text === content(n)]).toEqual([length, `f${n}`, true]);
					else if (name !== "s") expect(content(n).startsWith(text!)).toBe(true);
				expect(there.length).toBeGreaterThanOrEqual(most);
				most = there.length;
			}
			expect(most).toBeGreaterThanOrEqual(5);
		});

	test("a byte that changed in a gzip file: what came before it, to the byte, and where", async () => {
		const random = Buffer.alloc(200_000);
		for (let i = 0, x = 1; i < random.length; i++) {
			x = (x * 1103515245 + 12345) % 2 ** 31;
			random[i] = x >> 16;
		}
		const bytes = gzipSync(archive(file("a", random), file("b", random)));
		bytes[bytes.length - 6]! ^= 0x10;
		const result = await unpacked(bytes);
		expect(made()).toEqual({ a: random.toString("latin1"), b: random.toString("latin1") });
		expect(result.notes).toMatchObject([
			{ severity: "error", text: expect.stringMatching(/incorrect data check at byte \d+/) },
		]);
	});

	test("bytes behind a gzip file that are none of it do not matter", async () => {
		const bytes = gzipSync(archive(file("a", "one")));
		for (const [more, expected] of [
			[Buffer.alloc(5000), []],
			[Buffer.from("signature".repeat(1000)), ["info archive-behind 1"]],
		] as const) {
			rmSync(into, { recursive: true });
			mkdirSync(into);
			const result = await unpacked(Buffer.concat([bytes, more]));
			expect(made()).toEqual({ a: "one" });
			expect(notes(result)).toEqual(expected);
		}
	});
});

describe("too much", () => {
	test("a bomb ends with an error that says how to allow it, whether it is written or passed over", async () => {
		const zeros = Buffer.alloc(8 << 20);
		for (const member of [file("a", zeros), file("../a", zeros), file("x", zeros, { type: "z" })]) {
			await expect(unpacked(gzipSync(archive(member)), { maxExpand: 4 << 20 })).rejects.toMatchObject({
				code: exitCode.unreadable,
				message: "a.tgz: unpacks to more than 4.00 MiB",
				details: expect.arrayContaining([expect.stringContaining("--max-expand 1G")]),
			});
			made();
		}
		await unpacked(gzipSync(archive(file("b", zeros))), { maxExpand: 9 << 20 });
		expect(lstatSync(join(into, "b")).size).toBe(8 << 20);
	});

	test("zeros behind the end are not unpacked for ever", async () => {
		const result = await unpacked(
			gzipSync(Buffer.concat([archive(file("a", "one")), Buffer.alloc(64 << 20)])),
			{
				maxExpand: 8 << 20,
			},
		);
		expect(result.notes).toEqual([]);
	});

	test("too many members", async () => {
		const same = header({ name: "a", type: "z" });
		const many = Buffer.concat(Array.from({ length: 100_001 }, () => same));
		await expect(unpacked(many)).rejects.toMatchObject({ code: exitCode.unreadable });
	});

	test("it can be interrupted", async () => {
		const stop = new AbortController();
		stop.abort();
		await expect(unpacked(archive(file("a", "one")), { signal: stop.signal })).rejects.toMatchObject({
			code: exitCode.interrupted,
		});
	});
});
