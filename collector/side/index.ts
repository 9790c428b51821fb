import { mergeDevices } from "../identity/devices.ts";
import { KernelSymbols } from "../identity/kallsyms.ts";
import { resolveCpus } from "../identity/topology.ts";
import {
	type Candidate,
	defaultLimits,
	findCandidates,
	momentOf,
	openCandidate,
	type SideLimits,
} from "./files.ts";
import { type Head, type SideFormat, sideFormats } from "./formats.ts";
import type {
	CounterFact,
	Findings,
	IrqLineFact,
	Moment,
	SideFiles,
	SideNote,
	ThreadFact,
	UsedFile,
} from "./side-files.ts";

export { defaultLimits, type SideLimits } from "./files.ts";
export type * from "./side-files.ts";

/** What the beginning of a file is; null if no format knows it. `bytes` are its first bytes, `whole` if there are no more. */
export function recognise(bytes: Buffer, whole: boolean): SideFormat | null {
	if (bytes.length === 0 || bytes.includes(0)) return null;
	let text = bytes.toString("utf8");
	if (!whole) text = text.slice(0, text.lastIndexOf("\n") + 1);
	const lines = text.split("\n").map((line) => line.replace(/\r$/, ""));
	while (lines.length > 0 && lines[lines.length - 1].trim() === "") lines.pop();
	const head: Head = { text, lines, whole };
	return sideFormats.find((format) => format.recognises(head)) ?? null;
}

/**
 * Snapshots of what processes had open hold where the recording begins or ends: of a part of it (seconds from its start)
 * they tell nothing, for what happened between is left out.
 */
export function insideWindow(side: SideFiles, window: { from: number } | undefined): SideFiles {
	if (window === undefined) return side;
	const holds = ({ when }: { when: Moment }) => when === "before" && window.from <= 0;
	return {
		...side,
		openFiles: side.openFiles.filter(holds),
		workingDirectories: side.workingDirectories.filter(holds),
	};
}

/**
 * Reads what lies beside a trace: files recognised by their content in its folder, in side/ there, and in `extra` (files
 * or folders of --side). What is not recognised is left alone without a word, unless `extra` names the file itself.
 *
 * @throws PowerkiError (unreadable) if a path of `extra` does not exist
 */
export async function readSideFiles(
	traceFile: string,
	extra: readonly string[],
	limits: SideLimits = defaultLimits,
): Promise<SideFiles> {
	const findings: Findings = {
		symbolTables: [],
		threads: [],
		cpuSources: [],
		devices: [],
		irqLines: [],
		cgroups: [],
		openFiles: [],
		workingDirectories: [],
		mappings: [],
		idleStates: new Map(),
		counters: [],
		wallClocks: [],
		machine: {},
		modules: [],
		notes: [],
	};
	const used: UsedFile[] = [];
	const note = (severity: SideNote["severity"], kind: string, source: string, text: string) =>
		findings.notes.push({ severity, kind, source, text });
	const candidates = await findCandidates(traceFile, extra, limits, (folder) =>
		note(
			"info",
			"side-folder-large",
			folder,
			`the folder holds more than ${limits.folderFiles} files; the others were not looked at`,
		),
	);
	let left = limits.totalBytes;
	for (const candidate of candidates)
		left -= await readCandidate(candidate, limits, left, findings, used, note);

	const modules = (findings.modules.find((m) => m.rank < 2) ?? findings.modules[0])?.modules ?? [];
	return {
		used,
		symbols: chooseSymbols(findings, note),
		threads: mergeThreads(findings.threads),
		cpus: resolveCpus(findings.cpuSources),
		cpuSources: findings.cpuSources,
		devices: mergeDevices(findings.devices),
		irqLines: mergeIrqLines(findings.irqLines),
		cgroups: findings.cgroups,
		openFiles: findings.openFiles.sort((a, b) => a.tgid - b.tgid || a.fd - b.fd),
		workingDirectories: findings.workingDirectories.sort((a, b) => a.tgid - b.tgid),
		mappings: findings.mappings,
		idleStates: findings.idleStates,
		counters: pairCounters(findings.counters),
		timebaseHz: findings.timebaseHz,
		wallClocks: findings.wallClocks.sort((a, b) => a.uncertainty - b.uncertainty),
		machine: findings.machine,
		modules,
		notes: findings.notes,
	};
}

type Note = (severity: SideNote["severity"], kind: string, source: string, text: string) => void;

