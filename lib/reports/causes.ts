/**
 * What a thread waits for, by the kernel function in which it waits, else by its system call, else by its state. The
 * names are those of Linux 5.4 to 7.x; the first pattern that fits counts.
 */
import type { StateName } from "../figures/palette.ts";

export type Cause = Exclude<StateName, "running" | "runnable" | "unknown">;

export const causeNames: Readonly<Record<Cause, string>> = {
	lock: "lock",
	disk: "disk",
	peer: "peer",
	memory: "memory",
	timer: "on purpose",
	other: "other",
};

type Rules = readonly (readonly [RegExp, Cause])[];

const byFunction: Rules = [
	// kernel/futex, kernel/locking, ipc/sem.c
	[
		/^(__)?futex_|^do_futex|(mutex|rwsem|rwbase|percpu_down|rt_mutex|down_(read|write|interruptible|killable|timeout))|^do_semtimedop|^__do_semtimedop/,
		"lock",
	],
	// mm/vmscan.c, mm/memcontrol.c, mm/page_io.c
	[
		/reclaim|^shrink_|^mem_cgroup_|^try_charge|swap|^congestion_wait|^compact_|^kcompactd|^userfaultfd|^handle_userfault/,
		"memory",
	],
	// mm/filemap.c, fs/buffer.c, fs/jbd2, fs/iomap, fs/direct-io.c, block
	[
		/^(folio|page|filemap)_wait|^wait_on_page|^__?wait_on_buffer|^folio_lock|^jbd2_|^wait_transaction|^do_get_write_access|^(__)?iomap_|dio|^blk_|^blkdev_|^submit_bio|^bio_|^rq_qos_|^xlog_|^xfs_|^ext4_|^btrfs_|^sync_|^io_cqring_wait|^read_events|^wb_wait|^balance_dirty/,
		"disk",
	],
	[
		/nanosleep|^do_sigtimedwait|^sigsuspend|^do_sys_pause|^sys_pause|^msleep|^schedule_hrtimeout$|^worker_thread|^kthread|^rcu_|^smpboot_/,
		"timer",
	],
	// fs/pipe.c, fs/select.c, fs/eventpoll.c, net, kernel/exit.c, ipc/msg.c
	[
		/pipe|^do_(sys_)?poll|^do_select|^poll_|^ep_poll|^unix_|skb|^sk_|^tcp_|^inet_|^udp_|^(do_|kernel_)wait|^do_msg(rcv|snd)|^eventfd|^n_tty|^inotify|^signalfd/,
		"peer",
	],
];

const bySyscall: Rules = [
	[/^futex|^semop|^semtimedop|^flock$/, "lock"],
	[
		/^(f|fdata|sync_file_range|ms)?sync|^fdatasync|^io_getevents|^io_pgetevents|^io_uring_enter|^readahead/,
		"disk",
	],
	[/nanosleep|^pause$|sigsuspend|sigtimedwait/, "timer"],
	[
		/poll|select|^accept|^recv|^send|^connect|^(p?read|p?write)(v2?|64)?$|^readv|^writev|^wait(4|id|pid)|^msg(rcv|snd)|^splice|^tee/,
		"peer",
	],
];

/** The cause of a wait. A kernel thread that sleeps without being in a system call is idle on purpose. */
export function causeOf(wait: {
	readonly state: string;
	readonly syscall: string | null;
	readonly waitFunction: string | null;
	readonly kernelThread: boolean;
}): Cause {
	const match = (rules: Rules, name: string | null) =>
		name === null ? undefined : rules.find(([pattern]) => pattern.test(name))?.[1];
	const found = match(byFunction, wait.waitFunction);
	if (found !== undefined) return found;
	// Uninterruptible without a known function: nearly always block I/O.
	if (wait.state === "disk") return "disk";
	if (wait.kernelThread) return "timer";
	return match(bySyscall, wait.syscall) ?? "other";
}
