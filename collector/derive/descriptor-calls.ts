/**
 * What system calls have to do with file descriptors, as data. Arguments: the manual pages of section 2; flags:
 * include/uapi/asm-generic/fcntl.h, of which powerpc changes only O_DIRECTORY, O_NOFOLLOW, O_LARGEFILE and O_DIRECT
 * (arch/powerpc/include/uapi/asm/fcntl.h, Linux 6.12), include/linux/net.h, include/uapi/linux/{eventpoll,memfd,sched}.h.
 */

const O_CLOEXEC = 0o2000000;

/** When the descriptor that a call makes closes on exec: a bit of an argument, or the same always. */
export type CloseOnExec =
	| { readonly argument: number; readonly bit: number }
	| "always"
	| "never"
	| "unknown";

/** What an opening call makes. */
export type Made =
	/** the file of the path that the format may have recorded with the enter */
	| { readonly path: true; readonly directory?: number }
	/** an object without a name in any directory, as lsof shows it */
	| { readonly object: string; readonly type: string }
	| "socket"
	/** a socket that has been connected by the other end */
	| "connection"
	/** nothing tells */
	| "unknown";

/** What a call does to the descriptors of its process. */
export type Change =
	| { readonly kind: "open"; readonly made: Made; readonly cloexec: CloseOnExec; readonly only?: Only }
	| { readonly kind: "close" }
	| { readonly kind: "close-range" }
	/** `to`: the argument with the new number; absent: the result is it */
	| { readonly kind: "dup"; readonly to?: number; readonly cloexec: CloseOnExec }
	| { readonly kind: "fcntl" }
	| { readonly kind: "connect" }
	| { readonly kind: "exec" }
	| { readonly kind: "fork"; readonly flags?: number }
	| { readonly kind: "unshare" }
	| { readonly kind: "chdir" }
	/** From here on descriptors change without a system call. */
	| { readonly kind: "ring" };

/** The result is a descriptor only where the argument has one of these values. */
export interface Only {
	readonly argument: number;
	readonly values: readonly number[];
}

export interface DescriptorCall {
	/** Kind of call in file_io; null: the call has no row, it only changes descriptors. */
	readonly op: string | null;
	/** Kind of call in socket_io. */
	readonly socketOp: string;
	/** Only sockets have this call. */
	readonly socket: boolean;
	/** Argument with the descriptor; "result": it is the one that the call makes; null: none, or several. */
	readonly fd: number | "result" | null;
	/** The result counts bytes. */
	readonly bytes: boolean;
	/** Argument with the number of bytes asked for. */
	readonly asked: number | null;
	/** Argument with the position; `unless` [argument, value]: it means something else then. */
	readonly position: number | null;
	/** LinuxKI records the addresses of this very descriptor with the call. */
	readonly addresses: boolean;
	readonly change: Change | null;
}

const call = (op: string | null, socketOp: string, more: Partial<DescriptorCall> = {}): DescriptorCall => ({
	op,
	socketOp,
	socket: false,
	fd: 0,
	bytes: false,
	asked: null,
	position: null,
	addresses: false,
	change: null,
	...more,
});

const read = (more: Partial<DescriptorCall> = {}) => call("read", "recv", { bytes: true, ...more });
const write = (more: Partial<DescriptorCall> = {}) => call("write", "send", { bytes: true, ...more });
const sync = (more: Partial<DescriptorCall> = {}) => call("sync", "other", more);
const other = (more: Partial<DescriptorCall> = {}) => call("other", "other", more);
const ofSocket = (socketOp: string, more: Partial<DescriptorCall> = {}) =>
	call("other", socketOp, { socket: true, ...more });
const opens = (made: Made, cloexec: CloseOnExec, more: Partial<DescriptorCall> = {}): DescriptorCall =>
	call("open", "open", { fd: "result", change: { kind: "open", made, cloexec }, ...more });
const changes = (change: Change): DescriptorCall => call(null, "other", { fd: null, change });

const bit = (argument: number, value = O_CLOEXEC): CloseOnExec => ({ argument, bit: value });
/** Names as lsof and /proc/PID/fd have them, less "anon_inode:" (users of anon_inode_getfd, Linux 6.12). */
const anonymous = (name: string): Made => ({ object: name, type: "a_inode" });
const path: Made = { path: true };
const epoll = anonymous("[eventpoll]");
const event = anonymous("[eventfd]");
const signal = anonymous("[signalfd]");
const inotify = anonymous("inotify");

