/**
 * Mutated recordings of LinuxKI, read and inspected in this process: whatever the bytes are, both end with counts and rows
 * that make sense and agree, or with the same refusal, in time and with bounded memory.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspectLinuxki } from "../../collector/decode/linuxki/info.ts";
import { readLinuxki } from "../../collector/decode/linuxki/read.ts";
import { linuxkiDirectory } from "../../collector/decode/linuxki/recording.ts";
import type { ReadOptions, TraceSummary } from "../../collector/decode/source.ts";
import type { SideFiles } from "../../collector/side/index.ts";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";
import { cpuSample } from "../../lib/schema/events.ts";
import type { TraceInfo } from "../../lib/schema/info.ts";
import { powerki } from "../support/cli.ts";
import { random } from "../support/random.ts";
import { type Checked, CheckingSink } from "./checks.ts";
import { captureOf, kindOf } from "./linuxki-captures.ts";
import { mutated } from "./linuxki-mutations.ts";
import type { Finding } from "./mutate.ts";

/** Seconds of CPU for one file, whatever its size, and for each MiB more: some hundred times what it takes. */
const TIME = 5;
const TIME_PER_MIB = 2;
const MIB = 1024 * 1024;

/** What one mutation came to. */
export interface Tried {
	readonly finding: Finding | null;
	readonly refused: boolean;
	readonly seconds: number;
	readonly bytes: number;
}

/** `endToEnd` collects it as a user does. */
export async function tryLinuxkiMutation(folder: string, seed: number, endToEnd = false): Promise<Tried> {
	const next = random(seed);
	const capture = await captureOf(kindOf(seed), folder);
	const own = join(folder, `linuxki-${seed}`);
	mkdirSync(own, { recursive: true });
	let bytes = 0;
	for (const [name, content] of mutated(capture, next)) {
		writeFileSync(join(own, name), content);
		if (name.startsWith("ki.bin.")) bytes += content.length;
	}
	const options = next() < 0.8 ? {} : someOptions(next);
	const start = process.cpuUsage();
	const result = endToEnd
		? { what: await collectIt(own, join(folder, `linuxki-out-${seed}`)), refused: false }
		: await readIt(own, capture.side, options);
	// of this process: a busy machine is no failure
	const { user, system } = process.cpuUsage(start);
	const seconds = (user + system) / 1e6;
	const what =
		result.what ??
		(seconds > TIME + TIME_PER_MIB * (bytes / MIB)
			? `took ${seconds.toFixed(1)} s for ${bytes} bytes`
			: null);
	if (what === null) rmSync(own, { recursive: true });
	return {
		finding: what === null ? null : { seed, trace: capture.name, what },
		refused: result.refused,
		seconds,
		bytes,
	};
}

function someOptions(next: () => number): ReadOptions {
	const from = next() * 8;
	return {
		...(next() < 0.5 ? { window: { from, to: from + next() * 4 } } : {}),
		...(next() < 0.3 ? { events: ["sched_switch", "sys_enter"] } : {}),
		...(next() < 0.3 ? { noDerived: true } : {}),
	};
}

async function readIt(
	folder: string,
	side: SideFiles,
	options: ReadOptions,
): Promise<{ what: string | null; refused: boolean }> {
	const paths = linuxkiDirectory(folder);
	// all of it went
	if (paths === null) return { what: null, refused: true };
	const sink = new CheckingSink();
	const read = await outcome(async () => {
		for await (const _ of readLinuxki(paths, side, options, sink));
		return null;
	});
	const inspected = await outcome(() => inspectLinuxki(paths));
	const problems = [...sink.problems];
	for (const { crash } of [read, inspected]) if (crash !== null) problems.push(crash);
	const refused = read.refusal !== null;
	if (refused !== (inspected.refusal !== null) && problems.length === 0)
		problems.push(`read: ${read.refusal ?? "done"}; inspected: ${inspected.refusal ?? "done"}`);
	else if (inspected.value !== null && problems.length === 0) {
		if (sink.traces.length !== inspected.value.length)
			problems.push("more or fewer traces than inspect tells");
		for (const [k, trace] of sink.traces.entries()) {
			const { summary } = trace;
			if (summary === null) problems.push("no summary");
			else {
				problems.push(...disagreements(trace, summary, options));
				if (options.window === undefined) problems.push(...differences(summary, inspected.value[k]!));
			}
		}
	}
	return { what: problems.length > 0 ? problems.slice(0, 3).join("; ") : null, refused };
}

interface Outcome<T> {
	readonly value: T | null;
	readonly refusal: string | null;
	readonly crash: string | null;
}

async function outcome<T>(work: () => Promise<T>): Promise<Outcome<T>> {
	try {
		return { value: await work(), refusal: null, crash: null };
	} catch (error) {
		if (error instanceof PowerkiError && error.code === exitCode.unreadable)
			return { value: null, refusal: error.message, crash: null };
		const text = String(error instanceof Error ? error.stack : error);
		return { value: null, refusal: null, crash: text.split("\n", 5).join("\n") };
	}
}

