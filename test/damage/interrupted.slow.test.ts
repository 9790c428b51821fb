import { killsOf } from "./interrupted.ts";

killsOf(60, 2);
