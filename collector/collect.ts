/** `powerki collect`: traces in, dataset out. */
import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { catalog } from "../lib/schema/catalog.ts";
import { type ExitCode, exitCode, Interrupted, PowerkiError } from "../lib/schema/errors.ts";
import { importNote, trace as traceTable } from "../lib/schema/identity.ts";
import { pathName } from "../lib/schema/layout.ts";
import type { Manifest, ManifestSideFile, ManifestSource } from "../lib/schema/manifest.ts";
import { packageRoot, versions } from "../lib/schema/versions.ts";
import type { IdentityRow, Note, TraceSummary } from "./decode/source.ts";
import { inputHashes } from "./input-hash.ts";
import type { ImportMessage, ImportRequest, SideSummary } from "./messages.ts";
import { type Input, openTogether } from "./open-input.ts";
import { asEnvironment, environment } from "./write/environment.ts";
import { ParquetWriter } from "./write/parquet-writer.ts";
import { openStaging, publish, readManifests, tidy } from "./write/publish.ts";

export interface CollectOptions {
	readonly out: string;
	/** Side files or folders besides those found beside the trace. */
	readonly side?: readonly string[];
	/** Host name where the trace does not know it, or knows it wrong. */
	readonly host?: string;
	/** Wall time of the trace's start. */
	readonly wall?: Date;
	/** Seconds from the start of the trace. */
	readonly window?: { readonly from: number; readonly to: number };
	readonly events?: readonly string[];
	readonly noDerived?: boolean;
	/** Folders with programs and libraries of the traced machine. */
	readonly symbols?: readonly string[];
	/** Nothing is kept of a damaged trace. */
	readonly strict?: boolean;
	/** Bytes that may come out of an archive; default: 1 GiB, or 50 times its size. */
	readonly maxExpand?: number;
	readonly signal?: AbortSignal;
	readonly onProgress?: (progress: {
		readonly path: string;
		readonly bytes: number;
		readonly totalBytes: number;
		readonly events: number;
	}) => void;
}

export interface Collected {
	readonly path: string;
	readonly code: ExitCode;
	/** The trace was in the dataset already, by the same version and options. */
	readonly unchanged: boolean;
	readonly manifests: readonly Manifest[];
	readonly notes: readonly Note[];
}

/** Hash of an input: the file's own, or that of the sorted hashes of several files. */
export function inputHash(digests: readonly string[]): string {
	if (digests.length === 1) return digests[0]!;
	const hash = createHash("sha256");
	for (const digest of [...digests].sort()) hash.update(digest);
	return hash.digest("hex");
}

/** The main buffer's trace is the input's hash; a buffer instance hashes its name to it. */
export function traceId(fileHash: string, buffer: string): string {
	return (
		buffer === "" ? fileHash : createHash("sha256").update(fileHash).update("\0").update(buffer).digest("hex")
	).slice(0, 16);
}

/** Options as the manifest keeps them: what changes the result. */
function optionsRecord(o: CollectOptions): Manifest["options"] {
	return {
		host: o.host ?? null,
		wall: o.wall?.toISOString() ?? null,
		window: o.window ? `${o.window.from}..${o.window.to}` : null,
		events: o.events ? [...o.events].sort() : null,
		derived: o.noDerived !== true,
		...(o.symbols ? { symbols: o.symbols.map((s) => basename(resolve(s))) } : {}),
	};
}

function same(manifest: Manifest, options: Manifest["options"], side: SideSummary["used"]): boolean {
	const key = (files: readonly { sha256: string; kind: string; member?: boolean }[]): string =>
		JSON.stringify(files.flatMap((f) => (f.member ? [] : [[f.kind, f.sha256]])).sort());
	return (
		JSON.stringify(manifest.options) === JSON.stringify(options) &&
		manifest.versions.powerki === versions().powerki &&
		key(manifest.sideFiles) === key(side)
	);
}

/**
 * Collects one input: a trace file, or the files of one recording, or an archive with one of these. Throws PowerkiError; on any failure the dataset is as it
 * was before.
 */
