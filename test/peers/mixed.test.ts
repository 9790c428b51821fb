import { describe } from "vitest";
import { bundled, hasBeside } from "../support/traces.ts";
import { mixedOf } from "./mixed.ts";

for (const trace of bundled.filter((t) => hasBeside(t, "truth.jsonl") && hasBeside(t, "expected.json")))
	describe(trace.name, () => mixedOf(trace));
