/**
 * The two addresses of a socket as the module copies them with the exit of a call: local sockaddr, remote sockaddr, u16
 * type of the socket. An address is as long as its family says; ports and addresses are big endian, the family is not.
 */
import { type SocketPair, type Sockets, socketType } from "../../identity/sockets.ts";
import { decodeText } from "../tracepoint/interner.ts";
import type { RecordMemory } from "../tracepoint/memory.ts";

const UNIX = 1;
const INET = 2;
const INET6 = 10;
const NETLINK = 16;

/** What these types are where the family is inet or inet6. */
const protocols: Readonly<Record<string, string>> = { stream: "TCP", dgram: "UDP", dccp: "DCCP" };

/** sun_path of struct sockaddr_un. */
const PATH_BYTES = 108;
/** Of the address buffer of recvfrom the module copies a struct sockaddr_storage. */
const STORAGE_BYTES = 128;
/** Records are rounded up to it. */
const ROUND = 8;

interface Address {
	readonly family: string;
	readonly address: string | null;
	readonly port: number | null;
	readonly bytes: number;
}

/** null where the bytes are no such pair. */
export function readSocketPair(memory: RecordMemory, at: number, end: number): SocketPair | null {
	const local = readAddress(memory, at, end);
	if (local === null) return null;
	let next = at + local.bytes;
	const remote = readAddress(memory, next, end);
	if (remote === null) return null;
	const ip = local.family.startsWith("inet");
	if (ip !== remote.family.startsWith("inet") || (!ip && local.family !== remote.family)) return null;
	next += ip && end - next >= STORAGE_BYTES + 2 ? STORAGE_BYTES : remote.bytes;
	if (next + 2 > end) return null;
	const type = typeAt(memory, next);
	return {
		family: local.family,
		type,
		protocol: (ip && type !== null && protocols[type]) || null,
		localAddress: local.address,
		localPort: local.port,
		remoteAddress: remote.address,
		remotePort: remote.port,
	};
}

/** The type of a socket; no other bits are set in a record. */
function typeAt({ view, littleEndian }: RecordMemory, at: number): string | null {
	const number = view.getUint16(at, littleEndian);
	return number < 16 ? socketType(number) : null;
}

function readAddress(memory: RecordMemory, at: number, end: number): Address | null {
	const { view, littleEndian } = memory;
	if (at + 2 > end) return null;
	switch (view.getUint16(at, littleEndian)) {
		case INET:
			return at + 16 > end ? null : ip("inet", view, at, inetText(view, at + 4), 16);
		case INET6:
			return at + 28 > end ? null : ip("inet6", view, at, inet6Text(view, at + 8), 28);
		case UNIX:
			return unixAddress(memory, at, end);
		case NETLINK:
			return at + 12 > end ? null : { family: "netlink", address: null, port: null, bytes: 12 };
		default:
			return null;
	}
}

/** Port 0 and the address of all zeros together are no address. */
function ip(family: string, view: DataView, at: number, address: string, bytes: number): Address {
	const port = view.getUint16(at + 2, false);
	const none = port === 0 && (address === "0.0.0.0" || address === "::");
	return { family, address: none ? null : address, port: port === 0 ? null : port, bytes };
}

/**
 * Unnamed: the family alone, and then the other address (u16 family) or the type with less than a rounding behind it. A
 * path ends with its NUL. Where an abstract name ends is not told: none is read.
 */
function unixAddress(memory: RecordMemory, at: number, end: number): Address | null {
	const { u8, view, littleEndian } = memory;
	const unnamed = { family: "unix", address: null, port: null, bytes: 2 };
	if (at + 4 > end) return null;
	if (view.getUint16(at + 2, littleEndian) === UNIX && u8[at + 2 + (littleEndian ? 1 : 0)] === 0)
		return unnamed;
	if (end - (at + 4) < ROUND && typeAt(memory, at + 2) !== null) return unnamed;
	const from = at + 2;
	const nul = u8.subarray(from, Math.min(end, from + PATH_BYTES + 1)).indexOf(0);
	if (nul <= 0) return null;
	return {
		family: "unix",
		address: decodeText(u8.subarray(from, from + nul)),
		port: null,
		bytes: 2 + nul + 1,
	};
}

function inetText(view: DataView, at: number): string {
	return `${view.getUint8(at)}.${view.getUint8(at + 1)}.${view.getUint8(at + 2)}.${view.getUint8(at + 3)}`;
}

/** RFC 5952: the longest run of zeros (two groups at least, the first of equals) is ::, mapped IPv4 stays readable. */
export function inet6Text(view: DataView, at: number): string {
	const groups = Array.from({ length: 8 }, (_, k) => view.getUint16(at + 2 * k, false));
	if (groups[5] === 0xffff && groups.slice(0, 5).every((g) => g === 0))
		return `::ffff:${inetText(view, at + 12)}`;
	let [best, length] = [-1, 1];
	for (let k = 0; k < 8; k++) {
		let n = 0;
		while (k + n < 8 && groups[k + n] === 0) n++;
		if (n > length) [best, length] = [k, n];
	}
	const hex = (part: readonly number[]) => part.map((g) => g.toString(16)).join(":");
	if (best < 0) return hex(groups);
	return `${hex(groups.slice(0, best))}::${hex(groups.slice(best + length))}`;
}

/** Pairs that are read once: most calls of a trace are on few sockets. */
const CACHED = 1024;
/** Longest pair that is kept: two of inet6, with the type. */
const CACHED_BYTES = 64;

/** Numbers of pairs by their bytes. */
export class SocketPairs {
	readonly #sockets: Sockets;
	readonly #memory: RecordMemory;
	readonly #bytes = new Uint8Array(CACHED * CACHED_BYTES);
	readonly #lengths = new Uint8Array(CACHED);
	readonly #ids = new Int32Array(CACHED);

	constructor(sockets: Sockets, memory: RecordMemory) {
		this.#sockets = sockets;
		this.#memory = memory;
	}

	/** Number of the pair at `at`; -1 where there is none. */
	at(at: number, end: number): number {
		const length = end - at;
		if (length <= 0) return -1;
		if (length > CACHED_BYTES) return this.#read(at, end);
		const { u8 } = this.#memory;
		let hash = length;
		for (let p = at; p < end; p++) hash = Math.imul(hash ^ u8[p]!, 0x0100_0193);
		const slot = (hash ^ (hash >>> 15)) & (CACHED - 1);
		const cached = slot * CACHED_BYTES;
		if (this.#lengths[slot] === length && this.#equals(cached, at, length)) return this.#ids[slot]!;
		this.#bytes.set(u8.subarray(at, end), cached);
		this.#lengths[slot] = length;
		const id = this.#read(at, end);
		this.#ids[slot] = id;
		return id;
	}

	#equals(cached: number, at: number, length: number): boolean {
		const { u8 } = this.#memory;
		for (let k = 0; k < length; k++) if (this.#bytes[cached + k] !== u8[at + k]) return false;
		return true;
	}

	#read(at: number, end: number): number {
		const pair = readSocketPair(this.#memory, at, end);
		return pair === null ? -1 : this.#sockets.recorded(pair);
	}
}
