/** The files of a trace by number. */
import type { file as fileTable } from "../../lib/schema/identity.ts";
import type { StringPool, TableWriter } from "../derive/derivation.ts";

export class Files {
	constructor(readonly strings: StringPool) {}

	/** Rows of all files; after the last event. */
	write(_out: TableWriter<typeof fileTable>): void {}
}
