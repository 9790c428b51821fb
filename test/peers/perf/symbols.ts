/** Functions by address, read without the collector: from kallsyms and from the symbol table of a program. */
import { readFileSync } from "node:fs";
import type { PrintedSample } from "./script.ts";

export interface FunctionAt {
	readonly start: bigint;
	readonly name: string;
}

export class Functions {
	readonly #sorted: readonly { readonly start: bigint; readonly end: bigint; readonly name: string }[];

	constructor(list: readonly { readonly start: bigint; readonly end: bigint; readonly name: string }[]) {
		this.#sorted = [...list].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
	}

	/** The function that the address lies in; null outside all. */
	at(address: bigint): FunctionAt | null {
		let low = 0;
		let high = this.#sorted.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if (this.#sorted[middle]!.start <= address) low = middle + 1;
			else high = middle;
		}
		const found = this.#sorted[low - 1];
		return found && address < found.end ? found : null;
	}
}

/** Text symbols of /proc/kallsyms: each reaches to the next. Addresses are signed, as all of the tables. */
export function kernelFunctions(path: string): Functions {
	const starts: { start: bigint; name: string }[] = [];
	for (const line of readFileSync(path, "latin1").split("\n")) {
		const m = /^([0-9a-f]{16}) [tTwW] (\S+)/.exec(line);
		if (m) starts.push({ start: BigInt.asIntN(64, BigInt(`0x${m[1]}`)), name: m[2]! });
	}
	starts.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
	return new Functions(
		starts.map(({ start, name }, i) => ({
			start,
			name,
			end: starts.slice(i + 1, i + 64).find((s) => s.start > start)?.start ?? start + 1n,
		})),
	);
}

/** The functions of the kernel that a print names, as lines of /proc/kallsyms. */
export function printedKallsyms(samples: readonly PrintedSample[]): string {
	const starts = new Map<string, string>();
	for (const { chain } of samples)
		for (const { address, symbol, offset } of chain)
			if (address < 0n && symbol !== null && offset !== null)
				starts.set(
					BigInt.asUintN(64, address - offset)
						.toString(16)
						.padStart(16, "0"),
					symbol,
				);
	return [...starts]
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([start, name]) => `${start} T ${name}\n`)
		.join("");
}

const SHT_SYMTAB = 2;
const STT_FUNC = 2;

/** Functions of an ELF64 program, little endian, at the addresses that its symbol table has. */
export function programFunctions(path: string): Functions {
	const b = readFileSync(path);
	const sections = Number(b.readBigUInt64LE(40));
	const size = b.readUInt16LE(58);
	const list: { start: bigint; end: bigint; name: string }[] = [];
	for (let i = 0; i < b.readUInt16LE(60); i++) {
		const at = sections + i * size;
		if (b.readUInt32LE(at + 4) !== SHT_SYMTAB) continue;
		const [offset, bytes] = [Number(b.readBigUInt64LE(at + 24)), Number(b.readBigUInt64LE(at + 32))];
		const names = Number(b.readBigUInt64LE(sections + b.readUInt32LE(at + 40) * size + 24));
		for (let s = offset; s < offset + bytes; s += 24) {
			if ((b[s + 4]! & 15) !== STT_FUNC) continue;
			const start = b.readBigUInt64LE(s + 8);
			const from = names + b.readUInt32LE(s);
			list.push({
				start,
				end: start + b.readBigUInt64LE(s + 16),
				name: b.toString("latin1", from, b.indexOf(0, from)),
			});
		}
	}
	return new Functions(list);
}
