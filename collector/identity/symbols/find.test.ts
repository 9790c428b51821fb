import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Note } from "../../decode/source.ts";
import { openBinaries } from "./find.ts";
import { buildElf, packer, type TestElf } from "./testing.ts";

const id = "b9ca025ddd9f30de3cb2a7bea3db4beacb335411";
const otherId = "318ddadefaaee064fbcbe4946539bf44a5edc783";
const functions = [{ name: "work", at: 0x1000, bytes: 0x100 }];
const program: TestElf = { buildId: id, symbols: functions };

let folder: string;
let notes: Note[];

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "powerki-symbols-"));
	notes = [];
	vi.stubEnv("HOME", join(folder, "home"));
});
afterEach(() => {
	vi.unstubAllEnvs();
	rmSync(folder, { recursive: true });
});

function put(path: string, content: TestElf | Buffer | string): string {
	const file = join(folder, path);
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(file, Buffer.isBuffer(content) || typeof content === "string" ? content : buildElf(content));
	return file;
}

const open = (...symbols: string[]) => {
	for (const name of symbols) mkdirSync(join(folder, name), { recursive: true });
	return openBinaries({
		symbols: symbols.map((name) => join(folder, name)),
		tracePath: join(folder, "trace/perf.data"),
		files: [join(folder, "given/perf-9.map")],
		note: (note) => notes.push(note),
	});
};

