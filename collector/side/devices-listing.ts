/** Listings that name devices, and what is built on them: `ls -lR /dev`, dmsetup and multipath. */

import type { DeviceTold } from "../identity/devices.ts";

/** dev_t has 12 bits for the major and 20 for the minor number (include/linux/kdev_t.h). */
const numbers = (major: string, minor: string): { major: number; minor: number } | null =>
	Number(major) < 1 << 12 && Number(minor) < 1 << 20 ? { major: Number(major), minor: Number(minor) } : null;

/** The kernel names mapped devices by their minor number (drivers/md/dm.c, alloc_dev). */
const mappedName = (minor: number) => `dm-${minor}`;

const nodeLine = /^b[-rwxsStT]{9}[.+@]?\s+\d+\s+\S+\s+\S+\s+(\d{1,4}),\s*(\d{1,7})\s.*\s(\S+)$/;
const linkLine = /^l[-rwx]{9}[.+@]?\s.*\s(\S+) -> \.\.\/(dm-\d{1,7})$/;

/**
 * `ls -lR /dev`. A node in /dev has the kernel's name, one in a folder as /dev/cciss the name with the folder. In
 * /dev/mapper are the names of mapped devices: links to the nodes, in old systems nodes of their own.
 */
export function readDevListing(text: string): DeviceTold[] {
	const nodes: DeviceTold[] = [];
	const deeper: DeviceTold[] = [];
	let folder = "";
	for (const line of text.split("\n")) {
		const heading = /^\/dev(?:\/(.*))?:$/.exec(line);
		if (heading) {
			folder = heading[1] ?? "";
			continue;
		}
		const link = folder === "mapper" ? linkLine.exec(line) : null;
		if (link) deeper.push({ name: link[2], alias: link[1] });
		const node = nodeLine.exec(line);
		const at = node && numbers(node[1], node[2]);
		if (!at) continue;
		const name = node[3];
		if (folder === "") nodes.push({ ...at, name });
		else if (folder === "mapper") deeper.push({ ...at, name: mappedName(at.minor), alias: name });
		else deeper.push({ ...at, name: `${folder}/${name}` });
	}
	return [...nodes, ...deeper];
}

/** `dmsetup ls`: "vg-root\t(253:0)", in old versions "(253, 0)"; with --tree the devices below are indented, without name. */
const mappedLine = /^([\s│├└─|`-]*)(?:([^\s<(]\S*)\s+)?(?:<\S+> )?\((\d{1,4})[:,] ?(\d{1,7})\)$/;
/** `dmsetup table`: "vg-root: 0 20971520 linear 8:2 2048"; start and length in sectors of 512 bytes, target, its arguments. */
const tableLine = /^(\S+): (\d{1,15}) (\d{1,15}) ([a-z][\w-]*)(?: (.*))?$/;
const saysNothing = /^(?:No devices found|--- dmsetup table ---)?$/;

export const isMapped = (lines: readonly string[]): boolean =>
	lines.some((l) => mappedLine.test(l) || tableLine.test(l)) &&
	lines.every((l) => mappedLine.test(l) || tableLine.test(l) || saysNothing.test(l));

/** Output of dmsetup: ls, ls --tree, table, in any order below each other. */
export function readMapped(text: string): DeviceTold[] {
	const devices: DeviceTold[] = [];
	const bytes = new Map<string, number>();
	/** The names on the way to the line, by depth. */
	const above: { depth: number; name: string }[] = [];
	for (const line of text.split("\n")) {
		const row = tableLine.exec(line);
		if (row) {
			const [, alias, start, length, , rest = ""] = row;
			bytes.set(alias, Math.max(bytes.get(alias) ?? 0, (Number(start) + Number(length)) * 512));
			for (const [, major, minor] of rest.matchAll(/(?<=^|\s)(\d{1,4}):(\d{1,7})(?=\s|$)/g)) {
				const at = numbers(major, minor);
				if (at) devices.push({ ...at, holders: [alias] });
			}
			continue;
		}
		const mapped = mappedLine.exec(line);
		const at = mapped && numbers(mapped[3], mapped[4]);
		if (!at) continue;
		const [, tree, alias] = mapped;
		while (above.length > 0 && above[above.length - 1].depth >= tree.length) above.pop();
		const holder = above.at(-1)?.name;
		devices.push({
			...at,
			...(alias === undefined ? {} : { name: mappedName(at.minor), alias }),
			...(holder === undefined ? {} : { holders: [holder] }),
		});
		if (alias !== undefined) above.push({ depth: tree.length, name: alias });
	}
	for (const [alias, size] of bytes) if (Number.isSafeInteger(size)) devices.push({ alias, bytes: size });
	return devices;
}

/**
 * `multipath -l`: a map "mpatha (3600d02300003228b) dm-2 VENDOR,PRODUCT", without the number in parentheses where it is
 * the name, and its paths "| `- 1:0:0:1 sdb 8:16 active undef running". Old versions do not name the mapped device.
 */
const mapLine = /^(?:\w+: )?([^\s|`\\[]\S*)(?: \((\S+)\))?(?: (dm-\d{1,7}|undef))?(?:[ [].*)?$/;
const pathLine = /^[\s|`\\_+-]+\d+:\d+:\d+:\d+\s+(\S+)\s+(\d{1,4}):(\d{1,7})\s/;
/** The line of a map has its number or the mapped device ("undef" while it is made); others have neither. */
function mapOf(line: string): { alias: string; name?: string } | null {
	const [, alias, wwid, device] = mapLine.exec(line) ?? [];
	if (alias === undefined || (wwid === undefined && device === undefined)) return null;
	return device?.startsWith("dm-") ? { alias, name: device } : { alias };
}

export const isMultipath = (lines: readonly string[]): boolean =>
	lines.some((l) => pathLine.test(`${l} `)) && lines.some((l) => mapOf(l) !== null);

export function readMultipath(text: string): DeviceTold[] {
	const devices: DeviceTold[] = [];
	let holder: string | null = null;
	for (const line of text.split("\n")) {
		const path = pathLine.exec(`${line} `);
		const at = path && numbers(path[2], path[3]);
		if (at) devices.push({ ...at, name: path[1], ...(holder === null ? {} : { holders: [holder] }) });
		const map = path ? null : mapOf(line);
		if (!map) continue;
		holder = map.alias;
		if (map.name !== undefined) devices.push(map);
	}
	return devices;
}
