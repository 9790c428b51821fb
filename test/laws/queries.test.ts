/** Laws 4 and 6 for the typed queries: parts sum to wholes, and a window cut in two gives what the whole gives. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
	cpuTime,
	type Dataset,
	deviceLatency,
	futexContention,
	isNotRecorded,
	type NotRecorded,
	openDataset,
	runQueueByThread,
	stateTotals,
	syscallsByName,
	waitStacks,
} from "../../lib/index.ts";
import { collected, datasetOf } from "../support/dataset.ts";
import { besideJson, bundledTrace } from "../support/traces.ts";

type Sums = Map<string, number>;

function recorded<T>(answer: T | NotRecorded): T {
	if (isNotRecorded(answer)) throw new Error(JSON.stringify(answer));
	return answer as T;
}

function sums<T>(
	rows: readonly T[],
	key: (r: T) => string,
	measures: Readonly<Record<string, (r: T) => number>>,
): Sums {
	const out: Sums = new Map();
	for (const r of rows)
		for (const [name, of] of Object.entries(measures)) {
			const k = `${key(r)}: ${name}`;
			out.set(k, (out.get(k) ?? 0) + of(r));
		}
	for (const [k, n] of out) if (n === 0) out.delete(k);
	return out;
}

/** Additive measures of each query, by what they are grouped by. */
const additive: Readonly<Record<string, (ds: Dataset, window?: string) => Promise<Sums>>> = {
	"CPU time": async (ds, window) =>
		sums(recorded(await cpuTime(ds, { window })).cells, (c) => `cpu ${c.cpu} utid ${c.utid} ${c.class}`, {
			ns: (c) => c.ns,
		}),
	"thread states": async (ds, window) =>
		sums(recorded(await stateTotals(ds, { window })), (r) => `utid ${r.utid} ${r.state}`, {
			ns: (r) => r.ns,
			n: (r) => r.n,
		}),
	"run-queue waits": async (ds, window) =>
		sums(recorded(await runQueueByThread(ds, { window })), (r) => `utid ${r.utid}`, {
			ns: (r) => r.ns,
			n: (r) => r.n,
			woken: (r) => r.woken,
			preempted: (r) => r.preempted,
		}),
	"wait stacks": async (ds, window) =>
		sums(
			recorded(await waitStacks(ds, { window })),
			(r) => `utid ${r.utid} ${r.state} ${r.syscall} ${r.stackId}`,
			{
				ns: (r) => r.ns,
				n: (r) => r.n,
			},
		),
	"system calls": async (ds, window) =>
		sums(recorded(await syscallsByName(ds, { window })), (r) => r.syscall, {
			ns: (r) => r.ns,
			n: (r) => r.n,
			errors: (r) => r.errors,
			parts: (r) => r.runningNs + r.runnableNs + r.blockedNs + r.unknownNs,
		}),
	"futex calls": async (ds, window) =>
		sums(recorded(await futexContention(ds, { window })), (r) => `${r.space} ${r.shared} ${r.uaddr}`, {
			ns: (r) => r.ns,
			woken: (r) => r.outcomes.woken,
			eagain: (r) => r.outcomes.eagain,
			timedOut: (r) => r.outcomes.timedOut,
			wakeCalls: (r) => r.wakeCalls,
			threadsWoken: (r) => r.woken,
		}),
	"disk requests": async (ds, window) => {
		const rows = await deviceLatency(ds, { window });
		if (isNotRecorded(rows)) return new Map();
		return sums(rows, (r) => `${r.device} ${r.op}`, {
			n: (r) => r.n,
			bytes: (r) => r.bytes,
			merged: (r) => r.merged,
		});
	},
};

for (const name of ["6.12-4k-mixed", "cases/lock-convoy/sick", "variants/v6"])
	describe(name, () => {
		const trace = bundledTrace(name);
		let ds: Dataset;
		let ns: bigint;
		beforeAll(async () => {
			ds = await openDataset(await collected(trace));
			const w = ds.manifest().window!;
			ns = w.end - w.start;
		});
		afterAll(() => ds?.close());

		for (const [what, query] of Object.entries(additive))
			it(`a window cut in two: ${what}`, async () => {
				const whole = await query(ds);
				for (const share of [3n, 2n]) {
					const cut = ns / share;
					const parts = [await query(ds, `..${cut}ns`), await query(ds, `${cut}ns..`)];
					const both: Sums = new Map();
					for (const p of parts) for (const [k, n] of p) both.set(k, (both.get(k) ?? 0) + n);
					const wrong = [...new Set([...whole.keys(), ...both.keys()])]
						.filter((k) => whole.get(k) !== both.get(k))
						.map((k) => `${k}: whole ${whole.get(k)}, parts ${parts.map((p) => p.get(k)).join(" + ")}`);
					expect(wrong.slice(0, 5)).toEqual([]);
				}
			});

		it("CPU time sums to what was observed of the CPUs", async () => {
			const d = await datasetOf(trace);
			const { observed } = await d.row(`SELECT (SELECT sum(last_ts - first_ts) FROM cpu)
				- (SELECT coalesce(sum(dur), 0) FROM lost) AS observed`);
			d.close();
			const cells = recorded(await cpuTime(ds)).cells;
			expect(cells.reduce((sum, c) => sum + c.ns, 0)).toBe(Number(observed));
		});

		it("the stacks of an off-CPU flame graph sum to the waiting time", async () => {
			const waiting = recorded(await stateTotals(ds))
				.filter((r) => ["sleeping", "disk"].includes(r.state))
				.reduce((sum, r) => sum + r.ns, 0);
			expect(recorded(await waitStacks(ds)).reduce((sum, r) => sum + r.ns, 0)).toBe(waiting);
		});
	});

describe("cases/lock-convoy/sick", () => {
	it("the futex that most time goes to is the planted one, with the program's own counts", async () => {
		const trace = bundledTrace("cases/lock-convoy/sick");
		const ds = await openDataset(await collected(trace));
		const [a, b] = besideJson<{ window_mono_ns: [number, number] }>(trace, "truth.json").window_mono_ns;
		const start = ds.manifest().window!.start;
		const window = `${BigInt(a) - start}ns..${BigInt(b) - start}ns`;
		// threads that join others wait for longer, but on addresses of their own that nobody contends
		const [first] = recorded(await futexContention(ds, { window })).filter((f) => f.waiters > 1);
		ds.close();
		expect(first).toMatchObject({ uaddr: "0x1012b200", waiters: 6, wakeCalls: 823, woken: 822 });
		expect(first.outcomes).toMatchObject({ woken: 822, eagain: 92, timedOut: 0 });
	});
});