export async function collectOne(paths: readonly string[], options: CollectOptions): Promise<Collected> {
	const input = await openTogether(paths);
	const { path, files, bytes } = input;
	const archive = input.packing?.tar === true;
	const dataset = resolve(options.out);
	const record = optionsRecord(options);
	const earlier = existsSync(dataset)
		? (await readManifests(dataset)).filter(
				(m) => m.sources.length === files.length && m.sources.reduce((sum, s) => sum + s.bytes, 0) === bytes,
			)
		: [];
	const digests = earlier.length > 0 ? await inputHashes(files, options.signal) : null;
	if (digests) {
		const hash = inputHash(digests);
		const known = earlier.filter((m) => inputHash(m.sources.map((s) => s.sha256)) === hash);
		if (known.length > 0) {
			const { readSideFiles } = await import("./side/index.ts");
			// those in an archive are the same, since its hash is
			const side = await readSideFiles(archive ? "-" : path, options.side ?? []);
			if (known.every((m) => same(m, record, side.used))) {
				await environment(dataset, () => tidy(dataset, options.signal));
				return {
					path,
					code: exitCode.done,
					unchanged: true,
					manifests: known,
					notes: [],
				};
			}
		}
	}
	const staging = await environment(dataset, () => openStaging(dataset, options.signal));
	try {
		const imported = await importTo(staging, paths, input, options, digests);
		const sources = files.map(
			(file, k): ManifestSource => ({
				name: basename(file),
				bytes: statSync(file).size,
				sha256: imported.sha256[k]!,
			}),
		);
		const damaged = imported.traces.some((t) => t.summary.damaged);
		if (damaged && options.strict)
			throw new PowerkiError(
				exitCode.damaged,
				`${basename(path)} is damaged, and --strict keeps nothing of a damaged trace`,
				imported.traces.flatMap((t) =>
					t.summary.notes.filter((n) => n.severity === "error").map((n) => n.text),
				),
			);
		const manifests: Manifest[] = [];
		for (const t of imported.traces) {
			const sideFiles = imported.side.used.map((u) => ({
				name: basename(u.path),
				kind: u.kind,
				sha256: u.sha256,
				bytes: u.bytes,
				...(archive && !u.named ? { member: true } : {}),
			}));
			const manifest = describe(
				t.summary,
				sources,
				sideFiles,
				imported.side,
				imported.format,
				record,
				options,
			);
			await environment(dataset, () => writeDescription(t.writer, manifest, t.summary));
			t.writer.close();
			manifests.push(
				await environment(dataset, () => publish(dataset, t.writer.tables, manifest, options.signal)),
			);
		}
		return {
			path,
			code: damaged ? exitCode.damaged : exitCode.done,
			unchanged: false,
			manifests,
			notes: imported.traces.flatMap((t) => t.summary.notes),
		};
	} finally {
		await rm(staging, { recursive: true, force: true });
	}
}

interface Imported {
	readonly traces: { readonly summary: TraceSummary; readonly writer: ParquetWriter }[];
	readonly side: SideSummary;
	/** Name of the format. */
	readonly format: string;
	/** Of each file. */
	readonly sha256: readonly string[];
}

async function importTo(
	staging: string,
	paths: readonly string[],
	{ path, files, bytes }: Input,
	options: CollectOptions,
	/** Hashes of the files, where they are known already. */
	digests: readonly string[] | null,
): Promise<Imported> {
	const underWay = new SharedArrayBuffer(4);
	const counter = new Int32Array(underWay);
	const request: ImportRequest = {
		paths: paths.map((p) => resolve(p)),
		scratch: join(staging, "unpacked"),
		dataset: options.out,
		...(options.maxExpand === undefined ? {} : { maxExpand: options.maxExpand }),
		side: options.side ?? [],
		options: {
			...(options.window ? { window: options.window } : {}),
			...(options.events ? { events: options.events } : {}),
			...(options.noDerived ? { noDerived: true } : {}),
			...(options.symbols ? { symbols: options.symbols.map((s) => resolve(s)) } : {}),
		},
		underWay,
	};
	const worker = new Worker(workerFile(), { workerData: request });
	const hashing = new AbortController();
	const hashes = digests ? Promise.resolve(digests) : inputHashes(files, hashing.signal);
	hashes.catch(() => {});
	const traces: Imported["traces"] = [];
	let side: SideSummary | null = null;
	let format = "";
	let totalBytes = bytes;
	let writer: ParquetWriter | null = null;
	const handle = async (message: ImportMessage): Promise<boolean> => {
		switch (message.kind) {
			case "opened":
				({ format, bytes: totalBytes } = message);
				break;
			case "side":
				side = message.side;
				break;
			case "begin": {
				const directory = join(staging, String(traces.length));
				await mkdir(directory);
				writer = await ParquetWriter.open(directory);
				break;
			}
			case "batch":
				{
					const written = await writer!.write(message.batch);
					const buffers = written.columns.map((c) => c.data);
					worker.postMessage(buffers, buffers);
				}
				Atomics.sub(counter, 0, 1);
				Atomics.notify(counter, 0);
				break;
			case "rows":
				await writer!.writeRows(catalog.get(message.table)!, message.rows);
				break;
			case "end":
				traces.push({ summary: message.summary, writer: writer! });
				break;
			case "progress":
				options.onProgress?.({ path, bytes: message.bytes, totalBytes, events: message.events });
				break;
			case "failed":
				throw new PowerkiError(message.code as ExitCode, message.message, message.details, {
					cause: message.stack,
				});
			case "done":
				return false;
		}
		return true;
	};
	try {
		await pump(
			worker,
			handle,
			options.signal,
			() => new Interrupted([`the dataset is as it was before; nothing of ${basename(path)} was kept`]),
		);
		return { traces, side: side!, format, sha256: await hashes };
	} catch (error) {
		for (const w of new Set([...traces.map((t) => t.writer), ...(writer ? [writer as ParquetWriter] : [])]))
			w.close();
		throw asEnvironment(error, options.out);
	} finally {
		hashing.abort();
		await worker.terminate();
	}
}

