/**
 * The control groups of a trace by number, and which of them a thread belongs to.
 *
 * A group is known by its path, and by the kernel's id where that is told (cgroup v2 and perf: the inode number in
 * cgroupfs). A group that is removed and made again is another one where its id tells so. Hierarchies of cgroup v1 give
 * ids of their own, so their groups are known by path alone, and equal paths in two hierarchies are one group.
 *
 * With cgroup v1 a thread is in one group of each hierarchy, and engines do not always put it into the container's group
 * in all of them. The one shown is that whose path names a container, of these the one with the longest path.
 */
import type { Row } from "../../lib/schema/column.ts";
import type { cgroup as cgroupTable } from "../../lib/schema/identity.ts";
import type { StringPool, TableWriter } from "../derive/derivation.ts";
import { readCgroupPath } from "./cgroup-path.ts";

/** Number of the hierarchy of cgroup v2 in events and in /proc/PID/cgroup (kernel/cgroup/cgroup.c, cgroup_init). */
export const DEFAULT_HIERARCHY = 0;

/** Nothing is known of the groups of the thread. */
export const UNKNOWN_SET = 0;

/** The group of a thread in each hierarchy that is known; the kernel's css_set. */
interface CssSet {
	readonly groups: ReadonlyMap<number, number>;
	readonly shown: number;
}

/** A line of /proc/PID/cgroup: hierarchy, controllers, path. ps joins the lines with commas; paths may hold commas too. */
const membership = /(?:^|[\n,])(\d{1,9}):[\w=,.-]{0,256}:(\/.*?)(?=[\n,]\d{1,9}:[\w=,.-]{0,256}:\/|\n|$)/g;

/** What the kernel adds to the path of a group that is gone but has a thread (proc_cgroup_show). */
const deleted = / \(deleted\)$/;

/**
 * Groups of a thread by hierarchy: from the content of /proc/PID/cgroup, the column CGROUP of ps, or a bare path, taken
 * as one of cgroup v2. Empty if it is none of these.
 */
export function readMembership(text: string): Map<number, string> {
	if (text.startsWith("/")) return new Map([[DEFAULT_HIERARCHY, text.trim().replace(deleted, "")]]);
	const groups = new Map<number, string>();
	for (const [, hierarchy, path] of text.matchAll(membership))
		groups.set(Number(hierarchy), path!.trimEnd().replace(deleted, ""));
	return groups;
}

export class Cgroups {
	readonly #strings: StringPool;
	/** By number; null: only its id has been told. */
	readonly #paths: (string | null)[] = [];
	readonly #inodes: number[] = [];
	readonly #ofPath = new Map<string, number>();
	readonly #ofInode = new Map<number, number>();

	readonly #sets: CssSet[] = [{ groups: new Map(), shown: -1 }];
	readonly #setOfKey = new Map<string, number>([["", UNKNOWN_SET]]);

	/** css set by tid, from side files of the start. */
	readonly #atStart = new Map<number, number>();
	/** What a side file of the end says: its groups may be made by an event still to come. */
	readonly #atEnd = new Map<number, string>();

	constructor(strings: StringPool) {
		this.#strings = strings;
	}

	/** Group with this path; the latest, if it was made again. */
	group(path: string): number {
		return this.#ofPath.get(path) ?? this.#make(path, Number.NaN);
	}

	/** The kernel's id and the path of a group (PERF_RECORD_CGROUP, events of cgroup v2). */
	known(inode: number, path: string): number {
		if (Number.isNaN(inode)) return this.group(path);
		const own = this.#ofInode.get(inode);
		if (own !== undefined && (this.#paths[own] === null || this.#paths[own] === path)) {
			this.#paths[own] = path;
			this.#ofPath.set(path, own);
			return own;
		}
		const same = this.#ofPath.get(path);
		if (same === undefined || !Number.isNaN(this.#inodes[same])) return this.#make(path, inode);
		this.#inodes[same] = inode;
		this.#ofInode.set(inode, same);
		return same;
	}

	/** cgroup_mkdir in cgroup v2: what had this path before is another group. */
	created(inode: number, path: string): number {
		if (Number.isNaN(inode)) return this.group(path);
		return this.#paths[this.#ofInode.get(inode) ?? -1] === path
			? this.known(inode, path)
			: this.#make(path, inode);
	}

	/** Group with this id; its path may be told later. */
	groupOfInode(inode: number): number {
		return this.#ofInode.get(inode) ?? this.#make(null, inode);
	}

	/** Groups of a tid (of a process: all its threads) by a side file; see `readMembership`. The first that tells counts. */
	knownThread(tid: number, text: string, when: "before" | "after" | "unknown"): void {
		if (when === "after") {
			if (!this.#atEnd.has(tid)) this.#atEnd.set(tid, text);
		} else if (!this.#atStart.has(tid)) {
			const set = this.#setOf(text);
			if (set !== UNKNOWN_SET) this.#atStart.set(tid, set);
		}
	}

	/** css set of a tid when the recording began; UNKNOWN_SET if no side file tells. */
	setAtStart(tid: number): number {
		return this.#atStart.get(tid) ?? UNKNOWN_SET;
	}

	/** css set of a tid when the recording ended; UNKNOWN_SET if no side file tells. */
	setAtEnd(tid: number): number {
		const text = this.#atEnd.get(tid);
		return text === undefined ? UNKNOWN_SET : this.#setOf(text);
	}

	/** The css set after a move in one hierarchy. */
	moved(set: number, hierarchy: number, group: number): number {
		const groups = this.#sets[set]!.groups;
		return groups.get(hierarchy) === group ? set : this.#set(new Map(groups).set(hierarchy, group));
	}

	/** The group that is shown for a css set; -1 for UNKNOWN_SET. */
	shown(set: number): number {
		return this.#sets[set]!.shown;
	}

	/** Writes the table cgroup. After the last event. */
	write(out: TableWriter<typeof cgroupTable>): void {
		const code = (text: string | null) => (text === null ? -1 : this.#strings.code(text));
		for (const [group, path] of this.#paths.entries()) {
			const { engine, container, pod, unit } = readCgroupPath(path ?? "");
			out.append({
				cgroup_id: group,
				path: code(path),
				inode: this.#inodes[group]!,
				engine: code(engine),
				container: code(container),
				pod: code(pod),
				unit: code(unit),
			} satisfies Row<typeof cgroupTable>);
		}
	}

	#make(path: string | null, inode: number): number {
		const group = this.#paths.push(path) - 1;
		this.#inodes.push(inode);
		if (path !== null) this.#ofPath.set(path, group);
		if (!Number.isNaN(inode)) this.#ofInode.set(inode, group);
		return group;
	}

	#setOf(text: string): number {
		return this.#set(new Map([...readMembership(text)].map(([h, path]) => [h, this.group(path)])));
	}

	#set(groups: ReadonlyMap<number, number>): number {
		const sorted = [...groups].sort(([a], [b]) => a - b);
		const key = sorted.join(" ");
		let set = this.#setOfKey.get(key);
		if (set === undefined) {
			let shown = sorted[0]![1];
			for (const [, group] of sorted) if (this.#weight(group) > this.#weight(shown)) shown = group;
			set = this.#sets.push({ groups, shown }) - 1;
			this.#setOfKey.set(key, set);
		}
		return set;
	}

	/** Groups of containers before others, long paths before short ones. */
	#weight(group: number): number {
		const path = this.#paths[group];
		if (path === null || path === undefined) return 0;
		return path.length + (readCgroupPath(path).container === null ? 0 : Number.MAX_SAFE_INTEGER / 2);
	}
}
