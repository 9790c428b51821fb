/**
 * `powerki symbolize`: names the frames of a dataset again, by programs, libraries or a symbol table of the kernel that
 * were found after the trace was collected. Replaces the tables stack, frame and dso, and what import_note says of
 * symbols; everything else keeps its files.
 */
import { rm } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { DuckDBConnection } from "duckdb";
import { interruptible, openDuckdb } from "../lib/duckdb/open.ts";
import { catalog } from "../lib/schema/catalog.ts";
import { exitCode, Interrupted, PowerkiError } from "../lib/schema/errors.ts";
import * as identity from "../lib/schema/identity.ts";
import { datasetTables, viewSql } from "../lib/schema/layout.ts";
import type { Manifest, ManifestSymbolized } from "../lib/schema/manifest.ts";
import { versions } from "../lib/schema/versions.ts";
import { group, plural } from "./counted.ts";
import type { IdentityRow, Note } from "./decode/source.ts";
import type { KernelSymbol, KernelSymbols } from "./identity/kallsyms.ts";
import { kernelSymbolsOf } from "./identity/kernel-symbols.ts";
import { type FrameRow, type Resolved, resolveAgain, type StackRow } from "./identity/resolve.ts";
import { demangle, openBinaries } from "./identity/symbols/index.ts";
import { Notes } from "./pipeline.ts";
import { readSideFiles, type SideFiles } from "./side/index.ts";
import { type Advice, environment } from "./write/environment.ts";
import { ParquetWriter } from "./write/parquet-writer.ts";
import { openStaging, publishSome, readManifests, tidy } from "./write/publish.ts";

export interface SymbolizeOptions {
	readonly dataset: string;
	/** Id or host; all traces of the dataset without it. */
	readonly trace?: string;
	/** Folders with programs and libraries of the traced machine. */
	readonly symbols?: readonly string[];
	/** Files or folders of the traced machine: kallsyms, modules, uname. */
	readonly side?: readonly string[];
	readonly signal?: AbortSignal;
	/** Told of each trace when it is done: an error in the next does not undo it. */
	readonly onTrace?: (result: Symbolized) => void;
}

/** A row of table dso. */
export interface DsoRow {
	readonly module: string;
	readonly build_id: string | null;
	readonly file: string | null;
	readonly state: string;
	readonly frames: number;
	readonly named: number;
}

interface Count {
	/** Rows of table frame, inlined calls left out. */
	readonly frames: number;
	readonly named: number;
}

/** What became of one trace. */
export interface Symbolized {
	readonly manifest: Manifest;
	/** False: nothing was found that says more, and nothing was written. */
	readonly changed: boolean;
	readonly before: Count;
	readonly after: Count;
	readonly stacks: {
		readonly stacks: number;
		/** Doubtful before. */
		readonly doubtful: number;
		/** Those of them that are not any more. */
		readonly judged: number;
		/** Without call frame information their rest was not found when the trace was collected. */
		readonly cut: boolean;
	};
	/** Frames of the kernel. */
	readonly kernel: Count;
	readonly binaries: readonly DsoRow[];
	/** Of this run. */
	readonly notes: readonly Note[];
}

/**
 * Names the frames of a dataset's traces again. On any failure each trace is as it was before, or done.
 *
 * @throws PowerkiError (usage) without anything to look into or without such a trace; (unreadable) for what does not
 * exist or cannot be read; (environment) where the dataset cannot be written
 */
export async function symbolizeDataset(options: SymbolizeOptions): Promise<Symbolized[]> {
	const { dataset, symbols = [], side = [], signal } = options;
	if (symbols.length === 0 && side.length === 0)
		throw new PowerkiError(exitCode.usage, "nothing is given to find names in", [
			"programs and libraries of the traced machine, or their debug files: --symbols DIR",
			"symbols of its kernel: --side kallsyms",
		]);
	const manifests = chooseTraces(await readManifests(dataset), options);
	const facts = await readSideFiles("-", side);
	const done: Symbolized[] = [];
	for (const manifest of manifests) {
		// a signal that came while names were looked up is delivered here
		await setImmediate();
		if (signal?.aborted) throw new Interrupted([`${done.length} of ${manifests.length} traces are done`]);
		const result = await symbolizeTrace(manifest, facts, options);
		done.push(result);
		options.onTrace?.(result);
	}
	return done;
}