describe("the file of a mapping", () => {
	it("is found as in a copy of the machine's files, by its name, by its build-id, or anywhere by its build-id", async () => {
		for (const path of [
			"dir/usr/bin/prog",
			"dir/prog",
			`dir/.build-id/${id.slice(0, 2)}/${id.slice(2)}`,
			`dir/.build-id/${id.slice(0, 2)}/${id.slice(2)}/elf`,
			"dir/some/where/prog.ppc64le",
		]) {
			const file = put(path, program);
			const found = (await open("dir")).find("/usr/bin/prog", id);
			expect(found?.file).toBe(file);
			expect(found?.function(0x1004)).toEqual({ name: "work", start: 0x1000, end: 0x1100 });
			rmSync(join(folder, "dir"), { recursive: true });
		}
	});

	it("is taken from the first folder that has it", async () => {
		put("b/prog", program);
		put("a/prog", { ...program, buildId: otherId });
		expect((await open("a", "b")).find("/usr/bin/prog", id)?.file).toBe(join(folder, "b/prog"));
	});

	it("of another build is refused, and that is said", async () => {
		put("dir/prog", { ...program, buildId: otherId });
		put("dir/bare", { symbols: functions });
		const binaries = await open("dir");
		expect(binaries.find("/usr/bin/prog", id)).toBeNull();
		expect(binaries.find("/usr/bin/bare", id)).toBeNull();
		expect(binaries.find("/usr/bin/none", id)).toBeNull();
		expect(binaries.states()).toEqual([
			{ module: "/usr/bin/prog", buildId: id, file: null, state: "other build" },
			{ module: "/usr/bin/bare", buildId: id, file: null, state: "other build" },
			{ module: "/usr/bin/none", buildId: id, file: null, state: "not found" },
		]);
		expect(notes.map((n) => n.kind)).toEqual(["symbols-other-build", "symbols-other-build"]);
	});

	it("has a build-id of any length; recorders keep 20 bytes, filled up with zeros", async () => {
		const short = "00112233445566778899aabbccddeeff";
		const long = `${id}00112233445566778899aabb`;
		put("dir/somewhere/short", { ...program, buildId: short });
		put("dir/somewhere/long", { ...program, buildId: long });
		const binaries = await open("dir");
		const find = (buildId: string) => binaries.find("/bin/x", buildId)?.file.split("/").pop();
		expect([short, `${short}00000000`, long, id].map(find)).toEqual(["short", "short", "long", "long"]);
		expect([short.slice(0, 16), `${short}00000001`].map(find)).toEqual([undefined, undefined]);
	});

	it("is taken by its name where the trace has no build-id, with one note for all", async () => {
		const file = put("dir/prog", program);
		put("dir/lib.so", program);
		const binaries = await open("dir");
		expect(binaries.find("/usr/bin/prog", null)?.file).toBe(file);
		expect(binaries.find("/usr/lib/lib.so", null)).not.toBeNull();
		expect(binaries.states()[0]).toEqual({ module: "/usr/bin/prog", buildId: null, file, state: "named" });
		expect(notes).toMatchObject([{ kind: "symbols-unchecked", source: "/usr/bin/prog" }]);
	});

	it("on this machine is used for its own build-id alone", async () => {
		const file = put("bin/prog", program);
		const cached = put(`home/.debug/.build-id/${otherId.slice(0, 2)}/${otherId.slice(2)}/elf`, {
			...program,
			buildId: otherId,
		});
		const binaries = await open();
		expect(binaries.find(file, id)?.file).toBe(file);
		expect(binaries.find(file, null)).toBeNull();
		expect(binaries.find(file, otherId)?.file).toBe(cached);
		expect(binaries.find("/gone", otherId)?.file).toBe(cached);
		expect(notes).toEqual([]);
	});

	it("without symbols, damaged, of no file: each is another answer", async () => {
		put("dir/stripped", { buildId: id });
		put("dir/script", "#!/bin/sh\nexit 0\n".repeat(10));
		const binaries = await open("dir");
		for (const module of ["/bin/stripped", "/bin/script", "//anon", "[heap]", "/memfd:jit (deleted)"])
			binaries.find(module, module === "/bin/stripped" ? id : null);
		expect(binaries.states().map((s) => [s.module, s.state])).toEqual([
			["/bin/stripped", "no symbols"],
			["/bin/script", "unreadable"],
			["//anon", "no file"],
			["[heap]", "no file"],
			["/memfd:jit (deleted)", "no file"],
		]);
	});

	it("follows links as on the traced machine, and opens plain files only", async () => {
		const file = put("dir/usr/lib/real/prog", program);
		mkdirSync(join(folder, "dir/opt"));
		symlinkSync("/usr/lib/real", join(folder, "dir/opt/link"));
		symlinkSync("../../../../../../../usr/../usr/lib/real/prog", join(folder, "dir/opt/up"));
		symlinkSync("round", join(folder, "dir/opt/round"));
		symlinkSync("/dev/zero", join(folder, "dir/opt/zero"));
		execFileSync("mkfifo", [join(folder, "dir/opt/pipe")]);
		const binaries = await open("dir");
		const find = (path: string) => binaries.find(path, null)?.file ?? null;
		expect(find("/opt/link/prog")).toBe(file);
		expect(find("/opt/up")).toBe(file);
		expect(find("/../../usr/lib/real/prog (deleted)")).toBe(file);
		for (const path of ["/opt/round", "/opt/zero", "/opt/pipe", "/opt/link", "/opt", "/", "/opt/link/prog/x"])
			expect([path, find(path)]).toEqual([path, null]);
	});

	it("of the vDSO is vdso*.so, or the file with its build-id", async () => {
		const file = put("dir/vdso64.so", program);
		put("dir/vdso32.so", { ...program, buildId: otherId });
		expect((await open("dir")).find("[vdso]", id)?.file).toBe(file);
		const hidden = put("other/lib/modules/6.12/vdso/vdso.so", program);
		expect((await open("other")).find("[vdso]", id)?.file).toBe(hidden);
	});
});