/** Handles the worker's messages one after another, until one answers false. */
function pump(
	worker: Worker,
	handle: (message: ImportMessage) => Promise<boolean>,
	signal: AbortSignal | undefined,
	interrupted: () => Error,
): Promise<void> {
	return new Promise((resolvePump, reject) => {
		let chain: Promise<void> = Promise.resolve();
		let ended = false;
		const finish = (error?: unknown): void => {
			if (ended) return;
			ended = true;
			signal?.removeEventListener("abort", abort);
			// a batch that is being written must end before its DuckDB is closed
			chain.then(() => (error === undefined ? resolvePump() : reject(error)));
		};
		const abort = (): void => finish(interrupted());
		if (signal?.aborted) return abort();
		signal?.addEventListener("abort", abort, { once: true });
		worker.on("message", (message: ImportMessage) => {
			chain = chain.then(async () => {
				if (ended) return;
				try {
					if (!(await handle(message))) finish();
				} catch (error) {
					finish(error);
				}
			});
		});
		worker.on("error", (error) => finish(error));
		worker.on("exit", (code) =>
			chain.then(() => finish(new Error(`the decoding thread ended with code ${code}`))),
		);
	});
}

function workerFile(): string {
	return join(packageRoot(), "dist", "collector-worker.js");
}

function describe(
	summary: TraceSummary,
	sources: readonly ManifestSource[],
	sideFiles: readonly ManifestSideFile[],
	side: SideSummary,
	format: string,
	options: Manifest["options"],
	o: CollectOptions,
): Omit<Manifest, "tables"> {
	const wallOffset = wallOffsetOf(summary, side, o);
	const start =
		summary.window && wallOffset !== null && summary.clock.unit === "ns"
			? summary.window.start + wallOffset
			: null;
	return {
		trace: traceId(inputHash(sources.map((s) => s.sha256)), summary.buffer),
		date: start === null ? null : new Date(Number(start / 1_000_000n)).toISOString().slice(0, 10),
		host: pathName(o.host ?? summary.machine.host ?? side.machine.host ?? null),
		format: { name: format, version: summary.formatVersion },
		buffer: summary.buffer,
		sources,
		sideFiles,
		machine: {
			arch: summary.machine.arch ?? side.machine.machine ?? null,
			kernel: summary.machine.kernel ?? side.machine.kernel ?? null,
			cpus: summary.machine.cpus,
			littleEndian: summary.machine.littleEndian,
			longBytes: summary.machine.longBytes,
			pageBytes: summary.machine.pageBytes,
			model: side.machine.model ?? null,
		},
		clock: { ...summary.clock, wallOffset },
		window: summary.window,
		cpus: summary.cpus.map((c) => ({ cpu: c.cpu, firstTs: c.first, lastTs: c.last, events: c.events })),
		options,
		versions: versions(),
		recorded: summary.recorded,
		events: Object.values(summary.events).reduce((a, b) => a + b, 0),
		eventCounts: summary.events,
		lost: { events: summary.lost.unknownGaps > 0 ? null : summary.lost.events, gaps: summary.lost.gaps },
		damage: summary.notes
			.filter((n) => n.severity === "error")
			.map((n) => ({ source: n.source, offset: n.offset ?? 0, text: n.text })),
		unknownEvents: summary.unknownEvents,
	};
}

/** Wall clock minus trace clock: by the user, by the trace, by a side file that read both clocks; else unknown. */
function wallOffsetOf(summary: TraceSummary, side: SideSummary, o: CollectOptions): bigint | null {
	if (o.wall && summary.window) return BigInt(o.wall.getTime()) * 1_000_000n - summary.window.start;
	if (summary.clock.wallOffset !== null) return summary.clock.wallOffset;
	return side.wallClocks.find((w) => w.clock === summary.clock.name)?.offset ?? null;
}

async function writeDescription(
	writer: ParquetWriter,
	m: Omit<Manifest, "tables">,
	summary: TraceSummary,
): Promise<void> {
	const row: IdentityRow = {
		format: m.format.name,
		format_version: m.format.version,
		buffer: m.buffer,
		source: m.sources.map((s) => s.name).join(", "),
		sha256: m.sources.map((s) => s.sha256).join(", "),
		machine: m.machine.arch,
		kernel: m.machine.kernel,
		little_endian: m.machine.littleEndian,
		long_bytes: m.machine.longBytes,
		page_bytes: m.machine.pageBytes,
		cpus: m.machine.cpus,
		clock: m.clock.name,
		clock_unit: m.clock.unit,
		wall_offset: m.clock.wallOffset,
		start_ts: m.window?.start,
		end_ts: m.window?.end,
		events: BigInt(m.events),
		lost_events: m.lost.events === null ? null : BigInt(m.lost.events),
	};
	await writer.writeRows(traceTable, [row]);
	await writer.writeRows(
		importNote,
		summary.notes.map((n) => ({
			severity: n.severity,
			kind: n.kind,
			source: n.source,
			offset: n.offset,
			cpu: n.cpu,
			count: BigInt(n.count ?? 1),
			text: n.text,
		})),
	);
}
