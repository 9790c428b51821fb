/** The statement that ends every report: enough to make it again, and to judge it (DESIGN section 7). */
import { basename } from "node:path";
import type { Dataset } from "../dataset/dataset.ts";
import { parseWindow } from "../dataset/definitions.ts";
import { type ObservedCpu, observedCpus } from "../dataset/observed.ts";
import type { QueryParameters } from "../dataset/scope.ts";
import type { Manifest } from "../schema/manifest.ts";
import { versions } from "../schema/versions.ts";
import { type DefinitionName, definitions } from "./definitions.ts";
import type { Statement } from "./document.ts";
import { givenParameters, shellWord } from "./parameters.ts";

export interface StatementOptions {
	/** Traces that were used; default: all of the dataset. */
	readonly traces?: readonly Manifest[];
	/** Parameters as given. `window` limits what counts as observed. */
	readonly parameters?: QueryParameters;
	/** Further parameters, such as those of a notebook. */
	readonly more?: Readonly<Record<string, string>>;
	readonly definitions?: readonly DefinitionName[];
	/** What makes it again, without the dataset and the parameters: "powerki report disk". */
	readonly command: string;
}

/** A CPU counts as observed throughout if no more than this is missing at the edges: idle CPUs record seldom. */
const wholePercent = 99.95;

/** The statement for an analysis of these traces. */
export async function statementOf(ds: Dataset, options: StatementOptions): Promise<Statement> {
	const parameters = options.parameters ?? {};
	const given = givenParameters(parameters);
	const traces: Statement["traces"][number][] = [];
	for (const m of options.traces ?? ds.traces()) {
		const cpus = await observedCpus(ds, {
			manifest: m,
			trace: m.trace,
			window: parseWindow(parameters.window, m),
			where: undefined,
			top: undefined,
			options: parameters.signal === undefined ? {} : { signal: parameters.signal },
		});
		traces.push(traceStatement(m, cpus));
	}
	const words = Object.entries({ ...given, ...options.more }).map(([name, value]) =>
		name in given ? `--${name} ${shellWord(value)}` : `-p ${shellWord(`${name}=${value}`)}`,
	);
	return {
		traces,
		versions: { ...versions() },
		parameters: { ...given, ...options.more },
		definitions: Object.fromEntries((options.definitions ?? []).map((name) => [name, definitions[name]])),
		command: [options.command, `--dataset ${shellWord(basename(ds.root))}`, ...words].join(" "),
	};
}

function traceStatement(m: Manifest, cpus: readonly ObservedCpu[]): Statement["traces"][number] {
	const { machine, clock } = m;
	return {
		trace: m.trace,
		source: m.sources.map((s) => s.name).join(", "),
		sha256: m.sources.map((s) => s.sha256).join(", "),
		machine: [
			m.host ?? "unknown host",
			[machine.arch ?? "unknown architecture", machine.model].filter((x) => x !== null).join(" "),
			`${machine.cpus} CPUs`,
			...(machine.pageBytes === null ? [] : [`pages of ${machine.pageBytes / 1024} KiB`]),
		].join(", "),
		kernel: machine.kernel ?? "unknown",
		clock: `${clock.name}, ${clock.unit}; offset to wall time: ${
			clock.wallOffset === null ? "unknown" : `${clock.wallOffset} ns`
		}`,
		startTs: m.window?.start ?? 0n,
		endTs: m.window?.end ?? 0n,
		events: BigInt(m.events),
		lostEvents: m.lost.events === null ? null : BigInt(m.lost.events),
		cpusSeen: cpus.length,
		unobserved: cpus
			.filter((c) => c.percent < wholePercent)
			.map((c) => ({ cpu: c.cpu, observedPercent: c.percent })),
	};
}
