import { expect, test } from "vitest";
import { readCgroup, readCgroupJson, readDiskstats, readInterrupts, readSoftirqs } from "./counters.ts";

test("interrupts of POWER: two lines LOC are told apart by their text", () => {
	const { lines, counters } = readInterrupts(
		`           CPU0       CPU2       
 16:        440        938  XIVE-IPI   0 Edge      IPI-0
 26:         24          0  pSeries-PCI-MSIX-0000:00:00.0    1 Edge      virtio0-req.0, other
LOC:       4879       2205   Local timer interrupts for timer event device
LOC:         13          6   Local timer interrupts for others
DBL:       1627        269   Doorbell interrupts
`,
	);
	expect(lines).toEqual([
		{ irq: 16, name: "IPI-0", chip: "XIVE-IPI 0 Edge" },
		{ irq: 26, name: "virtio0-req.0, other", chip: "pSeries-PCI-MSIX-0000:00:00.0 1 Edge" },
		{ irq: null, name: "LOC: Local timer interrupts for timer event device" },
		{ irq: null, name: "LOC: Local timer interrupts for others" },
		{ irq: null, name: "DBL: Doorbell interrupts" },
	]);
	expect(counters.slice(0, 2)).toEqual([
		{ object: "16/cpu0", name: "IPI-0", value: 440n },
		{ object: "16/cpu2", name: "IPI-0", value: 938n },
	]);
	expect(counters.filter((c) => c.object === "LOC/cpu0").map((c) => [c.name, c.value])).toEqual([
		["Local timer interrupts for timer event device", 4879n],
		["Local timer interrupts for others", 13n],
	]);
});

test("interrupts of x86, of a controller without hardware lines, and lines with one number", () => {
	const { lines, counters } = readInterrupts(
		`            CPU0       CPU1
   0:         36          0   IO-APIC    2-edge      timer
   2:          0          0    XT-PIC      cascade
  27:         17          5  IR-PCI-MSI-0000:00:1f.2    0-edge      ahci[0000:00:1f.2]
  30:          0          0  PCI-MSI 524288-edge
 ERR:          7
`,
	);
	expect(lines).toEqual([
		{ irq: 0, name: "timer", chip: "IO-APIC 2-edge" },
		{ irq: 2, name: "cascade", chip: "XT-PIC" },
		{ irq: 27, name: "ahci[0000:00:1f.2]", chip: "IR-PCI-MSI-0000:00:1f.2 0-edge" },
		{ irq: 30, name: "", chip: "PCI-MSI 524288-edge" },
		{ irq: null, name: "ERR" },
	]);
	expect(counters.at(-1)).toEqual({ object: "ERR", name: "ERR", value: 7n });
	expect(counters.filter((c) => c.object.startsWith("27/")).map((c) => c.value)).toEqual([17n, 5n]);
});

test("softirqs by vector and CPU", () => {
	const counters = readSoftirqs(
		"                    CPU0       CPU1       \n          HI:          0          0\n      NET_RX:         12         34\n",
	);
	expect(counters.slice(2)).toEqual([
		{ object: "NET_RX/cpu0", name: "handled", value: 12n },
		{ object: "NET_RX/cpu1", name: "handled", value: 34n },
	]);
});

test("diskstats with and without discards and flushes", () => {
	const [vda, old] = readDiskstats(
		" 254       0 vda 307 300 32114 154743 16 1 136 61 0 154236 154808 0 0 0 0 1 3\n   8       0 sda 1 2 3 4 5 6 7 8 9 10 11\n",
	);
	expect(vda).toMatchObject({ major: 254, minor: 0, name: "vda" });
	const value = (name: string) => vda.counters.find((c) => c.name === name)?.value;
	expect([value("reads"), value("sectors_read"), value("writes"), value("io_ms"), value("flush_ms")]).toEqual(
		[307n, 32114n, 16n, 154236n, 3n],
	);
	expect(old.counters.map((c) => c.name).at(-1)).toBe("weighted_io_ms");
});

test("files of a cgroup under their headings", () => {
	const counters = readCgroup(
		`[cpu.stat]
nr_throttled 44
[cpu.max]
28000 100000
[cpu.pressure]
some avg10=0.00 avg60=0.27 avg300=0.64 total=3439793
[memory.max]
max
[memory.current]
1282048
[io.stat]
253:0 rbytes=3080192 wbytes=9072640
`,
		"",
	);
	expect(counters).toEqual([
		{ object: "cpu.stat", name: "nr_throttled", value: 44n },
		{ object: "cpu.max", name: "quota_usec", value: 28000n },
		{ object: "cpu.max", name: "period_usec", value: 100000n },
		{ object: "cpu.pressure", name: "some total", value: 3439793n },
		{ object: "memory.current", name: "value", value: 1282048n },
		{ object: "io.stat", name: "253:0 rbytes", value: 3080192n },
		{ object: "io.stat", name: "253:0 wbytes", value: 9072640n },
	]);
	expect(readCgroup("[cpu.max]\nmax 100000\n", "web")).toEqual([
		{ object: "web/cpu.max", name: "period_usec", value: 100000n },
	]);
});

test("cgroups as JSON lines", () => {
	expect(
		readCgroupJson(
			'{"cgroup":"/a","id":7,"mono_ns":[1,2],"cpu_max":"max 100000","usage_usec":66338,"nr_throttled":0}\n{"cgroup":\n',
		),
	).toEqual([
		{ object: "/a", name: "usage_usec", value: 66338n },
		{ object: "/a", name: "nr_throttled", value: 0n },
	]);
});
