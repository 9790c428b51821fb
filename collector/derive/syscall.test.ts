import { describe, expect, test } from "vitest";
import type { ThreadClock } from "./shared.ts";
import { Syscalls } from "./syscall.ts";
import { DeriveTest, type TestOptions } from "./testing.ts";
import { ThreadIdentity } from "./thread-identity.ts";

const READ = 3;
const FUTEX = 221;
const noArgs = [0, 0, 0, 0, 0, 0];
const enter = (id: number, args: readonly (number | bigint)[] = noArgs) => ({ id, args });
const exit = (id: number, ret: number | bigint = 0) => ({ id, ret });
const dead = { prev_state: 16 };
const recorded = ["sys_enter", "sys_exit", "sched_process_exit"];

/** A clock for threads that run a quarter of the time, wait for a CPU for another, and sleep for a half. */
const clock: ThreadClock = {
	totals(_utid, ts, out) {
		out[0] = ts / 4;
		out[1] = ts / 4;
		out[2] = ts / 2;
		out[3] = 0;
	},
	lastWait: () => null,
};

function calls(feed: (t: DeriveTest) => void, options: TestOptions = {}, end?: number) {
	const t = new DeriveTest(options);
	feed(t);
	t.run((context) => [new Syscalls(context, clock)], end);
	return t;
}

describe("a call", () => {
	test("lasts from sys_enter to sys_exit of its thread, and its parts sum to it", () => {
		const t = calls((t) => {
			t.event(100, 0, 7, "sys_enter", enter(READ, [1, 2n ** 63n, 3, 4, 5, 6]));
			t.event(120, 0, 8, "sys_enter", enter(READ));
			t.event(500, 1, 7, "sys_exit", exit(READ, 64));
			t.event(520, 1, 8, "sys_exit", exit(READ, 0));
			t.event(530, 1, 8, "sched_switch", { prev_state: 1 });
		});
		expect(t.rows("syscall")[0]).toEqual({
			ts: 100,
			dur: 400,
			cpu: 0,
			utid: 1,
			nr: READ,
			name: "read",
			args: [1n, -(2n ** 63n), 3n, 4n, 5n, 6n],
			ret: 64,
			error: null,
			restarts: false,
			running_ns: 100,
			runnable_ns: 100,
			blocked_ns: 200,
			unknown_ns: 0,
			open_left: false,
			open_right: false,
		});
		expect(t.rows("syscall", "utid", "dur")).toHaveLength(2);
	});

	test("is unknown throughout where switches were not recorded", () => {
		const t = calls((t) => {
			t.event(100, 0, 7, "sys_enter", enter(READ));
			t.event(500, 0, 7, "sys_exit", exit(READ));
		});
		expect(t.rows("syscall", "running_ns", "blocked_ns", "unknown_ns")).toEqual([
			{ running_ns: 0, blocked_ns: 0, unknown_ns: 400 },
		]);
	});

	test("has no durations where the clock does not count time", () => {
		const t = calls(
			(t) => {
				t.event(1, 0, 7, "sys_enter", enter(READ));
				t.event(2, 0, 7, "sys_exit", exit(READ));
			},
			{ timed: false },
		);
		expect(t.rows("syscall", "dur", "running_ns", "unknown_ns")).toEqual([
			{ dur: null, running_ns: null, unknown_ns: null },
		]);
	});

	test("that fails has the error's name, restart codes included; a large result is no error", () => {
		const t = calls((t) => {
			const results = [-2, -512, -516, 70_367_160_037_376, -4096];
			results.forEach((ret, i) => {
				t.event(10 * i + 1, 0, 7, "sys_enter", enter(READ));
				t.event(10 * i + 5, 0, 7, "sys_exit", exit(READ, ret));
			});
		});
		expect(t.rows("syscall", "ret", "error")).toEqual([
			{ ret: -2, error: "ENOENT" },
			{ ret: -512, error: "ERESTARTSYS" },
			{ ret: -516, error: "ERESTART_RESTARTBLOCK" },
			{ ret: 70_367_160_037_376, error: null },
			{ ret: -4096, error: null },
		]);
	});

	test("has the name of its machine's table, or none", () => {
		const names = (arch: string, nr: number) =>
			calls(
				(t) => {
					t.event(1, 0, 7, "sys_enter", enter(nr));
					t.event(2, 0, 7, "sys_exit", exit(nr, -38));
				},
				{ arch },
			).rows("syscall", "name")[0]!.name;
		expect(names("ppc64le", 221)).toBe("futex");
		expect(names("x86_64", 202)).toBe("futex");
		expect(names("ppc64le", 202)).toBe("getdents64");
		expect(names("ppc64le", 192)).toBe(null);
		expect(names("ppc64", 192)).toBe("mmap2");
		expect(names("ppc", 422)).toBe("futex_time64");
		expect(names("ppc64le", 1023)).toBe(null);
		expect(names("sparc64", 3)).toBe(null);
	});
});

