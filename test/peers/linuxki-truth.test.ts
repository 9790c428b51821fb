/** What the workloads of the archives counted themselves, in the tables. */
import { describe } from "vitest";
import { linuxkiTraces } from "../support/traces.ts";
import { workloadOf } from "./linuxki/truth.ts";

/** Of the first events were lost; of the second most pages were. */
const incomplete = ["x86-liki-lost", "ppc64le-ftrace-64k-damaged"];

for (const trace of linuxkiTraces)
	if (!incomplete.some((name) => trace.name.endsWith(name)))
		describe(trace.name, () => workloadOf(trace, trace.name.includes("-liki-")));
