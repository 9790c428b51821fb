/** Recordings of LinuxKI that are cut off: in a folder, read by the decoder in this process, and in their archive. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, expect, it } from "vitest";
import { archive, file } from "../../collector/archive/testing.ts";
import { type ReadBack, readBack } from "../../collector/decode/linuxki/chunk-testing.ts";
import { CHUNK, CHUNK_HEADER } from "../../collector/decode/linuxki/chunks.ts";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";
import { cpuSample } from "../../lib/schema/events.ts";
import { quoteIdentifier } from "../../lib/schema/layout.ts";
import { powerki } from "../support/cli.ts";
import { openDataset } from "../support/dataset.ts";
import { filesUnder, scratch } from "../support/scratch.ts";
import { linuxkiOldVersion, linuxkiTrace, type TestTrace } from "../support/traces.ts";

export interface LinuxkiInput {
	readonly name: string;
	readonly trace: () => TestTrace;
}

export const linuxkiInputs: readonly LinuxkiInput[] = [
	{ name: "x86-liki-mixed", trace: () => linuxkiTrace("x86-liki-mixed") },
	{ name: "ppc64le-ftrace-4k-mixed", trace: () => linuxkiTrace("ppc64le-ftrace-4k-mixed") },
	{ name: "old-versions/V1", trace: () => linuxkiOldVersion(1) },
];

/** Columns whose values depend on what else the recording shows. */
const numbered = new Set(["trace", "host", "date", "utid", "stack_id", "user_stack_id"]);

/** What nothing but a later record tells: the thread that was current in an interrupt. */
const toldLater = new Set(["common_pid"]);

interface Event {
	readonly ts: bigint;
	readonly table: string;
	/** Values of its columns that are not NULL. */
	readonly fields: Readonly<Record<string, unknown>>;
}

/** By CPU, in order of time. */
type Events = ReadonlyMap<number, readonly Event[]>;

type Rows = Readonly<Record<string, unknown>>;

function eventsOf(tables: Iterable<readonly [table: string, rows: readonly Rows[]]>): Events {
	const byCpu = new Map<number, Event[]>();
	for (const [table, rows] of tables)
		for (const row of rows) {
			const fields = Object.fromEntries(
				Object.entries(row).filter(([name, v]) => !numbered.has(name) && v !== null),
			);
			const list = byCpu.get(row.cpu as number) ?? [];
			byCpu.set(row.cpu as number, list);
			list.push({ ts: row.ts as bigint, table, fields });
		}
	for (const list of byCpu.values()) list.sort((a, b) => (a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : 0));
	return byCpu;
}

/** What the event has is what the whole has of it; a member that is cut away may cost columns. */
function isPartOf(event: Event, whole: Event): boolean {
	return (
		event.table === whole.table &&
		Object.entries(event.fields).every(
			([name, value]) => toldLater.has(name) || String(value) === String(whole.fields[name]),
		)
	);
}

/** The first event that is not where the whole has it; those of one time on one CPU in any order. */
function notBegin(part: Events, whole: Events): string | null {
	for (const [cpu, list] of part) {
		const all = whole.get(cpu) ?? [];
		for (let from = 0; from < list.length; ) {
			const { ts } = list[from]!;
			let end = from;
			while (end < list.length && list[end]!.ts === ts) end++;
			const candidates: Event[] = [];
			for (let k = from; k < all.length && all[k]!.ts === ts; k++) candidates.push(all[k]!);
			for (const event of list.slice(from, end)) {
				const k = candidates.findIndex((e) => isPartOf(event, e));
				if (k < 0)
					return `CPU ${cpu}, ${from}: ${show(event)}; the whole has ${all[from] ? show(all[from]) : "no more"}`;
				candidates.splice(k, 1);
			}
			if (candidates.length > 0 && end < list.length)
				return `CPU ${cpu}, ${from}: ${show(candidates[0]!)} is missing`;
			from = end;
		}
	}
	return null;
}

const show = ({ table, fields }: Event): string =>
	`${table} ${Object.entries(fields)
		.map(([k, v]) => `${k}=${String(v)}`)
		.join(" ")}`;

function eventsRead({ tables, summaries }: ReadBack): Events {
	const names = new Set(Object.keys(summaries[0]!.events));
	return eventsOf([...tables].filter(([table]) => names.has(table) || table === cpuSample.name));
}

async function eventsIn(dataset: string): Promise<Events> {
	const d = await openDataset(dataset);
	try {
		const m = d.manifests[0]!;
		const names = Object.keys(m.tables).filter((t) => t in m.eventCounts || t === cpuSample.name);
		return eventsOf(
			await Promise.all(
				names.map(async (t) => [t, await d.rows(`SELECT * FROM ${quoteIdentifier(t)}`)] as const),
			),
		);
	} finally {
		d.close();
	}
}

/** Offsets spread over `bytes`, and near both ends. */
function offsetsOf(bytes: number, cuts: number): number[] {
	const offsets = new Set([1, 17, bytes - 1]);
	for (let i = 1; i <= cuts; i++) offsets.add(Math.floor((bytes * i) / (cuts + 1)));
	return [...offsets].sort((a, b) => a - b);
}

