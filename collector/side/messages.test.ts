import { expect, test } from "vitest";
import { isMessages, ticksPerSecond } from "./messages.ts";

const jiffies = (ns: string) =>
	`[    0.888884] clocksource: jiffies: mask: 0xffffffff max_cycles: 0xffffffff, max_idle_ns: ${ns} ns`;
const delay = (mips: string, lpj: number) =>
	`[    0.000629] Calibrating delay loop (skipped), value calculated using timer frequency.. ${mips} BogoMIPS (lpj=${lpj})`;

// printed by kernels whose configuration is known
test.each([
	[100, "19112604462750000"],
	[250, "7645041785100000"],
	[300, "6370867519511994"],
	[1000, "1911260446275000"],
])("HZ = %i from the clock source jiffies", (hz, ns) => {
	expect(ticksPerSecond(`[    0.000000] a\n${jiffies(ns)}\n[    1.000000] b\n`)).toBe(hz);
});

test.each([
	[250, "5188.82", 10377640],
	[250, "1024.00", 2048000],
	[1000, "4199.99", 2099998],
	[100, "1024.00", 5120000],
])("HZ = %i from the loops per tick", (hz, mips, lpj) => {
	expect(ticksPerSecond(`${delay(mips, lpj)}\n`)).toBe(hz);
});

test("what fits no HZ gives none", () => {
	expect(ticksPerSecond(`${jiffies("7645041785100001")}\n`)).toBeUndefined();
	// the refined clock's period is measured
	expect(
		ticksPerSecond(
			"[    0.000000] clocksource: refined-jiffies: mask: 0xffffffff max_cycles: 0xffffffff, max_idle_ns: 7645519600211568 ns\n",
		),
	).toBeUndefined();
	expect(ticksPerSecond(`${delay("5188.82", 10377)}\n`)).toBeUndefined();
	// so few loops that several HZ print the same
	expect(ticksPerSecond(`${delay("0.00", 1)}\n`)).toBeUndefined();
	expect(ticksPerSecond("[    0.000000] random: crng init done\n")).toBeUndefined();
});

test("messages may go on in further lines, and begin anywhere", () => {
	expect(
		isMessages([
			"[    0.024000] calibrate_delay_direct() failed to get a good estimate for loops_per_jiffy.",
			'               Probably due to long platform interrupts. Consider using "lpj=" boot option.',
			"[   98.123456][    T1] systemd[1]: Started",
		]),
	).toBe(true);
	expect(isMessages(["[1] first", "[2] second"])).toBe(false);
	expect(isMessages(["[    0.000000] a", "b"])).toBe(false);
});
