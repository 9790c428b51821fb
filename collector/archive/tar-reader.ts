/**
 * The members of a tar archive one after another, in constant memory: V7, ustar, GNU (long names, sparse files) and pax.
 * What follows a damaged header is not looked for: `damage` says where reading stopped.
 */
import type { ByteQueue } from "./byte-queue.ts";
import { type PaxFacts, parsePax } from "./pax.ts";
import { MAX_PARTS, mapFault, oldGnuMap, type SparseMap, type SparsePart, toParts } from "./sparse-map.ts";
import { BLOCK, isZeroBlock, parseHeader, type TarHeader, upToNul } from "./tar-header.ts";

export type MemberKind = "file" | "folder" | "link" | "device" | "other";

export interface TarMember {
	readonly kind: MemberKind;
	/** As in the archive; null where it has no end within reason. */
	readonly name: Buffer | null;
	/** Of its header, in the unpacked archive. */
	readonly offset: number;
	/** Size of the file, holes included. */
	readonly size: number;
	/** Bytes of it in the archive. */
	readonly stored: number;
	/** Some of it is not stored. */
	readonly sparse: boolean;
	/** Why its content cannot be used. */
	readonly fault: string | null;
	/**
	 * Its stored content, piece by piece with the place in the file; valid until the next piece. Not read (wholly), it is
	 * passed over. Fewer bytes come where the archive ends within it: the reader's `damage` says so.
	 */
	content(): AsyncGenerator<{ readonly at: number; readonly bytes: Uint8Array }>;
}

export interface TarDamage {
	/** In the unpacked archive. */
	readonly offset: number;
	readonly text: string;
}

/** Types of members: POSIX.1-2017 pax; GNU tar's manual, "Basic Tar Format". */
const kinds: Readonly<Record<string, MemberKind>> = {
	"0": "file",
	"7": "file",
	S: "file",
	"1": "link",
	"2": "link",
	"3": "device",
	"4": "device",
	"5": "folder",
	"6": "device",
	D: "folder",
};

/** Whatever their size says, nothing is stored for these. */
const WITHOUT_CONTENT = "123456";

/** An extended header is larger only in order to harm; a map of holes may take this. */
const MAX_EXTENDED = 4 * 1024 * 1024;
/** A name that is used has 2 KiB at most. */
const MAX_NAME = 64 * 1024;
/** Bytes handed on at a time. */
const PART = 256 * 1024;

/** Ends the reading: the archive makes no sense from here on. */
class Stop extends Error {}

/** What stood in front of a member for it. */
interface Before {
	/** undefined: the header has the name; null: too long. */
	name?: Buffer | null;
	pax: PaxFacts;
}

export class TarReader {
	readonly #queue: ByteQueue;
	#damage: TarDamage | null = null;
	#ended = false;
	/** Content and padding of the member at hand that have not been read. */
	#left = 0;

	constructor(queue: ByteQueue) {
		this.#queue = queue;
	}

	/** Known when no more members come. */
	get damage(): TarDamage | null {
		return this.#damage;
	}

	/** The end mark has been read. */
	get ended(): boolean {
		return this.#ended;
	}

