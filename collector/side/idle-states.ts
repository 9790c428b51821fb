/** Names of the cpuidle states by index, as tools list them. */

/**
 * What LinuxKI keeps of cpuidle: rows "1 C1 2" of state, name and latency in µs under this heading, then a table of times.
 * A name with a blank breaks the row in two: "1 Shared Cede" and "10".
 */
export const cstatesHeading = /^cstate\s+name\s+latency\s*$/;

export function readCstates(text: string): Map<number, string> {
	const states = new Map<number, string>();
	const [, ...lines] = text.split("\n", 4 * mostStates);
	const end = lines.findIndex((l) => l.trim() === "");
	const words = lines.slice(0, end < 0 ? lines.length : end).flatMap((l) => l.trim().split(/\s+/));
	let name: string[] = [];
	let state: number | null = null;
	for (const word of words) {
		if (!/^\d{1,9}$/.test(word)) name.push(word);
		else if (state === null) state = Number(word);
		else {
			// the latency ends a row
			if (name.length > 0 && state < mostStates) states.set(state, name.join(" "));
			state = null;
			name = [];
		}
	}
	return states;
}

/** CPUIDLE_STATE_MAX of include/linux/cpuidle.h. */
const mostStates = 10;

/** `cpupower idle-info`: after its heading each state's name stands above its flags, the states in order of their index. */
export const cpupowerHeading = /^CPUidle driver: (\S+)$/;

export function readCpupower(text: string): { states: Map<number, string>; driver?: string } {
	const states = new Map<number, string>();
	const lines = text.split("\n");
	let state = 0;
	for (let i = 1; i < lines.length && state < mostStates; i++) {
		if (!lines[i].startsWith("Flags/Description:")) continue;
		const name = /^(.*?)(?: \(DISABLED\) )?:$/.exec(lines[i - 1])?.[1];
		if (name) states.set(state, name);
		state++;
	}
	const driver = lines.map((l) => cpupowerHeading.exec(l)?.[1]).find((d) => d !== undefined && d !== "none");
	return driver === undefined ? { states } : { states, driver };
}
