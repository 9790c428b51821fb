/** What the decoding thread tells the writing thread. */
import type { Batch } from "../lib/schema/batch.ts";
import type { IdentityRow, ReadOptions, TraceSummary } from "./decode/source.ts";
import type { SideFiles } from "./side/index.ts";

export interface ImportRequest {
	/** One trace file, or the files of one recording. */
	readonly paths: readonly string[];
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