/** Reads one file if a format knows it. Returns how many bytes of content were read. */
async function readCandidate(
	{ file, shown, rank, named }: Candidate,
	limits: SideLimits,
	left: number,
	findings: Findings,
	used: UsedFile[],
	note: Note,
): Promise<number> {
	const opened = await openCandidate(file, limits);
	if (!opened) {
		if (named) note("warning", "side-file-unreadable", shown, "the file cannot be read; not used");
		return 0;
	}
	try {
		const format = recognise(opened.head, opened.whole);
		if (!format) {
			if (named) note("warning", "side-file-unknown", shown, "the content is of no known kind; not used");
			return 0;
		}
		const content = await opened.content();
		if (content === "damaged" || content === "large" || content.bytes.length > left) {
			note(
				"warning",
				content === "damaged" ? "side-file-damaged" : "side-file-large",
				shown,
				content === "damaged"
					? `looks like ${format.kind}, but cannot be expanded; not used`
					: `looks like ${format.kind}, but is larger than the limit for side files; not used`,
			);
			return 0;
		}
		used.push({
			path: shown,
			kind: format.kind,
			named: rank === 2,
			sha256: content.sha256,
			bytes: content.stored,
		});
		const { bytes } = content;
		format.read?.(
			{ path: shown, rank, ...momentOf(shown), bytes, text: format.binary ? "" : bytes.toString("utf8") },
			findings,
		);
		return bytes.length;
	} finally {
		await opened.close();
	}
}

/** The best table for the core and the best for the modules; says so where the modules may be those of another boot. */
function chooseSymbols({ symbolTables, modules }: Findings, note: Note): KernelSymbols | undefined {
	if (symbolTables.length === 0) return undefined;
	const loaded = modules.find((m) => m.rank < 2)?.modules ?? [];
	const tables = symbolTables.map(({ path, symbols }) => {
		if (symbols.fitsModules(loaded)) return symbols;
		note(
			"warning",
			"symbols-other-boot",
			path,
			"its modules lie elsewhere than the trace's file of loaded modules says: it is of another boot, and only its core kernel is used",
		);
		return symbols.withoutModules();
	});
	const ofModules = tables.findIndex((t) => t.moduleCount > 0);
	if (ofModules >= 0 && symbolTables[ofModules].rank === 2 && loaded.length === 0)
		note(
			"warning",
			"symbols-unverified",
			symbolTables[ofModules].path,
			"modules load elsewhere in every boot, and nothing beside the trace says where: their names are right only if this table is of the traced boot",
		);
	return KernelSymbols.merge(tables);
}

/** One entry a thread; the file of the start is trusted before that of the end, which adds what came later. */
function mergeThreads(facts: readonly ThreadFact[]): ThreadFact[] {
	const threads = new Map<string, ThreadFact>();
	const order = { before: 0, unknown: 1, after: 2 };
	for (const fact of [...facts].sort((a, b) => order[a.when] - order[b.when])) {
		const key = `${fact.tid} ${fact.name ?? ""}`;
		const known = threads.get(key);
		threads.set(key, known ? { ...fact, ...definedOf(known) } : fact);
	}
	return [...threads.values()].sort((a, b) => a.tid - b.tid || order[a.when] - order[b.when]);
}

function definedOf<T extends object>(value: T): Partial<T> {
	return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Partial<T>;
}

function mergeIrqLines(lines: readonly IrqLineFact[]): IrqLineFact[] {
	const known = new Map<string, IrqLineFact>();
	for (const line of lines) {
		const key = line.irq === null ? line.name : String(line.irq);
		if (!known.has(key)) known.set(key, line);
	}
	return [...known.values()];
}

/** Kinds that count for the whole machine: of several sets of files one is right. A cgroup file counts for its cgroup. */
const machineWide = new Set(["interrupts", "softirqs", "diskstats", "vmstat"]);

/** Rows of side_counter: X.before and X.after become one row a counter, a lone file fills the side that its name tells. */
function pairCounters(files: Findings["counters"]): CounterFact[] {
	const sets = new Map<string, { kind: string; rank: number; files: Findings["counters"] }>();
	for (const entry of files) {
		const key = `${entry.kind} ${entry.file.rank} ${entry.file.stem}`;
		const set = sets.get(key) ?? { kind: entry.kind, rank: entry.file.rank, files: [] };
		set.files.push(entry);
		sets.set(key, set);
	}
	// nearer to the trace first, then complete pairs; the sort is stable, so names decide between equals
	const moments = (set: { files: Findings["counters"] }) => new Set(set.files.map((f) => f.file.moment)).size;
	const ordered = [...sets.values()].sort((a, b) => a.rank - b.rank || moments(b) - moments(a));
	const taken = new Set<string>();
	const rows = new Map<string, CounterFact>();
	for (const set of ordered) {
		if (machineWide.has(set.kind) && taken.has(set.kind)) continue;
		taken.add(set.kind);
		for (const { file, values } of set.files)
			for (const { object, name, value } of values) {
				const key = JSON.stringify([set.kind, object, name]);
				const row = rows.get(key) ?? { source: set.kind, object, name, before: null, after: null };
				// a file that does not tell when it was taken shows what had been counted up to some moment
				const side = file.moment === "before" ? "before" : "after";
				row[side] ??= value;
				rows.set(key, row);
			}
	}
	return [...rows.values()];
}
