/** Names found after the import, against an import that had them at once. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { decompress } from "fzstd";
import { beforeAll, describe, expect, it } from "vitest";
import { powerki } from "../test/support/cli.ts";
import { openDataset } from "../test/support/dataset.ts";
import { digests, scratch } from "../test/support/scratch.ts";
import { bundledRoot } from "../test/support/traces.ts";
import { capture } from "./decode/perf/testing.ts";
import { symbolizeDataset } from "./symbolize.ts";
import { publishSome, readManifests } from "./write/publish.ts";

const folder = scratch();
const put = (path: string, content: Uint8Array | string): string => {
	const file = join(folder, path);
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(file, content);
	return file;
};
const program = (name: string) =>
	decompress(readFileSync(join(bundledRoot, "perf", "bin", `${name}.ppc64le.zst`)));

/** perf inject -b has put the build-ids of the programs into it. */
const trace = put("perf.data", capture("6.12-inject"));
const symbols = dirname(put("symbols/pk_chains", program("pk_chains")));
const other = dirname(put("other/pk_chains", program("pk_chains_dyn")));
const kallsyms = put(
	"given/kallsyms",
	decompress(readFileSync(join(bundledRoot, "6.12-4k-mixed", "side", "kallsyms.zst"))),
);

/** What each sample's stacks are called, by the dataset's own open.sql. */
async function chains(dataset: string): Promise<unknown> {
	const d = await openDataset(dataset);
	try {
		const frames = new Map(
			(await d.rows("SELECT * FROM frame")).map(({ frame_id, ...f }) => [
				frame_id,
				Object.values(f).join(" "),
			]),
		);
		const stacks = new Map(
			(await d.rows("SELECT stack_id, kind, frames, depth, doubtful FROM stack")).map((s) => [
				s.stack_id,
				{ ...s, stack_id: null, frames: (s.frames as number[]).map((f) => frames.get(f)) },
			]),
		);
		const samples = await d.rows("SELECT ts, cpu, stack_id, user_stack_id FROM cpu_sample ORDER BY ts, cpu");
		return samples.map(({ ts, cpu, stack_id, user_stack_id }) => [
			ts,
			cpu,
			stacks.get(stack_id!),
			stacks.get(user_stack_id!),
		]);
	} finally {
		d.close();
	}
}

const rows = async (dataset: string, sql: string) => {
	const d = await openDataset(dataset);
	try {
		return await d.rows(sql);
	} finally {
		d.close();
	}
};

const collect = async (out: string, ...options: string[]) => {
	const run = await powerki(["collect", trace, "--out", out, ...options]);
	expect([run.code, run.code === 0 ? "" : run.stderr]).toEqual([0, ""]);
	return run.stderr;
};

const bare = join(folder, "bare");
const whole = join(folder, "whole");
let copies = 0;
const copy = (): string => {
	const to = join(folder, `copy-${copies++}`);
	cpSync(bare, to, { recursive: true });
	return to;
};
const both = { symbols: [symbols], side: [kallsyms] };

beforeAll(async () => {
	await collect(bare);
	await collect(whole, "--symbols", symbols, "--side", kallsyms);
});

