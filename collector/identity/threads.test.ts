import { describe, expect, test } from "vitest";
import { DeriveTest, type TestRow } from "../derive/testing.ts";
import { ThreadIdentity } from "../derive/thread-identity.ts";
import { writeThreads } from "./thread-rows.ts";

const CLONE_VM_THREAD = 0x003d_0f00; // what pthread_create passes
const CLONE_FORK = 0x0120_0000;

function identify(t: DeriveTest): DeriveTest {
	t.run((context) => [new ThreadIdentity(context)]);
	t.threads.settle();
	writeThreads(t.threads, t.strings, (table) => t.table(table));
	return t;
}

const swap = (prev: number, state: number, next: number, prevComm = `t${prev}`, nextComm = `t${next}`) => ({
	prev_comm: prevComm,
	prev_pid: prev,
	prev_prio: 120,
	prev_state: state,
	next_comm: nextComm,
	next_pid: next,
	next_prio: 120,
});

const brief = (rows: TestRow[]) => rows.map((r) => [r.utid, r.tid, r.tgid, r.name]);

describe("utids", () => {
	test("count up in order of first sight; the idle threads are 0", () => {
		const t = identify(
			new DeriveTest()
				.event(10, 0, 7, "sched_switch", swap(7, 1, 0))
				.event(20, 0, 0, "sched_switch", swap(0, 0, 5)),
		);
		expect(brief(t.rows("thread"))).toEqual([
			[0, 0, 0, "swapper"],
			[1, 7, null, "t7"],
			[2, 5, null, "t5"],
		]);
	});

	test("more threads than fit at first keep what is known of each", () => {
		const t = new DeriveTest();
		for (let tid = 1; tid <= 5000; tid++) t.event(tid, 0, tid, "sched_switch", swap(tid, 1, tid + 1));
		identify(t);
		const rows = t.rows("thread");
		expect(rows).toHaveLength(5002);
		expect(rows[4321]).toMatchObject({ utid: 4321, tid: 4321, name: "t4321", first_ts: 4320, last_ts: 4321 });
	});

	test("a tid that no kernel gives is a thread too, and does not disturb the others", () => {
		const t = identify(
			new DeriveTest().event(1, 0, 9_000_000, "x").event(2, 0, 9_000_000, "x").event(3, 0, 12_000_000, "x"),
		);
		expect(t.rows("thread", "utid", "tid")).toEqual([
			{ utid: 0, tid: 0 },
			{ utid: 1, tid: 9_000_000 },
			{ utid: 2, tid: 12_000_000 },
		]);
	});
});

test("a creation that PERF_RECORD_FORK, task_newtask and sched_process_fork tell is one thread", () => {
	const t = new DeriveTest();
	const parent = t.threads.at(10, 0);
	const first = t.threads.fork(parent, 50, -1, 0, Number.NaN, 100, true);
	expect(t.threads.fork(parent, 50, -1, 0x1_0000, 0, 8_100)).toBe(first);
	expect(t.threads.fork(parent, 50, -1, 0, Number.NaN, 9_000_000)).toBe(first);
	// told again by the same source: another life
	expect(t.threads.fork(parent, 50, -1, 0, Number.NaN, 9_500_000, true)).not.toBe(first);
});

