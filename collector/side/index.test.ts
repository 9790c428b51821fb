import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defaultLimits, readSideFiles, recognise } from "./index.ts";

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "powerki-side-"));
	put("trace.dat", Buffer.from([0x17, 0x08, 0x44, ...Buffer.from("tracing7\0")]));
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(name: string, content: string | Buffer): string {
	const path = join(folder, name);
	mkdirSync(join(path, ".."), { recursive: true });
	writeFileSync(path, content);
	return path;
}
const read = (...extra: string[]) => readSideFiles(join(folder, "trace.dat"), extra);

const core = "c000000000274de8 T sys_futex\nc000000000274f80 t futex_init\n";
const ext4 = (address: string) => `${address} t ext4_map_blocks\t[ext4]\n`;
const interrupts = (n: number) => `           CPU0       \n 16:        ${n}  XIVE-IPI   0 Edge      IPI-0\n`;
/** Two bytes of content, raw in one block: a zstd file by hand (RFC 8878). */
const zstdRaw = (text: string) => {
	const body = Buffer.from(text);
	const block = Buffer.alloc(3);
	block.writeUIntLE((body.length << 3) | 1, 0, 3);
	const size = Buffer.alloc(4);
	size.writeUInt32LE(body.length);
	// frame header: single segment, content size in 4 bytes, no checksum
	return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0]), size, block, body]);
};

