import { describe, expect, it } from "vitest";
import { PowerkiError } from "../schema/errors.ts";
import type { Manifest } from "../schema/manifest.ts";
import { parseWindow, spread, spreadOf } from "./definitions.ts";
import { nearest } from "./nearest.ts";
import { missing, recordCommand } from "./needs.ts";
import { parseWhere, whereSql } from "./where.ts";

const start = 1795600000000009489n;
const trace = { window: { start, end: start + 2_000_000_000n } } as Manifest;

describe("a window", () => {
	it.each([
		["0.1..0.3", 100_000_000n, 300_000_000n],
		["..1", 0n, 1_000_000_000n],
		["200ms..300ms", 200_000_000n, 300_000_000n],
		["1.000000001 .. 1.000000002", 1_000_000_001n, 1_000_000_002n],
		["5us..7us", 5_000n, 7_000n],
	])("%s is exact to the ns", (text, from, to) => {
		const w = parseWindow(text, trace);
		expect([w.start - start, w.end - start, w.ns, w.whole]).toEqual([from, to, Number(to - from), false]);
	});
	it("without text is the whole trace, its last record included", () => {
		const w = parseWindow(undefined, trace);
		expect([w.start, w.end, w.ns, w.whole]).toEqual([start, start + 2_000_000_001n, 2e9, true]);
	});
	it("that reaches beyond the trace ends with it", () => {
		expect(parseWindow("1.5..9", trace)).toMatchObject({
			ns: 5e8,
			toSeconds: 2,
			end: start + 2_000_000_001n,
		});
	});
	it.each(["1", "a..b", "2..1", "1..1", "3..4", "1..2..3", "-1..1"])("%s is refused", (text) =>
		expect(() => parseWindow(text, trace)).toThrow(PowerkiError),
	);
});

describe("percentiles", () => {
	it("are observed values, by nearest rank", () => {
		const s = spread(Array.from({ length: 100 }, (_, i) => 100 - i));
		expect(s).toEqual({ n: 100, mean: 50.5, max: 100, p50: 50, p95: 95, p99: 99 });
	});
	it("are not shown for few values", () => {
		expect(spread([5, 1])).toEqual({ n: 2, mean: 3, max: 5, p50: "-", p95: "-", p99: "-" });
		expect(spread([])).toEqual({ n: 0, mean: "-", max: "-", p50: "-", p95: "-", p99: "-" });
		expect(spreadOf({ x_n: 20n, x_sum: 40, x_max: 9, x_p50: 2, x_p95: 8, x_p99: 9 }, "x")).toMatchObject({
			p95: 8,
			p99: "-",
		});
	});
});

describe("a condition", () => {
	const columns = { thread: "tid", process: "tgid", name: "name", cpu: "cpu", device: "device" };
	it.each([
		["cpu = 3", "(cpu = ?)", [3]],
		["name = dd", "(name = ?)", ["dd"]],
		[
			"name = 'it''s' OR cpu != 1 AND NOT thread > 5",
			"((name = ?) OR ((cpu <> ?) AND (NOT (tid > ?))))",
			["it's", 1, 5],
		],
		[
			"(cpu = 1 or cpu = 2) and process in (7, 8)",
			"(((cpu = ?) OR (cpu = ?)) AND (tgid = ANY(?)))",
			[1, 2, [7, 8]],
		],
		["name NOT IN (a, 'b c')", "(NOT (name = ANY(?)))", [["a", "b c"]]],
		["name ~ 'w_*?'", "(name LIKE ? ESCAPE '\\')", ["w\\_%_"]],
		["name = kworker/3:1", "(name = ?)", ["kworker/3:1"]],
		["name = 42", "(name = ?)", ["42"]],
	])("%s becomes bound SQL", (text, sql, values) => {
		const f = whereSql(parseWhere(text), columns);
		expect([f.text, f.values]).toEqual([sql, values]);
	});
	it.each([
		["nam = dd", 0, 'did you mean "name"?'],
		["cpu = dd", 6, "number"],
		["cpu = 1 cpu = 2", 8, "AND or OR"],
		["(cpu = 1", 8, '")" is expected'],
		["cpu ~ 1", 4, "number"],
		["cpu = 1 ; DROP", 8, "not understood"],
		["", 0, "ends too early"],
	])("%s is refused, with the place", (text, at, word) => {
		const error = (() => {
			try {
				parseWhere(text);
			} catch (e) {
				return e as PowerkiError;
			}
			throw new Error("accepted");
		})();
		expect(error.details[1]).toBe(`${" ".repeat(at)}^`);
		expect([error.message, ...error.details].join("\n")).toContain(word);
	});
	it("on what a report does not have is refused", () => {
		expect(() => whereSql(parseWhere("device = vda"), { cpu: "cpu" })).toThrow(
			"this report cannot be filtered by device",
		);
	});
});

describe("what is missing", () => {
	const manifest = (recorded: string[] | null, tables: Record<string, number> = {}) =>
		({
			recorded,
			options: {},
			sources: [{ name: "t.dat" }],
			tables: Object.fromEntries(Object.entries(tables).map(([k, rows]) => [k, { rows }])),
		}) as unknown as Manifest;
	it("is nothing where the events were on and did not happen", () => {
		expect(
			missing(manifest(["sys_enter", "sys_exit"]), { what: "Futexes", tables: ["futex_wait"] }),
		).toBeNull();
	});
	it("is nothing where the derived table has rows, whatever became of the events", () => {
		expect(missing(manifest([], { sched: 5 }), { what: "CPU", tables: ["sched"] })).toBeNull();
	});
	it("takes any one of alternatives", () => {
		expect(missing(manifest(["block_bio_queue"]), { what: "Disk", tables: ["block_io"] })).toBeNull();
	});
	it("names the events and how to record them", () => {
		expect(missing(manifest(["sys_enter"]), { what: "System calls", tables: ["syscall"] })).toEqual({
			kind: "not-recorded",
			what: "System calls",
			cause: "recording",
			events: ["sys_exit"],
			certain: true,
			remedy: "trace-cmd record -e raw_syscalls:sys_exit",
		});
	});
	it("is uncertain where the trace does not tell what was on", () => {
		expect(missing(manifest(null), { what: "CPU", tables: ["sched"] })).toMatchObject({ certain: false });
	});
	it("is the collection's doing where that left out derived tables", () => {
		const bare = { ...manifest(["sched_switch"], { sched_switch: 5 }), options: { derived: false } };
		expect(missing(bare, { what: "CPU", tables: ["sched"] })).toMatchObject({
			cause: "collection",
			events: [],
			remedy: "powerki collect t.dat --out DATASET (without --no-derived)",
		});
	});
	it("is recorded by system", () => {
		expect(recordCommand(["block_rq_issue", "softirq_entry", "my_event"])).toBe(
			"trace-cmd record -e block:block_rq_issue -e irq:softirq_entry -e my_event",
		);
	});
});

describe("did you mean", () => {
	it("finds near names and no far ones", () => {
		expect(nearest("futex_wiat", ["futex_wake", "futex_wait", "sched"])).toBe("futex_wait");
		expect(nearest("comm", ["cpu", "utid"])).toBeNull();
	});
});
