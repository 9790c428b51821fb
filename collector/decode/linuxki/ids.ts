/**
 * ids.TAG of LinuxKI's ftrace mode: which event each type of record is. A table of records of 104 bytes, the index is
 * the type: i32 execute, i32 id, i32 size, char subsystem[16], char event[64], a pointer of the program that wrote it.
 */
import { closeSync, openSync, readSync } from "node:fs";

const RECORD = 104;
const SYSTEM_AT = 12;
const SYSTEM_BYTES = 16;
const EVENT_AT = 28;
const EVENT_BYTES = 64;
/** common_type has 16 bits. kiinfo 7.11 writes 3000 records and leaves out what has a higher number. */
const MAX_RECORDS = 65_536;
/** kiinfo cuts the names of events; one of this length may be longer in truth. */
export const EVENT_NAME_MAX = 31;

export interface EventId {
	readonly system: string;
	/** Cut to 31 characters. */
	readonly event: string;
}

/** Empty where the file cannot be a table of ids. */
export function parseIds(bytes: Buffer): Map<number, EventId> {
	const ids = new Map<number, EventId>();
	for (let id = 0; id < MAX_RECORDS && (id + 1) * RECORD <= bytes.length; id++) {
		const at = id * RECORD;
		const event = name(bytes, at + EVENT_AT, EVENT_BYTES);
		if (event) ids.set(id, { system: name(bytes, at + SYSTEM_AT, SYSTEM_BYTES) ?? "unknown", event });
	}
	return ids;
}

export function readIds(path: string | null): Map<number, EventId> {
	if (path === null) return new Map();
	const fd = openSync(path, "r");
	try {
		const bytes = Buffer.alloc(MAX_RECORDS * RECORD);
		let got = 0;
		for (let n = -1; n !== 0 && got < bytes.length; got += n)
			n = readSync(fd, bytes, got, bytes.length - got, got);
		return parseIds(bytes.subarray(0, got));
	} finally {
		closeSync(fd);
	}
}

/** Names of events and systems become names of tables and columns: nothing but an identifier is one. */
function name(bytes: Buffer, at: number, size: number): string | null {
	const field = bytes.subarray(at, at + size);
	const end = field.indexOf(0);
	const text = field.toString("latin1", 0, end < 0 ? size : end);
	return /^[A-Za-z_]\w*$/.test(text) ? text : null;
}
