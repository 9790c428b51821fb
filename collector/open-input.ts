/** Finds the format of an input by its content, or says clearly what is wrong with it. */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { basename } from "node:path";
import { exitCode, PowerkiError } from "../lib/schema/errors.ts";
import { describeInput, formats, readable } from "./decode/formats.ts";
import type { Format } from "./decode/source.ts";

const NOTHING = "nothing was written";

/** One trace to be read: a file, or several that belong together. */
export interface Input {
	/** As shown to the user. */
	readonly path: string;
	readonly format: Format;
	readonly files: readonly string[];
	/** Of all files. */
	readonly bytes: number;
}

/**
 * Inputs with the files of one recording together (perf record --switch-output), in the order given. Those that cannot be
 * read stand alone: they fail when it is their turn.
 */
export function groupInputs(paths: readonly string[]): string[][] {
	const groups = new Map<string, string[]>();
	for (const [k, path] of paths.entries()) {
		const key = (paths.length > 1 ? seriesOf(path) : null) ?? `alone ${k}`;
		const group = groups.get(key);
		if (group) group.push(path);
		else groups.set(key, [path]);
	}
	return [...groups.values()];
}

function seriesOf(path: string): string | null {
	try {
		const { format, files } = openInput(path);
		return format.series?.(files) ?? null;
	} catch {
		return null;
	}
}

/** The files of one recording as one input. */
export function openTogether(paths: readonly string[]): Input {
	const inputs = paths.map(openInput);
	return {
		...inputs[0]!,
		files: inputs.flatMap((i) => i.files),
		bytes: inputs.reduce((sum, i) => sum + i.bytes, 0),
	};
}

/** @throws PowerkiError with code 3 where the input cannot be read, 5 where it may not be */
export function openInput(path: string): Input {
	const name = basename(path);
	let head: Buffer;
	let bytes: number;
	try {
		const stat = statSync(path);
		if (stat.isDirectory()) {
			for (const format of formats) {
				const files = format.folder?.(path);
				if (files) return { path, format, files, bytes: files.reduce((sum, f) => sum + statSync(f).size, 0) };
			}
			throw new PowerkiError(exitCode.unreadable, `${name}: is a folder, not a trace file`, [
				`readable: ${readable}`,
				`give the trace file inside it; ${NOTHING}`,
			]);
		}
		if (!stat.isFile())
			throw new PowerkiError(exitCode.unreadable, `${name}: is not a regular file`, [NOTHING]);
		bytes = stat.size;
		const fd = openSync(path, "r");
		try {
			head = Buffer.alloc(4096);
			head = head.subarray(0, readSync(fd, head, 0, head.length, 0));
		} finally {
			closeSync(fd);
		}
	} catch (error) {
		if (error instanceof PowerkiError) throw error;
		const code = (error as NodeJS.ErrnoException).code;
		if (code === "ENOENT" || code === "ENOTDIR")
			throw new PowerkiError(exitCode.unreadable, `${path}: there is no such file`, [NOTHING]);
		if (code === "EACCES" || code === "EPERM")
			throw new PowerkiError(exitCode.environment, `${path}: no permission to read it`, [
				NOTHING,
				"make it readable for you (chmod, or ask its owner)",
			]);
		throw error;
	}
	const format = formats.find((f) => f.sniff(head));
	if (!format) {
		const { looks, advice } = describeInput(head);
		throw new PowerkiError(exitCode.unreadable, `${name}: not a trace that powerki can read`, [
			`it looks like: ${looks}`,
			`readable: ${readable}`,
			...(advice ? [advice] : []),
			NOTHING,
		]);
	}
	return { path, format, files: [path], bytes };
}
