import { describe } from "vitest";
import { perfTraces } from "../support/traces.ts";
import { twinsOf } from "./twin.ts";

const traces = await perfTraces();
describe("specifications on all captures of perf", () => twinsOf(traces));
