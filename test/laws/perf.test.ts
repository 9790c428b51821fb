import { describe } from "vitest";
import { perfTraces } from "../support/traces.ts";
import { lawsOf } from "./check.ts";

const traces = await perfTraces();
describe("laws on all captures of perf", () => lawsOf(traces));
