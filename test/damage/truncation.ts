import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { powerki } from "../support/cli.ts";
import { datasetOf } from "../support/dataset.ts";
import { scratch } from "../support/scratch.ts";
import type { TestTrace } from "../support/traces.ts";
import { notPrefix, type Records, recordsIn, recordsOf, total } from "./prefix.ts";

/** Cuts the trace at offsets spread over the file, and near its ends. */
export function truncationsOf(trace: TestTrace, cuts: number): void {
	const bytes = readFileSync(trace.path);
	const folder = scratch();
	let whole: Records;
	beforeAll(async () => {
		const d = await datasetOf(trace);
		whole = await recordsOf(d);
		d.close();
	});

	const offsets = new Set([1, 3, 9, bytes.length - 4097, bytes.length - 1]);
	for (let i = 1; i <= cuts; i++) offsets.add(Math.floor((bytes.length * i) / (cuts + 1)));

	for (const offset of [...offsets].filter((o) => o > 0).sort((a, b) => a - b))
		it(`cut to ${offset} of ${bytes.length} bytes: a refusal, or the beginning of what each CPU recorded`, async () => {
			const path = join(folder, `cut-${offset}.dat`);
			const out = join(folder, `out-${offset}`);
			writeFileSync(path, bytes.subarray(0, offset));
			const run = await powerki(["collect", path, "--out", out]);
			expect(run.stderr).not.toContain("internal");
			if (run.code === 3) {
				expect(run.stderr).toMatch(/^error: /);
			} else {
				const part = await recordsIn(out);
				expect(notPrefix(part, whole)).toBeNull();
				// without complaint only where nothing is missing
				expect([run.code, total(part) === total(whole)]).toEqual(
					run.code === 0 ? [0, true] : [4, expect.any(Boolean)],
				);
			}
			rmSync(path);
			rmSync(out, { recursive: true, force: true });
		});
}