describe("threads begin and end", () => {
	test("exit ends at the thread's last switch", () => {
		const t = calls(
			(t) => {
				t.event(100, 0, 7, "sys_enter", enter(234));
				t.event(150, 0, 7, "sched_process_exit");
				t.event(180, 0, 7, "sched_switch", dead);
				t.event(900, 0, 0, "sched_switch", { prev_state: 0 });
			},
			{ recorded: [...recorded, "sched_switch"] },
		);
		expect(t.rows("syscall", "name", "dur", "ret", "open_right")).toEqual([
			{ name: "exit_group", dur: 80, ret: null, open_right: false },
		]);
	});

	test("without switches exit ends at sched_process_exit", () => {
		const t = calls(
			(t) => {
				t.event(100, 0, 7, "sys_enter", enter(1));
				t.event(150, 0, 7, "sched_process_exit");
				t.event(900, 0, 9, "sched_waking");
			},
			{ recorded },
		);
		expect(t.rows("syscall", "name", "dur", "open_right")).toEqual([
			{ name: "exit", dur: 50, open_right: false },
		]);
	});

	test("a new thread's way out of its creator's clone is no call", () => {
		const t = calls((t) => {
			t.event(100, 0, 7, "sys_enter", enter(120));
			t.event(110, 1, 8, "sys_exit", exit(120, 0));
			t.event(120, 0, 7, "sys_exit", exit(120, 8));
		});
		expect(t.rows("syscall", "utid", "ret")).toEqual([{ utid: 1, ret: 8 }]);
	});
});

test("an execve that replaces the main thread belongs to its caller", () => {
	const t = new DeriveTest();
	t.event(10, 0, 7, "sys_enter", enter(FUTEX));
	t.event(20, 1, 8, "sys_enter", enter(11));
	t.event(30, 0, 7, "sched_process_exit", { comm: "main", pid: 7, prio: 120 });
	t.event(40, 0, 7, "sched_switch", {
		prev_comm: "main",
		prev_pid: 7,
		prev_prio: 120,
		prev_state: 16,
		next_comm: "swapper/0",
		next_pid: 0,
		next_prio: 120,
	});
	t.event(50, 1, 7, "sched_process_exec", { filename: "/bin/true", pid: 7, old_pid: 8 });
	t.event(60, 1, 7, "sys_exit", exit(11, 0));
	t.run((context) => [new ThreadIdentity(context), new Syscalls(context, clock)]);
	expect(t.rows("syscall", "name", "utid", "ts", "dur", "open_left", "open_right")).toEqual([
		{ name: "futex", utid: 1, ts: 10, dur: 30, open_left: false, open_right: false },
		{ name: "execve", utid: 2, ts: 20, dur: 40, open_left: false, open_right: false },
	]);
});

