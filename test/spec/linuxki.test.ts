/** Derived tables of LinuxKI's archives against their SQL specification. */
import { describe } from "vitest";
import { linuxkiTraces } from "../support/traces.ts";
import { twinsOf } from "./twin.ts";

for (const trace of linuxkiTraces) describe(`specifications on ${trace.name}`, () => twinsOf(trace));
