/**
 * Notebook files (nbformat 4, as nbformat 4.5's schema describes them): reading, and writing so that the same content
 * gives the same bytes.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";
import { kernelInfo } from "../protocol/info.ts";
import type { Output } from "../session/messages.ts";

/** An output as it is saved: what changes outputs (update, clear) is applied before. */
export type SavedOutput =
	| { output_type: "stream"; name: "stdout" | "stderr"; text: string }
	| { output_type: "display_data"; data: Record<string, unknown>; metadata: Record<string, unknown> }
	| {
			output_type: "execute_result";
			data: Record<string, unknown>;
			metadata: Record<string, unknown>;
			execution_count: number | null;
	  }
	| Extract<Output, { output_type: "error" }>;

interface AnyCell {
	readonly id: string;
	readonly metadata: Readonly<Record<string, unknown>>;
	readonly source: string;
}

export interface CodeCell extends AnyCell {
	readonly cell_type: "code";
	readonly execution_count: number | null;
	readonly outputs: readonly SavedOutput[];
}

export interface TextCell extends AnyCell {
	readonly cell_type: "markdown" | "raw";
	/** Pictures that the text refers to, as the file has them. */
	readonly attachments?: unknown;
}

export type NotebookCell = CodeCell | TextCell;

export interface Notebook {
	readonly cells: readonly NotebookCell[];
	readonly metadata: Readonly<Record<string, unknown>>;
}

/** Name under which Jupyter finds the kernel (kernel/lab installs it). */
export const kernelName = "powerki";

/** `metadata` of a notebook for this kernel. */
export function notebookMetadata(): Record<string, unknown> {
	return {
		kernelspec: { display_name: "powerki", language: "typescript", name: kernelName },
		language_info: kernelInfo().language_info,
	};
}

/**
 * Reads a notebook; outputs that it holds are dropped: they come from an earlier run.
 * @throws PowerkiError (unreadable) if it is not there or no notebook of format 4; (usage) if it is for another language
 */
export function readNotebook(file: string): Notebook {
	const refuse = (why: string, cause?: unknown): PowerkiError =>
		new PowerkiError(exitCode.unreadable, `${basename(file)}: not a notebook that powerki can run`, [why], {
			cause,
		});
	let text: string;
	try {
		text = readFileSync(file, "utf8");
	} catch (error) {
		const code = (error as NodeJS.ErrnoException).code;
		throw refuse(
			code === "ENOENT"
				? `there is no file ${file}`
				: code === "EISDIR"
					? `${file} is a folder`
					: (error as Error).message,
			error,
		);
	}
	let json: unknown;
	try {
		json = JSON.parse(text);
	} catch (error) {
		throw refuse(`it is not JSON: ${(error as Error).message}`, error);
	}
	if (!isObject(json) || !Array.isArray(json.cells)) throw refuse("it has no list of cells");
	if (json.nbformat !== 4)
		throw refuse(`it has notebook format ${String(json.nbformat)}, powerki reads format 4`);
	const metadata = isObject(json.metadata) ? json.metadata : {};
	const spec = isObject(metadata.kernelspec) ? metadata.kernelspec : {};
	if (typeof spec.language === "string" && spec.language !== "typescript")
		throw new PowerkiError(exitCode.usage, `${basename(file)} is a notebook for ${spec.language}`, [
			"powerki runs notebooks of its own kernel: TypeScript and %%sql cells",
		]);
	const cells = json.cells.map((cell: unknown, index): NotebookCell => {
		if (!isObject(cell)) throw refuse(`cell ${index + 1} is no object`);
		const source = Array.isArray(cell.source) ? cell.source.join("") : cell.source;
		if (typeof source !== "string") throw refuse(`cell ${index + 1} has no source`);
		const own = {
			// 4.5 wants an id; older files have none.
			id: typeof cell.id === "string" ? cell.id : `cell-${index + 1}`,
			metadata: withoutRun(isObject(cell.metadata) ? cell.metadata : {}),
			source,
		};
		switch (cell.cell_type) {
			case "code":
				return { ...own, cell_type: "code", execution_count: null, outputs: [] };
			case "markdown":
			case "raw":
				return {
					...own,
					cell_type: cell.cell_type,
					...(cell.attachments === undefined ? {} : { attachments: cell.attachments }),
				};
			default:
				throw refuse(`cell ${index + 1} is of type ${String(cell.cell_type)}`);
		}
	});
	return { cells, metadata };
}

/** Text of the file, format 4.5: keys in one order, lines of text apart (as Jupyter writes them), one final newline. */
export function formatNotebook(notebook: Notebook): string {
	const cells = notebook.cells.map((cell) => ({
		...(cell.cell_type !== "code" && cell.attachments !== undefined ? { attachments: cell.attachments } : {}),
		cell_type: cell.cell_type,
		...(cell.cell_type === "code" ? { execution_count: cell.execution_count } : {}),
		id: cell.id,
		metadata: cell.metadata,
		...(cell.cell_type === "code" ? { outputs: cell.outputs.map(savedForm) } : {}),
		source: lines(cell.source),
	}));
	return `${JSON.stringify({ cells, metadata: { ...notebook.metadata, ...notebookMetadata() }, nbformat: 4, nbformat_minor: 5 }, null, 1)}\n`;
}

export function hasTag(cell: NotebookCell, tag: string): boolean {
	return Array.isArray(cell.metadata.tags) && cell.metadata.tags.includes(tag);
}

function savedForm(output: SavedOutput): unknown {
	switch (output.output_type) {
		case "stream":
			return { ...output, text: lines(output.text) };
		case "error":
			return output;
		default:
			return {
				...output,
				data: Object.fromEntries(
					Object.entries(output.data).map(([mime, content]) => [
						mime,
						typeof content === "string" ? lines(content) : content,
					]),
				),
			};
	}
}

function lines(text: string): string[] {
	return text === "" ? [] : text.split(/(?<=\n)/);
}

/** Times of an earlier run do not belong to this one. */
function withoutRun(metadata: Record<string, unknown>): Record<string, unknown> {
	const { execution: _execution, ExecuteTime: _time, ...rest } = metadata;
	return rest;
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