describe("signals", () => {
	test("an exit with another number closes rt_sigreturn", () => {
		const t = calls((t) => {
			t.event(100, 0, 7, "sys_enter", enter(172));
			t.event(105, 0, 7, "sys_exit", exit(248, -4));
		});
		expect(t.rows("syscall", "nr", "name", "dur", "ret", "error", "open_left")).toEqual([
			{ nr: 172, name: "rt_sigreturn", dur: 5, ret: -4, error: null, open_left: false },
		]);
	});

	test("restart_syscall is a row of its own", () => {
		const t = calls((t) => {
			t.event(100, 0, 7, "sys_enter", enter(248));
			t.event(105, 0, 7, "sys_exit", exit(248, -516));
			t.event(106, 0, 7, "sys_enter", enter(0));
			t.event(190, 0, 7, "sys_exit", exit(0, 0));
		});
		expect(t.rows("syscall", "name", "restarts", "dur")).toEqual([
			{ name: "clock_nanosleep", restarts: false, dur: 5 },
			{ name: "restart_syscall", restarts: true, dur: 84 },
		]);
	});
});

describe("edges and losses", () => {
	test("a thread that was in a call when the window began", () => {
		const t = calls(
			(t) => {
				t.event(50, 0, 9, "sched_waking");
				t.event(300, 1, 7, "sys_exit", exit(FUTEX, 0));
			},
			{ recorded },
		);
		expect(t.rows("syscall", "ts", "dur", "args", "open_left", "cpu")).toEqual([
			{ ts: 50, dur: 250, args: null, open_left: true, cpu: 1 },
		]);
	});

	test("a call that is open at the end", () => {
		const t = calls((t) => t.event(100, 0, 7, "sys_enter", enter(READ)), { recorded }, 1000);
		expect(t.rows("syscall", "ts", "dur", "ret", "open_right")).toEqual([
			{ ts: 100, dur: 900, ret: null, open_right: true },
		]);
	});

	test("a call lasts through a loss if its own exit comes next", () => {
		const t = calls((t) => {
			t.event(100, 0, 7, "sys_enter", enter(READ));
			t.lost(0, 200, 300);
			t.event(400, 0, 7, "sys_exit", exit(READ));
		});
		expect(t.rows("syscall", "dur", "open_left", "open_right")).toEqual([
			{ dur: 300, open_left: false, open_right: false },
		]);
	});

	test("a call whose exit was lost ends where the loss began; the next begins at its own enter", () => {
		const t = calls((t) => {
			t.event(100, 0, 7, "sys_enter", enter(READ));
			t.lost(0, 200, 300);
			t.event(400, 0, 7, "sys_enter", enter(FUTEX));
			t.event(450, 0, 7, "sys_exit", exit(FUTEX));
		});
		expect(t.rows("syscall", "name", "ts", "dur", "open_right")).toEqual([
			{ name: "read", ts: 100, dur: 100, open_right: true },
			{ name: "futex", ts: 400, dur: 50, open_right: false },
		]);
	});

	test("a call whose enter was lost begins where the recording went on", () => {
		const t = calls((t) => {
			t.event(100, 0, 7, "sys_enter", enter(READ));
			t.event(110, 0, 7, "sys_exit", exit(READ));
			t.lost(0, 200, 300);
			t.event(400, 0, 7, "sys_exit", exit(FUTEX));
		});
		expect(t.rows("syscall", "name", "ts", "dur", "open_left", "unknown_ns")).toEqual([
			{ name: "read", ts: 100, dur: 10, open_left: false, unknown_ns: 10 },
			{ name: "futex", ts: 300, dur: 100, open_left: true, unknown_ns: 100 },
		]);
	});

	const twoEnters = (t: DeriveTest) => {
		t.event(100, 0, 7, "sys_enter", enter(READ));
		t.event(200, 0, 7, "sys_enter", enter(READ));
	};

	test("where sys_exit is not recorded nothing has a duration", () => {
		const t = calls(twoEnters, { recorded: ["sys_enter"] }, 300);
		expect(t.rows("syscall", "ts", "dur")).toEqual([
			{ ts: 100, dur: null },
			{ ts: 200, dur: null },
		]);
		expect(t.notes).toEqual([]);
	});

	test("where sys_exit could be recorded but never comes, only what is open at the end has one", () => {
		const t = calls(twoEnters, { recorded }, 300);
		expect(t.rows("syscall", "ts", "dur")).toEqual([
			{ ts: 100, dur: null },
			{ ts: 200, dur: 100 },
		]);
		expect(t.notes).toEqual([]);
	});
});

