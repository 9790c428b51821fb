/** Does a file begin like a ki.bin? There is no magic number: what must be small, even or in order is. */
import { CHUNK, CHUNK_HEADER, MAX_CPUS } from "./chunks.ts";
import { IDS } from "./id-counts.ts";
import { layoutOf } from "./version.ts";

/** include/linux/threads.h, PID_MAX_LIMIT. */
const MAX_PID = 4_194_304;

export function isLinuxki(head: Uint8Array): boolean {
	if (head.length < CHUNK_HEADER) return false;
	const view = new DataView(head.buffer, head.byteOffset, head.length);
	const version = view.getUint32(12, true);
	return version === 0 ? isFtracePiece(view) : isLikiChunk(view, version);
}

function isLikiChunk(view: DataView, version: number): boolean {
	const layout = layoutOf(version);
	const length = view.getUint32(8, true);
	if (!layout || length > CHUNK - CHUNK_HEADER || length % 8 !== 0) return false;
	// a CPU that did nothing
	if (length === 0) return view.byteLength === CHUNK_HEADER && view.getBigUint64(16, true) !== 0n;
	const { headerBytes } = layout;
	let time = view.getBigUint64(0, true);
	let p = CHUNK_HEADER;
	for (const end = CHUNK_HEADER + length; p < end && p + headerBytes <= view.byteLength; ) {
		const now = view.getBigUint64(p, true);
		const id = view.getUint32(p + 8, true);
		const bytes = view.getUint32(p + 12, true);
		const pid = view.getInt32(p + 16, true);
		if (now < time || now === 0n || id === 0 || id >= IDS || pid < -1 || pid >= MAX_PID) return false;
		if (bytes < headerBytes || bytes % 8 !== 0 || p + bytes > end) return false;
		if (view.getUint32(p + 20, true) >= MAX_CPUS) return false;
		time = now;
		p += bytes;
	}
	return p > CHUNK_HEADER;
}

const PIECE_HEADER = 16;
/** Of a 64 KiB page. */
const MAX_COMMIT = 65_536 - PIECE_HEADER;
const TYPE_DATA_MAX = 28;
const TYPE_TIME_EXTEND = 30;
const TYPE_TIME_STAMP = 31;
/** An event's type, flags, preempt count and pid. */
const COMMON_BYTES = 8;
/** Types of more events than any kernel has. */
const MAX_TYPE = 20_000;

/** A piece of an ftrace buffer as kiinfo stores it: u64 time, u32 bytes, u32 0, events. */
function isFtracePiece(view: DataView): boolean {
	const time = view.getBigUint64(0, true);
	const commit = view.getUint32(8, true);
	if (time === 0n || time >> 62n !== 0n || commit < 12 || commit > MAX_COMMIT || commit % 4 !== 0)
		return false;
	const end = Math.min(view.byteLength, PIECE_HEADER + commit);
	let events = 0;
	for (let p = PIECE_HEADER; p + 4 + COMMON_BYTES <= end; ) {
		const type = view.getUint32(p, true) & 31;
		if (type === TYPE_TIME_EXTEND || type === TYPE_TIME_STAMP) {
			p += 8;
			continue;
		}
		if (type * 4 < COMMON_BYTES || type > TYPE_DATA_MAX) break;
		const pid = view.getInt32(p + 8, true);
		const kind = view.getUint16(p + 4, true);
		if (kind === 0 || kind > MAX_TYPE || pid < 0 || pid >= MAX_PID) return false;
		events++;
		p += 4 + type * 4;
	}
	return events > 0;
}
