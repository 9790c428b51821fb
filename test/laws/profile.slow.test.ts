import { statSync } from "node:fs";
import { basename, join } from "node:path";
import { describe } from "vitest";
import { besideJson, perfTraces } from "../support/traces.ts";
import { profileLaws } from "./profile.ts";

const traces = (await perfTraces()).filter((t) => t.paths.length === 1 && statSync(t.path).isFile());

/** Events that are no tracepoints: "cpu-clock", "cycles:u". */
const isSampled = (event: string): boolean => /^[\w-]+(:[a-zA-Z]{1,3})?$/.test(event);

type Expected = Readonly<Record<string, { readonly samples_by_event?: Readonly<Record<string, number>> }>>;

const sampled = traces.filter((t) => {
	const file = basename(t.name).startsWith("x86-") ? "expected-x86.json" : "expected.json";
	const expected = besideJson<Expected>(t, join("..", file))[basename(t.name)];
	return Object.keys(expected?.samples_by_event ?? {}).some(isSampled);
});
describe("profiles of all captures of perf", () => profileLaws(sampled));
