import { expect, test } from "vitest";
import { mergeDevices } from "../identity/devices.ts";
import { isMapped, isMultipath, readDevListing, readMapped, readMultipath } from "./devices-listing.ts";

const dev = `/dev:
total 0
crw-rw-rw- 1 root root   1,   3 Nov 25 10:14 null
drwxr-xr-x 2 root root       60 Nov 25 10:15 cciss
brw-rw---- 1 root disk 253,   0 Nov 25 10:14 dm-0
brw-rw---- 1 root disk 253,   2 Nov 25 10:14 dm-2
lrwxrwxrwx 1 root root       15 Nov 25 10:14 stderr -> /proc/self/fd/2
brw-rw----. 1 root disk 254,  16 Nov 25  2026 vdb
brw-rw----+ 1 root disk   8,   0 2026-11-25 10:14 sda

/dev/cciss:
total 0
brw-rw---- 1 root disk 104,   1 Nov 25 10:14 c0d0p1

/dev/disk/by-id:
total 0
lrwxrwxrwx 1 root root 10 Nov 25 10:14 dm-name-vg-root -> ../../dm-0

/dev/mapper:
total 0
crw------- 1 root root  10, 236 Nov 25 10:14 control
brw-rw---- 1 root disk 253,   7 Nov 25 10:14 vg-old
lrwxrwxrwx 1 root root       7 Nov 25 10:14 mpatha -> ../dm-2
lrwxrwxrwx 1 root root       7 Nov 25 10:14 vg-root -> ../dm-0

/dev/vg:
total 0
lrwxrwxrwx 1 root root 7 Nov 25 10:14 root -> ../dm-0
`;

test("ls -lR /dev names block devices by their numbers, and mapped ones twice", () => {
	expect(mergeDevices(readDevListing(dev))).toEqual([
		{ major: 8, minor: 0, name: "sda" },
		{ major: 104, minor: 1, name: "cciss/c0d0p1" },
		{ major: 253, minor: 0, name: "dm-0", alias: "vg-root" },
		{ major: 253, minor: 2, name: "dm-2", alias: "mpatha" },
		{ major: 253, minor: 7, name: "dm-7", alias: "vg-old" },
		{ major: 254, minor: 16, name: "vdb" },
	]);
	expect(readDevListing("/dev:\ntotal 0\nbrw------- 1 root root 4096, 0 Nov 25 10:14 x\n")).toEqual([]);
});

// the two forms of the RHEL 6 and RHEL 5 guides (DM Multipath, "Multipath command output")
const multipath = `mpatha (3600d0230003228bc000339414edb8101) dm-2 WINSYS,SF2372
size=269G features='0' hwhandler='0' wp=rw
|-+- policy='service-time 0' prio=0 status=active
| \`- 6:0:0:0 sdb 8:16 active undef running
\`-+- policy='service-time 0' prio=0 status=enabled
  |- 7:0:0:0 sdf 8:80 active undef running
  \`- #:#:#:# -   #:#  failed undef unknown
3600d0230000000000e13955cc3757800 dm-1 WINSYS,SF2372
size=10G features='1 queue_if_no_path' hwhandler='1 alua' wp=rw
\`-+- policy='service-time 0' prio=0 status=active
  \`- 6:0:0:1 sdc 8:32 active undef running
`;
const oldMultipath = `mpath1 (3600d0230003228bc000339414edb8101)
[size=10 GB][features="0"][hwhandler="0"]
\\_ round-robin 0 [prio=1][active]
 \\_ 2:0:0:6 sdb 8:16 [active][ready]
\\_ round-robin 0 [prio=1][enabled]
 \\_ 3:0:0:6 sdc 8:64 [active][ready]
`;

