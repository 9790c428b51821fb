/**
 * Off-CPU time by thread, process, function and module: waits added up as samples are in a profile, with a wait for a
 * sample and its time (ns) for the weight. A wait has no CPU.
 */
import type { Dataset } from "../dataset/dataset.ts";
import type { NotRecorded } from "../dataset/needs.ts";
import { topOf } from "../dataset/scope.ts";
import { type ThreadRef, threadOf } from "../dataset/thread-ref.ts";
import type { StackFrame } from "./frames.ts";
import { type FunctionProfile, functionTotals, type ModuleProfile, moduleTotals } from "./profile.ts";
import type { Weighted } from "./sampled.ts";
import { type WaitStack, type WaitStackParameters, waitStacks } from "./waits.ts";

/** Waiting time by thread, the most first. Conditions: thread, process, name. `top` counts rows. */
export function offCpuByThread(
	ds: Dataset,
	parameters?: WaitStackParameters,
): Promise<(ThreadRef & Weighted)[] | NotRecorded> {
	return ofWaits(ds, parameters, (waits) =>
		summed(
			waits,
			(w) => w.utid,
			(w) => threadOf(w),
		),
	);
}

/** Waiting time by process, the most first; tgid and name null where the process is unknown. */
export function offCpuByProcess(
	ds: Dataset,
	parameters?: WaitStackParameters,
): Promise<({ readonly tgid: number | null; readonly process: string | null } & Weighted)[] | NotRecorded> {
	return ofWaits(ds, parameters, (waits) =>
		summed(
			waits,
			(w) => `${w.tgid} ${w.process}`,
			({ tgid, process }) => ({ tgid, process }),
		),
	);
}

/**
 * Waiting time by function, the most of its own first: `self` is what the thread waited in (the innermost function that
 * is no wait plumbing), `total` also what led there.
 */
export function offCpuByFunction(
	ds: Dataset,
	parameters?: WaitStackParameters,
): Promise<FunctionProfile[] | NotRecorded> {
	return ofWaits(ds, parameters, (waits) => functionTotals(waits.map(weighted)));
}

/** Waiting time by program, library, kernel module; module null and kind "kernel": the core kernel. */
export function offCpuByModule(
	ds: Dataset,
	parameters?: WaitStackParameters,
): Promise<ModuleProfile[] | NotRecorded> {
	return ofWaits(ds, parameters, (waits) => moduleTotals(waits.map(weighted)));
}

async function ofWaits<T>(
	ds: Dataset,
	parameters: WaitStackParameters | undefined,
	rows: (waits: readonly WaitStack[]) => T[],
): Promise<T[] | NotRecorded> {
	const { top, ...all } = parameters ?? {};
	const waits = await waitStacks(ds, all);
	return Array.isArray(waits) ? topOf(rows(waits), top) : (waits as NotRecorded);
}

function weighted({ frames, n, ns }: WaitStack): Weighted & { readonly frames: readonly StackFrame[] } {
	let end = frames.length;
	while (end > 1 && frames[end - 1]!.plumbing) end--;
	return { frames: frames.slice(0, end), samples: n, weight: ns };
}

function summed<K>(
	waits: readonly WaitStack[],
	keyOf: (wait: WaitStack) => unknown,
	make: (wait: WaitStack) => K,
): (K & Weighted)[] {
	const rows = new Map<unknown, K & { samples: number; weight: number }>();
	for (const wait of waits) {
		const key = keyOf(wait);
		const row = rows.get(key) ?? { ...make(wait), samples: 0, weight: 0 };
		row.samples += wait.n;
		row.weight += wait.ns;
		rows.set(key, row);
	}
	return [...rows.values()].sort((a, b) => b.weight - a.weight);
}
