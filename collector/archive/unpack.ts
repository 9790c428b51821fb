/** The trace in an archive or a compressed file: unpacked into a folder, and found there. */
import { readdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";
import { readable } from "../decode/formats.ts";
import type { Note } from "../decode/source.ts";
import {
	groupInputs,
	openTogether,
	type PackedInput,
	type Trace,
	traceFile,
	traceFolder,
} from "../open-input.ts";
import { type Expanded, type ExpandOptions, expand } from "./expand.ts";
import { describePacking } from "./packing.ts";

export interface Unpacked extends Trace {
	/** What of the archive was not taken, and where it is damaged. */
	readonly notes: readonly Note[];
}

/** Folders within an archive below which no trace is looked for. */
const LEVELS = 2;

/**
 * `path` of the result is where side files are looked for: the folder in the archive, or beside a compressed file.
 *
 * @param folder is made; whoever calls removes it
 * @throws PowerkiError (unreadable) where no trace is inside, or several are
 */
export async function unpack(
	input: PackedInput,
	folder: string,
	options: ExpandOptions = {},
): Promise<Unpacked> {
	await mkdir(folder, { mode: 0o700 });
	const expanded = await expand(input.path, input.packing, folder, options);
	const groups = await tracesIn(folder, LEVELS);
	const shown = (path: string): string => path.slice(folder.length + 1);
	if (groups.length === 0) throw noTrace(input, expanded);
	if (groups.length > 1)
		throw new PowerkiError(exitCode.unreadable, `${basename(input.path)}: holds ${groups.length} traces`, [
			`they are: ${groups
				.slice(0, 5)
				.map((g) => shown(g[0]!))
				.join(", ")}${groups.length > 5 ? " …" : ""}`,
			"unpack it, and give each of them; nothing was written",
		]);
	const trace = await openTogether(groups[0]!);
	// an archive within the archive is no trace
	if (trace.packing !== null) throw noTrace(input, expanded);
	return {
		...trace,
		path: input.packing.tar ? trace.path : input.path,
		notes: expanded.notes,
	};
}

/** Inputs that are traces, at the first level that has any: the folder itself, files in it, folders in it. */
async function tracesIn(folder: string, levels: number): Promise<string[][]> {
	let level = [folder];
	for (let n = 0; n <= levels && level.length > 0; n++) {
		const found: string[] = [];
		const next: string[] = [];
		for (const path of level) {
			if (traceFolder(path)) {
				found.push(path);
				continue;
			}
			for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) =>
				a.name < b.name ? -1 : 1,
			)) {
				const inside = join(path, entry.name);
				if (entry.isDirectory()) next.push(inside);
				else if (traceFile(inside)) found.push(inside);
			}
		}
		if (found.length > 0) return groupInputs(found);
		level = next;
	}
	return [];
}

function noTrace({ path, packing }: PackedInput, { members, names, notes }: Expanded): PowerkiError {
	const more = members > names.length ? ` and ${members - names.length} more` : "";
	const inside = names.length === 0 ? "without files" : `with ${names.join(", ")}${more}`;
	return new PowerkiError(
		exitCode.unreadable,
		`${basename(path)}: no trace that powerki can read is inside`,
		[
			`it looks like: ${describePacking(packing)} ${inside}`,
			...notes.filter((n) => n.severity === "error").map((n) => n.text),
			`readable: ${readable}`,
			"nothing was written",
		],
	);
}
