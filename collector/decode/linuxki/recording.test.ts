import { basename, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { chunk, folderOf, record, removeFolders } from "./chunk-testing.ts";
import { linuxkiDirectory, linuxkiSeries, recordingsOf } from "./recording.ts";

afterEach(removeFolders);

const some = (n: number, version = 9) =>
	chunk(
		Array.from({ length: n }, (_, k) => record({ ts: 1000 + k, id: 17 })),
		{ last: true, version },
	);

const names = (paths: readonly string[] | null) => paths?.map((p) => basename(p)) ?? null;

describe("the files of a folder", () => {
	it("are those of the CPUs, in order of number", () => {
		const path = folderOf({
			"ki.bin.1000.0102_0304": some(1),
			"ki.bin.002.0102_0304": some(1),
			"ki.bin.010.0102_0304": some(1),
			"ki.err.0102_0304": "",
			"kallsyms.0102_0304": "",
		});
		expect(names(linuxkiDirectory(path))).toEqual([
			"ki.bin.002.0102_0304",
			"ki.bin.010.0102_0304",
			"ki.bin.1000.0102_0304",
		]);
		expect(recordingsOf(linuxkiDirectory(path)!)[0]!.files.map((f) => f.cpu)).toEqual([2, 10, 1000]);
	});

	it("are none where there is no ki.bin", () => {
		expect(linuxkiDirectory(folderOf({ "kallsyms.0102_0304": "", "ki.bin.d/x": "" }))).toBe(null);
		expect(linuxkiDirectory(join(folderOf({ "ki.bin.000.T": some(1) }), "ki.bin.000.T"))).toBe(null);
		expect(linuxkiDirectory("/nowhere")).toBe(null);
	});

	it("are the merged file or those of the CPUs, where merging or removing was interrupted: what is complete", () => {
		const perCpu = { "ki.bin.000.T": some(5), "ki.bin.001.T": some(5) };
		expect(names(linuxkiDirectory(folderOf({ ...perCpu, "ki.bin.T": some(10) })))).toEqual([
			"ki.bin.000.T",
			"ki.bin.001.T",
		]);
		expect(names(linuxkiDirectory(folderOf({ "ki.bin.001.T": some(5), "ki.bin.T": some(10) })))).toEqual([
			"ki.bin.T",
		]);
		expect(names(linuxkiDirectory(folderOf({ ...perCpu, "ki.bin.T": some(7) })))).toEqual([
			"ki.bin.000.T",
			"ki.bin.001.T",
		]);
	});
});

describe("a recording", () => {
	it("has members by kind and its own tag", () => {
		const path = folderOf({
			"ki.bin.000.A": some(1),
			"ki.bin.000.B": some(1, 7),
			"uname-a.A": "x",
			"objdump.B/?bin?true": "x",
		});
		const [a, b] = recordingsOf(linuxkiDirectory(path)!);
		expect([a!.tag, a!.buffer, a!.version, a!.member("uname-a"), a!.objdump]).toEqual([
			"A",
			"A",
			9,
			join(path, "uname-a.A"),
			null,
		]);
		expect([b!.version, b!.member("uname-a"), b!.objdump]).toEqual([7, null, join(path, "objdump.B")]);
	});

	it("has the version of its files that are not empty, one of which may be damaged", () => {
		const of = (files: Record<string, Uint8Array>) =>
			recordingsOf(linuxkiDirectory(folderOf(files))!)[0]!.version;
		expect(of({ "ki.bin.000.T": Buffer.alloc(0), "ki.bin.001.T": some(1, 5) })).toBe(5);
		expect(of({ "ki.bin.000.T": some(1, 8), "ki.bin.001.T": some(1), "ki.bin.002.T": some(1) })).toBe(9);
		expect(of({ "ki.bin.000.T": Buffer.alloc(0) })).toBe(-1);
	});

	it("may be one file of any name", () => {
		const path = join(folderOf({ trace: some(1) }), "trace");
		const [r] = recordingsOf([path]);
		expect([r!.tag, r!.buffer, r!.version, r!.files, r!.member("kallsyms")]).toEqual([
			"",
			"",
			9,
			[{ path, cpu: null }],
			null,
		]);
	});

	it("is what the files of its CPUs have in common", () => {
		expect(linuxkiSeries(["/a/ki.bin.000.T"])).toBe(linuxkiSeries(["/a/ki.bin.001.T"]));
		expect(linuxkiSeries(["/a/ki.bin.000.T"])).not.toBe(linuxkiSeries(["/a/ki.bin.000.U"]));
		expect(linuxkiSeries(["/a/ki.bin.000.T"])).not.toBe(linuxkiSeries(["/b/ki.bin.000.T"]));
		expect([linuxkiSeries(["/a/ki.bin.0102_0304"]), linuxkiSeries(["/a/trace"])]).toEqual([null, null]);
	});
});
