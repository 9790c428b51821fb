/** Decompression of whole blocks: chunks of trace.dat version 7, sections of ELF files. */
import { inflateSync } from "node:zlib";
import { ZSTDDecoder } from "zstddec";

export type Decompress = (data: Uint8Array, size: number) => Uint8Array;

/** A chunk that claims to be larger than this is damage, not data: trace-cmd writes chunks of ten pages. */
export const MAX_CHUNK = 64 * 1024 * 1024;

let zstd: ZSTDDecoder | null = null;

/** Must have been awaited once before zstd data can be decompressed (the decoder is WebAssembly). */
export async function prepareCompression(): Promise<void> {
	if (zstd) return;
	const decoder = new ZSTDDecoder();
	await decoder.init();
	zstd = decoder;
}

const algorithms: Readonly<Record<string, Decompress>> = {
	zstd: (data, size) => zstd!.decode(data, size),
	zlib: (data, size) => (size === 0 ? new Uint8Array(0) : inflateSync(data, { maxOutputLength: size })),
	none: (data) => data,
};

/** null for an algorithm that powerki does not know. */
export function decompressor(name: string): Decompress | null {
	return algorithms[name] ?? null;
}