/** Places where a cut file is as long as a whole one: nothing in it tells that more followed. */
function ends(bytes: Buffer): Set<number> {
	const places = new Set<number>([0]);
	if (bytes.readUInt32LE(12) === 0)
		for (let at = 0; at + 16 <= bytes.length; places.add(at)) at += 16 + bytes.readUInt32LE(at + 8);
	else
		for (let at = 0; at + CHUNK_HEADER <= bytes.length; at += CHUNK)
			for (let end = at + CHUNK_HEADER + bytes.readUInt32LE(at + 8); end <= at + CHUNK; end++)
				places.add(end);
	return places;
}

/** Unpacked, with the archive as it is or made of the folder. */
function unpackedOf(input: LinuxkiInput, folder: string): { members: Map<string, Buffer>; tgz: Buffer } {
	const { path } = input.trace();
	let from = path;
	if (path.endsWith(".tgz")) {
		from = join(folder, "unpacked");
		mkdirSync(from);
		execFileSync("tar", ["-xzf", path, "-C", from]);
	}
	const names = readdirSync(from)
		.sort()
		.filter((n) => statSync(join(from, n)).isFile());
	const members = new Map<string, Buffer>(names.map((n) => [n, readFileSync(join(from, n))]));
	const tgz = path.endsWith(".tgz")
		? readFileSync(path)
		: gzipSync(archive(...names.map((n) => file(n, members.get(n)!))));
	return { members, tgz };
}

export function linuxkiTruncationsOf(input: LinuxkiInput, cuts: number): void {
	const folder = scratch();
	let members: Map<string, Buffer>;
	let tgz: Buffer;
	let whole: Events;
	beforeAll(async () => {
		({ members, tgz } = unpackedOf(input, folder));
		whole = eventsRead(await readBack(Object.fromEntries(members)));
	});
	const kiBin = (): string => [...members.keys()].filter((n) => n.startsWith("ki.bin.")).at(-1)!;

	it("one ki.bin cut: a refusal, or the beginning of what each CPU recorded", async () => {
		const bytes = members.get(kiBin())!;
		const unnoticed = ends(bytes);
		for (const offset of offsetsOf(bytes.length, cuts)) {
			let read: ReadBack;
			try {
				read = await readBack({ ...Object.fromEntries(members), [kiBin()]: bytes.subarray(0, offset) });
			} catch (error) {
				if (!(error instanceof PowerkiError)) throw error;
				expect([offset, error.code]).toEqual([offset, exitCode.unreadable]);
				continue;
			}
			const part = eventsRead(read);
			const [summary] = read.summaries;
			expect([offset, notBegin(part, whole)]).toEqual([offset, null]);
			if (unnoticed.has(offset)) continue;
			expect([offset, summary!.damaged]).toEqual([offset, true]);
			expect(summary!.notes.filter((n) => n.severity === "error").map((n) => n.source)).toContain(kiBin());
		}
	});

	it("one ki.bin cut, collected: exit 4 and a note; with --strict nothing is kept", async () => {
		const own = join(folder, "cut");
		mkdirSync(own);
		for (const [name, bytes] of members)
			writeFileSync(join(own, name), name === kiBin() ? bytes.subarray(0, 300_001) : bytes);
		const [out, strict] = [join(folder, "cut-out"), join(folder, "cut-strict")];
		expect((await powerki(["collect", own, "--out", out])).code).toBe(exitCode.damaged);
		expect(notBegin(await eventsIn(out), whole)).toBeNull();
		const d = await openDataset(out);
		expect(
			await d.rows("SELECT source FROM import_note WHERE severity = 'error' AND kind = 'truncated'"),
		).toEqual([{ source: kiBin() }]);
		d.close();
		expect((await powerki(["collect", own, "--out", strict, "--strict"])).code).toBe(exitCode.damaged);
		expect(existsSync(strict) ? filesUnder(strict) : []).toEqual([]);
	});

	for (const part of [...Array(cuts).keys()].map((k) => (k + 1) / (cuts + 1)))
		it(`the archive cut to ${(100 * part).toFixed(1)} %: a refusal, or the beginning of what each CPU recorded, exit 4 and a note`, async () => {
			const path = join(folder, "cut.tgz");
			const out = join(folder, `tgz-out-${part}`);
			writeFileSync(path, tgz.subarray(0, Math.floor(tgz.length * part)));
			const run = await powerki(["collect", path, "--out", out, "--no-derived"]);
			if (run.code === exitCode.unreadable) {
				expect(run.stderr).toMatch(/^error: /);
				expect(existsSync(out) ? filesUnder(out) : []).toEqual([]);
				return;
			}
			expect(run.code).toBe(exitCode.damaged);
			// in ftrace mode the names and formats of events are members too: cut away, nothing has a name
			expect(notBegin(await eventsIn(out), whole)).toBeNull();
			const d = await openDataset(out);
			const notes = (await d.rows("SELECT kind FROM import_note")).map((n) => n.kind);
			d.close();
			expect(notes.filter((kind) => kind === "archive-damaged")).toHaveLength(1);
			rmSync(out, { recursive: true });
		});
}
