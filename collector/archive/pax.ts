/** Extended headers (POSIX.1-2017 pax, "pax Extended Header"): what of them changes where content goes. */
import { MAX_PARTS, type SparseMap, toParts } from "./sparse-map.ts";

export interface PaxFacts {
	readonly path?: Buffer;
	readonly size?: number;
	/** Map in the records (GNU sparse 0.0, 0.1). */
	readonly sparse?: SparseMap;
	/** Map at the beginning of the content (GNU sparse 1.0): the real size. */
	readonly sparseSize?: number;
}

const number = (value: Buffer): number | null => {
	const text = value.toString("latin1");
	if (!/^\d{1,16}$/.test(text)) return null;
	return Number.isSafeInteger(Number(text)) ? Number(text) : null;
};

/** "LENGTH KEY=VALUE\n" one after another. A text says what is wrong. */
export function parsePax(data: Buffer): PaxFacts | string {
	const last = new Map<string, Buffer>();
	/** GNU.sparse.offset and .numbytes are repeated (version 0.0). */
	const repeated: number[] = [];
	for (let at = 0; at < data.length; ) {
		const blank = data.indexOf(0x20, at);
		const length = blank === -1 ? null : number(data.subarray(at, blank));
		const end = at + (length ?? 0);
		const equals = data.indexOf(0x3d, at);
		if (length === null || end > data.length || equals <= blank || equals >= end || data[end - 1] !== 0x0a)
			return "a record of its extended header is not one";
		const key = data.toString("latin1", blank + 1, equals);
		const value = data.subarray(equals + 1, end - 1);
		if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") {
			const n = number(value);
			if (n === null || repeated.length >= 2 * MAX_PARTS) return "a number of its map of holes is none";
			repeated.push(n);
		} else last.set(key, value);
		at = end;
	}
	return factsOf(last, repeated);
}

function factsOf(records: ReadonlyMap<string, Buffer>, repeated: readonly number[]): PaxFacts | string {
	const numbers = new Map<string, number>();
	for (const key of ["size", "GNU.sparse.size", "GNU.sparse.realsize"]) {
		const value = records.get(key);
		if (value === undefined) continue;
		const n = number(value);
		if (n === null) return `${key} of its extended header is no number that a file can have`;
		numbers.set(key, n);
	}
	const path = records.get("GNU.sparse.name") ?? records.get("path");
	const size = numbers.get("size");
	const known = { ...(path ? { path } : {}), ...(size === undefined ? {} : { size }) };
	const realSize = numbers.get("GNU.sparse.realsize") ?? numbers.get("GNU.sparse.size");
	if (realSize === undefined) return known;
	if (records.get("GNU.sparse.major")?.toString("latin1") === "1") return { ...known, sparseSize: realSize };
	const map = records.get("GNU.sparse.map")?.toString("latin1");
	const listed = map === undefined ? repeated : map === "" ? [] : map.split(",", 2 * MAX_PARTS).map(Number);
	if (listed.length % 2 !== 0 || !listed.every(Number.isSafeInteger) || listed.some((n) => n < 0))
		return "a number of its map of holes is none";
	return { ...known, sparse: { parts: toParts(listed), realSize } };
}