describe("recognition is by content", () => {
	const kinds: [string, string][] = [
		["kallsyms", core],
		["kallsyms", "0000000000000000 A fixed_percpu_data\n0000000000001000 A cpu_debug_store\n"],
		["kallsyms", "0000000000000000 T _stext\n0000000000000000 T _text\n"],
		["ps", "  PID   TID  PPID CLS COMMAND\n    1     1     0  TS init\n"],
		["interrupts", interrupts(3)],
		["softirqs", "                    CPU0       \n          HI:          0\n      NET_RX:          1\n"],
		["diskstats", " 254       0 vda 307 300 32114 154743 16 1 136 61 0 154236 154808 0 0 0 0 1 3\n"],
		["vmstat", "nr_free_pages 341195\nnuma_hit 53060\n"],
		["cgroup", "[cpu.stat]\nusage_usec 5\n"],
		["cgroup", "usage_usec 329389\nuser_usec 321050\n"],
		["cgroup", '{"cgroup":"/a","usage_usec":5}\n'],
		["proc_cgroup", "/proc/1/cgroup\n0::/init.scope\n/proc/20/cgroup\n/proc/7/cgroup\n0::/a b\n"],
		["proc_cgroup", "==> /proc/1/cgroup <==\n4:cpu,cpuacct:/\n0::/init.scope\n\n"],
		["proc_cgroup", "/proc/1/cgroup:0::/init.scope\n/proc/7/cgroup:0::/a\n"],
		["proc_maps", "/proc/1/maps\n10000000-100f9000 r-xp 00000000 00:1b 5      /tmp/a\n/proc/2/maps\n"],
		["numa_maps", "/proc/1/numa_maps\n10000000 default file=/tmp/a mapped=3 N0=3 kernelpagesize_kB=64\n"],
		["stacks", "/proc/2/stack\n[<0>] kthreadd+0x100/0x2a0\n/proc/3/stack\n"],
		["objfiles", "/usr/bin/app\n/usr/lib64/libc.so.6\n"],
		["lsof", "COMMAND PID USER   FD   TYPE DEVICE SIZE/OFF NODE NAME\n"],
		["lsof", "COMMAND PID USER   FD   TYPE DEVICE OFFSET NODE NAME\n"],
		["cpuinfo", "processor\t: 0\ncpu\t\t: POWER9\n"],
		["lscpu", "Architecture:                            ppc64le\nCPU(s): 4\n"],
		["lscpu-e", "CPU NODE SOCKET CORE L1d:L1i ONLINE\n  0    0      0    0 0:0        yes\n"],
		["topology", "cpu0 core_id=0 package=0 siblings=0-1\n"],
		["cpuidle", "state0 snooze latency=0 snooze\npseries_idle\n"],
		["partitions", "major minor  #blocks  name\n\n 254        0    1433600 vda\n"],
		["lsblk", "NAME MAJ:MIN       SIZE\nvda  254:0   1468006400\n"],
		["block", "vda 254:0 size=2867200 sched=[none] mq-deadline\n"],
		[
			"block-links",
			"total 0\nlrwxrwxrwx 1 root root 0 Nov 25 10:28 vda -> ../devices/pci0000:00/0000:00:00.0/virtio0/block/vda\n",
		],
		["meminfo", "MemTotal:        1482416 kB\nMemFree:         1371096 kB\n"],
		[
			"modules",
			"ext4 1069056 2 - Live 0xc00800000049a000\njbd2 180224 1 ext4, Live 0xc008000000232000 (E)\n",
		],
		[
			"maps",
			"10000000-100f9000 r-xp 00000000 00:1b 5                                  /tmp/a b\n3fffb176b000-3fffb176c000 ---p 00000000 00:00 0 \n",
		],
		["uname", "Linux powerlab 6.12.95 #1 SMP Debian 6.12.95-1 (2026-07-05) ppc64le GNU/Linux\n"],
		[
			"uname",
			"Linux big 3.10.0-1160.el7.ppc64le #1 SMP Thu Sep 1 EDT 2020 ppc64le ppc64le ppc64le GNU/Linux\n",
		],
		["numactl", "available: 1 nodes (0)\nnode 0 cpus: 0 1\n"],
		["nodes", "/sys/devices/system/node/node0:\ncompact\ncpu0\n"],
		["cstates", "cstate    name        latency\n1         Shared      Cede\n10\n"],
		["cpupower", "modprobe: FATAL: Module msr not found\nCPUidle driver: none\nCPUidle governor: menu\n"],
		["irqlist", "\n   IRQ   node         cpu_list  affinity_mask         name\n=====\n"],
		["dev", "/dev:\ntotal 0\nbrw------- 1 root root 254,   0 Nov 25 10:14 vda\n"],
		["dmsetup", "vg-root\t(253:0)\n--- dmsetup table ---\nvg-root: 0 2048 linear 8:2 2048\n"],
		[
			"multipath",
			"mpatha (3600d) dm-2 A,B\nsize=1G features='0'\n`- 6:0:0:0 sdb 8:16 active undef running\n",
		],
		["meminfo", "\n--- free ---\n  total used\nMem: 1 1\n\n--- meminfo ---\nMemTotal:  1495764 kB\n"],
		["getconf", "LINK_MAX                           127\n_POSIX_LINK_MAX                    127\n"],
		["dmesg", "[    0.000000] random: crng init done\n[    0.000000] Linux version 6.1\n"],
		["cpuinfo", "processor\t: 8\ncpu\t\t: POWER9\n"],
		["version", "Linux version 6.12.95 (debian@lists) (gcc-12) #1 SMP\n"],
		["cmdline", "BOOT_IMAGE=/vmlinux root=/dev/sda2 ro quiet\n"],
		["mounts", "proc /proc proc rw,relatime 0 0\n/dev/vda / ext4 rw,relatime 0 0\n"],
		["pagesize", "65536\n"],
		["trace_clock", "[local] global counter uptime perf mono mono_raw boot tai ppc-tb\n"],
		["sysctl", "kernel.kptr_restrict = 0\nvm.swappiness = 60\n"],
		["lparcfg", "lparcfg 1.9\nserial_number=\n"],
		["clock", '{"host":"n1","mono_ns":168004909395,"realtime_ns":1795687200258287093}\n'],
		["clock", "1795603316.179597796\n12.78 24.36\n"],
		["saved_cmdlines", "16 ksoftirqd/0\n1 init\n"],
	];
	test.each(kinds)("%s", (kind, text) => {
		expect(recognise(Buffer.from(text), true)?.kind).toBe(kind);
	});

	test.each([
		["a readme", "# fleet: eight hosts\n\nThe service of ../compare\n"],
		["a symbol list of a program", "0000000010000000 T _start\n00000000100002c8 t main\n"],
		["a truth file", '{"mode":"hog","pid":250,"window_mono_ns":[170894329077,172934881024]}\n'],
		["a text trace", "# tracer: nop\n#\n  bash-200 [001] d..2. 12.345678: sched_switch: prev_comm=bash\n"],
		["a list of files", "/etc/hosts\n/sys/block/vda/queue/dax:0\n"],
		["a command", "trace-cmd record -q -C mono -e sched:sched_switch\n"],
		["a table of numbers", "0\tread\n1\twrite\n"],
		["a script", "#!/bin/sh\nexec qemu -append 'console=hvc0'\n"],
		["a number", "42\n"],
		["a message instead of output", "/opt/linuxki/runki: line 1419: multipath: command not found\n"],
		["no mapped devices", "No devices found\n--- dmsetup table ---\nNo devices found\n"],
		["a listing of another folder", "/etc:\ntotal 4\n-rw-r--r-- 1 root root 1 Nov 25 10:14 fstab\n"],
		["binary data", "processor\t: 0\n\0"],
		["nothing", ""],
	])("not: %s", (_, text) => {
		expect(recognise(Buffer.from(text), true)).toBeNull();
	});

	test("a line that the reading cut does not count", () => {
		expect(recognise(Buffer.from(`${core}c0000000002`), false)?.kind).toBe("kallsyms");
		expect(recognise(Buffer.from("65536"), false)).toBeNull();
	});
});