test("where only sys_exit is recorded nothing has a duration", () => {
	const t = calls((t) => t.event(100, 0, 7, "sys_exit", exit(READ, 5)), { recorded: ["sys_exit"] });
	expect(t.rows("syscall", "ts", "dur", "ret", "open_left")).toEqual([
		{ ts: 100, dur: null, ret: 5, open_left: true },
	]);
	expect(t.notes).toEqual([]);
});

test("a clock of threads that goes back tells nothing", () => {
	const t = new DeriveTest();
	t.event(100, 0, 7, "sys_enter", enter(READ));
	t.event(150, 0, 7, "sched_switch", { prev_state: 0 });
	t.event(200, 0, 7, "sys_exit", exit(READ));
	const back: ThreadClock = {
		totals: (_utid, ts, out) => out.set([0, 0, 1000 - ts, 0]),
		lastWait: () => null,
	};
	t.run((context) => [new Syscalls(context, back)]);
	expect(t.rows("syscall", "dur", "blocked_ns", "unknown_ns")).toEqual([
		{ dur: 100, blocked_ns: 0, unknown_ns: 100 },
	]);
});

describe("events of single calls", () => {
	const openat = { __syscall_nr: 286, arg0: -100, arg1: 4096, arg2: 0, arg3: 0 };

	test("make calls where raw_syscalls is not recorded", () => {
		const t = calls((t) => {
			t.event(100, 0, 7, "sys_enter_openat", openat);
			t.event(130, 0, 7, "sys_exit_openat", { __syscall_nr: 286, ret: 5 });
		});
		expect(t.rows("syscall", "name", "dur", "args", "ret")).toEqual([
			{ name: "openat", dur: 30, args: [-100n, 4096n, 0n, 0n, 0n, 0n], ret: 5 },
		]);
	});

	test("a call whose exit is not recorded has no duration", () => {
		const t = calls((t) => {
			t.event(100, 0, 7, "sys_enter_openat", openat);
			t.event(200, 0, 7, "sys_enter_futex", { __syscall_nr: FUTEX, arg0: 1 });
			t.event(230, 0, 7, "sys_exit_futex", { __syscall_nr: FUTEX, ret: 0 });
		});
		expect(t.rows("syscall", "name", "dur", "open_right")).toEqual([
			{ name: "openat", dur: null, open_right: true },
			{ name: "futex", dur: 30, open_right: false },
		]);
		expect(t.notes).toEqual([]);
	});

	test("a positive error of `sc` stays a result, since nothing tells it from one", () => {
		const t = calls((t) => {
			t.event(100, 0, 7, "sys_enter_openat", openat);
			t.event(130, 0, 7, "sys_exit_openat", { __syscall_nr: 286, ret: 2 });
		});
		expect(t.rows("syscall", "ret", "error")).toEqual([{ ret: 2, error: null }]);
	});

	test("do not count twice, in whatever order they come", () => {
		const t = calls((t) => {
			t.event(90, 0, 7, "sys_exit_openat", { __syscall_nr: 286, ret: 3 });
			t.event(91, 0, 7, "sys_exit", exit(286, 3));
			t.event(100, 0, 7, "sys_enter", enter(286, [1, 2, 3, 4, 5, 6]));
			t.event(101, 0, 7, "sys_enter_openat", openat);
			t.event(130, 0, 7, "sys_exit_openat", { __syscall_nr: 286, ret: 5 });
			t.event(131, 0, 7, "sys_exit", exit(286, 5));
		});
		expect(t.rows("syscall", "ts", "dur", "ret")).toEqual([
			{ ts: 90, dur: 0, ret: 3 },
			{ ts: 100, dur: 31, ret: 5 },
		]);
	});

	test("an enter told by both is one call", () => {
		const t = calls(
			(t) => {
				t.event(100, 0, 7, "sys_enter_openat", openat);
				t.event(101, 0, 7, "sys_enter", enter(286, [1, 2, 3, 4, 5, 6]));
				t.event(131, 0, 7, "sys_exit", exit(286, 5));
			},
			{ recorded: ["sys_enter", "sys_exit", "sys_enter_openat", "sys_exit_openat"] },
		);
		expect(t.rows("syscall", "ts", "dur")).toEqual([{ ts: 100, dur: 31 }]);
	});
});