test("multipath -l: a map is built on its paths", () => {
	expect(isMultipath(multipath.trim().split("\n"))).toBe(true);
	expect(readMultipath(multipath)).toEqual([
		{ name: "dm-2", alias: "mpatha" },
		{ major: 8, minor: 16, name: "sdb", holders: ["mpatha"] },
		{ major: 8, minor: 80, name: "sdf", holders: ["mpatha"] },
		{ name: "dm-1", alias: "3600d0230000000000e13955cc3757800" },
		{ major: 8, minor: 32, name: "sdc", holders: ["3600d0230000000000e13955cc3757800"] },
	]);
	expect(isMultipath(oldMultipath.trim().split("\n"))).toBe(true);
	expect(readMultipath(oldMultipath)).toEqual([
		{ major: 8, minor: 16, name: "sdb", holders: ["mpath1"] },
		{ major: 8, minor: 64, name: "sdc", holders: ["mpath1"] },
	]);
	expect(isMultipath(["runki: line 1419: multipath: command not found"])).toBe(false);
});

const dmsetup = `vg-root\t(253:0)
mpatha\t(253:2)
--- dmsetup table ---
vg-root: 0 2097152 linear 253:2 2048
vg-root: 2097152 4194304 linear 8:3 2048
mpatha: 0 20971520 multipath 1 queue_if_no_path 0 2 1 service-time 0 1 2 8:16 1 1 service-time 0 1 2 8:80 1 1
`;

test("dmsetup ls and table: names, sizes, and what they are built on", () => {
	expect(isMapped(dmsetup.trim().split("\n"))).toBe(true);
	expect(mergeDevices(readMapped(dmsetup))).toEqual([
		{ major: 8, minor: 3, holders: ["dm-0"] },
		{ major: 8, minor: 16, holders: ["dm-2"] },
		{ major: 8, minor: 80, holders: ["dm-2"] },
		{ major: 253, minor: 0, name: "dm-0", alias: "vg-root", bytes: 6291456 * 512 },
		{ major: 253, minor: 2, name: "dm-2", alias: "mpatha", bytes: 20971520 * 512, holders: ["dm-0"] },
	]);
});

test("dmsetup ls as a tree, and in the form of old versions", () => {
	const tree =
		"vg-root (253:0)\n └─mpatha (253:2)\n    ├─ (8:80)\n    └─ (8:16)\nvg-swap (253:1)\n └─ (8:3)\n";
	expect(isMapped(tree.trim().split("\n"))).toBe(true);
	expect(mergeDevices(readMapped(tree)).map((d) => [d.major, d.minor, d.name, d.holders])).toEqual([
		[8, 3, undefined, ["dm-1"]],
		[8, 16, undefined, ["dm-2"]],
		[8, 80, undefined, ["dm-2"]],
		[253, 0, "dm-0", undefined],
		[253, 1, "dm-1", undefined],
		[253, 2, "dm-2", ["dm-0"]],
	]);
	expect(readMapped("VolGroup00-LogVol01\t(253, 1)\n")).toEqual([
		{ major: 253, minor: 1, name: "dm-1", alias: "VolGroup00-LogVol01" },
	]);
});

test("what dmsetup says where there is no mapped device is nothing", () => {
	expect(isMapped(["No devices found", "--- dmsetup table ---", "No devices found"])).toBe(false);
	expect(
		isMapped([
			"/dev/mapper/control: open failed: No such device",
			"Command failed.",
			"--- dmsetup table ---",
		]),
	).toBe(false);
});

test("listing, multipath and dmsetup together", () => {
	const devices = mergeDevices([...readMapped(dmsetup), ...readDevListing(dev), ...readMultipath(multipath)]);
	expect(devices.find((d) => d.minor === 16 && d.major === 8)).toEqual({
		major: 8,
		minor: 16,
		name: "sdb",
		holders: ["dm-2"],
	});
	expect(devices.find((d) => d.name === "dm-2")).toEqual({
		major: 253,
		minor: 2,
		name: "dm-2",
		alias: "mpatha",
		bytes: 20971520 * 512,
		holders: ["dm-0"],
	});
});
