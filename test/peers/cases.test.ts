import { describe } from "vitest";
import { bundled } from "../support/traces.ts";
import { caseOf, isCase } from "./cases.ts";

for (const trace of bundled.filter(isCase)) describe(trace.name, () => caseOf(trace));
