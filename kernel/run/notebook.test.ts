import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";
import { formatNotebook, type Notebook, readNotebook } from "./notebook.ts";
import { OutputRecord } from "./outputs.ts";
import { parseAssignments, withParameters } from "./parameters.ts";

const folder = mkdtempSync(join(tmpdir(), "powerki-notebook-"));
afterAll(() => rmSync(folder, { recursive: true }));

function written(name: string, content: unknown): string {
	const file = join(folder, name);
	writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
	return file;
}

const code = (source: string, more: object = {}) => ({
	cell_type: "code",
	metadata: {},
	source,
	outputs: [],
	execution_count: null,
	...more,
});
const notebook = (...cells: object[]) => ({ cells, metadata: {}, nbformat: 4, nbformat_minor: 5 });

function refusal(work: () => unknown): PowerkiError {
	try {
		work();
	} catch (error) {
		if (error instanceof PowerkiError) return error;
		throw error;
	}
	throw new Error("was not refused");
}

describe("a notebook file", () => {
	it("loses the outputs, counts and times of earlier runs, and nothing else", () => {
		const file = written(
			"old.ipynb",
			notebook(
				{ cell_type: "markdown", id: "a", metadata: { tags: ["x"] }, source: ["# T\n", "text"] },
				code("1+1", {
					id: "b",
					metadata: { tags: ["y"], execution: { "iopub.status.busy": "2026-01-01" } },
					outputs: [{ output_type: "stream", name: "stdout", text: "old" }],
					execution_count: 7,
				}),
			),
		);
		const again = JSON.parse(formatNotebook(readNotebook(file)));
		expect(again.cells).toEqual([
			{ cell_type: "markdown", id: "a", metadata: { tags: ["x"] }, source: ["# T\n", "text"] },
			{
				cell_type: "code",
				id: "b",
				metadata: { tags: ["y"] },
				source: ["1+1"],
				outputs: [],
				execution_count: null,
			},
		]);
		expect(again.nbformat_minor).toBe(5);
		expect(again.metadata.kernelspec).toEqual({
			name: "powerki",
			display_name: "powerki",
			language: "typescript",
		});
	});

	it("gets ids where an older format had none, the same each time", () => {
		const file = written("noid.ipynb", notebook(code("1"), code("2")));
		expect(readNotebook(file).cells.map((c) => c.id)).toEqual(["cell-1", "cell-2"]);
	});

	it("is refused with the reason when it is none, or for another language", () => {
		expect(refusal(() => readNotebook(join(folder, "nowhere.ipynb"))).details[0]).toContain(
			"there is no file",
		);
		expect(refusal(() => readNotebook(written("text.ipynb", "hello"))).code).toBe(exitCode.unreadable);
		expect(
			refusal(() => readNotebook(written("three.ipynb", { cells: [], nbformat: 3 }))).details[0],
		).toContain("format 3");
		const python = { ...notebook(), metadata: { kernelspec: { language: "python" } } };
		expect(refusal(() => readNotebook(written("python.ipynb", python))).code).toBe(exitCode.usage);
	});
});

describe("outputs of a run", () => {
	it("are joined, updated and cleared as a frontend does", () => {
		const record = new OutputRecord();
		record.add(1, { output_type: "stream", name: "stdout", text: "a" }, 1);
		record.add(1, { output_type: "stream", name: "stdout", text: "b" }, 1);
		record.add(1, { output_type: "stream", name: "stderr", text: "c" }, 1);
		record.add(
			1,
			{
				output_type: "display_data",
				data: { "text/plain": "old" },
				metadata: {},
				transient: { display_id: "d" },
			},
			1,
		);
		record.add(
			2,
			{
				output_type: "update_display_data",
				data: { "text/plain": "new" },
				metadata: {},
				transient: { display_id: "d" },
			},
			2,
		);
		record.add(3, { output_type: "stream", name: "stdout", text: "gone" }, 3);
		record.add(3, { output_type: "clear_output", wait: true }, 3);
		record.add(3, { output_type: "execute_result", data: { "text/plain": "3" }, metadata: {} }, 3);
		expect(record.of(1)).toEqual([
			{ output_type: "stream", name: "stdout", text: "ab" },
			{ output_type: "stream", name: "stderr", text: "c" },
			{ output_type: "display_data", data: { "text/plain": "new" }, metadata: {} },
		]);
		expect(record.of(2)).toEqual([]);
		expect(record.of(3)).toEqual([
			{ output_type: "execute_result", data: { "text/plain": "3" }, metadata: {}, execution_count: 3 },
		]);
	});
});

describe("parameters", () => {
	const source = `let top = 10;
let name = "x";
let window: string | undefined;
const deep: boolean = false, rate: number | undefined = undefined;`;
	const book: Notebook = readNotebook(
		written(
			"p.ipynb",
			notebook(code("0"), code(source, { metadata: { tags: ["parameters"] } }), code("top")),
		),
	);
	const injected = (values: Record<string, string>) =>
		withParameters(book, values, "p.ipynb").cells[2]!.source;

	it("are declared again behind their cell, with the type that they have there", () => {
		expect(injected({ top: "7", name: "5", window: "1..2", deep: "true", rate: "1e3" }).split("\n")).toEqual([
			"let top: number = 7;",
			'let name: string = "5";',
			'let window: string | undefined = "1..2";',
			"let deep: boolean = true;",
			"let rate: number | undefined = 1000;",
		]);
	});

	it("leave the notebook as it is when none is given, and replace what an earlier run injected", () => {
		expect(withParameters(book, {}, "p.ipynb")).toBe(book);
		const once = withParameters(book, { top: "1" }, "p.ipynb");
		const twice = withParameters(once, { top: "2" }, "p.ipynb");
		expect(twice.cells.map((c) => c.source)).toEqual(["0", source, "let top: number = 2;", "top"]);
	});

	it("that do not exist, or are of another type, are refused by name", () => {
		const unknown = refusal(() => injected({ bottom: "1" }));
		expect(unknown.code).toBe(exitCode.usage);
		expect(unknown.details.join()).toContain("top, name, window, deep, rate");
		expect(refusal(() => injected({ top: "many" })).message).toBe('parameter top wants a number, not "many"');
		expect(refusal(() => parseAssignments(["top"])).code).toBe(exitCode.usage);
	});

	it("cannot bring code in", () => {
		const hostile = '"; process.exit(1); "';
		expect(injected({ name: hostile })).toBe(`let name: string = ${JSON.stringify(hostile)};`);
		expect(parseAssignments([`a=b=c\nd`])).toEqual({ a: "b=c\nd" });
	});
});
