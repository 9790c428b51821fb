import { describe, expect, test } from "vitest";
import { cgroup } from "../../lib/schema/identity.ts";
import { Cgroups } from "../identity/cgroups.ts";
import { CgroupThreads } from "./cgroup-thread.ts";
import type { Derivation } from "./derivation.ts";
import { DeriveTest } from "./testing.ts";
import { ThreadIdentity } from "./thread-identity.ts";

/** Side files by tid; `sample` events hand their field to inCgroup, as a source of samples does. */
class Test extends DeriveTest {
	readonly cgroups = new Cgroups(this.strings);

	ps(groups: Record<number, string>, when: "before" | "after" = "before"): this {
		for (const [tid, path] of Object.entries(groups)) this.cgroups.knownThread(Number(tid), path, when);
		return this;
	}

	switch(ts: number, prev: number, state: number, next: number): this {
		return this.event(ts, 0, prev, "sched_switch", { prev_state: state, next_pid: next });
	}

	newtask(ts: number, creator: number, pid: number, flags: bigint): this {
		return this.event(ts, 0, creator, "task_newtask", { pid, comm: "x", clone_flags: flags });
	}

	attach(ts: number, pid: number, path: string, id: number, root = 0): this {
		return this.event(ts, 0, 1, "cgroup_attach_task", { dst_root: root, dst_id: id, dst_path: path, pid });
	}

	/** tid, ts, end, path and whether the interval is open to the left and to the right. */
	intervals(end: number): unknown[] {
		this.run((context) => {
			const threads = new CgroupThreads(context, this.cgroups);
			const samples: Derivation = {
				events: {
					sample: {
						fields: [{ name: "cgroup", form: "number" }],
						on: (ts, _cpu, utid, _flags, inode) => threads.inCgroup(ts, utid, inode),
					},
				},
				finish() {},
			};
			return [new ThreadIdentity(context), threads, samples];
		}, end);
		this.cgroups.write(this.table(cgroup));
		const paths = new Map(this.rows("cgroup").map((r) => [r.cgroup_id, r.path]));
		const byTime = this.rows("cgroup_thread").sort(
			(a, b) => Number(a.ts) - Number(b.ts) || Number(a.utid) - Number(b.utid),
		);
		return byTime.map((r) => [
			this.threads.tidOf(Number(r.utid)),
			r.ts,
			Number(r.ts) + Number(r.dur),
			paths.get(r.cgroup_id!),
			`${r.open_left ? "<" : ""}${r.open_right ? ">" : ""}`,
		]);
	}
}

const THREAD = 0x1_0000n;
const INTO_CGROUP = 0x2_0000_0000n;
const S = 1;
const Z = 0x20;
/** Any event: shows that the thread is there. */
const sign = "sys_enter";

describe("threads older than the recording", () => {
	test("are where the side file of the start has them, from their first sign to the end", () => {
		const t = new Test().ps({ 7: "/a" }).event(100, 0, 7, sign).event(200, 0, 8, sign);
		expect(t.intervals(500)).toEqual([[7, 100, 500, "/a", "<>"]]);
	});

	test("are where their process is, if the file has processes only", () => {
		const t = new Test().ps({ 7: "/a" }).event(100, 0, 8, sign);
		t.threads.knownProcess(8, 7, "start");
		expect(t.intervals(500)).toEqual([[8, 100, 500, "/a", "<>"]]);
	});

	test("are where a side file of the end has them, if nothing else tells", () => {
		const t = new Test()
			.ps({ 7: "/a", 8: "/old", 9: "/x" }, "after")
			.ps({ 8: "/b" })
			.event(100, 0, 7, sign)
			.event(150, 0, 8, sign)
			// the 9 of the file of the end is another thread
			.event(200, 0, 9, "sched_process_exit", { pid: 9 })
			.switch(210, 9, Z, 7);
		expect(t.intervals(500)).toEqual([
			[7, 100, 500, "/a", "<>"],
			[8, 150, 500, "/b", "<>"],
		]);
	});

	test("are where a sample has them, also before it; another group shows a move that was not recorded", () => {
		const t = new Test()
			.event(100, 0, 7, sign)
			.event(200, 0, 7, "sample", { cgroup: 40 })
			.event(300, 0, 7, "sample", { cgroup: 40 })
			.event(400, 0, 7, "sample", { cgroup: 41 });
		t.cgroups.known(40, "/a");
		t.cgroups.known(41, "/b");
		expect(t.intervals(500)).toEqual([
			[7, 100, 400, "/a", "<>"],
			[7, 400, 500, "/b", "<>"],
		]);
	});

	test("their entry in a side file is not for a later thread with the same number", () => {
		const t = new Test().ps({ 7: "/a" }).event(100, 0, 7, sign).switch(110, 7, Z, 0).event(300, 0, 7, sign);
		expect(t.intervals(500)).toEqual([[7, 100, 110, "/a", "<"]]);
	});
});

