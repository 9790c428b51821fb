import type { Moment, ThreadFact } from "./side-files.ts";

/** Headings of ps(1) and of tables like it, and what the column means. */
const meanings: Record<
	string,
	"pid" | "tid" | "ppid" | "name" | "command" | "text" | "cgroup" | "namespaceTids"
> = {
	PID: "pid",
	TGID: "pid",
	TID: "tid",
	LWP: "tid",
	SPID: "tid",
	PPID: "ppid",
	COMM: "name",
	UCMD: "name",
	UCOMM: "name",
	CMDLINE: "command",
	ARGS: "command",
	// ps heads comm and args with the same words
	CMD: "text",
	COMMAND: "text",
	CGROUP: "cgroup",
	NSPID: "namespaceTids",
};

/** start is a time, or a day of the year; lstart, under the same heading, is "Wed Nov 25 10:28:01 2026". */
const started = String.raw`(?:[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ [\d:]{8} \d{4}|[A-Z][a-z]{2} +\d{1,2}|\S+)`;

/** What a cell of a column without spaces of its own looks like. */
const cellOf = (column: string) => (column === "STARTED" ? started : String.raw`\S+`);

/** Where CGROUP is not the last column, ps cuts it to this many characters (procps, src/ps/output.c): no path then. */
const psCgroupWidth = 27;

/** Whether a first line heads a table of processes: it has PID or TID, and a name or command. */
export function isPsHeading(line: string): boolean {
	const columns = line.trim().split(/\s+/);
	const kinds = new Set(columns.map((c) => (Object.hasOwn(meanings, c) ? meanings[c] : undefined)));
	return (
		columns.length >= 2 &&
		columns.every((c) => /^[%A-Z_:]+$/.test(c)) &&
		(kinds.has("pid") || kinds.has("tid")) &&
		(kinds.has("name") || kinds.has("command") || kinds.has("text"))
	);
}

/** Cells of one line; null if it does not fit the heading. */
type Splitter = (line: string) => string[] | null;

/** Tab-separated: a line per thread, nothing else to know. */
const byTabs: Splitter = (line) => line.split("\t");

/**
 * Columns of ps: words, but for names and commands, which may hold spaces. One such column takes what the columns on
 * both sides leave over; the first of two (comm and args) is cut where the heading of the next begins, as ps pads it.
 */
function byWords(heading: string): Splitter {
	const columns = heading.trim().split(/\s+/);
	const free = columns.flatMap((c, i) => (["name", "command", "text"].includes(meanings[c]) ? [i] : []));
	const cells = (from: number, to: number) => columns.slice(from, to).map((c) => `(${cellOf(c)})`);
	const beforeFree = new RegExp(
		`^\\s*${cells(0, free[0])
			.map((c) => `${c}\\s+`)
			.join("")}`,
	);
	const between = new RegExp(
		`^\\s*${cells(free[0] + 1, free[1] ?? 0)
			.map((c) => `${c}\\s+`)
			.join("")}`,
	);
	const behindFree = new RegExp(
		`${cells(free.at(-1)! + 1, columns.length)
			.map((c) => `\\s+${c}`)
			.join("")}\\s*$`,
	);
	const secondStart = free.length > 1 ? startOf(heading, columns, free[0] + 1) : 0;
	return (line) => {
		const left = beforeFree.exec(line);
		const right = behindFree.exec(line);
		if (!left || !right) return null;
		const middle = line.slice(left[0].length, Math.max(left[0].length, right.index));
		if (free.length === 1) return [...left.slice(1), middle.trim(), ...right.slice(1)];
		const width = Math.max(0, secondStart - left[0].length);
		const inner = between.exec(middle.slice(width));
		if (!inner) return null;
		const second = middle.slice(width + inner[0].length).trim();
		return [...left.slice(1), middle.slice(0, width).trim(), ...inner.slice(1), second, ...right.slice(1)];
	};
}

/** Where the heading of a column begins. */
function startOf(heading: string, columns: readonly string[], column: number): number {
	let at = 0;
	for (let i = 0; ; i++) {
		at = heading.indexOf(columns[i], at);
		if (i === column) return at;
		at += columns[i].length;
	}
}

/** TASK_COMM_LEN less the final zero, bytes. */
const commBytes = 15;

