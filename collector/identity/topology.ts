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
	/** How directly the kind of file tells the topology: 0 sysfs, 1 lscpu -e, 2 lscpu, 3 cpuinfo. */
	detail: number;
	cpus: CpuFact[];
}

/** CPU lists of sysfs and lscpu: "0-3,8,10-11". Null if the text is none. */
export function parseCpuList(text: string): number[] | null {
	const cpus: number[] = [];
	for (const part of text.trim().split(",")) {
		const range = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part.trim());
		if (!range) return null;
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

/**
 * One entry a CPU. Files that speak of another number of CPUs than the trace has (files of another machine in the same
 * folder) are left out; without `traceCpus` the best file says how many there are. The rest is merged field by field:
 * nearer to the trace first, then the kind of file that tells more directly.
 *
 * @param traceCpus highest CPU number of the trace + 1, if known
 */
export function resolveCpus(sources: readonly CpuSource[], traceCpus?: number): CpuFact[] {
	const count = (s: CpuSource) => s.cpus.reduce((n, c) => Math.max(n, c.cpu + 1), 0);
	const ranked = sources
		.filter((s) => s.cpus.length > 0)
		.sort((a, b) => a.rank - b.rank || a.detail - b.detail);
	if (ranked.length === 0) return [];
	const wanted = traceCpus ?? count(ranked[0]);
	const fitting = ranked.filter((s) => count(s) === wanted);
	const cpus = new Map<number, CpuFact>();
	// core, socket and thread belong together: numbers of two kinds of file must not be mixed
	const placed = fitting.find((s) => s.cpus.some((c) => c.core !== undefined));
	for (const source of fitting)
		for (const fact of source.cpus) {
			const known = cpus.get(fact.cpu) ?? { cpu: fact.cpu };
			cpus.set(fact.cpu, known);
			if (source === placed) Object.assign(known, { core: fact.core, smtThread: fact.smtThread });
			known.socket ??= fact.socket;
			known.node ??= fact.node;
			known.model ??= fact.model;
		}
	return [...cpus.values()].sort((a, b) => a.cpu - b.cpu);
}
