/**
 * Unpacks an archive, or a compressed file, into a folder of its own. An archive comes from anywhere: nothing but plain
 * files and folders is made, nothing is followed, nothing is outside, and how much comes out is bounded.
 */
import { closeSync, ftruncateSync, lstatSync, mkdirSync, openSync, statSync, writeSync } from "node:fs";
import { basename, join } from "node:path";
import { exitCode, Interrupted, PowerkiError } from "../../lib/schema/errors.ts";
import type { Note } from "../decode/source.ts";
import { ByteQueue } from "./byte-queue.ts";
import { CompressedFile } from "./compressed-file.ts";
import { memberPath, nameText, shownName } from "./member-path.ts";
import type { Packing } from "./packing.ts";
import { type Cause, Refusals } from "./refusals.ts";
import { type TarMember, TarReader } from "./tar-reader.ts";

export interface ExpandOptions {
	/** Bytes that may come out; default: `defaultMaxExpand`. */
	readonly maxExpand?: number;
	readonly signal?: AbortSignal;
	/** Bytes of the archive that have been read. */
	readonly onProgress?: (bytes: number) => void;
}

export interface Expanded {
	readonly notes: readonly Note[];
	/** Names of the first files, for messages. */
	readonly names: readonly string[];
	/** Members of the archive. */
	readonly members: number;
}

/** Members, and folders on their ways. */
const MAX_MEMBERS = 100_000;
/** Holes take no room, but a reader passes over them: all files together, as a multiple of what may come out. */
const HOLES = 8;
const NAMES = 5;
/** Bytes behind the end mark that are read, so that the check sums of a compressed archive are compared. */
const BEHIND = 1024 * 1024;

const GIB = 1024 ** 3;

/** Texts become ten times as large, tables of zeros more; what is small may be anything. */
export function defaultMaxExpand(archiveBytes: number): number {
	return Math.max(GIB, 50 * archiveBytes);
}

/**
 * @param folder exists and is empty
 * @throws PowerkiError (unreadable) where more comes out than may; Interrupted; errors of the file system as they are
 */
export async function expand(
	path: string,
	packing: Packing,
	folder: string,
	options: ExpandOptions = {},
): Promise<Expanded> {
	return new Expansion(path, packing, folder, options).run();
}

class Expansion {
	readonly #path: string;
	readonly #packing: Packing;
	readonly #folder: string;
	readonly #options: ExpandOptions;
	readonly #source: string;
	readonly #limit: number;
	readonly #file: CompressedFile;
	readonly #notes: Note[] = [];
	readonly #refusals = new Refusals();
	readonly #names: string[] = [];
	/** Folders that were made, by path below the folder. */
	readonly #folders = new Set<string>();
	#members = 0;
	/** Sizes of all files, holes included. */
	#sizes = 0;
	/** What comes out at the moment. */
	#current = "";
	/** The member that is not whole. */
	#cut = "";

	constructor(path: string, packing: Packing, folder: string, options: ExpandOptions) {
		this.#path = path;
		this.#packing = packing;
		this.#folder = folder;
		this.#options = options;
		this.#source = basename(path);
		this.#limit = options.maxExpand ?? defaultMaxExpand(statSync(path).size);
		this.#file = new CompressedFile(path, packing.compression);
	}

