import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeDataset } from "../dataset/fixture.ts";
import { smallTrace } from "../dataset/small-trace.ts";
import { exitCode, PowerkiError } from "../schema/errors.ts";
import { runSql, type SqlCommand } from "./sql-command.ts";

let dataset: string;
let out: string;
beforeAll(async () => {
	dataset = await makeDataset([smallTrace]);
	out = mkdtempSync(join(tmpdir(), "powerki-out-"));
});
afterAll(() => {
	rmSync(dataset, { recursive: true });
	rmSync(out, { recursive: true });
});

async function run(command: SqlCommand, stdin = "", terminal = false) {
	const stdout = Object.assign(new PassThrough(), { isTTY: terminal });
	const stderr = new PassThrough();
	const [written, told] = [text(stdout), text(stderr)];
	try {
		const code = await runSql({ dataset, ...command }, { stdin: Readable.from([stdin]), stdout, stderr });
		stdout.end();
		stderr.end();
		return { code, stdout: await written, stderr: await told };
	} finally {
		stdout.end();
		stderr.end();
	}
}
async function failure(command: SqlCommand): Promise<PowerkiError> {
	const error = await run(command).then(
		() => null,
		(e) => e,
	);
	expect(error).toBeInstanceOf(PowerkiError);
	return error;
}

const values = `SELECT 9223372036854775807::BIGINT AS big, -0.5::DOUBLE AS d, 'nan'::DOUBLE AS nan, 1.50::DECIMAL(5,2) AS dec,
	NULL::INTEGER AS unknown, '' AS empty, 'a,"b' || chr(10) || 'c' AS odd, [1, NULL] AS list, true AS yes`;

describe("powerki sql", () => {
	it("prints a table, and the footer apart from it", async () => {
		const r = await run({ query: "SELECT name FROM thread WHERE tid = 11" });
		expect(r.code).toBe(0);
		expect(r.stdout).toBe("┌─────────┐\n│ name    │\n│ VARCHAR │\n├─────────┤\n│ A       │\n└─────────┘\n");
		expect(r.stderr).toMatch(/^1 row in \d+\.\d\d\u202f?\s?s \(numbers grouped/);
	});
	it("prints csv as RFC 4180 quotes it", async () => {
		const { stdout } = await run({ query: values, format: "csv" });
		expect(stdout).toBe(
			'big,d,nan,dec,unknown,empty,odd,list,yes\n9223372036854775807,-0.5,,1.50,,"","a,""b\nc","[1, NULL]",true\n',
		);
	});
	it("prints json with all digits, and no NaN", async () => {
		const { stdout } = await run({ query: values, format: "json" });
		expect(stdout).toBe(
			'[\n{"big":9223372036854775807,"d":-0.5,"nan":null,"dec":1.50,"unknown":null,"empty":"","odd":"a,\\"b\\nc","list":[1,null],"yes":true}\n]\n',
		);
		expect(JSON.parse(stdout)).toHaveLength(1);
	});
	it.each([
		["csv", "n\n"],
		["json", "[]\n"],
	] as const)("prints no rows as %s", async (format, expected) => {
		expect((await run({ query: "SELECT 1 AS n WHERE false", format })).stdout).toBe(expected);
	});
	it("sends no control character to a terminal, and every byte to a file", async () => {
		const query = "SELECT chr(27) || '[31m' || chr(155) AS c";
		for (const format of ["csv", "json", "table"] as const)
			expect((await run({ query, format }, "", true)).stdout.replace(/\u001b\[\d\d?m/g, "")).not.toMatch(
				/[\u001b\u009b]/,
			);
		expect((await run({ query, format: "csv" })).stdout).toBe("c\n\u001b[31m\u009b\n");
	});
	it("streams many rows in order", async () => {
		const { stdout, stderr } = await run({ query: "SELECT * FROM range(50000) t(n)", format: "csv" });
		const lines = stdout.trimEnd().split("\n");
		expect(lines.length).toBe(50_001);
		expect(lines.every((l, k) => l === (k === 0 ? "n" : String(k - 1)))).toBe(true);
		expect(stderr).toMatch(/^50\u202f000 rows in /);
	});
	it("reads the query from a file or standard input", async () => {
		const file = join(out, "q.sql");
		writeFileSync(file, "SELECT 7 AS n;\n");
		for (const command of [{ file }, { query: "-" }, { file: "-" }])
			expect((await run({ ...command, format: "csv" }, "SELECT 7 AS n")).stdout).toBe("n\n7\n");
	});
	it("writes files whole; the ending says the format", async () => {
		const parquet = join(out, "x.parquet");
		const r = await run({ query: "SELECT tid, name FROM thread ORDER BY tid", out: parquet });
		expect(r.stdout).toBe("");
		expect(readFileSync(parquet).subarray(0, 4).toString()).toBe("PAR1");
		await run({ query: "SELECT 1 AS n", out: join(out, "x.csv") });
		expect(readFileSync(join(out, "x.csv"), "utf8")).toBe("n\n1\n");
	});
	it("leaves an old file as it was when the query fails", async () => {
		const file = join(out, "old.csv");
		writeFileSync(file, "old");
		const query = "SELECT CASE WHEN n > 40000 THEN error('late') ELSE n END FROM range(50000) t(n)";
		await failure({ query, out: file });
		expect(readFileSync(file, "utf8")).toBe("old");
		expect(readdirSync(out).filter((f) => f.endsWith(".tmp"))).toEqual([]);
	});
	it("writes nothing into the dataset", async () => {
		const error = await failure({ query: "SELECT 1", out: join(dataset, "x.parquet") });
		expect(error.code).toBe(exitCode.usage);
		expect(readdirSync(dataset).filter((f) => f.includes("x.parquet"))).toEqual([]);
	});
	it("knows the views of all topics", async () => {
		expect((await run({ query: "SELECT count(*) > 0 AS n FROM run_queue_wait", format: "csv" })).stdout).toBe(
			"n\ntrue\n",
		);
	});
	it.each([
		["wrong SQL", { query: "SELEC 1" }, exitCode.usage],
		["no query", {}, exitCode.usage],
		["two queries", { query: "SELECT 1", file: "x.sql" }, exitCode.usage],
		["parquet to a terminal", { query: "SELECT 1", format: "parquet" }, exitCode.usage],
		["an unknown format", { query: "SELECT 1", format: "xml" as never }, exitCode.usage],
		["no such query file", { file: "/nowhere/x.sql" }, exitCode.unreadable],
		["no such folder", { query: "SELECT 1", out: "/nowhere/x.csv" }, exitCode.environment],
		["an abort", { query: "SELECT 1", signal: AbortSignal.abort() }, exitCode.interrupted],
	] as const)("fails with its exit code for %s", async (_, command, code) => {
		expect((await failure(command)).code).toBe(code);
	});
});
