/**
 * From a trace clock's stamps to ns.
 * Source: kernel/trace/trace_clock.c and arch/powerpc/kernel/trace_clock.c, Linux 6.12.
 */
export interface ClockScale {
	/** ns = floor(stamp * numerator / denominator) */
	readonly numerator: number;
	readonly denominator: number;
	/** "ns", or what a stamp counts where it cannot be converted. */
	readonly unit: string;
}

/** USER_HZ: jiffies_64_to_clock_t makes 100 of a second on all architectures that matter here. */
const USER_HZ = 100;
const NS: ClockScale = { numerator: 1, denominator: 1, unit: "ns" };

function gcd(a: number, b: number): number {
	return b === 0 ? a : gcd(b, a % b);
}

/** `timebaseHz` from /proc/cpuinfo, for the POWER timebase; without it those stamps stay raw. */
export function clockScale(clock: string, timebaseHz: number | undefined): ClockScale {
	if (clock === "uptime") return { numerator: 1e9 / USER_HZ, denominator: 1, unit: "ns" };
	if (clock === "counter") return { ...NS, unit: "event number" };
	if (clock === "x86-tsc") return { ...NS, unit: "x86 TSC ticks" };
	if (clock === "ppc-tb") {
		if (!timebaseHz) return { ...NS, unit: "timebase ticks" };
		const d = gcd(1e9, timebaseHz);
		return { numerator: 1e9 / d, denominator: timebaseHz / d, unit: "ns" };
	}
	return NS;
}

/** Stamps relative to a base that is a multiple of the denominator: exact as long as the quotient is below 2^53. */
export function scaler({ numerator, denominator }: ClockScale): ((stamp: number) => number) | null {
	if (denominator === 1) return numerator === 1 ? null : (stamp) => stamp * numerator;
	return (stamp) => {
		const whole = Math.floor(stamp / denominator);
		return whole * numerator + Math.floor(((stamp - whole * denominator) * numerator) / denominator);
	};
}