describe("a symbol file of a LinuxKI archive", () => {
	/** All is holes but for the headers and the symbols. */
	const sparse: TestElf = {
		text: { address: 0x1000, bytes: Buffer.alloc(0x20000) },
		symbols: functions,
		sections: [
			{ name: ".note.gnu.build-id", type: 7, content: Buffer.alloc(0x24) },
			{ name: ".eh_frame", content: Buffer.alloc(0x1000) },
			{ name: ".debug_info", content: Buffer.alloc(0x1000) },
			{ name: ".debug_line", content: Buffer.alloc(0x1000) },
			{ name: ".gnu_debuglink", content: Buffer.alloc(16) },
		],
	};
	const whole: TestElf = {
		text: { address: 0x1000, bytes: Buffer.alloc(0x20000, "60000000", "hex") },
		symbols: [{ name: "real", at: 0x1000, bytes: 0x100 }],
	};

	it("is found by the path with ? for each /, and has names alone", async () => {
		const file = put("objdump.1125_1101/?usr?bin?prog", sparse);
		const binaries = await open("objdump.1125_1101");
		const found = binaries.find("/usr/bin/prog", null)!;
		expect(found.file).toBe(file);
		expect(found.function(0x1004)?.name).toBe("work");
		expect(found.word(0x1004)).toBeNull();
		expect(found.place(0x1004)).toBeNull();
		expect(found.frames?.stateAt(0x1004) ?? null).toBeNull();
		expect(binaries.find("/bin/prog", null)).toBeNull();
		expect(binaries.states()).toMatchObject([{ state: "named", file }, { state: "not found" }]);
	});

	it("is not used for a build-id, which it does not have", async () => {
		put("objdump/?usr?bin?prog", sparse);
		expect((await open("objdump")).find("/usr/bin/prog", id)).toBeNull();
	});

	it("gives way to the program itself, in whichever folder that is", async () => {
		put("objdump/?usr?bin?prog", sparse);
		const file = put("dir/usr/bin/prog", whole);
		for (const folders of [
			["objdump", "dir"],
			["dir", "objdump"],
		]) {
			const found = (await open(...folders)).find("/usr/bin/prog", null)!;
			expect(found.file).toBe(file);
			expect(found.function(0x1004)?.name).toBe("real");
			expect(found.word(0x1004)).not.toBeNull();
		}
	});

	it("names the functions of a program that was stripped since, if their segments are the same", async () => {
		put("objdump/?usr?bin?prog", sparse);
		put("objdump/?usr?bin?other", { ...sparse, text: { address: 0x1000, bytes: Buffer.alloc(0x10000) } });
		for (const name of ["prog", "other"]) put(`dir/usr/bin/${name}`, { ...whole, symbols: undefined });
		const binaries = await open("objdump", "dir");
		const [prog, other] = ["prog", "other"].map((name) => binaries.find(`/usr/bin/${name}`, null)!);
		expect(prog!.function(0x1004)?.name).toBe("work");
		expect(prog!.word(0x1004)).not.toBeNull();
		expect(other!.function(0x1004)).toBeNull();
		expect(other!.file).toBe(join(folder, "dir/usr/bin/other"));
	});
});