describe("side files of a trace", () => {
	test("names do not matter, folders do not nest, other traces are left alone", async () => {
		put("a", "processor\t: 0\ncpu\t\t: POWER9\n\ntimebase\t: 512000000\n");
		put("side/b", "cpu0 core_id=8 package=1 siblings=0\n");
		put("side/deeper/uname", "Linux other 6.12.95 #1 SMP ppc64le GNU/Linux\n");
		put("other.dat", Buffer.from([0x17, 0x08, 0x44, 0]));
		put("README.md", "# a\n");
		put(".hidden", "65536\n");
		const side = await read();
		expect(side.used.map((u) => [u.path, u.kind])).toEqual([
			["a", "cpuinfo"],
			["side/b", "topology"],
		]);
		expect(side.used[0].sha256).toMatch(/^[0-9a-f]{64}$/);
		expect(side.timebaseHz).toBe(512000000);
		expect(side.cpus).toMatchObject([{ cpu: 0, core: 8, socket: 1, smtThread: 0, model: "POWER9" }]);
		expect(side.machine.host).toBeUndefined();
		expect(side.notes).toEqual([]);
	});

	test("before and after become one row, a lone file fills the side that its name tells", async () => {
		put("interrupts.before", interrupts(5));
		put("interrupts.after", interrupts(9));
		put("cgroup-cpu.before.jsonl", '{"cgroup":"/a","usage_usec":1}\n');
		put("cgroup-cpu.after.jsonl", '{"cgroup":"/a","usage_usec":4}\n{"cgroup":"/b","usage_usec":2}\n');
		put("side/diskstats.start", " 254 0 vda 1 2 3 4 5 6 7 8 9 10 11\n");
		put("side/interrupts", interrupts(1));
		const { counters } = await read();
		expect(counters.filter((c) => c.source !== "diskstats")).toEqual([
			{ source: "cgroup", object: "/a", name: "usage_usec", before: 1n, after: 4n },
			{ source: "cgroup", object: "/b", name: "usage_usec", before: null, after: 2n },
			{ source: "interrupts", object: "16/cpu0", name: "IPI-0", before: 5n, after: 9n },
		]);
		expect(counters.find((c) => c.name === "sectors_read")).toMatchObject({
			object: "vda",
			before: 3n,
			after: null,
		});
	});

	test("compressed files show their content", async () => {
		put("k.zst", zstdRaw(core));
		put("side/p.gz", gzipSync("  PID COMMAND\n    2 kthreadd\n"));
		const side = await read();
		expect(side.used.map((u) => u.kind)).toEqual(["kallsyms", "ps"]);
		expect(side.symbols?.lookup(0x00274e9c, 0xc0000000)?.symbol).toBe("sys_futex");
		expect(side.threads).toEqual([{ tid: 2, tgid: 2, name: "kthreadd", when: "unknown" }]);
	});

	test("damaged and oversized compressed files are refused, and said so when they look like side files", async () => {
		const many =
			core +
			Array.from({ length: 20_000 }, (_, i) => `c000000001${i.toString(16).padStart(6, "0")} t f${i}\n`).join(
				"",
			);
		const whole = gzipSync(many);
		put("k.gz", whole.subarray(0, whole.length >> 1));
		put("cut.zst", zstdRaw(core).subarray(0, 30));
		put("noise.zst", Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), Buffer.alloc(5000, 0xee)]));
		const cut = await read();
		expect(cut.used).toEqual([]);
		expect(cut.notes.map((n) => [n.source, n.kind])).toEqual([["k.gz", "side-file-damaged"]]);
		put("k.gz", whole);
		const large = await readSideFiles(join(folder, "trace.dat"), [], {
			...defaultLimits,
			fileBytes: 100_000,
		});
		expect(large.used).toEqual([]);
		expect(large.notes.map((n) => [n.source, n.kind])).toEqual([["k.gz", "side-file-large"]]);
	});

	test("plain files beyond the limit are not read", async () => {
		put("ps", `PID COMMAND\n${"    1 init\n".repeat(20_000)}`);
		const side = await readSideFiles(join(folder, "trace.dat"), [], { ...defaultLimits, fileBytes: 100_000 });
		expect(side.notes.map((n) => n.kind)).toEqual(["side-file-large"]);
		expect(side.threads).toEqual([]);
	});

	test("a folder of very many files is looked at up to a number, with a note", async () => {
		for (let i = 0; i < 30; i++) put(`f${String(i).padStart(3, "0")}`, "x\n");
		put("z", "65536\n");
		const side = await readSideFiles(join(folder, "trace.dat"), [], { ...defaultLimits, folderFiles: 20 });
		expect(side.used).toEqual([]);
		expect(side.notes.map((n) => n.kind)).toEqual(["side-folder-large"]);
	});

	test("pipes and links are no trouble", async () => {
		execFileSync("mkfifo", [join(folder, "pipe")]);
		const real = put("store/size", "65536\n");
		symlinkSync(real, join(folder, "pagesize"));
		symlinkSync(join(folder, "nowhere"), join(folder, "dangling"));
		symlinkSync(join(folder, "trace.dat"), join(folder, "again"));
		const side = await read();
		expect(side.machine.pageBytes).toBe(65536);
		expect(side.used.map((u) => u.path)).toEqual(["pagesize"]);
		await expect(read(join(folder, "pipe"))).rejects.toThrow("neither a plain file nor a folder");
	});

	test("--side takes files and folders; only a named file that is of no known kind is mentioned", async () => {
		mkdirSync(join(folder, "t"));
		const trace = put("t/trace.dat", "x");
		const readme = put("elsewhere/README.md", "# a\n");
		put("elsewhere/pagesize", "4096\n");
		const side = await readSideFiles(trace, [join(folder, "elsewhere")]);
		expect(side.used.map((u) => u.kind)).toEqual(["pagesize"]);
		expect(side.notes).toEqual([]);
		const named = await readSideFiles(trace, [readme]);
		expect(named.notes.map((n) => [n.kind, n.source])).toEqual([["side-file-unknown", readme]]);
		await expect(readSideFiles(trace, [join(folder, "missing")])).rejects.toThrow("no such file or folder");
	});

	test("the modules of the trace's own folder win over those of another boot", async () => {
		mkdirSync(join(folder, "case"));
		const trace = put("case/trace.dat", "x");
		put("case/kallsyms.modules", ext4("c00800000050a000"));
		const shared = put("kallsyms", core + ext4("c00800000049a000"));
		const { symbols, notes } = await readSideFiles(trace, [shared]);
		expect(symbols?.lookup(0x0050a010, 0xc0080000)).toEqual({
			symbol: "ext4_map_blocks",
			offset: 16,
			module: "[ext4]",
		});
		expect(symbols?.lookup(0x0049a010, 0xc0080000)).toBeNull();
		expect(symbols?.lookup(0x00274e9c, 0xc0000000)?.symbol).toBe("sys_futex");
		expect(notes).toEqual([]);
	});

	test("a table whose modules were loaded elsewhere gives only the core kernel", async () => {
		put("modules", "ext4 4096 2 - Live 0xc00800000050a000\n");
		mkdirSync(join(folder, "old"));
		const other = put("old/kallsyms", core + ext4("c00800000049a000"));
		const { symbols, notes } = await read(other);
		expect(notes.map((n) => n.kind)).toEqual(["symbols-other-boot"]);
		expect(symbols?.lookup(0x0049a010, 0xc0080000)).toBeNull();
		expect(symbols?.lookup(0x00274e9c, 0xc0000000)?.symbol).toBe("sys_futex");
	});

	test("hidden symbols are refused with a note, unverified modules are used with one", async () => {
		put("kallsyms", "0000000000000000 T _stext\n0000000000000000 T _text\n");
		mkdirSync(join(folder, "old"));
		const other = put("old/kallsyms", core + ext4("c00800000049a000"));
		const { symbols, notes } = await read(other);
		expect(notes.map((n) => [n.kind, n.source])).toEqual([
			["symbols-hidden", "kallsyms"],
			["symbols-unverified", other],
		]);
		expect(symbols?.size).toBe(3);
	});

	test("threads of both ps files, each once", async () => {
		put(
			"ps.after",
			"  PID PPID COMMAND\n    2    0 kthreadd\n   30    2 kworker/0:1-events\n   40    1 late\n   50    1 new\n",
		);
		put("ps.before", "  PID PPID COMMAND\n    2    0 kthreadd\n   30    2 kworker/0:1\n   50    1 old\n");
		const { threads } = await read();
		expect(threads.map((t) => [t.tid, t.name, t.when])).toEqual([
			[2, "kthreadd", "before"],
			[30, "kworker/0:1", "before"],
			[40, "late", "after"],
			[50, "old", "before"],
			[50, "new", "after"],
		]);
	});

	test("the process files of a LinuxKI archive are of after the recording", async () => {
		put("ps-eo.1125_1018", "  PID  PPID COMMAND\n    2     0 kthreadd\n");
		put(
			"lsof.1125_1018",
			"COMMAND PID USER   FD   TYPE DEVICE SIZE/OFF NODE NAME\nlate      9 root    4u   REG    8,1        0    7 /b\nlate      9 root    3u   REG    8,1        0    6 /a\nlate      9 root  cwd    DIR    8,1        0    2 /srv\nearly     3 root    0r   CHR    1,3      0t0    4 /dev/null\n",
		);
		put("maps.1125_1018", "/proc/9/maps\n10000000-100f0000 r-xp 00000000 08:01 7 /a\n");
		put("interrupts.1125_1018", interrupts(4));
		const side = await read();
		expect(side.threads.map((t) => t.when)).toEqual(["after"]);
		expect(side.openFiles.map((f) => [f.tgid, f.fd, f.when])).toEqual([
			[3, 0, "after"],
			[9, 3, "after"],
			[9, 4, "after"],
		]);
		expect(side.workingDirectories).toEqual([{ tgid: 9, path: "/srv", when: "after" }]);
		expect(side.mappings.map((m) => [m.tgid, m.mapping.name, m.when])).toEqual([[9, "/a", "after"]]);
		expect(side.counters).toMatchObject([{ object: "16/cpu0", before: null, after: 4n }]);
	});

	test("a machine with very many threads", async () => {
		put("ps", `  PID COMMAND\n${Array.from({ length: 200_000 }, (_, i) => `${i + 1} w`).join("\n")}\n`);
		expect((await read()).threads).toHaveLength(200_000);
	});

	test("the machine, from what LinuxKI keeps of it", async () => {
		put("uname-a", "Linux old 2.6.32-754.el6.i686 #1 SMP Tue Jun 19 2018 i686 athlon i386 GNU/Linux\n");
		put("getconf-a", "LINK_MAX 127\n_POSIX_LINK_MAX 127\nPAGESIZE                           65536\n");
		put(
			"mem_info",
			"\n--- free ---\nMem: 1\n\n--- meminfo ---\nMemTotal:        1495764 kB\nMemFree: 1 kB\n",
		);
		put(
			"dmesg",
			"[    0.000000] a\n[    0.888884] clocksource: jiffies: mask: 0xffffffff max_cycles: 0xffffffff, max_idle_ns: 7645041785100000 ns\n",
		);
		put(
			"cstates",
			"cstate    name        latency\n1         Shared      Cede\n10                        \n\n CPU\n",
		);
		put(
			"irqlist",
			"\n   IRQ   node         cpu_list  affinity_mask         name\n====\n    16      0              0-3  f                     -   \n    26     -1                0  1                     virtio0-req.0   \n",
		);
		const { machine, idleStates, irqLines } = await read();
		expect(machine).toEqual({
			host: "old",
			kernel: "2.6.32-754.el6.i686",
			machine: "i686",
			pageBytes: 65536,
			memoryBytes: 1495764 * 1024,
			hz: 250,
		});
		expect([...idleStates]).toEqual([[1, "Shared Cede"]]);
		expect(irqLines).toEqual([{ irq: 26, name: "virtio0-req.0" }]);
	});

	test("clock readings, the most exact first", async () => {
		put("date.start", "1795603316.179597796\n12.78 24.36\n");
		put(
			"clock.json",
			'{"host":"node01","mono_ns":168004909395,"realtime_ns":1795687200258287093,"boottime_ns":168004909711,"mono_after_ns":168004909870}\n',
		);
		const { wallClocks, machine } = await read();
		expect(machine.host).toBe("node01");
		expect(wallClocks).toEqual([
			{ clock: "mono", offset: 1795687200258287093n - 168004909632n, uncertainty: 238 },
			{ clock: "boot", offset: 1795687200258287093n - 168004909711n, uncertainty: 238 },
			{ clock: "boot", offset: 1795603316179597796n - 12780000000n, uncertainty: 20_000_000 },
		]);
	});

	test("a trace from standard input has only what --side names", async () => {
		const size = put("size", "4096\n");
		expect((await readSideFiles("-", [])).used).toEqual([]);
		expect((await readSideFiles("-", [size])).machine.pageBytes).toBe(4096);
	});
});