describe("a dataset that was collected without symbols", () => {
	it("has the stacks of one that was collected with them, when it is symbolized", async () => {
		const dataset = copy();
		const [done] = await symbolizeDataset({ dataset, ...both });
		expect(done).toMatchObject({
			changed: true,
			before: { frames: 65, named: 0 },
			after: { frames: 63, named: 63 },
			stacks: { doubtful: 15, judged: 15 },
		});
		expect(await chains(dataset)).toEqual(await chains(whole));
		expect(await chains(dataset)).not.toEqual(await chains(bare));
		const dso = "SELECT * FROM dso";
		expect(await rows(dataset, dso)).toEqual(await rows(whole, dso));
		expect(done!.binaries).toMatchObject([{ module: "/tmp/w/pk_chains", state: "named" }]);
	});

	it("has them too when programs and kernel are found one after the other", async () => {
		const dataset = copy();
		await symbolizeDataset({ dataset, symbols: [symbols] });
		expect((await symbolizeDataset({ dataset, side: [kallsyms] }))[0]!.binaries[0]).toMatchObject({
			file: join(symbols, "pk_chains"),
			state: "named",
		});
		expect(await chains(dataset)).toEqual(await chains(whole));
		expect((await readManifests(dataset))[0]!.symbolized).toMatchObject({
			symbols: ["symbols"],
			side: [{ name: "kallsyms", kind: "kallsyms" }],
		});
	});

	it("keeps the files of all other tables, and is no work for collect", async () => {
		const dataset = copy();
		const before = digests(dataset);
		await symbolizeDataset({ dataset, ...both });
		const now = digests(dataset);
		const own = /^(stack|frame|dso|import_note|_traces)\/|^open\.sql$/;
		for (const file of new Set([...Object.keys(before), ...Object.keys(now)]))
			if (!own.test(file)) expect([file, now[file]]).toEqual([file, before[file]]);
			else if (file.endsWith(".parquet")) expect(file in before && file in now).toBe(false);
		expect(await collect(dataset)).toMatch(/^same /);
		expect(digests(dataset)).toEqual(now);
	});

	it("is symbolized once: again is no change", async () => {
		const dataset = copy();
		await symbolizeDataset({ dataset, ...both });
		const before = digests(dataset);
		expect((await symbolizeDataset({ dataset, ...both }))[0]).toMatchObject({ changed: false });
		expect(digests(dataset)).toEqual(before);
	});

	it("loses no name when less is found later", async () => {
		const dataset = copy();
		await symbolizeDataset({ dataset, ...both });
		const before = digests(dataset);
		const [done] = await symbolizeDataset({ dataset, symbols: [other] });
		expect(done).toMatchObject({ changed: false, after: { named: 63 } });
		expect(done!.notes.map((n) => n.kind)).toEqual(["symbols-other-build"]);
		expect(digests(dataset)).toEqual(before);
	});
});

describe("import_note", () => {
	it("says of symbols what is true now", async () => {
		const kinds = async (dataset: string) =>
			(await rows(dataset, "SELECT kind FROM import_note ORDER BY kind")).map((r) => r.kind);
		const dataset = copy();
		expect(await kinds(dataset)).toEqual(["no-symbols"]);
		await symbolizeDataset({ dataset, symbols: [symbols] });
		expect(await kinds(dataset)).toEqual(["no-symbols"]);
		await symbolizeDataset({ dataset, side: [kallsyms] });
		expect(await kinds(dataset)).toEqual(["symbols-kernel-unchecked"]);
	});
});

describe("what does not fit is refused, and that is said", () => {
	it("a program of another build", async () => {
		const dataset = copy();
		const before = digests(dataset);
		const [done] = await symbolizeDataset({ dataset, symbols: [other] });
		expect(done).toMatchObject({ changed: false, after: { named: 0 } });
		expect(done!.binaries).toMatchObject([{ module: "/tmp/w/pk_chains", file: null, state: "other build" }]);
		expect(done!.notes).toMatchObject([{ kind: "symbols-other-build", source: join(other, "pk_chains") }]);
		expect(digests(dataset)).toEqual(before);
	});

	it("symbols that disagree with the names that are there", async () => {
		const dataset = copy();
		await symbolizeDataset({ dataset, side: [kallsyms] });
		const lines = readFileSync(kallsyms, "utf8").trimEnd().split("\n");
		// each function has the address of the next
		const shifted = lines.slice(1).map((line, i) => `${line.split(" ", 1)[0]}${lines[i]!.slice(16)}`);
		const wrong = put("wrong/kallsyms", `${shifted.join("\n")}\n`);
		const [done] = await symbolizeDataset({ dataset, side: [wrong] });
		expect(done!.changed).toBe(false);
		expect(done!.notes).toMatchObject([{ kind: "symbols-other-kernel", source: wrong }]);
	});

	it("symbols of another release", async () => {
		const dataset = copy();
		put("release/kallsyms", readFileSync(kallsyms));
		const uname = "Linux p9 6.1.0 #1 SMP Debian 6.1.0-1 (2026-07-05) ppc64le GNU/Linux\n";
		const side = dirname(put("release/uname", uname));
		const [done] = await symbolizeDataset({ dataset, side: [side] });
		expect([done!.changed, done!.notes.map((n) => n.kind)]).toEqual([false, ["symbols-other-kernel"]]);
	});
});

describe("which traces", () => {
	it("all of the dataset, or the one that is named", async () => {
		const dataset = copy();
		const pipe = put("perf.pipe.data", capture("6.12-pipe", "perf.pipe.data"));
		expect((await powerki(["collect", pipe, "--out", dataset])).code).toBe(0);
		const [first, second] = await readManifests(dataset);
		const done = await symbolizeDataset({ dataset, ...both, trace: second!.trace });
		expect(done.map((d) => [d.manifest.trace, d.changed])).toEqual([[second!.trace, true]]);
		expect((await symbolizeDataset({ dataset, ...both })).map((d) => [d.manifest.trace, d.changed])).toEqual([
			[first!.trace, true],
			[second!.trace, false],
		]);
		await expect(symbolizeDataset({ dataset, ...both, trace: "none" })).rejects.toMatchObject({ code: 2 });
	});
});

