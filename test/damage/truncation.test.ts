import { describe } from "vitest";
import { bundledTrace } from "../support/traces.ts";
import { truncationsOf } from "./truncation.ts";

for (const name of ["variants/v6", "variants/v7-none", "variants/v7-zlib", "variants/instance"])
	describe(`${name}, truncated`, () => truncationsOf(bundledTrace(name), 8));
