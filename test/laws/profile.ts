/** Laws 4 and 6 for profiles: their parts sum to the samples of the capture, and a window cut in two gives what the whole gives. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
	type Dataset,
	isNotRecorded,
	openDataset,
	profileByCpu,
	profileByProcess,
	profileByThread,
	profileStacks,
	sampledEvents,
	type Weighted,
} from "../../lib/index.ts";
import type { Manifest } from "../../lib/schema/manifest.ts";
import { collected, datasetOf, type TestDataset } from "../support/dataset.ts";
import { perfTraces, type TestTrace } from "../support/traces.ts";

const traces = await perfTraces();
let d: TestDataset;
let ds: Dataset;

interface Parameters {
	readonly trace: string;
	readonly event?: string;
	readonly window?: string;
}

function total(parts: readonly Weighted[]): Weighted {
	return {
		samples: parts.reduce((sum, p) => sum + p.samples, 0),
		weight: parts.reduce((sum, p) => sum + p.weight, 0),
	};
}

async function rows<T>(answer: Promise<{ readonly rows: readonly T[] } | { readonly kind: string }>) {
	const a = await answer;
	if (!("rows" in a)) throw new Error(JSON.stringify(a));
	return a.rows;
}

/** Every way to divide the samples of threads. */
const divisions: Readonly<Record<string, (p: Parameters) => Promise<readonly Weighted[]>>> = {
	"flame graph": (p) => rows(profileStacks(ds, p)),
	threads: (p) => rows(profileByThread(ds, p)),
	processes: (p) => rows(profileByProcess(ds, p)),
	CPUs: (p) => rows(profileByCpu(ds, p)),
};

/** What the table has of an event, without the idle threads. */
async function ofTable(m: Manifest, event: string): Promise<Weighted> {
	const r =
		await d.row(`SELECT count(*)::DOUBLE AS samples, sum(coalesce(ns, period))::DOUBLE AS weight FROM cpu_sample
		WHERE trace = '${m.trace}' AND event = '${event}' AND utid IS DISTINCT FROM 0`);
	return { samples: Number(r.samples), weight: Number(r.weight ?? r.samples) };
}

/** Id of a capture of one file. */
const traceId = (t: TestTrace): string =>
	createHash("sha256").update(readFileSync(t.path)).digest("hex").slice(0, 16);

/** `of`: captures with samples of other events than tracepoints. */
export function profileLaws(of: readonly TestTrace[]): void {
	let sampled: readonly Manifest[];
	beforeAll(async () => {
		d = await datasetOf(traces);
		ds = await openDataset(await collected(traces));
		const ids = new Set(of.map(traceId));
		sampled = d.manifests.filter((m) => ids.has(m.trace));
		expect(sampled).toHaveLength(of.length);
	});
	afterAll(() => {
		ds?.close();
		d?.close();
	});

	it("4: stacks, threads, processes and CPUs each sum to the samples of the event", async () => {
		for (const m of sampled) {
			const events = await sampledEvents(ds, { trace: m.trace });
			if (isNotRecorded(events)) throw new Error(JSON.stringify(events));
			for (const { event } of [events.event, ...events.others]) {
				const whole = await ofTable(m, event);
				for (const [name, parts] of Object.entries(divisions))
					expect([m.trace, event, name, total(await parts({ trace: m.trace, event }))]).toEqual([
						m.trace,
						event,
						name,
						whole,
					]);
			}
		}
	});

	it("6: the profiles of a window cut in two sum to that of the whole", async () => {
		for (const m of sampled) {
			const cut = (m.window!.end - m.window!.start) / 3n;
			const stacks = async (window?: string) =>
				total(await divisions["flame graph"]!({ trace: m.trace, ...(window ? { window } : {}) }));
			const parts = [await stacks(`..${cut}ns`), await stacks(`${cut}ns..`)];
			expect([m.trace, total(parts)]).toEqual([m.trace, await stacks()]);
		}
	});
}
