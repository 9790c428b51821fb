import { jsonObjects } from "./json-lines.ts";
import { isProcFiles, procHeading } from "./proc-files.ts";
import type { CgroupFact, Moment, ThreadFact } from "./side-files.ts";

const heading = procHeading("cgroup");
/** The same as grep -H prints it. */
const prefixed = /^\/proc\/(\d+|self|thread-self)\/cgroup:(\d+:[^:]*:\/.*)$/;
const membership = /^\d+:[^:]*:\//;

/** Whether a file begins as such a collection; a process that had gone leaves its name alone. */
export function isProcCgroup(lines: readonly string[]): boolean {
	return (
		isProcFiles(lines, heading, membership) || (lines.length > 0 && lines.every((l) => prefixed.test(l)))
	);
}

/** A fact a process that had groups: those of its main thread. */
export function readProcCgroup(text: string, when: Moment): ThreadFact[] {
	const groups = new Map<number, string[]>();
	let pid = Number.NaN;
	for (const line of text.split("\n")) {
		const name = heading.exec(line);
		const both = prefixed.exec(line);
		if (name) pid = Number(name[1]);
		else if (both) pid = Number(both[1]);
		const entry = both ? both[2]! : membership.test(line) ? line : null;
		if (entry === null || Number.isNaN(pid)) continue;
		const known = groups.get(pid);
		if (known) known.push(entry);
		else groups.set(pid, [entry]);
	}
	return [...groups].map(([tid, lines]) => ({ tid, tgid: tid, cgroup: lines.join("\n"), when }));
}

/** Path and id of the groups of JSON lines `{"cgroup": "/a", "id": 130, ...}`. */
export function readCgroupIds(text: string): CgroupFact[] {
	const facts: CgroupFact[] = [];
	for (const row of jsonObjects(text)) {
		const { cgroup, id } = row;
		if (typeof cgroup === "string" && typeof id === "number" && Number.isSafeInteger(id) && id > 0)
			facts.push({ path: cgroup, inode: id });
	}
	return facts;
}
