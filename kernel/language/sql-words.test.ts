import { describe, expect, test } from "vitest";
import { datasetNames, declaredNames } from "./names.ts";
import { completeSql, inspectSql, sqlTemplate } from "./sql-words.ts";

const names = declaredNames();

/** `|` is the cursor. */
function complete(marked: string) {
	const position = marked.indexOf("|");
	return completeSql(marked.replace("|", ""), position, names);
}
function inspect(marked: string): string | undefined {
	const position = marked.indexOf("|");
	return inspectSql(marked.replace("|", ""), position, names).data["text/plain"];
}

describe("completion", () => {
	test("tables after FROM and JOIN, and no columns", () => {
		const { matches, start, end, types } = complete("SELECT * FROM thread_s|");
		expect(matches).toEqual(["thread_state"]);
		expect([start, end]).toEqual([14, 22]);
		expect(types[0]).toMatchObject({ type: "table", signature: expect.stringContaining("one state") });
		expect(complete("SELECT * FROM sched JOIN thr|").matches).toContain("thread");
		expect(complete("SELECT * FROM sched, thread_n|").matches).toEqual(["thread_name"]);
	});

	test("columns of the tables that the query names, wherever the cursor is", () => {
		const { matches, types } = complete("SELECT en| FROM sched");
		expect(matches[0]).toBe("end_state");
		expect(types[0]).toMatchObject({ type: "column", signature: expect.stringContaining("sched (VARCHAR)") });
	});

	test("columns of a table by its name or alias", () => {
		expect(complete("SELECT s.pr| FROM sched s").matches).toEqual(["prio"]);
		expect(complete("SELECT sched.| FROM sched").matches).toContain("utid");
		expect(complete("SELECT x.| FROM sched s").matches).toEqual([]);
	});

	test("keywords in the case in which they are begun", () => {
		expect(complete("SEL|").matches).toEqual(["SELECT"]);
		expect(complete("sel|").matches).toEqual(["select"]);
	});

	test("nothing inside a text or a comment", () => {
		expect(complete("SELECT 'thr|' FROM sched").matches).toEqual([]);
		expect(complete("SELECT 1 -- thr|").matches).toEqual([]);
	});

	test("tables and views of a dataset that the schema does not declare", () => {
		const own = datasetNames({
			tables: [
				{
					name: "powerpc_odd",
					columns: new Map([
						["ts", "BIGINT"],
						["field", "VARCHAR"],
					]),
				},
			],
			views: [
				{
					name: "waits_by_thread",
					doc: "one thread",
					columns: [{ name: "total", doc: "all waits", unit: "ns" }],
				},
			],
		});
		expect(completeSql("SELECT fi FROM powerpc_odd", 9, own).matches).toContain("field");
		expect(completeSql("SELECT * FROM waits", 19, own).types[0]).toMatchObject({
			text: "waits_by_thread",
			type: "view",
		});
	});
});

describe("inspection", () => {
	test("a table: what a row is, and its columns", () => {
		const text = inspect("SELECT * FROM thread_st|ate");
		expect(text).toMatch(/^thread_state \(derived\): One interval/);
		expect(text).toMatch(/\n {2}dur \(BIGINT, ns\): /);
	});

	test("a column, of the table that is meant", () => {
		expect(inspect("SELECT s.du|r FROM sched s JOIN syscall USING (utid)")).toMatch(
			/^sched\.dur \(BIGINT, ns\): Length/,
		);
		expect(inspect("SELECT du|r FROM sched JOIN syscall USING (utid)")?.split("\n")).toHaveLength(2);
	});

	test("a function; nothing for what is no name", () => {
		expect(inspect("SELECT he|x(1)")).toMatch(/0x/);
		expect(inspect("SELECT 'sch|ed'")).toBeUndefined();
	});
});

test("the query inside sql`…` of a TypeScript cell, inserted values blanked", () => {
	// biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a cell
	const code = "const a = await sql`SELECT ${n} FROM sc`; b";
	const at = code.indexOf("sc`") + 2;
	expect(sqlTemplate(code, at)).toEqual({ query: "SELECT ?    FROM sc", offset: code.indexOf("SELECT") });
	expect(sqlTemplate(code, 5)).toBeUndefined();
	expect(sqlTemplate(code, code.length)).toBeUndefined();
	expect(sqlTemplate(code, code.indexOf("n}") + 1)).toBeUndefined();
});
