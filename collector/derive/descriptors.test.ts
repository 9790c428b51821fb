import { describe, expect, test } from "vitest";
import type { SocketPair } from "../identity/sockets.ts";
import { AT_FDCWD, Machine, O_CLOEXEC, RDONLY } from "./descriptor-testing.ts";

const udp: SocketPair = {
	family: "inet",
	type: "dgram",
	protocol: "UDP",
	localAddress: "10.0.0.1",
	localPort: 5000,
	remoteAddress: "10.0.0.2",
	remotePort: 53,
};
const tcp: SocketPair = { ...udp, type: "stream", protocol: "TCP" };
const local: SocketPair = {
	family: "unix",
	type: "stream",
	protocol: null,
	localAddress: null,
	localPort: null,
	remoteAddress: null,
	remotePort: null,
};

const machine = () => new Machine();

describe("rows", () => {
	test("a read: what it asked for, moved, and where", () => {
		const m = machine().open(10, "/etc/hosts", 3).call(10, "pread64", [3, 0, 512, 4096], 100).run();
		const [row] = m.files("pread64");
		expect(row).toMatchObject({
			op: "read",
			fd: 3,
			bytes: 100,
			asked: 512,
			position: 4096,
			dur: 10,
			error: null,
		});
		expect(row!.file).toMatchObject({ path: "/etc/hosts", source: "open", inode: null });
	});

	test("a failed call moved nothing", () => {
		const m = machine().call(10, "read", [3, 0, 64], -5).run();
		expect(m.files("read")).toMatchObject([{ bytes: null, error: "EIO", fd: 3, file_id: null }]);
	});

	test("an open that failed says which file", () => {
		const m = machine().open(10, "/missing", -2).run();
		expect(m.files("openat")).toMatchObject([
			{ op: "open", fd: null, error: "ENOENT", file: { path: "/missing" } },
		]);
	});

	test("a call whose enter was not seen has no descriptor", () => {
		const m = machine().exit(10, "read", 7).run();
		expect(m.files("read")).toMatchObject([
			{ fd: null, bytes: 7, asked: null, file_id: null, open_left: true },
		]);
	});

	test("sendfile is a row of the descriptor that is written", () => {
		const m = machine()
			.open(10, "/in", 3)
			.call(10, "socket", [2, 1, 0], 4)
			.call(10, "sendfile", [4, 3, 0, 1000], 900, { addresses: udp })
			.run();
		expect(m.sockets("sendfile")).toMatchObject([
			{ op: "send", fd: 4, bytes: 900, asked: 1000, socket: { source: "call", protocol: "TCP" } },
		]);
	});

	test("the result of sendmmsg is no number of bytes", () => {
		const m = machine().call(10, "sendmmsg", [4, 0, 8], 8, { addresses: udp }).run();
		expect(m.sockets("sendmmsg")).toMatchObject([{ op: "send", bytes: null, socket: { remote_port: 53 } }]);
	});

	test("mmap of memory without a file is no row", () => {
		const m = machine()
			.open(10, "/lib/libc.so", 3)
			.call(10, "mmap", [0, 4096, 1, 2, 3, 8192], 0)
			.call(10, "mmap", [0, 4096, 3, 0x22, -1, 0], 0)
			.run();
		expect(m.files("mmap")).toMatchObject([
			{ op: "map", fd: 3, position: 8192, file: { path: "/lib/libc.so" } },
		]);
	});

	test("calls of a thread of unknown process name no file, but its own opens do", () => {
		const m = machine().open(99, "/a", 3).read(99, 3).run();
		expect(m.paths("openat", "read")).toEqual(["/a", null]);
	});
});

