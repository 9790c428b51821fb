/** Where CPU time goes, by the samples of perf: by stack, thread, process, CPU, function, module. */
import type { Dataset } from "../dataset/dataset.ts";
import { fragment, raw } from "../dataset/fragment.ts";
import type { NotRecorded } from "../dataset/needs.ts";
import { type Scope, scopeOf, topOf } from "../dataset/scope.ts";
import { type ThreadRef, threadOf } from "../dataset/thread-ref.ts";
import { NO_STACK, type StackFrame, stacksOf } from "./frames.ts";
import {
	type ProfileParameters,
	type Sampled,
	type SampleEvent,
	sampledEvents,
	samples,
	samplesIn,
	type Weighted,
	weightOf,
} from "./sampled.ts";

/** A profile: rows, the most weight first, without the idle threads. */
export interface Profile<T> extends Sampled {
	readonly rows: readonly T[];
}

async function profile<T>(
	ds: Dataset,
	parameters: ProfileParameters | undefined,
	rows: (scope: Scope, of: SampleEvent) => Promise<readonly T[]>,
): Promise<Profile<T> | NotRecorded> {
	const events = await sampledEvents(ds, parameters);
	if ("kind" in events) return events;
	const scope = scopeOf(ds, parameters);
	return { ...events, rows: topOf(await rows(scope, events.event), scope.top) };
}

export interface ProfileStack extends ThreadRef, Weighted {
	/** user, kernel, hypervisor, guest kernel, guest user; null if not recorded. */
	readonly mode: string | null;
	/** Kernel and user stack; null if not recorded. */
	readonly stackId: number | null;
	readonly userStackId: number | null;
	/** Root first: the user part, then the kernel part; empty without both. */
	readonly frames: readonly StackFrame[];
	/** The second frame of a part may be false. */
	readonly doubtful: boolean;
	/** The samples were taken when interrupts were switched on again. */
	readonly interruptsOff: boolean;
}

/**
 * CPU time by thread, mode and stack; the rows sum to the weight of the threads' samples (without idle). Conditions:
 * thread, process, name, cpu. `top` counts rows.
 */
export function profileStacks(
	ds: Dataset,
	parameters?: ProfileParameters,
): Promise<Profile<ProfileStack> | NotRecorded> {
	return profile(ds, parameters, async (scope, of) => {
		const rows = await ds.rows<Omit<ProfileStack, "frames" | "doubtful" | "interruptsOff">>(
			fragment`
SELECT utid, tid, tgid, name, process_name AS process, mode, stack_id AS "stackId", user_stack_id AS "userStackId",
	CAST(count(*) AS DOUBLE) AS samples, CAST(sum(${weightOf(of)}) AS DOUBLE) AS weight
FROM ${samples} WHERE ${samplesIn(scope, of.event)} AND utid IS DISTINCT FROM 0
GROUP BY ALL ORDER BY weight DESC, utid, "stackId", "userStackId", mode`,
			scope.options,
		);
		const kept = topOf(rows, scope.top);
		const ids = kept.flatMap((r) => [r.stackId, r.userStackId].filter((id) => id !== null));
		const stacks = await stacksOf(ds, scope.trace, ids, parameters?.signal);
		return kept.map((r) => ({
			...r,
			frames: stacks.frames(r.userStackId, r.stackId),
			doubtful: stacks.isDoubtful(r.userStackId, r.stackId),
			interruptsOff: stacks.isLate(r.stackId),
		}));
	});
}

/** Weight by mode; the keys are modes, "unknown" where none was recorded. */
export type ModeWeights = Readonly<Record<string, number>>;

export interface ThreadProfile extends ThreadRef, Weighted {
	readonly modes: ModeWeights;
}

/** CPU time by thread. Conditions: thread, process, name, cpu. */
export function profileByThread(
	ds: Dataset,
	parameters?: ProfileParameters,
): Promise<Profile<ThreadProfile> | NotRecorded> {
	return profile(ds, parameters, async (scope, of) => threadTotals(await threadCells(ds, scope, of)));
}

