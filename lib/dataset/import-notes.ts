import type { Dataset } from "./dataset.ts";
import { fragment } from "./fragment.ts";
import type { Scope } from "./scope.ts";

export interface ImportNote {
	readonly severity: "info" | "warning" | "error";
	/** Stable name of the cause. */
	readonly kind: string;
	readonly cpu: number | null;
	readonly count: number;
	readonly text: string;
}

/** What the import lost, repaired, guessed or did not know of the trace: errors first, then warnings. */
export function importNotes(ds: Dataset, scope: Scope): Promise<ImportNote[]> {
	return ds.rows<ImportNote>(
		fragment`
SELECT severity, kind, cpu, CAST(sum(count) AS DOUBLE) AS count, text
FROM import_note WHERE trace = ${scope.trace}
GROUP BY severity, kind, cpu, text
ORDER BY CASE severity WHEN 'error' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, kind, cpu, text`,
		scope.options,
	);
}
