import { describe } from "vitest";
import { linuxkiInputs, linuxkiTruncationsOf } from "./linuxki.ts";

for (const input of linuxkiInputs)
	describe(`linuxki/${input.name}, truncated`, () => linuxkiTruncationsOf(input, 3));
