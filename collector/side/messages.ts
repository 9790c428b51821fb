/** What the kernel said at boot (dmesg), as far as it tells what no other file does. */

/** A line of dmesg with the stamps of the kernel: "[    1.185923] text", with the caller where CONFIG_PRINTK_CALLER is set. */
const stamped = /^(?:<\d+>)?\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])? /;
/** Further lines of one message are indented to where its text begins. */
const continued = /^\s{10,}\S/;

export const isMessages = (lines: readonly string[]): boolean =>
	lines.length > 1 && stamped.test(lines[0]) && lines.every((l) => stamped.test(l) || continued.test(l));

/** What CONFIG_HZ can be: kernel/Kconfig.hz, and the further choices of arm, alpha and mips. */
const choices = [24, 32, 48, 64, 100, 128, 200, 250, 256, 300, 500, 1000, 1024, 1200];

/**
 * What is printed as max_idle_ns of the clock source "jiffies": half of what 32 bits of ticks are, slowed by the greatest
 * adjustment of 11 % (kernel/time/jiffies.c and jiffies.h: mult and shift; kernel/time/clocksource.c:
 * clocksource_max_adjustment, clocks_calc_max_nsecs; 6.1).
 */
function jiffiesMaxIdle(hz: number): bigint {
	const shift = hz < 34 ? 6n : hz < 67 ? 7n : 8n;
	const mult = ((1_000_000_000n + BigInt(hz) / 2n) / BigInt(hz)) << shift;
	const adjustment = (mult * 11n) / 100n;
	const mask = 0xffff_ffffn;
	const fitting = 0xffff_ffff_ffff_ffffn / (mult + adjustment);
	const cycles = fitting < mask ? fitting : mask;
	return ((cycles * (mult - adjustment)) >> shift) >> 1n;
}

const byMaxIdle = new Map(choices.map((hz) => [jiffiesMaxIdle(hz), hz]));

/** BogoMIPS and loops per tick are printed side by side (init/calibrate.c, calibrate_delay), and HZ is in their ratio. */
const printsBogomips = (loops: bigint, hz: number): string =>
	`${loops / BigInt(Math.floor(500_000 / hz))}.${String((loops / BigInt(Math.floor(5000 / hz))) % 100n).padStart(2, "0")}`;

/** Timer ticks a second (CONFIG_HZ). The kernel does not print it; undefined where nothing tells it without doubt. */
export function ticksPerSecond(text: string): number | undefined {
	const jiffies = /\bclocksource:? jiffies: mask: 0xffffffff .{0,60}\bmax_idle_ns: (\d{1,19}) ns$/m.exec(
		text,
	);
	if (jiffies) return byMaxIdle.get(BigInt(jiffies[1]));
	const delay = /\b(\d{1,12}\.\d\d) BogoMIPS \(lpj=(\d{1,15})\)/.exec(text);
	if (!delay) return undefined;
	const fitting = choices.filter((hz) => printsBogomips(BigInt(delay[2]), hz) === delay[1]);
	return fitting.length === 1 ? fitting[0] : undefined;
}
