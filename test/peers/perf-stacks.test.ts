/** Stacks of every sample against the words that perf prints of its chain: what is dropped, and why. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { datasetOf, type TestDataset } from "../support/dataset.ts";
import { besideText, captures, kallsyms, kernelSymbols, short } from "./perf/captures.ts";
import { perfVersion } from "./perf/program.ts";
import { executableMappings, type PrintedMapping, type PrintedSample, parseScript, printedChains } from "./perf/script.ts";
import { type Functions, kernelFunctions, programFunctions } from "./perf/symbols.ts";
import { join } from "node:path";

interface OwnStack { readonly ts: bigint; readonly tid: number; readonly event: string; readonly kernel: readonly bigint[]; readonly user: readonly bigint[] }

/** Stacks of all samples, in order of time. */
async function ownStacks(d: TestDataset): Promise<OwnStack[]> {
	const addresses = new Map<string, readonly bigint[]>();
	for (const r of await d.rows(`SELECT s.stack_id, s.kind, list(f.address ORDER BY u.k) AS addresses FROM stack s, unnest(s.frames) WITH ORDINALITY u(frame_id, k) JOIN frame f ON f.trace = s.trace AND f.frame_id = u.frame_id GROUP BY ALL`))
		addresses.set(String(r.stack_id), r.addresses as readonly bigint[]);
	const out: OwnStack[] = [];
	for (const table of new Set(d.manifests.flatMap((m) => Object.keys(m.tables)))) {
		const columns = (await d.rows(`DESCRIBE "${table}"`)).map((r) => r.column_name);
		if (!columns.includes("user_stack_id")) continue;
		for (const r of await d.rows(`SELECT e.ts, t.tid, ${table === "cpu_sample" ? "e.event" : `'${table}'`} AS event, e.stack_id, e.user_stack_id FROM "${table}" e JOIN thread t USING (trace, utid)`))
			out.push({ ts: r.ts as bigint, tid: r.tid as number, event: r.event as string, kernel: addresses.get(String(r.stack_id)) ?? [], user: addresses.get(String(r.user_stack_id)) ?? [] });
	}
	return out.sort((a, b) => (a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : 0));
}

const programsOf = (options: readonly string[]): string => options[options.indexOf("--symbols") + 1]!;

describe.skipIf(perfVersion === null).each(captures.filter((t) => !short(t).startsWith("7.2-") && short(t) !== "6.12-stat-record").map((trace) => ({ name: short(trace), trace })))("$name", ({ name, trace }) => {
	let d: TestDataset;
	beforeAll(async () => { d = await datasetOf(trace, kernelSymbols(trace)); });
	afterAll(() => d?.close());
	it("words", async () => {
		const printed = trace.paths.flatMap((p) => printedChains(p) ?? []);
		const own = await ownStacks(d);
		const kernelPath = kallsyms(trace);
		const kernel = kernelPath ? kernelFunctions(kernelPath) : null;
		const user = programFunctions(join(programsOf(trace.options), "pk_chains"));
		const maps = trace.paths.flatMap((p) => executableMappings(p));
		const key = (ts: bigint, tid: number, event: string) => `${ts} ${event.replace(/^.*:(?=\w{3})/, "")}`;
		const byKey = new Map<string, OwnStack[]>();
		for (const s of own) { const k = key(s.ts, s.tid, s.event); byKey.set(k, [...(byKey.get(k) ?? []), s]); }
		const counts: Record<string, number> = {};
		const bad: string[] = [];
		for (const s of printed) {
			const k = key(s.ts, s.tid, s.event);
			const o = byKey.get(k)?.shift();
			if (!o) { bad.push(`none ${k}`); continue; }
			for (const part of ["kernel", "user"] as const) {
				const words = s.chain.map((f) => f.address).filter((a) => (a < 0n) === (part === "kernel") || (a === 0n));
				// zeros belong to the part before
				const list = part === "kernel" ? kernelPart(s) : userPart(s);
				const mine = o[part];
				let j = 0;
				for (let i = 0; i < list.length; i++) {
					if (mine[j] === list[i] && !(list.length - i > mine.length - j && i === 1 && list[2] === list[1] && false)) { j++; continue; }
					const f = part === "kernel" ? kernel : user;
					const w = list[i]!;
					const kind = w === 0n ? "zero" : maps.some((m) => m.name === "[uprobes]" && w >= m.start && w < m.end) ? "uprobes" :
						i === 1 && w === list[0] ? "LR==NIP" :
						i === 2 && w === list[1] ? "equal slot" :
						i === 1 && f && f.at(list[0]!) !== null && f.at(w - 4n)?.start === f.at(list[0]!)?.start ? "LR in function" :
						i === 1 && part === "user" && !maps.some((m) => w >= m.start && w < m.end) ? "unmapped" : null;
					if (kind === null) bad.push(`${part} ${k} word ${i} of ${list.map((x) => `${BigInt.asUintN(64, x).toString(16)}=${f?.at(x)?.name}`).join(" ")}, ours ${mine.length}`);
					else counts[`${part} ${kind}`] = (counts[`${part} ${kind}`] ?? 0) + 1;
				}
				if (j !== mine.length) bad.push(`surplus ${part} ${k} ${list.map((x) => x.toString(16)).join(" ")} ours ${mine.map((x) => x.toString(16)).join(" ")}`);
				counts[`${part} kept`] = (counts[`${part} kept`] ?? 0) + j;
				void words;
			}
		}
		for (const [k, l] of byKey) for (const o of l) if (o.kernel.length + o.user.length > 0) bad.push(`ours only ${k}`);
		console.log(`CNT ${name} ${printed.length} ${JSON.stringify(counts)} bad ${bad.length}\n${bad.slice(0, 4).map((b) => `BAD ${b}`).join("\n")}`);
	});
});

/** The kernel's words: up to the first user address (a zero belongs to what it follows). */
function split(s: PrintedSample): number {
	const k = s.chain.findIndex((f) => f.address > 0n);
	return k < 0 ? s.chain.length : k;
}
function kernelPart(s: PrintedSample): bigint[] { return s.chain.slice(0, split(s)).map((f) => f.address); }
function userPart(s: PrintedSample): bigint[] { return s.chain.slice(split(s)).map((f) => f.address); }
