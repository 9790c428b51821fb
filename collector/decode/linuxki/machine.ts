/** What the text members beside a recording say of the machine. */
import { closeSync, openSync, readSync } from "node:fs";
import type { SideFiles } from "../../side/index.ts";
import type { Recording } from "./recording.ts";

export interface Machine {
	readonly host: string | null;
	readonly kernel: string | null;
	/** uname -m */
	readonly arch: string | null;
	readonly pageBytes: number | null;
}

const UNAME = /^Linux (\S+) (\d+\.\d+\S*) .* (\S+) GNU\/Linux$/m;
const PAGE_SIZE = /^PAGE_?SIZE\s+(\d+)\s*$/m;
/** getconf -a is some 12 kB. */
const MAX_TEXT = 65_536;

/** The members of the recording's own tag; side files, which several tags of a folder share, tell what they do not. */
export function machineOf(recording: Recording, side?: SideFiles["machine"]): Machine {
	const [, host, kernel, arch] = UNAME.exec(text(recording.member("uname-a"))) ?? [];
	const page = Number(PAGE_SIZE.exec(text(recording.member("getconf-a")))?.[1] ?? 0);
	return {
		host: host ?? side?.host ?? null,
		kernel: kernel ?? side?.kernel ?? null,
		arch: arch ?? side?.machine ?? null,
		pageBytes: page > 0 ? page : (side?.pageBytes ?? null),
	};
}

function text(path: string | null): string {
	if (path === null) return "";
	const fd = openSync(path, "r");
	try {
		const bytes = Buffer.alloc(MAX_TEXT);
		return bytes.toString("latin1", 0, readSync(fd, bytes, 0, bytes.length, 0));
	} finally {
		closeSync(fd);
	}
}
