import type { Dataset } from "./dataset.ts";
import { clipped, overlaps } from "./definitions.ts";
import { fragment } from "./fragment.ts";
import type { Scope } from "./scope.ts";

/** How much of a window was seen on one CPU (DESIGN section 4, observed window). */
export interface ObservedCpu {
	readonly cpu: number;
	/** From the CPU's first to its last record in the window, less what was lost, ns. */
	readonly observedNs: number;
	/** Of the window's length, 0..100. */
	readonly percent: number;
	/** Gaps that touch the window. */
	readonly gaps: number;
	/** Events lost in them; null if a gap has an unknown number. */
	readonly lostEvents: number | null;
}

/** What was observed of the window, by CPU, ascending; CPUs without a record observed nothing. */
export async function observedCpus(ds: Dataset, scope: Scope): Promise<ObservedCpu[]> {
	const { window: w, trace, manifest } = scope;
	const lost = await ds.rows<{ cpu: number; ns: number; gaps: number; events: number | null }>(
		fragment`
SELECT cpu, CAST(coalesce(sum(${clipped(w)}), 0) AS DOUBLE) AS ns, CAST(count(*) AS DOUBLE) AS gaps,
	CASE WHEN count(*) = count(events) THEN CAST(sum(events) AS DOUBLE) END AS events
FROM lost WHERE trace = ${trace} AND ${overlaps(w)} GROUP BY cpu`,
		scope.options,
	);
	const lostBy = new Map(lost.map((l) => [l.cpu, l]));
	return manifest.cpus.map(({ cpu, firstTs, lastTs }) => {
		const gap = lostBy.get(cpu);
		const from = firstTs === null || firstTs < w.start ? w.start : firstTs;
		// w.end is the first ns after the window, the last record a stamp inside of it
		const last = w.start + BigInt(w.ns);
		const to = lastTs === null || lastTs > last ? last : lastTs;
		const span = firstTs === null || lastTs === null || to < from ? 0 : Number(to - from);
		const observedNs = Math.max(0, span - (gap?.ns ?? 0));
		return {
			cpu,
			observedNs,
			percent: w.ns === 0 ? 100 : (100 * observedNs) / w.ns,
			gaps: gap?.gaps ?? 0,
			lostEvents: gap === undefined ? 0 : gap.events,
		};
	});
}
