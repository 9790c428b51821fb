import { describe, expect, it } from "vitest";
import { MemoryBytes, Truncated } from "../bytes.ts";
import { buildIdText, noFacts, type PerfFacts, readFeature, readFeatures } from "./features.ts";
import { type EventAttr, feature, readPerfHeader } from "./header.ts";
import { recordType } from "./record-types.ts";
import { attr, perfFile, record, text, Writer } from "./testing.ts";

/** A file without records is one whose recorder was killed. */
const round = record(recordType.finishedRound, 0, Buffer.alloc(0));

type Made = (little: boolean) => Buffer;

const buildId = (little: boolean, misc: number, id: Uint8Array, name: string): Buffer => {
	const body = new Writer(little)
		.u32(0xffff_ffff)
		.raw(id)
		.raw(Buffer.alloc(24 - id.length))
		.raw(`${name}\0`)
		.align(8)
		.done();
	return new Writer(little)
		.u32(67)
		.int(misc, 2)
		.int(8 + body.length, 2)
		.raw(body)
		.done();
};

/** Text of one event format, as the kernel prints it. */
const FORMAT = `name: sched_x\nID: 50\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\nprint fmt: ""\n`;

const tracing: Made = (little) => {
	const w = new Writer(little)
		.raw(Uint8Array.of(0x17, 8, 0x44))
		.raw("tracing")
		.raw("0.6\0");
	w.raw(Uint8Array.of(little ? 0 : 1, 8)).u32(65_536);
	w.raw("header_page\0").u64(3).raw("abc").raw("header_event\0").u64(0);
	w.u32(0).u32(1).raw("sched\0").u32(1).u64(FORMAT.length).raw(FORMAT);
	return w.u32(4).raw("ksym").u32(0).u64(7).raw("1 init\n").done();
};

/** Each feature, and what it makes known. */
const features: Record<string, readonly [bit: number, made: Made, known: Partial<PerfFacts>]> = {
	hostname: [feature.hostname, (le) => text("tower", le), { host: "tower" }],
	osrelease: [feature.osrelease, (le) => text("6.12.95", le), { kernel: "6.12.95" }],
	version: [feature.version, (le) => text("7.2", le), { perfVersion: "7.2" }],
	arch: [feature.arch, (le) => text("ppc64le", le), { arch: "ppc64le" }],
	cpudesc: [feature.cpudesc, (le) => text("POWER10", le), { cpuModel: "POWER10" }],
	nrcpus: [feature.nrcpus, (le) => new Writer(le).u32(8, 6).done(), { cpus: 6 }],
	cmdline: [
		feature.cmdline,
		(le) => new Writer(le).u32(2).raw(text("perf", le)).raw(text("record", le)).done(),
		{ cmdline: ["perf", "record"] },
	],
	numaTopology: [
		feature.numaTopology,
		(le) =>
			new Writer(le).u32(2, 0).u64(1, 1).raw(text("0-1,4", le)).u32(8).u64(1, 1).raw(text("2", le)).done(),
		{
			nodes: new Map([
				[0, 0],
				[1, 0],
				[4, 0],
				[2, 8],
			]),
		},
	],
	clockData: [
		feature.clockData,
		(le) => new Writer(le).u32(1, 1).u64(1_700_000_000_000_000_000n, 5_000n).done(),
		{ wallOffset: 1_699_999_999_999_995_000n },
	],
	buildId: [
		feature.buildId,
		(le) =>
			Buffer.concat([
				buildId(le, 0, Buffer.alloc(20, 0xab), "/bin/a"),
				buildId(le, 1 << 15, Buffer.from([...Buffer.alloc(20, 0xcd), 8]), "/bin/short"),
			]),
		{
			buildIds: new Map([
				["/bin/a", "ab".repeat(20)],
				["/bin/short", "cd".repeat(8)],
			]),
		},
	],
	dirFormat: [feature.dirFormat, (le) => new Writer(le).u64(1).done(), { directory: true }],
};

describe.each([true, false])("features, little endian: %s", (little) => {
	it.each(Object.keys(features))("%s", (name) => {
		const [bit, made, known] = features[name]!;
		const facts = noFacts();
		readFeature(bit, made(little), little, [], facts);
		expect(facts).toEqual({ ...noFacts(), ...known });
	});

	it("eventDesc names the events by their ids", () => {
		const events = readPerfHeader(
			new MemoryBytes(
				perfFile({
					little,
					attrs: [
						{ attr: attr({}, little), ids: [1] },
						{ attr: attr({}, little), ids: [2, 3] },
					],
					records: [round],
				}),
			),
		).events;
		const one = (name: string, ...ids: number[]) =>
			new Writer(little)
				.raw(attr({}, little))
				.u32(ids.length)
				.raw(text(name, little))
				.u64(...ids)
				.done();
		const bytes = new Writer(little)
			.u32(2, 136)
			.raw(one("second", 2, 3))
			.raw(one("first", 1))
			.done();
		readFeature(feature.eventDesc, bytes, little, events, noFacts());
		expect(events.map((e) => e.name)).toEqual(["first", "second"]);
	});

	it("cpuTopology gives core and socket of each CPU", () => {
		const facts = { ...noFacts(), cpus: 2 };
		const w = new Writer(little).u32(1).raw(text("0-1", little)).u32(1).raw(text("0-1", little));
		readFeature(feature.cpuTopology, w.u32(4, 0, 5, 1).done(), little, [], facts);
		expect(facts.topology).toEqual([
			{ cpu: 0, core: 4, socket: 0 },
			{ cpu: 1, core: 5, socket: 1 },
		]);
	});

	it("tracingData has its own byte order", () => {
		const facts = noFacts();
		// of a machine of the other order than the file
		readFeature(feature.tracingData, tracing(!little), little, [], facts);
		expect(facts.tracing).toMatchObject({
			longBytes: 8,
			pageBytes: 65_536,
			headerPage: "abc",
			formats: [{ system: "sched", text: FORMAT }],
			cmdlines: [{ pid: 1, comm: "init" }],
		});
		expect(facts.tracing!.kallsyms.toString()).toBe("ksym");
	});
});

