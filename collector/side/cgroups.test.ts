import { expect, test } from "vitest";
import { isProcCgroup, readCgroupIds, readProcCgroup } from "./cgroups.ts";

test("/proc/PID/cgroup of many processes: the lines of each; none for one that had gone", () => {
	const text =
		"/proc/1/cgroup\n0::/init.scope\n/proc/20/cgroup\n/proc/7/cgroup\n4:cpu,cpuacct:/a b\n0::/x\n/proc/self/cgroup\n0::/y\n";
	expect(readProcCgroup(text, "after")).toEqual([
		{ tid: 1, tgid: 1, cgroup: "0::/init.scope", when: "after" },
		{ tid: 7, tgid: 7, cgroup: "4:cpu,cpuacct:/a b\n0::/x", when: "after" },
	]);
	const tail = "==> /proc/1/cgroup <==\n0::/init.scope\n\n==> /proc/7/cgroup <==\n0::/x\n";
	const grep = "/proc/1/cgroup:0::/init.scope\n/proc/7/cgroup:0::/x\n/proc/self/cgroup:0::/y\n";
	expect(readProcCgroup(tail, "unknown")).toEqual(readProcCgroup(grep, "unknown"));
	expect(readProcCgroup(grep, "unknown").map((t) => t.cgroup)).toEqual(["0::/init.scope", "0::/x"]);
});

test("other files that begin with a path are none", () => {
	expect(isProcCgroup(["/proc/1/cgroup", "some text"])).toBe(false);
	expect(isProcCgroup(["0::/init.scope"])).toBe(false);
	expect(isProcCgroup([])).toBe(false);
});

test("ids of groups", () => {
	const text =
		'{"cgroup":"/","id":1,"usage_usec":5}\n{"cgroup":"/a","usage_usec":5}\n{"cgroup":"/b","id":-1}\n{"cgr\n';
	expect(readCgroupIds(text)).toEqual([{ path: "/", inode: 1 }]);
});
