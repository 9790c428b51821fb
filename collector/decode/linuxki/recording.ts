/**
 * The members of a LinuxKI recording in a folder. A member's name is its kind and the recording's tag, `kallsyms.1125_1018`;
 * the records are in `ki.bin.NNN.TAG`, a file for each CPU, or all in `ki.bin.TAG` (kiinfo -likimerge).
 */
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";

export interface KiFile {
	readonly path: string;
	/** null: a merged file with the records of all CPUs, or a file of another name. */
	readonly cpu: number | null;
}

export interface Recording {
	readonly folder: string;
	/** "" where the files are not named as kiinfo names them. */
	readonly tag: string;
	/** Name of the trace: the tag where there are several recordings, else "". */
	readonly buffer: string;
	/** In order of CPU. */
	readonly files: readonly KiFile[];
	/** Version word of the files: 0 = ftrace mode, odd = LiKI; -1 where all files are empty. */
	readonly version: number;
	/** Folder with the symbol tables of programs. */
	readonly objdump: string | null;
	/** Path of `<kind>.<TAG>`, null where there is none. */
	member(kind: string): string | null;
}

/** A CPU has three digits, or four beyond 999. */
const NAME = /^ki\.bin\.(?:(\d{3,4})\.)?(.+)$/;

/** In a chunk of LiKI and in a page of the ftrace mode alike. */
const VERSION_AT = 12;

/** The recordings that some ki.bin files are of, by tag. */
export function recordingsOf(files: readonly string[]): Recording[] {
	const byTag = new Map<string, { folder: string; tag: string; files: KiFile[] }>();
	for (const path of files) {
		const folder = dirname(path);
		const [, digits, tag = ""] = NAME.exec(basename(path)) ?? [];
		const key = `${tag}\0${folder}`;
		const file: KiFile = { path, cpu: digits === undefined ? null : Number(digits) };
		const known = byTag.get(key);
		if (known) known.files.push(file);
		else byTag.set(key, { folder, tag, files: [file] });
	}
	const groups = [...byTag.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
	return groups.map(({ folder, tag, files: all }): Recording => {
		const member = (kind: string): string | null => {
			const path = join(folder, `${kind}.${tag}`);
			return tag !== "" && statSync(path, { throwIfNoEntry: false })?.isFile() ? path : null;
		};
		const objdump = join(folder, `objdump.${tag}`);
		const own = complete(all);
		return {
			folder,
			tag,
			buffer: groups.length > 1 ? tag : "",
			files: own,
			version: versionOf(own),
			objdump: tag !== "" && statSync(objdump, { throwIfNoEntry: false })?.isDirectory() ? objdump : null,
			member,
		};
	});
}

/**
 * kiall removes the files of the CPUs when they have been merged: where both are there, merging or removing was
 * interrupted, and the larger of the two is complete.
 */
function complete(files: readonly KiFile[]): KiFile[] {
	const perCpu = files.filter((f) => f.cpu !== null).sort((a, b) => a.cpu! - b.cpu!);
	const merged = files.filter((f) => f.cpu === null);
	const bytes = (list: readonly KiFile[]): number => list.reduce((sum, f) => sum + statSync(f.path).size, 0);
	if (perCpu.length === 0 || merged.length === 0) return perCpu.length > 0 ? perCpu : merged;
	return bytes(merged) > bytes(perCpu) ? merged : perCpu;
}

/** The word that most files begin with: one may be damaged. */
function versionOf(files: readonly KiFile[]): number {
	const head = Buffer.alloc(VERSION_AT + 4);
	const counts = new Map<number, number>();
	for (const { path } of files) {
		const fd = openSync(path, "r");
		try {
			if (readSync(fd, head, 0, head.length, 0) < head.length) continue;
			const version = head.readUInt32LE(VERSION_AT);
			counts.set(version, (counts.get(version) ?? 0) + 1);
		} finally {
			closeSync(fd);
		}
	}
	const [first] = [...counts].sort(([, a], [, b]) => b - a);
	return first === undefined ? -1 : first[0];
}

/** The ki.bin files of a folder; null where it has none. */
export function linuxkiDirectory(path: string): readonly string[] | null {
	if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return null;
	const files = readdirSync(path)
		.filter((name) => NAME.test(name))
		.map((name) => join(path, name))
		.filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile());
	return files.length === 0 ? null : recordingsOf(files).flatMap((r) => r.files.map((f) => f.path));
}

/** Files for the CPUs of one recording have one key; null for a merged file and for files of other names. */
export function linuxkiSeries(paths: readonly string[]): string | null {
	const path = paths[0]!;
	const [, digits, tag] = NAME.exec(basename(path)) ?? [];
	return digits === undefined ? null : `${tag}\0${dirname(path)}`;
}