describe("a tid that is given again", () => {
	test("is another utid after the dead switch, though sched_process_free comes later", () => {
		const t = new DeriveTest()
			.event(1, 0, 50, "task_newtask", { pid: 31000, comm: "gen1", clone_flags: CLONE_FORK })
			.event(2, 0, 50, "sched_process_fork", { parent_pid: 50, child_pid: 31000, child_comm: "gen1" })
			.event(3, 0, 50, "sched_wakeup_new", { comm: "gen1", pid: 31000 })
			.event(4, 1, 0, "sched_switch", swap(0, 0, 31000, "swapper/1", "gen1"))
			.event(5, 1, 31000, "sched_process_exit", { comm: "gen1", pid: 31000 })
			.event(6, 1, 31000, "sched_switch", swap(31000, 0x20, 0, "gen1", "swapper/1"))
			.event(7, 0, 50, "task_newtask", { pid: 31000, comm: "gen2", clone_flags: CLONE_FORK })
			.event(8, 0, 50, "sched_process_fork", { parent_pid: 50, child_pid: 31000, child_comm: "gen2" })
			.event(9, 0, 0, "sched_process_free", { pid: 31000 })
			.event(10, 1, 31000, "x");
		identify(t);
		expect(
			t.rows("thread", "utid", "tid", "name", "first_ts", "last_ts", "start_known", "end_known"),
		).toEqual([
			{ utid: 0, tid: 0, name: "swapper", first_ts: null, last_ts: 9, start_known: false, end_known: false },
			{ utid: 1, tid: 50, name: null, first_ts: 1, last_ts: 8, start_known: false, end_known: false },
			{ utid: 2, tid: 31000, name: "gen1", first_ts: 1, last_ts: 6, start_known: true, end_known: true },
			{ utid: 3, tid: 31000, name: "gen2", first_ts: 7, last_ts: 10, start_known: true, end_known: false },
		]);
		expect(t.rows("process", "tgid", "leader_utid", "parent_tgid")).toEqual([
			{ tgid: 31000, leader_utid: 2, parent_tgid: null },
			{ tgid: 31000, leader_utid: 3, parent_tgid: null },
		]);
	});

	test("is another utid by sched_wakeup_new alone", () => {
		const t = new DeriveTest()
			.event(1, 0, 8, "sched_switch", swap(8, 1, 9))
			.event(2, 0, 9, "sched_wakeup_new", { comm: "new", pid: 8 });
		identify(t);
		expect(t.rows("thread", "tid", "name", "start_known").slice(1)).toEqual([
			{ tid: 8, name: "t8", start_known: false },
			{ tid: 9, name: "t9", start_known: false },
			{ tid: 8, name: "new", start_known: true },
		]);
	});

	test("a fork whose parts are both recorded is one thread, one whose first part is missing too", () => {
		const t = new DeriveTest()
			.event(1, 0, 5, "sched_process_fork", { parent_pid: 5, child_pid: 6, child_comm: "a" })
			.event(2, 0, 5, "task_newtask", { pid: 7, comm: "b", clone_flags: CLONE_VM_THREAD })
			.event(3, 0, 5, "sched_process_fork", { parent_pid: 5, child_pid: 7, child_comm: "b" });
		identify(t);
		expect(t.rows("thread", "tid", "parent_utid", "clone_flags").slice(1)).toEqual([
			{ tid: 5, parent_utid: null, clone_flags: null },
			{ tid: 6, parent_utid: 1, clone_flags: null },
			{ tid: 7, parent_utid: 1, clone_flags: BigInt(CLONE_VM_THREAD) },
		]);
	});
});

test("a thread that shows itself just before its fork, on a clock that differs between CPUs, is the forked one", () => {
	const t = new DeriveTest()
		.event(1_000_000, 1, 0, "sched_switch", swap(0, 0, 60))
		.event(1_050_000, 0, 50, "task_newtask", { pid: 60, comm: "c", clone_flags: CLONE_FORK });
	identify(t);
	expect(t.rows("thread", "tid", "start_known").slice(1)).toEqual([
		{ tid: 60, start_known: true },
		{ tid: 50, start_known: false },
	]);
});

