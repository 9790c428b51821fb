/** Wall and CPU seconds and peak memory of one run of a program, children included. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Measured {
	readonly wall: number;
	readonly cpu: number;
	/** MiB; null where GNU time is not installed. */
	readonly rss: number | null;
}

const GNU_TIME = "/usr/bin/time";

export function measure(command: readonly string[]): Measured {
	const start = performance.now();
	if (existsSync(GNU_TIME)) {
		const folder = mkdtempSync(join(tmpdir(), "powerki-bench-"));
		const file = join(folder, "time");
		const run = spawnSync(GNU_TIME, ["-f", "%U %S %M", "-o", file, ...command], {
			stdio: ["ignore", "ignore", "pipe"],
		});
		const wall = (performance.now() - start) / 1000;
		if (run.status !== 0) throw new Error(`${command.join(" ")}: ${run.stderr}`);
		const [user, system, kilobytes] = readFileSync(file, "utf8").trim().split(" ").map(Number) as [
			number,
			number,
			number,
		];
		rmSync(folder, { recursive: true });
		return { wall, cpu: user + system, rss: kilobytes / 1024 };
	}
	// the shell's own count of what its children used, second line: 0m1.500s 0m0.200s
	const run = spawnSync("bash", ["-c", '"$@" >/dev/null 2>&1 || exit; times', "bash", ...command], {
		encoding: "utf8",
	});
	const wall = (performance.now() - start) / 1000;
	if (run.status !== 0) throw new Error(`${command.join(" ")} failed`);
	const seconds = [...run.stdout.split("\n")[1]!.matchAll(/(\d+)m([\d.]+)s/g)].map(
		(m) => 60 * Number(m[1]) + Number(m[2]),
	);
	return { wall, cpu: seconds.reduce((a, b) => a + b, 0), rss: null };
}

export function median(values: readonly number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function table(rows: readonly (readonly string[])[]): string {
	const widths = rows[0]!.map((_, i) => Math.max(...rows.map((r) => r[i]!.length)));
	return rows
		.map((r) => r.map((c, i) => (i === 0 ? c.padEnd(widths[i]!) : c.padStart(widths[i]!))).join("  "))
		.join("\n");
}
