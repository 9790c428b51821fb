/** The collect command: several inputs one after another, progress, a summary of each. */

import { catalog } from "../lib/schema/catalog.ts";
import { exitCode, PowerkiError } from "../lib/schema/errors.ts";
import type { Manifest } from "../lib/schema/manifest.ts";
import { type Collected, type CollectOptions, collectOne } from "./collect.ts";
import { group } from "./counted.ts";
import { groupInputs } from "./open-input.ts";
import { Progress } from "./progress.ts";
import { STANDARD_INPUT, withStandardInput } from "./standard-input.ts";

export type CollectArguments = Omit<CollectOptions, "signal" | "onProgress" | "noDerived"> & {
	readonly derived?: boolean;
	readonly json?: boolean;
};

/** Returns the exit code: 4 where an input was damaged and what was good is in the dataset. */
export async function collect(
	paths: readonly string[],
	args: CollectArguments,
	signal: AbortSignal,
): Promise<number> {
	const progress = new Progress(process.stderr);
	const { derived, json, ...rest } = args;
	const results: (Collected & { seconds: number })[] = [];
	const failures: PowerkiError[] = [];
	const groups = await groupInputs(paths);
	for (const inputs of groups) {
		const start = performance.now();
		try {
			const one = (files: readonly string[]): Promise<Collected> =>
				collectOne(files, {
					...rest,
					noDerived: derived === false,
					signal,
					onProgress: (p) => progress.show(p),
				});
			const collected =
				inputs[0] === STANDARD_INPUT
					? await withStandardInput(process.stdin, args.out, signal, (path) => one([path]))
					: await one(inputs);
			results.push({ ...collected, seconds: (performance.now() - start) / 1000 });
		} catch (error) {
			if (!isOfTheInput(error)) throw error;
			failures.push(error);
			continue;
		} finally {
			progress.clear();
		}
		if (!json) process.stderr.write(summary(results.at(-1)!, args.out));
	}
	if (json && results.length > 0)
		process.stdout.write(
			`${JSON.stringify(results.map(jsonOf), (_, v) => (typeof v === "bigint" ? String(v) : v), 2)}\n`,
		);
	if (failures.length > 0) throw failed(failures, groups.length);
	return results.some((r) => r.code === exitCode.damaged) ? exitCode.damaged : exitCode.done;
}

/** The other inputs may be better: a cluster's archives come together, and one of them is cut off. */
function isOfTheInput(error: unknown): error is PowerkiError {
	return (
		error instanceof PowerkiError && (error.code === exitCode.unreadable || error.code === exitCode.damaged)
	);
}

/** One error for all inputs that were not collected, with the code of the first. */
function failed(failures: readonly PowerkiError[], inputs: number): PowerkiError {
	const [first] = failures;
	if (failures.length === 1 && inputs === 1) return first!;
	return new PowerkiError(
		first!.code,
		`${failures.length} of ${inputs} inputs ${failures.length === 1 ? "was" : "were"} not collected`,
		failures.flatMap((f) => [f.message, ...f.details.map((d) => `  ${d}`)]),
		{ cause: first },
	);
}

function jsonOf(r: Collected & { seconds: number }): unknown {
	return {
		path: r.path,
		unchanged: r.unchanged,
		damaged: r.code === exitCode.damaged,
		traces: r.manifests.map((m) => ({
			trace: m.trace,
			buffer: m.buffer,
			host: m.host,
			events: m.events,
			lost: m.lost,
			tables: Object.fromEntries(Object.entries(m.tables).map(([name, t]) => [name, t.rows])),
		})),
		notes: r.notes,
	};
}

function seconds(ns: bigint): string {
	return `${(Number(ns) / 1e9).toFixed(6)}\u202fs`;
}

function size(bytes: number): string {
	const units = ["bytes", "KiB", "MiB", "GiB"];
	let value = bytes;
	let unit = 0;
	while (value >= 1024 && unit < units.length - 1) {
		value /= 1024;
		unit++;
	}
	return `${unit === 0 ? group(value) : value.toPrecision(value < 1000 ? 3 : 4)}\u202f${units[unit]}`;
}

function summary(r: Collected & { seconds: number }, out: string): string {
	const lines: string[] = [];
	for (const m of r.manifests) lines.push(...describeTrace(m, r, out));
	if (r.code === exitCode.damaged && !r.unchanged) lines.push(...damage(r));
	return `${lines.join("\n")}\n`;
}

function describeTrace(m: Manifest, r: Collected & { seconds: number }, out: string): string[] {
	const derived = Object.keys(m.tables).filter((name) => catalog.get(name)?.kind === "derived").length;
	const identity = Object.keys(m.tables).filter((name) =>
		["identity", "import"].includes(catalog.get(name)?.kind ?? ""),
	).length;
	const events = Object.keys(m.tables).length - derived - identity;
	const parquet = Object.values(m.tables).reduce((sum, t) => sum + t.bytes, 0);
	const input = m.sources.reduce((sum, s) => sum + s.bytes, 0);
	const head = r.unchanged
		? `same     ${out}: the trace is there already, nothing to do`
		: `done     ${out}: ${group(m.events)} events in ${events} tables, ${derived} derived tables, ${r.seconds.toFixed(1)}\u202fs`;
	const notes = (["error", "warning", "info"] as const)
		.map((severity) => [r.notes.filter((n) => n.severity === severity).length, severity] as const)
		.filter(([n]) => n > 0)
		.map(([n, severity]) => `${n} ${severity}`);
	return [
		head,
		`  trace  ${m.trace}  ${m.sources[0]?.name ?? ""}${m.buffer ? ` (buffer ${m.buffer})` : ""}`,
		m.window
			? `  window ${m.clock.unit === "ns" ? seconds(m.window.end - m.window.start) : `${m.window.end - m.window.start} (${m.clock.unit})`}, ${m.cpus.length === 0 ? "CPUs not recorded" : `records on ${m.cpus.length} of ${m.machine.cpus} CPUs`}`
			: "  window empty: the trace has no records",
		`  lost   ${lost(m)}`,
		...(notes.length > 0 ? [`  notes  ${notes.join(", ")} (table import_note)`] : []),
		`  size   ${size(input)} trace → ${size(parquet)} dataset`,
		`  next   powerki report ${m.tables.sched === undefined && m.tables.cpu_sample !== undefined ? "cpu-profile" : "cpu-usage"} --dataset ${out}`,
	];
}

function lost({ lost: { events, gaps } }: Manifest): string {
	if (events !== null) return `${group(events)} events`;
	return gaps === 0 ? "unknown: the recording does not tell" : `unknown number of events in ${gaps} gaps`;
}

function damage(r: Collected): string[] {
	const errors = r.notes.filter((n) => n.severity === "error");
	return [
		`warning: ${r.path} is damaged: ${errors[0]?.text ?? "see import_note"}`,
		...(errors.length > 1 ? [`  and    ${errors.length - 1} more places (table import_note)`] : []),
		`  kept   ${group(r.manifests.reduce((sum, m) => sum + m.events, 0))} events; import_note says what is missing, every report will say it too`,
		"  instead  --strict keeps nothing when a trace is damaged",
	];
}
