import type { DeviceFact } from "../identity/devices.ts";

/** /proc/partitions counts in blocks of 1 KiB (block/genhd.c, show_partition), whatever the disk's own block is. */
export function readPartitions(text: string): DeviceFact[] {
	const devices: DeviceFact[] = [];
	for (const line of text.split("\n")) {
		const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s*$/.exec(line);
		if (match)
			devices.push({
				major: Number(match[1]),
				minor: Number(match[2]),
				name: match[4],
				bytes: Number(match[3]) * 1024,
			});
	}
	return devices;
}

/** `vda 254:0 size=2867200 sched=[none]`, written by a recorder from /sys/block: sizes there are sectors of 512 bytes. */
export const blockLine = /^([A-Za-z][\w.!-]*) (\d+):(\d+)((?: [a-z_]+=\S.*)?)$/;

export function readBlockLines(text: string): DeviceFact[] {
	const devices: DeviceFact[] = [];
	for (const line of text.split("\n")) {
		const match = blockLine.exec(line.trimEnd());
		if (!match) continue;
		const sectors = /\b(?:size|sectors)=(\d+)\b/.exec(match[4]);
		const device: DeviceFact = { major: Number(match[2]), minor: Number(match[3]), name: match[1] };
		if (sectors) device.bytes = Number(sectors[1]) * 512;
		devices.push(device);
	}
	return devices;
}

type NamedDevice = DeviceFact & { name: string };

/** What lsblk says of mapped devices, which it shows by the name in /dev/mapper (misc-utils/lsblk.c, get_type). */
const mapped = /^(?:lvm|mpath|crypt|dm|dmraid)$/;

/**
 * lsblk with a MAJ:MIN column, as a tree or a list. Devices below another in the tree are built on it, unless they are
 * its partitions. Sizes are exact only with `lsblk -b`; a rounded one ("1.4G") is not taken.
 */
export function readLsblk(text: string): DeviceFact[] {
	const [head, ...rows] = text.split("\n").filter((l) => l.trim() !== "");
	const columns = head.trim().split(/\s+/);
	const size = columns.indexOf("SIZE");
	const type = columns.indexOf("TYPE");
	const devices: DeviceFact[] = [];
	const above: { depth: number; device: NamedDevice }[] = [];
	for (const row of rows) {
		const tree = /^[\s│├└─|`-]*/.exec(row)![0];
		const cells = row.slice(tree.length).trim().split(/\s+/);
		const number = /^(\d+):(\d+)$/.exec(cells[columns.indexOf("MAJ:MIN")] ?? "");
		if (!number) continue;
		const device: NamedDevice = { major: Number(number[1]), minor: Number(number[2]), name: cells[0] };
		if (type >= 0 && mapped.test(cells[type] ?? "")) {
			device.name = `dm-${device.minor}`;
			device.alias = cells[0];
		}
		if (size >= 0 && /^\d+$/.test(cells[size] ?? "")) device.bytes = Number(cells[size]);
		while (above.length > 0 && above[above.length - 1].depth >= tree.length) above.pop();
		const parent = above.at(-1)?.device;
		const partition =
			type >= 0 ? cells[type] === "part" : parent !== undefined && cells[0].startsWith(parent.name);
		if (parent && !partition) parent.holders = [...(parent.holders ?? []), device.name];
		devices.push(device);
		above.push({ depth: tree.length, device });
	}
	return devices;
}