describe("a damaged feature costs the feature only", () => {
	const whole = new Map([...Object.values(features)].map(([bit, made]) => [bit, made(true)]));
	whole.set(feature.tracingData, tracing(true));
	const facts = (bytes: Buffer): { facts: PerfFacts; problems: string[] } => {
		const file = new MemoryBytes(bytes);
		const out = noFacts();
		const problems: string[] = [];
		readFeatures(file, readPerfHeader(file), out, (t) => problems.push(t));
		return { facts: out, problems };
	};
	const attrs = [{ attr: attr({}), ids: [1] }];
	const names = Object.entries(feature).filter(([, bit]) => whole.has(bit));
	const good = facts(perfFile({ attrs, records: [round], features: whole })).facts;

	it("whole, it has no problems", () => {
		expect([good.host, good.tracing?.formats.length, good.buildIds.size]).toEqual(["tower", 1, 2]);
		expect(facts(perfFile({ attrs, records: [round], features: whole })).problems).toEqual([]);
	});

	it.each(names)("%s of nonsense, and cut at every byte", (name, bit) => {
		const nonsense: Buffer[] = [Buffer.alloc(64, 0xff), Buffer.alloc(0), Buffer.from("nonsense".repeat(20))];
		const bytes = whole.get(bit)!;
		for (let n = 1; n < bytes.length; n += bytes.length > 200 ? 7 : 1) nonsense.push(bytes.subarray(0, n));
		let said = 0;
		for (const bad of nonsense) {
			const { facts: f, problems } = facts(
				perfFile({ attrs, records: [round], features: new Map([...whole, [bit, bad]]) }),
			);
			expect(problems.length).toBeLessThanOrEqual(1);
			said += problems.length;
			if (problems.length > 0) expect(problems[0]).toContain(`header feature ${name} `);
			// everything else is known as before
			const others = (facts: PerfFacts) =>
				Object.entries(facts).filter(([key]) => !knownBy(name).includes(key));
			expect(others(f)).toEqual(others(good));
		}
		// that the records lie in several files has no content
		if (bit !== feature.dirFormat) expect(said).toBeGreaterThan(0);
	});
});

/** Names in PerfFacts of what a feature tells. */
function knownBy(name: string): readonly string[] {
	if (name === "tracingData") return ["tracing"];
	return Object.keys(features[name]![2]);
}

it("claims that no machine can make are damage: they take no time and no memory", () => {
	const events: EventAttr[] = [];
	const claim = (bit: number, bytes: Buffer) => () => readFeature(bit, bytes, true, events, noFacts());
	expect(claim(feature.eventDesc, new Writer().u32(0xffff_ffff, 64).done())).toThrow(Truncated);
	expect(claim(feature.cmdline, new Writer().u32(0xffff_ffff).done())).toThrow(Truncated);
	const nodes = new Writer().u32(3000);
	for (let k = 0; k < 3000; k++) nodes.u32(k).u64(1, 1).raw(text("0-65535"));
	expect(claim(feature.numaTopology, nodes.done())).toThrow(Truncated);
});

it("zeros behind a short build-id are no part of it, unless the file says its length", () => {
	const id = Buffer.concat([Buffer.alloc(8, 0x12), Buffer.alloc(12)]);
	expect(buildIdText(id, 20)).toBe("12".repeat(8));
	expect(buildIdText(Buffer.alloc(8, 0x12), 8)).toBe("12".repeat(8));
});

it("a feature that is not used, and not there, tells that the file is cut", () => {
	const whole = perfFile({
		attrs: [{ attr: attr({}), ids: [1] }],
		records: [round],
		features: new Map([
			[feature.hostname, text("tower")],
			[255, Buffer.alloc(8)],
		]),
	});
	const read = (bytes: Buffer) => {
		const file = new MemoryBytes(bytes);
		const problems: string[] = [];
		const facts = noFacts();
		readFeatures(file, readPerfHeader(file), facts, (t) => problems.push(t));
		return { host: facts.host, problems };
	};
	expect(read(whole)).toEqual({ host: "tower", problems: [] });
	expect(read(whole.subarray(0, -1))).toEqual({
		host: "tower",
		problems: [expect.stringContaining("number 255")],
	});
});
