/**
 * The pairs of socket addresses of a trace by number: recorded with a call, told by the arguments of socket(2), or, for
 * one that only a snapshot of open descriptors (lsof) may name, known at the end.
 */
import type { Row } from "../../lib/schema/column.ts";
import type { socket as socketTable } from "../../lib/schema/identity.ts";
import type { StringPool, TableWriter } from "../derive/derivation.ts";
import type { OpenFileFact } from "../side/index.ts";

/** Family and type are names as the table has them; addresses as text; absent = unknown or unnamed. */
export interface SocketPair {
	readonly family: string | null;
	readonly type: string | null;
	readonly protocol: string | null;
	readonly localAddress: string | null;
	readonly localPort: number | null;
	readonly remoteAddress: string | null;
	readonly remotePort: number | null;
}

/** AF_* of include/linux/socket.h, as address families are named there. */
const families: Readonly<Record<number, string>> = {
	1: "unix",
	2: "inet",
	3: "ax25",
	4: "ipx",
	5: "appletalk",
	10: "inet6",
	15: "key",
	16: "netlink",
	17: "packet",
	21: "rds",
	24: "pppox",
	29: "can",
	30: "tipc",
	31: "bluetooth",
	32: "iucv",
	33: "rxrpc",
	38: "alg",
	39: "nfc",
	40: "vsock",
	41: "kcm",
	42: "qipcrtr",
	43: "smc",
	44: "xdp",
	45: "mctp",
};

/** SOCK_* of include/linux/net.h. */
const types: Readonly<Record<number, string>> = {
	1: "stream",
	2: "dgram",
	3: "raw",
	4: "rdm",
	5: "seqpacket",
	6: "dccp",
	10: "packet",
};

/** IPPROTO_* of include/uapi/linux/in.h, for sockets of the internet families. */
const protocols: Readonly<Record<number, string>> = {
	1: "ICMP",
	6: "TCP",
	17: "UDP",
	33: "DCCP",
	58: "ICMPv6",
	132: "SCTP",
	136: "UDPLITE",
	262: "MPTCP",
};

/** What protocol 0 means (net/ipv4/af_inet.c, inetsw_array). */
const defaultProtocols: Readonly<Record<string, string>> = { stream: "TCP", dgram: "UDP" };

/** Name of an address family; its number as text where it has none. */
export function socketFamily(number: number): string {
	return families[number] ?? String(number);
}

/** Name of a socket type, without the flags beside it in the argument (SOCK_TYPE_MASK); null if there is no such type. */
export function socketType(number: number): string | null {
	return types[number & 0xf] ?? null;
}

/** Types of sockets as lsof has them. */
const familyOfType: Readonly<Record<string, string | null>> = {
	IPv4: "inet",
	IPv6: "inet6",
	unix: "unix",
	netlink: "netlink",
	pack: "packet",
	packet: "packet",
	inet: "inet",
	sock: null,
	raw: "inet",
	raw6: "inet6",
};

/** Whether lsof shows a socket by this type. */
export function isSocketType(type: string): boolean {
	return Object.hasOwn(familyOfType, type);
}

type Source = "record" | "call" | "lsof";

interface Socket extends SocketPair {
	readonly inode: bigint | null;
	readonly source: Source | null;
}

const nothing: Socket = {
	family: null,
	type: null,
	protocol: null,
	localAddress: null,
	localPort: null,
	remoteAddress: null,
	remotePort: null,
	inode: null,
	source: null,
};

export class Sockets {
	readonly #strings: StringPool;
	readonly #sockets: Socket[] = [];
	readonly #interned = new Map<string, number>();
	/** Snapshots of candidates, and what the candidates were before: two that contradict each other count for nothing */
	readonly #confirmed = new Map<number, { fact: OpenFileFact; before: Socket; doubtful: boolean }>();

	constructor(strings: StringPool) {
		this.#strings = strings;
	}

	/** Number of a pair whose addresses were recorded with a call. */
	recorded(pair: SocketPair): number {
		return this.#intern({ ...pair, inode: null, source: "record" });
	}

	/** Number of the sockets that socket(2) makes with these arguments. */
	called(family: number, type: number, protocol: number): number {
		const name = socketFamily(family);
		const kind = socketType(type);
		const internet = name === "inet" || name === "inet6";
		return this.#intern({
			...nothing,
			family: name,
			type: kind,
			protocol: internet
				? (protocols[protocol] ?? (protocol === 0 ? (defaultProtocols[kind ?? ""] ?? null) : null))
				: null,
			source: "call",
		});
	}

	/** A socket that may get its addresses at the end; `like` (-1 = none) is what is known of it otherwise. */
	candidate(like: number): number {
		return this.#sockets.push(like < 0 ? nothing : this.#sockets[like]!) - 1;
	}

	/** A socket that a snapshot from before the recording shows. */
	known(fact: OpenFileFact): number {
		return this.#intern(ofFact(fact, nothing));
	}

	/** A snapshot shows what a candidate is. */
	confirm(id: number, fact: OpenFileFact): void {
		const had = this.#confirmed.get(id);
		if (had === undefined) {
			const before = this.#sockets[id]!;
			this.#confirmed.set(id, { fact, before, doubtful: false });
			this.#sockets[id] = ofFact(fact, before);
		} else if (!had.doubtful && had.fact.inode !== fact.inode) {
			had.doubtful = true;
			this.#sockets[id] = had.before;
		}
	}

	/** The other end cannot change while the socket lives: what was recorded once holds for its later calls. */
	isConnection(id: number): boolean {
		const { type } = this.#sockets[id]!;
		return type === "stream" || type === "seqpacket";
	}

	/** Rows of all pairs; after the last event. */
	write(out: TableWriter<typeof socketTable>): void {
		const code = (text: string | null) => (text === null ? -1 : this.#strings.code(text));
		for (const [id, s] of this.#sockets.entries())
			out.append({
				socket_id: id,
				family: code(s.family),
				type: code(s.type),
				protocol: code(s.protocol),
				local_address: code(s.localAddress),
				local_port: s.localPort ?? Number.NaN,
				remote_address: code(s.remoteAddress),
				remote_port: s.remotePort ?? Number.NaN,
				inode: s.inode === null ? Number.NaN : Number(s.inode),
				source: code(s.source),
			} satisfies Row<typeof socketTable>);
	}

	#intern(socket: Socket): number {
		const key = [
			socket.source,
			socket.family,
			socket.type,
			socket.protocol,
			socket.localAddress,
			socket.localPort,
			socket.remoteAddress,
			socket.remotePort,
			socket.inode,
		].join("\0");
		let id = this.#interned.get(key);
		if (id === undefined) {
			id = this.#sockets.push(socket) - 1;
			this.#interned.set(key, id);
		}
		return id;
	}
}

function ofFact(fact: OpenFileFact, known: Socket): Socket {
	const internet = fact.type === "IPv4" || fact.type === "IPv6";
	const type = known.type ?? (internet ? typeOf(fact.protocol) : null);
	// a datagram socket has as many other ends as it likes
	const remote = type === "dgram" ? undefined : fact.remote;
	return {
		family: familyOfType[fact.type] ?? known.family,
		type,
		protocol: fact.protocol ?? known.protocol,
		localAddress: fact.local?.address ?? null,
		localPort: fact.local?.port ?? null,
		remoteAddress: remote?.address ?? null,
		remotePort: remote?.port ?? null,
		inode: fact.inode ?? null,
		source: "lsof",
	};
}

function typeOf(protocol: string | undefined): string | null {
	return Object.keys(defaultProtocols).find((t) => defaultProtocols[t] === protocol) ?? null;
}
