/**
 * Every event that kiinfo prints of every archive, line by line, against the tables. What differs is listed with its
 * count and its cause; everything else is equal: time to the µs, CPU, thread, process, fields, stacks.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collected, openDataset, type TestDataset } from "../support/dataset.ts";
import { besideJson, linuxkiTraces } from "../support/traces.ts";
import { compare, stacksOf } from "./linuxki/compare.ts";
import { kitraceOf, parseKitrace } from "./linuxki/kitrace.ts";
import { listed } from "./linuxki/listed.ts";

interface Counts {
	readonly first_ns: number;
	readonly startup?: { readonly t: number };
}

const traces = linuxkiTraces.filter((t) => !t.name.endsWith("-lost"));

describe.each(traces)("$name", (trace) => {
	const lines = parseKitrace(kitraceOf(trace.folder)!);
	const events = [...new Set(lines.map((l) => l.event))].sort();
	let d: TestDataset;
	beforeAll(async () => {
		d = await openDataset(await collected(trace));
	});
	afterAll(() => d.close());

	it.each(events)("%s", async (event) => {
		const counts = besideJson<Counts>(trace, "events.json");
		const own = lines.filter((l) => l.event === event);
		const { rows, differences } = await compare(
			d,
			event,
			own,
			{ first: BigInt(counts.first_ns), startup: counts.startup ? BigInt(counts.startup.t) : null },
			await stacksOf(d),
		);
		const by: Record<string, number> = {};
		for (const x of differences) by[x.what] = (by[x.what] ?? 0) + 1;
		if (process.env.KITRACE)
			for (const what of Object.keys(by)) {
				const x = differences.find((y) => y.what === what)!;
				console.log(
					`${trace.name} ${event}: ${what} x${by[what]}\n  ${JSON.stringify(x.line).slice(0, 300)}\n  printed ${x.printed.slice(0, 300)}\n  ours    ${x.row.slice(0, 300)}`,
				);
			}
		expect([rows, by]).toEqual([own.length, listed(trace.name.replace("linuxki/", ""), event)]);
	});
});
