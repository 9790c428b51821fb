/**
 * What every format yields. A format registers a sniffer here; the rest of the collector knows formats only by
 * these types.
 */

import type { Batch } from "../../lib/schema/batch.ts";
import type { TraceInfo } from "../../lib/schema/info.ts";
import type { SideFiles } from "../side/index.ts";

export interface Note {
	readonly severity: "info" | "warning" | "error";
	readonly kind: string;
	readonly source: string;
	readonly offset?: number | null;
	readonly cpu?: number | null;
	readonly count?: number;
	readonly text: string;
}

/** Rows of an identity table, by column name; absent = NULL. */
export type IdentityRow = Readonly<Record<string, unknown>>;

export interface CpuWindow {
	readonly cpu: number;
	readonly first: bigint;
	readonly last: bigint;
	readonly events: number;
	readonly lostEvents: number | null;
}

/** What is known of a trace when its last record has been read. */
export interface TraceSummary {
	readonly buffer: string;
	readonly formatVersion: string;
	readonly machine: {
		readonly host: string | null;
		readonly arch: string | null;
		readonly kernel: string | null;
		readonly littleEndian: boolean;
		readonly longBytes: number;
		/** null if unknown. */
		readonly pageBytes: number | null;
		readonly cpus: number;
	};
	readonly clock: { readonly name: string; readonly unit: string; readonly wallOffset: bigint | null };
	readonly recorder: string;
	readonly window: { readonly start: bigint; readonly end: bigint } | null;
	readonly cpus: readonly CpuWindow[];
	/** Records by name of the event. */
	readonly events: Readonly<Record<string, number>>;
	/** Events that were switched on, whether they happened or not; null where the source does not tell. */
	readonly recorded: readonly string[] | null;
	readonly unknownEvents: Readonly<Record<string, number>>;
	readonly lost: { readonly gaps: number; readonly events: number; readonly unknownGaps: number };
	/** The input is damaged: what is in the dataset is not all. */
	readonly damaged: boolean;
	readonly notes: readonly Note[];
}

/** Where a source puts what it finds, in this order for each trace: begin, batches, rows, end. */
export interface Sink {
	begin(buffer: string): void;
	batch(batch: Batch): void;
	rows(table: string, rows: readonly IdentityRow[]): void;
	end(summary: TraceSummary): void;
	/** Bytes of the input and events so far. */
	progress(bytes: number, events: number): void;
}

export interface ReadOptions {
	/** Seconds from the start of the trace; records outside are left out. */
	readonly window?: { readonly from: number; readonly to: number };
	/** Tables of these events only (derived tables are made all the same). */
	readonly events?: readonly string[];
	/** Event tables only. */
	readonly noDerived?: boolean;
	/** Folders with programs and libraries of the traced machine, for the names of user frames. */
	readonly symbols?: readonly string[];
}

export interface Format {
	/** As in the manifest: trace.dat */
	readonly name: string;
	/** Does the input begin like this format? `head` is its first 4 KiB at most. */
	sniff(head: Uint8Array): boolean;
	/** Files of a folder that is one trace of this format, the first with its header; null for other folders. */
	folder?(path: string): readonly string[] | null;
	/** What inputs have in common that are parts of one recording, to be read as one trace; null for one that stands alone. */
	series?(files: readonly string[]): string | null;
	/** Reads everything; yields between slices of work so that the caller can wait for room. Throws PowerkiError. */
	read(files: readonly string[], side: SideFiles, options: ReadOptions, sink: Sink): AsyncGenerator<void>;
	/** What `powerki info` tells, one entry for each trace that the input holds; counts records without decoding them. */
	inspect(files: readonly string[], timebaseHz: number | undefined): Promise<TraceInfo[]>;
}
