/** Every record of the input, by type and CPU, against other readers. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { datasetOf, type TestDataset } from "../support/dataset.ts";
import type { TestTrace } from "../support/traces.ts";
import { expectedCounts } from "./expected.ts";
import { reportCounts, traceCmd } from "./trace-cmd.ts";

/** trace-cmd prints the entry and the exit of a leaf function as one line. */
const foldedByTraceCmd = new Set(["funcgraph_entry", "funcgraph_exit"]);

export function countsOf(trace: TestTrace): void {
	let d: TestDataset;
	beforeAll(async () => {
		d = await datasetOf(trace);
	});
	afterAll(() => d?.close());

	function ours(): Record<string, number> {
		const counts: Record<string, number> = {};
		for (const m of d.manifests)
			for (const [name, n] of Object.entries(m.eventCounts)) counts[name] = (counts[name] ?? 0) + n;
		return counts;
	}

	it("events by type are those that expected.json has", (context) => {
		const expected = expectedCounts(trace);
		if (expected === null) return context.skip();
		const unfolded = (counts: Readonly<Record<string, number>>) =>
			Object.fromEntries(Object.entries(counts).filter(([name]) => !foldedByTraceCmd.has(name)));
		expect(unfolded(ours())).toEqual(unfolded(expected));
	});

	it.skipIf(traceCmd === null)(
		"events by type and CPU are those that trace-cmd report prints",
		async (context) => {
			const theirs = await reportCounts(trace.path);
			if (theirs === null) return context.skip();
			const counts = new Map<string, number>();
			for (const [key, n] of theirs) if (!foldedByTraceCmd.has(key.split(" ")[1]!)) counts.set(key, n);
			const own = new Map<string, number>();
			for (const m of d.manifests) {
				let rows = 0n;
				for (const [table, t] of Object.entries(m.tables)) {
					if (!(table in m.eventCounts) || foldedByTraceCmd.has(table) || t.rows === 0) continue;
					for (const r of await d.rows(
						`SELECT cpu, count(*) AS n FROM "${table}" WHERE trace = '${m.trace}' GROUP BY cpu`,
					)) {
						const key = `${r.cpu} ${table}`;
						own.set(key, (own.get(key) ?? 0) + Number(r.n));
						rows += r.n as bigint;
					}
				}
				expect(rows).toBeGreaterThan(0n);
			}
			// stacks have no table of their own, and are counted without their CPU in the manifest
			for (const key of counts.keys()) if (/ (kernel|user)_stack$/.test(key)) counts.delete(key);
			expect([...own].sort()).toEqual([...counts].sort());
		},
	);
}

export function describeCounts(traces: readonly TestTrace[]): void {
	for (const trace of traces) describe(`counts of ${trace.name}`, () => countsOf(trace));
}
