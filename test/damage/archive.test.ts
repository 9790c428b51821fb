/** Archives and compressed traces: what is in them is collected as it would be unpacked, whatever else they hold. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { archive, file, header } from "../../collector/archive/testing.ts";
import { exitCode } from "../../lib/schema/errors.ts";
import type { Manifest } from "../../lib/schema/manifest.ts";
import { powerki } from "../support/cli.ts";
import { openDataset } from "../support/dataset.ts";
import { filesUnder, scratch } from "../support/scratch.ts";
import { bundledTrace } from "../support/traces.ts";

const folder = scratch();
const trace = bundledTrace("7.x-mixed");
const at = (name: string): string => join(folder, name);

function put(name: string, content: string | Uint8Array): string {
	mkdirSync(dirname(at(name)), { recursive: true });
	writeFileSync(at(name), content);
	return at(name);
}

async function manifests(dataset: string): Promise<readonly Manifest[]> {
	const opened = await openDataset(dataset);
	opened.close();
	return opened.manifests;
}

/** Rows by table, without those of the notes and the trace itself. */
const rows = (m: Manifest): Record<string, number> =>
	Object.fromEntries(Object.entries(m.tables).map(([name, t]) => [name, t.rows]));

const members = filesUnder(trace.folder).map((name) => file(name, readFileSync(join(trace.folder, name))));
const whole = gzipSync(archive(...members));
// the trace comes first, so that a part of it is there
const begun = gzipSync(archive(file("trace.dat", readFileSync(trace.path)), file("ps", "none")));

/** Nothing that a reader or the next collection would stumble over. */
function expectClean(dataset: string): void {
	expect(readdirSync(dataset).filter((n) => n.startsWith("."))).toEqual([]);
}

describe("a trace with its side files in an archive", () => {
	const out = at("packed");
	let packed: string;
	beforeAll(async () => {
		packed = put("host.tgz", whole);
		expect((await powerki(["collect", packed, "--out", out])).code).toBe(0);
	});

	it("gives what the unpacked trace gives", async () => {
		const plain = at("plain");
		expect((await powerki(["collect", trace.path, "--out", plain])).code).toBe(0);
		const [a, b] = [(await manifests(plain))[0]!, (await manifests(out))[0]!];
		expect(rows(b)).toEqual(rows(a));
		expect(b.sideFiles.map(({ member: _, ...f }) => f)).toEqual(a.sideFiles);
		expect([b.host, b.date, b.window, b.machine, b.eventCounts]).toEqual([
			a.host,
			a.date,
			a.window,
			a.machine,
			a.eventCounts,
		]);
		expect(b.sources.map((s) => [s.name, s.bytes])).toEqual([["host.tgz", whole.length]]);
		expectClean(out);
	});

	it("again is no work, and more side files are a reason to collect it again", async () => {
		const again = await powerki(["collect", packed, "--out", out]);
		expect([again.code, again.stderr]).toEqual([0, expect.stringMatching(/^same /)]);
		const side = put("elsewhere/interrupts", readFileSync(join(trace.folder, "side", "interrupts")));
		for (const expected of [/^done /, /^same /]) {
			const run = await powerki(["collect", packed, "--out", out, "--side", side]);
			expect([run.code, run.stderr]).toEqual([0, expect.stringMatching(expected)]);
		}
		const used = (await manifests(out))[0]!.sideFiles;
		expect(used.filter((f) => !f.member).map((f) => f.name)).toEqual(["interrupts"]);
		expect(used.some((f) => f.member)).toBe(true);
	});

	it("is told by info, which leaves nothing behind", async () => {
		const temporary = at("tmp");
		mkdirSync(temporary);
		const run = await powerki(["info", packed, "--json"], { env: { ...process.env, TMPDIR: temporary } });
		expect(run.code).toBe(0);
		expect(JSON.parse(run.stdout)).toMatchObject({
			format: "trace.dat",
			source: "host.tgz",
			bytes: whole.length,
		});
		for (const bad of [put("none.tgz", gzipSync(archive(file("a", "x")))), packed]) {
			const options = bad === packed ? ["--max-expand", "10K"] : [];
			const refused = await powerki(["info", bad, ...options], {
				env: { ...process.env, TMPDIR: temporary },
			});
			expect(refused.code).toBe(exitCode.unreadable);
		}
		expect(readdirSync(temporary)).toEqual([]);
	});
});

it("a compressed trace alone gives what the trace gives", async () => {
	const small = bundledTrace("variants/v6");
	const out = at("single");
	const path = put("v6.dat.gz", gzipSync(readFileSync(small.path)));
	expect((await powerki(["collect", path, "--out", out])).code).toBe(0);
	expect((await powerki(["collect", small.path, "--out", at("single-plain")])).code).toBe(0);
	const [a, b] = [(await manifests(at("single-plain")))[0]!, (await manifests(out))[0]!];
	expect(b.eventCounts).toEqual(a.eventCounts);
	expect(b.trace).not.toBe(a.trace);
});

