/** Law 7 for every capture of perf: collected alone it gives what it gives together with others. */
import { expect, it } from "vitest";
import { collected } from "../support/dataset.ts";
import { digests } from "../support/scratch.ts";
import { perfTraces } from "../support/traces.ts";

const traces = await perfTraces();

for (const trace of traces)
	it(`${trace.name}: every file of its tables is the same byte for byte`, async () => {
		const together = digests(await collected(traces));
		const alone = Object.entries(digests(await collected(trace))).filter(([file]) => file !== "open.sql");
		expect(alone.length).toBeGreaterThan(1);
		for (const [file, digest] of alone) expect([file, together[file]]).toEqual([file, digest]);
	});
