/**
 * The older layouts of LinuxKI's records: the same rows as the version-9 original up to the last record, and NULL where
 * the layout has no such field.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collected, openDataset, type ResultRow, type TestDataset } from "../support/dataset.ts";
import { besideJson, linuxkiOldVersion, linuxkiTrace } from "../support/traces.ts";
import { compare, stacksOf } from "./linuxki/compare.ts";
import { kitraceOf, parseKitrace } from "./linuxki/kitrace.ts";
import { listed } from "./linuxki/listed.ts";

/** Columns that a version has not, by table. */
const missing: Readonly<Record<1 | 2 | 3 | 4, Readonly<Record<string, readonly string[]>>>> = {
	1: {
		sched_switch: ["irq_time", "softirq_time", "total_vm", "total_rss", "stealtime"],
		block_rq_issue: ["async_in_flight", "sync_in_flight"],
		sys_enter: ["is32bit"],
		sys_exit: ["is32bit"],
	},
	2: { sched_switch: ["stealtime"] },
	3: { sched_switch: ["stealtime"], startup: ["tracemask", "features"] },
	4: {},
};

/** Records of the original that those in versions 1 and 2 do not have. */
const later = ["call_function_entry", "call_function_exit", "startup"];

const own = ["trace", "host", "date", "utid", "stack_id", "user_stack_id"];

describe.each([1, 2, 3, 4] as const)("version V%i", (version) => {
	let d: TestDataset;
	let original: TestDataset;
	let end: bigint;
	let tables: string[];
	beforeAll(async () => {
		d = await openDataset(await collected(linuxkiOldVersion(version)));
		original = await openDataset(await collected(linuxkiTrace("x86-liki-mixed")));
		end = (await d.row("SELECT end_ts FROM trace")).end_ts as bigint;
		tables = Object.keys(original.manifests[0]!.eventCounts);
	});
	afterAll(() => {
		d?.close();
		original?.close();
	});

	const rowsOf = (from: TestDataset, table: string): Promise<readonly ResultRow[]> =>
		from.rows(
			`SELECT t.tid, e.* FROM ${table} e JOIN thread t USING (utid) WHERE e.ts < ${end} ORDER BY e.ts, e.cpu`,
		);

	it("the same rows, what it has not is NULL", async () => {
		const seen: string[] = [];
		for (const event of tables) {
			const table = event === "hardclock" ? "cpu_sample" : event;
			if (version <= 2 && later.includes(event)) continue;
			const expected = await rowsOf(original, table);
			const rows = await rowsOf(d, table);
			expect([table, rows.length]).toEqual([table, expected.length]);
			const absent = missing[version][table] ?? [];
			const sampled = new Set<unknown>();
			for (const [k, row] of rows.entries()) {
				// the first hardclock of a CPU stands for the time since the CPU was seen: the startup record was
				const first = table === "cpu_sample" && version <= 2 && !sampled.has(row.cpu);
				sampled.add(row.cpu);
				for (const [column, value] of Object.entries(expected[k]!)) {
					if (own.includes(column) || (first && (column === "ns" || column === "period"))) continue;
					const here = row[column] ?? null;
					if (absent.includes(column)) expect([table, column, here]).toEqual([table, column, null]);
					else if (!isSame(here, value)) expect([table, column, k, here]).toEqual([table, column, k, value]);
				}
			}
			if (rows.length > 0) seen.push(table);
		}
		expect(seen.length).toBeGreaterThanOrEqual(version <= 2 ? 10 : 12);
	});

	it("the same system calls, waits on futexes, block requests that ended", async () => {
		for (const [table, columns] of [
			["syscall", "e.name, e.nr, e.ret, e.error, e.running_ns, e.runnable_ns, e.blocked_ns"],
			["futex_wait", "e.uaddr, e.op, e.outcome, e.slept_ns"],
			["block_io", "e.dev, e.sector, e.bytes, e.op, e.service_ns"],
			["sched", "e.cpu, e.end_state"],
		] as const) {
			const rows = (from: TestDataset) =>
				from.rows(`SELECT e.ts, e.dur, t.tid, ${columns} FROM ${table} e LEFT JOIN thread t ON t.utid = e.utid
					WHERE e.ts + e.dur < ${end} AND NOT e.open_left AND NOT e.open_right ORDER BY ALL`);
			expect(await rows(d)).toEqual(await rows(original));
		}
	});

	const print = kitraceOf(`${linuxkiTrace("x86-liki-mixed").folder}/../old-versions/V${version}`);
	it.skipIf(print === null)("every line that kiinfo prints of it", async () => {
		const lines = parseKitrace(print!);
		const first = (await d.row("SELECT start_ts FROM trace")).start_ts as bigint;
		const { startup } = besideJson<{ startup: { t: number } }>(linuxkiTrace("x86-liki-mixed"), "events.json");
		const stacks = await stacksOf(d);
		for (const event of new Set(lines.map((l) => l.event))) {
			const of = lines.filter((l) => l.event === event);
			const { compared, differences } = await compare(
				d,
				event,
				of,
				{ first, startup: BigInt(startup.t) },
				stacks,
			);
			const by: Record<string, number> = {};
			for (const x of differences) by[x.what] = (by[x.what] ?? 0) + 1;
			if (process.env.KITRACE) console.log(`COUNT ${JSON.stringify([`V${version}`, event, by])}`);
			else expect([event, compared, by]).toEqual([event, of.length, listed(`V${version}`, event)]);
		}
	});
});

function isSame(a: unknown, b: unknown): boolean {
	return (
		a === b ||
		(Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((x, k) => x === b[k]))
	);
}