	async run(): Promise<Expanded> {
		const queue = new ByteQueue(this.#chunks());
		try {
			if (this.#packing.tar) await this.#tar(queue);
			else await this.#single(queue);
		} finally {
			await queue.close();
		}
		return {
			notes: [...this.#notes, ...this.#refusals.notes(this.#source)],
			names: this.#names,
			members: this.#members,
		};
	}

	/** Counted, so that neither what is written nor what is passed over is endless. */
	async *#chunks(): AsyncGenerator<Uint8Array> {
		let out = 0;
		for await (const chunk of this.#file.chunks()) {
			if (this.#options.signal?.aborted) throw new Interrupted();
			out += chunk.length;
			if (out > this.#limit) throw this.#tooMuch();
			this.#options.onProgress?.(this.#file.read);
			yield chunk;
		}
	}

	#tooMuch(): PowerkiError {
		return new PowerkiError(
			exitCode.unreadable,
			`${this.#source}: unpacks to more than ${size(this.#limit)}`,
			[
				`that came out of the first ${size(this.#file.read)} of ${size(statSync(this.#path).size)}${this.#current === "" ? "" : `, at “${shownName(this.#current)}”`}`,
				"nothing was written",
				`if the archive is to be trusted, allow more: --max-expand ${Math.ceil((4 * this.#limit) / GIB)}G`,
			],
		);
	}

	#error(kind: string, text: string, offset: number): void {
		this.#notes.push({ severity: "error", kind, source: this.#source, offset, text });
	}

	/** One compressed file: its name without the ending. */
	async #single(queue: ByteQueue): Promise<void> {
		const name = this.#source.replace(/\.(gz|zst)$/, "") || "content";
		this.#names.push(name);
		this.#members = 1;
		const fd = openSync(join(this.#folder, name), "wx", 0o600);
		try {
			for (let at = 0; ; ) {
				const bytes = await queue.some(BEHIND);
				if (bytes === null) break;
				writeAt(fd, bytes, at);
				at += bytes.length;
			}
		} finally {
			closeSync(fd);
		}
		this.#compressionDamage(false);
	}

	#compressionDamage(complete: boolean): void {
		const damage = this.#file.damage;
		if (damage === null) return;
		if (complete && damage.behind)
			this.#notes.push({
				severity: "info",
				kind: "archive-behind",
				source: this.#source,
				offset: damage.offset,
				text: `${damage.text}; the archive itself is whole`,
			});
		else
			this.#error(
				"archive-damaged",
				`${damage.text} at byte ${damage.offset}; what came before it was taken${this.#cut}`,
				damage.offset,
			);
	}

	async #tar(queue: ByteQueue): Promise<void> {
		const tar = new TarReader(queue);
		for await (const member of tar.members()) {
			this.#members++;
			this.#current = member.name === null ? "…" : nameText(member.name);
			if (member.kind === "file" && this.#names.length < NAMES) this.#names.push(shownName(this.#current));
			if (this.#members + this.#folders.size > MAX_MEMBERS)
				throw new PowerkiError(exitCode.unreadable, `${this.#source}: has more than ${MAX_MEMBERS} members`, [
					"no trace has that many files",
					"nothing was written",
				]);
			await this.#member(member);
		}
		this.#current = "";
		const behind = tar.ended ? await this.#behind(queue) : false;
		if (behind)
			this.#notes.push({
				severity: "warning",
				kind: "archive-behind",
				source: this.#source,
				offset: queue.position,
				text: "more follows behind the end of the archive; it was not read",
			});
		// an archive that ends too early because its compression does is said once
		if (tar.damage !== null && (this.#file.damage === null || this.#file.damage.behind))
			this.#error(
				"archive-damaged",
				`${tar.damage.text}, at byte ${tar.damage.offset}${this.#packing.compression ? " of the unpacked archive" : ""}; what came before it was taken${this.#cut}`,
				tar.damage.offset,
			);
		this.#compressionDamage(tar.ended);
	}

	/** Reads a little behind the end mark. Is there more than the zeros that fill the last record? */
	async #behind(queue: ByteQueue): Promise<boolean> {
		for (let left = BEHIND; left > 0; ) {
			const bytes = await queue.some(left);
			if (bytes === null) return false;
			if (bytes.some((b) => b !== 0)) return true;
			left -= bytes.length;
		}
		return false;
	}

	async #member(member: TarMember): Promise<void> {
		const { kind, offset } = member;
		const refuse = (cause: Cause): void => this.#refusals.add(cause, this.#current, offset);
		const components = memberPath(member.name);
		if (typeof components === "string") return refuse(components);
		if (kind !== "file" && kind !== "folder") return refuse(kind);
		if (kind === "folder") {
			const failed = this.#makeFolders(components);
			return failed === null ? undefined : refuse(failed);
		}
		if (components.length === 0) return refuse("name");
		if (member.fault !== null) return refuse("sparse");
		if (member.sparse && (member.size > this.#limit || this.#sizes + member.size > HOLES * this.#limit))
			return refuse("size");
		const failed = this.#makeFolders(components.slice(0, -1));
		if (failed !== null) return refuse(failed);
		const path = join(this.#folder, ...components);
		let fd: number;
		try {
			// never through something that is there
			fd = openSync(path, "wx", 0o600);
		} catch (error) {
			const code = (error as NodeJS.ErrnoException).code;
			if (code === "EEXIST") return refuse(isFolder(path) ? "clash" : "again");
			if (isNameError(code)) return refuse("name");
			throw error;
		}
		this.#sizes += member.size;
		try {
			await this.#write(fd, member);
		} finally {
			closeSync(fd);
		}
	}

	async #write(fd: number, member: TarMember): Promise<void> {
		let written = 0;
		for await (const { at, bytes } of member.content()) {
			writeAt(fd, bytes, at);
			written += bytes.length;
		}
		if (written < member.stored)
			this.#cut = `; “${shownName(this.#current)}” has ${written} of ${member.stored} bytes`;
		else if (member.sparse) ftruncateSync(fd, member.size);
	}

	/** Folders, each in the one before; the cause where one cannot be made. */
	#makeFolders(components: readonly string[]): Cause | null {
		for (let n = 1; n <= components.length; n++) {
			const key = components.slice(0, n).join("/");
			if (this.#folders.has(key)) continue;
			const path = join(this.#folder, key);
			try {
				mkdirSync(path, 0o700);
			} catch (error) {
				const code = (error as NodeJS.ErrnoException).code;
				if (isNameError(code)) return "name";
				if (code !== "EEXIST") throw error;
				// on a file system that takes two names for one this is a folder
				if (!isFolder(path)) return "clash";
			}
			this.#folders.add(key);
		}
		return null;
	}
}

/** The file system does not take this name, or not with the path to it. */
function isNameError(code: string | undefined): boolean {
	return code === "ENAMETOOLONG" || code === "EILSEQ" || code === "EINVAL";
}

function writeAt(fd: number, bytes: Uint8Array, at: number): void {
	for (let done = 0; done < bytes.length; )
		done += writeSync(fd, bytes, done, bytes.length - done, at + done);
}

function isFolder(path: string): boolean {
	return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function size(bytes: number): string {
	return bytes < 1024 ** 2
		? `${bytes} bytes`
		: bytes < GIB
			? `${(bytes / 1024 ** 2).toPrecision(3)} MiB`
			: `${(bytes / GIB).toPrecision(3)} GiB`;
}
