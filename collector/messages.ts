/** What the decoding thread tells the writing thread. */
import type { Batch } from "../lib/schema/batch.ts";
import type { IdentityRow, ReadOptions, TraceSummary } from "./decode/source.ts";
import type { SideFiles } from "./side/index.ts";

export interface ImportRequest {
	/** One trace file, or the files of one recording; or one archive or compressed file. */
	readonly paths: readonly string[];
	/** Where what is packed is unpacked: a folder in the staging folder, to be made. */
	readonly scratch: string;
	/** For messages about the room there. */
	readonly dataset: string;
	/** Bytes that may come out of an archive; absent = the default. */
	readonly maxExpand?: number;
	readonly side: readonly string[];
	readonly options: ReadOptions;
	/** One 32-bit counter: batches under way. The decoder waits while there are too many. */
	readonly underWay: SharedArrayBuffer;
}

/** What the manifest and the `trace` row need of the side files. */
export interface SideSummary {
	readonly used: SideFiles["used"];
	readonly machine: SideFiles["machine"];
	readonly wallClocks: SideFiles["wallClocks"];
}

export type ImportMessage =
	/** The format is known, and what is to be read: of a packed input when it is unpacked. */
	| { readonly kind: "opened"; readonly format: string; readonly bytes: number }
	| { readonly kind: "side"; readonly side: SideSummary }
	| { readonly kind: "begin"; readonly buffer: string }
	| { readonly kind: "batch"; readonly batch: Batch }
	| { readonly kind: "rows"; readonly table: string; readonly rows: readonly IdentityRow[] }
	| { readonly kind: "end"; readonly summary: TraceSummary }
	| { readonly kind: "progress"; readonly bytes: number; readonly events: number }
	| {
			readonly kind: "failed";
			readonly code: number;
			readonly message: string;
			readonly details: readonly string[];
			readonly stack: string | undefined;
	  }
	| { readonly kind: "done" };

/** Batches that may be under way: enough to keep both threads busy, few enough to bound memory. */
export const MAX_UNDER_WAY = 8;
