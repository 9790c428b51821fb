import { describe, expect, it } from "vitest";
import { PowerkiError } from "./errors.ts";
import { formatManifest, type Manifest, parseManifest } from "./manifest.ts";

const manifest: Manifest = {
	trace: "0123456789abcdef",
	date: null,
	host: "p9",
	format: { name: "trace.dat", version: "7" },
	buffer: "",
	sources: [{ name: "trace.dat", bytes: 1, sha256: "00" }],
	sideFiles: [{ name: "ps", bytes: 2, sha256: "11", kind: "ps" }],
	machine: {
		arch: "ppc64le",
		kernel: null,
		cpus: 4,
		littleEndian: true,
		longBytes: 8,
		pageBytes: 65536,
		model: null,
	},
	clock: { name: "tai", unit: "ns", wallOffset: -37_000_000_000n },
	window: { start: 1795600000000009489n, end: 1795600000000009490n },
	cpus: [{ cpu: 0, firstTs: 1795600000000009489n, lastTs: null, events: 3 }],
	options: { rawStacks: false },
	versions: { powerki: "0.1.0" },
	tables: {
		sched: { rows: 1, bytes: 2, minTs: 1795600000000009489n, maxTs: null, files: ["part-0.parquet"] },
	},
	recorded: null,
	events: 3,
	eventCounts: { sched_switch: 3 },
	lost: { events: null, gaps: 1 },
	damage: [],
	unknownEvents: { "777": 2 },
};
const changed = (path: string, value: unknown) => {
	const copy = JSON.parse(formatManifest(manifest));
	const keys = path.split(".");
	const last = keys.pop() as string;
	keys.reduce((o, k) => o[k], copy)[last] = value;
	return JSON.stringify(copy);
};

describe("a manifest", () => {
	it("comes back as it was written, 64-bit numbers in full", () => {
		expect(parseManifest(formatManifest(manifest), "m.json")).toEqual(manifest);
		expect(formatManifest(manifest)).toContain('"start": "1795600000000009489"');
	});
	it("may be without a window", () => {
		expect(parseManifest(formatManifest({ ...manifest, window: null }), "m").window).toBeNull();
	});
	it.each([
		["manifest", 2, "format version 2, expected 1"],
		["trace", "../x", 'trace is "../x"'],
		["host", "a/b", 'host is "a/b"'],
		["date", "yesterday", 'date is "yesterday"'],
		["tables.sched.rows", "many", 'tables.sched.rows is "many"'],
		["tables.sched.files", ["../../etc/passwd"], 'tables.sched.files[0] is "../../etc/passwd"'],
		["cpus", {}, "cpus is {}, expected a list"],
		["events", undefined, "events is missing"],
	])("with a wrong %s is refused", (path, value, why) => {
		try {
			parseManifest(changed(path, value), "m.json");
		} catch (error) {
			expect((error as PowerkiError).details[0]).toBe(why);
			return;
		}
		throw new Error("accepted");
	});
	it("that is not JSON is refused", () => expect(() => parseManifest("{", "m.json")).toThrow(PowerkiError));
});
