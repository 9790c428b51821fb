import { expect, test } from "vitest";
import { isMaps, isProcMaps, isProcNumaMaps, isProcStacks, readProcMaps } from "./maps.ts";

const maps = `/proc/1/maps
55d0c0000000-55d0c0001000 r--p 00000000 fd:01 77                         /usr/bin/app
55d0c0001000-55d0c0004000 r-xp 00001000 fd:01 77                         /usr/bin/app
55d0c1000000-55d0c1021000 rw-p 00000000 00:00 0                          [heap]
7f00aa000000-7f00aa010000 rwxp 00000000 00:00 0 
7ffe00000000-7ffe00002000 r-xp 00000000 00:00 0                          [vdso]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
/proc/20/maps
cat: /proc/31/maps: No such process
/proc/300/maps
100000000-100100000 r-xp 7f00000000 00:1b 5                              /tmp/a b (deleted)
`;

test("executable mappings of each process, named as perf names them", () => {
	expect(
		[...readProcMaps(maps, "after")].map(({ tgid, mapping, when }) => ({ tgid, when, ...mapping })),
	).toEqual(
		(
			[
				[1, 0x55d0c0001000n, 0x3000n, 0x1000n, "/usr/bin/app"],
				[1, 0x7f00aa000000n, 0x10000n, 0n, "//anon"],
				[1, 0x7ffe00000000n, 0x2000n, 0n, "[vdso]"],
				[1, 0xffffffffff600000n, 0x1000n, 0n, "[vsyscall]"],
				[300, 0x100000000n, 0x100000n, 0x7f00000000n, "/tmp/a b (deleted)"],
			] as const
		).map(([tgid, start, length, fileOffset, name]) => ({
			tgid,
			when: "after",
			start,
			length,
			fileOffset,
			name,
			buildId: null,
			executable: true,
		})),
	);
});

test("mappings of nobody, of the reader itself, and backwards are none", () => {
	const line = "100000000-100100000 r-xp 00000000 00:1b 5      /tmp/a";
	expect([...readProcMaps(`${line}\n/proc/self/maps\n${line}\n`, "after")]).toEqual([]);
	expect([...readProcMaps("/proc/7/maps\n200000000-100100000 r-xp 00000000 00:1b 5 /a\n", "after")]).toEqual(
		[],
	);
});

test("recognition", () => {
	const lines = (text: string) => text.trimEnd().split("\n");
	expect(isProcMaps(lines(maps))).toBe(true);
	expect(isMaps(lines(maps))).toBe(false);
	expect(isMaps(lines(maps).slice(1, 7))).toBe(true);
	expect(isProcMaps(lines(maps).slice(1, 7))).toBe(false);
	expect(isProcMaps(["/proc/1/maps", "/proc/2/cgroup"])).toBe(false);
	expect(isProcNumaMaps(["/proc/1/numa_maps", "55d0c0000000 default file=/usr/bin/app dirty=4 N0=4"])).toBe(
		true,
	);
	expect(
		isProcStacks(["/proc/1/stack", "[<0>] do_wait+0x1/0x2", "[<0>] jbd2_x+0x1/0x2 [jbd2]", "/proc/2/stack"]),
	).toBe(true);
	expect(isProcStacks(["/proc/1/stack", "text of any kind"])).toBe(false);
});
