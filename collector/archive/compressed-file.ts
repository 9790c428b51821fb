/**
 * The bytes of a file, gzip and zstd unpacked on the way, in pieces: what came before a damaged place comes out, then
 * `damage` says where that place is. Nothing is thrown for damage.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { createGunzip } from "node:zlib";
import { ZSTDDecoder } from "zstddec/stream";
import { ZstdFrames } from "../decode/perf/zstd-frames.ts";

export type Compression = "gzip" | "zstd";

/** gzip: RFC 1952, 2.3.1 (deflate is the only method); zstd: RFC 8878, 3.1.1. */
const magics: readonly { readonly compression: Compression; readonly magic: Buffer }[] = [
	{ compression: "gzip", magic: Buffer.from([0x1f, 0x8b, 8]) },
	{ compression: "zstd", magic: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]) },
];

export function compressionOf(head: Uint8Array): Compression | null {
	return magics.find((m) => m.magic.equals(head.subarray(0, m.magic.length)))?.compression ?? null;
}

/** Where a compressed file stops making sense. */
export interface Damage {
	/** In the file, bytes; of zstd right to the piece that was read last. */
	readonly offset: number;
	readonly text: string;
	/** The compressed data is whole, and something else follows it. */
	readonly behind: boolean;
}

/** Bytes of the file that are unpacked at a time: they may become a thousand times as many. */
const PIECE = 16 * 1024;
/** Of a file that is not compressed. */
const PLAIN_PIECE = 256 * 1024;
/** Bytes that the unpacker gives at a time. */
const CHUNK = 64 * 1024;

export class CompressedFile {
	readonly #path: string;
	readonly #compression: Compression | null;
	#read = 0;
	#damage: Damage | null = null;

	constructor(path: string, compression: Compression | null) {
		this.#path = path;
		this.#compression = compression;
	}

	/** Bytes of the file that have been read. */
	get read(): number {
		return this.#read;
	}

	/** Known when no more chunks come. */
	get damage(): Damage | null {
		return this.#damage;
	}

	/** Once only. */
	chunks(): AsyncGenerator<Uint8Array> {
		switch (this.#compression) {
			case "gzip":
				return this.#gunzip();
			case "zstd":
				return this.#unzstd();
			default:
				return this.#plain();
		}
	}

	*#pieces(bytes: number): Generator<Buffer> {
		const fd = openSync(this.#path, "r");
		try {
			for (;;) {
				const piece = Buffer.allocUnsafe(bytes);
				const n = readSync(fd, piece, 0, bytes, this.#read);
				if (n === 0) return;
				this.#read += n;
				yield piece.subarray(0, n);
			}
		} finally {
			closeSync(fd);
		}
	}

	async *#plain(): AsyncGenerator<Uint8Array> {
		yield* this.#pieces(PLAIN_PIECE);
	}

