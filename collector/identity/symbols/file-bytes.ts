/**
 * Files of programs as Bytes: plain files only, read in small parts. A trace may map thousands of files, so that few
 * stay open at once, and small reads go through one cache of blocks.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { type Bytes, Truncated } from "../../decode/bytes.ts";

const maxOpen = 64;
const blockBytes = 4096;
const maxBlocks = 4096;

/** In order of use, the longest unused first. */
const open = new Map<PlainFile, number>();
const blocks = new Map<number, Buffer>();
let files = 0;

function touch<K, V>(map: Map<K, V>, key: K, value: V): void {
	map.delete(key);
	map.set(key, value);
}

/** Null if there is no plain file of this path. @throws the system's error if it is there but cannot be opened */
export function openPlainFile(path: string): PlainFile | null {
	const opened = openAt(path);
	if (!opened) return null;
	const file = new PlainFile(path, opened.size, opened.identity);
	keepOpen(file, opened.fd);
	return file;
}

function openAt(path: string): { fd: number; size: number; identity: string } | null {
	let fd: number;
	try {
		// O_NONBLOCK: opening a pipe or a device must not wait
		fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		// ENXIO: a socket, or a device without a driver
		if (["ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "ENODEV", "EISDIR", "ENAMETOOLONG", "EINVAL"].includes(code!))
			return null;
		throw error;
	}
	const stat = fstatSync(fd);
	if (!stat.isFile()) {
		closeSync(fd);
		return null;
	}
	return { fd, size: stat.size, identity: `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeMs}` };
}

function keepOpen(file: PlainFile, fd: number): void {
	touch(open, file, fd);
	for (const [other, otherFd] of open) {
		if (open.size <= maxOpen) break;
		open.delete(other);
		closeSync(otherFd);
	}
}

export class PlainFile implements Bytes {
	readonly #number = files++;
	constructor(
		readonly path: string,
		readonly size: number,
		/** To see that it is still the same when it is opened again. */
		private readonly identity: string,
	) {}

	read(offset: number, length: number, what: string): Buffer {
		// hostile sizes fail here, before memory is asked for; NaN does too
		if (!(offset >= 0 && length >= 0 && offset + length <= this.size)) throw new Truncated(offset, what);
		const first = Math.floor(offset / blockBytes);
		const within = offset - first * blockBytes;
		if (within + length <= blockBytes) return this.#block(first, what).subarray(within, within + length);
		const buffer = Buffer.allocUnsafe(length);
		this.readInto(buffer, offset, what);
		return buffer;
	}

	readInto(target: Uint8Array, offset: number, what: string): void {
		const fd = this.#fd(what);
		let got = 0;
		while (got < target.length) {
			const n = readSync(fd, target, got, target.length - got, offset + got);
			if (n === 0) throw new Truncated(offset + got, what);
			got += n;
		}
	}

	close(): void {
		const fd = open.get(this);
		if (fd === undefined) return;
		open.delete(this);
		closeSync(fd);
	}

	#block(index: number, what: string): Buffer {
		const key = this.#number * 2 ** 32 + index;
		let block = blocks.get(key);
		if (!block) {
			block = Buffer.allocUnsafeSlow(Math.min(blockBytes, this.size - index * blockBytes));
			this.readInto(block, index * blockBytes, what);
			if (blocks.size >= maxBlocks) blocks.delete(blocks.keys().next().value!);
		}
		touch(blocks, key, block);
		return block;
	}

	#fd(what: string): number {
		const fd = open.get(this);
		if (fd !== undefined) {
			touch(open, this, fd);
			return fd;
		}
		const again = openAt(this.path);
		if (again?.identity !== this.identity) {
			if (again) closeSync(again.fd);
			throw new Truncated(0, what, `${this.path} changed while it was read`);
		}
		keepOpen(this, again.fd);
		return again.fd;
	}
}