describe("a damaged or hostile archive", () => {
	it("that is cut off gives what was good and says so; with --strict nothing", async () => {
		const cut = put("cut.tgz", begun.subarray(0, Math.floor(begun.length * 0.8)));
		const out = at("cut");
		const run = await powerki(["collect", cut, "--out", out]);
		expect([run.code, run.stderr]).toEqual([
			exitCode.damaged,
			expect.stringMatching(/the file ends within the compressed data at byte \d+/),
		]);
		const dataset = await openDataset(out);
		expect(dataset.manifests[0]!.events).toBeGreaterThan(0);
		expect(
			await dataset.rows(
				"SELECT source FROM import_note WHERE severity = 'error' AND kind = 'archive-damaged'",
			),
		).toEqual([{ source: "cut.tgz" }]);
		dataset.close();
		const early = put("early.tgz", begun.subarray(0, 20_000));
		const refused = await powerki(["collect", early, "--out", out]);
		expect([refused.code, refused.stderr]).toEqual([
			exitCode.unreadable,
			expect.stringMatching(/early.tgz: the file ends within the compressed data/),
		]);
		const strict = at("strict");
		expect((await powerki(["collect", cut, "--out", strict, "--strict"])).code).toBe(exitCode.damaged);
		expect(filesUnder(strict)).toEqual([]);
	});

	it("writes nothing outside the dataset, and no link inside", async () => {
		const evil = [
			file("../../evil", "x"),
			file(`${at("evil")}`, "x"),
			file("out", "", { type: "2", target: folder }),
			file("out/evil", "x"),
		];
		const before = filesUnder(folder).length;
		const path = put("evil.tgz", gzipSync(archive(...evil, file("trace.dat", readFileSync(trace.path)))));
		const out = at("evil-dataset");
		const run = await powerki(["collect", path, "--out", out, "--no-derived"]);
		expect(run.code).toBe(0);
		expect(filesUnder(folder).filter((f) => /evil/.test(f) && !f.startsWith("evil-dataset/"))).toEqual([
			"evil.tgz",
		]);
		expect(filesUnder(folder).length - before).toBe(1 + filesUnder(out).length);
		const dataset = await openDataset(out);
		const kinds = await dataset.rows(
			"SELECT kind, count FROM import_note WHERE kind LIKE 'archive%' ORDER BY kind",
		);
		expect(kinds).toEqual([
			{ kind: "archive-link", count: 1n },
			{ kind: "archive-name", count: 2n },
		]);
		dataset.close();
	});

	it("that unpacks to too much is refused, and nothing of it stays", async () => {
		const bomb = put("bomb.tgz", gzipSync(archive(file("trace.dat", new Uint8Array(32 << 20) as Buffer))));
		const out = at("bombed");
		const run = await powerki(["collect", bomb, "--out", out, "--max-expand", "16M"]);
		expect([run.code, run.stderr]).toEqual([exitCode.unreadable, expect.stringMatching(/--max-expand \d+G/)]);
		expect(filesUnder(out)).toEqual([]);
		expect((await powerki(["collect", bomb, "--out", out, "--max-expand", "lots"])).code).toBe(
			exitCode.usage,
		);
	});

	it("does not cost the others of its folder", async () => {
		put("cluster/a.tgz", whole);
		put("cluster/b.tgz", gzipSync(archive(file("a", "x"))));
		put("cluster/c.tar", archive(file("trace.dat", readFileSync(bundledTrace("variants/v6").path))));
		const out = at("cluster-dataset");
		const run = await powerki(["collect", at("cluster"), "--out", out, "--no-derived"]);
		expect([run.code, run.stderr]).toEqual([
			exitCode.unreadable,
			expect.stringMatching(/error: 1 of 3 inputs was not collected\n {2}b.tgz: no trace/),
		]);
		expect((await manifests(out)).map((m) => m.sources[0]!.name).sort()).toEqual(["a.tgz", "c.tar"]);
		expectClean(out);
	});

	it("that is interrupted while it is unpacked leaves nothing", async () => {
		// 7 GiB of zeros that are passed over: seconds, and no room on the disk
		const zeros = gzipSync(Buffer.alloc(8 << 20));
		const begin = gzipSync(header({ name: "a", type: "z", size: 7 * 2 ** 30 }));
		const long = put("long.tgz", Buffer.concat([begin, ...Array.from({ length: 896 }, () => zeros)]));
		const out = at("stopped");
		const run = await powerki(["collect", long, "--out", out, "--max-expand", "8G"], {
			killAfter: 1500,
			killSignal: "SIGINT",
		});
		expect([run.code, run.signal]).toEqual([exitCode.interrupted, null]);
		expect(existsSync(out) ? filesUnder(out).map((f) => relative(out, f)) : []).toEqual([]);
	});
});
