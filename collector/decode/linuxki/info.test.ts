import { afterEach, expect, it } from "vitest";
import { chunk, folderOf, record, removeFolders, UNAME, words } from "./chunk-testing.ts";
import { inspectLinuxki } from "./info.ts";
import { linuxkiDirectory } from "./recording.ts";

afterEach(removeFolders);

it("info tells what records there are, of which machine, and what is missing", async () => {
	const folder = folderOf({
		"uname-a.T": UNAME,
		"ki.bin.000.T": chunk(
			[
				record({
					ts: 1000,
					id: 23,
					seq: 0,
					body: words(1_800_000_000, 0, (1 << 1) | (1 << 17) | (1 << 18), 0),
				}),
				record({ ts: 1001, id: 17, seq: 1, body: words(1) }),
				record({ ts: 1002, id: 17, seq: 5, body: words(1) }),
				record({ ts: 1003, id: 60, seq: 6 }),
			],
			{ last: true },
		),
		"ki.bin.002.T": chunk([
			record({ ts: 999, id: 18, cpu: 2, body: words(1) }),
			record({ ts: 1000, id: 18, cpu: 2, length: 0 }),
		]),
	});
	const [info, ...more] = await inspectLinuxki(linuxkiDirectory(folder)!);
	expect(more).toEqual([]);
	expect(info).toMatchObject({
		format: "linuxki",
		formatVersion: "9",
		source: "ki.bin.000.T, ki.bin.002.T",
		host: "host",
		arch: "x86_64",
		kernel: "6.1.0-1-amd64",
		cpus: 3,
		cpusWithRecords: [0, 2],
		clock: "mono",
		wallOffset: 1_800_000_000_000_000_000n - 1000n,
		start: 999n,
		end: 1003n,
		events: { softirq_entry: 2, softirq_exit: 1 },
		silent: ["sched_switch"],
		lost: { events: 3, gaps: 1 },
		unknownEvents: { "id 60": 1 },
	});
	expect(info!.damage.length).toBe(1);
});
