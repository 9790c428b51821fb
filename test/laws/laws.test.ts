import { describe } from "vitest";
import { bundled } from "../support/traces.ts";
import { lawsOf } from "./check.ts";

for (const trace of bundled) describe(`laws on ${trace.name}`, () => lawsOf(trace));
