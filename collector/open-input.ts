/** Finds the format of an input by its content, or says clearly what is wrong with it. */
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { exitCode, PowerkiError } from "../lib/schema/errors.ts";
import { describePacking, type Packed, type Packing, packedAs } from "./archive/packing.ts";
import { describeInput, formats, readable } from "./decode/formats.ts";
import type { Format } from "./decode/source.ts";

const NOTHING = "nothing was written";

/** One trace to be read: a file, or several that belong together. */
export interface Trace {
	/** As shown to the user. */
	readonly path: string;
	readonly format: Format;
	readonly files: readonly string[];
	/** Of all files. */
	readonly bytes: number;
}

/** An archive or a compressed file: what is inside is known when it is unpacked. */
export interface PackedInput extends Omit<Trace, "format"> {
	readonly format: null;
	readonly packing: Packing;
}

export type Input = (Trace & { readonly packing: null }) | PackedInput;

/**
 * Inputs with the files of one recording together (perf record --switch-output), in the order given. Those that cannot be
 * read stand alone: they fail when it is their turn. A folder that is no trace stands for the archives and the folders
 * with a trace in it.
 */
export async function groupInputs(paths: readonly string[]): Promise<string[][]> {
	const inside = (await Promise.all(paths.map(inputsIn))).flat();
	const groups = new Map<string, string[]>();
	for (const [k, path] of inside.entries()) {
		const key = (inside.length > 1 ? await seriesOf(path) : null) ?? `alone ${k}`;
		const group = groups.get(key);
		if (group) group.push(path);
		else groups.set(key, [path]);
	}
	return [...groups.values()];
}

async function inputsIn(path: string): Promise<string[]> {
	if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
	if (await isInput(path)) return [path];
	const found: string[] = [];
	for (const entry of entriesOf(path)) if (await isInput(entry)) found.push(entry);
	return found.length > 0 ? found : [path];
}

/** What is not hidden, in order of name; nothing where the folder cannot be read: that is said when it is opened. */
function entriesOf(folder: string): string[] {
	try {
		return readdirSync(folder)
			.filter((name) => !name.startsWith("."))
			.sort()
			.map((name) => join(folder, name));
	} catch {
		return [];
	}
}

/** A folder that is a trace, or an archive. */
async function isInput(path: string): Promise<boolean> {
	try {
		const stat = statSync(path);
		if (stat.isDirectory()) return traceFolder(path) !== null;
		return stat.isFile() && (await packedAs(path, readHead(path)))?.packing.tar === true;
	} catch {
		return false;
	}
}

/** null for a folder that is no trace. */
export function traceFolder(path: string): Trace | null {
	for (const format of formats) {
		const files = format.folder?.(path);
		if (files) return { path, format, files, bytes: files.reduce((sum, f) => sum + statSync(f).size, 0) };
	}
	return null;
}

/** null for a plain file that is no trace, packed or not. */
export function traceFile(path: string): Trace | null {
	const head = readHead(path);
	const format = formats.find((f) => f.sniff(head));
	return format ? { path, format, files: [path], bytes: statSync(path).size } : null;
}

function readHead(path: string): Buffer {
	const fd = openSync(path, "r");
	try {
		const head = Buffer.alloc(4096);
		return head.subarray(0, readSync(fd, head, 0, head.length, 0));
	} finally {
		closeSync(fd);
	}
}

async function seriesOf(path: string): Promise<string | null> {
	try {
		const { format, files } = await openInput(path);
		return format?.series?.(files) ?? null;
	} catch {
		return null;
	}
}

/** The files of one recording as one input. */
export async function openTogether(paths: readonly string[]): Promise<Input> {
	const inputs = await Promise.all(paths.map(openInput));
	return {
		...inputs[0]!,
		files: inputs.flatMap((i) => i.files),
		bytes: inputs.reduce((sum, i) => sum + i.bytes, 0),
	};
}

/** @throws PowerkiError with code 3 where the input cannot be read, 5 where it may not be */
export async function openInput(path: string): Promise<Input> {
	const name = basename(path);
	try {
		const stat = statSync(path);
		if (stat.isDirectory()) {
			const trace = traceFolder(path);
			if (trace) return { ...trace, packing: null };
			throw new PowerkiError(exitCode.unreadable, `${name}: is a folder, not a trace file`, [
				`readable: ${readable}`,
				`give the trace file inside it; ${NOTHING}`,
			]);
		}
		if (!stat.isFile())
			throw new PowerkiError(exitCode.unreadable, `${name}: is not a regular file`, [NOTHING]);
		const head = readHead(path);
		const format = formats.find((f) => f.sniff(head));
		if (format) return { path, format, packing: null, files: [path], bytes: stat.size };
		const packed = await packedAs(path, head);
		if (packed && (packed.packing.tar || formats.some((f) => f.sniff(packed.head))))
			return { path, format: null, packing: packed.packing, files: [path], bytes: stat.size };
		const { looks, advice } = packed ? describeInside(packed) : describeInput(head);
		throw new PowerkiError(exitCode.unreadable, `${name}: not a trace that powerki can read`, [
			`it looks like: ${looks}`,
			`readable: ${readable}`,
			...(advice ? [advice] : []),
			NOTHING,
		]);
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
}

/** A compressed file without a trace in it. */
function describeInside({ packing, head, damage }: Packed): { looks: string; advice?: string } {
	const what = describePacking(packing);
	if (head.length === 0)
		return { looks: `${what} that cannot be unpacked${damage ? ` (${damage.text})` : ""}` };
	const { looks, advice } = describeInput(head);
	return { looks: `${what}, inside: ${looks}`, ...(advice ? { advice } : {}) };
}
