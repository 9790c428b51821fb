import type { Dataset } from "../dataset/dataset.ts";
import { fragment, raw } from "../dataset/fragment.ts";
import type { Scope } from "../dataset/scope.ts";
import { type ThreadRef, threadColumns } from "../dataset/thread-ref.ts";

export interface ThreadFacts extends ThreadRef {
	/** null if unknown. */
	readonly kernelThread: boolean | null;
}

/** All threads of a trace by utid, whether they ran in the window or not. */
export async function threadFacts(ds: Dataset, scope: Scope): Promise<ReadonlyMap<number, ThreadFacts>> {
	const rows = await ds.rows<ThreadFacts>(
		fragment`SELECT ${raw(threadColumns("i"))}, i.kernel_thread AS "kernelThread" FROM thread_info i WHERE i.trace = ${scope.trace} ORDER BY i.utid`,
		scope.options,
	);
	return new Map(rows.map((r) => [r.utid as number, r]));
}
