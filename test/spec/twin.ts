/**
 * The derived tables against their specifications: `<table>.sql` says in SQL over the event tables what the streaming
 * derivation computes. Both must have the same rows.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { catalog } from "../../lib/schema/catalog.ts";
import { quoteIdentifier } from "../../lib/schema/layout.ts";
import type { Manifest } from "../../lib/schema/manifest.ts";
import { datasetOf, type ResultRow, show, type TestDataset } from "../support/dataset.ts";
import type { TestTrace } from "../support/traces.ts";
import { insertSwitchRecords } from "./switch-records.ts";

const folder = new URL(".", import.meta.url).pathname;
const text = (name: string): string => readFileSync(join(folder, `${name}.sql`), "utf8");

/** Statements that several specifications build on, by the table that needs them. */
const builds: Readonly<Record<string, readonly string[]>> = {
	file_io: ["descriptor_calls"],
	socket_io: ["descriptor_calls"],
	irq: ["interrupts"],
	softirq: ["interrupts"],
	thread_state: ["interrupts", "waking"],
};

/** Traces that lost events: what streaming makes of a loss is not in the specifications of states and calls. */
const lossy = "SELECT DISTINCT trace FROM lost";

/** Traces in which filters make switches contradict each other: SQL does not know what is left of the states. */
const contradicted = "SELECT DISTINCT trace FROM import_note WHERE kind = 'sched_switch_missing'";

/** Recordings of single threads: who runs between their switches shows by records that are in no table. */
const ofThreads = "SELECT DISTINCT trace FROM import_note WHERE kind = 'switches-of-threads'";

/** Traces of a coarse clock: SQL cannot tell in what order the wakings and switches of one stamp came. */
const tied =
	"SELECT DISTINCT trace FROM (SELECT trace FROM sched_switch GROUP BY trace, cpu, ts HAVING count(*) > 1)";

/** Traces with samples of an event instead of all of it: nothing is derived from them, says collector/decode/perf. */
const sampled = "SELECT DISTINCT trace FROM import_note WHERE kind = 'event-sampled'";

/** Specifications that reckon with durations. */
const needsTime: ReadonlySet<string> = new Set(["thread_state", "futex_wait", "block_io"]);

const notLossy: ReadonlySet<string> = new Set(["thread_state", "syscall"]);

const notContradicted: ReadonlySet<string> = new Set(["thread_state"]);

const needsStamps: ReadonlySet<string> = new Set(["thread_state"]);

const needsSwitches: ReadonlySet<string> = new Set(["sched", "thread_state"]);

/** Columns that a specification leaves out. */
const unspecified: Readonly<Record<string, readonly string[]>> = {
	file_io: ["file_id"],
	socket_io: ["socket_id"],
	thread_state: ["ignored_wakings"],
	syscall: ["name", "error", "running_ns", "runnable_ns", "blocked_ns", "unknown_ns"],
};

export const twins: readonly string[] = [...catalog.values()]
	.filter((t) => t.kind === "derived" && existsSync(join(folder, `${t.name}.sql`)))
	.map((t) => t.name);

async function prepare(d: TestDataset, traces: readonly TestTrace[]): Promise<void> {
	const events = new Set(d.manifests.flatMap((m) => Object.keys(m.tables).filter((t) => t in m.eventCounts)));
	await d.run(text("prelude"));
	await insertSwitchRecords(d, traces);
	const union = [...events, "cpu_sample"]
		.map((e) => `SELECT trace, cpu, ts, utid FROM ${quoteIdentifier(e)}`)
		.concat(`SELECT r.trace, r.cpu, r.ts, CASE WHEN r.tid = 0 THEN 0 ELSE l.utid END FROM switch_record r
			ASOF LEFT JOIN life l ON l.trace = r.trace AND l.tid = r.tid AND l.first_ts <= r.ts WHERE r.leaves`)
		.join(" UNION ALL ");
	await d.run(`CREATE TEMP TABLE first_record AS
		SELECT r.trace, r.cpu, any_value(r.utid) AS utid FROM (${union}) r JOIN cpu c
		ON c.trace = r.trace AND c.cpu = r.cpu AND c.first_ts = r.ts GROUP BY r.trace, r.cpu`);
	await d.run(`CREATE TEMP TABLE record AS SELECT * FROM (${union})
		WHERE utid IS NOT NULL AND cpu IS NOT NULL AND trace IN (${ofThreads})`);
	await d.run("CREATE TEMP TABLE idle_name (state BIGINT, name VARCHAR)");
	for (const [state, name] of traces.flatMap(idleNames))
		await d.run(`INSERT INTO idle_name VALUES (${state}, '${name}')`);
}

