import { describe, it } from "vitest";
import { moreTraces } from "../support/traces.ts";
import { caseOf, isCase } from "./cases.ts";

const traces = (await moreTraces()).filter(isCase);
if (traces.length === 0) it.skip("more traces than the project carries (set POWERKI_TRACES)", () => {});
for (const trace of traces) describe(trace.name, () => caseOf(trace));
