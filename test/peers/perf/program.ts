/**
 * The program perf as a second reader: $POWERKI_PERF, or perf in PATH, of 6.12 or later (older ones refuse files whose
 * perf_event_attr is longer than theirs). Tests that need it are skipped where there is none.
 */
import { spawnSync } from "node:child_process";

const program =
	process.env.POWERKI_PERF !== undefined && process.env.POWERKI_PERF !== ""
		? process.env.POWERKI_PERF
		: "perf";

function versionOf(command: string): string | null {
	const answer = spawnSync(command, ["--version"], { encoding: "utf8" });
	const m = /^perf version ((\d+)\.(\d+)\S*)/.exec(answer.stdout ?? "");
	return m && (Number(m[2]) > 6 || (Number(m[2]) === 6 && Number(m[3]) >= 12)) ? m[1]! : null;
}

/** Version of the perf that the tests use; null where there is none that is new enough. */
export const perfVersion: string | null = versionOf(program);

/** Lines that `perf <args>` prints; null where this perf refuses the file or the options. */
export function perf(args: readonly string[]): readonly string[] | null {
	const { status, stdout } = spawnSync(program, [...args], {
		encoding: "latin1",
		maxBuffer: 1 << 28,
		// no symbols of the machine that runs the test, no pager
		env: { ...process.env, PERF_PAGER: "cat", DEBUGINFOD_URLS: "" },
	});
	return status === 0 ? stdout.split("\n") : null;
}