describe("processes", () => {
	test("CLONE_THREAD joins the process of the creator, also when its tgid is learned later", () => {
		const t = new DeriveTest()
			.event(1, 0, 100, "task_newtask", { pid: 101, comm: "w", clone_flags: CLONE_VM_THREAD })
			.event(2, 0, 101, "task_newtask", { pid: 102, comm: "w", clone_flags: CLONE_VM_THREAD })
			.event(3, 0, 100, "task_newtask", { pid: 103, comm: "child", clone_flags: CLONE_FORK });
		t.threads.knownProcess(100, 99, "end");
		identify(t);
		expect(t.rows("thread", "tid", "tgid").slice(1)).toEqual([
			{ tid: 100, tgid: 99 },
			{ tid: 101, tgid: 99 },
			{ tid: 102, tgid: 99 },
			{ tid: 103, tgid: 103 },
		]);
		expect(t.rows("process", "tgid", "leader_utid", "threads", "parent_tgid")).toEqual([
			{ tgid: 99, leader_utid: null, threads: 3, parent_tgid: null },
			{ tgid: 103, leader_utid: 4, threads: 1, parent_tgid: 99 },
		]);
	});

	test("saved tgids belong to the last life at a tid, those of ps to the first", () => {
		const t = new DeriveTest()
			.event(1, 0, 8, "sched_switch", swap(8, 0x10, 0))
			.event(2, 0, 0, "sched_wakeup_new", { comm: "b", pid: 8 })
			.event(3, 0, 9, "sched_switch", swap(9, 0x10, 0))
			.event(4, 0, 0, "sched_wakeup_new", { comm: "c", pid: 9 });
		t.threads.knownProcess(8, 80, "end");
		t.threads.knownProcess(9, 90, "start");
		identify(t);
		expect(t.rows("thread", "tid", "tgid").slice(1)).toEqual([
			{ tid: 8, tgid: null },
			{ tid: 8, tgid: 80 },
			{ tid: 9, tgid: 90 },
			{ tid: 9, tgid: null },
		]);
	});

	describe("a side file from after the recording", () => {
		test("speaks of the last life at a tid, if that has not ended", () => {
			const t = new DeriveTest()
				.event(1, 0, 8, "sched_switch", swap(8, 0x10, 0))
				.event(2, 0, 0, "sched_wakeup_new", { comm: "b", pid: 8 })
				.event(3, 0, 9, "sched_switch", swap(9, 0x10, 0))
				.event(4, 0, 7, "sched_process_exit", { comm: "x", pid: 7 });
			for (const [tid, tgid] of [
				[7, 70],
				[8, 80],
				[9, 90],
			] as const) {
				t.threads.knownProcess(tid, tgid, "after");
				t.threads.knownDetails(tid, { kernel: false }, "after");
			}
			identify(t);
			expect(t.rows("thread", "tid", "tgid", "kernel_thread").slice(1)).toEqual([
				{ tid: 8, tgid: null, kernel_thread: null },
				{ tid: 8, tgid: 80, kernel_thread: false },
				{ tid: 9, tgid: null, kernel_thread: null },
				{ tid: 7, tgid: null, kernel_thread: null },
			]);
		});

		test("tells name, parent and command of a process that began in the trace, a file of the start does not", () => {
			for (const [told, name, parent, command] of [
				["after", "server", 1, "/bin/server"],
				["start", null, null, null],
			] as const) {
				const t = new DeriveTest().event(1, 0, 0, "sched_wakeup_new", { pid: 50 }).event(2, 0, 50, "x", {});
				t.threads.known(50, t.strings.code("server"), "ps", told);
				t.threads.knownProcess(50, 50, told);
				t.threads.knownDetails(50, { parentTgid: 1, command: "/bin/server" }, told);
				// its tgid from an event, so that there is a process in both cases
				t.threads.inProcess(1, 50);
				identify(t);
				expect(t.rows("process", "tgid", "name", "parent_tgid", "command")).toEqual([
					{ tgid: 50, name, parent_tgid: parent, command },
				]);
			}
		});

		test("does not hide what one of the start says of an earlier life", () => {
			const t = new DeriveTest()
				.event(1, 0, 30, "sched_switch", { prev_pid: 30, prev_prio: 0, prev_state: 0x10, next_pid: 0 })
				.event(2, 0, 0, "sched_wakeup_new", { pid: 30 });
			t.threads.known(30, t.strings.code("old"), "ps", "start");
			t.threads.known(30, t.strings.code("new"), "ps", "after");
			identify(t);
			expect(t.rows("thread", "tid", "name").slice(1)).toEqual([
				{ tid: 30, name: "old" },
				{ tid: 30, name: "new" },
			]);
		});

		test("gives a row to a thread that no event shows, not to a tid whose life ended", () => {
			const t = new DeriveTest().event(1, 0, 9, "sched_switch", swap(9, 0x10, 0));
			t.threads.known(9, t.strings.code("another"), "ps", "after");
			t.threads.known(8, t.strings.code("asleep"), "ps", "after");
			identify(t);
			expect(t.rows("thread", "tid", "name").slice(1)).toEqual([
				{ tid: 9, name: "t9" },
				{ tid: 8, name: "asleep" },
			]);
		});
	});

	test("have the parent and the command of ps where no fork tells", () => {
		const t = new DeriveTest().event(1, 0, 50, "x");
		t.threads.known(50, t.strings.code("server"), "ps");
		t.threads.knownProcess(50, 50, "start");
		t.threads.knownDetails(50, { kernel: false, parentTgid: 1, command: "/usr/bin/server -v" });
		identify(t);
		expect(t.rows("process")).toEqual([
			{
				tgid: 50,
				leader_utid: 1,
				name: "server",
				parent_tgid: 1,
				command: "/usr/bin/server -v",
				threads: 1,
				kernel_thread: false,
			},
		]);
	});

	test("kernel threads are those that kthreadd makes, and those with the kernel's names", () => {
		const t = new DeriveTest()
			.event(1, 0, 2, "task_newtask", { pid: 300, comm: "kthreadd", clone_flags: 0x80_0711 })
			.event(2, 0, 300, "sched_switch", swap(300, 1, 20, "my_kthread", "kworker/1:2H"))
			.event(3, 0, 20, "sched_switch", swap(20, 1, 400, "kworker/1:2H", "bash"))
			.event(4, 0, 400, "task_newtask", { pid: 401, comm: "bash", clone_flags: CLONE_FORK });
		identify(t);
		expect(t.rows("thread", "tid", "kernel_thread").slice(1)).toEqual([
			{ tid: 2, kernel_thread: true },
			{ tid: 300, kernel_thread: true },
			{ tid: 20, kernel_thread: true },
			{ tid: 400, kernel_thread: null },
			{ tid: 401, kernel_thread: false },
		]);
	});
});

