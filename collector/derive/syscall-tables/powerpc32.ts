import { powerpc64 } from "./powerpc64.ts";

/** What the 32-bit ABI of powerpc has instead of, or beside, the 64-bit one (syscall.tbl, ABI 32; Linux 7.2). */
export const powerpc32Only: Readonly<Record<number, string>> = {
	192: "mmap2",
	193: "truncate64",
	194: "ftruncate64",
	195: "stat64",
	196: "lstat64",
	197: "fstat64",
	204: "fcntl64",
	226: "sendfile64",
	254: "fadvise64_64",
	291: "fstatat64",
	403: "clock_gettime64",
	404: "clock_settime64",
	405: "clock_adjtime64",
	406: "clock_getres_time64",
	407: "clock_nanosleep_time64",
	408: "timer_gettime64",
	409: "timer_settime64",
	410: "timerfd_gettime64",
	411: "timerfd_settime64",
	412: "utimensat_time64",
	413: "pselect6_time64",
	414: "ppoll_time64",
	416: "io_pgetevents_time64",
	417: "recvmmsg_time64",
	418: "mq_timedsend_time64",
	419: "mq_timedreceive_time64",
	420: "semtimedop_time64",
	421: "rt_sigtimedwait_time64",
	422: "futex_time64",
	423: "sched_rr_get_interval_time64",
};

/** System calls of 32-bit powerpc by number. 392 (semtimedop) exists for 64 bits only. */
export const powerpc32: Readonly<Record<number, string>> = Object.fromEntries(
	Object.entries({ ...powerpc64, ...powerpc32Only }).filter(([nr]) => nr !== "392"),
);
