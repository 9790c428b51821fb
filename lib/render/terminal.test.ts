import { describe, expect, it } from "vitest";
import { displayWidth } from "../figures/text.ts";
import type { TableBlock } from "../reports/document.ts";
import { exampleReport, hostileNames } from "./example-report.ts";
import { reportCsv, reportJson } from "./report-json.ts";
import { formatTable } from "./report-table.ts";
import { reportText } from "./terminal.ts";

const readable = (text: string) => text.replaceAll("\u202f", "_");

describe("a report on the terminal", () => {
	it("has the order and the words of the page", () => {
		expect(readable(reportText(exampleReport))).toMatchInlineSnapshot(`
			"order-w0 waits for a CPU 30.2 % of its time, behind <script>alert(1)</script>
			  30.2 % of 2.01 s is 608 ms.
			  Next: powerki report task --where "thread = 240"

			in the run queue  144_ms   of 8.05 CPU·s
			waits             19_771   of 24 threads
			longest           unknown  its end was not seen

			machine  powerlab, ppc64le POWER9, 4 CPUs, 6.12.95+deb12-powerpc64le
			window   299.118080224 … 301.533913446_s (2.42_s), clock mono, ns
			observed not for the whole window: cpu 2 61.5_%; lost 7 events
			recorded ✓ sched_switch 3252, sched_waking 1717
			none     ○ contention_begin
			not      ✕ block_rq_issue, page faults

			Who waits for a CPU?
			  A row is a thread, 2 of 24 by time in the run queue
			 thread                    tid   waits  ▼ total ms  p99 ms  of its time %  wait function
			 order-w0                  240  12_345       143.8     2.6           30.3  futex_wait_queue
			 <script>alert(1)</scrip…  7         6        <0.1       –           <0.1  unknown
			 all                            12_351       143.8
			  2 of 24 rows; --top 24 shows all

			  Next to 'onmouseover='alert(5) and $x$ and $$y$$.

			How long are the waits?
			  half of the waits are shorter than 4.26 ms "><img src=x onerror=alert(2)>
			  914 waits, log bins
			  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇

			Disk I/O
			  Disk I/O: not recorded
			  The trace has no block_rq_issue. This is not “no activity”.
			  Record them: powerki record --events block

			Notes of the import
			  7 events of cpu 2 were lost while abc\\u202egpj.exe ran

			19_771 events · lost 7 · trace 28736db526debc57 · top 2 · powerki 0.1.0 · duckdb 1.5.6
			again    powerki report run-queue --dataset demo --top 2
			"
		`);
	});
	it.each([120, 100, 60, 40])("fits in %i columns", (width) => {
		const lines = reportText(exampleReport, { width }).split("\n");
		expect(lines.filter((l) => displayWidth(l) > width)).toEqual([]);
	});
	it("sends no character that acts", () => {
		const text = reportText({ ...exampleReport, title: hostileNames.join(" "), notes: hostileNames });
		expect(text.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
	});
	it("is the same text with colour", () => {
		const text = reportText(exampleReport, { color: true });
		expect(text).toContain("\u001b[1m");
		expect(text.replace(/\u001b\[\d+m/g, "")).toBe(reportText(exampleReport));
	});
	it("is ASCII where asked", () => {
		expect(reportText(exampleReport, { ascii: true })).toMatch(/^[\n\x20-\x7e]*$/);
	});
});

describe("a table", () => {
	const base: TableBlock = { kind: "table", caption: "", columns: [], rows: [], available: 0 };
	it("tells zero, none, unknown and no such value apart", () => {
		const table = formatTable({
			...base,
			columns: [
				{ key: "name", label: "name", quantity: "name" },
				{ key: "ns", label: "time", quantity: "ns", bar: "max" },
			],
			rows: [
				{ name: "a", ns: 2_000_000 },
				{ name: null, ns: 0 },
				{ name: "-", ns: null },
				{ name: true, ns: "-" },
				{ name: -4611686018427387904n, ns: 1_000_000n },
			],
			available: 5,
		});
		expect(table.columns[1]!.unit).toBe("ms");
		expect(table.rows).toEqual([
			["a", "2.0"],
			["unknown", "0"],
			["–", "?"],
			["yes", "–"],
			["0xc000000000000000", "1.0"],
		]);
		expect(table.bars.map((b) => b[1])).toEqual([1, 0, null, null, 0.5]);
		expect(table.more).toBeNull();
	});
});

describe("rows that are as expected", () => {
	it("are dim on a terminal, and named in JSON", () => {
		const table = exampleReport.sections[0]!.blocks[0] as TableBlock;
		const report = {
			...exampleReport,
			sections: [{ id: "a", title: "A", blocks: [{ ...table, expected: [1] }] }],
		};
		const rows = reportText(report, { color: true })
			.split("\n")
			.filter((l) => /order-w0 +240|<script>.* 7 /.test(l));
		expect(rows.map((l) => l.startsWith("\u001b[2m"))).toEqual([false, true]);
		expect(JSON.parse(reportJson(report)).sections[0].blocks[0].expected_rows).toEqual([1]);
	});
});

describe("a report for programs", () => {
	it("is JSON with ns and plain digits", () => {
		const parsed = JSON.parse(reportJson(exampleReport));
		expect(parsed.sections[0].blocks[0].rows[1]).toEqual({
			name: hostileNames[0],
			tid: 7,
			waits: 6,
			total: 400,
			p99: null,
			share: 0.01,
			func: null,
		});
		expect(parsed.statement.traces[0]).toMatchObject({ start_ts: 299118080224, lost_events: 7 });
		expect(Object.keys(parsed)).toEqual([
			...["report", "title", "lead", "key_numbers", "recorded", "sections", "notes", "statement"],
		]);
	});
	it("keeps integers beyond 2^53", () => {
		const [trace] = exampleReport.statement.traces;
		const statement = { ...exampleReport.statement, traces: [{ ...trace!, endTs: 2n ** 62n + 1n }] };
		expect(reportJson({ ...exampleReport, statement })).toContain('"end_ts": 4611686018427387905,');
	});
	it("is CSV, a block for each table", () => {
		const blocks = reportCsv(exampleReport).split("\n\n");
		expect(blocks[0]).toBe(
			[
				'#,run-queue,threads,"A row is a thread, 2 of 24 by time in the run queue"',
				"name,tid,waits,total,p99,share,func",
				"order-w0,240,12345,143800000,2590000,30.25,futex_wait_queue",
				"<script>alert(1)</script>,7,6,400,,0.01,",
			].join("\n"),
		);
		expect(blocks).toHaveLength(2);
	});
});