	async *members(): AsyncGenerator<TarMember> {
		let at = 0;
		try {
			for (;;) {
				await this.#passOver();
				at = this.#queue.position;
				const member = await this.#next((offset) => {
					at = offset;
				});
				if (member === null) return;
				yield member;
			}
		} catch (error) {
			if (!(error instanceof Stop)) throw error;
			this.#damage = { offset: at, text: error.message };
		}
	}

	async #passOver(): Promise<void> {
		const left = this.#left;
		this.#left = 0;
		if ((await this.#queue.skip(left)) < left) throw new Stop("the archive ends within a member");
	}

	async #block(): Promise<Buffer> {
		return this.#queue.take(BLOCK);
	}

	/** Content of an extended header; null if it is longer than `most`: it is passed over. */
	async #extended(size: number, most: number): Promise<Buffer | null> {
		const padding = (BLOCK - (size % BLOCK)) % BLOCK;
		if (size > most) {
			this.#left = size + padding;
			await this.#passOver();
			return null;
		}
		const data = await this.#queue.take(size);
		if (data.length < size || (await this.#queue.skip(padding)) < padding)
			throw new Stop("the archive ends within an extended header");
		return data;
	}

	async #next(at: (offset: number) => void): Promise<TarMember | null> {
		const before: Before = { pax: {} };
		for (;;) {
			const offset = this.#queue.position;
			at(offset);
			const block = await this.#block();
			if (block.length < BLOCK)
				throw new Stop(
					block.length === 0 ? "the archive ends without its end mark" : "the archive ends within a header",
				);
			if (isZeroBlock(block)) {
				this.#ended = true;
				return null;
			}
			const header = parseHeader(block);
			if (typeof header === "string") throw new Stop(`the header is damaged: ${header}`);
			if (await this.#isExtended(header, before)) continue;
			return this.#member(block, header, before, offset);
		}
	}

	/** Takes what stands in front of a member: long names of GNU tar, records of pax. */
	async #isExtended({ type, size }: TarHeader, before: Before): Promise<boolean> {
		switch (type) {
			case "L": {
				const name = await this.#extended(size, MAX_NAME);
				before.name = name === null ? null : upToNul(name);
				return true;
			}
			case "x":
			// Solaris wrote it so before the standard
			case "X": {
				const data = await this.#extended(size, MAX_EXTENDED);
				const facts = data === null ? "its extended header is too large" : parsePax(data);
				// without it the size of what follows is not known
				if (typeof facts === "string") throw new Stop(`the header is damaged: ${facts}`);
				before.pax = facts;
				return true;
			}
			// target of a link; records for all members (no name or size of a single file is in there); name of the volume
			case "K":
			case "g":
			case "V":
				await this.#extended(size, 0);
				return true;
			default:
				return false;
		}
	}

	async #member(
		block: Uint8Array,
		header: TarHeader,
		{ name, pax }: Before,
		offset: number,
	): Promise<TarMember> {
		let stored = WITHOUT_CONTENT.includes(header.type) ? 0 : (pax.size ?? header.size);
		let map: SparseMap | string | null = pax.sparse ?? null;
		if (header.type === "S") map = await oldGnuMap(block, () => this.#block());
		const padded = Math.ceil(stored / BLOCK) * BLOCK;
		this.#left = padded;
		if (pax.sparseSize !== undefined) {
			const listed = await this.#listedMap(pax.sparseSize, stored);
			map = listed.map;
			stored -= listed.bytes;
		}
		const fault = typeof map === "string" ? map : map === null ? null : mapFault(map, stored);
		const parts = fault === null && map !== null && typeof map !== "string" ? map.parts : null;
		const full = name === undefined ? (pax.path ?? header.name) : name;
		// V7 tar marks a folder by the end of its name
		const kind =
			(header.type === "0" && full !== null && full.at(-1) === 0x2f ? "folder" : kinds[header.type]) ??
			"other";
		return {
			kind,
			name: full,
			offset,
			size: map === null || typeof map === "string" ? stored : map.realSize,
			stored,
			sparse: map !== null,
			fault,
			content: () => this.#content(parts ?? [{ offset: 0, bytes: stored }]),
		};
	}

	/** Version 1.0: decimal numbers, one a line, from the content's first byte on, filled up to a block. */
	async #listedMap(
		realSize: number,
		stored: number,
	): Promise<{ readonly map: SparseMap | string; readonly bytes: number }> {
		const numbers: number[] = [];
		let count: number | null = null;
		let digits = "";
		let bytes = 0;
		while (count === null || numbers.length < 2 * count) {
			if (bytes + BLOCK > Math.ceil(stored / BLOCK) * BLOCK || numbers.length > 2 * MAX_PARTS)
				return { map: "its map of holes does not end", bytes };
			const block = await this.#block();
			this.#left -= block.length;
			bytes += BLOCK;
			if (block.length < BLOCK) throw new Stop("the archive ends within a map of holes");
			for (const b of block) {
				if (count !== null && numbers.length === 2 * count) break;
				if (b >= 0x30 && b <= 0x39 && digits.length < 16) digits += String.fromCharCode(b);
				else if (b === 0x0a && digits !== "") {
					if (count === null) count = Number(digits);
					else numbers.push(Number(digits));
					digits = "";
				} else return { map: "a number of its map of holes is none", bytes };
			}
		}
		return { map: { parts: toParts(numbers), realSize }, bytes };
	}

	async *#content(
		parts: readonly SparsePart[],
	): AsyncGenerator<{ readonly at: number; readonly bytes: Uint8Array }> {
		for (const part of parts)
			for (let done = 0; done < part.bytes; ) {
				const bytes = await this.#queue.some(Math.min(part.bytes - done, PART));
				// what is left is more than there is: the next member is not there, and that is said then
				if (bytes === null) return;
				this.#left -= bytes.length;
				yield { at: part.offset + done, bytes };
				done += bytes.length;
			}
	}
}
