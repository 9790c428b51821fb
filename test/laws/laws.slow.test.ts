import { describe, it } from "vitest";
import { moreTraces } from "../support/traces.ts";
import { lawsOf } from "./check.ts";

const traces = await moreTraces();
if (traces.length === 0) it.skip("more traces than the project carries (set POWERKI_TRACES)", () => {});
for (const trace of traces) describe(`laws on ${trace.name}`, () => lawsOf(trace));
