/** Finds the format of an input by its content, or says clearly what is wrong with it. */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { basename } from "node:path";
import { exitCode, PowerkiError } from "../lib/schema/errors.ts";
import { describeInput, formats, readable } from "./decode/formats.ts";
import type { Format } from "./decode/source.ts";

const NOTHING = "nothing was written";

/** @throws PowerkiError with code 3 where the input cannot be read, 5 where it may not be */
export function openInput(path: string): { format: Format; bytes: number } {
	const name = basename(path);
	let head: Buffer;
	let bytes: number;
	try {
		const stat = statSync(path);
		if (stat.isDirectory())
			throw new PowerkiError(exitCode.unreadable, `${name}: is a folder, not a trace file`, [
				`readable: ${readable}`,
				`give the trace file inside it; ${NOTHING}`,
			]);
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
	return { format, bytes };
}