/** Names of idle states of the side file cpuidle: "state1 Shared Cede latency=10 Shared Cede". */
function idleNames(trace: TestTrace): [number, string][] {
	// its member cstates, broken into two lines there
	if (trace.name === "linuxki/ppc64le-liki-4k-smt2-all") return [[1, "Shared Cede"]];
	const file = join(trace.folder, "side", "cpuidle");
	if (!existsSync(file)) return [];
	return [...readFileSync(file, "utf8").matchAll(/^state(\d+) (.*?) latency=/gm)].map((m) => [
		Number(m[1]),
		m[2]!,
	]);
}

/** Part of a table that its specification is about, where it is not all rows and columns. */
const parts: Readonly<Record<string, { readonly where: string; readonly columns: readonly string[] }>> = {
	block_io: {
		where: "issued_ts IS NOT NULL AND merged_into IS NULL",
		columns: [
			"trace",
			"dev",
			"sector",
			"bytes",
			"op",
			"issuer_utid",
			"issued_ts",
			"completed_ts",
			"service_ns",
			"error",
		],
	},
};

/** Traces of the dataset for which the specification of the table holds. */
function specifiedTraces(
	table: string,
	manifests: readonly Manifest[],
	apart: Readonly<Record<"lossy" | "contradicted" | "ofThreads" | "tied" | "sampled", ReadonlySet<unknown>>>,
): string[] {
	return manifests
		.filter(
			(m) =>
				// SQL cannot tell the order of records of one CPU that have one stamp
				m.clock.name !== "uptime" &&
				!apart.sampled.has(m.trace) &&
				(!needsTime.has(table) || m.clock.unit === "ns") &&
				(!notLossy.has(table) || !apart.lossy.has(m.trace)) &&
				(!notContradicted.has(table) || !apart.contradicted.has(m.trace)) &&
				(!needsStamps.has(table) || !apart.tied.has(m.trace)) &&
				(!needsSwitches.has(table) || !apart.ofThreads.has(m.trace)) &&
				// syscall.sql is about raw_syscalls; events of single calls are columns of many tables
				(table !== "syscall" || m.eventCounts.sys_enter !== undefined),
		)
		.map((m) => m.trace);
}

/** Fails where the rows of a table are not those of a specification, for these traces; says how many rows there are. */
async function compare(
	d: TestDataset,
	table: string,
	specification: string,
	traces: readonly string[],
): Promise<bigint> {
	const part = parts[table];
	const columns = (part?.columns ?? ["trace", ...Object.keys(catalog.get(table)!.columns)])
		.filter((c) => !unspecified[table]?.includes(c))
		.map(quoteIdentifier)
		.join(", ");
	const of = `trace IN (${traces.map((t) => `'${t}'`).join(", ")})`;
	await d.run(
		`CREATE OR REPLACE TEMP TABLE specified AS SELECT ${columns} FROM (${text(specification)}) WHERE ${of}`,
	);
	const only = (a: string, b: string): Promise<readonly ResultRow[]> =>
		d.rows(`SELECT * FROM (SELECT ${columns} FROM ${a} EXCEPT ALL SELECT ${columns} FROM ${b}) ORDER BY ALL`);
	const derived = `(SELECT * FROM ${table} WHERE ${of} AND ${part?.where ?? "true"})`;
	const missing = await only("specified", derived);
	const surplus = await only(derived, "specified");
	const { n } = await d.row(`SELECT count(*) AS n FROM ${table} WHERE ${of}`);
	if (missing.length + surplus.length > 0)
		expect.fail(
			`of ${n} rows ${surplus.length} are not specified:\n${show(surplus)}\nand ${missing.length} specified ones are missing:\n${show(missing)}`,
		);
	return n as bigint;
}

export function twinsOf(trace: TestTrace | readonly TestTrace[]): void {
	const traces = "path" in trace ? [trace] : trace;
	let d: TestDataset;
	let apart: Parameters<typeof specifiedTraces>[2];
	beforeAll(async () => {
		d = await datasetOf(trace);
		await prepare(d, traces);
		const named = async (sql: string) => new Set((await d.rows(sql)).map((r) => r.trace));
		apart = {
			lossy: await named(lossy),
			contradicted: await named(contradicted),
			ofThreads: await named(ofThreads),
			tied: await named(tied),
			sampled: await named(sampled),
		};
	});
	afterAll(() => d?.close());
	const built = new Set<string>();

	for (const table of twins)
		it(`${table} has the rows of its specification`, async (context) => {
			const specified = specifiedTraces(table, d.manifests, apart);
			if (specified.length === 0) return context.skip();
			for (const b of builds[table] ?? [])
				if (!built.has(b)) {
					await d.run(text(b));
					built.add(b);
				}
			if ((await compare(d, table, table, specified)) === 0n) context.skip();
		});

	it("sched of recordings of single threads has the rows of its specification", async (context) => {
		const specified = d.manifests.map((m) => m.trace).filter((t) => apart.ofThreads.has(t));
		if (specified.length === 0) return context.skip();
		await compare(d, "sched", "sched_of_threads", specified);
	});
}
