import { expect, test } from "vitest";
import { readBlockLines, readLsblk, readPartitions } from "./disks.ts";

test("partitions count in KiB", () => {
	expect(readPartitions("major minor  #blocks  name\n\n 254        0    1433600 vda\n")).toEqual([
		{ major: 254, minor: 0, name: "vda", bytes: 1468006400 },
	]);
});

test("block lines count in sectors of 512 bytes, or not at all", () => {
	expect(
		readBlockLines(
			"vda 254:0 size=2867200 sched=[none] mq-deadline\nslow0 253:0 sectors=524288 sched=none\ndata0 253:0\n",
		),
	).toEqual([
		{ major: 254, minor: 0, name: "vda", bytes: 1468006400 },
		{ major: 253, minor: 0, name: "slow0", bytes: 268435456 },
		{ major: 253, minor: 0, name: "data0" },
	]);
});

test("lsblk -b gives sizes; a rounded size is not taken", () => {
	expect(
		readLsblk("NAME MAJ:MIN       SIZE LOG-SEC SCHED SERIAL\nvda  254:0   1468006400     512 none  \n"),
	).toEqual([{ major: 254, minor: 0, name: "vda", bytes: 1468006400 }]);
	expect(readLsblk("NAME MAJ:MIN SIZE\nvda  254:0   1.4G\n")).toEqual([
		{ major: 254, minor: 0, name: "vda" },
	]);
});

test("what is built on a disk holds it; its partitions do not", () => {
	const tree = readLsblk(
		`NAME          MAJ:MIN RM  SIZE RO TYPE  MOUNTPOINTS
sda             8:0    0   20G  0 disk
├─sda1          8:1    0    1G  0 part  /boot
└─sda2          8:2    0   19G  0 part
  ├─vg-root   253:0    0   10G  0 lvm   /
  └─vg-swap   253:1    0    9G  0 lvm   [SWAP]
mpatha        253:2    0   20G  0 mpath
`,
	);
	expect(tree.map((d) => [d.name, d.holders])).toEqual([
		["sda", undefined],
		["sda1", undefined],
		["sda2", ["dm-0", "dm-1"]],
		["dm-0", undefined],
		["dm-1", undefined],
		["dm-2", undefined],
	]);
	expect(tree.map((d) => d.alias)).toEqual([undefined, undefined, undefined, "vg-root", "vg-swap", "mpatha"]);
});
