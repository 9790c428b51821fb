import { describe, expect, test } from "vitest";
import { lsofHeadingIn, readLsof } from "./lsof.ts";

const heading = "COMMAND   PID USER   FD      TYPE             DEVICE SIZE/OFF     NODE NAME";
const descriptors = (...rows: string[]) =>
	readLsof(`${heading}\n${rows.join("\n")}\n`, "after").openFiles.map(({ when, tgid, ...fact }) => fact);

describe("descriptors", () => {
	test("files have device, inode and path", () => {
		expect(
			descriptors(
				"daemon    512 root    0r      CHR                1,3      0t0        4 /dev/null",
				"daemon    512 root    3u      REG              254,7   104900     9131 /srv/data/a b.log",
				"daemon    512 root   10wW     REG                8,1        0      777 /var/lock/x",
				"daemon    512 root   11u      BLK              253,4    0t512       66 /dev/dm-4",
				"daemon    512 root  255r      DIR               0,23       60        1 /",
			),
		).toEqual([
			{ fd: 0, type: "CHR", dev: (1n << 20n) | 3n, inode: 4n, path: "/dev/null" },
			{ fd: 3, type: "REG", dev: (254n << 20n) | 7n, inode: 9131n, path: "/srv/data/a b.log" },
			{ fd: 10, type: "REG", dev: (8n << 20n) | 1n, inode: 777n, path: "/var/lock/x" },
			{ fd: 11, type: "BLK", dev: (253n << 20n) | 4n, inode: 66n, path: "/dev/dm-4" },
			{ fd: 255, type: "DIR", dev: 23n, inode: 1n, path: "/" },
		]);
	});

	test("what lsof adds to a path is not of the path; what is no path is none", () => {
		expect(
			descriptors(
				"daemon    512 root    3u      REG                8,1        0      777 /tmp/a (b) (deleted)",
				"daemon    512 root    4u      REG               0,44        0      778 /mnt/x (filer.example:/vol/1)",
				"daemon    512 root    5u      REG                8,1               779 /tmp/y (stat: Permission denied)",
				"daemon    512 root    6r     FIFO               0,13      0t0     2001 pipe",
				"daemon    512 root    7u     FIFO                8,1      0t0     2002 /run/fifo",
				"daemon    512 root    8u  a_inode               0,14        0     1048 [eventpoll:3,4]",
			).map(({ fd, path, inode }) => [fd, path, inode]),
		).toEqual([
			[3, "/tmp/a (b)", 777n],
			[4, "/mnt/x", 778n],
			[5, "/tmp/y", 779n],
			[6, undefined, 2001n],
			[7, "/run/fifo", 2002n],
			[8, "[eventpoll:3,4]", 1048n],
		]);
	});

	test("sockets have addresses; their hexadecimal device is none", () => {
		expect(
			descriptors(
				"daemon    512 root    3u     IPv4              11114      0t0      TCP 127.0.0.1:4433 (LISTEN)",
				"daemon    512 root    4u     IPv4              11115      0t0      TCP 10.1.2.3:5000->10.9.8.7:443 (ESTABLISHED)",
				"daemon    512 root    5u     IPv6              11116      0t0      TCP [::1]:6000->[fe80::7]:443 (CLOSE_WAIT)",
				"daemon    512 root    6u     IPv4              11117      0t0      UDP *:68 ",
				"daemon    512 root    7u     IPv4              11118      0t0      UDP *:* ",
				"daemon    512 root    8u     IPv4              11119      0t0      TCP front:https (LISTEN)",
				"daemon    512 root    9u     unix 0x000000001500c09f      0t0    11423 /run/a b.sock type=STREAM (LISTEN)",
				"daemon    512 root   10u     unix 0x00000000c100792d      0t0    11424 type=DGRAM",
				"daemon    512 root   11u     unix 0x00000000c100792e      0t0    11425 @abstract",
				"daemon    512 root   12u     unix 0x00000000c100792f      0t0    11426 socket",
				"daemon    512 root   13u     sock                0,8      0t0    11427 protocol: UDPv6",
				"daemon    512 root   14u     sock                0,8      0t0    11428 can't identify protocol",
				"daemon    512 root   15u  netlink                         0t0    11429 KOBJECT_UEVENT",
				"daemon    512 root   16u     pack              11430      0t0      ALL type=SOCK_RAW",
				"daemon    512 root   17u      raw                         0t0    11431 00000000:0001->00000000:0000 st=07",
			),
		).toEqual([
			{
				fd: 3,
				type: "IPv4",
				inode: 11114n,
				protocol: "TCP",
				local: { address: "127.0.0.1", port: 4433 },
				state: "LISTEN",
			},
			{
				fd: 4,
				type: "IPv4",
				inode: 11115n,
				protocol: "TCP",
				local: { address: "10.1.2.3", port: 5000 },
				remote: { address: "10.9.8.7", port: 443 },
				state: "ESTABLISHED",
			},
			{
				fd: 5,
				type: "IPv6",
				inode: 11116n,
				protocol: "TCP",
				local: { address: "::1", port: 6000 },
				remote: { address: "fe80::7", port: 443 },
				state: "CLOSE_WAIT",
			},
			{ fd: 6, type: "IPv4", inode: 11117n, protocol: "UDP", local: { port: 68 } },
			{ fd: 7, type: "IPv4", inode: 11118n, protocol: "UDP" },
			{ fd: 8, type: "IPv4", inode: 11119n, protocol: "TCP", state: "LISTEN" },
			{ fd: 9, type: "unix", inode: 11423n, socketType: "stream", local: { address: "/run/a b.sock" } },
			{ fd: 10, type: "unix", inode: 11424n, socketType: "dgram" },
			{ fd: 11, type: "unix", inode: 11425n, local: { address: "@abstract" } },
			{ fd: 12, type: "unix", inode: 11426n },
			{ fd: 13, type: "sock", dev: 8n, inode: 11427n, protocol: "UDPv6" },
			{ fd: 14, type: "sock", dev: 8n, inode: 11428n },
			{ fd: 15, type: "netlink", inode: 11429n, protocol: "KOBJECT_UEVENT" },
			{ fd: 16, type: "pack", inode: 11430n, socketType: "raw" },
			{ fd: 17, type: "raw", inode: 11431n },
		]);
	});

	test("mapped files, and what lsof was not allowed to see, are none", () => {
		const { openFiles, misfits } = readLsof(
			`${heading}
daemon    512 root  rtd       DIR                0,2      460        1 /
daemon    512 root  txt       REG                0,2  1265648     1837 /usr/bin/bash
daemon    512 root  mem       REG                0,2    92440     1180 /usr/lib/libc.so.6 (path dev=0,24)
daemon    512 root  DEL       REG                0,1               22 /dev/zero
daemon    512 root    3   unknown                                     /proc/512/fd/3 (readlink: Permission denied)
daemon    513 root NOFD                                               /proc/513/fd (opendir: Permission denied)
`,
			"after",
		);
		expect({ openFiles, misfits }).toEqual({ openFiles: [], misfits: 0 });
	});
});

