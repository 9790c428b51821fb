import { describe, expect, test } from "vitest";
import { datasetOf } from "../support/dataset.ts";
import { perfTrace, perfTraces } from "../support/traces.ts";
import { twinsOf } from "./twin.ts";

const traces = await perfTraces();
test("nothing is derived from an event of which only samples were recorded", async () => {
	const d = await datasetOf(await perfTrace("6.12-threads"), []);
	try {
		expect(await d.row("SELECT count(*) AS n FROM sched_switch")).toEqual({ n: 10n });
		expect(d.manifests[0]!.tables.sched).toBeUndefined();
		expect(d.manifests[0]!.tables.thread_state).toBeUndefined();
		expect(await d.row("SELECT count(*) AS n FROM import_note WHERE kind = 'event-sampled'")).toEqual({
			n: 1n,
		});
	} finally {
		d.close();
	}
});

describe("specifications on all captures of perf", () => twinsOf(traces));
