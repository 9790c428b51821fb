/** Is a file an archive, or compressed? By its content. */
import { ByteQueue } from "./byte-queue.ts";
import { CompressedFile, type Compression, compressionOf, type Damage } from "./compressed-file.ts";
import { looksLikeTar } from "./tar-header.ts";

export interface Packing {
	readonly compression: Compression | null;
	/** An archive; else one compressed file. */
	readonly tar: boolean;
}

export interface Packed {
	readonly packing: Packing;
	/** The first bytes of what is inside a compressed file, of an archive's headers. */
	readonly head: Buffer;
	/** Why there is not as much of it as was wanted. */
	readonly damage: Damage | null;
}

/** null for a file that is neither. `head` is its beginning; as many bytes of the content are looked at. */
export async function packedAs(path: string, head: Buffer): Promise<Packed | null> {
	const compression = compressionOf(head);
	if (compression === null)
		return looksLikeTar(head) ? { packing: { compression, tar: true }, head, damage: null } : null;
	const file = new CompressedFile(path, compression);
	const queue = new ByteQueue(file.chunks());
	try {
		const inside = await queue.take(HEAD);
		return { packing: { compression, tar: looksLikeTar(inside) }, head: inside, damage: file.damage };
	} finally {
		await queue.close();
	}
}

/** What sniffers of formats get. */
const HEAD = 4096;

/** "gzip-compressed tar archive" */
export function describePacking({ compression, tar }: Packing): string {
	return [...(compression ? [`${compression}-compressed`] : []), tar ? "tar archive" : "data"].join(" ");
}