const total = (counts: Readonly<Record<string, number>>): number =>
	Object.values(counts).reduce((sum, n) => sum + n, 0);

const hardclock = "hardclock";

/** Records of which something is amiss, by event: too short for its fields, or with text outside it. */
function damagedRecords({ notes }: TraceSummary): Map<string, number> {
	const counts = new Map<string, number>();
	for (const n of notes)
		if (n.kind === "record-damaged") counts.set(n.source, (counts.get(n.source) ?? 0) + (n.count ?? 1));
	return counts;
}

/** The module's reader counts records that are too short apart, that of the ring buffer's pages does not. */
const isFtrace = (s: TraceSummary): boolean => s.formatVersion === "0";

/** Beyond 2^53 ns from the first, numbers are rounded. */
const EXACT = 2n ** 53n;
const ROUNDED = 32n;

/** Where two systems have an event of this name, its tables are named after the system too. */
function rowsOf(rows: ReadonlyMap<string, number>, event: string): number {
	const own = rows.get(event);
	if (own !== undefined) return own;
	const named = [...rows].filter(([table]) => table.endsWith(`_${event}`));
	return named.reduce((sum, [, n]) => sum + n, 0);
}

/** Rows against what the summary says of them. */
function disagreements({ rows, first, last }: Checked, s: TraceSummary, options: ReadOptions): string[] {
	const problems: string[] = [];
	const wanted = options.events === undefined ? null : new Set(options.events);
	const damaged = damagedRecords(s);
	for (const [event, count] of Object.entries(s.events)) {
		if (wanted !== null && !wanted.has(event)) continue;
		const has = rowsOf(rows, event === hardclock ? cpuSample.name : event);
		const least = count - (isFtrace(s) ? (damaged.get(event) ?? 0) : 0);
		if (has > count || has < least)
			problems.push(`${count} records of ${event}, ${count - least} damaged, ${has} rows`);
	}
	const all = s.cpus.reduce((sum, c) => sum + c.events, 0);
	const apart = isFtrace(s) ? 0 : [...damaged.values()].reduce((a, b) => a + b, 0);
	const told = total(s.events) + total(s.unknownEvents) + apart;
	if (all !== told) problems.push(`${all} records on all CPUs, ${told} are told of`);
	if (s.window === null) {
		if (first !== null) problems.push("rows without a window");
	} else if (first !== null) {
		const spare = s.window.end - s.window.start > EXACT ? ROUNDED : 0n;
		if (first < s.window.start - spare || last! > s.window.end + spare)
			problems.push(`rows from ${first} to ${last}, window from ${s.window.start} to ${s.window.end}`);
	}
	if (s.damaged !== s.notes.some((n) => n.severity === "error"))
		problems.push(
			`damaged: ${s.damaged}, but notes: ${s.notes.map((n) => `${n.severity} ${n.kind}`).join(", ")}`,
		);
	return problems;
}

/** What reading and inspecting tell differently. */
function differences(s: TraceSummary, info: TraceInfo): string[] {
	const problems: string[] = [];
	const compare = (what: string, read: unknown, inspected: unknown): void => {
		const [a, b] = [read, inspected].map((v) =>
			JSON.stringify(v, (_, x) => (typeof x === "bigint" ? `${x}` : x)),
		);
		if (a !== b) problems.push(`${what}: read ${a}, inspected ${b}`);
	};
	const events = new Map(Object.entries(s.events));
	if (!isFtrace(s))
		for (const [event, n] of damagedRecords(s)) events.set(event, (events.get(event) ?? 0) + n);
	const sorted = (counts: Iterable<[string, number]>): [string, number][] =>
		[...counts].sort(([a], [b]) => (a < b ? -1 : 1));
	compare("events", sorted(events), sorted(Object.entries(info.events)));
	compare(
		"unknown events",
		sorted(Object.entries(s.unknownEvents)),
		sorted(Object.entries(info.unknownEvents)),
	);
	compare(
		"CPUs",
		s.cpus.map((c) => c.cpu),
		info.cpusWithRecords,
	);
	compare("gaps", s.lost.gaps, info.lost.gaps);
	compare("damaged", s.damaged, info.damage.length > 0);
	if (s.window !== null && info.start !== null && info.end !== null) {
		const signed = (t: bigint): bigint => BigInt.asIntN(64, t);
		compare("window", [s.window.start, s.window.end], [signed(info.start), signed(info.end)]);
	}
	return problems;
}

async function collectIt(input: string, out: string): Promise<string | null> {
	try {
		const run = await powerki(["collect", input, "--out", out], { timeout: 60_000 });
		if (run.code === null || ![0, 3, 4].includes(run.code))
			return `ended with ${run.code ?? run.signal}: ${run.stderr.slice(0, 600)}`;
		return run.code === 3 && !run.stderr.startsWith("error: ")
			? `refused without a reason: ${run.stderr}`
			: null;
	} catch (error) {
		return (error as Error).message;
	} finally {
		rmSync(out, { recursive: true, force: true });
	}
}
