/**
 * The text of every report on bundled traces, as people have read and checked it. After a change that is meant:
 * UPDATE_GOLDENS=1 npx vitest run test/goldens, then read what `git diff` shows.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Dataset, openDataset } from "../../lib/index.ts";
import { reportText } from "../../lib/render/terminal.ts";
import type { QueryParameters } from "../../lib/dataset/scope.ts";
import { report, reports } from "../../lib/reports/registry.ts";
import { collected } from "../support/dataset.ts";
import { bundledTrace, linuxkiTrace, perfTrace, repository, type TestTrace } from "../support/traces.ts";

interface Golden {
	readonly trace: TestTrace;
	/** Reports; default all. */
	readonly reports?: readonly string[];
	/** Name of the dataset in the command that the statement gives. */
	readonly dataset: string;
	readonly parameters: QueryParameters;
}

/** A perf capture with the programs that it ran, and the symbols of its kernel. */
async function named(name: string): Promise<TestTrace> {
	const trace = await perfTrace(name);
	const kallsyms = join(bundledTrace("6.12-4k-mixed").folder, "side", "kallsyms.zst");
	return { ...trace, options: [...trace.options, "--side", kallsyms] };
}

const goldens: readonly Golden[] = [
	{ trace: bundledTrace("6.12-4k-mixed"), dataset: "6.12-4k-mixed", parameters: {} },
	// The window is the one of the case's expected.json: from the start of orderd's work to its end.
	{
		trace: bundledTrace("cases/lock-convoy/sick"),
		dataset: "lock-convoy-sick",
		parameters: { window: "0.128607..2.140076" },
	},
	{ trace: await named("6.12-multi-callers"), dataset: "multi-callers", reports: ["cpu-profile"], parameters: {} },
	{ trace: await named("6.12-sched-switch-g"), dataset: "sched-switch-g", reports: ["waits"], parameters: {} },
	{
		trace: linuxkiTrace("ppc64le-liki-mixed"),
		dataset: "linuxki-ppc64le",
		reports: ["cpu-profile", "waits"],
		parameters: {},
	},
];

const updating = process.env.UPDATE_GOLDENS === "1";

for (const golden of goldens)
	describe(golden.dataset, () => {
		let place: string;
		let ds: Dataset;
		beforeAll(async () => {
			place = mkdtempSync(join(tmpdir(), "powerki-goldens-"));
			const link = join(place, golden.dataset);
			symlinkSync(await collected(golden.trace), link);
			ds = await openDataset(link);
		});
		afterAll(() => {
			ds.close();
			rmSync(place, { recursive: true });
		});

		for (const { name } of reports.filter((r) => golden.reports?.includes(r.name) ?? true))
			test(name, async () => {
				const file = join(repository, "test", "goldens", golden.dataset, `${name}.txt`);
				const text = reportText(await report(name, ds, golden.parameters), { width: 100 });
				if (updating) {
					mkdirSync(dirname(file), { recursive: true });
					writeFileSync(file, text);
				}
				expect(existsSync(file), `${file} is missing: UPDATE_GOLDENS=1 writes it`).toBe(true);
				expect(text).toBe(readFileSync(file, "utf8"));
			});
	});