/** Threads of cells, or of stacks. */
export function threadTotals(cells: readonly ModeCell<ThreadRef>[]): ThreadProfile[] {
	return merged(cells, (c) => String(c.utid), threadOf);
}

export interface ProcessProfile extends Weighted {
	/** Process id; null if unknown. */
	readonly tgid: number | null;
	readonly process: string | null;
	/** Threads that were sampled. */
	readonly threads: number;
	readonly modes: ModeWeights;
}

/** CPU time by process. Conditions: thread, process, name, cpu. */
export function profileByProcess(
	ds: Dataset,
	parameters?: ProfileParameters,
): Promise<Profile<ProcessProfile> | NotRecorded> {
	return profile(ds, parameters, async (scope, of) => processTotals(await threadCells(ds, scope, of)));
}

/** Processes of cells, or of stacks. */
export function processTotals(cells: readonly ModeCell<ThreadRef>[]): ProcessProfile[] {
	// Threads of an unknown process are no process together.
	const key = (c: ThreadRef) => `${c.tgid ?? `thread ${c.utid}`} ${c.process}`;
	const threads = new Map<string, Set<number | null>>();
	for (const c of cells) threads.set(key(c), (threads.get(key(c)) ?? new Set<number | null>()).add(c.utid));
	return merged(cells, key, (c) => ({
		tgid: c.tgid,
		process: c.process,
		threads: threads.get(key(c))!.size,
	}));
}

function threadCells(ds: Dataset, scope: Scope, of: SampleEvent): Promise<ModeCell<ThreadRef>[]> {
	const columns = "utid, tid, tgid, name, process_name AS process";
	return cellsOf<ThreadRef>(ds, scope, of, columns, "utid IS DISTINCT FROM 0");
}

export interface CpuProfile extends Weighted {
	/** null: not recorded (perf record of a process without --sample-cpu). */
	readonly cpu: number | null;
	readonly idle: Weighted;
	readonly modes: ModeWeights;
}

/** CPU time by CPU, ascending, with its idle samples apart. Conditions: thread, process, name, cpu. */
export function profileByCpu(
	ds: Dataset,
	parameters?: ProfileParameters,
): Promise<Profile<CpuProfile> | NotRecorded> {
	return profile(ds, parameters, async (scope, of) => {
		const cells = await cellsOf<{ cpu: number | null; idle: boolean }>(
			ds,
			scope,
			of,
			"cpu, coalesce(utid = 0, FALSE) AS idle",
			"TRUE",
		);
		const busy = merged(
			cells.filter((c) => !c.idle),
			(c) => String(c.cpu),
			({ cpu }) => ({ cpu }),
		);
		const idle = merged(
			cells.filter((c) => c.idle),
			(c) => String(c.cpu),
			({ cpu }) => ({ cpu }),
		);
		return [...new Set(cells.map((c) => c.cpu))]
			.sort((a, b) => (a ?? Number.MAX_VALUE) - (b ?? Number.MAX_VALUE))
			.map((cpu) => {
				const { samples, weight, modes } = busy.find((c) => c.cpu === cpu) ?? nothing;
				const rest = idle.find((c) => c.cpu === cpu) ?? nothing;
				return { cpu, samples, weight, modes, idle: { samples: rest.samples, weight: rest.weight } };
			});
	});
}

const nothing = { samples: 0, weight: 0, modes: {} };

/** Samples with one mode (null: unknown) and one K. */
export type ModeCell<K> = K & Weighted & { readonly mode: string | null };

/** Weight by mode and what `columns` names. */
function cellsOf<K>(
	ds: Dataset,
	scope: Scope,
	of: SampleEvent,
	columns: string,
	condition: string,
): Promise<ModeCell<K>[]> {
	return ds.rows<ModeCell<K>>(
		fragment`
SELECT ${raw(columns)}, mode,
	CAST(count(*) AS DOUBLE) AS samples, CAST(sum(${weightOf(of)}) AS DOUBLE) AS weight
FROM ${samples} WHERE ${samplesIn(scope, of.event)} AND ${raw(condition)}
GROUP BY ALL ORDER BY ALL`,
		scope.options,
	);
}

