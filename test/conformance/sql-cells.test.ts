/** `%%sql` cells and the library in cells, through the built kernel. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeDataset, rowsSql } from "../../lib/dataset/fixture.ts";
import { KernelClient, types } from "./client.ts";

const timeout = 60_000;

describe("query cells", { timeout }, () => {
	let root: string;
	let kernel: KernelClient;
	beforeAll(async () => {
		root = await makeDataset([
			{
				trace: "0123456789abcdef",
				host: "powerhost",
				tables: {
					thread: rowsSql("thread", [
						{ utid: 1, tid: 100, name: "first" },
						{ utid: 2, tid: 200, name: "<b>second" },
						{ utid: 3, tid: 300, name: "third" },
					]),
				},
			},
		]);
		// Cells look for the nearest dataset from their notebook's folder upwards.
		const notebooks = join(root, "notebooks");
		mkdirSync(notebooks);
		kernel = await KernelClient.start({ cwd: notebooks });
	}, timeout);
	afterAll(async () => {
		await kernel.close();
		rmSync(root, { recursive: true });
	});

	const ask = async (type: string, code: string, cursor: number) =>
		kernel.ask("shell", type, { code, cursor_pos: cursor, detail_level: 0 }).reply;

	test("completion knows the schema before a dataset is open", async () => {
		const code = "%%sql\nSELECT * FROM thread_st";
		expect(await ask("complete_request", code, code.length)).toMatchObject({
			matches: ["thread_state"],
			cursor_start: 20,
		});
	});

	test("show a table, as text and as HTML with names escaped", async () => {
		const { messages, result } = await kernel.run("%%sql\nSELECT tid, name FROM thread ORDER BY tid");
		expect(types(messages)).toEqual(["busy", "execute_input", "execute_result", "idle"]);
		expect(result).toContain("<b>second");
		const html = (messages[2].content.data as Record<string, string>)["text/html"];
		expect(html).toContain("&lt;b&gt;second");
		expect(html).not.toContain("<b>second");
	});

	test("bind the result to a variable with the types of its columns", async () => {
		await kernel.run("%%sql threads\nSELECT tid, name, CAST(7 AS BIGINT) AS big FROM thread ORDER BY tid");
		const { result } = await kernel.run(
			"const [row] = threads.rows(); const n: number | null = row.tid; const b: bigint | null = row.big; [n, b, threads.rowCount]",
		);
		expect(result).toBe("[ 100, 7n, 3 ]");
		expect((await kernel.run("threads.rows()[0].nmae")).reply).toMatchObject({ ename: "TypeScriptError" });
	});

	test("fetch no more rows than the limit", async () => {
		await kernel.run("%%sql few --limit 2\nSELECT * FROM thread");
		expect((await kernel.run("[few.rowCount, few.truncated]")).result).toBe("[ 2, true ]");
	});

	test("report errors by line and column of the cell, with the nearest name", async () => {
		const { reply } = await kernel.run("%%sql\nSELECT tid,\n  nmae\nFROM thread");
		expect(reply).toMatchObject({ status: "error", ename: "SqlError" });
		expect(reply.evalue).toMatch(/^3:3 - /);
		expect((reply.traceback as string[]).slice(1)).toEqual([
			"      nmae",
			"      ^",
			'  did you mean "name"?',
		]);
		const options = await kernel.run("%%sql --what\nSELECT 1");
		expect(options.reply).toMatchObject({
			status: "error",
			evalue: expect.stringContaining('"--what" is not understood'),
		});
	});

	test("inspection says the schema's words", async () => {
		const code = "%%sql\nSELECT tid FROM thread";
		const column = await ask("inspect_request", code, code.indexOf("tid") + 1);
		expect((column.data as Record<string, string>)["text/plain"]).toMatch(/^thread\.tid \(INTEGER/);
		const table = await ask("inspect_request", code, code.length);
		expect((table.data as Record<string, string>)["text/plain"]).toMatch(/^thread \(identity\): /);
	});

	test("an interrupt ends a long query; the next one answers", async () => {
		const cell = kernel.execute(
			"%%sql\nSELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b",
		);
		await kernel.heard((m) => m.header.msg_type === "execute_input");
		await kernel.ask("control", "interrupt_request", {}).reply;
		expect(await cell.reply).toMatchObject({ status: "error", ename: "KeyboardInterrupt" });
		expect((await kernel.run("threads.rowCount")).result).toBe("3");
		expect((await kernel.run("%%sql\nSELECT 42 AS answer")).result).toContain("42");
	});

	test("the library is there for TypeScript cells, and asks the same dataset", async () => {
		const { result, reply } = await kernel.run(
			// biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a cell
			'import { sql, openDataset, PowerkiError } from "powerki";\nconst found = await sql`SELECT tid FROM thread WHERE name = ${"third"}`;\nfound.rows()',
		);
		expect(reply.status).toBe("ok");
		expect(result).toBe("tid\n300\n1 row");
		expect(
			(
				await kernel.run(
					"(await (await openDataset()).query('SELECT count(*) AS n FROM thread')).rows()[0].n",
				)
			).result,
		).toBe("3n");
		const failed = await kernel.run("await sql`SELECT * FROM thred`");
		expect(failed.reply).toMatchObject({ status: "error", ename: "PowerkiError" });
		expect((failed.reply.traceback as string[]).join("\n")).toContain('did you mean "thread"?');
	});

	test("without a dataset the error says what to do", async () => {
		const elsewhere = await KernelClient.start({ env: { POWERKI_DATASET: "" } });
		const { reply } = await elsewhere.run("%%sql\nSELECT 1");
		expect(reply).toMatchObject({ status: "error", ename: "PowerkiError" });
		expect((reply.traceback as string[]).length).toBeGreaterThan(1);
		await elsewhere.close();
	});
});
