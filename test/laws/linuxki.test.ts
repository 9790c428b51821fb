/** The laws on archives of LinuxKI and on the older layouts of its records. */
import { describe } from "vitest";
import { linuxkiOldVersion, linuxkiTraces } from "../support/traces.ts";
import { lawsOf } from "./check.ts";

for (const trace of linuxkiTraces) describe(`laws on ${trace.name}`, () => lawsOf(trace));
for (const version of [1, 2, 3, 4] as const)
	describe(`laws on version V${version}`, () => lawsOf(linuxkiOldVersion(version)));