function chooseTraces(all: readonly Manifest[], { dataset, trace }: SymbolizeOptions): readonly Manifest[] {
	if (all.length === 0)
		throw new PowerkiError(exitCode.usage, `the dataset ${dataset} has no trace`, [
			"collect one: powerki collect TRACE --out DIR",
		]);
	if (trace === undefined) return all;
	for (const means of [
		(m: Manifest) => m.trace === trace,
		(m: Manifest) => m.host === trace,
		(m: Manifest) => m.trace.startsWith(trace),
	]) {
		const found = all.filter(means);
		if (found.length > 0) return found;
	}
	throw new PowerkiError(
		exitCode.usage,
		`the dataset has no trace "${trace}"`,
		all.map((m) => `${m.trace}  ${m.host ?? "unknown host"}  ${m.sources[0]?.name ?? ""}`),
	);
}

/** What a trace's tables say. */
interface Tables {
	readonly stackIds: readonly number[];
	/** Frames are indices of `frame`. */
	readonly stack: readonly StackRow[];
	readonly frame: readonly FrameRow[];
	readonly dso: readonly DsoRow[];
	readonly notes: readonly IdentityRow[];
}

async function symbolizeTrace(
	manifest: Manifest,
	side: SideFiles,
	{ dataset, symbols = [], signal }: SymbolizeOptions,
): Promise<Symbolized> {
	const before = await readTables(dataset, manifest, signal);
	const notes = new Notes();
	for (const n of side.notes) if (n.kind !== UNVERIFIED) notes.add(n);
	const kernel = fittingSymbols(before, side, manifest, (n) => notes.add(n));
	const binaries = await openBinaries({
		symbols: symbols.map((s) => resolve(s)),
		tracePath: "-",
		note: (n) => notes.add(n),
	});
	const found = resolveAgain(
		before.stack,
		before.frame,
		{ kernel, binaries, demangle: (names) => demangle(names, (n) => notes.add(n)) },
		manifest.machine.arch ?? "",
	);
	const now: Resolved = {
		stack: found.stack.map((row, i) => ({ ...row, stack_id: before.stackIds[i] })),
		frame: found.frame,
		dso: dsoRows(found.dso as unknown as DsoRow[], before.dso, symbols.length > 0),
	};
	const changed = !sameChains(before, now);
	const binary = now.dso as unknown as DsoRow[];
	const after = { stack: now.stack as unknown as StackRow[], frame: now.frame as unknown as FrameRow[] };
	const result = {
		changed,
		before: count(before.frame),
		after: count((changed ? after : before).frame),
		stacks: {
			stacks: before.stack.length,
			doubtful: before.stack.filter((s) => s.doubtful).length,
			judged: before.stack.filter((s, i) => s.doubtful && !after.stack[i]!.doubtful).length,
			cut: before.notes.some((n) => n.kind === "stack-cut"),
		},
		kernel: count(kernelFrames(after)),
		binaries: changed ? binary : withCountsOf(before.dso, binary),
		notes: notes.all(),
	};
	if (!changed) {
		await environment(dataset, () => tidy(dataset, signal), replacing);
		return { manifest, ...result };
	}
	const replaced: readonly Note[] = notes.all().filter((n) => resolutionKinds.has(n.kind));
	const importNotes = noteRows(before.notes, replaced, {
		binaries: symbols.length > 0,
		kernel: kernel !== null,
		unchecked: binary.some((b) => b.build_id === null && b.file !== null),
	});
	const written = await write(
		manifest,
		now,
		importNotes,
		{ dataset, signal },
		{
			symbolized: symbolizedBy(manifest.symbolized, symbols, kernel === null ? null : side),
		},
	);
	return { manifest: written, ...result };
}