describe("a descriptor that is replaced", () => {
	test("by close and open", () => {
		const m = machine()
			.open(10, "/a", 3)
			.call(10, "close", [3], 0)
			.read(10, 3)
			.open(10, "/b", 3)
			.read(10, 3)
			.run();
		expect(m.paths("read")).toEqual([null, "/b"]);
		expect(m.paths("close")).toEqual(["/a"]);
	});

	test("dup2 over an open one", () => {
		const m = machine()
			.open(10, "/a", 3)
			.open(10, "/b", 4)
			.call(10, "dup2", [3, 4], 4)
			.read(10, 4)
			.read(11, 3)
			.run();
		expect(m.paths("read")).toEqual(["/a", "/a"]);
	});

	test("dup2 of an unknown one leaves nothing known", () => {
		const m = machine().open(10, "/b", 4).call(10, "dup2", [7, 4], 4).read(10, 4).run();
		expect(m.paths("read")).toEqual([null]);
	});

	test("dup2 that failed, or onto itself, changes nothing", () => {
		const m = machine()
			.open(10, "/b", 4)
			.call(10, "dup2", [7, 4], -9)
			.call(10, "dup2", [4, 4], 4)
			.read(10, 4)
			.run();
		expect(m.paths("read")).toEqual(["/b"]);
	});

	test("by an open without a path", () => {
		const m = machine().open(10, "/a", 3).call(10, "close", [3], 0).openUnnamed(10, 3).read(10, 3).run();
		expect(m.paths("openat", "read")).toEqual(["/a", null, null]);
		expect(m.t.rows("file")).toHaveLength(1);
	});

	test("dup and F_DUPFD give copies that outlive the first", () => {
		const m = machine()
			.open(10, "/a", 3)
			.call(10, "dup", [3], 5)
			.call(10, "fcntl", [5, 0, 8], 8)
			.call(10, "close", [3], 0)
			.read(10, 8)
			.run();
		expect(m.paths("read")).toEqual(["/a"]);
	});
});

describe("threads that race", () => {
	test("a close under way is about the file before, not about the one that was opened meanwhile", () => {
		const m = machine()
			.open(10, "/a", 3)
			.enter(10, "close", [3])
			.open(11, "/b", 3)
			.exit(10, "close", 0)
			.read(10, 3)
			.run();
		expect(m.paths("read")).toEqual(["/b"]);
	});

	test("while a close is under way nothing tells what a read is about", () => {
		const m = machine().open(10, "/a", 3).enter(10, "close", [3]).read(11, 3).exit(10, "close", 0).run();
		expect(m.paths("read")).toEqual([null]);
		expect(m.paths("close")).toEqual(["/a"]);
	});

	test("a read that began before the file was replaced is about neither", () => {
		const m = machine()
			.open(10, "/a", 3)
			.enter(11, "read", [3])
			.call(10, "close", [3], 0)
			.open(10, "/b", 3)
			.exit(11, "read", 1)
			.read(11, 3)
			.run();
		expect(m.paths("read")).toEqual([null, "/b"]);
	});

	test("an accept that waits takes a number that was freed meanwhile", () => {
		const m = machine()
			.open(10, "/a", 3)
			.enter(11, "accept", [7])
			.call(10, "close", [3], 0)
			.exit(11, "accept", 3)
			.read(11, 3)
			.run();
		expect(m.sockets("read")).toMatchObject([{ op: "recv", socket_id: null }]);
		expect(m.paths("read")).toEqual([]);
	});

	test("a close of something unknown during an open may have been of the new file", () => {
		const m = machine()
			.enter(11, "openat", [AT_FDCWD], "/a")
			.call(10, "close", [3], 0)
			.exit(11, "openat", 3)
			.read(11, 3)
			.run();
		expect(m.paths("read")).toEqual([null]);
	});

	test("a snapshot names nothing that was used while a close was under way", () => {
		const m = machine()
			.seen({ fd: 3, path: "/pipe" })
			.enter(10, "close", [3])
			.read(11, 3)
			.exit(10, "close", 0)
			.run();
		expect(m.paths("read")).toEqual([null]);
	});

	test("a thread of unknown process may have closed it", () => {
		const m = machine().open(10, "/a", 3).call(99, "close", [3], 0).read(10, 3).run();
		expect(m.paths("read")).toEqual([null]);
	});
});

