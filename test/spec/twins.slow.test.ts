import { describe, it } from "vitest";
import { moreTraces } from "../support/traces.ts";
import { twinsOf } from "./twin.ts";

const traces = await moreTraces();
if (traces.length === 0) it.skip("more traces than the project carries (set POWERKI_TRACES)", () => {});
for (const trace of traces) describe(`specifications on ${trace.name}`, () => twinsOf(trace));
