/** What `powerki info` tells, and its --json output: stable names, 64-bit integers in full digits. */
export interface TraceInfo {
	readonly format: string;
	readonly formatVersion: string;
	readonly recorder: string;
	readonly buffer: string;
	readonly source: string;
	readonly bytes: number;
	readonly sha256: string;
	readonly host: string | null;
	readonly arch: string | null;
	readonly kernel: string | null;
	readonly littleEndian: boolean;
	readonly longBytes: number;
	readonly pageBytes: number | null;
	readonly compression: string | null;
	readonly cpus: number;
	/** CPUs that have records. */
	readonly cpusWithRecords: readonly number[];
	readonly clock: string;
	readonly clockUnit: string;
	readonly wallOffset: bigint | null;
	readonly start: bigint | null;
	readonly end: bigint | null;
	readonly events: Readonly<Record<string, number>>;
	/** Switched on, but none happened. */
	readonly silent: readonly string[];
	readonly lost: { readonly events: number | null; readonly gaps: number };
	readonly damage: readonly string[];
	readonly unknownEvents: Readonly<Record<string, number>>;
	readonly notes: readonly string[];
}
