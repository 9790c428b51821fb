import { describe } from "vitest";
import { bundled } from "../support/traces.ts";
import { variantExpected, variantOf } from "./variants.ts";

for (const trace of bundled.filter((t) => variantExpected(t) !== null))
	describe(trace.name, () => variantOf(trace));
