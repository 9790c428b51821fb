import { isIP } from "node:net";
import type { Moment, OpenFileFact, SocketAddress, WorkingDirectoryFact } from "./side-files.ts";

/**
 * Heading of lsof(8) in its default form; options add columns between COMMAND and FD (-R, -g, -Z) or change the one of the
 * size (-s, -o).
 */
const headingLine =
	/^COMMAND +PID( +[A-Z][A-Z-]*)* +FD +TYPE +DEVICE +(?:SIZE\/OFF|SIZE|OFFSET) +(?:NLINK +)?NODE +NAME$/;
/** What it says before, where standard error went to the same file. */
const warning = /^(?:lsof: |\s)/;

/** Index of the heading; -1 if there is none. */
export function lsofHeadingIn(lines: readonly string[]): number {
	const at = lines.findIndex((l) => !warning.test(l));
	return at >= 0 && headingLine.test(lines[at]!.trimEnd()) ? at : -1;
}

/** Columns that are read, and where their cells lie in a line. */
type Cell = "FD" | "TYPE" | "DEVICE" | "NODE" | "NAME";

/**
 * Cells stand under the last letter of their heading, but for those of FD, where access and lock follow in two columns, and
 * NAME, which begins under its heading and has the rest; any but PID may be empty. Spaces in a command are printed
 * as \x20, so PID is the second word, and a command that is wider on the screen than in the file shifts its line.
 */
function cellsOf(heading: string): (line: string) => (Record<Cell, string> & { pid: number }) | null {
	const ends = [...heading.matchAll(/\S+/g)].map((m) => ({ name: m[0], end: m.index + m[0].length }));
	const pidEnd = ends[1]!.end;
	const spans = new Map<string, [number, number]>();
	for (const [i, { name, end }] of ends.entries())
		spans.set(name, [spans.get(ends[i - 1]?.name ?? "")?.[1] ?? 0, name === "FD" ? end + 2 : end]);
	spans.set("NAME", [ends.at(-1)!.end - "NAME".length, Number.POSITIVE_INFINITY]);
	return (line) => {
		const begin = /^\S+ +(\d{1,7})(?= )/.exec(line);
		if (!begin) return null;
		const shift = begin[0].length - pidEnd;
		const cell = (name: Cell) => {
			const span = spans.get(name);
			return span ? line.slice(span[0] + shift, span[1] + shift).trim() : "";
		};
		return {
			pid: Number(begin[1]),
			FD: cell("FD"),
			TYPE: cell("TYPE"),
			DEVICE: cell("DEVICE"),
			NODE: cell("NODE"),
			NAME: cell("NAME"),
		};
	};
}

/** A descriptor's number, access (r, w, u, - unknown) and lock; or cwd, txt, mem, ... */
const fdCell = /^(?:(\d{1,9})[rwu-]?(?: ?[NrRwWuUxX])?|[A-Za-z]\w*)$/;
const decimal = (text: string) => (/^\d{1,19}$/.test(text) ? BigInt(text) : undefined);

function deviceOf(text: string): bigint | undefined {
	const numbers = /^(\d{1,4}),(\d{1,7})$/.exec(text);
	return numbers ? (BigInt(numbers[1]!) << 20n) | BigInt(numbers[2]!) : undefined;
}

/** What lsof adds to a path: deleted, a failed call, server and export of NFS, a path that it holds for doubtful. */
const remark = / \((?:deleted|\w+: [^()]*|[\w.-]+:\/[^()]*|path (?:dev|inode)=[^()]*)\)$/;

function pathOf(name: string): string | undefined {
	let path = name;
	for (let i = 0; i < 3; i++) path = path.replace(remark, "");
	// "pipe", "socket", "can't identify protocol" are no paths; [eventpoll] and the like are names of an anonymous inode
	return /^[/[]/.test(path) ? path : undefined;
}

/** "127.0.0.1:22", "[::1]:22", "*:22", "*:*"; undefined if it tells neither address nor port. */
function endpoint(text: string): SocketAddress | undefined {
	const cells = /^(?:\[([^\]]*)\]|([^[\]:]*)):([^:]*)$/.exec(text);
	if (!cells) return undefined;
	const address = cells[1] ?? cells[2]!;
	const found: SocketAddress = {};
	if (isIP(address) !== 0) found.address = address;
	if (/^\d{1,5}$/.test(cells[3]!)) found.port = Number(cells[3]);
	return found.address === undefined && found.port === undefined ? undefined : found;
}

/** The fields of a descriptor that depend on its type. */
type Details = Partial<OpenFileFact>;
interface Columns {
	DEVICE: string;
	NODE: string;
	NAME: string;
}