test("with -K the tasks of a process repeat its rows: one fact each", () => {
	const { openFiles, workingDirectories, misfits } = readLsof(
		`COMMAND     PID   TID TASKCMD   USER   FD      TYPE             DEVICE SIZE/OFF     NODE NAME
server     1600                 root  cwd       DIR              254,0     4096      101 /srv/server
server     1600                 root    3r     FIFO               0,15      0t0     9001 pipe
server     1600  1601 io-0      root  cwd       DIR              254,0     4096      101 /srv/server
server     1600  1601 io-0      root    3r     FIFO               0,15      0t0     9001 pipe
server     1602                 1000    3w     FIFO               0,15      0t0     9001 pipe
`,
		"before",
	);
	expect(openFiles.map((f) => [f.tgid, f.fd, f.inode, f.when])).toEqual([
		[1600, 3, 9001n, "before"],
		[1602, 3, 9001n, "before"],
	]);
	expect(workingDirectories).toEqual([{ tgid: 1600, path: "/srv/server", when: "before" }]);
	expect(misfits).toBe(0);
});

test("other columns, other widths, warnings before the heading", () => {
	const text = `lsof: WARNING: can't stat() tracefs file system /sys/kernel/debug/tracing
      Output information may be incomplete.
COMMAND          PID PGID PPID     USER   FD   TYPE DEVICE   SIZE NLINK NODE NAME
a_long_command  4100 4100    1 postgres    7u   REG  253,1 123456     1   42 /pg/base/1
w\\xc3\\xa9b         4101 4101    1 postgres    8u   REG  253,1 123456     1   43 /pg/base/2
`;
	expect(lsofHeadingIn(text.split("\n"))).toBe(2);
	const { openFiles, misfits } = readLsof(text, "after");
	expect(openFiles.map((f) => [f.tgid, f.fd, f.inode, f.path])).toEqual([
		[4100, 7, 42n, "/pg/base/1"],
		[4101, 8, 43n, "/pg/base/2"],
	]);
	expect(misfits).toBe(0);
});

test("lines that do not fit are counted, not guessed", () => {
	const { openFiles, misfits } = readLsof(
		`${heading}
=======
lsof: no pwd entry for UID 77
daemon    512 root
daemon    99999999 root    3u      REG                8,1        0      777 /a
daemon    512 root    3u      REG                8,1        0      777 /a
`,
		"after",
	);
	expect(openFiles).toHaveLength(1);
	expect(misfits).toBe(4);
});

test("not lsof: the message of a shell, ps, a heading further down", () => {
	for (const text of [
		"/opt/linuxki/runki: line 900: lsof: command not found",
		"  PID TTY          TIME CMD",
		`first\n${heading}`,
		"",
	]) {
		expect(lsofHeadingIn(text.split("\n"))).toBe(-1);
		expect(readLsof(text, "after")).toEqual({ openFiles: [], workingDirectories: [], misfits: 0 });
	}
});
