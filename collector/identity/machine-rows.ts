/** Identity tables that come from side files and from the summary of a trace. */

import type { IdentityRow, TraceSummary } from "../decode/source.ts";
import type { SideFiles } from "../side/index.ts";
import { mostCpus, onlineCpus, resolveCpus } from "./topology.ts";

export function machineRows(
	summary: TraceSummary,
	side: SideFiles,
): { table: string; rows: IdentityRow[] }[] {
	const seen = new Map(summary.cpus.map((c) => [c.cpu, c]));
	const { cpus: count } = summary.machine;
	const traced = new Set(seen.keys());
	const facts = new Map(resolveCpus(side.cpuSources, count, traced).map((c) => [c.cpu, c]));
	// A CPU that is possible and not on-line is none: a partition of two may count 128.
	const online =
		onlineCpus(side.cpuSources, count, traced) ??
		Array.from({ length: Math.min(count, mostCpus) }, (_, i) => i);
	const numbers = new Set<number>([...online, ...traced]);
	const cpu = [...numbers]
		.sort((a, b) => a - b)
		.map((n) => {
			const f = facts.get(n);
			const s = seen.get(n);
			return {
				cpu: n,
				core: f?.core,
				socket: f?.socket,
				node: f?.node,
				smt_thread: f?.smtThread,
				model: f?.model,
				first_ts: s?.first,
				last_ts: s?.last,
				events: BigInt(s?.events ?? 0),
			};
		});
	return [
		{ table: "cpu", rows: cpu },
		{
			table: "device",
			rows: side.devices.map((d) => ({
				dev: (BigInt(d.major) << 20n) | BigInt(d.minor),
				major: d.major,
				minor: d.minor,
				name: d.name,
				alias: d.alias,
				bytes: d.bytes,
				holders: d.holders,
			})),
		},
		{ table: "irq_line", rows: side.irqLines.map((l) => ({ irq: l.irq, name: l.name, chip: l.chip })) },
		{
			table: "side_counter",
			rows: side.counters.map((c) => ({
				source: c.source,
				object: c.object,
				name: c.name,
				before: c.before,
				after: c.after,
			})),
		},
	];
}