describe("a new process", () => {
	test("has a copy of the table, and both go their way", () => {
		const m = machine()
			.open(10, "/a", 3)
			.enter(10, "clone", [0x11])
			.newtask(10, 20, 0)
			.exit(10, "clone", 20)
			.call(20, "close", [3], 0)
			.open(20, "/child", 3)
			.read(10, 3)
			.read(20, 3)
			.run();
		expect(m.paths("read")).toEqual(["/a", "/child"]);
	});

	test("shares the table with CLONE_FILES", () => {
		const m = machine()
			.open(10, "/a", 3)
			.enter(10, "clone", [0x411])
			.newtask(10, 20, 0x400)
			.exit(10, "clone", 20)
			.call(20, "close", [3], 0)
			.open(20, "/child", 3)
			.read(10, 3)
			.run();
		expect(m.paths("read")).toEqual(["/child"]);
	});

	test("does not know what another thread changed during the fork", () => {
		const m = machine()
			.enter(10, "clone", [0x11])
			.open(11, "/a", 3)
			.newtask(10, 20, 0)
			.exit(10, "clone", 20)
			.read(20, 3)
			.run();
		expect(m.paths("read")).toEqual([null]);
	});

	test("told by the result of vfork alone, after it has run a program", () => {
		const m = machine()
			.process(20, 20)
			.open(10, "/log", 1)
			.open(10, "/secret", 3, O_CLOEXEC)
			.open(10, "/kept", 4)
			.enter(10, "vfork", [])
			.call(20, "close", [4], 0)
			.call(20, "execve", [], 0)
			.exit(10, "vfork", 20)
			.read(20, 1)
			.read(20, 3)
			.read(20, 4)
			.run();
		expect(m.paths("read")).toEqual(["/log", null, null]);
	});

	test("that shows itself only after the fork has ended", () => {
		const m = machine()
			.process(20, 20)
			.open(10, "/a", 3)
			.call(10, "clone3", [], 20)
			.call(10, "close", [3], 0)
			.read(20, 3)
			.run();
		expect(m.paths("read")).toEqual(["/a"]);
	});

	test("a thread that clone3 made is no process", () => {
		const m = machine()
			.process(12, 10)
			.open(10, "/a", 3)
			.call(10, "clone3", [], 12)
			.call(12, "close", [3], 0)
			.read(10, 3)
			.run();
		expect(m.paths("read")).toEqual([null]);
	});

	test("close_range before the fork is known closes what the copy would bring", () => {
		const m = machine()
			.process(20, 20)
			.open(10, "/log", 1)
			.open(10, "/a", 5)
			.enter(10, "vfork", [])
			.call(20, "close_range", [3, 0xffff_ffff, 0], 0)
			.exit(10, "vfork", 20)
			.read(20, 1)
			.read(20, 5)
			.run();
		expect(m.paths("read")).toEqual(["/log", null]);
	});

	test("an older process whose number a clone in another pid namespace gives is not the child", () => {
		const m = machine()
			.process(20, 20)
			.read(20, 9)
			.open(10, "/a", 3)
			.call(10, "clone", [0x11], 20)
			.read(20, 3)
			.run();
		expect(m.paths("read")).toEqual([null, null]);
	});
});

describe("exec", () => {
	test("closes what closes on exec, keeps what does not", () => {
		const m = machine()
			.open(10, "/cloexec", 3, O_CLOEXEC)
			.open(10, "/kept", 4)
			.call(10, "dup3", [4, 5, O_CLOEXEC], 5)
			.open(10, "/set", 6)
			.call(10, "fcntl", [6, 2, 1], 0)
			.call(10, "execve", [], 0)
			.read(10, 3)
			.read(10, 4)
			.read(10, 5)
			.read(10, 6)
			.run();
		expect(m.paths("read")).toEqual([null, "/kept", null, null]);
	});

	test("that failed changes nothing", () => {
		const m = machine().open(10, "/a", 3, O_CLOEXEC).call(10, "execve", [], -2).read(10, 3).run();
		expect(m.paths("read")).toEqual(["/a"]);
	});

	test("leaves a doubt where nothing tells whether the descriptor closes", () => {
		const m = machine()
			.seen({ fd: 3, path: "/before", when: "before" })
			.read(10, 3)
			.call(10, "execve", [], 0)
			.read(10, 3)
			.run();
		expect(m.paths("read")).toEqual(["/before", null]);
	});
});

describe("what is not seen", () => {
	test("after lost events nothing is known", () => {
		const m = machine().open(10, "/a", 3).read(10, 3).lost().read(10, 3).open(10, "/b", 3).read(10, 3).run();
		expect(m.paths("read")).toEqual(["/a", null, "/b"]);
	});

	test("a close whose exit was not seen may have closed", () => {
		const m = machine().open(10, "/a", 3).enter(10, "close", [3]).read(10, 3).run();
		expect(m.paths("read")).toEqual([null]);
	});

	test("io_uring changes descriptors without system calls", () => {
		const m = machine().open(10, "/a", 3).call(10, "io_uring_enter", [8], 1).read(10, 3).run();
		expect(m.paths("read")).toEqual([null]);
	});
});