/** Cells with one key become one row, the most weight first. */
function merged<K, R extends object>(
	cells: readonly ModeCell<K>[],
	keyOf: (cell: ModeCell<K>) => string,
	make: (cell: ModeCell<K>) => R,
): (R & Weighted & { readonly modes: ModeWeights })[] {
	const rows = new Map<string, R & { samples: number; weight: number; modes: Record<string, number> }>();
	for (const cell of cells) {
		const key = keyOf(cell);
		let row = rows.get(key);
		if (row === undefined) {
			row = { ...make(cell), samples: 0, weight: 0, modes: {} };
			rows.set(key, row);
		}
		row.samples += cell.samples;
		row.weight += cell.weight;
		const mode = cell.mode ?? "unknown";
		row.modes[mode] = (row.modes[mode] ?? 0) + cell.weight;
	}
	return [...rows.values()].sort((a, b) => b.weight - a.weight);
}

export interface FunctionProfile {
	/** Function, or address in hex, or NO_STACK. */
	readonly name: string;
	/** null for NO_STACK. */
	readonly kind: StackFrame["kind"] | null;
	/** Kernel module or mapped file; null for the core kernel. */
	readonly module: string | null;
	readonly named: boolean;
	/** Samples in the function itself. */
	readonly self: Weighted;
	/** Samples in it or in what it called; a stack in which it recurs counts once. */
	readonly total: Weighted;
}

/** CPU time by function, the most of its own first. Conditions: thread, process, name, cpu. `top` counts rows. */
export async function profileByFunction(
	ds: Dataset,
	parameters?: ProfileParameters,
): Promise<Profile<FunctionProfile> | NotRecorded> {
	return ofStacks(ds, parameters, functionTotals);
}

export interface ModuleProfile extends Omit<FunctionProfile, "name" | "named"> {}

/**
 * CPU time by program, library, kernel module (module null and kind "kernel": the core kernel). Conditions: thread,
 * process, name, cpu. `top` counts rows.
 */
export async function profileByModule(
	ds: Dataset,
	parameters?: ProfileParameters,
): Promise<Profile<ModuleProfile> | NotRecorded> {
	return ofStacks(ds, parameters, moduleTotals);
}

async function ofStacks<T>(
	ds: Dataset,
	parameters: ProfileParameters | undefined,
	totals: (stacks: readonly ProfileStack[]) => T[],
): Promise<Profile<T> | NotRecorded> {
	const { top, ...all } = parameters ?? {};
	const stacks = await profileStacks(ds, all);
	return "kind" in stacks ? stacks : { ...stacks, rows: topOf(totals(stacks.rows), top) };
}

/** What stands on a stack counts with the weight of the stack. */
export interface WeightedStack extends Weighted {
	/** Root first; empty where none was recorded. */
	readonly frames: readonly StackFrame[];
}

/** Functions of these stacks, the most time of their own first. */
export function functionTotals(stacks: readonly WeightedStack[]): FunctionProfile[] {
	return totals(stacks, (f) => `${f.name}\0${f.module ?? ""}\0${f.kind}`).map(
		({ frame, kind, self, total }) => ({
			name: frame.name,
			kind,
			module: frame.module,
			named: frame.named,
			self,
			total,
		}),
	);
}

/** Modules of these stacks, the most time of their own first. */
export function moduleTotals(stacks: readonly WeightedStack[]): ModuleProfile[] {
	return totals(stacks, moduleKey).map(({ frame, kind, self, total }) => ({
		kind,
		module: frame.module,
		self,
		total,
	}));
}

const moduleKey = ({ module, kind }: StackFrame): string => `${module ?? ""}\0${kind}`;

interface Sum {
	samples: number;
	weight: number;
}

const noSum = (): Sum => ({ samples: 0, weight: 0 });