/** By the name of the call. A call that is not here has nothing to do with descriptors, or names them in memory only. */
export const descriptorCalls: Readonly<Record<string, DescriptorCall>> = {
	open: opens(path, bit(1)),
	openat: opens({ path: true, directory: 0 }, bit(2)),
	// the flags lie in memory
	openat2: opens({ path: true, directory: 0 }, "unknown"),
	creat: opens(path, "never"),
	open_by_handle_at: opens("unknown", bit(2)),
	epoll_create: opens(epoll, "never"),
	epoll_create1: opens(epoll, bit(0)),
	eventfd: opens(event, "never"),
	eventfd2: opens(event, bit(1)),
	timerfd_create: opens(anonymous("[timerfd]"), bit(1)),
	signalfd: opens(signal, "never", {
		change: { kind: "open", made: signal, cloexec: "never", only: { argument: 0, values: [-1] } },
	}),
	signalfd4: opens(signal, bit(3), {
		change: { kind: "open", made: signal, cloexec: bit(3), only: { argument: 0, values: [-1] } },
	}),
	inotify_init: opens(inotify, "never"),
	inotify_init1: opens(inotify, bit(0)),
	fanotify_init: opens(anonymous("[fanotify]"), bit(0, 1)),
	memfd_create: opens("unknown", bit(1, 1)),
	memfd_secret: opens("unknown", bit(0)),
	userfaultfd: opens(anonymous("[userfaultfd]"), bit(0)),
	perf_event_open: opens(anonymous("[perf_event]"), bit(4, 8)),
	pidfd_open: opens(anonymous("[pidfd]"), "always"),
	// a copy of another process's descriptor
	pidfd_getfd: opens("unknown", "always"),
	mq_open: opens("unknown", "always"),
	fsopen: opens("unknown", bit(1, 1)),
	fspick: opens("unknown", bit(2, 1)),
	fsmount: opens("unknown", bit(1, 1)),
	open_tree: opens("unknown", bit(2)),
	open_tree_attr: opens("unknown", bit(2)),
	// both ends are told in memory; they take numbers that are free
	pipe: call("open", "open", { fd: null }),
	pipe2: call("open", "open", { fd: null }),

	read: read({ asked: 2, addresses: true }),
	readv: read({ addresses: true }),
	pread64: read({ asked: 2, position: 3, addresses: true }),
	preadv: read({ position: 3 }),
	// -1: the file's own position, which nothing tells
	preadv2: read({ position: 3 }),
	write: write({ asked: 2, addresses: true }),
	writev: write({ addresses: true }),
	pwrite64: write({ asked: 2, position: 3, addresses: true }),
	pwritev: write({ position: 3 }),
	pwritev2: write({ position: 3 }),
	// From one descriptor to another: the row is about the one that is written. LinuxKI's addresses are of the other.
	sendfile: write({ asked: 3 }),
	copy_file_range: write({ fd: 2, asked: 4 }),
	splice: write({ fd: 2, asked: 4 }),
	tee: write({ fd: 1, asked: 2 }),
	vmsplice: other(),

	lseek: call("seek", "other"),
	fsync: sync(),
	fdatasync: sync(),
	syncfs: sync(),
	sync_file_range: sync({ position: 1, asked: 2 }),
	sync_file_range2: sync({ position: 2, asked: 3 }),
	mmap: call("map", "other", { fd: 4, asked: 1, position: 5 }),
	fallocate: other({ position: 2, asked: 3 }),
	ftruncate: other(),
	fadvise64: other({ position: 1, asked: 2 }),
	readahead: other({ position: 1, asked: 2 }),
	fstat: other(),
	fstatfs: other(),
	fchmod: other(),
	fchown: other(),
	flock: other(),
	getdents: other({ asked: 2 }),
	getdents64: other({ asked: 2 }),
	ioctl: other(),
	fcntl: other({ change: { kind: "fcntl" } }),
	dup: other({ change: { kind: "dup", cloexec: "never" } }),
	dup2: other({ change: { kind: "dup", to: 1, cloexec: "never" } }),
	dup3: other({ change: { kind: "dup", to: 1, cloexec: bit(2) } }),
	close: call("close", "close", { change: { kind: "close" } }),
	close_range: call("close", "close", { fd: null, change: { kind: "close-range" } }),

	socket: opens("socket", bit(1), { socket: true }),
	socketpair: ofSocket("open", { fd: null }),
	bind: ofSocket("other"),
	listen: ofSocket("other"),
	// the row is about the socket that listens
	accept: ofSocket("accept", { change: { kind: "open", made: "connection", cloexec: "never" } }),
	accept4: ofSocket("accept", { change: { kind: "open", made: "connection", cloexec: bit(3) } }),
	connect: ofSocket("connect", { change: { kind: "connect" } }),
	send: ofSocket("send", { bytes: true, asked: 2, addresses: true }),
	sendto: ofSocket("send", { bytes: true, asked: 2, addresses: true }),
	sendmsg: ofSocket("send", { bytes: true, addresses: true }),
	recv: ofSocket("recv", { bytes: true, asked: 2, addresses: true }),
	recvfrom: ofSocket("recv", { bytes: true, asked: 2, addresses: true }),
	recvmsg: ofSocket("recv", { bytes: true, addresses: true }),
	// these two return a number of messages
	sendmmsg: ofSocket("send", { addresses: true }),
	recvmmsg: ofSocket("recv", { addresses: true }),
	shutdown: ofSocket("shutdown"),
	getsockopt: ofSocket("other"),
	setsockopt: ofSocket("other"),
	getsockname: ofSocket("other"),
	getpeername: ofSocket("other"),
	// The multiplexed calls of 32-bit powerpc (include/uapi/linux/net.h): all but the number lies in memory. 1 socket,
	// 5 accept and 18 accept4 give a descriptor.
	socketcall: ofSocket("other", {
		fd: null,
		change: {
			kind: "open",
			made: "unknown",
			cloexec: "unknown",
			only: { argument: 0, values: [1, 5, 18] },
		},
	}),

	execve: changes({ kind: "exec" }),
	execveat: changes({ kind: "exec" }),
	clone: changes({ kind: "fork", flags: 0 }),
	clone3: changes({ kind: "fork" }),
	fork: changes({ kind: "fork" }),
	vfork: changes({ kind: "fork" }),
	unshare: changes({ kind: "unshare" }),
	chdir: changes({ kind: "chdir" }),
	fchdir: changes({ kind: "chdir" }),
	chroot: changes({ kind: "chdir" }),
	pivot_root: changes({ kind: "chdir" }),
	setns: changes({ kind: "chdir" }),
	io_uring_setup: changes({ kind: "ring" }),
	io_uring_enter: changes({ kind: "ring" }),
	// BPF_MAP_CREATE, PROG_LOAD, OBJ_GET, ..._GET_FD_BY_ID, RAW_TRACEPOINT_OPEN, BTF_LOAD, LINK_CREATE, ENABLE_STATS,
	// ITER_CREATE, TOKEN_CREATE (include/uapi/linux/bpf.h)
	bpf: changes({
		kind: "open",
		made: "unknown",
		cloexec: "always",
		only: { argument: 0, values: [0, 5, 7, 13, 14, 17, 18, 19, 28, 30, 32, 33, 36] },
	}),
	// flags: LANDLOCK_CREATE_RULESET_VERSION asks for a number
	landlock_create_ruleset: changes({
		kind: "open",
		made: "unknown",
		cloexec: "always",
		only: { argument: 2, values: [0] },
	}),
	// SECCOMP_FILTER_FLAG_NEW_LISTENER
	seccomp: changes({
		kind: "open",
		made: "unknown",
		cloexec: "always",
		only: { argument: 1, values: [8, 9, 24, 25] },
	}),
};

/**
 * Calls whose enter tells already: those that take a descriptor away while other threads go on (first or second argument, or
 * from the first to the second), that may change its flag close-on-exec or the working directory, and that make a process or
 * thread.
 */
export const entered: Readonly<Record<string, "first" | "second" | "range" | "flag" | "directory" | "fork">> =
	{
		fcntl: "flag",
		close: "first",
		dup2: "second",
		dup3: "second",
		close_range: "range",
		chdir: "directory",
		fchdir: "directory",
		chroot: "directory",
		pivot_root: "directory",
		setns: "directory",
		clone: "fork",
		clone3: "fork",
		fork: "fork",
		vfork: "fork",
	};