	/** Several gzip members one after another are one file (RFC 1952, 2.2). */
	async *#gunzip(): AsyncGenerator<Uint8Array> {
		const inflate = new Inflate();
		/** Bytes of the file before the piece at hand, and that have come out. */
		let before = 0;
		let out = 0;
		try {
			for (const piece of this.#pieces(PIECE)) {
				for (const chunk of await inflate.feed(piece)) {
					out += chunk.length;
					yield chunk;
				}
				if (inflate.error !== null || inflate.ended) break;
				before = this.#read;
			}
			if (inflate.error === null && !inflate.ended) yield* await inflate.end();
			const { error } = inflate;
			if (error === null) return;
			if (error.code === "Z_BUF_ERROR") {
				this.#damage = { offset: this.#read, text: ENDS_WITHIN, behind: false };
				return;
			}
			const offset = yield* this.#lastPiece(before, out);
			// zlib's words (inflate.c); the first header has been seen, so it is what follows a whole member
			const behind = error.message === "incorrect header check";
			this.#damage = {
				offset,
				text: behind
					? "what follows the compressed data is no gzip data"
					: `the compressed data is damaged: ${error.message}`,
				behind,
			};
		} finally {
			inflate.destroy();
		}
	}

	/**
	 * What the piece behind `before` gives ahead of the damage in it: zlib's stream gives nothing of a piece that fails, so
	 * it is read again to there, and then byte by byte. Returns the place of the damage.
	 */
	async *#lastPiece(before: number, out: number): AsyncGenerator<Uint8Array, number> {
		const inflate = new Inflate();
		this.#read = 0;
		try {
			let passed = 0;
			for (const piece of this.#pieces(PIECE)) {
				const start = this.#read - piece.length;
				const step = start < before ? piece.length : 1;
				for (let at = 0; at < piece.length; at += step) {
					for (const chunk of await inflate.feed(piece.subarray(at, at + step))) {
						if (passed + chunk.length > out) yield chunk.subarray(Math.max(0, out - passed));
						passed += chunk.length;
					}
					if (inflate.error !== null) return start + at;
				}
			}
			return this.#read;
		} finally {
			inflate.destroy();
		}
	}

	async *#unzstd(): AsyncGenerator<Uint8Array> {
		const decoder = new ZSTDDecoder();
		await decoder.init();
		const frames = new ZstdFrames();
		let problem: string | null = null;
		let stopped = false;
		// the decoder says nothing of damage, and would ask for any amount of memory
		const sound = function* (pieces: Iterable<Buffer>): Generator<Buffer> {
			for (const piece of pieces) {
				if (stopped) return;
				try {
					frames.push(piece);
				} catch (error) {
					problem = (error as Error).message;
					return;
				}
				yield piece;
			}
			if (frames.pending) problem = ENDS_WITHIN;
		};
		let silent = 0;
		const parts = decoder.decodeStreaming(sound(this.#pieces(PIECE)));
		try {
			for (let next = parts.next(); !next.done && silent <= SILENT; next = parts.next()) {
				// a block of 128 KiB at most gives something: silence for longer is damage inside one
				silent = next.value.length === 0 ? silent + 1 : 0;
				if (next.value.length > 0) yield next.value;
			}
			if (silent > SILENT) problem = "the compressed data is damaged";
		} catch {
			// the decoder complains of an incomplete stream too; `problem` says it better
			problem ??= "the compressed data is damaged";
		} finally {
			// its memory is freed when no more comes, not when nobody asks any more
			stopped = true;
			try {
				while (!parts.next().done);
			} catch {
				// incomplete, as was to be expected
			}
		}
		if (problem !== null) this.#damage = { offset: this.#read, text: problem, behind: false };
	}
}

const ENDS_WITHIN = "the file ends within the compressed data";

/** Pieces without content after which a zstd stream counts as damaged: 1 MiB. */
const SILENT = (1024 * 1024) / PIECE;

/** zlib's gunzip, piece by piece: what a piece gives is there before the next goes in. */
class Inflate {
	readonly #zlib = createGunzip({ chunkSize: CHUNK });
	readonly #out: Buffer[] = [];
	#error: NodeJS.ErrnoException | null = null;
	#ended = false;

	constructor() {
		this.#zlib.on("data", (chunk: Buffer) => this.#out.push(chunk));
		this.#zlib.on("error", (error) => {
			this.#error = error;
		});
		this.#zlib.on("end", () => {
			this.#ended = true;
		});
	}

	get error(): NodeJS.ErrnoException | null {
		return this.#error;
	}

	/** Nothing but zeros can follow. */
	get ended(): boolean {
		return this.#ended;
	}

	feed(piece: Buffer): Promise<Buffer[]> {
		return this.#run((done) => this.#zlib.write(piece, done));
	}

	end(): Promise<Buffer[]> {
		return this.#run((done) => this.#zlib.once("end", done).end());
	}

	destroy(): void {
		this.#zlib.destroy();
	}

	/** The callback of a write that fails is never called: "close" comes then. */
	#run(start: (done: () => void) => void): Promise<Buffer[]> {
		return new Promise((resolve) => {
			const done = (): void => {
				this.#zlib.off("close", done);
				// what was pushed is handed on before this
				setImmediate(() => resolve(this.#out.splice(0)));
			};
			this.#zlib.once("close", done);
			start(done);
		});
	}
}
