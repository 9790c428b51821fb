import { describe, expect, test } from "vitest";
import { defaultPrevState, PrevClass, PrevStates, parsePrevState, prevStateTable } from "./prev-state.ts";
import { DeriveTest } from "./testing.ts";

/** As 4.14 to 7.2 print it. */
const recent = `"prev_state=%s%s ==> next_comm=%s", (REC->prev_state & ((((0x00000000 | 0x00000001 | 0x00000002 | 0x00000004 | 0x00000008 | 0x00000010 | 0x00000020 | 0x00000040) + 1) << 1) - 1)) ? __print_flags(REC->prev_state & ((((0x00000000 | 0x00000001 | 0x00000002 | 0x00000004 | 0x00000008 | 0x00000010 | 0x00000020 | 0x00000040) + 1) << 1) - 1), "|", { 0x00000001, "S" }, { 0x00000002, "D" }, { 0x00000004, "T" }, { 0x00000008, "t" }, { 0x00000010, "X" }, { 0x00000020, "Z" }, { 0x00000040, "P" }, { 0x00000080, "I" }) : "R", REC->prev_state & (((0x00000000 | 0x00000001 | 0x00000002 | 0x00000004 | 0x00000008 | 0x00000010 | 0x00000020 | 0x00000040) + 1) << 1) ? "+" : "", REC->next_comm`;
/** As 4.4 prints it. */
const v44 = `"prev_state=%s%s", REC->prev_state & (2048-1) ? __print_flags(REC->prev_state & (2048-1), "|", { 1, "S"} , { 2, "D" }, { 4, "T" }, { 8, "t" }, { 16, "Z" }, { 32, "X" }, { 64, "x" }, { 128, "K" }, { 256, "W" }, { 512, "P" }, { 1024, "N" }) : "R", REC->prev_state & 2048 ? "+" : "", REC->next_comm`;
/** As 3.10 prints it, without the N of later kernels. */
const v310 = `"prev_state=%s%s", REC->prev_state & (1024-1) ? __print_flags(REC->prev_state & (1024-1), "|", { 1, "S"} , { 2, "D" }, { 4, "T" }, { 8, "t" }, { 16, "Z" }, { 32, "X" }, { 64, "x" }, { 128, "K" }, { 256, "W" }, { 512, "P" }) : "R", REC->prev_state & 1024 ? "+" : ""`;

function decode(format: string | null, raw: number): [string | null, string] {
	const { strings } = new DeriveTest();
	const states = new PrevStates(prevStateTable(format), strings);
	const code = states.codeOf(raw);
	return [code === -1 ? null : strings.text(code), PrevClass[states.classOf(raw)]];
}

describe("the print format of sched_switch", () => {
	test("gives the letters and the bit of preemption", () => {
		expect(parsePrevState(recent)).toEqual(defaultPrevState);
		expect(parsePrevState(v44)).toMatchObject({ preempted: 2048 });
		expect(parsePrevState(v310)).toMatchObject({ preempted: 1024 });
		expect(parsePrevState(v44)?.letters.get(32)).toBe("X");
	});

	test("without a table of states is refused, and the table of recent kernels stands in", () => {
		expect(parsePrevState(`"prev_pid=%d", REC->prev_pid`)).toBeNull();
		expect(prevStateTable(null)).toBe(defaultPrevState);
		expect(prevStateTable("rubbish")).toBe(defaultPrevState);
	});

	test("with a bit that cannot be computed has no bit of preemption", () => {
		expect(parsePrevState(v310.replace("& 1024 ?", "& TASK_STATE_MAX ?"))?.preempted).toBe(0);
	});
});

describe("prev_state", () => {
	test.each([
		[recent, 0, "R", "runnable"],
		[recent, 0x100, "R+", "runnable"],
		[recent, 1, "S", "sleeping"],
		[recent, 2, "D", "disk"],
		[recent, 4, "T", "stopped"],
		[recent, 8, "t", "traced"],
		[recent, 0x10, "X", "dead"],
		[recent, 0x20, "Z", "dead"],
		[recent, 0x40, "P", "parked"],
		[recent, 0x80, "I", "idle"],
		[v44, 16, "Z", "dead"],
		[v44, 64, "X", "dead"],
		[v44, 2 | 128, "D", "disk"],
		[v44, 4 | 128, "T", "stopped"],
		[v44, 2 | 1024, "I", "idle"],
		[v44, 2048, "R+", "runnable"],
		[v310, 512, "P", "parked"],
		[v310, 1024, "R+", "runnable"],
	] as const)("%#: %s", (format, raw, letter, is) => {
		expect(decode(format, raw)).toEqual([letter, is]);
	});

	test("that the table does not explain, or that was not recorded, is unknown", () => {
		expect(decode(recent, 0x4000)).toEqual([null, "unknown"]);
		expect(decode(recent, Number.NaN)).toEqual([null, "unknown"]);
	});
});