/**
 * The comm that the scheduler's events show. For kernel threads /proc tells more: a worker's current work queue
 * ("kworker/0:1-events", kernel/workqueue.c, wq_worker_comm) and names beyond 15 bytes (struct kthread, full_name, 5.17).
 */
export function commOf(name: string): string {
	const worker = /^(kworker\/u?\d+:\d+H?)[-+]./.exec(name);
	if (worker) return worker[1];
	return Buffer.byteLength(name) <= commBytes
		? name
		: Buffer.from(name).subarray(0, commBytes).toString("utf8");
}

/**
 * Threads of a ps print or of a tab-separated table whose first line names the columns. Whether COMMAND is comm or the
 * command line shows in the kernel threads: ps puts the name of a process without a command line in brackets.
 */
export function readPs(text: string, when: Moment): ThreadFact[] {
	const lines = text.split("\n");
	const heading = lines[0].trimEnd();
	const tabs = heading.includes("\t");
	const columns = heading.trim().split(/\s+/);
	const split = tabs ? byTabs : byWords(heading);
	const rows = lines
		.slice(1)
		.filter((l) => l.trim() !== "")
		.map((l) => split(l.trimEnd()))
		.filter((r) => r !== null);
	const textColumns = columns.flatMap((c, i) => (meanings[c] === "text" ? [i] : []));
	const argsColumns = new Set(
		textColumns.filter((i) => rows.some((r) => /^\[[^\]]+\](?: <defunct>)?$/.test(r[i] ?? ""))),
	);
	const threads: ThreadFact[] = [];
	for (const cells of rows) {
		const fact: Partial<ThreadFact> = {};
		let pid: number | undefined;
		let tid: number | undefined;
		let fullName: string | undefined;
		for (const [i, column] of columns.entries()) {
			const cell = cells[i];
			if (cell === undefined || cell === "" || !Object.hasOwn(meanings, column)) continue;
			const number = /^\d+$/.test(cell) ? Number(cell) : undefined;
			switch (meanings[column]) {
				case "pid":
					pid = number;
					break;
				case "tid":
					tid = number;
					break;
				case "ppid":
					fact.ppid = number;
					break;
				case "name":
					fullName = cell;
					break;
				case "command":
					fact.command = cell.trim();
					break;
				case "text":
					if (!argsColumns.has(i)) fullName = cell.replace(/ <defunct>$/, "");
					else if (/^\[.+\]/.test(cell)) fullName ??= cell.slice(1, cell.lastIndexOf("]"));
					else fact.command = cell;
					break;
				case "cgroup":
					if (tabs || i === columns.length - 1 || cell.length !== psCgroupWidth) fact.cgroup = cell;
					break;
				case "namespaceTids": {
					const tids = cell
						.trim()
						.split(/[\s,]+/)
						.map(Number);
					if (tids.length > 1 && tids.every(Number.isInteger)) fact.namespaceTids = tids;
				}
			}
		}
		// "PID" of a print without thread ids is the process, whose main thread has the same number
		tid ??= pid;
		if (tid === undefined) continue;
		if (pid !== undefined) fact.tgid = pid;
		if (fullName !== undefined) {
			fact.name = commOf(fullName);
			if (fullName !== fact.name) fact.fullName = fullName;
		}
		threads.push({ ...fact, tid, when });
	}
	const hasKthreadd = threads.some((t) => t.tid === 2 && t.name === "kthreadd");
	// kthreadd is the parent of every kernel thread (kernel/kthread.c); inside a pid namespace number 2 is somebody else
	if (hasKthreadd)
		for (const t of threads) if (t.ppid !== undefined) t.kernelThread = t.ppid === 2 || t.tgid === 2;
	return threads;
}

/** A line of tracefs' saved_cmdlines: pid and comm. */
export const savedCmdline = /^(\d+) (\S.{0,14})$/;

export function readSavedCmdlines(text: string, when: Moment): ThreadFact[] {
	const threads: ThreadFact[] = [];
	for (const line of text.split("\n")) {
		const match = savedCmdline.exec(line);
		if (match && match[2] !== "<...>") threads.push({ tid: Number(match[1]), name: match[2], when });
	}
	return threads;
}