async function write(
	manifest: Manifest,
	rows: Resolved,
	importNotes: readonly IdentityRow[],
	{ dataset, signal }: { readonly dataset: string; readonly signal?: AbortSignal | undefined },
	change: Pick<Manifest, "symbolized">,
): Promise<Manifest> {
	const staging = await environment(dataset, () => openStaging(dataset, signal), replacing);
	try {
		return await environment(
			dataset,
			async () => {
				const writer = await ParquetWriter.open(staging);
				try {
					await writer.writeRows(identity.stack, rows.stack);
					await writer.writeRows(identity.frame, rows.frame);
					await writer.writeRows(identity.dso, rows.dso);
					await writer.writeRows(identity.importNote, importNotes);
				} finally {
					writer.close();
				}
				await setImmediate();
				if (signal?.aborted)
					throw new Interrupted([`${dataset}: trace ${manifest.trace} is as it was before`]);
				return publishSome(
					dataset,
					writer.tables,
					["stack", "frame", "dso", "import_note"],
					manifest,
					change,
					signal,
				);
			},
			replacing,
		);
	} finally {
		await rm(staging, { recursive: true, force: true });
	}
}

async function readTables(
	dataset: string,
	manifest: Manifest,
	signal: AbortSignal | undefined,
): Promise<Tables> {
	const db = await openDuckdb({ threads: 1 });
	try {
		return await interruptible(db.connection, signal, () => tablesOf(db.connection, dataset, manifest));
	} catch (error) {
		if (error instanceof PowerkiError) throw error;
		throw new PowerkiError(
			exitCode.unreadable,
			`${dataset}: the stacks of trace ${manifest.trace} cannot be read`,
			[(error as Error).message.split("\n")[0]!, "collect the trace again"],
			{ cause: error },
		);
	} finally {
		db.close();
	}
}

async function tablesOf(connection: DuckDBConnection, dataset: string, manifest: Manifest): Promise<Tables> {
	const names = ["stack", "frame", "dso", "import_note"];
	for (const table of datasetTables([manifest], catalog))
		if (names.includes(table.name)) await connection.run(viewSql(table, `${resolve(dataset)}/`));
	const rows = async <T>(sql: string) =>
		(await connection.runAndReadAll(sql)).getRowObjectsJS() as unknown as T[];
	const frame = await rows<FrameRow & { frame_id: number }>("SELECT * FROM frame ORDER BY frame_id");
	const at = new Map(frame.map((row, i) => [row.frame_id, i]));
	const stack = await rows<{
		stack_id: number;
		kind: string;
		frames: number[] | null;
		doubtful: boolean | null;
	}>("SELECT stack_id, kind, frames, doubtful FROM stack ORDER BY stack_id");
	return {
		stackIds: stack.map((s) => s.stack_id),
		stack: stack.map(({ kind, frames, doubtful }) => ({
			kind,
			frames: (frames ?? []).map((id) => at.get(id) ?? -1),
			doubtful,
		})),
		frame,
		dso: await rows("SELECT module, build_id, file, state, frames, named FROM dso"),
		notes: await rows("SELECT * FROM import_note"),
	};
}

/** Rows of table frame on which kernel stacks lie. */
function kernelFrames({ stack, frame }: Pick<Tables, "stack" | "frame">): FrameRow[] {
	const ids = new Set<number>();
	for (const { kind, frames } of stack)
		if (kind === "kernel") for (const id of Array.from(frames)) ids.add(id);
	return Array.from(ids, (id) => frame[id]).filter((row) => row !== undefined);
}

function count(frames: readonly FrameRow[]): Count {
	const physical = frames.filter((f) => !f.inlined);
	return { frames: physical.length, named: physical.filter((f) => f.symbol !== null).length };
}

