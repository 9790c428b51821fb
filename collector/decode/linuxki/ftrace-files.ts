/** The files of an ftrace-mode recording, opened. */
import { closeSync, fstatSync, openSync } from "node:fs";
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