function addTo(sum: Sum, { samples, weight }: Weighted): void {
	sum.samples += samples;
	sum.weight += weight;
}

interface Totals {
	readonly key: string;
	readonly frame: StackFrame;
	readonly kind: StackFrame["kind"] | null;
	readonly self: Sum;
	readonly total: Sum;
	/** The last stack that was counted in total. */
	last: WeightedStack | null;
}

const noStack: StackFrame = {
	name: NO_STACK,
	kind: "user",
	module: null,
	plumbing: false,
	named: false,
	file: null,
	line: null,
};

function totals(stacks: readonly WeightedStack[], keyOf: (frame: StackFrame) => string): Totals[] {
	const rows = new Map<string, Totals>();
	// Frames are shared by the stacks of a trace: one look by identity instead of a key for each.
	const byFrame = new Map<StackFrame, Totals>();
	const rowOf = (frame: StackFrame): Totals => {
		const known = byFrame.get(frame);
		if (known !== undefined) return known;
		const key = frame === noStack ? NO_STACK : keyOf(frame);
		let row = rows.get(key);
		if (row === undefined) {
			const kind = frame === noStack ? null : frame.kind;
			row = {
				key,
				frame,
				kind,
				self: noSum(),
				total: noSum(),
				last: null,
			};
			rows.set(key, row);
		}
		byFrame.set(frame, row);
		return row;
	};
	for (const stack of stacks) {
		const frames = stack.frames.length === 0 ? [noStack] : stack.frames;
		for (const frame of frames) {
			const row = rowOf(frame);
			if (row.last === stack) continue;
			row.last = stack;
			addTo(row.total, stack);
		}
		addTo(rowOf(frames.at(-1)!).self, stack);
	}
	return [...rows.values()].sort(
		(a, b) => b.self.weight - a.self.weight || b.total.weight - a.total.weight || (a.key < b.key ? -1 : 1),
	);
}

export interface UnnamedModule {
	/** Mapped file or kernel module; null: the core kernel, or memory that is not mapped. */
	readonly module: string | null;
	readonly kind: StackFrame["kind"];
	/** Of its files (table dso), such as "not found"; empty for the kernel and for memory that is not mapped. */
	readonly states: readonly string[];
	/** Samples in a function of it that has no name. */
	readonly self: Weighted;
	/** Samples with a frame on it that has no name. */
	readonly total: Weighted;
}

/** What has no names in these stacks, and why, the most samples first. */
export async function unnamedModules(
	ds: Dataset,
	scope: Scope,
	stacks: readonly ProfileStack[],
): Promise<UnnamedModule[]> {
	const states = new Map<string, string[]>();
	for (const { module, state } of await ds.rows<{ module: string; state: string }>(
		fragment`
SELECT DISTINCT module, state FROM dso WHERE trace = ${scope.trace} AND module IS NOT NULL AND state IS NOT NULL ORDER BY ALL`,
		scope.options,
	))
		states.set(module, [...(states.get(module) ?? []), state]);
	const rows = new Map<string, { frame: StackFrame; self: Sum; total: Sum; last: ProfileStack | null }>();
	for (const stack of stacks)
		for (const frame of stack.frames) {
			if (frame.named) continue;
			let row = rows.get(moduleKey(frame));
			if (row === undefined) {
				row = { frame, self: noSum(), total: noSum(), last: null };
				rows.set(moduleKey(frame), row);
			}
			if (row.last !== stack) addTo(row.total, stack);
			row.last = stack;
		}
	for (const stack of stacks) {
		const leaf = stack.frames.at(-1);
		if (leaf !== undefined && !leaf.named) addTo(rows.get(moduleKey(leaf))!.self, stack);
	}
	return [...rows.values()]
		.map(({ frame: { module, kind }, self, total }) => ({
			module,
			kind,
			states: module === null || kind !== "user" ? [] : (states.get(module) ?? []),
			self,
			total,
		}))
		.sort((a, b) => b.total.weight - a.total.weight || ((a.module ?? "") < (b.module ?? "") ? -1 : 1));
}
