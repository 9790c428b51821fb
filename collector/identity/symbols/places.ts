/** Paths below a folder that stands for the root of the traced machine. */
import { type Dirent, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, posix } from "node:path";

const maxLinks = 40;

/**
 * Path of a file of the traced machine below `root`. Symbolic links are followed as on that machine: absolute ones
 * begin at `root`, and none leads out of it. Null where nothing lies.
 */
export function below(root: string, path: string): string | null {
	// of the root itself on, all names as in the path; ".." of the root is the root
	const wanted = path.split("/").filter(Boolean).reverse();
	const at: string[] = [];
	for (let links = 0; wanted.length > 0; ) {
		const name = wanted.pop()!;
		if (name === ".") continue;
		if (name === "..") {
			at.pop();
			continue;
		}
		const here = join(root, ...at, name);
		try {
			if (!lstatSync(here).isSymbolicLink()) {
				at.push(name);
				continue;
			}
			if (++links > maxLinks) return null;
			const target = readlinkSync(here);
			if (target.startsWith("/")) at.length = 0;
			wanted.push(...target.split("/").filter(Boolean).reverse());
		} catch {
			return null;
		}
	}
	return at.length > 0 ? join(root, ...at) : null;
}

/** Path of the mapping without "(deleted)", and without steps that lead nowhere. */
export function plainPath(module: string): string {
	return posix.normalize(`/${module.replace(/ \(deleted\)$/, "")}`);
}

/** Name of a file's symbols in the folder objdump.TAG of a LinuxKI archive: its path, with ? for each / (LinuxKI 7.11). */
export function objdumpName(path: string): string {
	return path.replaceAll("/", "?");
}

/**
 * The build-ids that a recorded one may stand for. perf records at most 20 bytes (struct build_id, linux
 * tools/perf/util/build-id.h); older ones fill up shorter ids, of lld and of --build-id=md5, with zeros.
 */
export function readings(recorded: string): string[] {
	const shorter = [32, 16].filter((n) => recorded.length === 40 && /^0+$/.test(recorded.slice(n)));
	return [recorded, ...shorter.map((n) => recorded.slice(0, n))];
}

/** Whether a file is of the recorded build. */
export function isOfBuild(recorded: string, found: string | null): boolean {
	if (found === null) return false;
	return readings(recorded).includes(found) || (recorded.length === 40 && found.slice(0, 40) === recorded);
}

/** Where tools keep the file of a build-id below a folder. */
export function byBuildId(root: string, buildId: string): { programs: string[]; debug: string[] } {
	const programs: string[] = [];
	const debug: string[] = [];
	for (const id of readings(buildId)) {
		if (id.length < 4) continue;
		const stem = join(".build-id", id.slice(0, 2), id.slice(2));
		// perf's cache keeps a folder for each build-id: elf, vdso, debug
		programs.push(...[stem, join(stem, "elf"), join(stem, "vdso")].map((p) => join(root, p)));
		debug.push(
			...[`${stem}.debug`, join(stem, "debug"), join("usr/lib/debug", `${stem}.debug`)].map((p) =>
				join(root, p),
			),
		);
	}
	return { programs, debug };
}

/** What perf and debuginfod keep for the user of this machine. */
export function ofTheUser(buildId: string): { programs: string[]; debug: string[] } {
	const { programs, debug } = byBuildId(join(homedir(), ".debug"), buildId);
	const client = join(homedir(), ".cache/debuginfod_client", buildId);
	return {
		programs: [...programs, join(client, "executable")],
		debug: [...debug, join(client, "debuginfo")],
	};
}

/** Where gdb and perf look for the file that .gnu_debuglink names (GDB manual, "Separate Debug Files"). */
export function byDebugLink(roots: readonly string[], module: string, file: string, link: string): string[] {
	const folder = dirname(module);
	return [
		join(dirname(file), link),
		join(dirname(file), ".debug", link),
		...roots.flatMap((root) => [
			join(root, "usr/lib/debug", folder, link),
			join(root, folder, ".debug", link),
			join(root, folder, link),
			join(root, link),
		]),
	].filter((path) => path !== file);
}

/** Names of the vDSO's file as the kernel's build and its installation have them. */
export function vdsoFiles(root: string): string[] {
	try {
		return readdirSync(root)
			.filter((name) => /^(?:linux-)?vdso.*\.so(?:\.dbg|\.debug)?$/.test(name))
			.sort((a, b) => Number(b.includes("64")) - Number(a.includes("64")) || (a < b ? -1 : 1))
			.map((name) => join(root, name));
	} catch {
		return [];
	}
}

/** Deeper folders, and more files than these, are not searched for build-ids. */
const maxDepth = 10;
const maxFiles = 50_000;

/** Every plain file of a folder and those below it on the same file system, in order of name; links are not followed. */
export function* filesBelow(root: string): Generator<string, { complete: boolean }> {
	const device = deviceOf(root);
	let files = 0;
	let complete = true;
	const folders: { path: string; depth: number }[] = [{ path: root, depth: 0 }];
	for (let folder = folders.pop(); folder; folder = folders.pop()) {
		let entries: Dirent[];
		try {
			entries = readdirSync(folder.path, { withFileTypes: true });
		} catch {
			continue;
		}
		entries.sort((a, b) => (a.name < b.name ? -1 : 1));
		const deeper: typeof folders = [];
		for (const entry of entries) {
			const path = join(folder.path, entry.name);
			if (entry.isDirectory()) {
				if (deviceOf(path) !== device) continue;
				if (folder.depth < maxDepth) deeper.push({ path, depth: folder.depth + 1 });
				else complete = false;
			} else if (entry.isFile()) {
				if (++files > maxFiles) return { complete: false };
				yield path;
			}
		}
		folders.push(...deeper.reverse());
	}
	return { complete };
}

function deviceOf(path: string): number | null {
	try {
		return lstatSync(path).dev;
	} catch {
		return null;
	}
}