describe("a snapshot from the end", () => {
	const log = { fd: 3, path: "/var/log/x", dev: 0x80_0001n, inode: 77n };

	test("names what was in place until the end", () => {
		const m = machine().seen(log).read(10, 3).read(10, 3).run();
		expect(m.files("read").map((r) => r.file)).toMatchObject([
			{ path: "/var/log/x", type: "REG", inode: 77, dev: 0x80_0001, source: "lsof" },
			{ path: "/var/log/x" },
		]);
		expect(m.t.rows("file")).toHaveLength(1);
	});

	test("names nothing that was replaced", () => {
		const m = machine().seen(log).read(10, 3).call(10, "close", [3], 0).openUnnamed(10, 3).read(10, 3).run();
		const [first, second] = m.files("read");
		expect(first!.file).toMatchObject({ path: null, source: null, inode: null });
		expect(second!.file).toMatchObject({ path: "/var/log/x" });
	});

	test("names nothing that was closed at the end", () => {
		const m = machine().seen(log).read(10, 3).call(10, "close", [3], 0).run();
		expect(m.paths("read", "close")).toEqual([null, null]);
	});

	test("names nothing from before a loss, or an exec", () => {
		const m = machine().seen(log).read(10, 3).lost().read(10, 3).call(10, "execve", [], 0).read(10, 3).run();
		expect(m.paths("read")).toEqual([null, null, "/var/log/x"]);
	});

	test("of a process that has ended, or another with its number, names nothing", () => {
		const m = machine().seen(log).read(10, 3).event(10, "sched_process_exit", { comm: "x", pid: 10 }).run();
		expect(m.paths("read")).toEqual([null]);
	});

	test("adds the inode to a path where it agrees, nothing where it does not", () => {
		const m = machine()
			.seen(log)
			.seen({ fd: 4, path: "/elsewhere", inode: 5n })
			.open(10, "/var/log/x", 3)
			.open(10, "/link", 4)
			.run();
		expect(m.t.rows("file")).toMatchObject([
			{ path: "/var/log/x", inode: 77, type: "REG", source: "open" },
			{ path: "/link", inode: null, type: null },
		]);
	});

	test("that contradicts another through a copied descriptor names nothing", () => {
		const m = machine()
			.seen(log)
			.seen({ fd: 4, path: "/other", inode: 5n })
			.read(10, 3)
			.call(10, "dup", [3], 4)
			.run();
		expect(m.paths("read")).toEqual([null]);
	});

	test("an open and close over and over needs no number for each where no snapshot can name it", () => {
		const m = machine().seen(log);
		for (let i = 0; i < 20; i++) m.openUnnamed(10, 5).read(10, 5).call(10, "close", [5], 0);
		m.run();
		expect(m.t.rows("file")).toHaveLength(0);
	});

	test("of unknown time names only what was never opened in the trace", () => {
		const m = machine()
			.seen({ ...log, when: "unknown" })
			.seen({ fd: 4, path: "/b", when: "unknown" })
			.openUnnamed(10, 3)
			.read(10, 3)
			.read(10, 4)
			.run();
		expect(m.paths("read")).toEqual([null, "/b"]);
	});
});

describe("a snapshot from the begin", () => {
	test("holds until the descriptor is replaced", () => {
		const m = machine()
			.seen({ fd: 3, path: "/a", when: "before" })
			.seen({ fd: 4, type: "IPv4", protocol: "TCP", remote: { port: 80 }, when: "before" })
			.read(10, 3)
			.read(10, 4)
			.call(10, "close", [3], 0)
			.openUnnamed(10, 3)
			.read(10, 3)
			.run();
		expect(m.paths("read")).toEqual(["/a", null]);
		expect(m.sockets("read")).toMatchObject([{ op: "recv", socket: { remote_port: 80, source: "lsof" } }]);
	});

	test("is of no process that began in the trace", () => {
		const m = machine()
			.seen({ tgid: 20, fd: 3, path: "/a", when: "before" })
			.newtask(10, 20, 0)
			.read(20, 3)
			.run();
		expect(m.paths("read")).toEqual([null]);
	});
});

describe("relative paths", () => {
	test("begin at the working directory where a snapshot tells it", () => {
		const m = machine().directory("/srv").open(10, "data", 3).read(10, 3).run();
		expect(m.paths("read")).toEqual(["/srv/data"]);
	});

	test("stay as given where the directory changed", () => {
		const m = machine()
			.directory("/srv")
			.open(10, "data", 3)
			.call(10, "chdir", [0], 0)
			.open(10, "data", 4)
			.run();
		const [before, after] = m.files("openat");
		expect([before!.file!.path, after!.file!.path]).toEqual(["data", "/srv/data"]);
	});

	test("of two processes are two files", () => {
		const m = machine().process(20, 20).open(10, "data", 3).open(20, "data", 3).open(10, "data", 4).run();
		expect(m.files("openat").map((r) => r.file_id)).toEqual([0, 1, 0]);
	});

	test("begin at a directory that was opened", () => {
		const m = machine().open(10, "/etc", 5).open(10, "hosts", 3, RDONLY, 5).run();
		expect(m.paths("openat")).toEqual(["/etc", "/etc/hosts"]);
	});

	test("of a forked process begin where its creator's do", () => {
		const m = machine()
			.directory("/srv")
			.enter(10, "clone", [0x11])
			.newtask(10, 20, 0)
			.exit(10, "clone", 20)
			.open(20, "data", 3)
			.run();
		expect(m.paths("openat")).toEqual(["/srv/data"]);
	});
});

