import { describe } from "vitest";
import { perfInputs, perfTruncationsOf } from "./perf.ts";

for (const input of perfInputs)
	describe(`perf/${input.name}, truncated`, () => perfTruncationsOf(input, 300));