describe("a new thread", () => {
	test("is in the group of its creator, until its last switch", () => {
		const t = new Test()
			.ps({ 7: "/a" })
			.event(100, 0, 7, sign)
			.event(200, 0, 7, "sched_process_fork", { parent_pid: 7, child_pid: 9 })
			.event(250, 0, 9, sign)
			.event(300, 0, 9, "sched_process_exit", { pid: 9 })
			.switch(320, 9, Z, 7);
		expect(t.intervals(500)).toEqual([
			[7, 100, 500, "/a", "<>"],
			[9, 200, 320, "/a", ""],
		]);
	});

	test("is where its creator was then, not where that moves later", () => {
		const t = new Test()
			.ps({ 7: "/a" })
			.newtask(200, 7, 9, 0n)
			.event(201, 0, 7, "sched_process_fork", { parent_pid: 7, child_pid: 9 })
			.attach(300, 7, "/b", 50);
		expect(t.intervals(500)).toEqual([
			[7, 200, 300, "/a", "<"],
			[9, 200, 500, "/a", ">"],
			[7, 300, 500, "/b", ">"],
		]);
	});

	test("with CLONE_INTO_CGROUP is in a group that no event tells", () => {
		const t = new Test()
			.ps({ 7: "/a" })
			.newtask(200, 7, 9, INTO_CGROUP)
			.event(201, 0, 7, "sched_process_fork", { parent_pid: 7, child_pid: 9 });
		expect(t.intervals(500)).toEqual([[7, 200, 500, "/a", "<>"]]);
	});
});

describe("cgroup_attach_task", () => {
	test("of a leader moves the process: the threads that live, those that come later, no other", () => {
		const t = new Test()
			.ps({ 7: "/a", 20: "/a" })
			.event(50, 0, 20, sign)
			.newtask(100, 7, 8, THREAD)
			.newtask(110, 7, 9, THREAD)
			.event(120, 0, 9, "sched_process_exit", { pid: 9 })
			.switch(130, 9, Z, 7)
			.attach(200, 7, "/b", 50)
			.newtask(300, 8, 10, THREAD);
		t.threads.knownProcess(7, 7, "start");
		t.threads.knownProcess(20, 20, "start");
		expect(t.intervals(500)).toEqual([
			[20, 50, 500, "/a", "<>"],
			[7, 100, 200, "/a", "<"],
			[8, 100, 200, "/a", ""],
			[9, 110, 130, "/a", ""],
			[7, 200, 500, "/b", ">"],
			[8, 200, 500, "/b", ">"],
			[10, 300, 500, "/b", ">"],
		]);
	});

	test("of another thread moves that thread alone", () => {
		const t = new Test().ps({ 7: "/a" }).newtask(100, 7, 8, THREAD).attach(200, 8, "/a/t", 50);
		t.threads.knownProcess(7, 7, "start");
		expect(t.intervals(500)).toEqual([
			[7, 100, 500, "/a", "<>"],
			[8, 100, 200, "/a", ""],
			[8, 200, 500, "/a/t", ">"],
		]);
	});

	test("is the first that is known of a thread which no side file has", () => {
		const t = new Test().event(100, 0, 7, sign).attach(200, 7, "/a", 50).attach(300, 7, "/a", 50);
		expect(t.intervals(500)).toEqual([[7, 200, 500, "/a", ">"]]);
	});

	test("comes once for each hierarchy of cgroup v1; a worse name there is no move", () => {
		const t = new Test()
			.ps({ 7: "4:memory:/\n1:name=systemd:/init.scope" })
			.event(100, 0, 7, sign)
			.attach(200, 7, "/docker/a", 50, 4)
			.attach(210, 7, "/docker/a", 60, 1)
			.attach(220, 7, "/", 1, 0)
			.attach(300, 7, "/b", 51, 4);
		expect(t.intervals(500)).toEqual([
			[7, 100, 210, "/init.scope", "<"],
			[7, 210, 500, "/docker/a", ">"],
		]);
	});
});

test("a group that is removed and made again under the same path is two", () => {
	const t = new Test()
		.event(50, 0, 1, "cgroup_mkdir", { root: 0, level: 1, id: 50, path: "/job" })
		.attach(100, 7, "/job", 50)
		.switch(200, 7, Z, 0)
		.event(250, 0, 1, "cgroup_rmdir", { root: 0, level: 1, id: 50, path: "/job" })
		.event(260, 0, 1, "cgroup_mkdir", { root: 0, level: 1, id: 51, path: "/job" })
		.attach(300, 9, "/job", 51);
	expect(t.intervals(500)).toEqual([
		[7, 100, 200, "/job", ""],
		[9, 300, 500, "/job", ">"],
	]);
	expect(t.rows("cgroup", "path", "inode")).toEqual([
		{ path: "/job", inode: 50 },
		{ path: "/job", inode: 51 },
	]);
});

test("a thread that sleeps at the end is still in its group", () => {
	const t = new Test().ps({ 7: "/a" }).event(100, 0, 7, sign).switch(200, 7, S, 0);
	expect(t.intervals(500)).toEqual([[7, 100, 500, "/a", "<>"]]);
});

test("without a clock that counts time there are no durations", () => {
	const t = new DeriveTest({ timed: false });
	const cgroups = new Cgroups(t.strings);
	cgroups.knownThread(7, "/a", "before");
	t.event(1, 0, 7, sign).event(9, 0, 7, sign);
	t.run((context) => [new ThreadIdentity(context), new CgroupThreads(context, cgroups)]);
	expect(t.rows("cgroup_thread", "ts", "dur")).toEqual([{ ts: 1, dur: null }]);
});
