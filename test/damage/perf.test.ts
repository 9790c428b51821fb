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

describe("one file of a series (--switch-output) cut", () => {
	const input = {
		name: "6.12-switch-output",
		files: ["3998", "4075", "4110", "4219"].map((end) => `perf.data.202611251106${end}`),
	};
	const whole = input.files.map((f) => capture(input.name, f));
	const cut = (bytes: number) => tried(folder, input, whole.with(2, whole[2]!.subarray(0, bytes)));

	it("in its records: those of the other files stay, and it is said which file is damaged", async () => {
		const all = recordsOf((await tried(folder, input, whole)) as ReadBack);
		const part = (await cut(200_001)) as ReadBack;
		const records = recordsOf(part);
		expect(part.summary.damaged).toBe(true);
		const complaints = part.summary.notes.filter((n) => n.severity === "error");
		expect(new Set(complaints.map((n) => n.source))).toEqual(new Set([input.files[2]]));
		expect(total(records)).toBeLessThan(total(all));
		const alone = (await tried(folder, { name: input.name, files: [input.files[3]!] }, [
			whole[3]!,
		])) as ReadBack;
		for (const [key, list] of recordsOf(alone))
			expect(records.get(key)).toEqual(expect.arrayContaining([...list]));
		for (const [key, list] of records) {
			const known = new Set(all.get(key));
			expect(list.filter((text) => !known.has(text))).toEqual([]);
		}
	});

	it("in its header: refused, by its name", async () => {
		expect(await cut(90)).toContain(input.files[2]);
	});
});
