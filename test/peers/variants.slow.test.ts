import { describe, it } from "vitest";
import { moreTraces } from "../support/traces.ts";
import { variantExpected, variantOf } from "./variants.ts";

const traces = (await moreTraces()).filter((t) => variantExpected(t) !== null);
if (traces.length === 0) it.skip("more traces than the project carries (set POWERKI_TRACES)", () => {});
for (const trace of traces) describe(trace.name, () => variantOf(trace));