describe("exec by another thread than the main one", () => {
	const begin = () =>
		new DeriveTest()
			.event(1, 0, 100, "task_newtask", { pid: 101, comm: "w", clone_flags: CLONE_VM_THREAD })
			.event(2, 0, 100, "sched_switch", swap(100, 1, 101));

	test("the caller goes on under the leader's tid", () => {
		const t = begin()
			.event(3, 0, 101, "sched_process_exec", { filename: "/bin/true", pid: 100, old_pid: 101 })
			.event(4, 0, 100, "x");
		identify(t);
		expect(t.rows("thread", "utid", "tid", "tgid", "name", "last_ts").slice(1)).toEqual([
			{ utid: 1, tid: 100, tgid: null, name: "t100", last_ts: 2 },
			{ utid: 2, tid: 100, tgid: 100, name: "true", last_ts: 4 },
		]);
	});

	test("also for records between the takeover and sched_process_exec", () => {
		const t = begin();
		t.threads.knownProcess(100, 100, "end");
		t.event(3, 1, 0, "sched_switch", swap(0, 0, 100))
			.event(4, 1, 100, "sched_switch", swap(100, 0x20, 0))
			.event(5, 0, 100, "x")
			.event(6, 0, 100, "sched_process_exec", { filename: "/bin/true", pid: 100, old_pid: 101 })
			.event(7, 0, 100, "x");
		identify(t);
		expect(t.rows("thread", "utid", "tid", "tgid", "last_ts", "end_known").slice(1)).toEqual([
			{ utid: 1, tid: 100, tgid: 100, last_ts: 4, end_known: true },
			{ utid: 2, tid: 100, tgid: 100, last_ts: 7, end_known: false },
		]);
		expect(t.rows("process", "tgid", "leader_utid", "threads")).toEqual([
			{ tgid: 100, leader_utid: 1, threads: 2 },
		]);
	});
});

describe("names", () => {
	test("each change is a row; the first has no time", () => {
		const t = new DeriveTest()
			.event(1, 0, 5, "sched_switch", swap(5, 1, 0, "sh"))
			.event(2, 0, 5, "task_rename", { pid: 5, oldcomm: "sh", newcomm: "worker" })
			.event(3, 1, 9, "sched_waking", { comm: "sh", pid: 5 })
			.event(4, 0, 5, "sched_switch", swap(5, 1, 0, "later"));
		identify(t);
		expect(t.rows("thread_name").filter((r) => r.utid === 1)).toEqual([
			{ ts: null, utid: 1, name: "sh", source: "sched_switch" },
			{ ts: 2, utid: 1, name: "worker", source: "task_rename" },
			{ ts: 4, utid: 1, name: "later", source: "sched_switch" },
		]);
	});

	test("saved cmdlines and ps fill gaps only; ps threads that no event shows are rows without times", () => {
		const t = new DeriveTest().event(1, 0, 5, "x").event(2, 0, 6, "sched_switch", swap(6, 1, 0, "seen"));
		t.threads.known(5, t.strings.code("saved"), "cmdline");
		t.threads.known(6, t.strings.code("old"), "cmdline");
		t.threads.known(7, t.strings.code("elsewhere"), "cmdline");
		t.threads.known(8, t.strings.code("asleep"), "ps");
		identify(t);
		expect(t.rows("thread", "tid", "name", "first_ts").slice(1)).toEqual([
			{ tid: 5, name: "saved", first_ts: 1 },
			{ tid: 6, name: "seen", first_ts: 2 },
			{ tid: 8, name: "asleep", first_ts: null },
		]);
	});
});
