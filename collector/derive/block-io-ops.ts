/**
 * What the letters of rwbs say. blk_fill_rwbs in kernel/trace/blktrace.c (Linux 6.12): an optional F for a flush
 * before, then the operation (R, W, D discard, DE secure erase, F flush, N none or other; Linux 7: WZ write zeroes),
 * then F FUA, A read ahead, S sync, M metadata.
 */
import type { StringPool } from "./derivation.ts";

const letter = (text: string) => text.charCodeAt(0);
export const FLUSH = letter("F");

interface Op {
	/** Character code of the operation's letter */
	readonly letter: number;
	readonly preflush: boolean;
}

const unknown: Op = { letter: letter("N"), preflush: false };

function parse(rwbs: string): Op {
	if (rwbs === "") return unknown;
	const preflush = rwbs.length > 1 && rwbs[0] === "F" && "RWDFN".includes(rwbs[1]!);
	return { letter: rwbs.charCodeAt(preflush ? 1 : 0), preflush };
}

/** Operations by string code of rwbs, each parsed once. */
export class Operations {
	readonly #strings: StringPool;
	readonly #ops = new Map<number, Op>();

	constructor(strings: StringPool) {
		this.#strings = strings;
	}

	/**
	 * Letter of the operation. A bio without data that asks for a flush before itself is a flush: the kernel shows
	 * it as `FW… 0 + 0`.
	 */
	of(rwbs: number, sectors: number): number {
		const op = this.#parsed(rwbs);
		return op.preflush && sectors === 0 ? FLUSH : op.letter;
	}

	/** String code of the operation's letter. */
	code(op: number): number {
		return this.#strings.code(String.fromCharCode(op));
	}

	#parsed(rwbs: number): Op {
		if (rwbs < 0) return unknown;
		let op = this.#ops.get(rwbs);
		if (op === undefined) {
			op = parse(this.#strings.text(rwbs));
			this.#ops.set(rwbs, op);
		}
		return op;
	}
}