describe("sockets", () => {
	test("socket(2) tells family and type, recorded addresses the pair, for later calls of a connection too", () => {
		const m = machine()
			.call(10, "socket", [2, 0o2000001, 0], 4)
			.call(10, "connect", [4], 0)
			.call(10, "write", [4, 0, 5], 5, { addresses: tcp })
			.read(10, 4)
			.run();
		expect(m.sockets("socket", "connect").map((r) => r.socket)).toMatchObject([
			{ family: "inet", type: "stream", protocol: "TCP", remote_port: null, source: "call" },
			{ source: "call" },
		]);
		expect(m.sockets("read", "write")).toMatchObject([
			{ op: "send", bytes: 5, socket: { remote_address: "10.0.0.2", source: "record" } },
			{ op: "recv", socket: { remote_address: "10.0.0.2", source: "record" } },
		]);
	});

	test("another peer of a connection ends what was recorded", () => {
		const m = machine()
			.call(10, "write", [4, 0, 5], 5, { addresses: tcp })
			.call(10, "connect", [4], 0)
			.read(10, 4)
			.run();
		expect(m.sockets("read")).toMatchObject([{ socket_id: null }]);
	});

	test("traffic of a socketpair is not booked on the UDP socket that had its number before", () => {
		const m = machine()
			.call(10, "socket", [2, 2, 0], 4)
			.call(10, "sendto", [4, 0, 8], 8, { addresses: udp })
			.call(10, "close", [4], 0)
			.call(10, "socketpair", [1, 1, 0, 0], 0)
			.read(10, 4)
			.call(10, "read", [4, 0, 64], 3, { addresses: local })
			.read(10, 4)
			.run();
		expect(m.paths("read")).toEqual([null]);
		expect(m.sockets("read").map((r) => r.socket)).toMatchObject([{ family: "unix" }, { family: "unix" }]);
	});

	test("a datagram socket has the pair of each call only", () => {
		const m = machine()
			.call(10, "sendto", [4, 0, 8], 8, { addresses: udp })
			.call(10, "recvfrom", [4, 0, 64], 8)
			.run();
		expect(m.sockets("sendto", "recvfrom").map((r) => r.socket?.remote_port ?? null)).toEqual([53, null]);
	});

	test("accept is about the socket that listens; the new one is unknown until its addresses come", () => {
		const m = machine()
			.call(10, "socket", [10, 1, 0], 4)
			.call(10, "accept", [4], 5)
			.read(10, 5)
			.call(10, "read", [5, 0, 64], 2, { addresses: tcp })
			.read(10, 5)
			.run();
		expect(m.sockets("accept")).toMatchObject([{ op: "accept", fd: 4, socket: { family: "inet6" } }]);
		expect(m.sockets("read").map((r) => r.socket?.remote_port ?? null)).toEqual([null, 53, 53]);
	});

	test("an accepted connection that is there at the end has its addresses by the snapshot", () => {
		const m = machine()
			.seen({
				fd: 5,
				type: "IPv4",
				protocol: "TCP",
				local: { port: 22 },
				remote: { address: "10.9.9.9", port: 4 },
			})
			.call(10, "accept", [4], 5)
			.read(10, 5)
			.run();
		expect(m.sockets("read")).toMatchObject([
			{ socket: { local_port: 22, remote_address: "10.9.9.9", type: "stream", source: "lsof" } },
		]);
	});

	test("one that is closed has none", () => {
		const m = machine()
			.seen({ fd: 5, type: "IPv4", protocol: "TCP", remote: { port: 4 } })
			.call(10, "accept", [4], 5)
			.read(10, 5)
			.call(10, "close", [5], 0)
			.run();
		expect(m.sockets("read", "close").map((r) => r.socket)).toMatchObject([
			{ remote_port: null, source: null },
			{ remote_port: null, source: null },
		]);
	});

	test("a call that finds no socket makes none of the file", () => {
		const m = machine().open(10, "/a", 3).call(10, "sendmsg", [3], -88).read(10, 3).run();
		expect(m.sockets("sendmsg")).toMatchObject([{ error: "ENOTSOCK", socket_id: null }]);
		expect(m.paths("read")).toEqual(["/a"]);
	});
});
