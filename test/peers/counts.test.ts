import { bundled } from "../support/traces.ts";
import { describeCounts } from "./counts.ts";

describeCounts(bundled);
