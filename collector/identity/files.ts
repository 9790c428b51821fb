/**
 * The files of a trace by number. A file that a path of the trace names is one row for each path; one that only a
 * snapshot of open descriptors (lsof) may name gets a number first, and its name at the end if it proves to be the one
 * that the snapshot saw.
 */
import type { Row } from "../../lib/schema/column.ts";
import type { file as fileTable } from "../../lib/schema/identity.ts";
import type { StringPool, TableWriter } from "../derive/derivation.ts";
import type { OpenFileFact } from "../side/index.ts";

type Source = "open" | "call" | "lsof";

interface File {
	/** String code; -1 = unknown */
	path: number;
	/** Number of the directory that the path begins at; -1: it is absolute, or nothing tells */
	readonly directory: number;
	/** What tells files with the same relative path apart */
	readonly below: string;
	type: string | null;
	dev: bigint | null;
	inode: bigint | null;
	source: Source | null;
	/** The snapshot that named it or gave its inode, until another contradicts */
	seen: OpenFileFact | null;
	/** Snapshots contradict each other */
	doubtful: boolean;
}

export class Files {
	readonly #strings: StringPool;
	readonly #files: File[] = [];
	readonly #absolute = new Map<number, number>();
	readonly #relative = new Map<string, number>();
	/** Paths of directories by number; null: told twice, and differently */
	readonly #directories = new Map<number, string | null>();
	readonly #objects = new Map<string, number>();
	readonly #open = new Map<string, number>();

	constructor(strings: StringPool) {
		this.#strings = strings;
	}

	/** File with this absolute path (string code). */
	absolute(path: number): number {
		let id = this.#absolute.get(path);
		if (id === undefined) {
			id = this.#make(path, null, "open");
			this.#absolute.set(path, id);
		}
		return id;
	}

	/** File with this path in a working directory; its path may be told later (`directoryIs`). */
	inWorkingDirectory(directory: number, path: number): number {
		return this.#below(`cwd ${directory}`, path, directory);
	}

	/** File with this path below another file, which is a directory. */
	inDirectory(file: number, path: number): number {
		const { path: own, directory, below, source } = this.#files[file]!;
		if (own < 0 || source === "call") return this.#below(`file ${file}`, path, -1);
		const joined = this.#strings.code(`${this.#strings.text(own)}/${this.#strings.text(path)}`);
		return below === "" ? this.absolute(joined) : this.#below(below, joined, directory);
	}

	/** File with this path below a directory of which nothing is known but that it is not another one. */
	inUnknown(directory: string, path: number): number {
		return this.#below(directory, path, -1);
	}

	/** Path of a working directory, as a snapshot tells it. */
	directoryIs(directory: number, path: string): void {
		const had = this.#directories.get(directory);
		this.#directories.set(directory, had === undefined || had === path ? path : null);
	}

	/** What a call makes that has no name in any directory: one row for all of a kind. */
	object(name: string, type: string): number {
		let id = this.#objects.get(name);
		if (id === undefined) {
			id = this.#make(this.#strings.code(name), type, "call");
			this.#objects.set(name, id);
		}
		return id;
	}

	/** A file that a snapshot from before the recording shows. */
	known(fact: OpenFileFact): number {
		const key = `${fact.type}\0${fact.path ?? ""}\0${fact.dev ?? ""}\0${fact.inode ?? ""}`;
		let id = this.#open.get(key);
		if (id === undefined) {
			id = this.candidate();
			this.confirm(id, fact);
			this.#open.set(key, id);
		}
		return id;
	}

	/** A file that may get its name at the end. */
	candidate(): number {
		return this.#make(-1, null, null);
	}

	/**
	 * A snapshot shows what it is: names a candidate, and adds type, device and inode where the paths agree. Two snapshots
	 * that contradict each other leave it unknown.
	 */
	confirm(id: number, fact: OpenFileFact): void {
		const file = this.#files[id]!;
		if (file.source === "call" || file.doubtful) return;
		if (file.source === "open" && fact.path !== this.#pathOf(file)) return;
		if (file.seen === null) {
			file.seen = fact;
			file.type = fact.type;
			file.dev = fact.dev ?? null;
			file.inode = fact.inode ?? null;
			if (file.source === null) {
				file.source = "lsof";
				file.path = fact.path === undefined ? -1 : this.#strings.code(fact.path);
			}
			return;
		}
		const { seen } = file;
		if (seen.inode === fact.inode && seen.dev === fact.dev && seen.path === fact.path) return;
		file.doubtful = true;
		file.type = null;
		file.dev = null;
		file.inode = null;
		if (file.source === "lsof") {
			file.source = null;
			file.path = -1;
		}
	}

	/** Rows of all files; after the last event. */
	write(out: TableWriter<typeof fileTable>): void {
		const code = (text: string | null) => (text === null ? -1 : this.#strings.code(text));
		const number = (value: bigint | null) => (value === null ? Number.NaN : Number(value));
		for (const [id, f] of this.#files.entries())
			out.append({
				file_id: id,
				path: code(this.#pathOf(f)),
				type: code(f.type),
				dev: number(f.dev),
				inode: number(f.inode),
				source: code(f.source),
			} satisfies Row<typeof fileTable>);
	}

	#pathOf(file: File): string | null {
		if (file.path < 0) return null;
		const path = this.#strings.text(file.path);
		const directory = file.directory < 0 ? undefined : this.#directories.get(file.directory);
		return directory == null ? path : `${directory === "/" ? "" : directory}/${path}`;
	}

	#below(below: string, path: number, directory: number): number {
		const key = `${below}\0${path}`;
		let id = this.#relative.get(key);
		if (id === undefined) {
			id = this.#make(path, null, "open", below, directory);
			this.#relative.set(key, id);
		}
		return id;
	}

	#make(path: number, type: string | null, source: Source | null, below = "", directory = -1): number {
		return (
			this.#files.push({
				path,
				directory,
				below,
				type,
				dev: null,
				inode: null,
				source,
				seen: null,
				doubtful: false,
			}) - 1
		);
	}
}
