import type { WallClock } from "./side-files.ts";

/**
 * JSON lines `{"mono_ns": …, "realtime_ns": …, "mono_after_ns": …, "boottime_ns": …}`: clocks read one after the other.
 * The offset is taken at the middle of the reading; half its length is the uncertainty.
 */
export function readClockPairs(text: string): { clocks: WallClock[]; host?: string } {
	const clocks: WallClock[] = [];
	let host: string | undefined;
	for (const line of text.split("\n")) {
		if (!line.startsWith("{")) continue;
		const pair = clockPair(line);
		if (!pair) continue;
		if (pair.host !== undefined) host ??= pair.host;
		const middle = (pair.mono + pair.monoAfter) / 2n;
		const uncertainty = Number((pair.monoAfter - pair.mono + 1n) / 2n);
		clocks.push({ clock: "mono", offset: pair.realtime - middle, uncertainty });
		if (pair.boot !== undefined)
			clocks.push({ clock: "boot", offset: pair.realtime - pair.boot, uncertainty });
	}
	return { clocks, host };
}

/** Nanoseconds of the wall clock pass 2^53: they are read as text, not through JSON.parse. */
export function clockPair(line: string): {
	mono: bigint;
	monoAfter: bigint;
	realtime: bigint;
	boot?: bigint;
	host?: string;
} | null {
	const number = (name: string) => new RegExp(`"${name}"\\s*:\\s*(\\d+)`).exec(line)?.[1];
	const mono = number("mono_ns");
	const realtime = number("realtime_ns");
	if (mono === undefined || realtime === undefined) return null;
	const boot = number("boottime_ns");
	return {
		mono: BigInt(mono),
		monoAfter: BigInt(number("mono_after_ns") ?? mono),
		realtime: BigInt(realtime),
		boot: boot === undefined ? undefined : BigInt(boot),
		host: /"host"\s*:\s*"([^"\\]{1,255})"/.exec(line)?.[1],
	};
}

/** `date +%s.%N` above the text of /proc/uptime. */
export const dateAndUptime = /^(\d{9,11})\.(\d{9})\n(\d+)\.(\d\d) \d+\.\d\d\s*$/;

/** Uptime counts CLOCK_BOOTTIME in hundredths of a second (fs/proc/uptime.c), and the two were read by two programs. */
export function readDateAndUptime(text: string): WallClock[] {
	const match = dateAndUptime.exec(text);
	if (!match) return [];
	const wall = BigInt(match[1]) * 1_000_000_000n + BigInt(match[2]);
	const uptime = BigInt(match[3]) * 1_000_000_000n + BigInt(match[4]) * 10_000_000n;
	return [{ clock: "boot", offset: wall - uptime, uncertainty: 20_000_000 }];
}
