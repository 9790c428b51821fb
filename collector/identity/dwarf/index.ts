/** What debug information (DWARF 2 to 5) tells of a program: callers, and places in the source. */
export { openCallFrames } from "./call-frames.ts";
export { dwarfRegisters } from "./perf-registers.ts";
export { openPlaces } from "./places.ts";
export { type StackSample, type UserStack, unwind } from "./unwind.ts";
