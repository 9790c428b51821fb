import { killsOf } from "./interrupted.ts";

killsOf(4, 1);
