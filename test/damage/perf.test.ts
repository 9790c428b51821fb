import { describe, expect, it } from "vitest";
import { feature } from "../../collector/decode/perf/header.ts";
import { capture, type ReadBack } from "../../collector/decode/perf/testing.ts";
import { scratch } from "../support/scratch.ts";
import { perfInputs, perfTruncationsOf, recordsOf, tried } from "./perf.ts";
import { total } from "./prefix.ts";

for (const input of perfInputs) describe(`perf/${input.name}, truncated`, () => perfTruncationsOf(input, 3));

const folder = scratch();
const read = async (name: string, bytes: Buffer): Promise<ReadBack> => {
	const result = await tried(folder, { name, files: ["perf.data"] }, [bytes]);
	if (typeof result === "string") throw new Error(result);
	return result;
};

it("a recorder that was killed leaves no size and no features: all samples are read, and it is said", async () => {
	const bytes = capture("6.12-cpu-clock-fp");
	const whole = await read("6.12-cpu-clock-fp", bytes);
	const end = Number(bytes.readBigUInt64LE(40) + bytes.readBigUInt64LE(48));
	const killed = Buffer.from(bytes.subarray(0, end));
	killed.writeBigUInt64LE(0n, 48);
	const { tables, summary } = await read("6.12-cpu-clock-fp", killed);
	expect(tables.get("cpu_sample")).toHaveLength(302);
	expect(tables.get("cpu_sample")).toEqual(whole.tables.get("cpu_sample"));
	expect(summary.damaged).toBe(true);
	expect(summary.notes.map((n) => n.text)).toContainEqual(expect.stringContaining("did not finish the file"));
});

describe("a header feature of nonsense costs the feature: every sample stays, the import is marked", () => {
	const bytes = capture("6.12-sched-switch-g");
	const table = Number(bytes.readBigUInt64LE(40) + bytes.readBigUInt64LE(48));
	const bits = [72, 80, 88, 96].flatMap((at, word) =>
		Array.from({ length: 64 }, (_, b) => b).flatMap((b) =>
			(bytes.readBigUInt64LE(at) >> BigInt(b)) & 1n ? [word * 64 + b] : [],
		),
	);
	const names = new Map<number, string>(Object.entries(feature).map(([name, bit]) => [bit, name]));

	it.each(bits.filter((b) => names.has(b)).map((b) => [names.get(b)!, b] as const))(
		"%s",
		async (name, bit) => {
			const whole = recordsOf(await read("6.12-sched-switch-g", bytes));
			const at = table + 16 * bits.indexOf(bit);
			const damaged = Buffer.from(bytes);
			const [offset, size] = [Number(damaged.readBigUInt64LE(at)), Number(damaged.readBigUInt64LE(at + 8))];
			damaged.fill(0xfe, offset, offset + size);
			const result = await read("6.12-sched-switch-g", damaged);
			const complaints = result.summary.notes.filter((n) => n.severity === "error").map((n) => n.text);
			expect(result.summary.damaged).toBe(complaints.length > 0);
			for (const text of complaints) expect(text).toContain(`The header feature ${name} cannot be read`);
			// without their formats the fields of tracepoints cannot be known
			if (bit === feature.tracingData) {
				expect(complaints).toHaveLength(1);
				expect(total(recordsOf(result))).toBe(0);
				expect(result.summary.notes.map((n) => n.kind)).toContain("event-unknown");
			} else expect(recordsOf(result)).toEqual(whole);
		},
	);
});