/** IPv4, IPv6: the inode stands in DEVICE, the protocol in NODE. */
function internet({ DEVICE, NODE, NAME }: Columns): Details {
	const [, ends, state] = /^(.*?)(?: \(([A-Z][\w-]*)\))?$/.exec(NAME)!;
	const [local, remote] = ends!.trim().split("->", 2).map(endpoint);
	return {
		inode: decimal(DEVICE),
		protocol: /^[A-Z][\w-]*$/.test(NODE) ? NODE : undefined,
		local,
		remote,
		state,
	};
}

/** unix: "/run/a type=STREAM (LISTEN)", "@abstract type=DGRAM", "type=STREAM (CONNECTED)"; before 4.90 "/run/a" or "socket". */
function local({ NODE, NAME }: Columns): Details {
	const [, name, type] = /^(.*?)(?:(?:^| )type=(?:SOCK_)?([A-Z]+)\b.*)?$/.exec(NAME)!;
	const address = name!.replace(/ ?->INO=.*$/, "");
	return {
		inode: decimal(NODE),
		socketType: type?.toLowerCase(),
		local: /^[/@]/.test(address) ? { address } : undefined,
	};
}

const socketTypeOf = (name: string) => /^type=SOCK_([A-Z]+)$/.exec(name)?.[1]?.toLowerCase();

const details: Readonly<Record<string, (columns: Columns) => Details>> = {
	IPv4: internet,
	IPv6: internet,
	unix: local,
	pack: ({ DEVICE, NAME }) => ({ inode: decimal(DEVICE), socketType: socketTypeOf(NAME) }),
	// a socket of which only the protocol's name is known ("protocol: TCP": not bound yet), or not even that
	sock: ({ DEVICE, NODE, NAME }) => ({
		dev: deviceOf(DEVICE),
		inode: decimal(NODE),
		protocol: /^protocol: (\S+)$/.exec(NAME)?.[1],
	}),
	netlink: ({ NODE, NAME }) => ({
		inode: decimal(NODE),
		protocol: /^[A-Z][\w-]*$/.test(NAME) ? NAME : undefined,
	}),
	raw: ({ NODE }) => ({ inode: decimal(NODE) }),
	raw6: ({ NODE }) => ({ inode: decimal(NODE) }),
};
const file = ({ DEVICE, NODE, NAME }: Columns): Details => ({
	dev: deviceOf(DEVICE),
	inode: decimal(NODE),
	path: pathOf(NAME),
});

/** What lsof says of a descriptor that it could not look at. */
const unseen = new Set(["", "unknown"]);

export interface Lsof {
	openFiles: OpenFileFact[];
	workingDirectories: WorkingDirectoryFact[];
	/** Rows that do not fit under the heading. */
	misfits: number;
}

/**
 * Descriptors and working directories of an lsof print, one fact each: with -K all tasks of a process repeat its
 * rows. Rows of mapped files, of the root and of what lsof was not allowed to see tell nothing that is kept.
 */
export function readLsof(text: string, when: Moment): Lsof {
	const lines = text.split("\n");
	const found: Lsof = { openFiles: [], workingDirectories: [], misfits: 0 };
	const at = lsofHeadingIn(lines);
	if (at < 0) return found;
	const cells = cellsOf(lines[at]!.trimEnd());
	const descriptors = new Set<number>();
	const directories = new Set<number>();
	for (const line of lines.slice(at + 1)) {
		if (line.trim() === "") continue;
		const row = cells(line);
		const fd = row && fdCell.exec(row.FD);
		if (!row || !fd || /\s/.test(row.TYPE)) {
			found.misfits++;
			continue;
		}
		const { pid: tgid, TYPE: type } = row;
		if (unseen.has(type)) continue;
		if (row.FD === "cwd") {
			const path = pathOf(row.NAME);
			if (path === undefined || directories.has(tgid)) continue;
			directories.add(tgid);
			found.workingDirectories.push({ tgid, path, when });
		} else if (fd[1] !== undefined) {
			const key = tgid * 2 ** 30 + Number(fd[1]);
			if (descriptors.has(key)) continue;
			descriptors.add(key);
			const of = Object.hasOwn(details, type) ? details[type]! : file;
			const fact: OpenFileFact = { tgid, fd: Number(fd[1]), type, when };
			for (const [name, value] of Object.entries(of(row)))
				if (value !== undefined) Object.assign(fact, { [name]: value });
			found.openFiles.push(fact);
		}
	}
	return found;
}
