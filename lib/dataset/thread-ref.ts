/** A thread as typed queries name it in their rows. */
export interface ThreadRef {
	/** Identity in the trace; null while the thread is unknown (after lost events). 0 is the idle threads. */
	readonly utid: number | null;
	readonly tid: number | null;
	/** Process id; null if unknown. */
	readonly tgid: number | null;
	readonly name: string | null;
	/** Name of the process. */
	readonly process: string | null;
}

/** SQL columns of a ThreadRef from a relation that has those of the view thread_info. */
export function threadColumns(alias: string): string {
	return `${alias}.utid, ${alias}.tid, ${alias}.tgid, ${alias}.name, ${alias}.process_name AS process`;
}

/** The ThreadRef in a row. */
export function threadOf(row: ThreadRef): ThreadRef {
	return { utid: row.utid, tid: row.tid, tgid: row.tgid, name: row.name, process: row.process };
}

/** "name (tid)", for lists of threads in one cell. */
export function threadLabel(t: Pick<ThreadRef, "tid" | "name">): string {
	return `${t.name ?? "unknown"}${t.tid === null ? "" : ` (${t.tid})`}`;
}
