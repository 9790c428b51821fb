import { describe } from "vitest";
import { perfTrace } from "../support/traces.ts";
import { profileLaws } from "./profile.ts";

const names = ["6.12-cpu-clock-fp", "6.12-cycles-fp", "6.12-multi-event", "6.12-group-read", "7.2-dwarf"];
const traces = await Promise.all(names.map(perfTrace));
describe("profiles of some captures of perf", () => profileLaws(traces));
