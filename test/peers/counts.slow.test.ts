import { it } from "vitest";
import { moreTraces } from "../support/traces.ts";
import { describeCounts } from "./counts.ts";

const traces = await moreTraces();
if (traces.length === 0) it.skip("more traces than the project carries (set POWERKI_TRACES)", () => {});
describeCounts(traces);
