/** Runs the laws over the dataset of a trace, or of several; shared by the fast suite (bundled traces) and the slow one (all). */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { catalog } from "../../lib/schema/catalog.ts";
import { quoteIdentifier, quoteText, tableDir } from "../../lib/schema/layout.ts";
import { datasetOf, expectNone, show, type TestDataset } from "../support/dataset.ts";
import type { TestTrace } from "../support/traces.ts";
import { laws } from "./laws.ts";

/** Records that become stacks of the event before them instead of rows. */
const stackEvents = new Set(["kernel_stack", "user_stack"]);

export function lawsOf(trace: TestTrace | readonly TestTrace[]): void {
	let d: TestDataset;
	beforeAll(async () => {
		d = await datasetOf(trace);
	});
	afterAll(() => d?.close());

	for (const law of laws)
		it(law.title, async (context) => {
			const present = new Set(d.manifests.flatMap((m) => Object.keys(m.tables)));
			if (!law.needs.every((t) => present.has(t))) context.skip();
			expectNone(await d.rows(law.sql));
		});

	it("1: each event's table has as many rows as the input has records, and as the manifest says", async () => {
		for (const m of d.manifests) {
			const said: string[] = [];
			for (const [name, n] of Object.entries(m.eventCounts)) {
				if (stackEvents.has(name)) continue;
				const clashes = Object.keys(m.tables).filter(
					(t) => t === name || (t.endsWith(`_${name}`) && m.eventCounts[t] === undefined && !catalog.has(t)),
				);
				const own = m.tables[name] && catalog.get(name)?.kind !== "derived" ? [name] : clashes;
				let rows = 0n;
				for (const table of own)
					rows += (
						await d.row(`SELECT count(*) AS n FROM ${quoteIdentifier(table)} WHERE trace = '${m.trace}'`)
					).n as bigint;
				// samples of all events that are no tracepoints have one table
				if (own.length === 0)
					rows = (
						await d.row(
							`SELECT count(*) AS n FROM cpu_sample WHERE trace = '${m.trace}' AND event = ${quoteText(name)}`,
						)
					).n as bigint;
				if (rows !== BigInt(n)) said.push(`${name}: ${rows} rows, ${n} records`);
			}
			expect(said).toEqual([]);
		}
	});

	it("1: the manifest's row counts and stamps are those of the files", async () => {
		for (const m of d.manifests)
			for (const [name, t] of Object.entries(m.tables)) {
				const q = quoteIdentifier(name);
				const { n } = await d.row(`SELECT count(*) AS n FROM ${q} WHERE trace = '${m.trace}'`);
				expect([name, n]).toEqual([name, BigInt(t.rows)]);
				if (t.minTs === null) continue;
				const r = await d.row(`SELECT min(ts) AS a, max(ts) AS b FROM ${q} WHERE trace = '${m.trace}'`);
				expect([name, r.a, r.b]).toEqual([name, t.minTs, t.maxTs]);
			}
	});

	it("5: events lie in the window of their CPU", async () => {
		for (const m of d.manifests)
			for (const name of Object.keys(m.tables)) {
				if (catalog.has(name) && catalog.get(name)!.kind !== "event") continue;
				const bad = await d.rows(
					`SELECT e.ts, e.cpu, c.first_ts, c.last_ts FROM ${quoteIdentifier(name)} e LEFT JOIN cpu c USING (trace, cpu)
					WHERE e.trace = '${m.trace}' AND (c.cpu IS NULL OR e.ts < c.first_ts OR e.ts > c.last_ts)
					${name === "cpu_sample" ? "AND e.cpu IS NOT NULL" : ""}`,
				);
				expect([name, show(bad)]).toEqual([name, ""]);
			}
	});

	it("5: every key of an event that the schema does not declare finds its row", async () => {
		const keys = { utid: "thread", stack_id: "stack", user_stack_id: "stack" };
		for (const m of d.manifests)
			for (const [name, { columns = {} }] of Object.entries(m.tables)) {
				if (catalog.has(name)) continue;
				for (const [key, table] of Object.entries(keys)) {
					if (columns[key] === undefined) continue;
					const bad = await d.rows(
						`SELECT ts, ${key} FROM ${quoteIdentifier(name)} WHERE trace = '${m.trace}' AND ${key} IS NOT NULL
						AND ${key} NOT IN (SELECT ${key.replace("user_", "")} FROM ${table} WHERE trace = '${m.trace}')`,
					);
					expect([name, key, show(bad)]).toEqual([name, key, ""]);
				}
			}
	});

	it("rows with a stamp are in the order of time in their files", async () => {
		for (const m of d.manifests)
			for (const [name, t] of Object.entries(m.tables)) {
				const declared = catalog.get(name);
				if (declared !== undefined && declared.kind !== "event" && declared.kind !== "derived") continue;
				if (t.rows < 2) continue;
				for (const file of t.files) {
					const path = join(tableDir(name, m.date, m.host, m.trace), file);
					const { n } = await d.row(
						`SELECT count(*) AS n FROM (SELECT ts, lag(ts) OVER (ORDER BY file_row_number) AS before
						FROM read_parquet(${quoteText(path)}, file_row_number = true)) WHERE before > ts`,
					);
					expect([name, n]).toEqual([name, 0n]);
				}
			}
	});
}
