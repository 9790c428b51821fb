import { expect, test } from "vitest";
import { FrameTable, isAnonymous, KERNEL_REGION } from "./frames.ts";

test("memory without a file is told by its name", () => {
	for (const name of [
		"",
		"//anon",
		"[heap]",
		"[stack]",
		"[anon:java]",
		"/memfd:jit (deleted)",
		"/dev/zero",
		"/SYSV00000000",
	])
		expect(isAnonymous(name), name).toBe(true);
	for (const name of ["/bin/prog", "/tmp/jitted-7-1.so", "[vdso]", "[vsyscall]"])
		expect(isAnonymous(name), name).toBe(false);
});

test("a frame is an address in its region", () => {
	const frames = new FrameTable();
	const library = frames.file("/lib/a.so", "ab12", 0x3fff_0000_0000n);
	expect(frames.file("/lib/a.so", "ab12", 0x3fff_0000_0000n)).toBe(library);
	// another build, and another place of the same one
	expect(frames.file("/lib/a.so", null, 0x3fff_0000_0000n)).not.toBe(library);
	expect(frames.file("/lib/a.so", "ab12", 0x3ffe_0000_0000n)).not.toBe(library);
	const frame = frames.of(library, 0x40, 0x3fff);
	expect(frames.of(library, 0x40, 0x3fff)).toBe(frame);
	expect(frames.of(frames.memory(7, null), 0x40, 0x3fff)).not.toBe(frame);
	expect(frames.of(KERNEL_REGION, 0x40, 0x3fff)).not.toBe(frame);
	expect(frames.region(frame)).toEqual({
		kernel: false,
		module: "/lib/a.so",
		buildId: "ab12",
		bias: 0x3fff_0000_0000n,
		tgid: null,
	});
	expect(frames.address(frame)).toBe(0x3fff_0000_0040n);
});