/**
 * The table of the side files, as far as it is of the traced kernel; null without one. What tells is the release, and
 * the names that the dataset has already: those that the trace brought itself.
 */
function fittingSymbols(
	tables: Tables,
	side: SideFiles,
	manifest: Manifest,
	note: (note: Note) => void,
): KernelSymbols | null {
	const frames = kernelFrames(tables);
	const { symbols } = side;
	if (!symbols || frames.length === 0) return null;
	const source = side.used
		.filter((u) => u.kind === "kallsyms")
		.map((u) => u.path)
		.join(", ");
	const release = manifest.machine.kernel;
	const given = side.machine.kernel;
	const [ofCore, ofModules] = [
		frames.filter((f) => f.module === null),
		frames.filter((f) => f.module !== null),
	];
	const core = agreement(ofCore, symbols);
	const other =
		release !== null && given !== undefined && release !== given
			? `it is of kernel ${given}, the trace is of ${release}`
			: !frames.some((f) => lookup(symbols, f) !== null)
				? "it has no function at any of the addresses of the kernel's frames"
				: core.compared > 0 && core.agree * 2 <= core.compared
					? `it disagrees with ${core.compared - core.agree} of ${core.compared} names that the dataset has already: it is of another kernel`
					: null;
	if (other !== null) {
		note({ severity: "warning", kind: "symbols-other-kernel", source, text: `not used: ${other}` });
		return null;
	}
	if (core.compared === 0 && given === undefined)
		note({
			severity: "info",
			kind: "symbols-kernel-unchecked",
			source,
			text: `nothing in the dataset tells whether these are the symbols of its kernel (${release ?? "release unknown"}): the names of kernel functions are right only if they are`,
		});
	const modules = agreement(ofModules, symbols);
	if (modules.compared > 0 && modules.agree * 2 <= modules.compared) {
		note({
			severity: "warning",
			kind: "symbols-other-boot",
			source,
			text: "its modules lie elsewhere than the names that the dataset has already say: it is of another boot, and only its core kernel is used",
		});
		return symbols.withoutModules();
	}
	const unverified = side.notes.find((n) => n.kind === UNVERIFIED);
	if (unverified && modules.compared === 0 && frames.some((f) => lookup(symbols, f)?.module))
		note(unverified);
	return kernelSymbolsOf(Buffer.alloc(0), side, (n) => note({ ...n, source }));
}

/** Modules load elsewhere in every boot; said only where names of modules come from the table. */
const UNVERIFIED = "symbols-unverified";

function agreement(frames: readonly FrameRow[], symbols: KernelSymbols): { compared: number; agree: number } {
	let compared = 0;
	let agree = 0;
	for (const frame of frames) {
		const found = frame.symbol === null ? null : lookup(symbols, frame);
		if (found === null) continue;
		compared++;
		if (found.symbol === frame.symbol) agree++;
	}
	return { compared, agree };
}

function lookup(symbols: KernelSymbols, { address }: FrameRow): KernelSymbol | null {
	return symbols.lookup(Number(BigInt.asIntN(32, address)), Number(BigInt.asIntN(32, address >> 32n)));
}

/** Where a file was not found again, its names stayed: so does what the table said of it. */
function dsoRows(now: readonly DsoRow[], before: readonly DsoRow[], searched: boolean): IdentityRow[] {
	const earlier = new Map(before.map((b) => [fileKey(b), b]));
	return now.map((row) => {
		const old = earlier.get(fileKey(row));
		if (!old || row.state === "named") return { ...row };
		const kept = old.file !== null && row.named > 0;
		return kept || !searched ? { ...row, file: old.file, state: old.state } : { ...row };
	});
}

function fileKey({ module, build_id }: DsoRow): string {
	return `${build_id ?? ""}\0${module}`;
}

/** Where nothing is written the counts are those of the dataset, which may have frames that no stack has any more. */
function withCountsOf(before: readonly DsoRow[], now: readonly DsoRow[]): DsoRow[] {
	const earlier = new Map(before.map((b) => [fileKey(b), b]));
	return now.map((row) => {
		const { frames, named } = earlier.get(fileKey(row)) ?? row;
		return { ...row, frames, named };
	});
}

