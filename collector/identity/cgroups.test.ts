import { expect, test } from "vitest";
import { cgroup } from "../../lib/schema/identity.ts";
import { DeriveTest } from "../derive/testing.ts";
import { Cgroups, readMembership, UNKNOWN_SET } from "./cgroups.ts";

const ID = "4f1c2d7be0a94c35b8d1f6a2037e5c98d46b01a7f3e28c5590bd7a6e14f2c3d8";

function make() {
	const t = new DeriveTest();
	const cgroups = new Cgroups(t.strings);
	const rows = (...columns: string[]) => {
		cgroups.write(t.table(cgroup));
		return t.rows("cgroup", ...columns);
	};
	return { cgroups, rows };
}

test("a row tells what the path tells", () => {
	const { cgroups, rows } = make();
	cgroups.group(`/system.slice/docker-${ID}.scope`);
	expect(rows()).toEqual([
		{
			cgroup_id: 0,
			path: `/system.slice/docker-${ID}.scope`,
			inode: null,
			engine: "docker",
			container: ID,
			pod: null,
			unit: `docker-${ID}.scope`,
		},
	]);
});

test("path and id of one group come together, in either order", () => {
	const { cgroups, rows } = make();
	expect(cgroups.group("/a")).toBe(0);
	expect(cgroups.known(77, "/a")).toBe(0);
	expect(cgroups.groupOfInode(88)).toBe(1);
	expect(cgroups.known(88, "/b")).toBe(1);
	expect(cgroups.group("/b")).toBe(1);
	expect(cgroups.groupOfInode(77)).toBe(0);
	expect(rows("path", "inode")).toEqual([
		{ path: "/a", inode: 77 },
		{ path: "/b", inode: 88 },
	]);
});

test("a group that is made again is another one", () => {
	const { cgroups, rows } = make();
	expect(cgroups.group("/job")).toBe(0);
	expect(cgroups.created(50, "/job")).toBe(1);
	expect(cgroups.created(50, "/job")).toBe(1);
	expect(cgroups.known(51, "/job")).toBe(2);
	expect(cgroups.group("/job")).toBe(2);
	expect(cgroups.groupOfInode(50)).toBe(1);
	expect(rows("inode")).toEqual([{ inode: null }, { inode: 50 }, { inode: 51 }]);
});

test("/proc/PID/cgroup, ps and bare paths", () => {
	const groups = (text: string) => [...readMembership(text)];
	expect(groups("/a/b\n")).toEqual([[0, "/a/b"]]);
	expect(groups("0::/system.slice/a.service\n")).toEqual([[0, "/system.slice/a.service"]]);
	expect(groups("0::/job (deleted)")).toEqual([[0, "/job"]]);
	const v1: [number, string][] = [
		[11, "/docker/x,y"],
		[4, "/a:b"],
		[1, "/init.scope"],
		[0, "/"],
	];
	expect(groups("11:cpu,cpuacct:/docker/x,y\n4:memory:/a:b\n1:name=systemd:/init.scope\n0::/\n")).toEqual(v1);
	expect(groups("11:cpu,cpuacct:/docker/x,y,4:memory:/a:b,1:name=systemd:/init.scope,0::/")).toEqual(v1);
	expect(groups("-")).toEqual([]);
	expect(groups("")).toEqual([]);
	expect(groups(`${"1:".repeat(50_000)},${"a,".repeat(50_000)}`)).toEqual([]);
});

test("of the hierarchies of cgroup v1 the one that names a container is shown, else the longest path", () => {
	const { cgroups } = make();
	const shown = (text: string) => {
		cgroups.knownThread(text.length, text, "before");
		return cgroups.shown(cgroups.setAtStart(text.length));
	};
	const long =
		"1:name=systemd:/system.slice/a-service-with-a-name-longer-than-the-path-of-a-docker-container.service";
	expect(shown(`4:memory:/docker/${ID}\n${long}\n0::/`)).toBe(cgroups.group(`/docker/${ID}`));
	expect(shown("4:memory:/user.slice\n1:name=systemd:/user.slice/user-0.slice/session-1.scope\n")).toBe(
		cgroups.group("/user.slice/user-0.slice/session-1.scope"),
	);
});

test("a move in one hierarchy leaves the group in the others", () => {
	const { cgroups } = make();
	const a = cgroups.group("/a");
	const long = cgroups.group("/a/long");
	let set = cgroups.moved(UNKNOWN_SET, 4, long);
	expect(cgroups.shown(set)).toBe(long);
	set = cgroups.moved(set, 5, a);
	expect(cgroups.shown(set)).toBe(long);
	set = cgroups.moved(set, 4, a);
	expect(cgroups.shown(set)).toBe(a);
	expect(cgroups.moved(set, 4, a)).toBe(set);
	expect(cgroups.shown(UNKNOWN_SET)).toBe(-1);
});

test("a side file of the start tells at once, one of the end when it is asked for", () => {
	const { cgroups, rows } = make();
	cgroups.knownThread(7, "/before", "before");
	cgroups.knownThread(7, "/later", "unknown");
	cgroups.knownThread(7, "/after", "after");
	expect(rows("path")).toEqual([{ path: "/before" }]);
	expect(cgroups.shown(cgroups.setAtStart(7))).toBe(0);
	expect(cgroups.created(9, "/after")).toBe(1);
	expect(cgroups.shown(cgroups.setAtEnd(7))).toBe(1);
	expect(cgroups.setAtStart(8)).toBe(UNKNOWN_SET);
	expect(cgroups.setAtEnd(8)).toBe(UNKNOWN_SET);
});
