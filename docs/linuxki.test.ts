import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { type RecordLayout, versions } from "../collector/decode/linuxki/record-layouts.ts";

const document = readFileSync(fileURLToPath(new URL("./linuxki.md", import.meta.url)), "utf8");

/** Lines of the table whose head begins with `head`, without head and rule. */
function tableRows(head: string): string[] {
	const lines = document.split("\n");
	const at = lines.findIndex((line) => line.startsWith(head));
	const end = lines.findIndex((line, k) => k > at && !line.startsWith("|"));
	return at < 0 ? [] : lines.slice(at + 2, end);
}

const latest = versions[9]!.records;
const fields = ({ fields }: RecordLayout) => fields.map(([name]) => name);

test("the table of records is that of the decoder", () => {
	const rows = Object.entries(latest).map(
		([id, record]) =>
			`| ${id} | \`${record.event}\` | ${fields(record).join(", ")} | ${record.stack ? "yes" : ""} |`,
	);
	expect(tableRows("| id | event |")).toEqual(rows);
});

test("the table of versions says what each lacks", () => {
	const names: Record<number, string> = { 1: "V1", 3: "V2", 5: "V3", 7: "V4", 9: "V5" };
	const rows = Object.entries(versions).map(([version, { records }]) => {
		const lacking = new Map<string, Set<string>>();
		const events = new Set<string>();
		for (const [id, record] of Object.entries(latest)) {
			const own = records[Number(id)];
			if (!own) events.add(`\`${record.event}\``);
			else
				for (const name of fields(record))
					if (!fields(own).includes(name)) {
						const at = record.system === "block" ? "block_rq_*" : record.event;
						lacking.set(at, (lacking.get(at) ?? new Set()).add(name));
					}
		}
		const what = [...lacking].map(([event, own]) => `\`${event}\`: ${[...own].join(", ")}`);
		if (events.size > 0) what.push(`records of ${[...events].join(", ")}`);
		return `| ${version} | ${names[Number(version)]} | ${what.join("; ") || "nothing"} |`;
	});
	expect(tableRows("| version word |")).toEqual(rows);
});