/** Whether each stack is the same chain of frames, whatever their numbers are. */
function sameChains(before: Tables, now: Resolved): boolean {
	const numbers = new Map<string, number>();
	const numbered = (frames: readonly FrameRow[]): number[] =>
		frames.map((f) => {
			const key = [
				f.address,
				f.symbol,
				f.offset,
				f.module,
				f.file_offset,
				f.build_id,
				f.file,
				f.line,
				f.inlined === true,
			].join("\0");
			const number = numbers.get(key) ?? numbers.size;
			numbers.set(key, number);
			return number;
		});
	const old = numbered(before.frame);
	const found = numbered(now.frame as unknown as FrameRow[]);
	return before.stack.every((stack, i) => {
		const other = now.stack[i] as unknown as StackRow;
		return (
			(stack.doubtful === true) === other.doubtful &&
			stack.frames.length === other.frames.length &&
			Array.from(stack.frames).every((id, k) => old[id] === found[other.frames[k]!])
		);
	});
}

const binaryKinds: ReadonlySet<string> = new Set([
	"symbols-other-build",
	"symbols-unreadable",
	"symbols-packed",
	"symbols-folder-large",
	"symbols-unchecked",
	"names-mangled",
]);
const kernelKinds: ReadonlySet<string> = new Set([
	"no-symbols",
	"symbols-hidden",
	"symbols-of-another-boot",
	"symbols-other-boot",
	"symbols-other-kernel",
	"symbols-kernel-unchecked",
	UNVERIFIED,
]);
/** What import_note says of names. */
const resolutionKinds: ReadonlySet<string> = new Set([...binaryKinds, ...kernelKinds]);

/**
 * Rows of import_note: what was said before of what was looked for now is replaced.
 * @param of what was looked for, and whether there are (still) names of a file that could not be checked
 */
function noteRows(
	before: readonly IdentityRow[],
	now: readonly Note[],
	of: { readonly binaries: boolean; readonly kernel: boolean; readonly unchecked: boolean },
): IdentityRow[] {
	const kinds = new Set(now.map((n) => n.kind));
	const texts = new Set(now.map((n) => n.text));
	const stays = (row: IdentityRow): boolean => {
		const kind = String(row.kind);
		if (texts.has(String(row.text))) return false;
		if (kind === "symbols-unchecked" && of.unchecked && !kinds.has(kind)) return true;
		// maps of a JIT are read at the import alone
		if (kind === "symbols-unreadable" && /^perf-\d+\.map$/.test(basename(String(row.source)))) return true;
		return !(of.binaries && binaryKinds.has(kind)) && !(of.kernel && kernelKinds.has(kind));
	};
	return [
		...before.filter(stays),
		...now.map((n) => ({
			severity: n.severity,
			kind: n.kind,
			source: n.source,
			offset: n.offset ?? null,
			cpu: n.cpu ?? null,
			count: BigInt(n.count ?? 1),
			text: n.text,
		})),
	];
}

function symbolizedBy(
	before: ManifestSymbolized | undefined,
	symbols: readonly string[],
	side: SideFiles | null,
): ManifestSymbolized {
	const files = (side?.used ?? [])
		.filter((u) => u.kind === "kallsyms" || u.kind === "modules")
		.map(({ path, kind, sha256, bytes }) => ({ name: basename(path), kind, sha256, bytes }));
	const all = [...(before?.side ?? []), ...files];
	return {
		symbols: [...new Set([...(before?.symbols ?? []), ...symbols.map((s) => basename(resolve(s)))])],
		side: all.filter((f, i) => all.findIndex((other) => other.sha256 === f.sha256) === i),
		versions: versions(),
	};
}

const replacing: Advice = {
	kept: "the trace is as it was before",
	instead: "symbolize a copy that you may write",
};

