/** Event by event against trace-cmd report: time, CPU, current thread and name of all records, and fields of some. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { datasetOf, type ResultRow, type TestDataset } from "../support/dataset.ts";
import { bundledTrace } from "../support/traces.ts";
import { type ReportLine, report, traceCmd } from "./trace-cmd.ts";

/** "a=1 b=x y" to its parts: values run to the next " name=". */
function fieldsOf(text: string): Record<string, string> {
	const out: Record<string, string> = {};
	for (const m of text.matchAll(/(\w+)=(.*?)(?=\s+\w+=|$)/g)) out[m[1]!] = m[2]!.trim();
	return out;
}

/** "ARRAY[05, 00, …]" to signed 64-bit values. */
function words(text: string): bigint[] {
	const bytes = Buffer.from(text.slice("ARRAY[".length, -1).replaceAll(", ", ""), "hex");
	return Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readBigInt64LE(8 * i));
}

interface Compared {
	readonly event: string;
	readonly sql: string;
	/** The fields in the order of the query's columns. */
	readonly theirs: (l: ReportLine, f: Record<string, string>) => readonly unknown[];
}

const compared: readonly Compared[] = [
	{
		event: "sched_switch",
		sql: "SELECT ts, cpu, prev_comm, prev_pid, prev_prio, prev_state, next_comm, next_pid, next_prio FROM sched_switch",
		theirs: (l, f) => [
			l.ts,
			l.cpu,
			f.prev_comm,
			f.prev_pid,
			f.prev_prio,
			BigInt(f.prev_state!),
			f.next_comm,
			f.next_pid,
			f.next_prio,
		],
	},
	{
		event: "sched_waking",
		sql: "SELECT ts, cpu, comm, pid, prio, target_cpu FROM sched_waking",
		theirs: (l, f) => [l.ts, l.cpu, f.comm, f.pid, f.prio, Number(f.target_cpu)],
	},
	{
		event: "sys_enter",
		sql: "SELECT ts, cpu, id, args FROM sys_enter",
		theirs: (l, f) => [l.ts, l.cpu, f.id, words(f.args!).join(" ")],
	},
	{
		event: "sys_exit",
		sql: "SELECT ts, cpu, id, ret FROM sys_exit",
		theirs: (l, f) => [l.ts, l.cpu, f.id, BigInt.asIntN(64, BigInt(f.ret!))],
	},
	{
		event: "block_rq_issue",
		sql: "SELECT ts, cpu, dev, sector, nr_sector, bytes, rwbs, comm FROM block_rq_issue",
		theirs: (l, f) => [
			l.ts,
			l.cpu,
			f.dev,
			BigInt.asIntN(64, BigInt(f.sector!)),
			f.nr_sector,
			f.bytes,
			f.rwbs,
			f.comm,
		],
	},
	{
		event: "block_rq_complete",
		sql: "SELECT ts, cpu, dev, sector, nr_sector, error, rwbs FROM block_rq_complete",
		theirs: (l, f) => [
			l.ts,
			l.cpu,
			f.dev,
			BigInt.asIntN(64, BigInt(f.sector!)),
			f.nr_sector,
			f.error,
			f.rwbs,
		],
	},
];

const text = (values: readonly unknown[]): string =>
	values.map((v) => (Array.isArray(v) ? v.join(" ") : String(v))).join("|");

for (const name of ["6.12-4k-mixed", "cases/lock-convoy/sick", "variants/v6"])
	describe.skipIf(traceCmd === null)(`${name}, event by event, as trace-cmd report prints it`, () => {
		const trace = bundledTrace(name);
		let d: TestDataset;
		let lines: readonly ReportLine[];
		beforeAll(async () => {
			d = await datasetOf(trace);
			const answer = await report(trace.path, ["-t", "-R"]);
			if (answer === null) throw new Error(`${traceCmd} cannot read ${name}`);
			lines = answer;
		});
		afterAll(() => d?.close());

		it("all records: time, CPU, thread, name", async () => {
			const events = d.manifests.flatMap((m) => Object.keys(m.tables).filter((t) => t in m.eventCounts));
			const own: string[] = [];
			for (const event of events)
				for (const r of await d.rows(
					`SELECT e.ts, e.cpu, t.tid FROM "${event}" e JOIN thread t ON t.trace = e.trace AND t.utid = e.utid`,
				))
					own.push(text([r.ts, r.cpu, r.tid, event]));
			const theirs = lines
				.filter((l) => l.event !== "kernel_stack")
				.map((l) => text([l.ts, l.cpu, l.pid, l.event]));
			const missing = difference(theirs, own);
			const surplus = difference(own, theirs);
			expect({ records: own.length, missing: missing.slice(0, 5), surplus: surplus.slice(0, 5) }).toEqual({
				records: theirs.length,
				missing: [],
				surplus: [],
			});
		});

		for (const c of compared)
			it(`fields of ${c.event}`, async (context) => {
				const theirs = lines
					.filter((l) => l.event === c.event)
					.map((l) => text(c.theirs(l, fieldsOf(l.fields))));
				if (theirs.length === 0) context.skip();
				const own = (await d.rows(c.sql)).map((r: ResultRow) => text(Object.values(r)));
				const missing = difference(theirs, own);
				const surplus = difference(own, theirs);
				expect({ missing: missing.slice(0, 3), surplus: surplus.slice(0, 3) }).toEqual({
					missing: [],
					surplus: [],
				});
			});
	});

/** Elements of `a` beyond those in `b`, as multisets. */
function difference(a: readonly string[], b: readonly string[]): string[] {
	const left = new Map<string, number>();
	for (const x of b) left.set(x, (left.get(x) ?? 0) + 1);
	return a.filter((x) => {
		const n = left.get(x) ?? 0;
		if (n > 0) left.set(x, n - 1);
		return n === 0;
	});
}
