import { expect, test } from "vitest";
import { readCpupower, readCstates } from "./idle-states.ts";

const times = `
 CPU    cstate0    cstate1    cstate2
   0    5560570   94071224          0
`;

test("a name with a blank breaks the row of the LinuxKI table", () => {
	const text = `cstate    name        latency\n1         Shared      Cede\n10                        \n${times}`;
	expect([...readCstates(text)]).toEqual([[1, "Shared Cede"]]);
	const more = `cstate    name        latency\n0         snooze      0\n1         Shared      Cede\n10                        \n2         stop5       200\n${times}`;
	expect([...readCstates(more)]).toEqual([
		[0, "snooze"],
		[1, "Shared Cede"],
		[2, "stop5"],
	]);
});

test("a machine without idle states, and a table that is cut", () => {
	expect(readCstates(`cstate    name        latency\n${times}`).size).toBe(0);
	expect(readCstates("cstate    name        latency\n1   C1").size).toBe(0);
	expect(readCstates("cstate    name        latency").size).toBe(0);
});

test("cpupower idle-info lists the states in order of their index", () => {
	const text = `CPUidle driver: intel_idle
CPUidle governor: menu
analyzing CPU 0:

Number of idle states: 3
Available idle states: POLL Shared Cede C6
POLL:
Flags/Description: CPUIDLE CORE POLL IDLE
Latency: 0
Usage: 1
Duration: 2
Shared Cede:
Flags/Description: Shared Cede
Latency: 10
C6 (DISABLED) :
Flags/Description: MWAIT 0x20
Latency: 133
`;
	const { states, driver } = readCpupower(text);
	expect([...states.values()]).toEqual(["POLL", "Shared Cede", "C6"]);
	expect(driver).toBe("intel_idle");
	expect(readCpupower("CPUidle driver: none\nCPUidle governor: menu\n\nCPU 0: No idle states\n")).toEqual({
		states: new Map(),
	});
});
