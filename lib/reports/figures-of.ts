import type { Figure } from "../figures/figure.ts";
import type { Report } from "./document.ts";

/**
 * The figures of a report, in its order: to show them alone.
 * @param section id of a section: only those in it
 */
export function figuresOf(report: Report, section?: string): Figure[] {
	return report.sections
		.filter((s) => section === undefined || s.id === section)
		.flatMap((s) => s.blocks)
		.flatMap((block) => (block.kind === "figure" ? [block.figure] : []));
}
