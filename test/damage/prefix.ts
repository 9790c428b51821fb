/** Damaged inputs against the whole: what is kept must be the beginning of what each CPU recorded. */
import { quoteIdentifier } from "../../lib/schema/layout.ts";
import { openDataset, type TestDataset } from "../support/dataset.ts";

/** Columns whose numbers depend on what else the trace shows. */
const numbered = new Set(["trace", "host", "date", "utid", "stack_id", "user_stack_id"]);

/** For each buffer and CPU, its records in order of time as text. */
export type Records = ReadonlyMap<string, readonly string[]>;

export async function recordsOf(d: TestDataset): Promise<Records> {
	const records = new Map<string, { ts: bigint; text: string }[]>();
	for (const m of d.manifests)
		for (const table of Object.keys(m.tables)) {
			if (!(table in m.eventCounts)) continue;
			for (const row of await d.rows(`SELECT * FROM ${quoteIdentifier(table)} WHERE trace = '${m.trace}'`)) {
				const fields = Object.entries(row)
					.filter(([name, value]) => !numbered.has(name) && value !== null)
					.map(([name, value]) => `${name}=${value}`);
				const key = `${m.buffer}/${row.cpu}`;
				const list = records.get(key) ?? [];
				list.push({ ts: row.ts as bigint, text: `${table} ${fields.join(" ")}` });
				records.set(key, list);
			}
		}
	return new Map(
		[...records].map(([key, list]) => [
			key,
			list
				.sort((a, b) => (a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
				.map((r) => `${r.ts} ${r.text}`),
		]),
	);
}

export async function recordsIn(folder: string): Promise<Records> {
	const d = await openDataset(folder);
	try {
		return await recordsOf(d);
	} finally {
		d.close();
	}
}

/** The first record that is not where the whole has it; null where `part` is a prefix of `whole` on every CPU. */
export function notPrefix(part: Records, whole: Records): string | null {
	for (const [key, list] of part) {
		const all = whole.get(key);
		if (all === undefined) return `${key}: the whole has no such CPU`;
		for (const [i, text] of list.entries())
			if (all[i] !== text) return `${key}, record ${i}: ${text}; the whole has ${all[i] ?? "no more"}`;
	}
	return null;
}

export function total(records: Records): number {
	return [...records.values()].reduce((sum, list) => sum + list.length, 0);
}
