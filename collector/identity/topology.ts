/** Where one CPU (hardware thread) sits. Absent: not known. */
export interface CpuFact {
	cpu: number;
	/** Number of the core as the machine numbers it: not dense (0, 8, 16, ... on PowerVM). */
	core?: number;
	socket?: number;
	node?: number;
	/** Position among the hardware threads of its core. */
	smtThread?: number;
	model?: string;
}

/** The CPUs that one file tells of. */
export interface CpuSource {
	path: string;
	/** 0 beside the trace, 1 in its side/, 2 named by --side. */
	rank: number;
	/** How directly the kind of file tells the topology: 0 sysfs, 1 lscpu -e, 2 lscpu, 3 cpuinfo, 4 lists of nodes. */
	detail: number;
	/** It tells something of CPUs, and not which of them are on-line. Absent: its CPUs are those that are on-line. */
	partial?: boolean;
	cpus: CpuFact[];
}

/** The kernel has no more: NR_CPUS of x86 and powerpc. */
export const mostCpus = 8192;

/** CPU lists of sysfs and lscpu: "0-3,8,10-11". Null if the text is none. */
export function parseCpuList(text: string): number[] | null {
	const cpus: number[] = [];
	for (const part of text.trim().split(",")) {
		const range = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part.trim());
		if (!range || cpus.length > mostCpus) return null;
		for (let cpu = Number(range[1]); cpu <= Number(range[2] ?? range[1]); cpu++) cpus.push(cpu);
	}
	return cpus;
}

/** smtThread = position among the CPUs that share socket and core. */
export function numberThreads(cpus: CpuFact[]): CpuFact[] {
	const threads = new Map<string, number>();
	for (const fact of [...cpus].sort((a, b) => a.cpu - b.cpu)) {
		if (fact.core === undefined || fact.smtThread !== undefined) continue;
		const key = `${fact.socket ?? ""}/${fact.core}`;
		fact.smtThread = threads.get(key) ?? 0;
		threads.set(key, fact.smtThread + 1);
	}
	return cpus;
}

/** The files that can be of the machine that was traced, nearest to the trace first. */
function fitting(
	sources: readonly CpuSource[],
	traceCpus?: number,
	seen: ReadonlySet<number> = new Set(),
): CpuSource[] {
	const ranked = sources
		.map((source) => {
			const cpus = source.cpus.filter((c) => c.cpu < mostCpus);
			return { ...source, cpus, numbers: new Set(cpus.map((c) => c.cpu)) };
		})
		.filter((s) => s.cpus.length > 0)
		.sort((a, b) => a.rank - b.rank || a.detail - b.detail);
	const best = ranked.find((s) => !s.partial) ?? ranked[0];
	const beyond = (numbers: ReadonlySet<number>) => 1 + [...numbers].reduce((n, cpu) => Math.max(n, cpu), -1);
	const wanted = traceCpus ?? (best ? beyond(best.numbers) : 0);
	const covering = ranked.filter((s) => [...seen].every((cpu) => s.numbers.has(cpu)));
	const sameNumber = (s: (typeof ranked)[number]) =>
		s.numbers.size === wanted || beyond(s.numbers) === wanted;
	const same = covering.filter(sameNumber);
	if (seen.size === 0 || same.some((s) => !s.partial)) return same;
	return covering.filter((s) => sameNumber(s) || s.numbers.size < wanted);
}

/** Values that a column can hold. */
const known = (n: number | undefined) => (n !== undefined && n < 2 ** 31 ? n : undefined);

/**
 * What the files tell of each CPU. Files that cannot be of the machine of the trace (files of another one in the same
 * folder) are left out: those that lack a CPU with records, and those that speak of another number of CPUs. They may
 * speak of fewer if no file speaks of the trace's number: a trace may count CPUs that are possible and not on-line (trace-cmd
 * on a partition that CPUs can be added to). Without `traceCpus` the best file says how many there are. The rest is merged
 * field by field: nearer to the trace first, then the kind of file that tells more directly.
 *
 * @param traceCpus number of CPUs, or the highest + 1, as the trace counts them
 * @param seen CPUs that have records
 */
export function resolveCpus(
	sources: readonly CpuSource[],
	traceCpus?: number,
	seen?: ReadonlySet<number>,
): CpuFact[] {
	const fit = fitting(sources, traceCpus, seen);
	const cpus = new Map<number, CpuFact>();
	// core, socket and thread belong together: numbers of two kinds of file must not be mixed
	const placed = fit.find((s) => s.cpus.some((c) => c.core !== undefined));
	for (const source of fit)
		for (const fact of source.cpus) {
			const merged = cpus.get(fact.cpu) ?? { cpu: fact.cpu };
			cpus.set(fact.cpu, merged);
			if (source === placed)
				Object.assign(merged, { core: known(fact.core), smtThread: known(fact.smtThread) });
			merged.socket ??= known(fact.socket);
			merged.node ??= known(fact.node);
			merged.model ??= fact.model;
		}
	return [...cpus.values()].sort((a, b) => a.cpu - b.cpu);
}

/** The CPUs that are on-line by the files that fit, as in `resolveCpus`; null if none lists them. */
export function onlineCpus(
	sources: readonly CpuSource[],
	traceCpus: number,
	seen: ReadonlySet<number>,
): number[] | null {
	const lists = fitting(sources, traceCpus, seen).filter((s) => !s.partial);
	return lists.length === 0 ? null : [...new Set(lists.flatMap((s) => s.cpus.map((c) => c.cpu)))];
}