describe("where perf recorded", () => {
	/** What listeners hear of how long each call slept. */
	function slept(options: TestOptions, parts: readonly [number, number, number, number]) {
		const heard: number[] = [];
		const t = new DeriveTest({ recorded: [...recorded, "sched_switch"], ...options })
			.event(100, 0, 7, "sys_enter", enter(READ))
			.event(500, 0, 7, "sys_exit", exit(READ));
		const told: ThreadClock = {
			totals: (_utid, ts, out) => out.set(ts === 100 ? [0, 0, 0, 0] : parts),
			lastWait: () => null,
		};
		t.run((context) => [new Syscalls(context, told, [{ ended: (call) => heard.push(call.blocked) }])]);
		return heard;
	}

	test("a call of which a part is unknown may have slept longer than is told", () => {
		expect(slept({}, [100, 0, 100, 200])).toEqual([100]);
		expect(slept({ perTask: true }, [100, 0, 100, 200])).toEqual([Number.NaN]);
		expect(slept({ perTask: true }, [100, 0, 300, 0])).toEqual([300]);
		expect(slept({ recorded: [...recorded, "PERF_RECORD_SWITCH"] }, [100, 0, 0, 300])).toEqual([Number.NaN]);
	});

	test("exit_group ends with the thread, though neither event nor switch tells its end", () => {
		const t = new DeriveTest({ perTask: true, recorded: ["sys_enter", "sys_exit", "sched_switch"] })
			.event(100, 0, 7, "sys_enter", enter(234))
			.exit(150, 0, 7)
			.event(400, 0, 8, "sys_enter", enter(READ));
		t.run((context) => [new ThreadIdentity(context), new Syscalls(context, clock)]);
		expect(t.rows("syscall", "name", "ts", "dur", "open_right")).toEqual([
			{ name: "exit_group", ts: 100, dur: 50, open_right: false },
			{ name: "read", ts: 400, dur: 0, open_right: true },
		]);
	});
});

test("others can ask in which call a thread is", () => {
	const t = new DeriveTest();
	let syscalls: Syscalls | undefined;
	const asked: (string | null)[] = [];
	t.event(100, 0, 7, "sys_enter", enter(READ));
	t.event(110, 0, 7, "sched_switch", { prev_state: 1 });
	t.event(120, 0, 7, "sys_exit", exit(READ));
	t.event(130, 0, 7, "sched_switch", { prev_state: 0 });
	t.run((context) => {
		syscalls = new Syscalls(context, clock);
		const on = (_ts: number, _cpu: number, utid: number) => {
			const code = syscalls!.nameOf(utid);
			asked.push(code < 0 ? null : context.strings.text(code));
		};
		return [syscalls, { events: { sched_switch: { fields: [], on } }, finish() {} }];
	});
	expect(asked).toEqual(["read", null]);
});
