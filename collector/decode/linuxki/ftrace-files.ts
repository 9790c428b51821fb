/** The files of an ftrace-mode recording, opened, and what its text members say of the machine. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { FileBytes } from "../bytes.ts";
import type { Recording } from "./recording.ts";

export interface OpenFile {
	/** A file whose name does not tell it gets the next free number. */
	readonly cpu: number;
	/** The name tells the CPU. */
	readonly named: boolean;
	readonly path: string;
	readonly bytes: FileBytes;
}

/** In order of CPU. */
export function openFiles(recording: Recording): { files: OpenFile[]; close(): void } {
	const files: OpenFile[] = [];
	const close = (): void => {
		for (const f of files) closeSync(f.bytes.fd);
	};
	let next = 1 + Math.max(-1, ...recording.files.map((f) => f.cpu ?? -1));
	try {
		for (const { path, cpu } of recording.files) {
			const fd = openSync(path, "r");
			files.push({
				cpu: cpu ?? next++,
				named: cpu !== null,
				path,
				bytes: new FileBytes(fd, fstatSync(fd).size),
			});
		}
	} catch (error) {
		close();
		throw error;
	}
	return { files: files.sort((a, b) => a.cpu - b.cpu), close };
}

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

export function machineOf(recording: Recording): Machine {
	const [, host, kernel, arch] = UNAME.exec(text(recording.member("uname-a"))) ?? [];
	const page = Number(PAGE_SIZE.exec(text(recording.member("getconf-a")))?.[1] ?? 0);
	return {
		host: host ?? null,
		kernel: kernel ?? null,
		arch: arch ?? null,
		pageBytes: page > 0 ? page : null,
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
