import { describe } from "vitest";
import { bundled } from "../support/traces.ts";
import { twinsOf } from "./twin.ts";

for (const trace of bundled) describe(`specifications on ${trace.name}`, () => twinsOf(trace));