it("with nothing to look into is wrong usage, a missing folder is unreadable input", async () => {
	const dataset = copy();
	await expect(symbolizeDataset({ dataset })).rejects.toMatchObject({ code: 2 });
	for (const missing of [{ symbols: [join(folder, "none")] }, { side: [join(folder, "none")] }])
		await expect(symbolizeDataset({ dataset, ...missing })).rejects.toMatchObject({ code: 3 });
	const table = readdirSync(join(dataset, "stack"), { recursive: true, encoding: "utf8" });
	writeFileSync(join(dataset, "stack", table.find((f) => f.endsWith(".parquet"))!), "not Parquet");
	await expect(symbolizeDataset({ dataset, ...both })).rejects.toMatchObject({ code: 3 });
});

describe("ended between the moving of files and the manifest", () => {
	it("readers see what was there before, and the next run finishes and cleans up", async () => {
		const dataset = copy();
		const before = digests(dataset);
		const old = await chains(dataset);
		const id = (await readManifests(dataset))[0]!.trace;
		// where the manifest is written before it is renamed
		const blocked = join(dataset, "_traces", `.${id}.json.${process.pid}`);
		mkdirSync(blocked);
		await expect(symbolizeDataset({ dataset, ...both })).rejects.toThrow();
		rmSync(blocked, { recursive: true });
		const now = digests(dataset);
		const left = Object.keys(now).filter((file) => !(file in before));
		expect(left.map((file) => file.split("/")[0]).sort()).toEqual(["dso", "frame", "import_note", "stack"]);
		for (const [file, digest] of Object.entries(before)) expect([file, now[file]]).toEqual([file, digest]);
		expect(await chains(dataset)).toEqual(old);
		expect((await symbolizeDataset({ dataset, ...both }))[0]!.changed).toBe(true);
		expect(await chains(dataset)).toEqual(await chains(whole));
		const parts = Object.keys(digests(dataset)).filter((f) => f.startsWith("frame/"));
		expect(parts).toHaveLength(1);
		expect(readdirSync(dataset).filter((n) => n.startsWith("."))).toEqual([]);
	});
});

it("a trace that another process has collected again meanwhile is left as that one made it", async () => {
	const dataset = copy();
	const [manifest] = await readManifests(dataset);
	const before = digests(dataset);
	const read = { ...manifest!, options: { ...manifest!.options, host: "other" } };
	await expect(publishSome(dataset, new Map(), ["stack"], read, {})).rejects.toMatchObject({ code: 5 });
	expect(digests(dataset)).toEqual(before);
});

it("stopped by the user: the dataset as it was", async () => {
	const dataset = copy();
	const before = digests(dataset);
	const signal = AbortSignal.abort();
	await expect(symbolizeDataset({ dataset, ...both, signal })).rejects.toMatchObject({ code: 130 });
	expect(digests(dataset)).toEqual(before);
});

it("the command tells what is named and what is missing; --json is for programs", async () => {
	const dataset = copy();
	const missing = await powerki(["symbolize", "--dataset", dataset, "--symbols", other]);
	expect([missing.code, missing.stdout]).toEqual([0, ""]);
	expect(missing.stderr).toMatch(/^same .*nothing was written; 0 of 65 frames named/);
	expect(missing.stderr).toContain("its build-id is 318ddadefaaee064fbcbe4946539bf44a5edc783");
	expect(missing.stderr).toMatch(
		/lacks {2}\/tmp\/w\/pk_chains: other build, \d+ frames; give the file of build-id b9ca/,
	);
	const args = ["symbolize", "--dataset", dataset, "--symbols", symbols, "--side", kallsyms];
	const done = await powerki(args);
	expect(done.stderr).toMatch(/^done .*: 0 of 65 frames named → 63 of 63\n/);
	expect(done.stderr).not.toContain("lacks");
	const [json] = JSON.parse((await powerki([...args, "--json"])).stdout) as [Record<string, unknown>];
	expect(Object.keys(json)).toEqual([
		"trace",
		"host",
		"changed",
		"before",
		"after",
		"stacks",
		"kernel",
		"binaries",
		"notes",
	]);
	expect((await powerki(["symbolize", "--dataset", dataset])).code).toBe(2);
});
