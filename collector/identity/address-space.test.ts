import { describe, expect, test } from "vitest";
import { type AddressSpace, AddressSpaces, type Mapping } from "./address-space.ts";

function mapping(start: bigint, length: bigint, name: string, fileOffset = 0n): Mapping {
	return { start, length, fileOffset, name, buildId: null, executable: true };
}

function at(space: AddressSpace, address: bigint): string | null {
	const area = space.find(Number(BigInt.asIntN(32, address)), Number(BigInt.asIntN(32, address >> 32n)));
	return area && `${area.name}+${(address - area.bias).toString(16)}`;
}

describe("an address space", () => {
	test("finds the file and the place in it", () => {
		const spaces = new AddressSpaces();
		spaces.map(7, mapping(0x3fff_8000_0000n, 0x20000n, "/lib/libc.so.6", 0x1000n));
		spaces.map(7, mapping(0x1000_0000n, 0x10000n, "/bin/prog"));
		const space = spaces.of(7);
		expect(at(space, 0x1000_0000n)).toBe("/bin/prog+0");
		expect(at(space, 0x1000_ffffn)).toBe("/bin/prog+ffff");
		expect(at(space, 0x1001_0000n)).toBe(null);
		expect(at(space, 0x0fff_ffffn)).toBe(null);
		expect(at(space, 0x3fff_8000_0010n)).toBe("/lib/libc.so.6+1010");
		expect(at(spaces.of(8), 0x1000_0000n)).toBe(null);
	});

	test("gives the overlapped part to the later mapping", () => {
		const spaces = new AddressSpaces();
		spaces.map(1, mapping(0x1000n, 0x4000n, "old"));
		spaces.map(1, mapping(0x2000n, 0x1000n, "middle"));
		const space = spaces.of(1);
		expect(at(space, 0x1fffn)).toBe("old+fff");
		expect(at(space, 0x2000n)).toBe("middle+0");
		expect(at(space, 0x3000n)).toBe("old+2000");
		spaces.map(1, mapping(0x1800n, 0x8000n, "all"));
		expect(at(space, 0x17ffn)).toBe("old+7ff");
		expect(at(space, 0x1800n)).toBe("all+0");
		expect(at(space, 0x4fffn)).toBe("all+37ff");
	});

	test("keeps addresses of the upper half apart to the last byte of a page", () => {
		const spaces = new AddressSpaces();
		spaces.map(1, mapping(0xffff_ffff_ff60_0000n, 0x1000n, "[vsyscall]"));
		const space = spaces.of(1);
		expect(at(space, -0xa0_0000n)?.startsWith("[vsyscall]")).toBe(true);
		expect(at(space, -0x9f_f001n)?.startsWith("[vsyscall]")).toBe(true);
		expect(at(space, -0x9f_f000n)).toBe(null);
	});

	test("is copied by fork: neither sees what the other maps later", () => {
		const spaces = new AddressSpaces();
		spaces.map(1, mapping(0x1000n, 0x1000n, "shared"));
		spaces.fork(1, 2);
		spaces.map(2, mapping(0x5000n, 0x1000n, "child"));
		spaces.map(1, mapping(0x1000n, 0x1000n, "parent"));
		expect(at(spaces.of(2), 0x1000n)).toBe("shared+0");
		expect(at(spaces.of(2), 0x5000n)).toBe("child+0");
		expect(at(spaces.of(1), 0x1000n)).toBe("parent+0");
		expect(at(spaces.of(1), 0x5000n)).toBe(null);
	});

	test("is empty after exec and after exit, and stays as it is when a thread is made", () => {
		const spaces = new AddressSpaces();
		spaces.map(1, mapping(0x1000n, 0x1000n, "prog"));
		spaces.fork(1, 1);
		expect(at(spaces.of(1), 0x1000n)).toBe("prog+0");
		spaces.exec(1);
		expect(at(spaces.of(1), 0x1000n)).toBe(null);
		spaces.map(1, mapping(0x1000n, 0x1000n, "next"));
		spaces.exit(1);
		expect(at(spaces.of(1), 0x1000n)).toBe(null);
	});

	test("has another version after each change, but not after a repeated mapping", () => {
		const spaces = new AddressSpaces();
		spaces.map(1, mapping(0x1000n, 0x1000n, "prog"));
		const first = spaces.of(1).version;
		spaces.map(1, mapping(0x1000n, 0x1000n, "prog"));
		expect(spaces.of(1).version).toBe(first);
		spaces.map(1, mapping(0x3000n, 0x1000n, "lib"));
		expect(spaces.of(1).version).not.toBe(first);
		spaces.fork(1, 2);
		expect(spaces.of(2).version).not.toBe(spaces.of(1).version);
	});

	test("bounds the mappings of one process and says so", () => {
		let refused = 0;
		const spaces = new AddressSpaces(() => refused++);
		for (let i = 0; i < 70_000; i++) spaces.map(1, mapping(BigInt(i) * 0x2000n, 0x1000n, "/many"));
		expect(refused).toBe(70_000 - 65_536);
		expect(at(spaces.of(1), 0n)).toBe("/many+0");
	});

	test("bounds processes, and forgets the dead", () => {
		let refused = 0;
		const spaces = new AddressSpaces(() => refused++);
		for (let pid = 1; pid <= 600_000; pid++) spaces.map(pid, mapping(0x1000n, 0x1000n, "/prog"));
		expect(refused).toBe(600_000 - (1 << 19));
		// of a process without room nothing is known, and it is not taken for another
		expect(at(spaces.of(600_000), 0x1000n)).toBe(null);
		const stranger = spaces.of(600_000).version;
		expect(spaces.of(599_999).version).not.toBe(stranger);
		spaces.exit(1);
		spaces.map(600_000, mapping(0x1000n, 0x1000n, "/prog"));
		expect(at(spaces.of(600_000), 0x1000n)).toBe("/prog+0");
	});

	test("takes mappings without sense for none", () => {
		const spaces = new AddressSpaces();
		spaces.map(1, mapping(0x1000n, 0n, "empty"));
		expect(at(spaces.of(1), 0x1000n)).toBe(null);
		spaces.map(1, mapping(0xffff_ffff_ffff_f000n, 0xffff_ffff_ffff_ffffn, "beyond", 0xffff_ffff_ffff_0000n));
		expect(at(spaces.of(1), 0x1000n)).toBe(null);
	});
});