describe("a stripped program", () => {
	const stripped: TestElf = { buildId: id, dynamic: [{ name: "exported", at: 0x1000, bytes: 0x10 }] };
	const debug: TestElf = { ...program, emptied: "objcopy" };

	it("has the functions of its debug file with the same build-id", async () => {
		put("dir/usr/bin/prog", {
			...stripped,
			text: { address: 0x1000, bytes: Buffer.from("3c401011".repeat(64), "hex") },
		});
		const symbols = put(`dir/usr/lib/debug/.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`, debug);
		const binaries = await open("dir");
		const found = binaries.find("/usr/bin/prog", id)!;
		expect(found.function(0x1080)?.name).toBe("work");
		expect(found.word(0x1004)).toBe(0x1110403c);
		expect(binaries.states()).toMatchObject([{ state: "named", file: symbols }]);
	});

	it("has those of the file that .gnu_debuglink names, if the checksum is right", async () => {
		const content = buildElf({ ...debug, buildId: undefined });
		const link = Buffer.concat([Buffer.from("prog.debug\0\0"), packer(true, 8).u32(crc32(content))]);
		put("dir/usr/bin/prog", {
			dynamic: stripped.dynamic,
			sections: [{ name: ".gnu_debuglink", content: link }],
		});
		put("dir/usr/bin/.debug/prog.debug", Buffer.concat([content, Buffer.from("x")]));
		expect((await open("dir")).find("/usr/bin/prog", null)?.function(0x1080)).toBeNull();
		put("dir/usr/lib/debug/usr/bin/prog.debug", content);
		expect((await open("dir")).find("/usr/bin/prog", null)?.function(0x1080)?.name).toBe("work");
	});

	it("has those of its dynamic table and of .gnu_debugdata otherwise", async () => {
		const mini = buildElf({ ...debug, symbols: [{ name: "kept", at: 0x1010, bytes: 0x10 }] });
		const section = { name: ".gnu_debugdata", content: storedXz(mini) };
		put("dir/prog", { ...stripped, sections: [section] });
		const found = (await open("dir")).find("/usr/bin/prog", id)!;
		expect([0x1004, 0x1014, 0x1024].map((a) => found.function(a)?.name)).toEqual([
			"exported",
			"kept",
			undefined,
		]);
		expect(notes).toEqual([]);

		put("dir/prog", { ...stripped, sections: [{ ...section, content: section.content.subarray(0, 100) }] });
		const cut = (await open("dir")).find("/usr/bin/prog", id)!;
		expect(cut.function(0x1004)?.name).toBe("exported");
		expect(notes).toMatchObject([{ kind: "symbols-packed" }]);
	});

	it("has names without instructions when its debug file is all there is", async () => {
		for (const emptied of ["objcopy", "eu-strip"] as const) {
			put("dir/any.debug", { ...debug, emptied });
			const found = (await open("dir")).find("/usr/bin/prog", id)!;
			expect(found.function(0x1004)?.name).toBe("work");
			expect(found.word(0x1004)).toBeNull();
		}
	});
});

describe("places in a program", () => {
	it("are brought to addresses by the segment that holds them", async () => {
		const bytes = Buffer.alloc(0x200);
		put("dir/prog", { buildId: id, symbols: functions, text: { address: 0x11650, bytes }, shift: 0x11000 });
		const found = (await open("dir")).find("/usr/bin/prog", id)!;
		expect(found.addressOf(0x650)).toBe(0x11650);
		expect(found.addressOf(0x84f)).toBe(0x1184f);
		expect(found.addressOf(0x850)).toBeNull();
		expect(found.addressOf(0x64f)).toBeNull();
	});
});

describe("functions of a JIT", () => {
	it("come from perf-PID.map beside the trace, in its side/, given, or with the symbols", async () => {
		put("trace/perf-7.map", "1000 10 beside\n");
		put("trace/side/perf-7.map", "1000 10 hidden\n");
		put("trace/side/perf-8.map", "1000 10 side\n");
		put("given/perf-9.map", "1000 10 given\n");
		put("dir/tmp/perf-10.map", "1000 10 copied\n");
		const binaries = await open("dir");
		expect([7, 8, 9, 10, 11].map((tgid) => binaries.jit(tgid, 0x1008n)?.name)).toEqual([
			"beside",
			"side",
			"given",
			"copied",
			undefined,
		]);
		expect(binaries.jit(7, 0x1010n)).toBeNull();
	});
});

it("a folder that does not exist is an error", async () => {
	await expect(openBinaries({ symbols: ["/no/such"], tracePath: "-", note: () => {} })).rejects.toThrow(
		"no such folder: /no/such",
	);
});

/** An .xz stream of one block that holds its content as it is: chunks of LZMA2 that are not compressed. */
function storedXz(content: Buffer): Buffer {
	const { u16 } = packer(false, 8);
	const chunks: Buffer[] = [];
	for (let at = 0; at < content.length; at += 65536) {
		const part = content.subarray(at, at + 65536);
		chunks.push(Buffer.from([at === 0 ? 1 : 2]), u16(part.length - 1), part);
	}
	const blockHeader = Buffer.from([2, 0, 0x21, 1, 0x16, 0, 0, 0, 0, 0, 0, 0]);
	const streamHeader = Buffer.from("fd377a585a0000000000000000", "hex").subarray(0, 12);
	return Buffer.concat([streamHeader, blockHeader, ...chunks, Buffer.from([0, 0])]);
}
