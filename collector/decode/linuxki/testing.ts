/** Records of LinuxKI built in memory for tests, and their fields read by a format as plain values. */
import type { Field } from "../tracepoint/format.ts";
import { RecordMemory } from "../tracepoint/memory.ts";
import type { Shape } from "./shape.ts";

type Put = readonly [
	at: number,
	type: "u8" | "u16" | "i32" | "u32" | "u64" | "text" | "bytes",
	value: unknown,
];

export interface BuiltRecord {
	readonly memory: RecordMemory;
	readonly p: number;
	readonly end: number;
}

/** A record of `bytes` bytes at an offset of its own in memory full of 0xa5, as stale content is. */
export function record(bytes: number, ...puts: readonly Put[]): BuiltRecord {
	const p = 64;
	const memory = new RecordMemory(new ArrayBuffer(p + ((bytes + 7) & ~7) + 64), true);
	const { u8, view } = memory;
	u8.fill(0xa5);
	for (const [at, type, value] of puts) {
		if (type === "u8") u8[p + at] = value as number;
		else if (type === "u16") view.setUint16(p + at, value as number, true);
		else if (type === "i32") view.setInt32(p + at, value as number, true);
		else if (type === "u32") view.setUint32(p + at, value as number, true);
		else if (type === "u64") view.setBigInt64(p + at, BigInt(value as number | bigint), true);
		else if (type === "bytes") u8.set(value as number[], p + at);
		else u8.set(new TextEncoder().encode(`${value as string}\0`), p + at);
	}
	return { memory, p, end: p + bytes };
}

export type FieldValue = number | bigint | string | null | readonly bigint[];

/** The fields of the record after `fix`; text without what follows its NUL, other bytes as hex. */
export function fieldsOf(shape: Shape, { memory, p, end }: BuiltRecord): Record<string, FieldValue> {
	shape.fix?.(memory, p, end);
	return Object.fromEntries(shape.format.fields.map((field) => [field.name, fieldValue(field, memory, p)]));
}

function fieldValue(field: Field, { view, u8 }: RecordMemory, p: number): FieldValue {
	const at = p + field.offset;
	switch (field.kind) {
		case "integer":
			if (field.size === 8) return field.signed ? view.getBigInt64(at, true) : view.getBigUint64(at, true);
			if (field.size === 4) return field.signed ? view.getInt32(at, true) : view.getUint32(at, true);
			return u8[at]!;
		case "array":
			return Array.from({ length: field.count }, (_, k) => view.getBigUint64(at + 8 * k, true));
		case "chars":
			return text(u8.subarray(at, at + field.size));
		default: {
			const word = view.getUint32(at, true);
			if (word === 0) return null;
			const from = p + (word & 0xffff);
			const bytes = u8.subarray(from, from + (word >>> 16));
			return field.kind === "loc-chars" ? text(bytes) : Buffer.from(bytes).toString("hex");
		}
	}
}

function text(bytes: Uint8Array): string {
	const nul = bytes.indexOf(0);
	return new TextDecoder().decode(nul < 0 ? bytes : bytes.subarray(0, nul));
}
