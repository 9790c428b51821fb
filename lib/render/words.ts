/** Phrases and order that every view of a report shares: a reader finds in the page what the terminal said. */
import { group, NNBSP, percent, sentence } from "../figures/numbers.ts";
import type { NoticeBlock, Report, Statement } from "../reports/document.ts";

/** A label and what stands beside it. */
export interface Line {
	readonly label: string;
	readonly text: string;
	/** It can be typed, or is an identifier. */
	readonly code?: boolean;
}

/** Not seen, or not to be known: hatched, and never to be read as "nothing happened". */
const unseen: ReadonlySet<NoticeBlock["reason"]> = new Set(["not-recorded", "lost", "not-computable"]);

export function isUnseen(notice: NoticeBlock): boolean {
	return unseen.has(notice.reason);
}

/** What stands before the remedy of a notice. */
export function remedyLabel(notice: NoticeBlock): string {
	return notice.reason === "not-recorded" ? "Record them:" : "To get it:";
}

/** Three answers with three marks, since "none" and "not recorded" are not the same. */
export const recordedMarks = [
	{ key: "seen", mark: "✓", label: "recorded" },
	{ key: "none", mark: "○", label: "recorded, none happened" },
	{ key: "missing", mark: "✕", label: "not recorded" },
] as const satisfies readonly { key: keyof Report["recorded"]; mark: string; label: string }[];

export type TraceStatement = Statement["traces"][number];

/** "299.118080224 … 301.533913446 s (2.42 s)"; a clock that does not count ns keeps its own numbers. */
export function windowText(trace: TraceStatement): string {
	const { startTs, endTs, clock } = trace;
	if (!/, ns\b/.test(clock)) return `${group(startTs)} … ${group(endTs)} (${group(endTs - startTs)})`;
	return `${nineDigits(startTs)} … ${nineDigits(endTs)}${NNBSP}s (${sentence(endTs - startTs, "ns")})`;
}

function nineDigits(ns: bigint): string {
	const abs = ns < 0n ? -ns : ns;
	const second = 1_000_000_000n;
	return `${ns < 0n ? "−" : ""}${abs / second}.${String(abs % second).padStart(9, "0")}`;
}

export function lostText(trace: TraceStatement): string {
	return trace.lostEvents === null ? "unknown number of events" : `${group(trace.lostEvents)} events`;
}

export function observedText(trace: TraceStatement): string {
	if (trace.cpusSeen === 0) return "single threads: the records do not tell their CPU";
	if (trace.unobserved.length === 0) return "all CPUs for the whole window";
	return `not for the whole window: ${trace.unobserved
		.map((u) => `cpu ${u.cpu} ${percent(u.observedPercent)}`)
		.join(", ")}`;
}

/** The statement, in order; what it says of a trace comes once for each. */
export function statementLines(statement: Statement): Line[] {
	const { versions, parameters, definitions, command } = statement;
	const pairs = (of: Readonly<Record<string, string>>, between: string) =>
		Object.entries(of).map(([name, value]) => `${name}${between}${value}`);
	return [
		...statement.traces.flatMap((t): Line[] => [
			{ label: "trace", text: `${t.trace}  ${t.source}`, code: true },
			{ label: "sha-256", text: t.sha256, code: true },
			{ label: "machine", text: t.machine },
			{ label: "kernel", text: t.kernel },
			{ label: "clock", text: t.clock },
			{ label: "window", text: windowText(t) },
			{ label: "events", text: `${group(t.events)}; lost ${lostText(t)}` },
			{ label: "observed", text: observedText(t) },
		]),
		{ label: "versions", text: pairs(versions, " ").join(" · ") },
		{ label: "parameters", text: pairs(parameters, " = ").join(" · ") || "none" },
		...Object.entries(definitions).map(([name, text], i) => ({
			label: i === 0 ? "definitions" : "",
			text: `${name}: ${text}`,
		})),
		{ label: "again", text: command, code: true },
	];
}
