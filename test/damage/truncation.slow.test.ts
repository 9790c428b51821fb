import { describe } from "vitest";
import { bundled } from "../support/traces.ts";
import { truncationsOf } from "./truncation.ts";

for (const trace of bundled) describe(`${trace.name}, truncated`, () => truncationsOf(trace, 60));
