/** Damaged perf.data, read by the decoder in this process. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { perfDirectory } from "../../collector/decode/perf/recording.ts";
import { capture, type ReadBack, readBack } from "../../collector/decode/perf/testing.ts";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";
import { scratch } from "../support/scratch.ts";
import { notPrefix, type Records, total } from "./prefix.ts";

/** A capture of test/traces/perf: its files, the one with the header first. */
export interface PerfInput {
	readonly name: string;
	readonly files: readonly string[];
	/** The files are a folder of perf record --threads. */
	readonly folder?: boolean;
}

export const perfInputs: readonly PerfInput[] = [
	{ name: "6.12-sched-switch-g", files: ["perf.data"] },
	{ name: "6.12-cpu-clock-fp", files: ["perf.data"] },
	{ name: "6.12-pipe", files: ["perf.pipe.data"] },
	{ name: "6.12-zstd", files: ["perf.data"] },
	{
		name: "7.2-zstd-threads",
		files: ["perf.data/data", "perf.data/data.0", "perf.data/data.1"],
		folder: true,
	},
	{ name: "6.12-switch-output", files: ["perf.data.2026112511064219"] },
];

/** Columns whose numbers depend on what else the recording shows. */
const numbered = new Set(["utid", "stack_id", "user_stack_id"]);

/** Key of the records that do not tell their CPU (recorded for single threads, without --sample-cpu). */
const NO_CPU = "null";

/**
 * Records by event and CPU, in their order, as text. Not by CPU alone: the formats of tracepoints stand behind the records,
 * and what is cut off with them is every record of a tracepoint.
 */
export function recordsOf({ tables, summary }: ReadBack): Records {
	const all = new Map<string, { ts: bigint; text: string }[]>();
	for (const [table, rows] of tables) {
		if (table !== "cpu_sample" && !(table in summary.events)) continue;
		for (const row of rows) {
			const key = row.cpu === null || row.cpu === undefined ? NO_CPU : `${table} on CPU ${row.cpu}`;
			const list = all.get(key) ?? [];
			all.set(key, list);
			const fields = Object.entries(row).filter(([name, value]) => !numbered.has(name) && value !== null);
			list.push({ ts: row.ts as bigint, text: `${table} ${fields.map(([n, v]) => `${n}=${v}`).join(" ")}` });
		}
	}
	const order = (a: { ts: bigint; text: string }, b: { ts: bigint; text: string }): number =>
		a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : a.text < b.text ? -1 : a.text > b.text ? 1 : 0;
	return new Map([...all].map(([key, list]) => [key, list.sort(order).map((r) => r.text)]));
}

/** What the decoder makes of files with these bytes; the reason where it refuses them. */
export async function tried(
	folder: string,
	{ files, folder: isFolder }: PerfInput,
	bytes: readonly Buffer[],
): Promise<ReadBack | string> {
	const own = join(folder, "tried");
	const paths = files.map((f) => join(own, f));
	try {
		for (const [k, path] of paths.entries()) {
			mkdirSync(dirname(path), { recursive: true });
			writeFileSync(path, bytes[k]!);
		}
		const input = isFolder ? perfDirectory(dirname(paths[0]!)) : paths;
		return input === null ? "no folder of perf" : await readBack(input);
	} catch (error) {
		if (!(error instanceof PowerkiError)) throw error;
		expect(error.code).toBe(exitCode.unreadable);
		return error.message;
	} finally {
		rmSync(own, { recursive: true, force: true });
	}
}

/** The first record that the whole does not have, or not in this order. */
function notAmong(part: readonly string[], whole: readonly string[]): string | null {
	let at = 0;
	for (const text of part) {
		at = whole.indexOf(text, at) + 1;
		if (at === 0) return text;
	}
	return null;
}

/** Where a pipe's output, or a file that only holds records, can be cut unnoticed: it does not tell its length. */
function endsOfRecords(bytes: Buffer): Set<number> {
	const ends = new Set<number>();
	const headed = bytes.subarray(0, 8).toString("latin1") === "PERFILE2";
	if (headed && bytes.readBigUInt64LE(8) !== 16n) return ends;
	for (let at = headed ? 16 : 0; at + 8 <= bytes.length && bytes.readUInt16LE(at + 6) >= 8; ) {
		ends.add(at);
		at += bytes.readUInt16LE(at + 6);
	}
	return ends;
}

/** Cuts each file at offsets spread over it, and near its ends and those of its header. */
export function perfTruncationsOf(input: PerfInput, cuts: number): void {
	const whole = input.files.map((f) => capture(input.name, f));
	const folder = scratch();
	let all: Records;
	beforeAll(async () => {
		all = recordsOf((await tried(folder, input, whole)) as ReadBack);
	});

	for (const [k, bytes] of whole.entries()) {
		const offsets = new Set([1, 17, 105, bytes.length - 1]);
		for (let i = 1; i <= cuts; i++) offsets.add(Math.floor((bytes.length * (i - 0.5)) / cuts));
		const ends = endsOfRecords(bytes);
		const list = [...offsets].filter((o) => o >= 0 && o < bytes.length).sort((a, b) => a - b);
		it(`${input.files[k]} of ${bytes.length} bytes, cut to ${list.join(", ")}: a refusal, or the beginning of what each CPU recorded`, async () => {
			for (const offset of list) {
				const read = await tried(folder, input, whole.with(k, bytes.subarray(0, offset)));
				if (typeof read === "string") continue;
				const part = recordsOf(read);
				// perf writes the buffers of the CPUs one after another: of records that do not tell theirs, some are there
				const some = part.get(NO_CPU) ?? [];
				expect([offset, notAmong(some, all.get(NO_CPU) ?? [])]).toEqual([offset, null]);
				const rest = new Map([...part].filter(([key]) => key !== NO_CPU));
				expect([offset, notPrefix(rest, all)]).toEqual([offset, null]);
				// without complaint only where nothing is missing, as far as the file can tell
				if (total(part) < total(all) && !ends.has(offset))
					expect([offset, read.summary.damaged]).toEqual([offset, true]);
			}
		});
	}
}
