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
	/** Of the first marker, in ftrace mode. */
	readonly begin_ns?: number | null;
	readonly startup?: { readonly t: number };
}

describe.each(linuxkiTraces)("$name", (trace) => {
	// in ftrace mode kiinfo prints its own mark from before the window too
	const lines = parseKitrace(kitraceOf(trace.folder)!).filter(
		(l) => l.event !== "print" || l.text.startsWith("kitrace_marker_"),
	);
	const events = [...new Set(lines.map((l) => l.event))].sort();
	let d: TestDataset;
	beforeAll(async () => {
		d = await openDataset(await collected(trace));
	});
	afterAll(() => d.close());

	it.each(events)("%s", async (event) => {
		const counts = besideJson<Counts>(trace, "events.json");
		const own = lines.filter((l) => l.event === event);
		const { compared, differences } = await compare(
			d,
			event,
			own,
			{
				first: BigInt(counts.begin_ns ?? counts.first_ns),
				startup: counts.startup ? BigInt(counts.startup.t) : null,
			},
			await stacksOf(d),
		);
		const by: Record<string, number> = {};
		for (const x of differences) by[x.what] = (by[x.what] ?? 0) + 1;
		if (process.env.KITRACE) {
			const kinds = Object.keys(by).map((what) => differences.find((x) => x.what === what)!);
			for (const { what, printed, row, line } of kinds)
				console.log(
					`${trace.name} ${event}: ${what} x${by[what]}\n  ${line.text}\n  printed ${printed}\n  ours    ${row}`,
				);
			console.log(`COUNT ${JSON.stringify([trace.name.replace("linuxki/", ""), event, by])}`);
		}
		expect([compared, by]).toEqual([own.length, listed(trace.name.replace("linuxki/", ""), event)]);
	});
});