/** The command. Returns the exit code. */
export async function symbolize(options: SymbolizeOptions & { readonly json?: boolean }): Promise<number> {
	const { json, dataset } = options;
	const results = await symbolizeDataset({
		...options,
		...(json
			? {}
			: { onTrace: (r: Symbolized) => process.stderr.write(`${summary(r, dataset).join("\n")}\n`) }),
	});
	if (json)
		process.stdout.write(
			`${JSON.stringify(results.map(jsonOf), (_, v) => (typeof v === "bigint" ? String(v) : v), 2)}\n`,
		);
	return exitCode.done;
}

function jsonOf({ manifest, changed, before, after, stacks, kernel, binaries, notes }: Symbolized): unknown {
	return {
		trace: manifest.trace,
		host: manifest.host,
		changed,
		before,
		after,
		stacks,
		kernel,
		binaries,
		notes,
	};
}

/** Lines of a list that are shown. */
const SHOWN = 5;

function summary(r: Symbolized, dataset: string): string[] {
	const { manifest: m, before, after, stacks } = r;
	const head =
		stacks.stacks === 0
			? `same     ${dataset}: the trace has no stacks`
			: r.changed
				? `done     ${dataset}: ${group(before.named)} of ${plural(before.frames, "frame")} named → ${group(after.named)} of ${group(after.frames)}`
				: `same     ${dataset}: nothing was found that says more, nothing was written; ${group(before.named)} of ${plural(before.frames, "frame")} named`;
	const states = new Map<string, number>();
	for (const b of r.binaries) states.set(b.state, (states.get(b.state) ?? 0) + 1);
	const warnings = r.notes.filter((n) => n.severity === "warning");
	return [
		head,
		`  trace  ${m.trace}  ${m.sources[0]?.name ?? ""}${m.buffer ? ` (buffer ${m.buffer})` : ""}`,
		...(stacks.doubtful > 0
			? [`  stacks ${group(stacks.judged)} of ${plural(stacks.doubtful, "doubtful stack")} judged`]
			: []),
		...(states.size > 0
			? [`  files  ${Array.from(states, ([state, n]) => `${group(n)} ${state}`).join(", ")}`]
			: []),
		...limited(
			warnings.map((n) => `  note   ${n.source}: ${n.text}`),
			r.changed ? "more (table import_note)" : "more",
		),
		...limited(missing(r), "more (table dso)"),
		...(stacks.cut && r.changed
			? ["  cut    stacks that ended for want of a file stay cut: collect the trace again with --symbols"]
			: []),
	];
}

function limited(lines: readonly string[], more: string): string[] {
	return lines.length <= SHOWN
		? [...lines]
		: [...lines.slice(0, SHOWN), `  and    ${group(lines.length - SHOWN)} ${more}`];
}

/** What has no names yet, the most frames first, and what to give. */
function missing({ kernel, binaries }: Symbolized): string[] {
	const lines: { frames: number; text: string }[] = [];
	if (kernel.named < kernel.frames) {
		const frames = kernel.frames - kernel.named;
		lines.push({
			frames,
			text: `kernel: ${plural(frames, "frame")} without a name; give its symbols: --side kallsyms`,
		});
	}
	for (const b of binaries) {
		const frames = b.frames - b.named;
		if (b.state === "named" || frames <= 0) continue;
		lines.push({ frames, text: `${b.module}: ${b.state}, ${plural(frames, "frame")}; ${advice(b)}` });
	}
	return lines.sort((x, y) => y.frames - x.frames).map((l) => `  lacks  ${l.text}`);
}

function advice({ state, build_id }: DsoRow): string {
	const build = build_id === null ? "" : ` of build-id ${build_id}`;
	switch (state) {
		case "no file":
			return "names of a JIT are taken when the trace is collected, from perf-PID.map beside it";
		case "no symbols":
			return `give its debug file${build}: --symbols DIR`;
		default:
			return `give the file${build}: --symbols DIR`;
	}
}
