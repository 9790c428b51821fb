/**
 * Mutated perf.data, read by the decoder in this process: whatever the bytes are, it ends with rows that make sense or
 * with a PowerkiError, in time and with bounded memory.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspectPerf } from "../../collector/decode/perf/info.ts";
import { readPerf } from "../../collector/decode/perf/read.ts";
import { perfDirectory } from "../../collector/decode/perf/recording.ts";
import { capture } from "../../collector/decode/perf/testing.ts";
import { readSideFiles } from "../../collector/side/index.ts";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";
import { powerki } from "../support/cli.ts";
import { random } from "../support/random.ts";
import { CheckingSink } from "./checks.ts";
import type { Finding } from "./mutate.ts";

/** Captures with every kind of record and part of a sample, and the files of each. */
const seeds: readonly (readonly [name: string, ...files: string[]])[] = [
	["6.12-sched-record", "perf.data"],
	["6.12-branch", "perf.data"],
	["6.12-zstd", "perf.data"],
	["6.12-pipe", "perf.pipe.data"],
	["6.12-group-read", "perf.data"],
	["6.12-cpu-clock-dwarf", "perf.data"],
	["6.12-regs", "perf.data"],
	["6.12-user-regs", "perf.data"],
	["6.12-switch-events", "perf.data"],
	["6.12-ns-cgroup", "perf.data"],
	["6.12-stat-record", "perf.data"],
	["6.12-clock-mono", "perf.data"],
	["6.12-per-thread", "perf.data"],
	["6.12-inject", "perf.data"],
	["6.12-buildid-mmap", "perf.data"],
	["6.12-data-addr", "perf.data"],
	["6.12-pipe-perf7.2", "perf.pipe.data"],
	["7.2-latency", "perf.data"],
	["7.2-zstd-threads", "perf.data/data", "perf.data/data.0", "perf.data/data.1"],
	["x86-cpu-clock-dwarf", "perf.data"],
];

interface Original {
	readonly bytes: Buffer;
	/** Where its records begin, those inside compressed ones not seen. */
	readonly records: readonly number[];
	/** Where the header keeps its words: fixed part, attributes. */
	readonly words: readonly number[];
}

const originals = new Map<string, Original>();

function original(name: string, file: string): Original {
	const key = `${name}/${file}`;
	let known = originals.get(key);
	if (known === undefined) {
		const bytes = capture(name, file);
		known = { bytes, ...places(bytes) };
		originals.set(key, known);
	}
	return known;
}

function places(bytes: Buffer): { records: number[]; words: number[] } {
	const headed = bytes.subarray(0, 8).toString("latin1") === "PERFILE2";
	const pipe = headed && bytes.readBigUInt64LE(8) === 16n;
	const words: number[] = [];
	let [at, end] = [0, bytes.length];
	if (headed && pipe) at = 16;
	else if (headed) {
		const word = (k: number): number => Number(bytes.readBigUInt64LE(k));
		for (let k = 8; k < 104; k += 8) words.push(k);
		for (let k = word(24); k < word(24) + word(32); k += 8) words.push(k);
		[at, end] = [word(40), word(40) + word(48)];
		for (let k = end; k < Math.min(bytes.length - 8, end + 16 * 24); k += 8) words.push(k);
	}
	const records: number[] = [];
	while (at + 8 <= end) {
		const size = bytes.readUInt16LE(at + 6);
		if (size < 8) break;
		records.push(at);
		at += size + (bytes.readUInt32LE(at) === TRACING_DATA ? (bytes.readUInt32LE(at + 8) + 7) & ~7 : 0);
	}
	return { records, words };
}

const TRACING_DATA = 66;

/** Values that lengths, counts and offsets do not expect. */
const nasty: readonly bigint[] = [
	0n,
	1n,
	7n,
	8n,
	9n,
	0x7fn,
	0xffn,
	0xfff8n,
	0xffffn,
	0x1_0000n,
	0x7fff_fff8n,
	0x7fff_ffffn,
	0x8000_0000n,
	0xffff_fff8n,
	0xffff_ffffn,
	0x1_0000_0000n,
	0x1f_ffff_ffff_fff8n,
	0x20_0000_0000_0000n,
	0x7fff_ffff_ffff_fff8n,
	0x8000_0000_0000_0000n,
	0xffff_ffff_ffff_fff8n,
	0xffff_ffff_ffff_ffffn,
];

