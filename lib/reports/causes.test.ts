import { expect, it } from "vitest";
import { type Cause, causeOf } from "./causes.ts";

it.each<[string | null, string | null, string, boolean, Cause]>([
	["futex_wait_queue", "futex", "sleeping", false, "lock"],
	["__mutex_lock", "openat", "disk", false, "lock"],
	["rwsem_down_write_slowpath", "mmap", "disk", false, "lock"],
	["jbd2_log_wait_commit", "fsync", "disk", false, "disk"],
	["folio_wait_bit_common", "read", "disk", false, "disk"],
	["shrink_inactive_list", null, "disk", true, "memory"],
	["pipe_read", "read", "sleeping", false, "peer"],
	["do_epoll_wait", "epoll_pwait", "sleeping", false, "peer"],
	["do_nanosleep", "clock_nanosleep", "sleeping", false, "timer"],
	["worker_thread", null, "sleeping", true, "timer"],
	// Without a stack the system call tells, without it the state.
	[null, "futex", "sleeping", false, "lock"],
	[null, "recvfrom", "sleeping", false, "peer"],
	[null, "fdatasync", "sleeping", false, "disk"],
	[null, "openat", "disk", false, "disk"],
	[null, null, "sleeping", true, "timer"],
	[null, null, "sleeping", false, "other"],
])("%s in %s, %s, kernel thread %s: %s", (waitFunction, syscall, state, kernelThread, cause) => {
	expect(causeOf({ waitFunction, syscall, state, kernelThread })).toBe(cause);
});
