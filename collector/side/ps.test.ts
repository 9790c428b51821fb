import { expect, test } from "vitest";
import { commOf, isPsHeading, readPs } from "./ps.ts";

test("ps -eLo with comm last", () => {
	const threads = readPs(
		`  PID   TID  PPID CLS RTPRIO  NI PSR STAT COMMAND
    1     1     0  TS      -   0   1 S    init.real
    2     2     0  TS      -   0   2 S    kthreadd
   11    11     2  TS      - -20   0 I<   kworker/0:1H-events_highpri
  200   201     1  TS      -   0   3 Sl   Web Content
`,
		"before",
	);
	expect(threads).toEqual([
		{ tid: 1, tgid: 1, ppid: 0, name: "init.real", kernelThread: false, when: "before" },
		{ tid: 2, tgid: 2, ppid: 0, name: "kthreadd", kernelThread: true, when: "before" },
		{
			tid: 11,
			tgid: 11,
			ppid: 2,
			name: "kworker/0:1H",
			fullName: "kworker/0:1H-events_highpri",
			kernelThread: true,
			when: "before",
		},
		{ tid: 201, tgid: 200, ppid: 1, name: "Web Content", kernelThread: false, when: "before" },
	]);
});

test("a tab-separated table names its columns in the first line", () => {
	const threads = readPs(
		"PID\tTID\tPPID\tNSPID\tCGROUP\tCOMM\tCMDLINE\n2\t2\t0\t2\t/\tkthreadd\t\n327\t349\t310\t349 7\t/kubepods.slice/a.scope\tapi-0\tapi periodic --tname api-%d \n",
		"unknown",
	);
	expect(threads[0]).toEqual({
		tid: 2,
		tgid: 2,
		ppid: 0,
		name: "kthreadd",
		cgroup: "/",
		kernelThread: true,
		when: "unknown",
	});
	expect(threads[1]).toEqual({
		tid: 349,
		tgid: 327,
		ppid: 310,
		name: "api-0",
		command: "api periodic --tname api-%d",
		cgroup: "/kubepods.slice/a.scope",
		namespaceTids: [349, 7],
		kernelThread: false,
		when: "unknown",
	});
});

test("ps -ef: brackets show that CMD is the command line", () => {
	const threads = readPs(
		`UID          PID    PPID  C STIME TTY          TIME CMD
root           1       0  0 Nov25 ?        00:00:02 /sbin/init splash
root           2       0  0 Nov25 ?        00:00:00 [kthreadd]
root          16       2  0 Nov25 ?        00:00:00 [ksoftirqd/0]
`,
		"after",
	);
	expect(threads).toEqual([
		{ tid: 1, tgid: 1, ppid: 0, command: "/sbin/init splash", kernelThread: false, when: "after" },
		{ tid: 2, tgid: 2, ppid: 0, name: "kthreadd", kernelThread: true, when: "after" },
		{ tid: 16, tgid: 16, ppid: 2, name: "ksoftirqd/0", kernelThread: true, when: "after" },
	]);
});

test("names with spaces between other columns, and start times of several words", () => {
	const threads = readPs(
		`  PID   LWP COMMAND         COMMAND                      STARTED %CPU
    2     2 kthreadd        [kthreadd]  Wed Nov 25 10:28:01 2026  0.0
  200   201 Web Content     firefox -a b  Nov 25  1.5
  300   300 a               a  10:28:01  0.1
`,
		"unknown",
	);
	expect(threads.map((t) => [t.tgid, t.tid, t.name, t.command])).toEqual([
		[2, 2, "kthreadd", undefined],
		[200, 201, "Web Content", "firefox -a b"],
		[300, 300, "a", "a"],
	]);
});

test("a group that ps may have cut is not taken", () => {
	const cut = readPs(
		"  PID CGROUP                      COMMAND\n    7 0::/system.slice/docker-4f1 web\n    8 0::/system.slice/a.service  a\n",
		"unknown",
	);
	expect(cut.map((t) => t.cgroup)).toEqual([undefined, "0::/system.slice/a.service"]);
	const last = readPs(
		"  PID COMMAND         CGROUP\n    7 web             0::/system.slice/docker-4f1\n",
		"unknown",
	);
	expect(last[0]).toMatchObject({ name: "web", cgroup: "0::/system.slice/docker-4f1" });
});

test("in a pid namespace number 2 is not kthreadd, so nothing is said of kernel threads", () => {
	const threads = readPs("PID PPID COMMAND\n  1    0 sh\n  2    1 sleep\n  9    2 child\n", "unknown");
	expect(threads.map((t) => t.kernelThread)).toEqual([undefined, undefined, undefined]);
});

test("names are as the scheduler's events show them", () => {
	expect(commOf("kworker/u16:0-ipv6_addrconf")).toBe("kworker/u16:0");
	expect(commOf("kworker/0:1+events")).toBe("kworker/0:1");
	expect(commOf("kworker/R-kvfree_rcu_reclaim")).toBe("kworker/R-kvfre");
	expect(commOf("pool_workqueue_release")).toBe("pool_workqueue_");
	expect(commOf("appserver")).toBe("appserver");
});

test("only a table of processes with names is one", () => {
	expect(isPsHeading("  PID TTY          TIME CMD")).toBe(true);
	expect(isPsHeading("PID\tTID\tPPID\tCOMM\tCMDLINE")).toBe(true);
	expect(isPsHeading("COMMAND     PID TID TASKCMD USER   FD      TYPE DEVICE SIZE/OFF NODE NAME")).toBe(
		false,
	);
	expect(isPsHeading("CPU NODE SOCKET CORE L1d:L1i ONLINE")).toBe(false);
	expect(isPsHeading("constructor PID COMMAND")).toBe(false);
});