function mutated({ bytes, records, words }: Original, next: () => number): Buffer {
	let out = Buffer.from(bytes);
	const below = (n: number): number => Math.floor(next() * n);
	const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
	const put = (at: number, size: number, value: bigint): void => {
		for (let k = 0; k < size && at + k < out.length; k++)
			out[at + k] = Number((value >> BigInt(8 * k)) & 0xffn);
	};
	// places are those of the original: behind a cut they are any place
	const place = (list: readonly number[]): number => (list.length > 0 ? pick(list) : below(out.length));
	const length = (): number => (next() < 0.7 ? 8 * (1 + below(8)) : 1 + below(400));
	const splice = (at: number, take: number, insert: Uint8Array): void => {
		out = Buffer.concat([out.subarray(0, at), insert, out.subarray(at + take)]);
	};
	const edits: (() => void)[] = [
		() => {
			const at = below(out.length);
			out[at]! ^= 1 << below(8);
		},
		() => put(8 * below(Math.ceil(out.length / 8)), 8, pick(nasty)),
		() => put(4 * below(Math.ceil(out.length / 4)), 4, pick(nasty)),
		// header and attributes: values, and single bits (sample_type, read_format, flags)
		() => put(place(words), 8, next() < 0.3 ? BigInt(below(out.length)) : pick(nasty)),
		() => {
			const at = Math.min(out.length - 1, place(words) + below(8));
			out[at]! ^= 1 << below(8);
		},
		// a record's type, size
		() => put(place(records), 4, next() < 0.7 ? BigInt(below(90)) : pick(nasty)),
		() => put(place(records) + 6, 2, next() < 0.7 ? BigInt(8 * below(64)) : pick(nasty)),
		() => put(place(records) + 4, 2, pick(nasty)),
		// a word inside a record: counts, times, ids
		() => put(place(records) + 8 * (1 + below(14)), 8, next() < 0.3 ? BigInt(below(64)) : pick(nasty)),
		() => put(place(records) + 8 + 4 * below(32), 4, next() < 0.5 ? BigInt(below(4096)) : pick(nasty)),
		() => splice(below(out.length), length(), new Uint8Array(0)),
		() => {
			const at = below(out.length);
			splice(at, 0, out.subarray(at, at + length()));
		},
		() => {
			const at = Math.min(out.length, place(records));
			out.fill(next() < 0.5 ? 0 : 0xff, at, Math.min(out.length, at + length()));
		},
		// records in another order, or twice
		() => {
			const [from, to] = [place(records), place(records)];
			splice(to, 0, out.subarray(from, from + (out.length > from + 8 ? out.readUInt16LE(from + 6) : 0)));
		},
		() => {
			out = out.subarray(0, below(out.length));
		},
	];
	for (let n = 1 + below(6); n > 0 && out.length > 16; n--) pick(edits)();
	return out;
}

/** Seconds for one file: the largest take a tenth of one. */
const TIME = 20;

/** One mutation; null where the decoder behaved. `endToEnd` collects it as a user does. */
export async function tryPerfMutation(
	folder: string,
	seed: number,
	endToEnd = false,
): Promise<Finding | null> {
	const next = random(seed);
	const [name, ...names] = seeds[seed % seeds.length]!;
	const own = join(folder, `perf-${seed}`);
	mkdirSync(own, { recursive: true });
	const damaged = Math.floor(next() * names.length);
	const files = names.map((file, k) => {
		const path = join(own, file.split("/").at(-1)!);
		const whole = original(name, file);
		writeFileSync(path, k === damaged ? mutated(whole, next) : whole.bytes);
		return path;
	});
	const input = names.length > 1 ? own : files[0]!;
	const what = endToEnd ? await collectIt(input, join(own, "out")) : await readIt(input, files);
	if (what === null) rmSync(own, { recursive: true });
	return what === null ? null : { seed, trace: name, what };
}

async function readIt(input: string, files: readonly string[]): Promise<string | null> {
	const sink = new CheckingSink();
	const { problems } = sink;
	const start = performance.now();
	try {
		// a folder whose main file is not perf's any more is no input of this format
		const paths = files.length > 1 ? perfDirectory(input) : files;
		if (paths === null) return null;
		for await (const _ of readPerf(paths, await readSideFiles(paths[0]!, []), {}, sink));
		await inspectPerf(paths);
	} catch (error) {
		if (!(error instanceof PowerkiError) || error.code !== exitCode.unreadable)
			return String(error instanceof Error ? error.stack : error)
				.split("\n", 4)
				.join("\n");
	}
	const seconds = (performance.now() - start) / 1000;
	if (seconds > TIME) problems.push(`took ${seconds.toFixed(0)} s`);
	return problems.length > 0 ? problems.slice(0, 3).join("; ") : null;
}

async function collectIt(input: string, out: string): Promise<string | null> {
	const run = await powerki(["collect", input, "--out", out], { timeout: 60_000 });
	if (run.code === null || ![0, 3, 4].includes(run.code))
		return `ended with ${run.code ?? run.signal}: ${run.stderr.slice(0, 600)}`;
	return run.code === 3 && !run.stderr.startsWith("error: ")
		? `refused without a reason: ${run.stderr}`
		: null;
}
