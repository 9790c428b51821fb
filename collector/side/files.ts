import { createHash } from "node:crypto";
import { constants, type FileHandle, open, readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { gunzipSync, constants as zlib } from "node:zlib";
import { ZSTDDecoder } from "zstddec/stream";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";

export interface SideLimits {
	/** Largest file that is read, and largest content of a compressed one, bytes. */
	fileBytes: number;
	/** Files of one folder that are looked at, in order of name. */
	folderFiles: number;
	/** Sum of the contents of all recognised files, bytes. */
	totalBytes: number;
}

export const defaultLimits: SideLimits = { fileBytes: 64 << 20, folderFiles: 2000, totalBytes: 256 << 20 };

/** How much of a file is looked at to recognise it. */
export const headBytes = 4096;

export interface Candidate {
	/** Where to open it. */
	file: string;
	/** How the user knows it. */
	shown: string;
	/** 0 beside the trace, 1 in its side/, 2 named by --side. */
	rank: number;
	/** The user named this very file. */
	named: boolean;
}

const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * The plain files that may be side files of a trace, the nearest first: in the trace's folder, in side/ there, and in
 * what --side names. Folders are not searched deeper. Never the trace itself, and no file twice.
 *
 * @param onFull told of a folder with more files than are looked at
 * @throws PowerkiError (unreadable) if a path of --side does not exist
 */
export async function findCandidates(
	traceFile: string,
	extra: readonly string[],
	limits: SideLimits,
	onFull: (folder: string) => void,
): Promise<Candidate[]> {
	const found: Candidate[] = [];
	const seen = new Set<string>();
	const named = new Set(await Promise.all(extra.map((path) => realpath(path).catch(() => null))));
	const add = async (file: string, shown: string, rank: number) => {
		const real = await realpath(file).catch(() => null);
		if (real === null || seen.has(real)) return;
		seen.add(real);
		if ((await stat(real).catch(() => null))?.isFile())
			found.push({ file: real, shown, rank, named: named.has(real) });
	};
	const addFolder = async (folder: string, rank: number, shown: (name: string) => string) => {
		const names = (await readdir(folder).catch(() => [])).filter((n) => !n.startsWith(".")).sort(byName);
		if (names.length > limits.folderFiles) onFull(folder);
		for (const name of names.slice(0, limits.folderFiles)) await add(join(folder, name), shown(name), rank);
	};
	if (traceFile !== "-") {
		const trace = await realpath(traceFile).catch(() => null);
		if (trace !== null) {
			seen.add(trace);
			// the folder of the name that the user gave: a link into a store of traces keeps its side files beside it
			const folder = (await stat(trace)).isDirectory() ? traceFile : dirname(traceFile);
			await addFolder(folder, 0, (name) => name);
			await addFolder(join(folder, "side"), 1, (name) => `side/${name}`);
		}
	}
	for (const path of extra) {
		const kind = await stat(path).catch(() => null);
		if (kind === null) {
			throw new PowerkiError(exitCode.unreadable, `no such file or folder: ${path}`, [
				"--side takes a file (kallsyms, ps, cpuinfo ...) or a folder of such files",
			]);
		}
		if (kind.isDirectory()) await addFolder(path, 2, (name) => join(path, name));
		else if (kind.isFile()) await add(path, path, 2);
		else throw new PowerkiError(exitCode.unreadable, `neither a plain file nor a folder: ${path}`);
	}
	return found;
}

const zstdMagic = 0xfd2fb528;
const isZstd = (b: Uint8Array) =>
	b.length >= 4 && Buffer.from(b.buffer, b.byteOffset, 4).readUInt32LE() === zstdMagic;
const isGzip = (b: Uint8Array) => b.length >= 3 && b[0] === 0x1f && b[1] === 0x8b && b[2] === 8;

/** A zstd block holds at most 128 KiB, so this much of a file has at least one (RFC 8878, 3.1.1.2.4). */
const compressedHead = (128 << 10) + 1024;

/**
 * Content of zstd data, no more than `limit` bytes and a block. The decoder stops when no more input comes, which also
 * frees its memory; it then complains of an incomplete stream if the data goes on.
 */
async function unzstd(data: Uint8Array, limit: number): Promise<{ bytes: Buffer; whole: boolean }> {
	const decoder = new ZSTDDecoder();
	await decoder.init();
	const parts: Uint8Array[] = [];
	let size = 0;
	let fed = 0;
	const slices = function* () {
		for (; fed < data.length && size < limit; fed += 16 << 10) yield data.subarray(fed, fed + (16 << 10));
	};
	let whole = true;
	let idle = 0;
	try {
		for (const part of decoder.decodeStreaming(slices())) {
			size += part.length;
			parts.push(part);
			// damaged data does not advance and is not reported; one slice of it may expand to far more than asked
			idle = part.length === 0 ? idle + 1 : 0;
			if (idle > 64 || size > limit + (4 << 20)) {
				whole = false;
				break;
			}
		}
	} catch {
		whole = false;
	}
	return { bytes: Buffer.concat(parts), whole: whole && fed >= data.length };
}

function gunzip(data: Uint8Array, limit: number, whole: boolean): Buffer | "large" | "damaged" {
	try {
		return gunzipSync(data, {
			maxOutputLength: limit,
			...(whole ? {} : { finishFlush: zlib.Z_SYNC_FLUSH }),
		});
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE" ? "large" : "damaged";
	}
}

/** Reads up to `limit` bytes from the start; files of /proc say size 0, so the end is where nothing comes any more. */
async function readUpTo(handle: FileHandle, limit: number): Promise<Buffer> {
	const parts: Buffer[] = [];
	let size = 0;
	while (size < limit) {
		const part = Buffer.allocUnsafe(Math.min(limit - size, 1 << 20));
		const { bytesRead } = await handle.read(part, 0, part.length, size);
		if (bytesRead === 0) break;
		parts.push(part.subarray(0, bytesRead));
		size += bytesRead;
	}
	return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

export interface Opened {
	/** The first bytes of the content. */
	head: Buffer;
	/** The head is all there is. */
	whole: boolean;
	/** The whole content; "large" if it passes the limit, "damaged" if a compressed one cannot be expanded. */
	content(): Promise<{ bytes: Buffer; sha256: string; stored: number } | "large" | "damaged">;
	close(): Promise<void>;
}

/** Opens a file and reads its beginning; null if it cannot be read. Compressed files (zstd, gzip) show their content. */
export async function openCandidate(file: string, limits: SideLimits): Promise<Opened | null> {
	// O_NONBLOCK: should the file have become a pipe meanwhile, opening it does not wait for a writer
	const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => null);
	if (!handle) return null;
	try {
		let raw = await readUpTo(handle, headBytes + 1);
		const zstd = isZstd(raw);
		const gzip = isGzip(raw);
		if (zstd || gzip) raw = await readUpTo(handle, zstd ? compressedHead : 16 << 10);
		let expanded: Buffer = raw;
		if (zstd) expanded = (await unzstd(raw, headBytes + 1)).bytes;
		else if (gzip) {
			const result = gunzip(raw, limits.fileBytes, false);
			expanded = typeof result === "string" ? Buffer.alloc(0) : result;
		}
		return {
			head: expanded.subarray(0, headBytes),
			whole: expanded.length <= headBytes,
			async content() {
				const stored = await readUpTo(handle, limits.fileBytes + 1);
				if (stored.length > limits.fileBytes) return "large";
				let bytes: Buffer = stored;
				if (zstd) {
					const result = await unzstd(stored, limits.fileBytes + 1);
					if (result.bytes.length > limits.fileBytes) return "large";
					if (!result.whole) return "damaged";
					bytes = result.bytes;
				} else if (gzip) {
					const result = gunzip(stored, limits.fileBytes, true);
					if (typeof result === "string") return result;
					bytes = result;
				}
				return { bytes, sha256: createHash("sha256").update(stored).digest("hex"), stored: stored.length };
			},
			close: () => handle.close(),
		};
	} catch {
		await handle.close();
		return null;
	}
}

/** A member of a LinuxKI archive: its kind, and the month, day and minute of the recording (runki, date +%m%d_%H%M). */
const linuxkiMember = /^(.+)\.\d{4}_\d{4}$/;
/**
 * Those that runki writes after the recording and that speak of processes. kallsyms is written before a recording of its
 * module and after one of ftrace, counters may be there twice in one file: nothing is said of them.
 */
const linuxkiAfter = /^(?:lsof|maps|numa_maps|stacks|proc_cgroup|ps-.+)$/;

/** What the name of a file tells: when it was taken, and the name that a before/after pair shares. */
export function momentOf(path: string): { stem: string; moment: "before" | "after" | "unknown" } {
	const name = basename(path).replace(/\.(zst|gz)$/, "");
	const kind = linuxkiMember.exec(name)?.[1];
	if (kind !== undefined) return { stem: kind, moment: linuxkiAfter.test(kind) ? "after" : "unknown" };
	const match = /^(.+?)[._-](before|start|begin|after|end|stop)((?:\.[A-Za-z]+)*)$/.exec(name);
	if (!match) return { stem: name, moment: "unknown" };
	return {
		stem: match[1] + match[3],
		moment: ["before", "start", "begin"].includes(match[2]) ? "before" : "after",
	};
}
