/** Collections that end early, or run at once: the dataset is what it was, or what it should become. */
import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { powerki } from "../support/cli.ts";
import { collected, openDataset } from "../support/dataset.ts";
import { random } from "../support/random.ts";
import { digests, scratch } from "../support/scratch.ts";
import { bundledTrace } from "../support/traces.ts";

const first = bundledTrace("cases/lock-convoy/sick");
const second = bundledTrace("6.12-4k-mixed");

/** Numbers of every trace in the dataset, by a query over several tables. */
async function answers(folder: string): Promise<unknown> {
	const d = await openDataset(folder);
	try {
		return await d.rows(`SELECT t.trace, t.events, s.n AS slices, s.ns, w.n AS switches
			FROM trace t
			LEFT JOIN (SELECT trace, count(*) AS n, sum(dur)::BIGINT AS ns FROM sched GROUP BY trace) s USING (trace)
			LEFT JOIN (SELECT trace, count(*) AS n FROM sched_switch GROUP BY trace) w USING (trace)
			ORDER BY t.trace`);
	} finally {
		d.close();
	}
}

/** Hidden files and folders: what an unfinished collection leaves. */
const leftovers = (folder: string): string[] => readdirSync(folder).filter((n) => n.startsWith("."));

export function killsOf(runs: number, seed: number): void {
	const folder = scratch();
	const one = join(folder, "one");
	let whole: unknown;
	let alone: unknown;
	beforeAll(async () => {
		cpSync(await collected(first), one, { recursive: true });
		alone = await answers(one);
		const both = join(folder, "both");
		cpSync(one, both, { recursive: true });
		expect((await powerki(["collect", second.path, "--out", both])).code).toBe(0);
		whole = await answers(both);
	});

	const next = random(seed);
	for (let i = 0; i < runs; i++) {
		const after = Math.round(100 + next() * 2400);
		it(`killed after ${after} ms: committed files and answers stay, the next collection finishes and cleans up`, async () => {
			const out = join(folder, `killed-${i}`);
			cpSync(one, out, { recursive: true });
			const before = digests(out);
			const run = await powerki(["collect", second.path, "--out", out], { killAfter: after });
			const now = digests(out);
			for (const [file, digest] of Object.entries(before))
				if (file !== "open.sql") expect([file, now[file]]).toEqual([file, digest]);
			expect([alone, whole]).toContainEqual(await answers(out));
			if (run.code === 0) expect(await answers(out)).toEqual(whole);
			expect((await powerki(["collect", second.path, "--out", out])).code).toBe(0);
			expect(await answers(out)).toEqual(whole);
			expect(leftovers(out)).toEqual([]);
			rmSync(out, { recursive: true });
		});
	}

	it("interrupted by the user: exit 130, the dataset as it was", async () => {
		const out = join(folder, "interrupted");
		cpSync(one, out, { recursive: true });
		const before = digests(out);
		const run = await powerki(["collect", second.path, "--out", out], {
			killAfter: 700,
			killSignal: "SIGINT",
		});
		// a fast machine may have been done
		if (run.code === 0) expect(await answers(out)).toEqual(whole);
		else {
			expect([run.code, run.signal]).toEqual([130, null]);
			expect(digests(out)).toEqual(before);
			expect(leftovers(out)).toEqual([]);
		}
	});

	it("terminated while it waits for nothing yet: the same", async () => {
		const out = join(folder, "terminated");
		cpSync(one, out, { recursive: true });
		const before = digests(out);
		const run = await powerki(["collect", second.path, "--out", out], {
			killAfter: 500,
			killSignal: "SIGTERM",
		});
		if (run.code !== 0) {
			expect(run.code).toBe(130);
			expect(digests(out)).toEqual(before);
		}
	});

	describe("two collections into one dataset at once", () => {
		it("of two traces: both are there", async () => {
			const out = join(folder, "two");
			const runs = await Promise.all([first, second].map((t) => powerki(["collect", t.path, "--out", out])));
			expect(runs.map((r) => [r.code, r.code === 0 ? "" : r.stderr])).toEqual([
				[0, ""],
				[0, ""],
			]);
			expect(await answers(out)).toEqual(whole);
			expect(leftovers(out)).toEqual([]);
		});

		it("of the same trace: it is there once", async () => {
			const out = join(folder, "same");
			const runs = await Promise.all([0, 1].map(() => powerki(["collect", first.path, "--out", out])));
			expect(runs.map((r) => [r.code, r.code === 0 ? "" : r.stderr])).toEqual([
				[0, ""],
				[0, ""],
			]);
			expect(await answers(out)).toEqual(alone);
			expect(leftovers(out)).toEqual([]);
		});
	});

	it("the same trace again is no work, with other options it is replaced", async () => {
		const out = join(folder, "again");
		cpSync(one, out, { recursive: true });
		const before = digests(out);
		expect((await powerki(["collect", first.path, "--out", out])).code).toBe(0);
		expect(digests(out)).toEqual(before);
		expect((await powerki(["collect", first.path, "--out", out, "--no-derived"])).code).toBe(0);
		expect(existsSync(join(out, "sched"))).toBe(false);
		expect((await powerki(["collect", first.path, "--out", out])).code).toBe(0);
		expect(await answers(out)).toEqual(alone);
	});
}
