/** The pairs of socket addresses of a trace by number. */
import type { socket as socketTable } from "../../lib/schema/identity.ts";
import type { StringPool, TableWriter } from "../derive/derivation.ts";

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

export class Sockets {
	constructor(readonly strings: StringPool) {}

	/** Number of a pair whose addresses were recorded with a call. */
	recorded(_pair: SocketPair): number {
		return -1;
	}

	/** Rows of all pairs; after the last event. */
	write(_out: TableWriter<typeof socketTable>): void {}
}
